/** lidar/raster of points themselves: percentiles, spread, nearness, circles around cells, heights above the ground, canopies without pits. */
import { expect, test, vi } from 'vitest';
import { raster } from '../geospatial/jobs/raster.ts';
import { onlyFile, runClouds } from './cloudjobs.ts';
import { gdal, gdalMissing } from './gdal.ts';
import { lasFile, random } from './lasfile.ts';
import { levelsOf } from './surface.ts';

vi.setConfig({ testTimeout: 60_000 });

type Point = { x: number; y: number; z: number; kind?: number };

/** A cloud of format 6 in millimetres, `kind` its classes. */
function cloud(points: readonly Point[]): Uint8Array {
  const bytes = lasFile(points, { minor: 4, pdrf: 6, scale: [0.001, 0.001, 0.001] });
  for (const [i, { kind }] of points.entries()) bytes[375 + 30 * i + 16] = kind ?? 1;
  return bytes;
}
/** Points in millimetres, crowded here and scarce there, with a hole. */
function scattered(count: number, side: number, seed: number): Point[] {
  const next = random(seed);
  const whole = (n: number): number => Math.round(n * 1000) / 1000;
  return Array.from({ length: count }, () => {
    const [x, y] = [whole(side * next() ** 2), whole(side * next())];
    return { x, y, z: whole(20 * Math.sin(x / 9) + 5 * next()) };
  }).filter(({ x, y }) => Math.hypot(x - side / 2, y - side / 2) > side / 8);
}
type Grid = { width: number; height: number; west: number; north: number; values: ArrayLike<number> };
async function grid(bytes: Uint8Array): Promise<Grid> {
  const { levels, origin } = await levelsOf(bytes);
  const { width, height, values } = levels[0]!;
  return { width, height, values, west: origin[0]!, north: origin[1]! };
}

/** The definition itself: all points of a cell, or of the circle around its middle. */
function plain(
  points: readonly Point[],
  { width, height, west, north }: Grid,
  cell: number,
  radius: number,
  of: (values: number[], far: number[]) => number,
): number[] {
  const out: number[] = [];
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const [x, y] = [west + (column + 0.5) * cell, north - (row + 0.5) * cell];
      const near = points.filter((p) =>
        radius > 0
          ? Math.hypot(p.x - x, p.y - y) < radius
          : Math.floor((p.x - west) / cell) === column && Math.floor((north - p.y) / cell) === row,
      );
      const sorted = near.toSorted((a, b) => a.z - b.z);
      const far = sorted.map((p) => Math.hypot(p.x - x, p.y - y));
      out.push(
        near.length === 0
          ? NaN
          : of(
              sorted.map(({ z }) => z),
              far,
            ),
      );
    }
  return out;
}
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;
const percentile = (p: number) => (values: number[]) => {
  const at = ((values.length - 1) * p) / 100;
  const [low, high] = [values[Math.floor(at)]!, values[Math.ceil(at)]!];
  return low + (at - Math.floor(at)) * (high - low);
};
const idw = (power: number) => (values: number[], far: number[]) => {
  const weights = far.map((d) => d ** -power);
  return sum(values.map((v, i) => v * weights[i]!)) / sum(weights);
};
const definitions: { [product: string]: (values: number[], far: number[]) => number } = {
  max: (values) => values.at(-1)!,
  min: (values) => values[0]!,
  mean,
  count: (values) => values.length,
  stdev: (values) => Math.sqrt(mean(values.map((v) => (v - mean(values)) ** 2))),
  p1: percentile(1),
  p50: percentile(50),
  p95: percentile(95),
  idw: idw(2),
};

