/** terrain/relief and terrain/contours: the numbers of gdaldem and gdal_contour, on their own results and on rasters of many tiles with gaps, and no seam between parts. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { BadInput } from '../core/errors.ts';
import { encodeTile, writeCog, type Raster } from '../geospatial/formats/cog.ts';
import { levels } from '../geospatial/kernels/pyramid.ts';
import { contours } from '../geospatial/jobs/contours.ts';
import { relief } from '../geospatial/jobs/relief.ts';
import { gdal, gdalMissing } from './gdal.ts';
import { random } from './lasfile.ts';
import { shared } from './shared.ts';
import { dataset, runJob } from './stage.ts';
import { levelsOf, type Level } from './surface.ts';

const work = mkdtempSync(join(tmpdir(), 'terrain-'));
afterAll(() => rmSync(work, { recursive: true }));
const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
const hasGdal = spawnSync('gdaldem', ['--version'], { encoding: 'utf8' }).stdout?.includes('GDAL') ?? false;
if (!hasGdal) console.warn('skipped: no gdaldem (Debian: gdal-bin)');

const derive = async (path: string, given: { [name: string]: string | number | boolean }, split?: number) =>
  (
    await runJob(relief, { dem: [await dataset(path)] }, given, split === undefined ? {} : { split })
  ).files.get('')!;
const first = async (bytes: Uint8Array): Promise<Level> => (await levelsOf(bytes)).levels[0]!;

/** Largest difference, of cells that both have; throws where one has a cell that the other has not. */
function difference(found: Level, expected: Level, none: number, isAngle = false): number {
  expect([found.width, found.height]).toEqual([expected.width, expected.height]);
  let most = 0;
  for (let i = 0; i < found.values.length; i++) {
    const [a, b] = [found.values[i]!, expected.values[i]!];
    if ((a === none) !== (b === none)) throw new Error(`cell ${i}: ${a}, expected ${b}`);
    const d = Math.abs(a - b);
    most = Math.max(most, isAngle && d > 180 ? 360 - d : d);
  }
  return most;
}

/** Hills with holes. */
async function hills(name: string, width: number, height: number, noise: number): Promise<string> {
  const next = random(5);
  const values = Float32Array.from({ length: width * height }, (_, i) => {
    const [x, y] = [i % width, Math.floor(i / width)];
    if (Math.hypot(x - width / 2, y - height / 2) < 9 || next() < 0.0005) return -9999;
    return 40 * Math.sin(x / 37) + 30 * Math.cos(y / 29) + (x > 900 ? 0 : noise * next());
  });
  const raster: Raster = {
    width,
    height,
    side: 512,
    bands: [{}],
    transform: [2, 0, 5e5, 0, -2, 4.6e6],
    type: 'Float32',
    nodata: -9999,
  };
  const shape = levels(raster);
  const tiles = shape.map(({ columns, rows }, level) =>
    Array.from({ length: columns * rows }, (_, k) => {
      const tile = new Float32Array(512 * 512).fill(-9999);
      // Overviews play no part here: they are empty.
      if (level === 0)
        for (let r = 0; r < 512; r++)
          for (let c = 0; c < 512; c++) {
            const [x, y] = [(k % columns) * 512 + c, Math.floor(k / columns) * 512 + r];
            if (x < width && y < height) tile[r * 512 + c] = values[y * width + x]!;
          }
      return encodeTile(tile);
    }),
  );
  const parts: Uint8Array[] = [];
  const sizes = tiles.map((some) => Uint32Array.from(some, ({ length }) => length));
  await writeCog(
    { write: async (bytes) => void parts.push(bytes) },
    raster,
    sizes,
    async (level, i) => tiles[level]![i]!,
  );
  const path = join(work, `${name}.tif`);
  writeFileSync(path, Buffer.concat(parts));
  return path;
}
// Three tiles by two.
const dem = await hills('dem', 1100, 700, 1);
const smooth = await hills('smooth', 260, 190, 0.05);

const modes = [
  ['hillshade', ['hillshade'], { azimuth: 315 }, 0, 1],
  [
    'hillshade',
    ['hillshade', '-az', '200', '-alt', '30', '-z', '2.5'],
    { azimuth: 200, altitude: 30, 'z-factor': 2.5 },
    0,
    1,
  ],
  ['hillshade', ['hillshade', '-compute_edges'], { edges: true }, 0, 1],
  ['multidirectional', ['hillshade', '-multidirectional'], {}, 0, 1],
  ['slope', ['slope'], {}, -9999, 0.01],
  ['slope', ['slope', '-compute_edges'], { edges: true }, -9999, 0.01],
  ['aspect', ['aspect'], {}, -9999, 0.01],
  ['roughness', ['roughness'], {}, -9999, 1e-4],
  ['tpi', ['TPI'], {}, -9999, 1e-4],
  ['tri', ['TRI', '-alg', 'Riley'], {}, -9999, 1e-3],
] as const;

