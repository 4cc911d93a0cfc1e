/** synthetic/terrain: the same points from the same seed, an exact header, and a truth that lies under the points. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fromFile } from 'geotiff';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../core/json.ts';
import { resolve } from '../core/params.ts';
import { terrain } from '../datasets/terrain.ts';
import { readLas } from '../geospatial/formats/las.ts';
import { crsOf } from '../geospatial/formats/crs.ts';
import { gdalMissing, validateCog } from './gdal.ts';

const folder = mkdtempSync(join(tmpdir(), 'syntheticterrain-'));
afterAll(() => rmSync(folder, { recursive: true }));

const make = async (name: string, options: { readonly [option: string]: Json }): Promise<string> => {
  const at = join(folder, name);
  await terrain.make(at, resolve(terrain.params, options), () => {});
  return at;
};
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);

type Truth = {
  readonly bounds: readonly [number, number, number, number];
  readonly files: { readonly [name: string]: number };
  readonly classes: { readonly [code: string]: number };
  readonly returns: readonly number[];
};
const truthOf = (at: string): Truth => JSON.parse(readFileSync(join(at, 'truth.json'), 'utf8')) as Truth;

/** The points of a LAS 1.4 file of PDRF 6, by the specification's offsets alone. */
function parse(path: string) {
  const bytes = readFileSync(path);
  const start = bytes.readUInt32LE(96);
  const count = Number(bytes.readBigUInt64LE(247));
  expect([bytes.toString('latin1', 0, 4), bytes[24], bytes[25], bytes[104], bytes.readUInt16LE(105)]).toEqual(
    ['LASF', 1, 4, 6, 30],
  );
  expect(bytes.length).toBe(start + 30 * count);
  const world = (at: number, axis: number): number =>
    bytes.readInt32LE(at + 4 * axis) * bytes.readDoubleLE(131 + 8 * axis) +
    bytes.readDoubleLE(155 + 8 * axis);
  const points = Array.from({ length: count }, (_, i) => {
    const at = start + 30 * i;
    return {
      x: world(at, 0),
      y: world(at, 1),
      z: world(at, 2),
      return: bytes[at + 14]! & 15,
      returns: bytes[at + 14]! >> 4,
      isForward: (bytes[at + 15]! & 64) > 0,
      class: bytes[at + 16]!,
      angle: bytes.readInt16LE(at + 18),
      source: bytes.readUInt16LE(at + 20),
      time: bytes.readDoubleLE(at + 22),
    };
  });
  const header = {
    max: [179, 195, 211].map((at) => bytes.readDoubleLE(at)),
    min: [187, 203, 219].map((at) => bytes.readDoubleLE(at)),
    returns: Array.from({ length: 15 }, (_, i) => Number(bytes.readBigUInt64LE(255 + 8 * i))),
    legacy: bytes.readUInt32LE(107),
  };
  return { points, header };
}

/** Digests of what the files hold; a change of the generator changes them, and whatever is compared with older data. */
const golden = { las: '6bfc1eba3eb6dab7', json: 'f4e92d007ffcc1b4' };

describe('content', () => {
  test('is what it was: the same seed, the same bytes', async () => {
    const at = await make('golden', { points: 20_000 });
    expect({
      las: digest(readFileSync(join(at, 'terrain.las'))),
      json: digest(readFileSync(join(at, 'truth.json'))),
    }).toEqual(golden);
  });
  test('another seed gives another landscape', async () => {
    const at = await make('other', { points: 20_000, seed: 2 });
    expect(digest(readFileSync(join(at, 'terrain.las')))).not.toBe(golden.las);
  });
  test.each([1000, 1001, 33_333])('%i points, no more and no fewer', async (points) => {
    const at = await make(`count${points}`, { points, density: 2 });
    expect(parse(join(at, 'terrain.las')).points.length).toBe(points);
  });
});

