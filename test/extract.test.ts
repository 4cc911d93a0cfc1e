/** lidar/extract: the points that lie in a box or in polygons, of classes and returns, each once and in their order; from an octree by few requests. */
import { expect, test } from 'vitest';
import fc from 'fast-check';
import { areaOf, isInside } from '../geospatial/kernels/polygon.ts';
import { readArea } from '../geospatial/formats/polygons.ts';
import { readLas } from '../geospatial/formats/las.ts';
import { extract } from '../geospatial/jobs/extract.ts';
import { index } from '../geospatial/jobs/index.ts';
import { queryRuns } from '../geospatial/lidar/nodequery.ts';
import { linesOf, onlyFile } from './cloudjobs.ts';
import { lasFile, random, sourceOf } from './lasfile.ts';
import { columnsOfFile } from './pointcolumns.ts';

/** A field of points with classes and returns, sorted by nothing. */
function field(count: number, seed: number): Uint8Array {
  const next = random(seed);
  const points = Array.from({ length: count }, () => ({ x: 200 * next(), y: 100 * next(), z: 10 * next() }));
  const bytes = lasFile(points, { minor: 4, pdrf: 6, extra: 2 });
  for (let i = 0; i < count; i++) {
    bytes[375 + 32 * i + 14] = [0x11, 0x12, 0x22, 0x23][i % 4]!;
    bytes[375 + 32 * i + 16] = i % 7;
    bytes[375 + 32 * i + 30] = i & 255;
  }
  return bytes;
}
const cloud = field(120_000, 1);
const octree = onlyFile(index, { 'x.las': cloud });

/** Numbers of the points of the field that are wanted. */
async function wanted(
  isWanted: (x: number, y: number, returns: number, kind: number) => boolean,
): Promise<string[]> {
  const { x, y, returns, classes } = await columnsOfFile(cloud);
  const lines = await linesOf(cloud, { isSorted: false });
  return lines.filter((_, i) => isWanted(x![i]! * 0.01, y![i]! * 0.01, returns![i]!, classes![i]!));
}

test('a box, classes and returns: from LAS in its order, from COPC the same points', async () => {
  const given = { bbox: '20.5,30,80.25,61', classes: [1, 2, 5], ignore: [5], returns: 'last' };
  const expected = await wanted(
    (x, y, r, c) => x >= 20.5 && x < 80.25 && y >= 30 && y < 61 && (c === 1 || c === 2) && (r & 15) >= r >> 4,
  );
  expect(expected.length).toBeGreaterThan(1000);
  const found = await onlyFile(extract, { 'x.las': cloud }, given);
  expect(await linesOf(found, { isSorted: false })).toEqual(expected);
  const las = await readLas(sourceOf(found), 'x');
  expect([las.count, las.recordLength]).toEqual([expected.length, 32]);
  for (const cut of [{ split: 1 }, { split: 40_000, arity: 2 }])
    expect(Buffer.compare(await onlyFile(extract, { 'x.las': cloud }, given, cut), found)).toBe(0);
  const tree = await octree;
  const some = await onlyFile(extract, { 'x.copc.laz': tree }, given);
  expect(await linesOf(some)).toEqual(expected.toSorted());
  expect(Buffer.compare(await onlyFile(extract, { 'x.copc.laz': tree }, given, { split: 5000 }), some)).toBe(
    0,
  );
});

test('nothing asked is everything, and a box without points is a file without any', async () => {
  expect(await linesOf(await onlyFile(extract, { 'x.las': cloud }), { isSorted: false })).toEqual(
    await linesOf(cloud, { isSorted: false }),
  );
  for (const file of [{ 'x.las': cloud }, { 'x.copc.laz': await octree }]) {
    const none = await onlyFile(extract, file, { bbox: '900,900,901,901' });
    expect((await readLas(sourceOf(none), 'x')).count).toBe(0);
    const gone = await onlyFile(extract, file, { classes: [99] });
    expect((await readLas(sourceOf(gone), 'x')).count).toBe(0);
  }
});

