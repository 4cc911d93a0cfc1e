/** satellite/composite: medians as numpy has them, every method beside a naive one on fields with clouds, and stacks beside percentiles by hand. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BadUsage } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { composite } from '../geospatial/jobs/composite.ts';
import { type CompositeStatistic, reduceStack } from '../geospatial/kernels/composite.ts';
import { type Bands, differences, type Read, readRasters, runScenes, type Told } from './bandfiles.ts';
import { gdalMissing, validateCog } from './gdal.ts';
import { shared } from './shared.ts';
import { generate } from './generate.ts';

const work = mkdtempSync(join(tmpdir(), 'composite-'));
afterAll(() => rmSync(work, { recursive: true }));
const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
const geospatial = join(folder ?? '', 'data/geospatial');

let runs = 0;
/** Values and counts, written; gives the paths of both, values first. */
async function run(
  scenes: readonly Bands[],
  given: { readonly [name: string]: Json },
  how: { readonly split?: number; readonly told?: readonly Told[] } = {},
): Promise<[string, string]> {
  const files = await runScenes(composite, scenes, given, how);
  expect(files.size).toBe(2);
  const names = [...files.keys()].toSorted(
    (a, b) => Number(a.includes('count')) - Number(b.includes('count')),
  );
  return names.map((suffix) => {
    const path = join(work, `${runs++}${suffix}`);
    writeFileSync(path, files.get(suffix)!);
    return path;
  }) as [string, string];
}

/** The percentile by its definition: as numpy's `linear`, type 7 of Hyndman and Fan. */
function percentileOf(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * share;
  const [low, high] = [sorted[Math.floor(at)]!, sorted[Math.ceil(at)]!];
  return low + (at - Math.floor(at)) * (high - low);
}

function naive(values: readonly number[], method: string): number {
  if (values.length === 0) return NaN;
  if (method === 'mean') return values.reduce((a, b) => a + b) / values.length;
  if (method === 'min') return Math.min(...values);
  if (method === 'max') return Math.max(...values);
  return percentileOf(values, method === 'median' ? 0.5 : Number(method.slice(1)) / 100);
}

test('a stack is what its cells are one by one', () => {
  const value = fc.oneof(
    { weight: 3, arbitrary: fc.float({ noDefaultInfinity: true }) },
    fc.constant(NaN),
    fc.integer({ min: 0, max: 5 }),
  );
  const methods = ['median', 'mean', 'min', 'max', 'p1', 'p20', 'p75', 'p99'] as const;
  const stack = fc
    .record({ scenes: fc.integer({ min: 1, max: 70 }), count: fc.integer({ min: 1, max: 6 }) })
    .chain(({ scenes, count }) =>
      fc.record({
        scenes: fc.constant(scenes),
        cells: fc.array(value, { minLength: scenes * count, maxLength: scenes * count }),
        method: fc.constantFrom(...methods),
      }),
    );
  fc.assert(
    fc.property(stack, ({ scenes, cells, method }) => {
      const count = cells.length / scenes;
      const given = Float32Array.from(cells);
      const before = given.slice();
      const out = new Float64Array(count);
      reduceStack(given, scenes, count, method as CompositeStatistic, out);
      expect(given).toEqual(before);
      for (let i = 0; i < count; i++) {
        const own: number[] = [];
        for (let k = 0; k < scenes; k++) {
          const one = given[k * count + i]!;
          if (one === one) own.push(one);
        }
        const expected = naive(own, method);
        expect([i, out[i]! + 0]).toEqual([i, expected + 0]);
      }
    }),
    { numRuns: 400 },
  );
});

describe.skipIf(gdalMissing || !folder)('13 scenes of Landsat 8 near New York', () => {
  test('medians and counts are those of gdalwarp and numpy', async () => {
    const from = join(geospatial, 'satellite/l8ny18');
    const ids = [...new Set(readdirSync(from).map((name) => name.replace(/_B\w+\.TIF$/, '')))].toSorted();
    expect(ids.length).toBe(13);
    const scenes = ids.map((id): Bands => {
      const bands = ['B2', 'B3', 'B4', 'B5'].map((name) => [name, [join(from, `${id}_${name}.TIF`)]]);
      return Object.fromEntries([...bands, ['qa', [join(from, `${id}_BQA.TIF`)]]]);
    });
    const [values, counts] = await run(scenes, {
      mask: 'qa==0 || (qa & 17) != 0',
      resolution: 3000,
      snap: true,
    });
    const expected = join(geospatial, 'expected/composite');
    const goldens = ['B2', 'B3', 'B4', 'B5'].map((name) => join(expected, `l8ny18_${name}_median.tif`));
    const [own, count, golden, ...medians] = readRasters([
      values,
      counts,
      join(expected, 'l8ny18_validcount.tif'),
      ...goldens,
    ]);
    expect([own!.width, own!.height, own!.transform, own!.epsg]).toEqual([
      golden!.width,
      golden!.height,
      golden!.transform,
      golden!.epsg,
    ]);
    expect(differences(count!.bands[0]!, golden!.bands[0]!)).toBe('');
    for (const [k, median] of medians.entries())
      expect(differences(own!.bands[k]!, median.bands[0]!)).toBe('');
    for (const path of [values, counts])
      expect(validateCog(path)).toContain('is a valid cloud optimized GeoTIFF');
  });
});

