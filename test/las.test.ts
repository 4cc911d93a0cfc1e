/** Headers of LAS: what is read, and what is refused by name. */
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BadInput } from '../core/errors.ts';
import { readLas } from '../geospatial/formats/las.ts';
import { cutRuns, readRun } from '../geospatial/formats/points.ts';
import { lasFile, patched, sourceOf } from './lasfile.ts';
import { codec } from './pointcolumns.ts';
import { shared } from './shared.ts';

const points = Array.from({ length: 10 }, (_, i) => ({ x: i, y: 2 * i, z: i / 4 }));
const read = (bytes: Uint8Array) => readLas(sourceOf(bytes), 'x.las');

describe.each([0, 1, 2, 3, 4])('LAS 1.%i', (minor) => {
  test.each(minor === 4 ? [0, 1, 2, 3, 6, 7, 8] : [0, 1, 2, 3])('point format %i', async (pdrf) => {
    const bytes = lasFile(points, { minor, pdrf, extra: 3, offset: [100, -7, 0.5] });
    const source = sourceOf(bytes);
    const las = await readLas(source, 'x.las');
    expect(source.reads.length).toBe(1);
    expect(las).toMatchObject({ minor, pdrf, count: 10, offset: [100, -7, 0.5], scale: [0.01, 0.01, 0.01] });
    expect(las.min).toEqual([0, 0, 0]);
    expect(las.max).toEqual([9, 18, 2.25]);
    expect(las.laszip).toBeUndefined();
  });
});

test('a header cut off at any byte is refused, and so is a file without its last points', async () => {
  const bytes = lasFile(points, { minor: 4, pdrf: 6, wkt: 'LOCAL_CS["here"]' });
  for (let end = 0; end < bytes.length; end++)
    await expect(read(bytes.subarray(0, end)), `${end} bytes`).rejects.toThrow(BadInput);
  await expect(read(bytes.subarray(0, bytes.length - 1))).rejects.toThrow(
    `LAS: x.las is cut off: found ${bytes.length - 1} bytes, expected ${bytes.length} for 10 points of 30 bytes`,
  );
  expect((await read(bytes)).crs).toEqual({ wkt: 'LOCAL_CS["here"]', wktBit: true });
});

const las12 = lasFile(points);
const las14 = lasFile(points, { minor: 4, pdrf: 6 });
test.each<[string, Uint8Array, RegExp]>([
  [
    'another file',
    new TextEncoder().encode('PK\x03\x04 is no LAS'),
    /bad magic 504b0304 in x.las, expected 4c415346/,
  ],
  ['an empty file', new Uint8Array(), /found 0 bytes, expected at least 227/],
  ['version 1.5', patched(las12, (at) => at.setUint8(25, 5)), /version 1.5 in x.las, expected 1.0 to 1.4/],
  [
    'a short header',
    patched(las14, (at) => at.setUint16(94, 227, true)),
    /header of 227 bytes .* expected 375 for 1.4/,
  ],
  ['points in the header', patched(las12, (at) => at.setUint32(96, 100, true)), /points at byte 100/],
  ['points beyond the end', patched(las12, (at) => at.setUint32(96, 1e9, true)), /points at byte 1000000000/],
  [
    'an unknown format',
    patched(las12, (at) => at.setUint8(104, 11)),
    /point format 11 in x.las, expected 0 to 10/,
  ],
  [
    'short records',
    patched(las12, (at) => at.setUint16(105, 19, true)),
    /records of 19 bytes in x.las, expected at least 20/,
  ],
  [
    'too many points',
    patched(las12, (at) => at.setUint32(107, 2 ** 32 - 1, true)),
    /cut off.* for 4294967295 points/,
  ],
  [
    '2^60 points',
    patched(las14, (at) => at.setBigUint64(247, 2n ** 60n, true)),
    /points in x.las, expected at most 2\^53/,
  ],
  ['a scale of 0', patched(las12, (at) => at.setFloat64(139, 0, true)), /scale 0 of y/],
  ['a negative scale', patched(las12, (at) => at.setFloat64(131, -0.01, true)), /scale -0.01 of x/],
  ['an endless scale', patched(las12, (at) => at.setFloat64(147, Infinity, true)), /scale of z Infinity/],
  ['an offset that is none', patched(las12, (at) => at.setFloat64(155, NaN, true)), /offset of x NaN/],
  [
    'heights beyond f32',
    patched(las12, (at) => at.setFloat64(147, 1e35, true)),
    /expected coordinates below 3.4e38/,
  ],
  ['bounds that are none', patched(las12, (at) => at.setFloat64(187, NaN, true)), /minimum of x NaN/],
  [
    'bounds upside down',
    patched(las12, (at) => at.setFloat64(187, 10, true)),
    /bounds of x in x.las: found 10 to 9/,
  ],
  [
    'records beyond the header',
    patched(las12, (at) => at.setUint32(100, 1, true)),
    /record 1 of 1 .* before the points at 227/,
  ],
  [
    'compression without its record',
    patched(las12, (at) => at.setUint8(104, 128)),
    /no record "laszip encoded" 22204/,
  ],
  [
    'extended records beyond the end',
    patched(las14, (at) => {
      at.setBigUint64(235, 375n, true);
      at.setUint32(243, 0xffffffff, true);
    }),
    /extended record 4294967295 of 4294967295 in x.las/,
  ],
])('%s is refused', async (_what, bytes, message) => {
  const failure = await read(bytes).then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(failure).toBeInstanceOf(BadInput);
  expect((failure as Error).message).toMatch(message);
  expect((failure as Error).message).not.toContain('\n');
});

