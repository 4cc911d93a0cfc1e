/** lidar/ground --noise: points far below others, and far from others, as their definitions say; the same for any cut. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ground } from '../geospatial/jobs/ground.ts';
import { lowPoints, meanDistances, pointSet } from '../geospatial/kernels/outliers.ts';
import { onlyFile } from './cloudjobs.ts';
import { lasFile, random } from './lasfile.ts';
import { columnsOfFile } from './pointcolumns.ts';
import { isLong, shared } from './shared.ts';

const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
const lidar = join(folder ?? '', 'data/geospatial/lidar');

type Point = { x: number; y: number; z: number };
/** Hills with a wood, and points far below and above. */
function hills(count: number, side: number, seed: number): Point[] {
  const next = random(seed);
  return Array.from({ length: count }, (_, i) => {
    const [x, y] = [Math.round(side * 100 * next()) / 100, Math.round(side * 100 * next()) / 100];
    const z = 4 * Math.sin(x / 20) + (i % 5 === 0 ? 8 * next() : 0);
    const off = i % 97 === 0 ? -3 - 9 * next() : i % 101 === 0 ? 15 + 20 * next() : 0;
    return { x, y, z: Math.round(100 * (z + off)) / 100 };
  });
}
const spread = (points: readonly Point[]) => ({
  x: Float64Array.from(points, ({ x }) => x),
  y: Float64Array.from(points, ({ y }) => y),
  z: Float64Array.from(points, ({ z }) => z),
});

/** The definition itself. */
const plainMean = (points: readonly Point[], i: number, k: number, reach: number): number => {
  const p = points[i]!;
  const far = points
    .filter((_, j) => j !== i)
    .map((q) => Math.min(reach, Math.hypot(p.x - q.x, p.y - q.y, p.z - q.z)))
    .toSorted((a, b) => a - b);
  while (far.length < k) far.push(reach);
  return far.slice(0, k).reduce((a, b) => a + b, 0) / k;
};

test('mean distances are those of a search through all points, whatever the squares', () => {
  const points = hills(1500, 60, 2);
  // Some lie at one place.
  points.push(...points.slice(0, 20));
  for (const [k, reach, side] of [
    [8, 12, 3],
    [1, 5, 0.7],
    [20, 40, 9],
    [8, 1, 2],
  ] as const) {
    const found = meanDistances(spread(points), 700, k, reach, side);
    for (let i = 0; i < 700; i += 3) expect(found[i]).toBeCloseTo(plainMean(points, i, k, reach), 9);
  }
  expect(meanDistances(spread(points.slice(0, 2)), 2, 8, 30, 2)).toHaveLength(2);
});

test('low points: gap by gap from below, cell by cell', () => {
  const column = [0, 0.5, 2, 2.4, 9].map((z) => ({ x: 3, y: 4, z }));
  const deep = [-9, -5, -4.5, 1].map((z) => ({ x: 13, y: 4, z }));
  const alone = [{ x: 33, y: 4, z: -100 }];
  const all = spread([...column, ...deep, ...alone]);
  expect(lowPoints(all, 10, 1, () => true)).toEqual([5]);
  expect(lowPoints(all, 10, 0.4, () => true)).toEqual([0, 1, 5, 6, 7]);
  expect(lowPoints(all, 10, 1, (c) => c !== 1)).toEqual([]);
});

test('a set of points has what was put in, and nothing else', () => {
  const next = random(6);
  const column = (): Int32Array<ArrayBuffer> =>
    Int32Array.from({ length: 5000 }, () => Math.floor((next() - 0.5) * 40));
  const [x, y, z] = [column(), column(), column()];
  const own = new Set(Array.from(x, (a, i) => `${a},${y[i]},${z[i]}`));
  const set = pointSet(x, y, z);
  let hits = 0;
  for (let i = 0; i < 20_000; i++) {
    const [a, b, c] = [0, 0, 0].map(() => Math.floor((next() - 0.5) * 40)) as [number, number, number];
    const isIn = own.has(`${a},${b},${c}`);
    expect(set.has(a, b, c)).toBe(isIn);
    if (isIn) hits++;
  }
  expect(hits).toBeGreaterThan(500);
});

const cloud = (points: readonly Point[]): Uint8Array => lasFile(points, { minor: 4, pdrf: 6 });
const classesOf = async (bytes: Uint8Array, given: object, cut?: object): Promise<number[]> =>
  (await columnsOfFile(await onlyFile(ground, { 'x.las': bytes }, given as never, cut as never)))['classes']!;

