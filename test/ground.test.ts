/** lidar/ground: every point kept, in its order, with the same classes however the work is cut; and how well it does on labelled samples. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ground } from '../geospatial/jobs/ground.ts';
import { index } from '../geospatial/jobs/index.ts';
import { findCloth, findGround, laddersOf } from '../geospatial/kernels/ground.ts';
import { groundUrl } from '../geospatial/kernels/modules.ts';
import { concatenated, linesOf, onlyFile, plainRecords } from './cloudjobs.ts';
import { samplesIn, score, scoreOf, tunedSets } from './groundtruth.ts';
import { lasFile, random } from './lasfile.ts';
import { columnsOfFile } from './pointcolumns.ts';
import { shared } from './shared.ts';

const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
const lidar = join(folder ?? '', 'data/geospatial/lidar');
const load = (path: string): Uint8Array => readFileSync(join(lidar, path));
const same = (found: Uint8Array, expected: Uint8Array): number => Buffer.compare(found, expected);

/** Hills, a house of 12 by 9 and 6 high, a tree of many returns, pits: points at random, in f64 metres. */
function village(
  count: number,
  seed: number,
): { points: { x: number; y: number; z: number }[]; isGround: boolean[] } {
  const next = random(seed);
  const isGround: boolean[] = [];
  const points = Array.from({ length: count }, () => {
    const [x, y] = [80 * next(), 60 * next()];
    const earth = 3 * Math.sin(x / 15) + 2 * Math.cos(y / 11);
    const isHouse = x > 20 && x < 32 && y > 20 && y < 29;
    const isTree = Math.hypot(x - 55, y - 40) < 6 && next() < 0.7;
    const isPit = next() < 0.0005;
    isGround.push(!isHouse && !isTree && !isPit);
    return { x, y, z: earth + (isHouse ? 6 : isTree ? 2 + 8 * next() : isPit ? -9 : 0.05 * next()) };
  });
  return { points, isGround };
}

test('a made village comes apart, and its points stay as they are but for their class', async () => {
  const { points, isGround } = village(40_000, 3);
  const bytes = lasFile(points, { minor: 4, pdrf: 7, extra: 2, offset: [10, -20, 1] });
  const found = await onlyFile(ground, { 'x.las': bytes });
  const { classes } = await columnsOfFile(found);
  const { kappa } = scoreOf(
    classes!.map((c) => c !== 2),
    isGround.map((is) => !is),
  );
  expect(kappa).toBeGreaterThan(95);
  const how = { without: ['classes'], isSorted: false };
  expect(await linesOf(found, how)).toEqual(await linesOf(bytes, how));
  for (const cut of [
    { split: 400, later: 1 },
    { split: 7000, later: 100_000, arity: 3 },
    { split: 1e9, later: 1e9 },
  ])
    expect(same(await onlyFile(ground, { 'x.las': bytes }, {}, cut), found)).toBe(0);
  // Two files, cut where a chunk of the output is not.
  const some = [points.slice(0, 12_345), points.slice(12_345)].map((part) =>
    lasFile(part, { minor: 4, pdrf: 7, extra: 2, offset: [10, -20, 1] }),
  );
  const parts = { 'a.las': some[0]!, 'b.las': some[1]! };
  expect(same(await onlyFile(ground, parts, {}, { split: 3000, later: 1 }), found)).toBe(0);
});

test('the progressive filter: windows and heights of Zhang 2003, the same for any cut', async () => {
  const given = { slope: 1, low: 5, 'max-window': 33, 'initial-distance': 0.15, 'max-distance': 2.5 };
  expect(laddersOf(given, 1)).toEqual([
    { radius: 1, most: 0.15 },
    { radius: 2, most: 2.15 },
    { radius: 4, most: 2.5 },
    { radius: 8, most: 2.5 },
    { radius: 16, most: 2.5 },
  ]);
  const { points, isGround } = village(20_000, 5);
  const bytes = lasFile(points, { minor: 4, pdrf: 6 });
  const options = { method: 'pmf', slope: 0.5, 'initial-distance': 0.6 };
  const found = await onlyFile(ground, { 'x.las': bytes }, options);
  const { classes } = await columnsOfFile(found);
  expect(
    scoreOf(
      classes!.map((c) => c !== 2),
      isGround.map((is) => !is),
    ).kappa,
  ).toBeGreaterThan(85);
  const cut = { split: 900, later: 1 };
  expect(same(await onlyFile(ground, { 'x.las': bytes }, options, cut), found)).toBe(0);
});