test('no points, and bounds that mean nothing, are read', async () => {
  expect((await read(lasFile([]))).count).toBe(0);
});

test('a CRS after the points is found', async () => {
  const wkt = new TextEncoder().encode('LOCAL_CS["there"]\0');
  const body = patched(las14, (at) => {
    at.setUint16(6, 16, true);
    at.setBigUint64(235, BigInt(las14.length), true);
    at.setUint32(243, 2, true);
  });
  const evlr = (user: string, id: number, payload: Uint8Array): Uint8Array => {
    const out = new Uint8Array(60 + payload.length);
    out.set(new TextEncoder().encode(user), 2);
    new DataView(out.buffer).setUint16(18, id, true);
    new DataView(out.buffer).setBigUint64(20, BigInt(payload.length), true);
    out.set(payload, 60);
    return out;
  };
  const bytes = Buffer.concat([
    body,
    evlr('copc', 1000, new Uint8Array(70_000)),
    evlr('LASF_Projection', 2112, wkt),
  ]);
  expect((await read(bytes)).crs).toEqual({ wkt: 'LOCAL_CS["there"]', wktBit: true });
  await expect(read(bytes.subarray(0, bytes.length - 1))).rejects.toThrow(/extended record 2 of 2/);
});

test('every point is in one run, however long the runs are', async () => {
  const bytes = lasFile(points, { pdrf: 3, extra: 1 });
  const source = sourceOf(bytes);
  const las = await readLas(source, 'x.las');
  for (const split of [1, 3, 9, 10, 1e6]) {
    const found: number[] = [];
    for (const run of await cutRuns(source, las, split)) {
      expect(run.points).toBeLessThanOrEqual(split);
      for await (const _ of readRun(source, run, 'x.las', codec, 0, ({ x }, first) => {
        for (const [i, value] of x.entries()) found[first + i] = value;
      }));
    }
    expect(found).toEqual(points.map(({ x }) => 100 * x));
  }
});

const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
describe.skipIf(!folder)('real files', () => {
  const lidar = join(folder ?? '', 'data/geospatial/lidar');
  const open = (path: string) => readLas(sourceOf(readFileSync(join(lidar, path))), basename(path));
  // Made by another reader.
  type Row = { file: string; ver: string; pdrf: number; rec: number; n: number; comp: boolean };
  const summary = join(folder ?? '', 'data/geospatial/expected/las_summary.json');
  const rows = folder ? (JSON.parse(readFileSync(summary, 'utf8')) as Row[]) : [];

  test('there are some', () => expect(rows.length).toBeGreaterThan(40));
  test.each(rows)('$file is read or refused by name', async ({ file, ver, pdrf, rec, n, comp }) => {
    const refused = /bad_vlr_count|garbage_nVariableLength/.test(file);
    const found = open(file.replace('lidar/', ''));
    if (refused) await expect(found).rejects.toThrow(BadInput);
    else {
      const las = await found;
      expect([`1.${las.minor}`, las.pdrf, las.recordLength, las.count]).toEqual([ver, pdrf, rec, n]);
      expect(las.laszip !== undefined).toBe(comp);
    }
  });
  test.each([
    ['corrupt/bad_vlr_count.las', 'LAS: record 3 of 3 in bad_vlr_count.las'],
    ['corrupt/garbage_nVariableLength.las', 'LAS: record 1 of 1069128089 in garbage_nVariableLength.las'],
  ])('%s says why', async (path, message) => {
    await expect(open(path)).rejects.toThrow(message);
  });
  test('WKT and keys are both there where the file has both', async () => {
    const { crs } = await open('formats/file_with_both_wkt_and_geotiff_vlrs.las');
    expect(crs.wkt).toMatch(/^(PROJCS|COMPD_CS)/);
    expect(crs.keys?.directory[0]).toBe(1);
    expect(crs.keys!.doubles.length).toBe(10);
  });
});