test('of an octree only what can be wanted is read, neighbours by one request', async () => {
  const tree = await octree;
  const source = sourceOf(tree);
  const las = await readLas(source, 'x');
  const box = { minX: 10, minY: 10, maxX: 30, maxY: 30 };
  const all = await queryRuns({ file: 0, source, las }, {}, 1e9);
  const some = await queryRuns({ file: 0, source, las }, { box }, 1e9);
  const coarse = await queryRuns({ file: 0, source, las }, { resolution: 20 }, 1e9);
  const points = (runs: typeof all): number => runs.reduce((sum, run) => sum + run.points, 0);
  expect(points(all)).toBe(120_000);
  expect(points(some)).toBeLessThan(100_000);
  expect(points(coarse)).toBeLessThan(points(some));
  expect(some.length).toBeLessThanOrEqual(4);
  expect(coarse.length).toBe(1);
});

test('a resolution takes levels of an octree, and is refused without one', async () => {
  const tree = await octree;
  const counts = [];
  for (const resolution of [100, 2, 1, 0.01]) {
    const found = await onlyFile(extract, { 'x.copc.laz': tree }, { resolution });
    counts.push((await readLas(sourceOf(found), 'x')).count);
  }
  expect(counts).toEqual(counts.toSorted((a, b) => a - b));
  expect(counts[0]).toBeLessThan(counts[3]!);
  expect(counts[3]).toBe(120_000);
  await expect(onlyFile(extract, { 'x.las': cloud }, { resolution: 1 })).rejects.toThrow(
    /no octree, which a resolution needs/,
  );
});

test('polygons with holes: each point of the plane in one of two neighbours', async () => {
  const text = JSON.stringify({
    type: 'FeatureCollection',
    features: [
      {
        type: 'Feature',
        properties: {},
        geometry: {
          type: 'Polygon',
          coordinates: [
            [
              [20, 20],
              [90, 20],
              [90, 80],
              [20, 80],
              [20, 20],
            ],
            [
              [40, 40],
              [40, 60],
              [60, 60],
              [60, 40],
              [40, 40],
            ],
          ],
        },
      },
      {
        type: 'Feature',
        properties: {},
        geometry: {
          type: 'MultiPolygon',
          coordinates: [
            [
              [
                [100, 0],
                [140, 50],
                [100, 100],
                [100, 0],
              ],
            ],
          ],
        },
      },
    ],
  });
  const bytes = new TextEncoder().encode(text);
  const area = await readArea(sourceOf(bytes), { uri: 'x.geojson' });
  const expected = await wanted((x, y) => isInside(area, x, y));
  expect(expected.length).toBeGreaterThan(10_000);
  expect(
    (await wanted((x, y) => x > 42 && x < 58 && y > 42 && y < 58)).some((line) => expected.includes(line)),
  ).toBe(false);
  const polygon = { uri: 'area.geojson', format: 'geojson', id: 'area', size: bytes.length };
  const others = { polygon: [polygon] };
  for (const clouds of [{ 'x.las': cloud }, { 'x.copc.laz': await octree }]) {
    const found = await onlyFile(extract, { ...clouds }, {}, {}, others, { 'area.geojson': bytes });
    expect(await linesOf(found)).toEqual(expected.toSorted());
  }
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 20 })), {
        minLength: 1,
        maxLength: 30,
      }),
      (places) => {
        const [left, right] = [
          areaOf([Float64Array.of(0, 0, 10, 0, 7, 20, 0, 20)]),
          areaOf([Float64Array.of(10, 0, 21, 0, 21, 20, 7, 20)]),
        ];
        for (const [x, y] of places)
          if (y < 20 && x < 21) expect(Number(isInside(left, x, y)) + Number(isInside(right, x, y))).toBe(1);
      },
    ),
    { seed: 3 },
  );
});

test.each([
  ['{', /no JSON/],
  ['{"type":"Point","coordinates":[1,2]}', /polygons: none in x.geojson/],
  ['{"type":"Polygon","coordinates":[[[1,2],[3,4]]]}', /ring 0 of too few places/],
  ['{"type":"Polygon","coordinates":[[[1,2],[3,4],["a",5]]]}', /ring 0/],
])('polygons that are none: %s', async (text, message) => {
  await expect(readArea(sourceOf(new TextEncoder().encode(text)), { uri: 'x.geojson' })).rejects.toThrow(
    message,
  );
});
