/** lidar/raster: against the naive form, against rasters that others made, and the same bytes for any cut. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fromArrayBuffer } from 'geotiff';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { BadInput } from '../core/errors.ts';
import { resolve } from '../core/params.ts';
import { plan } from '../core/plan.ts';
import { raster } from '../geospatial/jobs/raster.ts';
import { gridOver, tileSide } from '../geospatial/kernels/grid.ts';
import { halve } from '../geospatial/kernels/overview.ts';
import type { Stat as AnyStat } from '../geospatial/kernels/piece.ts';
import { gdalMissing, validateCog } from './gdal.ts';
import type { Point, Shape } from './lasfile.ts';
import { lasFile, random, sourceOf } from './lasfile.ts';
import { shared } from './shared.ts';
import type { Cut, Files, Level, Options } from './surface.ts';
import { levelsOf, stageOf, tiff } from './surface.ts';

type Stat = Exclude<AnyStat, 'spots'>;

vi.setConfig({ testTimeout: 60_000 });

const stats: readonly Stat[] = ['max', 'min', 'mean', 'count'];

/** Points over an area of `width` by `height`, on its corners, on edges of cells and tiles, and many in one cell. */
function cloud(
  seed: number,
  count: number,
  west: number,
  south: number,
  width: number,
  height: number,
): Point[] {
  const next = random(seed);
  const out: Point[] = [];
  for (let i = 0; i < count; i++) {
    const [x, y] = [west + next() * width, south + next() * height];
    const kind = next();
    if (kind < 0.1) out.push({ x: Math.round(x), y: Math.round(y), z: 50 * next() });
    else if (kind < 0.2) out.push({ x: west + 10 + next(), y: south + 10 + next(), z: 50 * next() });
    else out.push({ x, y, z: 60 * next() - 30 });
  }
  for (const [x, y] of [
    [0, 0],
    [0, 1],
    [1, 0],
    [1, 1],
  ] as const)
    out.push({ x: west + x * width, y: south + y * height, z: 1 });
  return out;
}

const total = ({ values }: Level): number => {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
};

/** Cell by cell, with lists: what the job says it does, in the plainest form. */
function naive(
  clouds: readonly { points: readonly Point[]; shape: Shape }[],
  { cell, stat }: Options,
): Level {
  const all = clouds.flatMap(({ points, shape: { scale = [0.01, 0.01, 0.01], offset = [0, 0, 0] } }) => {
    const snap = (value: number, i: 0 | 1 | 2): number =>
      Math.round((value - offset[i]) / scale[i]) * scale[i] + offset[i];
    return points.map(({ x, y, z }): Point => ({ x: snap(x, 0), y: snap(y, 1), z: snap(z, 2) }));
  });
  const west = Math.floor(all.reduce((low, { x }) => Math.min(low, x), Infinity) / cell) * cell;
  const north = Math.ceil(all.reduce((top, { y }) => Math.max(top, y), -Infinity) / cell) * cell;
  const cells = new Map<string, number[]>();
  let [width, height] = [0, 0];
  for (const { x, y, z } of all) {
    const [column, row] = [Math.floor((x - west) / cell), Math.floor((north - y) / cell)];
    [width, height] = [Math.max(width, column + 1), Math.max(height, row + 1)];
    const key = `${column} ${row}`;
    const here = cells.get(key);
    if (here) here.push(z);
    else cells.set(key, [z]);
  }
  const values =
    stat === 'count' ? new Uint32Array(width * height) : new Float32Array(width * height).fill(-9999);
  for (const [key, heights] of cells) {
    const [column, row] = key.split(' ').map(Number) as [number, number];
    const sum = heights.reduce((a, b) => a + b, 0);
    const of = {
      max: Math.max(...heights),
      min: Math.min(...heights),
      mean: sum / heights.length,
      count: heights.length,
    };
    values[row * width + column] = of[stat as keyof typeof of];
  }
  return { width, height, values };
}

/** Whether they are equal; means may differ by the order of a sum of f64. */
function expectSame(found: Level, expected: Level, stat: Stat): void {
  expect([found.width, found.height]).toEqual([expected.width, expected.height]);
  let worst = 0;
  for (const [i, value] of expected.values.entries())
    worst = Math.max(worst, Math.abs(value - found.values[i]!));
  expect(worst).toBeLessThanOrEqual(stat === 'mean' ? 4e-6 : 0);
}

/** The same numbers to the bit: of millions of cells a comparison of bytes takes no time. */
const expectCells = (found: ArrayBufferView, expected: ArrayBufferView): void => {
  const [a, b] = [found, expected].map(({ buffer, byteOffset, byteLength }) =>
    Buffer.from(buffer, byteOffset, byteLength),
  );
  expect(a!.equals(b!)).toBe(true);
};