test('the cloth rests on a plain and passes below what stands on it; the same for any cut', async () => {
  const module = new WebAssembly.Module(readFileSync(groundUrl()));
  const grid = { west: 0, north: 60, cell: 1, width: 80, height: 60 };
  const earthOf = (i: number): number => 3 + 0.05 * (i % 80) - 0.02 * Math.floor(i / 80);
  const isHouse = (i: number): boolean => i % 80 > 30 && i % 80 < 42 && i > 20 * 80 && i < 34 * 80;
  const options = { low: 5, step: 0.65, rigidness: 3, iterations: 500, hdiff: 0.3 };
  const fill = (heights: Float32Array): void => {
    for (let i = 0; i < heights.length; i++)
      heights[i] = i % 7 === 0 ? NaN : earthOf(i) + (isHouse(i) ? 6 : 0);
  };
  for (const isRough of [true, false]) {
    const { heights } = findCloth(module, grid, fill, { ...options, 'no-smooth': isRough });
    let off = 0;
    for (const [i, height] of heights.entries()) {
      const far = Math.abs(height - earthOf(i));
      expect(far).toBeLessThan(isHouse(i) ? 0.6 : 0.5);
      if (far > 0.15) off++;
    }
    expect(off).toBeLessThan(isRough ? 700 : 260);
  }
  const { points, isGround } = village(20_000, 5);
  const bytes = lasFile(points, { minor: 4, pdrf: 6 });
  const found = await onlyFile(ground, { 'x.las': bytes }, { method: 'csf', rigidness: 1 });
  const { classes } = await columnsOfFile(found);
  const isObject = classes!.map((c) => c !== 2);
  expect(
    scoreOf(
      isObject,
      isGround.map((is) => !is),
    ).kappa,
  ).toBeGreaterThan(85);
  const cut = { split: 900, later: 1 };
  expect(same(await onlyFile(ground, { 'x.las': bytes }, { method: 'csf', rigidness: 1 }, cut), found)).toBe(
    0,
  );
});

test('options: classes that are ignored, returns, and a ground that is nowhere', async () => {
  const { points } = village(5000, 4);
  const bytes = lasFile(points, { minor: 4, pdrf: 6 });
  const { pointsOffset } = { pointsOffset: 375 };
  for (let i = 0; i < points.length; i++) {
    bytes[pointsOffset + 30 * i + 14] = i % 5 === 0 ? 0x21 : 0x22;
    bytes[pointsOffset + 30 * i + 16] = i % 7 === 0 ? 7 : 5;
  }
  const { classes } = await columnsOfFile(await onlyFile(ground, { 'x.las': bytes }));
  for (const [i, c] of classes!.entries()) {
    if (i % 7 === 0) expect(c).toBe(7);
    else if (i % 5 === 0) expect(c).toBe(1);
  }
  expect(classes!.filter((c) => c === 2).length).toBeGreaterThan(2000);
  const all = await columnsOfFile(await onlyFile(ground, { 'x.las': bytes }, { ignore: [], returns: 'all' }));
  expect(all['classes']!.filter((c) => c === 2).length).toBeGreaterThan(3000);
  const none = await columnsOfFile(await onlyFile(ground, { 'x.las': bytes }, { ignore: [5, 7] }));
  expect(none['classes']).toEqual(points.map((_, i) => (i % 7 === 0 ? 7 : 5)));
});

test('a ground of more cells than a memory holds is refused before any work', async () => {
  const far = [0, 1, 2e6].map((at) => ({ x: at, y: at / 10, z: 0 }));
  const bytes = lasFile(far, { minor: 4, pdrf: 6, scale: [0.01, 0.01, 0.01] });
  await expect(onlyFile(ground, { 'x.las': bytes })).rejects.toThrow(
    /^LAS: a ground of 2000001 x 200001 cells, expected at most 134217728; give a larger --cell, /,
  );
});

