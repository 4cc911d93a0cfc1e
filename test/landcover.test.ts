/** satellite/landcover: sums that are exact in any order, rounds as Lloyd's, classes that were planted, and the same bytes however it is split. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BadInput } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { resolve, type Spec } from '../core/params.ts';
import { landcover } from '../geospatial/jobs/landcover.ts';
import {
  addSums,
  chanceOf,
  firstModel,
  inSteps,
  type Model,
  moved,
  nearest,
  noSums,
  type Sums,
} from '../geospatial/kernels/kmeans.ts';
import { catalog } from '../pipelines/catalog.ts';
import { type Bands, readRasters, scenesOf } from './bandfiles.ts';
import { gdalMissing } from './gdal.ts';
import { type Files, filesOf, hostOf } from './laws.ts';
import { random } from './lasfile.ts';
import { tiffFile } from './tiffile.ts';

/** Sums as whole numbers without end. */
const exact = ({ high, low }: Sums): bigint[] =>
  Array.from(high, (value, i) => BigInt(value) * 2n ** 32n + BigInt(low[i]!));

describe('sums', () => {
  const whole = fc.integer({ min: -(2 ** 31) + 1, max: 2 ** 31 - 1 });
  test('are exact in any order, however they are joined', () => {
    const values = fc.array(fc.oneof(whole, fc.constant(2 ** 31 - 1), fc.constant(1 - 2 ** 31)), {
      minLength: 1,
      maxLength: 60,
    });
    fc.assert(
      fc.property(values, fc.array(fc.nat(), { maxLength: 60 }), (all, turns) => {
        // Runs of up to 4096 cells come as one number.
        const leaves = all.map((value) => {
          const sums = noSums(1, 1);
          addSums(sums, Float64Array.of(4096), undefined, Float64Array.of(value * 4096));
          return sums;
        });
        while (leaves.length > 1) {
          const at = (turns[leaves.length % (turns.length || 1)] ?? 0) % (leaves.length - 1);
          const [a, b] = leaves.splice(at, 2) as [Sums, Sums];
          const joined = noSums(1, 1);
          for (const one of [b, a]) addSums(joined, one.cells, one.high, one.low);
          leaves.splice(at, 0, joined);
        }
        expect(exact(leaves[0]!)).toEqual([all.reduce((sum, value) => sum + BigInt(value) * 4096n, 0n)]);
        expect(leaves[0]!.cells[0]).toBe(4096 * all.length);
        expect(leaves[0]!.low[0]).toBeGreaterThanOrEqual(0);
        expect(leaves[0]!.low[0]).toBeLessThan(2 ** 32);
      }),
    );
  });
  test('values are whole steps, held within 31 bits', () => {
    expect([2.4, 2.6, -2.6, 1e30, -1e30].map((value) => inSteps(value, 0.5))).toEqual([
      5,
      5,
      -5,
      2 ** 31 - 1,
      1 - 2 ** 31,
    ]);
  });
});

test('a round is one of Lloyd', () => {
  const next = random(3);
  const [count, bands] = [2000, 3];
  const cells = Float64Array.from({ length: count * bands }, () => Math.round(1000 * next()));
  const model: Model = {
    centers: Array.from({ length: 5 }, () => [1000 * next(), 1000 * next(), 1000 * next()]),
    weights: [1, 0.25, 4],
    step: 1,
    taken: [0, 0, 0, 0, 0],
  };
  const centers = [...model.centers, [1e7, 1e7, 1e7]];
  const given = { ...model, centers, taken: [...model.taken, 0] };
  const groups = centers.map((): number[][] => []);
  const sums = noSums(centers.length, bands);
  for (let i = 0; i < count; i++) {
    const cell = [...cells.subarray(i * bands, (i + 1) * bands)];
    const away = centers.map((center) =>
      center.reduce((sum, at, b) => sum + model.weights[b]! * (cell[b]! - at) ** 2, 0),
    );
    const best = away.indexOf(Math.min(...away));
    expect(nearest(cells, i * bands, given)).toBe(best);
    groups[best]!.push(cell);
    sums.cells[best]!++;
    addSums(
      sums,
      new Float64Array(centers.length),
      undefined,
      Float64Array.from({ length: centers.length * bands }, (_, k) =>
        Math.floor(k / bands) === best ? cell[k % bands]! : 0,
      ),
    );
  }
  const after = moved(given, sums, false);
  for (const [c, group] of groups.entries()) {
    // The last is far from all cells, and stays.
    const expected =
      group.length === 0
        ? centers[c]!
        : [0, 1, 2].map((b) => group.reduce((sum, cell) => sum + cell[b]!, 0) / group.length);
    for (let b = 0; b < bands; b++) expect(after.centers[c]![b]).toBeCloseTo(expected[b]!, 9);
  }
  expect(groups.at(-1)).toEqual([]);
});

test('chances are even, and other ones for another seed, row, column or scene', () => {
  const drawn = Array.from({ length: 40_000 }, (_, i) => chanceOf(1, Math.floor(i / 200), i % 200, 7));
  for (let tenth = 0; tenth < 10; tenth++) {
    const count = drawn.filter((value) => Math.floor(10 * value) === tenth).length;
    // Five standard deviations of a fair draw.
    expect(Math.abs(count - 4000)).toBeLessThan(300);
  }
  expect(
    new Set([
      chanceOf(1, 2, 3, 4),
      chanceOf(2, 2, 3, 4),
      chanceOf(1, 3, 3, 4),
      chanceOf(1, 2, 4, 4),
      chanceOf(1, 2, 3, 5),
    ]).size,
  ).toBe(5);
});