describe.skipIf(!hasGdal)('as gdaldem has it', () => {
  test.each(modes)('%s %j', async (product, [mode, ...options], given, none, most) => {
    const path = join(work, 'peer.tif');
    const run = spawnSync('gdaldem', [mode, dem, path, ...options], { encoding: 'utf8' });
    expect(run.status, run.stderr).toBe(0);
    const found = await first(await derive(dem, { product, ...given }));
    expect(
      difference(found, await first(readFileSync(path)), none, product === 'aspect'),
    ).toBeLessThanOrEqual(most);
  });
});

test.each(['hillshade', 'slope'])('%s has no seam: the same bytes for any cut', async (product) => {
  const whole = await derive(dem, { product }, 1e6);
  for (const split of [1, 4]) expect(Buffer.compare(await derive(dem, { product }, split), whole)).toBe(0);
});

test('several products are files of their own, one cell is a raster, and what is none is refused', async () => {
  const { files } = await runJob(relief, { dem: [await dataset(dem)] }, { product: 'slope,tri' });
  expect([...files.keys()]).toEqual(['.slope.tif', '.tri.tif']);
  expect(Buffer.compare(files.get('.slope.tif')!, await derive(dem, { product: 'slope' }))).toBe(0);
  const bad = join(work, 'bad.tif');
  const bytes = readFileSync(dem);
  for (const cut of [
    new TextEncoder().encode('no TIFF at all'),
    bytes.subarray(0, 100),
    bytes.subarray(0, 5000),
  ]) {
    writeFileSync(bad, cut);
    const error = await derive(bad, {}).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(BadInput);
    expect((error as Error).message).toMatch(/^GeoTIFF: .*bad\.tif/);
    expect((error as Error).message).not.toContain('\n');
  }
});

describe.skipIf(!folder)('the expected results', () => {
  const at = (path: string): string => join(folder ?? '', 'data/geospatial', path);
  test.each([
    ['hillshade', {}, 'hillshade_horn', 0, 1],
    ['hillshade', { edges: true }, 'hillshade_edges', 0, 1],
    ['multidirectional', {}, 'hillshade_multi', 0, 1],
    ['slope', {}, 'slope', -9999, 0.01],
    ['aspect', {}, 'aspect', -9999, 0.01],
  ] as const)('%s %j', async (product, given, name, none, most) => {
    const bytes = await derive(at('satellite/lidar_rasters/dtm.tif'), { product, ...given });
    const expected = await first(readFileSync(at(`expected/terrain/dtm_${name}.tif`)));
    expect(difference(await first(bytes), expected, none, product === 'aspect')).toBeLessThanOrEqual(most);
  });
});

/** Length of all lines of each height. */
function lengths(text: string): { [elev: string]: number } {
  type Feature = { properties: { elev: number }; geometry: { coordinates: [number, number][] } };
  const out: { [elev: string]: number } = {};
  for (const { properties, geometry } of (JSON.parse(text) as { features: Feature[] }).features)
    for (const [i, [x, y]] of geometry.coordinates.entries()) {
      const [fromX, fromY] = geometry.coordinates[Math.max(0, i - 1)]!;
      out[properties.elev] = (out[properties.elev] ?? 0) + Math.hypot(x - fromX, y - fromY);
    }
  return out;
}
const lines = async (path: string, given: { [name: string]: number }, how = {}): Promise<string> =>
  Buffer.from((await runJob(contours, { dem: [await dataset(path)] }, given, how)).files.get('')!).toString();

function sameLengths(found: string, expected: string): void {
  const [a, b] = [lengths(found), lengths(expected)];
  expect(Object.keys(a).toSorted()).toEqual(Object.keys(b).toSorted());
  for (const [elev, length] of Object.entries(b))
    expect(Math.abs(a[elev]! - length), elev).toBeLessThan(1e-3 * length + 1e-3);
}

describe.skipIf(!hasGdal)('contours', () => {
  test.each([
    [20, 0],
    [7.5, 1.25],
    [1000, 500],
  ])('every %i from %f: heights and lengths of gdal_contour', async (interval, base) => {
    const path = join(work, `peer${interval}.geojson`);
    const run = spawnSync(
      'gdal_contour',
      ['-a', 'elev', '-i', `${interval}`, '-off', `${base}`, '-f', 'GeoJSON', smooth, path],
      { encoding: 'utf8' },
    );
    expect(run.status, run.stderr).toBe(0);
    sameLengths(await lines(smooth, { interval, base }), readFileSync(path, 'utf8'));
  });
});