test('the kernel opens and fills as the plain form does', () => {
  const next = random(8);
  const module = new WebAssembly.Module(readFileSync(groundUrl()));
  for (const [width, height, window] of [
    [1, 1, 3],
    [1, 9, 2],
    [13, 1, 4],
    [37, 23, 5],
    [64, 40, 1],
    [21, 50, 11],
  ] as const) {
    const grid = { west: 0, north: 0, cell: 1, width, height };
    const raster = Float32Array.from({ length: width * height }, () =>
      next() < 0.2 ? NaN : Math.fround(20 * next() ** 6),
    );
    raster[0] = 1;
    const found = findGround(module, grid, (to) => to.set(raster), { slope: 0.15, window, low: 1e9 });
    // Cells that no opening lowers by much keep their height, all others lie between those.
    const objects = plainObjects(Float32Array.from(raster), width, height, window, 0.15);
    const kept = Array.from(raster).filter((v, i) => v === v && !objects[i]);
    if (raster.some((v) => v !== v)) {
      for (const value of found.heights) {
        expect(value).toBeGreaterThanOrEqual(Math.min(...kept) - 0.01);
        expect(value).toBeLessThanOrEqual(Math.max(...kept) + 0.01);
      }
      continue;
    }
    for (const [i, value] of raster.entries()) if (!objects[i]) expect(found.heights[i]).toBe(value);
  }
  const grid = { west: 0, north: 0, cell: 1, width: 41, height: 33 };
  const raster = Float32Array.from({ length: 41 * 33 }, () => Math.fround(30 * next() ** 4));
  const found = findGround(module, grid, (to) => to.set(raster), { slope: 0.3, window: 7, low: 1e9 });
  const objects = plainObjects(raster, 41, 33, 7, 0.3);
  for (const [i, value] of raster.entries())
    if (!objects[i]) expect(found.heights[i], `cell ${i}`).toBe(value);
  expect(objects.filter(Boolean).length).toBeGreaterThan(100);
});

/** Cells from which one of the growing openings takes too much; the naive form, of rasters without gaps. */
function plainObjects(
  raster: Float32Array,
  width: number,
  height: number,
  window: number,
  slope: number,
): boolean[] {
  let last = raster;
  const out = Array.from(raster, () => false);
  const sweep = (from: Float32Array, radius: number, best: (a: number, b: number) => number): Float32Array =>
    from.map((_, i) => {
      const [row, column] = [Math.floor(i / width), i % width];
      let value = from[i]!;
      for (let r = Math.max(0, row - radius); r <= Math.min(height - 1, row + radius); r++)
        for (let c = Math.max(0, column - radius); c <= Math.min(width - 1, column + radius); c++)
          if (radius === 1 || (r - row) ** 2 + (c - column) ** 2 <= radius ** 2)
            value = best(value, from[r * width + c]!);
      return value;
    });
  for (let radius = 1; radius <= window; radius++) {
    const opened = sweep(sweep(last, radius, Math.min), radius, Math.max);
    for (const [i, value] of last.entries())
      if (Math.fround(value - opened[i]!) > Math.fround(Math.fround(slope) * radius)) out[i] = true;
    last = opened;
  }
  return out;
}