test('first centers are different cells; undefined for too few', () => {
  const sample = Float64Array.of(1, 1, 1, 2, 2, 9);
  const model = firstModel(sample, 1, 3, 1, false)!;
  expect(model.centers.map(([value]) => value! * model.step).toSorted((a, b) => a - b)).toEqual([1, 2, 9]);
  expect(firstModel(sample, 1, 4, 1, false)).toBeUndefined();
  expect(firstModel(new Float64Array(0), 1, 2, 1, true)).toBeUndefined();
});

describe('the job', () => {
  const work = mkdtempSync(join(tmpdir(), 'landcover-'));
  afterAll(() => rmSync(work, { recursive: true }));
  const [width, height] = [700, 560];
  const means = [
    [500, 900, 400],
    [900, 1200, 3200],
    [3000, 3100, 3300],
  ] as const;
  const names = ['red', 'green', 'nir'];
  const classOf = (x: number, y: number): number => (Math.floor(x / 90) + Math.floor(y / 70) * 2) % 3;
  const scene: Bands = Object.fromEntries(names.map((name) => [name, [join(work, `${name}.tif`)]]));
  beforeAll(() => {
    const next = random(8);
    for (const [b, name] of names.entries()) {
      const cells = Uint16Array.from({ length: width * height }, (_, i) => {
        const [x, y] = [i % width, Math.floor(i / width)];
        // A corner has no data.
        if (x < 40 && y < 30) return 0;
        return means[classOf(x, y)]![b]! + 160 * (next() + next() + next() - 1.5);
      });
      writeFileSync(
        join(work, `${name}.tif`),
        tiffFile({ width, height, cells, grid: [500_000, 5_000_000, 10], epsg: 32_632, nodata: '0' }),
      );
    }
  });

  async function run(
    given: { readonly [name: string]: Json },
    split = 16,
    bands: Bands = scene,
  ): Promise<Files> {
    const { bands: datasets, scenes } = await scenesOf([bands]);
    const params = resolve(landcover.params as Spec, { ...given, scenes: scenes as unknown as Json });
    return filesOf({ job: landcover, inputs: { bands: datasets }, params }, hostOf(catalog), { split });
  }
  const rasterOf = (files: Files): Uint8Array => [...files].find(([suffix]) => !suffix.endsWith('.csv'))![1];
  const sameBytes = (a: Files, b: Files): boolean =>
    a.size === b.size &&
    [...a].every(([suffix, bytes]) => Buffer.compare(bytes, b.get(suffix) ?? Buffer.of()) === 0);

  test.skipIf(gdalMissing)('finds three classes that were planted, to the last cell', async () => {
    const path = join(work, 'classes.tif');
    writeFileSync(path, rasterOf(await run({ clusters: 3 })));
    const [own] = readRasters([path]);
    expect([own!.width, own!.height, own!.types, own!.nodata]).toEqual([width, height, ['Byte'], [0]]);
    const classesOf = new Map<number, Set<number>>();
    for (const [i, found] of own!.bands[0]!.entries()) {
      const [x, y] = [i % width, Math.floor(i / width)];
      const planted = x < 40 && y < 30 ? -1 : classOf(x, y);
      classesOf.set(planted, (classesOf.get(planted) ?? new Set()).add(found));
    }
    expect([...classesOf.get(-1)!]).toEqual([0]);
    const found = [0, 1, 2].map((planted) => [...classesOf.get(planted)!]);
    expect(found.map((one) => one.length)).toEqual([1, 1, 1]);
    expect(found.flat().toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
  });

  test.each([{ batch: 1 }, { batch: 0.1 }])('the same bytes for any split: %j', async (given) => {
    const how = { ...given, clusters: 5, rounds: 3, seed: 4 };
    const [one, many] = [await run(how, 1), await run(how, 16)];
    expect(sameBytes(one, many)).toBe(true);
  });

  test('seeds matter, and nothing else that is not said', async () => {
    const how = { clusters: 6, rounds: 2, batch: 0.05 };
    const [first, again, other] = [
      await run({ ...how, seed: 1 }),
      await run({ ...how, seed: 1 }),
      await run({ ...how, seed: 2 }),
    ];
    expect(sameBytes(first, again)).toBe(true);
    expect(Buffer.compare(rasterOf(first), rasterOf(other))).not.toBe(0);
  });

  test.each([
    ['as many values as clusters less one', Uint8Array.from({ length: 64 }, (_, i) => 1 + (i % 4))],
    ['no value at all', new Uint8Array(64)],
  ])('one line for %s', async (_, cells) => {
    const path = join(work, 'few.tif');
    writeFileSync(path, tiffFile({ width: 8, height: 8, cells, grid: [0, 0, 1], epsg: 32_632, nodata: '0' }));
    const error = await run({ clusters: 5 }, 16, { one: [path] }).catch((e: unknown) => e);
    const message = (error as Error).message;
    expect(error instanceof BadInput || message.includes('fewer than 5 different cells')).toBe(true);
    expect(message).toContain('found fewer than 5 different cells with values');
    expect(message).not.toContain('\n');
  });
});