test.each([0, 1.7, 4])('every statistic is what its definition says, radius %d', async (radius) => {
  const points = scattered(3000, 40, 3);
  const given = { product: Object.keys(definitions).join(','), cell: 2, radius, power: 2 };
  const files = await runClouds(raster, { 'x.las': cloud(points) }, given);
  for (const [name, of] of Object.entries(definitions)) {
    const found = await grid(files.get(`.${name}.tif`)!);
    const expected = plain(points, found, 2, radius, of);
    let compared = 0;
    for (const [i, value] of expected.entries()) {
      if (value !== value)
        expect([name, i, found.values[i]]).toEqual([name, i, name === 'count' ? 0 : -9999]);
      else {
        expect(Math.abs(found.values[i]! - value)).toBeLessThan(2e-5);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(300);
  }
});

test.skipIf(gdalMissing)('gdal_grid and numpy give the same', async () => {
  const points = scattered(4000, 30, 9);
  const [cell, radius] = [1.5, 2.6];
  const names = ['idw', 'mean', 'max', 'count', 'p10', 'stdev'];
  const files = await runClouds(
    raster,
    { 'x.las': cloud(points) },
    { product: names.join(','), cell, radius, power: 1 },
  );
  const grids = await Promise.all(names.map((name) => grid(files.get(`.${name}.tif`)!)));
  const { width, height, west, north } = grids[0]!;
  const theirs = gdal<(number | null)[][]>(
    `from osgeo import ogr
cell, r, w, h, west, north = (given[k] for k in ('cell', 'radius', 'width', 'height', 'west', 'north'))
points = gdal.GetDriverByName('Memory').Create('points', 0, 0, 0); layer = points.CreateLayer('p', None, ogr.wkbPoint25D)
for x, y, z in given['points']:
    f = ogr.Feature(layer.GetLayerDefn()); f.SetGeometry(ogr.CreateGeometryFromWkt(f'POINT Z({x!r} {y!r} {z!r})')); layer.CreateFeature(f)
def grid(algorithm):
    out = gdal.Grid('', points, format='MEM', outputType=gdal.GDT_Float64, width=w, height=h,
        outputBounds=[west, north, west + w * cell, north - h * cell], algorithm=algorithm)
    return [None if v == -9999 else float(v) for v in out.ReadAsArray().ravel()]
circle = f'radius1={r}:radius2={r}:angle=0:min_points=0:nodata=-9999'
out = [grid(f'invdist:power=1:smoothing=0:max_points=0:{circle}'), grid(f'average:{circle}'), grid(f'maximum:{circle}'), grid(f'count:{circle}')]
p = np.array(given['points']); ten, spread = [], []
for row in range(h):
    for column in range(w):
        d = np.hypot(p[:, 0] - (west + (column + .5) * cell), p[:, 1] - (north - (row + .5) * cell)); z = p[d < r, 2]
        ten.append(float(np.percentile(z, 10)) if z.size else None); spread.append(float(np.std(z)) if z.size else None)
print(json.dumps(out + [ten, spread]))`,
    { cell, radius, width, height, west, north, points: points.map(({ x, y, z }) => [x, y, z]) },
  );
  for (const [k, name] of names.entries()) {
    let compared = 0;
    for (const [i, value] of theirs[k]!.entries()) {
      const own = grids[k]!.values[i]!;
      if (value === null || (name === 'count' && value === 0)) expect(own).toBe(name === 'count' ? 0 : -9999);
      else {
        expect([name, i, Math.abs(own - value) < 1e-4]).toEqual([name, i, true]);
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(250);
  }
});

test('circles and heights above the ground reach across tiles; any cut, the same bytes', async () => {
  const next = random(4);
  const points = Array.from({ length: 9000 }, (_, i): Point => {
    const [x, y] = [70 * next(), 62 * next()];
    const earth = 0.2 * x - 0.1 * y;
    return i % 3 === 0 ? { x, y, z: earth, kind: 2 } : { x, y, z: earth + 10 * next(), kind: 5 };
  });
  const bytes = cloud(points);
  // 700 by 620 cells: four tiles.
  const given = {
    product: 'p90,idw,count,max,pitfree',
    cell: 0.1,
    radius: 0.4,
    gap: 8,
    classes: [5],
    'above-ground': true,
  };
  const whole = await runClouds(raster, { 'x.las': bytes }, given);
  for (const cut of [
    { split: 500, later: 1 },
    { split: 2500, later: 64, arity: 2 },
  ]) {
    const parts = await runClouds(raster, { 'x.las': bytes }, given, cut);
    for (const [name, file] of whole)
      expect([name, Buffer.compare(parts.get(name)!, file)]).toEqual([name, 0]);
  }
  const top = await grid(whole.get('.max.tif')!);
  expect(top.width).toBeGreaterThan(600);
  const trees = points
    .filter(({ kind }) => kind === 5)
    .map(({ x, y, z }) => ({ x, y, z: z - (0.2 * x - 0.1 * y) }));
  let [compared, seam] = [0, 0];
  for (const { x, y } of trees.slice(0, 400)) {
    const [column, row] = [Math.floor((x - top.west) / 0.1), Math.floor((top.north - y) / 0.1)];
    const [midX, midY] = [top.west + (column + 0.5) * 0.1, top.north - (row + 0.5) * 0.1];
    const near = trees.filter((tree) => Math.hypot(tree.x - midX, tree.y - midY) < 0.4);
    const value = top.values[row * top.width + column]!;
    const isInside = x > 3 && x < 67 && y > 3 && y < 59;
    if (!isInside) continue;
    expect(Math.abs(value - Math.max(...near.map(({ z }) => z)))).toBeLessThan(0.01);
    compared++;
    if (Math.abs(column - 512) < 40 || Math.abs(row - 512) < 40) seam++;
  }
  expect(compared).toBeGreaterThan(300);
  expect(seam).toBeGreaterThan(20);
});

test('a canopy of cones with pits: pits are filled, tops stay, open ground is none', async () => {
  const next = random(12);
  const crowns = Array.from({ length: 40 }, () => ({ x: 60 * next(), y: 60 * next(), top: 8 + 12 * next() }));
  const canopy = (x: number, y: number): number =>
    Math.max(0, ...crowns.map((crown) => crown.top - 2 * Math.hypot(crown.x - x, crown.y - y)));
  const points = Array.from({ length: 60_000 }, (_, i): Point => {
    const [x, y] = [60 * next(), 60 * next()];
    const height = canopy(x, y);
    // Some pulses go through to the ground.
    return i % 4 === 0 || height < 1 ? { x, y, z: 0, kind: 2 } : { x, y, z: height, kind: 5 };
  });
  const given = { product: 'chm,pitfree,dtm', cell: 0.25, gap: 10, span: 0.75 };
  const files = await runClouds(raster, { 'x.las': cloud(points) }, given);
  const [raw, free] = await Promise.all(['chm', 'pitfree'].map((name) => grid(files.get(`.${name}.tif`)!)));
  let [pits, left, open] = [0, 0, 0];
  for (let i = 0; i < raw!.values.length; i++) {
    const x = raw!.west + ((i % raw!.width) + 0.5) * 0.25;
    const y = raw!.north - (Math.floor(i / raw!.width) + 0.5) * 0.25;
    if (x < 1 || y < 1 || x > 59 || y > 59) continue;
    const truth = canopy(x, y);
    const isPit = (value: number): boolean => value < truth - 3;
    if (truth > 5 && raw!.values[i] !== -9999 && isPit(raw!.values[i]!)) pits++;
    if (truth > 5 && isPit(free!.values[i]!)) left++;
    expect(free!.values[i]!).toBeLessThan(truth + 2.5);
    if (truth === 0 && free!.values[i]! < 1.5) open++;
  }
  expect(pits).toBeGreaterThan(400);
  expect(left).toBeLessThan(0.02 * pits);
  expect(open).toBeGreaterThan(500);
});

test('options that do not fit are one line; an unknown product is named', async () => {
  const bytes = cloud(scattered(100, 10, 1));
  for (const product of ['p0', 'p100', 'p5,p5', 'p1.5', 'pits'])
    await expect(onlyFile(raster, { 'x.las': bytes }, { product })).rejects.toThrow(
      /^option product: found .*expected some of dsm, .* or like /,
    );
});