const shapes: readonly Shape[] = [
  { minor: 2, pdrf: 1, offset: [0, 0, 0] },
  { minor: 4, pdrf: 7, extra: 2, scale: [0.001, 0.001, 0.002], offset: [300, 5000, 7] },
];
// Three by two tiles and a bit at cells of 0.5, the seam of the files inside a tile.
const clouds = [
  { points: cloud(1, 6000, 300, 5000, 400, 250), shape: shapes[0]! },
  { points: cloud(2, 5000, 300, 5250, 650, 330), shape: shapes[1]! },
];
const files = {
  'a.las': lasFile(clouds[0]!.points, shapes[0]),
  'b.las': lasFile(clouds[1]!.points, shapes[1]),
};

describe.each(stats)('%s', (stat) => {
  const options = { cell: 0.5, stat };

  test('equals the naive form, and each overview the one below it', async () => {
    const { levels, origin, nodata } = await levelsOf(await tiff(files, options));
    expect(origin).toEqual([300, 5580]);
    expect(nodata).toBe(stat === 'count' ? null : -9999);
    expectSame(levels[0]!, naive(clouds, options), stat);
    expect(levels.length).toBe(3);
    for (const [i, { width, height, values }] of levels.slice(0, -1).entries())
      expectCells(levels[i + 1]!.values, halve(values, width, height, { nodata: nodata ?? undefined }));
    if (stat === 'count') expect(total(levels[0]!)).toBe(11_008);
  });

  test('the same bytes for any cut of points and tiles, any merge tree, and any order of the files', async () => {
    const whole = Buffer.from(await tiff(files, options));
    const cuts: Cut[] = [
      { split: 1e6 },
      { split: 3001, arity: 2 },
      { split: 113, arity: 3 },
      { split: 113, tiles: 1 },
    ];
    for (const cut of [...cuts, { split: 900, tiles: 4, arity: 1e9 }])
      expect(whole.equals(await tiff(files, options, cut)), JSON.stringify(cut)).toBe(true);
    expect(whole.equals(await tiff({ 'b.las': files['b.las'], 'a.las': files['a.las'] }, options))).toBe(
      true,
    );
  });
});

test('cuts into as many parts as it is told', async () => {
  const { host, stage } = stageOf(files, { cell: 0.5, stat: 'max' });
  const parts = async (split: number): Promise<number> => (await plan(stage, host.planning, { split })).parts;
  expect([await parts(1e6), await parts(3002), await parts(113)]).toEqual([2, 4, 54 + 45]);
});

test('more points than are sorted at once give the same', async () => {
  // A bowl: every point counts for max, min and mean.
  const side = 1030;
  const points = Array.from({ length: side * side }, (_, i): Point => {
    const [x, y] = [i % side, Math.floor(i / side)];
    return { x, y, z: Math.hypot(x - side / 2, y - side / 2) / 10 };
  });
  const bowl = { 'bowl.las': lasFile(points) };
  for (const stat of ['max', 'mean'] as const) {
    const options = { cell: 2, stat };
    const found = await tiff(bowl, options, { split: 1e7 });
    if (stat === 'max')
      expectSame((await levelsOf(found)).levels[0]!, naive([{ points, shape: {} }], options), stat);
    else expect(Buffer.from(found).equals(await tiff(bowl, options, { split: 1e5 }))).toBe(true);
  }
});

test('a few points over a huge area take no more than their tiles', async () => {
  const points = [
    { x: 0, y: 0, z: 5 },
    { x: 400_000, y: 300_000, z: -9999 },
    { x: 123_456, y: 7, z: 0 },
  ];
  const bytes = await tiff({ 'far.las': lasFile(points, { scale: [1, 1, 1] }) }, { cell: 1, stat: 'max' });
  // 460,000 tiles of which three have points: places and sizes of the others, no more.
  expect(bytes.length).toBeLessThan(12e6);
  const file = await fromArrayBuffer(new Uint8Array(bytes).buffer);
  const at = async (x: number, y: number): Promise<number> => {
    const [column, row] = [x, 300_000 - y];
    const [values] = (await (
      await file.getImage()
    ).readRasters({ window: [column, row, column + 1, row + 1] })) as unknown as [Float32Array];
    return values[0]!;
  };
  expect(await at(0, 0)).toBe(5);
  expect(await at(123_456, 7)).toBe(0);
  expect(await at(1, 1)).toBe(-9999);
  // The height that is the nodata value stays a height.
  expect(await at(400_000, 300_000)).toBeCloseTo(-9998.999, 3);
});

