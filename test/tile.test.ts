/** lidar/tile: every point in exactly one half-open tile, the same bytes for any cut, order and form of the files; copies in a buffer. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readLas } from '../geospatial/formats/las.ts';
import { tile } from '../geospatial/jobs/tile.ts';
import { validateCopc } from '../geospatial/validate/copc.ts';
import { concatenated, linesOf, plainRecords, runClouds } from './cloudjobs.ts';
import { lasFile, random, sourceOf } from './lasfile.ts';
import type { Files } from './laws.ts';
import { columnsOfFile, lazModule } from './pointcolumns.ts';
import { shared } from './shared.ts';

const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
const lidar = join(folder ?? '', 'data/geospatial/lidar');
const load = (path: string): Uint8Array => readFileSync(join(lidar, path));

async function allLines(files: Files): Promise<string[]> {
  const lines: string[] = [];
  // One after the other: they share a kernel.
  for (const bytes of files.values()) for (const line of await linesOf(bytes)) lines.push(line);
  return lines.sort();
}

/** Points on a jittered lattice, many of them on edges of tiles, with times out of order. */
function lattice(count: number, seed: number): Uint8Array {
  const next = random(seed);
  const points = Array.from({ length: count }, () => ({
    x: Math.round(400 * next()) / 4 - 30,
    y: Math.round(400 * next()) / 4,
    z: Math.round(100 * next()) / 10,
  }));
  const bytes = lasFile(points, { minor: 4, pdrf: 7, extra: 1, offset: [3, -2, 0] });
  const at = new DataView(bytes.buffer);
  for (let i = 0; i < count; i++) {
    at.setFloat64(375 + 37 * i + 22, Math.floor(200 * next()), true);
    at.setUint8(375 + 37 * i + 14, 0x11 + 0x11 * Math.floor(3 * next()));
    at.setUint8(375 + 37 * i + 36, Math.floor(256 * next()));
  }
  return bytes;
}

test('tiles as octrees: valid COPC, the points of the plain tiles, the same for any cut', async () => {
  const bytes = lattice(30_000, 5);
  const given = { length: 50, buffer: 3 };
  const plain = await runClouds(tile, { 'x.las': bytes }, given);
  const files = await runClouds(tile, { 'x.las': bytes }, { ...given, format: 'copc' });
  expect([...files.keys()]).toEqual([...plain.keys()].map((name) => name.replace('.laz', '.copc.laz')));
  for (const [name, found] of files) {
    expect(await validateCopc(sourceOf(found), name, lazModule)).toEqual([]);
    expect(await linesOf(found)).toEqual(await linesOf(plain.get(name.replace('.copc', ''))!));
  }
  const cut = { split: 700, later: 500 };
  const parts = await runClouds(tile, { 'x.las': bytes }, { ...given, format: 'copc' }, cut);
  for (const [name, found] of files) expect(Buffer.compare(parts.get(name)!, found)).toBe(0);
});

test('points on edges belong to the tile in the north-east, tiles lie on a global grid', async () => {
  const bytes = lattice(20_000, 1);
  const files = await runClouds(tile, { 'x.las': bytes }, { length: 25 });
  expect([...files.keys()]).toContain('_-50_0.laz');
  expect(await allLines(files)).toEqual(await linesOf(bytes));
  for (const [suffix, found] of files) {
    const [west, south] = suffix.slice(1, -4).split('_').map(Number) as [number, number];
    const las = await readLas(sourceOf(found), suffix);
    const { x, y, time } = await columnsOfFile(found);
    for (const [i, raw] of x!.entries()) {
      const [px, py] = [raw * 0.01 + 3, y![i]! * 0.01 - 2];
      expect(Math.floor(px / 25) * 25 === west && Math.floor(py / 25) * 25 === south).toBe(true);
      if (i > 0) expect(time![i]).toBeGreaterThanOrEqual(time![i - 1]!);
    }
    expect(las.min[0]).toBeCloseTo(Math.min(...x!) * 0.01 + 3, 9);
    expect(las.max[1]).toBeCloseTo(Math.max(...y!) * 0.01 - 2, 9);
    expect(las.byReturn.slice(1).reduce<number>((sum, n) => sum + n!, 0)).toBe(las.count);
  }
});

test('no cut, no order of points and no number of files shows', async () => {
  const bytes = lattice(9000, 2);
  const given = { length: 40 };
  const expected = await runClouds(tile, { 'x.las': bytes }, given, { split: 1e9, later: 1e9 });
  const check = (found: Files): void => {
    expect([...found.keys()]).toEqual([...expected.keys()]);
    for (const [name, file] of expected) expect(Buffer.compare(found.get(name)!, file), name).toBe(0);
  };
  for (const cut of [
    { split: 93, later: 1 },
    { split: 1300, later: 500, arity: 2 },
  ])
    check(await runClouds(tile, { 'x.las': bytes }, given, cut));
  const records = Array.from({ length: 9000 }, (_, i) => bytes.subarray(375 + 37 * i, 375 + 37 * (i + 1)));
  const next = random(9);
  const shuffled = records.map((record) => ({ record, at: next() })).sort((a, b) => a.at - b.at);
  const whole = await concatenated(
    [bytes],
    shuffled.map(({ record }) => record),
  );
  check(await runClouds(tile, { 'y.las': whole }, given, { split: 700 }));
  const halves = [records.slice(0, 4000), records.slice(4000)];
  const [a, b] = await Promise.all(halves.map((half) => concatenated([bytes], half)));
  check(await runClouds(tile, { 'a.las': a!, 'b.las': b! }, given, { split: 700 }));
});