describe.skipIf(gdalMissing)('fields through a season', () => {
  const size = 180;
  const dates = ['20240401', '20240413', '20240425', '20240507'];
  const names = ['red', 'green', 'nir', 'scl'];
  const pathOf = (date: string, name: string): string => join(work, 'scenes', `${date}_${name}.tif`);
  const scenes = dates.map((date): Bands =>
    Object.fromEntries(names.map((name) => [name, [pathOf(date, name)]])),
  );
  const wanted = ['red', 'green', 'nir'];
  let sources: Read[];
  beforeAll(async () => {
    await generate('synthetic/scenes', join(work, 'scenes'), { size, scenes: 4, clouds: 0.4, seed: 12 });
    sources = readRasters(dates.flatMap((date) => names.map((name) => pathOf(date, name))));
  });
  const cellsOf = (scene: number, band: number): Float64Array => sources[4 * scene + band]!.bands[0]!;
  /** Whether a scene is clear at a cell: no class of clouds within `dilation` cells. */
  function clearOf(scene: number, dilation: number): Uint8Array {
    const [scl, wide] = [cellsOf(scene, 3), Math.ceil(size / 2)];
    const out = new Uint8Array(size * size).fill(1);
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        if (![0, 1, 3, 8, 9, 10].includes(scl[Math.floor(y / 2) * wide + Math.floor(x / 2)]!)) continue;
        for (let dy = -dilation; dy <= dilation; dy++)
          for (let dx = -dilation; dx <= dilation; dx++) {
            const [u, v] = [x + dx, y + dy];
            if (dx * dx + dy * dy <= dilation ** 2 && u >= 0 && v >= 0 && u < size && v < size)
              out[v * size + u] = 0;
          }
      }
    return out;
  }

  test('statistics are those of the clear values, cell by cell', async () => {
    const clear = dates.map((_, k) => clearOf(k, 2));
    const stacks = wanted.map((_, band) =>
      Array.from({ length: size * size }, (__, i) =>
        clear.flatMap((own, scene) => (own[i] === 1 ? [cellsOf(scene, band)[i]!] : [])),
      ),
    );
    const methods = ['median', 'mean', 'p20', 'min', 'max'];
    const paths: string[] = [];
    for (const method of methods) paths.push(...(await run(scenes, { method, mask: 'scl', dilation: 2 })));
    const read = readRasters(paths);
    const counts = stacks[0]!.map((own) => own.length);
    expect(counts).toContain(0);
    expect(new Set(counts).size).toBeGreaterThan(3);
    for (const [m, method] of methods.entries()) {
      expect(differences(read[2 * m + 1]!.bands[0]!, counts)).toBe('');
      for (const [k, stack] of stacks.entries()) {
        const expected = Float32Array.from(stack, (own) => naive(own, method));
        expect([method, differences(read[2 * m]!.bands[k]!, expected)]).toEqual([method, '']);
      }
    }
  });

  test('the greenest, the latest, the first, the clearest: all bands of one scene', async () => {
    const clear = dates.map((_, k) => clearOf(k, 0));
    // Not in order of time.
    const told: Told[] = ['2024-04-13', '2024-05-07', '2024-04-01', '2024-04-25'].map((datetime, i) => ({
      datetime,
      cloud: [30, 10, 20, 40][i]!,
    }));
    const ndvi = (scene: number, i: number): number => {
      const [red, nir] = [cellsOf(scene, 0)[i]!, cellsOf(scene, 2)[i]!];
      return (nir - red) / (nir + red);
    };
    const orders = {
      latest: [1, 3, 0, 2],
      first: [0, 1, 2, 3],
      clearest: [1, 2, 0, 3],
      greenest: [0, 1, 2, 3],
    };
    const paths: string[] = [];
    for (const method of Object.keys(orders))
      paths.push((await run(scenes, { method, mask: 'scl', dtype: 'uint16' }, { told }))[0]);
    const read = readRasters(paths);
    for (const [m, [method, order]] of Object.entries(orders).entries()) {
      const chosen = Array.from({ length: size * size }, (_, i) => {
        const valid = order.filter((scene) => clear[scene]![i] === 1);
        if (method !== 'greenest') return valid[0];
        return valid.reduce<number | undefined>(
          (best, scene) => (best === undefined || ndvi(scene, i) > ndvi(best, i) ? scene : best),
          undefined,
        );
      });
      for (let k = 0; k < wanted.length; k++) {
        const expected = chosen.map((scene, i) => (scene === undefined ? 65_535 : cellsOf(scene, k)[i]!));
        expect([method, differences(read[m]!.bands[k]!, expected)]).toEqual([method, '']);
      }
    }
  });

  test('the greenest is found by bands that the mask has, too', async () => {
    const given = { method: 'greenest', dtype: 'uint16', dilation: 3 };
    const some = scenes.slice(0, 2);
    const paths = [
      ...(await run(some, { ...given, mask: 'red > 4000' })),
      // The same mask of a band that is of no other use.
      ...(await run(
        some.map((bands) => ({ ...bands, bright: bands['red']! })),
        { ...given, mask: 'bright > 4000' },
      )),
    ];
    const [own, counts, other, expected] = readRasters(paths);
    expect(differences(counts!.bands[0]!, expected!.bands[0]!)).toBe('');
    // Bands of the first are green, nir, scl; of the second red, green, nir, scl.
    expect(own!.bands.length).toBe(3);
    for (const [k, band] of own!.bands.entries()) expect(differences(band, other!.bands[k + 1]!)).toBe('');
  });

  test('scale and offset are applied; cells are stored by a factor, and the file says so', async () => {
    const meaning = { scale: 0.0001, offset: -0.1 };
    const bands = scenes.slice(0, 2).map((scene): Bands => ({ red: [scene['red']![0], 1, meaning] }));
    const [path] = await run(bands, { method: 'mean', dtype: 'int16', factor: 10_000 });
    const [own] = readRasters([path]);
    const expected = Array.from(
      { length: size * size },
      (_, i) => (cellsOf(0, 0)[i]! + cellsOf(1, 0)[i]!) / 2 - 1000,
    );
    const off = own!.bands[0]!.map((value, i) => Math.abs(value - expected[i]!));
    expect(Math.max(...off.subarray(0, 100_000), ...off.subarray(100_000, 200_000))).toBeLessThanOrEqual(
      0.51,
    );
    expect(off.reduce((a, b) => a + b) / off.length).toBeLessThan(0.3);
  });

  test('any split gives the same bytes', async () => {
    // Finer cells, so that there are four tiles.
    const given = { method: 'p75', mask: 'scl', dilation: 4, overview: 'nearest', resolution: 3 };
    const [one, many] = [
      await runScenes(composite, scenes, given, { split: 1 }),
      await runScenes(composite, scenes, given, { split: 16 }),
    ];
    for (const [suffix, bytes] of one) expect(Buffer.compare(bytes, many.get(suffix)!)).toBe(0);
  });

  test.each([
    [{ method: 'p0' }, scenes, 'method'],
    [{ method: 'latest' }, scenes, 'found scenes without a time'],
    [{ mask: 'scl in (' }, scenes, 'found its end'],
    [{ mask: 'qa' }, scenes, 'no band qa in scene 0'],
    [{ mask: 'scl > 0' }, [{ scl: scenes[0]!['scl']! }], 'found none beside the mask'],
    [{}, [{ red: [pathOf(dates[0]!, 'red'), 4] }], 'found band 4 of'],
    [{}, [scenes[0]!, { red: scenes[1]!['red']! }], 'no band green in scene 1'],
    [{ method: 'greenest' }, [{ red: scenes[0]!['red']! }], 'no band nir'],
    [{}, [], 'found no scene'],
  ] as readonly (readonly [{ readonly [name: string]: Json }, readonly Bands[], string])[])(
    'one line for %j',
    async (given, some, words) => {
      const error = await runScenes(composite, some, given).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(BadUsage);
      expect((error as Error).message).toContain(words);
      expect((error as Error).message).not.toContain('\n');
    },
  );
});