describe('survey', () => {
  let at: string;
  let truth: Truth;
  let parsed: ReturnType<typeof parse>;
  beforeAll(async () => {
    at = await make('survey', { points: 400_000, seed: 4 });
    truth = truthOf(at);
    parsed = parse(join(at, 'terrain.las'));
  });
  const tally = (of: (point: ReturnType<typeof parse>['points'][number]) => number): Map<number, number> => {
    const counts = new Map<number, number>();
    for (const point of parsed.points) counts.set(of(point), (counts.get(of(point)) ?? 0) + 1);
    return counts;
  };

  test('the header says what the points are', () => {
    const { points, header } = parsed;
    const bound = (axis: 'x' | 'y' | 'z', pick: (a: number, b: number) => number): number =>
      points.reduce((found, point) => pick(found, point[axis]), points[0]![axis]);
    expect(header.min).toEqual([bound('x', Math.min), bound('y', Math.min), bound('z', Math.min)]);
    expect(header.max).toEqual([bound('x', Math.max), bound('y', Math.max), bound('z', Math.max)]);
    const returns = tally((point) => point.return);
    expect(header.returns).toEqual(Array.from({ length: 15 }, (_, i) => returns.get(i + 1) ?? 0));
    expect(header.returns.slice(0, 4)).toEqual(truth.returns);
    expect(header.legacy).toBe(0);
    const [west, south, east, north] = truth.bounds;
    expect(header.min[0]! >= west && header.min[1]! >= south).toBe(true);
    expect(header.max[0]! < east && header.max[1]! < north).toBe(true);
  });
  test('every class is there, as often as the truth says', () => {
    const counts = tally((point) => point.class);
    expect(Object.fromEntries([...counts].map(([code, n]) => [String(code), n]))).toEqual(truth.classes);
    for (const code of [2, 3, 5, 6, 7, 9]) expect(counts.get(code), `class ${code}`).toBeGreaterThan(0);
  });
  test('flight lines overlap, follow each other in time, and keep the returns of a pulse together', () => {
    const { points } = parsed;
    const lines = tally((point) => point.source);
    expect(lines.size).toBeGreaterThanOrEqual(2);
    expect(tally((point) => Number(point.isForward)).size).toBe(2);
    const cells = new Map<string, Set<number>>();
    const faults: number[] = [];
    for (const [i, point] of points.entries()) {
      const before = points[i - 1];
      const isSame = before !== undefined && point.time === before.time;
      const isNext = isSame
        ? point.return === before.return + 1 && point.returns === before.returns
        : point.return === 1 && (before === undefined || before.return === before.returns);
      const isLater = before === undefined || (point.time >= before.time && point.source >= before.source);
      if (!isNext || !isLater || Math.abs(point.angle) > 3334) faults.push(i);
      const cell = `${Math.floor(point.x / 10)} ${Math.floor(point.y / 10)}`;
      cells.set(cell, (cells.get(cell) ?? new Set()).add(point.source));
    }
    expect(faults).toEqual([]);
    const shared = [...cells.values()].filter((sources) => sources.size > 1).length / cells.size;
    expect(shared).toBeGreaterThan(0.05);
    expect(shared).toBeLessThan(0.6);
  });
  test('points are spread evenly: few square metres are empty', () => {
    const [west, south, east, north] = truth.bounds;
    const cells = new Set(parsed.points.map(({ x, y }) => `${Math.floor(x)} ${Math.floor(y)}`));
    expect(cells.size / ((east - west) * (north - south))).toBeGreaterThan(0.97);
  });
  test('the truth lies under the ground points, below the rest, and knows its place', async () => {
    const image = await (await fromFile(join(at, 'ground.tif'))).getImage();
    const values = (await image.readRasters({ interleave: true })) as Float32Array;
    const [width, height] = [image.getWidth(), image.getHeight()];
    const [west, south, east, north] = truth.bounds;
    expect(image.getBoundingBox()).toEqual([west, south, east, north]);
    expect(image.getGeoKeys()!['ProjectedCSTypeGeoKey']).toBe(25830);
    const heightAt = (x: number, y: number): number | undefined => {
      const [u, v] = [x - west - 0.5, north - y - 0.5];
      const [i, j] = [Math.floor(u), Math.floor(v)];
      if (i < 0 || j < 0 || i + 1 >= width || j + 1 >= height) return undefined;
      const [s, t] = [u - i, v - j];
      const value = (c: number, r: number): number => values[(j + r) * width + i + c]!;
      return (
        (value(0, 0) * (1 - s) + value(1, 0) * s) * (1 - t) + (value(0, 1) * (1 - s) + value(1, 1) * s) * t
      );
    };
    const lowest: { [code: number]: number } = { 3: 0.15, 5: 0.4, 6: 1.9 };
    let [checked, worst, sunken] = [0, 0, 0];
    for (const point of parsed.points) {
      const truthHeight = heightAt(point.x, point.y);
      if (truthHeight === undefined) continue;
      if (point.class === 2 || point.class === 9) {
        worst = Math.max(worst, Math.abs(point.z - truthHeight));
        checked++;
      } else if (point.class !== 7 && point.z - truthHeight < lowest[point.class]!) sunken++;
    }
    expect(sunken).toBe(0);
    expect(checked).toBeGreaterThan(100_000);
    // Measurement noise of 1.5 cm, and what a metre's cell cannot follow.
    expect(worst).toBeLessThan(0.3);
  });
  test.skipIf(gdalMissing)('GDAL finds the truth a valid COG', () => {
    expect(validateCog(join(at, 'ground.tif'))).toMatch(/is a valid cloud optimized GeoTIFF/);
  });
  test("the project's own reader finds the file, its CRS included", async () => {
    const bytes = readFileSync(join(at, 'terrain.las'));
    const source = {
      size: bytes.length,
      read: async (start: number, end: number) => bytes.subarray(start, end),
    };
    const las = await readLas(source, 'terrain.las');
    expect([las.minor, las.pdrf, las.count, las.recordLength]).toEqual([4, 6, 400_000, 30]);
    expect(crsOf(las.crs).keys!.epsg).toBe(25830);
  });
});

test('tiles hold the points of the one file, each those of its rectangle', async () => {
  const whole = parse(join(await make('whole', { points: 30_000 }), 'terrain.las')).points;
  const at = await make('tiles', { points: 30_000, tiles: 6 });
  const { files, bounds } = truthOf(at);
  expect(Object.keys(files).length).toBe(6);
  const [west, south, east, north] = bounds;
  const points = Object.entries(files).flatMap(([name, count]) => {
    const tile = parse(join(at, name)).points;
    expect(tile.length).toBe(count);
    const [, column, row] = /_(\d)_(\d)\.las$/.exec(name)!.map(Number);
    const places = tile.map(({ x, y }) => [
      Math.floor(((x - west) / (east - west)) * 3 + 1e-9),
      Math.floor(((y - south) / (north - south)) * 2 + 1e-9),
    ]);
    expect(new Set(places.map(String))).toEqual(new Set([`${column},${row}`]));
    return tile;
  });
  const key = ({ time, return: n, x, y, z }: (typeof points)[number]): string =>
    `${time} ${n} ${x} ${y} ${z}`;
  expect(points.map(key).toSorted()).toEqual(whole.map(key).toSorted());
});