test('statistical: far from the mean by deviations; noise is no ground, and does not pull the ground down', async () => {
  const points = hills(2000, 70, 5);
  const found = await classesOf(cloud(points), { noise: 'statistical' });
  const spacing = Math.sqrt(
    ((Math.max(...points.map(({ x }) => x)) - Math.min(...points.map(({ x }) => x))) *
      (Math.max(...points.map(({ y }) => y)) - Math.min(...points.map(({ y }) => y)))) /
      points.length,
  );
  const means = points.map((_, i) => plainMean(points, i, 8, 32 * spacing));
  const mean = means.reduce((a, b) => a + b, 0) / means.length;
  const deviation = Math.sqrt(means.reduce((a, b) => a + (b - mean) ** 2, 0) / means.length);
  for (const [i, c] of found.entries()) expect([i, c === 7]).toEqual([i, means[i]! >= mean + 2 * deviation]);
  expect(found.filter((c) => c === 7).length).toBeGreaterThan(20);
  const untouched = await classesOf(cloud(points), { low: 1000 });
  const quiet = await classesOf(cloud(points), { noise: 'statistical', low: 1000 });
  const grounds = (classes: number[]): number => classes.filter((c) => c === 2).length;
  expect(grounds(quiet)).toBeGreaterThan(grounds(untouched));
});

test('elm: the low ones, and those alone', async () => {
  const points = hills(9000, 140, 6);
  const found = await classesOf(cloud(points), { noise: 'elm', 'elm-cell': 7, 'elm-threshold': 1.5 });
  const low = new Set(lowPoints(spread(points), 7, 1.5, () => true));
  expect(low.size).toBeGreaterThan(50);
  for (const [i, c] of found.entries()) expect([i, c === 7]).toEqual([i, low.has(i)]);
});

test.each(['elm', 'statistical'])(
  '%s where every point is to be left alone changes nothing',
  async (noise) => {
    const bytes = cloud(hills(300, 30, 8));
    for (let i = 0; i < 300; i++) bytes[375 + 30 * i + 16] = 7;
    expect(new Set(await classesOf(bytes, { noise }))).toEqual(new Set([7]));
  },
);

describe.skipIf(!folder)('real clouds', () => {
  const files = ['bcts/bcts_1.laz', ...(isLong ? ['bcts/bcts_2.laz'] : [])];
  let without: Promise<Uint8Array> | undefined;
  const clouds = Object.fromEntries(files.map((path) => [path, readFileSync(join(lidar, path))]));

  test.each(['elm', 'statistical'])(
    '%s over many tiles is that of one search, for any cut',
    async (noise) => {
      const given = { noise, 'elm-cell': 3, 'elm-threshold': 0.4 };
      const expected = await onlyFile(ground, clouds, given);
      const cut = { split: 90_000, later: 1, arity: 3 };
      expect(Buffer.compare(await onlyFile(ground, clouds, given, cut), expected)).toBe(0);
      const { x, y, z, classes } = await columnsOfFile(expected);
      const before = await columnsOfFile(await (without ??= onlyFile(ground, clouds, {})));
      const all = {
        x: Float64Array.from(x!, (v) => v * 0.01),
        y: Float64Array.from(y!, (v) => v * 0.01),
        z: Float64Array.from(z!, (v) => v * 0.01),
      };
      const isNoise = new Uint8Array(x!.length);
      if (noise === 'elm') for (const i of lowPoints(all, 3, 0.4, () => true)) isNoise[i] = 1;
      else {
        const span = (column: Float64Array): number =>
          column.reduce((a, b) => Math.max(a, b), -Infinity) -
          column.reduce((a, b) => Math.min(a, b), Infinity);
        const spacing = Math.sqrt((span(all.x) * span(all.y)) / x!.length);
        const means = meanDistances(all, x!.length, 8, 32 * spacing, 2 * spacing);
        const mean = means.reduce((a, b) => a + b, 0) / means.length;
        const deviation = Math.sqrt(means.reduce((a, b) => a + (b - mean) ** 2, 0) / means.length);
        for (const [i, far] of means.entries()) if (far >= mean + 2 * deviation) isNoise[i] = 1;
      }
      let differ = 0;
      for (const [i, c] of classes!.entries())
        if ((c === 7) !== (isNoise[i] === 1 || before['classes']![i] === 7)) differ++;
      expect(differ).toBe(0);
      expect(isNoise.reduce((a, b) => a + b, 0)).toBeGreaterThan(20);
    },
    60_000,
  );
});