test('a point off the bounds by their rounding counts at the edge; one further off is refused', async () => {
  const points = [
    { x: 0, y: 0, z: 1 },
    { x: 9.99, y: 10, z: 2 },
    { x: 10, y: 10.01, z: 3 },
  ];
  const options = { cell: 1, stat: 'count' } as const;
  const rounded = lasFile(points, { bounds: [0.004, 9.996, 0.004, 10] });
  const { levels } = await levelsOf(await tiff({ 'r.las': rounded }, options));
  expect([levels[0]!.width, levels[0]!.height]).toEqual([10, 10]);
  expect(total(levels[0]!)).toBe(3);
  expect(levels[0]!.values[9]).toBe(2);
  const wrong = lasFile(points, { bounds: [0, 9.5, 0, 8] });
  await expect(tiff({ 'wrong.las': wrong }, options)).rejects.toThrow(
    /LAS: point 1 of wrong.las lies at 9.99, 10, expected 0 to 10, -1 to 8 as the headers say/,
  );
});

describe('what makes no surface is refused in one line', () => {
  const points = [{ x: 1, y: 2, z: 3 }];
  const good = lasFile(points);
  const utm = (zone: number): string =>
    `PROJCS["WGS 84 / UTM zone ${zone}N",GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433],AUTHORITY["EPSG","4326"]],PROJECTION["Transverse_Mercator"],UNIT["metre",1],AUTHORITY["EPSG","${32600 + zone}"]]`;
  const at = (zone: number) => lasFile(points, { minor: 4, pdrf: 6, wkt: utm(zone) });
  test.each<[string, Files, RegExp]>([
    [
      'no points',
      { 'e.las': lasFile([]), 'f.las': lasFile([]) },
      /LAS: no points in e.las, f.las, expected at least one/,
    ],
    [
      'two systems',
      { 'u17.las': at(17), 'u18.las': at(18) },
      /u17.las has WGS 84 \/ UTM zone 17N, u18.las has WGS 84 \/ UTM zone 18N, expected one CRS/,
    ],
    [
      'a system and none',
      { 'u17.las': at(17), 'good.las': good },
      /u17.las has WGS 84 \/ UTM zone 17N, good.las has no CRS/,
    ],
    [
      'more cells than fit',
      { 'big.las': lasFile([...points, { x: 2e7, y: 2e7, z: 0 }]) },
      /cells of 1 in big.las, expected at most 2\^40 cells; give a larger --cell/,
    ],
    [
      'a file cut off',
      { 'good.las': good, 'cut.las': lasFile(clouds[0]!.points).subarray(0, -1) },
      /cut.las is cut off/,
    ],
    [
      'heights that sum to more than is exact',
      { 'sum.las': lasFile(Array<Point>(5e6).fill({ x: 0, y: 0, z: 2e7 })) },
      /a cell of 5000000 points .* expected less than 2\^53/,
    ],
  ])('%s', async (_what, given, message) => {
    const failure: unknown = await tiff(given, { cell: 1, stat: 'mean' }).catch((error: unknown) => error);
    expect((failure as Error).message).toMatch(message);
    expect((failure as Error).message).not.toContain('\n');
  });
  test('before any memory is taken for it', async () => {
    const { host, stage } = stageOf(
      { 'big.las': lasFile([...points, { x: 2e7, y: 2e7, z: 0 }]) },
      { cell: 1e-6, stat: 'max' },
    );
    await expect(plan(stage, host.planning)).rejects.toThrow(BadInput);
  });
  test('but a file without points beside others is none the less', async () => {
    const found = await tiff({ 'u17.las': at(17), 'none.las': lasFile([]) }, { cell: 1, stat: 'max' });
    expect(Buffer.from(found).equals(await tiff({ 'u17.las': at(17) }, { cell: 1, stat: 'max' }))).toBe(true);
  });
});

test('grids end with the cell of their last point, and tiles are those of the file', () => {
  expect(tileSide).toBe(tileSide);
  const grid = (minX: number, maxX: number, cell: number) => gridOver({ minX, maxX, minY: 0, maxY: 1 }, cell);
  expect(grid(0, 10, 1)).toMatchObject({ west: 0, width: 11, north: 1, height: 2 });
  expect(grid(-0.5, 9.99, 1)).toMatchObject({ west: -1, width: 11 });
  expect(grid(0, 2 ** 31 - 2, 1)).toBeDefined();
  expect(grid(0, 2 ** 31 - 1, 1)).toBeUndefined();
  const square = (side: number) => gridOver({ minX: 0, minY: 0, maxX: side, maxY: side }, 1);
  expect(square(2 ** 20 - 1)).toMatchObject({ width: 2 ** 20, height: 2 ** 20 });
  expect(square(2 ** 20)).toBeUndefined();
});

