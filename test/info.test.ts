/** lidar/info and lidar/stats: what headers say of every shared file, and what points come to by the plain form. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { readLas } from '../geospatial/formats/las.ts';
import { info } from '../geospatial/jobs/info.ts';
import { stats } from '../geospatial/jobs/stats.ts';
import { momentsOf, mergeMoments, spreadOf } from '../geospatial/kernels/moments.ts';
import { factsOf } from '../geospatial/lidar/facts.ts';
import { onlyFile } from './cloudjobs.ts';
import { lasFile, random, sourceOf } from './lasfile.ts';
import { columnsOfFile } from './pointcolumns.ts';
import { shared } from './shared.ts';

const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
const lidar = join(folder ?? '', 'data/geospatial/lidar');
const text = async (...args: Parameters<typeof onlyFile>): Promise<string> =>
  Buffer.from(await onlyFile(...args)).toString();

test('moments are exact in any order, for the largest numbers too', () => {
  const next = random(2);
  for (const scale of [1, 1000, 2 ** 31]) {
    const column = Int32Array.from({ length: 5000 }, () => Math.floor((next() - 0.5) * 2 * scale));
    const whole = momentsOf(column);
    let [sum, squares] = [0n, 0n];
    for (const value of column) [sum, squares] = [sum + BigInt(value), squares + BigInt(value) ** 2n];
    expect([whole.sum, whole.squares]).toEqual([String(sum), String(squares)]);
    expect(mergeMoments([momentsOf(column.slice(3000)), momentsOf(column.slice(0, 3000))])).toEqual(whole);
    const { mean, deviation } = spreadOf(whole, 0.5, 3);
    const plain = Array.from(column, (v) => v * 0.5 + 3);
    const average = plain.reduce((a, b) => a + b, 0) / plain.length;
    expect(mean).toBeCloseTo(average, 3);
    expect(
      deviation / Math.sqrt(plain.reduce((a, b) => a + (b - average) ** 2, 0) / plain.length),
    ).toBeCloseTo(1, 9);
  }
});

test('files of other scales are put together in units, and the text tells what JSON does', async () => {
  const points = Array.from({ length: 999 }, (_, i) => ({ x: i, y: 2 * i, z: i % 7 }));
  const clouds = {
    'a.las': lasFile(points, { minor: 4, pdrf: 7, scale: [0.1, 0.1, 0.1] }),
    'b.las': lasFile(points, { minor: 2, pdrf: 1, scale: [0.25, 0.5, 0.01], offset: [5, 0, 0] }),
  };
  const given = await text(stats, clouds, {}, { split: 100 });
  expect(await text(stats, clouds)).toBe(given);
  expect(given).toMatch(/^points\t1998\n/);
  const row = (name: string): number[] =>
    new RegExp(`^${name}\\t(.*)$`, 'm').exec(given)![1]!.split('\t').map(Number);
  expect(row('x')[0]).toBe(0);
  expect(row('x')[1]).toBe(998);
  expect(row('x')[2]).toBeCloseTo(499, 6);
  expect(row('z')[2]).toBeCloseTo(points.reduce((sum, { z }) => sum + z, 0) / 999, 6);
  expect(given).toMatch(/classes\tpoints\n0\t1998\n/);
});

describe.skipIf(!folder)('real clouds', () => {
  const all = folder
    ? (readdirSync(lidar, { recursive: true }) as string[]).filter(
        (name) => /\.la[sz]$/.test(name) && !/bad_vlr|garbage/.test(name),
      )
    : [];
  test('every header is told, in one job', async () => {
    expect(all.length).toBeGreaterThan(40);
    const clouds = Object.fromEntries(all.map((path) => [path, readFileSync(join(lidar, path))]));
    const told = await text(info, clouds, {}, { split: 7 });
    expect(told.split('\n\n').length).toBe(all.length);
    for (const [path, bytes] of Object.entries(clouds)) {
      const las = await readLas(sourceOf(bytes), path);
      const facts = factsOf(las);
      expect(facts['points']).toBe(las.count);
      expect(told).toContain(`file\t${path}\nformat\t${facts['format'] as string}\npoints\t${las.count}\n`);
    }
    expect(told).toMatch(/format\tCOPC 1\.4/);
    expect(told).toMatch(/extra\tColors u16\[3\]; Reserved bytes; Flags i8\[2\]/);
  });

  test.each(['ahn/AHN3.laz', 'formats/pdrf8-1.4.laz', 'formats/point-color.laz'])(
    '%s: the plain form',
    async (path) => {
      const bytes = readFileSync(join(lidar, path));
      const columns = await columnsOfFile(bytes);
      const given = await text(stats, { [path]: bytes }, {}, { split: 20_000 });
      for (const [name, column] of [
        ['intensity', 'intensity'],
        ['class', 'classes'],
        ['point-source', 'source'],
        ['scan-angle', 'angle'],
      ] as const) {
        const [min, max, mean] = new RegExp(`^${name}\\t(.*)$`, 'm')
          .exec(given)![1]!
          .split('\t')
          .map(Number) as [number, number, number];
        const values = columns[column]!;
        expect([min, max]).toEqual([
          values.reduce((a, b) => Math.min(a, b)),
          values.reduce((a, b) => Math.max(a, b)),
        ]);
        expect(mean).toBeCloseTo(values.reduce((a, b) => a + b, 0) / values.length, 5);
      }
    },
  );
});