describe.skipIf(!folder)('real clouds', () => {
  const isprs = join(lidar, 'isprs');
  const samples = folder ? samplesIn(isprs) : [];

  test('ISPRS: mean kappa of one set of parameters, and of those tuned to each sample', async () => {
    expect(samples.length).toBeGreaterThanOrEqual(10);
    const tuned = tunedSets(isprs);
    let [single, each] = [0, 0];
    for (const sample of samples) {
      single += (await score(isprs, sample, {})).kappa / samples.length;
      each += (await score(isprs, sample, tuned[sample]!)).kappa / samples.length;
    }
    console.warn(
      `ISPRS, ${samples.length} samples: mean kappa ${single.toFixed(2)}, tuned ${each.toFixed(2)}`,
    );
    expect(single).toBeGreaterThanOrEqual(85);
    expect(each).toBeGreaterThanOrEqual(88.3);
  });

  test('PMF is not worse than it was', async () => {
    let mean = 0;
    for (const sample of samples)
      mean += (await score(isprs, sample, { method: 'pmf' })).kappa / samples.length;
    expect(mean).toBeGreaterThan(75.9);
  });

  test('CSF is not worse than it was', async () => {
    const some = ['samp12', 'samp21', 'samp31', 'samp41', 'samp51'];
    let mean = 0;
    for (const sample of some) mean += (await score(isprs, sample, { method: 'csf' })).kappa / some.length;
    expect(mean).toBeGreaterThan(89.5);
  });

  test('AHN3: agreement with the national classes', async () => {
    const bytes = load('ahn/AHN3.laz');
    const truth = (await columnsOfFile(bytes))['classes']!;
    const { classes } = await columnsOfFile(await onlyFile(ground, { 'AHN3.laz': bytes }));
    // Water (9) is bare, too; 1 and 26 (bridges, quays) are not.
    const { kappa } = scoreOf(
      classes!.map((c) => c !== 2),
      truth.map((c) => c !== 2 && c !== 9),
    );
    console.warn(`AHN3: kappa ${kappa.toFixed(2)}`);
    expect(kappa).toBeGreaterThan(85);
  });

  test.each([
    'cloudbutton/lasfile-0000.las',
    'copc/rlas-example.copc.laz',
    'copc/autzen_clip_native.copc.laz',
    'formats/1815.laz',
    'formats/1_4_w_evlr.laz',
    'formats/32-1-472-150-76.laz',
    'formats/point-time-color.laz',
    'formats/point10-1.0.laz',
    'lidr/Megaplot.laz',
    'corrupt/gps-time-nan.las',
    'corrupt/bad-geotiff-keys.las',
    'formats/file_with_both_wkt_and_geotiff_vlrs.las',
  ])('%s keeps its points in their order', async (path) => {
    const bytes = load(path);
    const how = { without: ['classes'], isSorted: false };
    const expected = await linesOf(bytes, how);
    const found = await linesOf(await onlyFile(ground, { [path]: bytes }, { cell: 5 }), how);
    expect(found.length).toBe(expected.length);
    expect(found.findIndex((line, i) => line !== expected[i])).toBe(-1);
  });

  test('two files and the one that holds the points of both give the same', async () => {
    const [a, b] = ['bcts/bcts_1.laz', 'bcts/bcts_2.laz'].map(load) as [Uint8Array, Uint8Array];
    const records = await Promise.all([a, b].map(plainRecords));
    const whole = await concatenated([a, b], records);
    const given = { cell: 2, window: 10 };
    const two = await onlyFile(ground, { 'a.laz': a, 'b.laz': b }, given, { split: 1e5, later: 1e5 });
    expect(same(await onlyFile(ground, { 'ab.las': whole }, given), two)).toBe(0);
  }, 60_000);

  test('in their own order: the same from two files, from one, and from COPC; with the classes that they have in that of the files', async () => {
    const [a, b] = ['bcts/bcts_1.laz', 'bcts/bcts_2.laz'].map(load) as [Uint8Array, Uint8Array];
    const given = { cell: 2, window: 10, order: 'own' };
    const expected = await onlyFile(ground, { 'a.laz': a, 'b.laz': b }, given);
    const cut = { split: 1e5, later: 1e5, arity: 3 };
    expect(same(await onlyFile(ground, { 'b.laz': b, 'a.laz': a }, given, cut), expected)).toBe(0);
    const octree = await onlyFile(index, { 'a.laz': a, 'b.laz': b });
    expect(same(await onlyFile(ground, { 'x.copc.laz': octree }, given), expected)).toBe(0);
    const kept = await onlyFile(ground, { 'a.laz': a, 'b.laz': b }, { ...given, order: 'file' });
    expect(await linesOf(expected)).toEqual(await linesOf(kept));
  }, 60_000);
});