test('contours are whole across parts: the same bytes for any cut', async () => {
  const whole = await lines(smooth, { interval: 20 }, { split: 1e6 });
  for (const how of [{ split: 1, arity: 16 }, { split: 60, arity: 2 }, { split: 333 }])
    expect(await lines(smooth, { interval: 20 }, how)).toBe(whole);
  const { features } = JSON.parse(whole) as { features: { geometry: { coordinates: [number, number][] } }[] };
  // Lines end at the raster's edge or around a gap; no two that could be one are left apart.
  const ends = features.flatMap(({ geometry: { coordinates: c } }) =>
    c[0]!.join() === c.at(-1)!.join() ? [] : [c[0]!.join(), c.at(-1)!.join()],
  );
  expect(new Set(ends).size).toBe(ends.length);
});

test.skipIf(gdalMissing).each([
  [0.25, 0],
  [300, 0],
  [1e5, 5e4],
])(
  'FlatGeobuf, every %f: GDAL reads the same lines, and finds by its index those that a box meets',
  async (interval, base) => {
    const given = { dem: [await dataset(smooth)] };
    const fgb = (await runJob(contours, given, { interval, base, format: 'flatgeobuf' })).files.get('')!;
    const path = join(work, `lines${interval}.fgb`);
    writeFileSync(path, fgb);
    const geojson = join(work, `lines${interval}.geojson`);
    writeFileSync(geojson, await lines(smooth, { interval, base }));
    const found = gdal<{ same: boolean; count: number; boxes: [number, number][]; crs: (string | null)[] }>(
      `from osgeo import ogr
a, b = (gdal.OpenEx(path, gdal.OF_VECTOR) for path in given)
la, lb = a.GetLayer(0), b.GetLayer(0)
def read(layer):
    return sorted((f['id'], f['elev'], [(round(x, 6), round(y, 6)) for x, y in f.GetGeometryRef().GetPoints()]) for f in layer)
ra, rb = read(la), read(lb)
same = len(ra) == len(rb) and all(p[:2] == q[:2] and len(p[2]) == len(q[2]) and max([abs(u - v) for s, t in zip(p[2], q[2]) for u, v in zip(s, t)], default=0) < 1e-5 for p, q in zip(ra, rb))
west, east, south, north = la.GetExtent() if ra else (0, 1, 0, 1)
boxes = []
for i in range(12):
    x, y = west + (east - west) * (i % 4) / 4, south + (north - south) * (i // 4) / 3
    box = (x, y, x + (east - west) / 9, y + (north - south) / 7)
    counts = []
    for layer in (la, lb):
        layer.SetSpatialFilterRect(*box); counts.append(sum(1 for f in layer)); layer.SetSpatialFilter(None)
    boxes.append(counts)
print(json.dumps(dict(same=same, count=len(ra), boxes=boxes, crs=[layer.GetSpatialRef() and layer.GetSpatialRef().GetAuthorityCode(None) for layer in (la, lb)])))`,
      [path, geojson],
    );
    expect(found.same).toBe(true);
    expect(found.count).toBeGreaterThanOrEqual(interval < 1 ? 300 : base === 0 ? 2 : 0);
    if (base > 0) expect(found.count).toBe(0);
    for (const [own, theirs] of found.boxes) expect(own).toBe(theirs);
    expect(found.crs[0]).toBeNull();
  },
);

test.skipIf(!folder)('contours of the expected result', async () => {
  const root = join(folder ?? '', 'data/geospatial');
  const found = await lines(join(root, 'satellite/lidar_rasters/dtm.tif'), { interval: 5 });
  const expected = readFileSync(join(root, 'expected/terrain/dtm_contour_5m.geojson'), 'utf8');
  sameLengths(found, expected);
  const count = (text: string): number => (JSON.parse(text) as { features: unknown[] }).features.length;
  expect(count(found)).toBe(count(expected));
  if (gdalMissing) return;
  const dem = join(root, 'satellite/lidar_rasters/dtm.tif');
  const path = join(work, 'expected.fgb');
  const given = { interval: 5, format: 'flatgeobuf' };
  writeFileSync(path, (await runJob(contours, { dem: [await dataset(dem)] }, given)).files.get('')!);
  const [own, theirs] = gdal<(string | null)[]>(
    `a, b = gdal.OpenEx(given[0], gdal.OF_VECTOR), gdal.Open(given[1])
print(json.dumps([s and s.GetAuthorityCode(None) for s in (a.GetLayer(0).GetSpatialRef(), b.GetSpatialRef())]))`,
    [path, dem],
  );
  expect(own).toBe(theirs);
  expect(own).not.toBeNull();
});