const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
describe.skipIf(!folder)('real clouds', () => {
  const geospatial = join(folder ?? '', 'data/geospatial');
  const load = (...paths: string[]): Files =>
    Object.fromEntries(paths.map((path) => [basename(path), readFileSync(join(geospatial, 'lidar', path))]));
  const expected = (path: string) => levelsOf(readFileSync(join(geospatial, path)));
  const work = mkdtempSync(join(tmpdir(), 'dsm-'));
  afterAll(() => rmSync(work, { recursive: true }));

  test.each(
    [...stats, 'intensity' as const].flatMap((stat) => [
      ['AHN3', 'ahn/AHN3.laz', 2, stat] as const,
      ['Megaplot', 'lidr/Megaplot.laz', 1, stat] as const,
    ]),
  )('%s (%s) at %i m: %s equals numpy', async (name, path, cell, stat) => {
    const bytes = await tiff(load(path), { cell, stat });
    const found = await levelsOf(bytes);
    const reference = await expected(
      `expected/lidar_rasters/${name}_${stat === 'count' ? stat : stat === 'intensity' ? 'imean' : `z${stat}`}.tif`,
    );
    expect(found.origin).toEqual(reference.origin);
    const [{ values }] = reference.levels as [Level];
    const none = stat === 'count' ? 0 : -9999;
    const wanted = stat === 'count' ? new Uint32Array(values.length) : new Float32Array(values.length);
    for (const [i, v] of values.entries()) wanted[i] = v === reference.nodata ? none : v;
    expectCells(found.levels[0]!.values, wanted);
    if (gdalMissing || name !== 'AHN3') return;
    const file = join(work, `${name}-${stat}.tif`);
    writeFileSync(file, bytes);
    expect(validateCog(file)).toMatch(/^\S+ is a valid cloud optimized GeoTIFF/);
  });

  test('two neighbouring tiles at 5 m equal the surface that lasR made of them', async () => {
    const found = await levelsOf(
      await tiff(load('bcts/bcts_1.laz', 'bcts/bcts_2.laz'), { cell: 5, stat: 'max' }),
    );
    const whole = await expected('lidar/bcts/bcts_dsm_5m.tif');
    const [{ width, height, values }] = found.levels as [Level];
    const [left, top] = [
      (found.origin[0]! - whole.origin[0]!) / 5,
      (whole.origin[1]! - found.origin[1]!) / 5,
    ];
    let [compared, worst] = [0, 0];
    // Row 0 also has points of a third tile, at y = 629700.
    for (let row = 1; row < height; row++)
      for (let column = 0; column < width; column++) {
        const [ours, theirs] = [
          values[row * width + column]!,
          whole.levels[0]!.values[(row + top) * whole.levels[0]!.width + column + left]!,
        ];
        expect(ours === -9999).toBe(Number.isNaN(theirs));
        if (ours === -9999) continue;
        compared++;
        worst = Math.max(worst, Math.abs(ours - theirs));
      }
    expect(compared).toBeGreaterThan(4000);
    expect(worst).toBeLessThan(2e-5);
  });

  test.each(stats)('%s of LAZ, LAS and COPC is the same for any cut', async (stat) => {
    const inputs: [Files, number, number[]][] = [
      [load('formats/autzen_trim.laz'), 4, [1e6, 5e4]],
      [load('formats/autzen_trim.las'), 4, [1e6, 5e4, 997]],
      [load('copc/lone-star.copc.laz'), 0.02, [1e6, 1e5, 1e4]],
    ];
    const whole: Buffer[] = [];
    for (const [given, cell, splits] of inputs)
      for (const [i, split] of splits.entries()) {
        const bytes = Buffer.from(await tiff(given, { cell, stat }, { split, arity: 2 + i, tiles: 4 ** i }));
        if (i === 0) whole.push(bytes);
        else expect(bytes.equals(whole.at(-1)!), `split ${split}`).toBe(true);
      }
    expect(whole[0]!.equals(whole[1]!)).toBe(true);
    if (gdalMissing) return;
    const file = join(work, `copc-${stat}.tif`);
    writeFileSync(file, whole[2]!);
    expect(validateCog(file)).toMatch(/^\S+ is a valid cloud optimized GeoTIFF/);
  });

  test('parts read their own bytes and no header', async () => {
    const given = load('bcts/bcts_1.laz');
    const [name] = Object.keys(given) as [string];
    const { host, stage } = stageOf(given, { cell: 5, stat: 'max' });
    const source = sourceOf(given[name]!);
    const planning = { ...host.planning, open: async () => source };
    const { parts } = await raster.partition(
      stage.inputs,
      resolve(raster.params, { cell: 5 }),
      50_000,
      planning,
    );
    expect(parts.length).toBe(11);
    // Header and records, then the chunk table.
    expect(source.reads.length).toBe(2);
    expect(parts.map(({ run: { start, end } }) => end - start).reduce((a, b) => a + b, 0)).toBeLessThan(
      given[name]!.length,
    );
    for (const [i, { run }] of parts.entries()) {
      expect(run.start).toBe(i === 0 ? 1387 + 8 : parts[i - 1]!.run.end);
      expect(run.first).toBe(i * 50_000);
    }
  });
});