test('a buffer copies what lies around, flagged as withheld, and owns none of it', async () => {
  const bytes = lattice(6000, 3);
  const given = { length: 25, buffer: 4 };
  const files = await runClouds(tile, { 'x.las': bytes }, given);
  const { x, y } = await columnsOfFile(bytes);
  for (const [suffix, found] of files) {
    const [west, south] = suffix.slice(1, -4).split('_').map(Number) as [number, number];
    const columns = await columnsOfFile(found);
    const inside = (by: number): number =>
      x!.filter((raw, i) => {
        const [px, py] = [raw * 0.01 + 3, y![i]! * 0.01 - 2];
        const column = (v: number) => Math.floor(v / 25) * 25;
        return (
          column(px - by) <= west &&
          column(px + by) >= west &&
          column(py - by) <= south &&
          column(py + by) >= south
        );
      }).length;
    expect(columns['x']!.length, suffix).toBe(inside(4));
    expect(columns['flags']!.filter((f) => (f & 4) === 0).length, suffix).toBe(inside(0));
  }
  const cut = await runClouds(tile, { 'x.las': bytes }, given, { split: 100, later: 1 });
  for (const [name, file] of files) expect(Buffer.compare(cut.get(name)!, file), name).toBe(0);
});

test('scales that differ meet in the finest, and what would change a coordinate is refused', async () => {
  const points = Array.from({ length: 50 }, (_, i) => ({ x: i, y: i / 2, z: i / 4 }));
  const coarse = lasFile(points, { minor: 4, pdrf: 6, scale: [0.25, 0.25, 0.25], offset: [100, 0, 0] });
  const fine = lasFile(points, { minor: 2, pdrf: 3, scale: [0.05, 0.05, 0.05], offset: [10, 5, 0] });
  const [found] = (await runClouds(tile, { 'a.las': coarse, 'b.las': fine }, { length: 1000 })).values();
  const { x } = await columnsOfFile(found!);
  expect(
    x!
      .map((raw) => raw * 0.05 + 10)
      .sort((a, b) => a - b)
      .map((v) => Math.round(v * 100) / 100),
  ).toEqual([...points, ...points].map((p) => p.x).sort((a, b) => a - b));
  expect((await readLas(sourceOf(found!), 'x')).pdrf).toBe(7);
  const odd = lasFile(points, { minor: 4, pdrf: 6, scale: [0.07, 0.05, 0.05] });
  await expect(runClouds(tile, { 'a.las': odd, 'b.las': fine }, {})).rejects.toThrow(
    /x of a.las has scale 0.07 .*expected coordinates that scale 0.05/,
  );
  const more = lasFile(points, { minor: 4, pdrf: 6, extra: 2, scale: [0.05, 0.05, 0.05] });
  await expect(runClouds(tile, { 'a.las': more, 'b.las': fine }, {})).rejects.toThrow(/extra bytes/);
  const here = lasFile(points, { minor: 4, pdrf: 6, wkt: 'LOCAL_CS["here"]' });
  const there = lasFile(points, { minor: 4, pdrf: 6, wkt: 'LOCAL_CS["there"]' });
  await expect(runClouds(tile, { 'a.las': here, 'b.las': there }, {})).rejects.toThrow(/expected one CRS/);
  const waves = lasFile(points, { minor: 4, pdrf: 9 });
  await expect(runClouds(tile, { 'w.las': waves }, {})).rejects.toThrow(/point format 9 with wave packets/);
  await expect(runClouds(tile, { 'b.las': fine }, { length: 10, buffer: 6 })).rejects.toThrow(/buffer of 6/);
});

describe.skipIf(!folder)('real clouds', () => {
  const all = folder
    ? (readdirSync(lidar, { recursive: true }) as string[])
        .filter(
          (name) => /\.la[sz]$/.test(name) && !/pdrf(4|10)-|corrupt|bcts|several|lone-star.laz/.test(name),
        )
        .toSorted()
    : [];
  test('there are some', () => expect(all.length).toBeGreaterThan(30));
  test.each(all)('%s: tiles hold its points, each once', async (path) => {
    const bytes = load(path);
    const { min, max } = await readLas(sourceOf(bytes), path);
    const length = Math.max(1e-3, (max[0] - min[0]) / 3, (max[1] - min[1]) / 3);
    const files = await runClouds(tile, { [path]: bytes }, { length }, { split: 30_000 });
    expect(await allLines(files)).toEqual(await linesOf(bytes));
  });

  test('two files and the one that holds the points of both give the same tiles', async () => {
    const [a, b] = ['bcts/bcts_1.laz', 'bcts/bcts_2.laz'].map(load) as [Uint8Array, Uint8Array];
    const whole = await concatenated([a, b], await Promise.all([a, b].map(plainRecords)));
    const two = await runClouds(tile, { 'a.laz': a, 'b.laz': b }, { length: 150 }, { split: 2e5 });
    const one = await runClouds(tile, { 'ab.las': whole }, { length: 150 });
    expect([...one.keys()]).toEqual([...two.keys()]);
    for (const [name, file] of one) expect(Buffer.compare(two.get(name)!, file), name).toBe(0);
  }, 60_000);
});
