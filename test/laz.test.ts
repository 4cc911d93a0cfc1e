/** Chunks of LAZ by our kernel: the points of laz-perf and of the LAS twin, in any order, whole or a field at a time; what is encoded decodes to what it was; and what is damaged is refused. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BadInput } from '../core/errors.ts';
import { startDecoder, startIntegers } from '../geospatial/formats/arithmetic.ts';
import type { Las } from '../geospatial/formats/las.ts';
import { readLas } from '../geospatial/formats/las.ts';
import type { Chunks } from '../geospatial/formats/laz.ts';
import { pointFormatOf, readChunks } from '../geospatial/formats/laz.ts';
import { cutRuns, readRun } from '../geospatial/formats/points.ts';
import {
  aim,
  allFields,
  encode,
  encodeBound,
  encodeTable,
  fields,
  makeRoom,
  outputOf,
  pack,
  pointsOf,
  reclass,
} from '../geospatial/kernels/codec.ts';
import { decodeChunk, lazPerfUrl } from './lazperf.ts';
import { patched, random, sourceOf } from './lasfile.ts';
import {
  codec,
  columnsOfFile,
  columnsOfRecords,
  names,
  recordsOf,
  type PlainPoints,
} from './pointcolumns.ts';
import { shared } from './shared.ts';

const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
const lidar = join(folder ?? '', 'data/geospatial/lidar');
const module = new WebAssembly.Module(readFileSync(lazPerfUrl()));

type Cloud = { readonly bytes: Uint8Array; readonly las: Las; readonly chunks: Chunks };
async function open(bytes: Uint8Array, name = 'x.laz'): Promise<Cloud> {
  const source = sourceOf(bytes);
  const las = await readLas(source, name);
  return { bytes, las, chunks: await readChunks(source, las) };
}
const load = (path: string) => open(readFileSync(join(lidar, path)), basename(path));

/** Columns of one chunk, read as a run of its own. */
async function decode(
  { bytes, las, chunks }: Cloud,
  index: number,
  wanted = allFields,
): Promise<PlainPoints> {
  const { scale, offset } = las;
  const [start, size, points] = [chunks.start[index]!, chunks.size[index]!, chunks.points[index]!];
  const run = {
    first: 0,
    points,
    start,
    end: start + size,
    format: pointFormatOf(las),
    scale,
    offset,
    chunks: { first: index, sizes: [size], points: [points] },
  };
  const out: { [name: string]: number[] } = {};
  const source = { size: Infinity, read: async (from: number, to: number) => bytes.slice(from, to) };
  for await (const _ of readRun(source, run, las.name, codec, wanted, (found) => {
    expect(found.count).toBe(points);
    for (const name of names) out[name] = Array.from(found[name]);
  }));
  return out;
}

/** The records that laz-perf makes of all chunks. */
function peer({ bytes, las, chunks }: Cloud): Uint8Array {
  const { pdrf, recordLength, name } = las;
  const out = new Uint8Array(las.count * recordLength);
  let done = 0;
  for (const [index, start] of chunks.start.entries()) {
    const points = chunks.points[index]!;
    const chunk = {
      bytes: bytes.subarray(start, start + chunks.size[index]!),
      points,
      pdrf,
      recordLength,
      name,
      index,
      start,
    };
    const before = done;
    decodeChunk(module, chunk, (records, _count, first) => out.set(records, (before + first) * recordLength));
    done += points;
  }
  return out;
}

function compare(found: PlainPoints, expected: PlainPoints, only: readonly string[] = names): void {
  for (const name of only) {
    const [a, b] = [found[name]!, expected[name]!];
    expect(a.length, name).toBe(b.length);
    const i = a.findIndex((value, k) => !Object.is(value, b[k]));
    expect(i < 0 ? 'equal' : `${name} of point ${i}: ${a[i]}, expected ${b[i]}`).toBe('equal');
  }
}

describe.skipIf(!folder)('real files', () => {
  const all = folder
    ? (readdirSync(lidar, { recursive: true }) as string[]).filter((name) => name.endsWith('.laz')).toSorted()
    : [];
  test('there are some', () => expect(all.length).toBeGreaterThan(23));

  // laz-perf 0.0.7 reads neither wave packets nor items of version 4 right.
  test.each(all.filter((name) => !/pdrf(4|10|7-v4)-/.test(name)))(
    '%s holds what laz-perf finds in it',
    async (path) => {
      const cloud = await load(path);
      const { pdrf, recordLength } = cloud.las;
      compare(await columnsOfFile(cloud.bytes), columnsOfRecords(peer(cloud), pdrf, recordLength));
    },
  );

  const twins = all.filter((path) => path.startsWith('formats/') && !/1_4_w|32-1|several|-1.0/.test(path));
  test.each(twins)('%s holds the points of its LAS twin, which is read alike', async (path) => {
    const twin = readFileSync(join(lidar, path.replace('.laz', '.las')));
    const { records, pdrf, recordLength } = await recordsOf(twin);
    const expected = columnsOfRecords(records, pdrf, recordLength);
    compare(await columnsOfFile(readFileSync(join(lidar, path))), expected);
    compare(await columnsOfFile(twin, allFields, 777), expected);
  });
  test('the twins are of every format that there is', () => expect(twins.length).toBeGreaterThanOrEqual(12));

  test('a field alone is what it is among all, and chunks are alike in any order', async () => {
    for (const path of [
      'formats/pdrf6-1.4.laz',
      'formats/pdrf7-v4-1.4.laz',
      'formats/pdrf8-1.4.laz',
      'formats/pdrf10-1.4.laz',
      'copc/lone-star.copc.laz',
    ]) {
      const cloud = await load(path);
      const { length } = cloud.chunks.start;
      for (let index = length - 1; index >= 0; index -= 1 + Math.floor(length / 5)) {
        const whole = await decode(cloud, index);
        compare(await decode(cloud, index, 0), whole, ['x', 'y', 'returns']);
        for (const [name, field] of Object.entries(fields)) {
          const columns = { class: 'classes', color: 'green' }[name] ?? name;
          compare(await decode(cloud, index, field), whole, ['x', 'y', 'returns', columns]);
        }
      }
    }
  });

  test.each(all)(
    '%s encoded as a format with its fields, chunks and records, decodes to what it was',
    async (path) => {
      const bytes = readFileSync(join(lidar, path));
      const source = sourceOf(bytes);
      const las = await readLas(source, path);
      const pdrf = [7, 3, 5, 2].includes(las.pdrf) ? 7 : las.pdrf === 8 || las.pdrf === 10 ? 8 : 6;
      const { extra } = pointFormatOf(las);
      const recordLength = (pdrf === 6 ? 30 : pdrf === 7 ? 36 : 38) + extra;
      const most = 50_000;
      for (const run of (await cutRuns(source, las, 50_000)).slice(0, 3)) {
        const room = { chunk: most, bytes: 4e6, extra };
        makeRoom(codec, { ...room, output: 2 * encodeBound(most, extra) });
        const expected: PlainPoints[] = [];
        const chunks: Uint8Array[] = [];
        for await (const _ of readRun(source, run, path, codec, allFields, (points) => {
          expected.push(Object.fromEntries(names.map((name) => [name, Array.from(points[name])])));
          const size = encode(codec, pdrf, points.count, 0);
          const records = pack(codec, pdrf, points.count, size);
          expect(records).toBe(points.count * recordLength);
          const { length } = chunks;
          const written = outputOf(codec, 0, size + records).slice();
          chunks.push(written.subarray(0, size));
          const chunk = {
            bytes: written.subarray(0, size),
            points: points.count,
            pdrf,
            recordLength,
            name: path,
            index: length,
            start: 0,
          };
          let at = size;
          decodeChunk(module, chunk, (found) => {
            expect(Buffer.compare(found, written.subarray(at, at + found.length))).toBe(0);
            at += found.length;
          });
          expect(at).toBe(written.length);
        }));
        for (const [i, chunk] of chunks.entries()) {
          const points = expected[i]!['x']!.length;
          const format = { pdrf, recordLength, extra, isV4: false };
          const again = {
            first: 0,
            points,
            start: 0,
            end: chunk.length,
            format,
            scale: las.scale,
            offset: las.offset,
            chunks: { first: 0, sizes: [chunk.length], points: [points] },
          };
          for await (const _ of readRun(sourceOf(chunk), again, path, codec, allFields, (found) => {
            const has = names.filter(
              (name) =>
                (pdrf >= 7 || !['red', 'green', 'blue'].includes(name)) && (pdrf === 8 || name !== 'nir'),
            );
            compare(
              Object.fromEntries(names.map((name) => [name, Array.from(found[name])])),
              expected[i]!,
              has,
            );
          }));
        }
      }
    },
  );

  test('chunks that LASzip wrote come out as they were', async () => {
    let compared = 0;
    for (const path of [
      'formats/1_4_w_evlr.laz',
      'copc/lone-star.copc.laz',
      'formats/pdrf8-1.4.laz',
      'copc/simple_with_page.copc.laz',
      'copc/autzen_clip_native.copc.laz',
    ]) {
      const cloud = await load(path);
      const { pdrf } = cloud.las;
      const { extra } = pointFormatOf(cloud.las);
      for (const [index, start] of cloud.chunks.start.entries()) {
        const [size, points] = [cloud.chunks.size[index]!, cloud.chunks.points[index]!];
        makeRoom(codec, { chunk: points, bytes: size, extra, output: encodeBound(points, extra) });
        await decode(cloud, index);
        aim(codec, 0);
        const found = outputOf(codec, 0, encode(codec, pdrf, points, 0));
        expect(
          Buffer.compare(found, cloud.bytes.subarray(start, start + size)),
          `${path}, chunk ${index}`,
        ).toBe(0);
        // Other classes: their layer alone is encoded anew, with the same bytes as all would have.
        for (const kind of ['random', 'one', 'same'] as const) {
          await decode(cloud, index);
          aim(codec, 0);
          const { classes } = pointsOf(codec, points);
          if (kind !== 'same')
            for (let i = 0; i < points; i++) classes[i] = kind === 'one' ? 2 : 1 + ((i * 7919) % 5);
          const whole = outputOf(codec, 0, encode(codec, pdrf, points, 0)).slice();
          const wanted = classes.slice();
          await decode(cloud, index, fields.z | fields.class);
          aim(codec, 0);
          pointsOf(codec, points).classes.set(wanted);
          const again = outputOf(codec, 0, reclass(codec, pdrf, size, points, 0));
          expect(Buffer.compare(again, whole), `${path}, chunk ${index}, ${kind}`).toBe(0);
        }
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(20);
  });

  const small = ['formats/pdrf6-1.4.laz', 'copc/simple_with_page.copc.laz', 'formats/point-time-color.laz'];
  test.each(small)('%s cut off at the edge of a chunk, or a byte beside it, is refused', async (path) => {
    const { bytes, chunks } = await load(path);
    const table = chunks.start.at(-1)! + chunks.size.at(-1)!;
    for (const edge of [...chunks.start, table])
      for (const end of [edge - 1, edge, edge + 1])
        await expect(open(bytes.subarray(0, end)), `${end} of ${bytes.length} bytes`).rejects.toThrow(
          BadInput,
        );
    // Behind the table there may be records that no point needs.
    for (let end = table + 2; end < bytes.length; end++) {
      const found = await open(bytes.subarray(0, end)).catch((error: unknown) => error);
      if (found instanceof Error) expect(found).toBeInstanceOf(BadInput);
      else expect((found as Cloud).chunks).toEqual(chunks);
    }
  });

  test.each(small)('%s with one end of its table gone is refused', async (path) => {
    const { bytes, las, chunks } = await load(path);
    const table = chunks.start.at(-1)! + chunks.size.at(-1)!;
    for (const at of [
      -2,
      0,
      las.pointsOffset,
      las.pointsOffset + 7,
      table - 1,
      table + 1,
      bytes.length,
      2 ** 52,
    ])
      await expect(
        open(patched(bytes, (to) => to.setBigInt64(las.pointsOffset, BigInt(at), true))),
        `table at ${at}`,
      ).rejects.toThrow(BadInput);
    const moved = Buffer.concat([bytes, new Uint8Array(8)]);
    moved.writeBigInt64LE(BigInt(table), bytes.length);
    moved.writeBigInt64LE(-1n, las.pointsOffset);
    expect((await open(moved)).chunks).toEqual(chunks);
    for (const count of [0, chunks.start.length - 1, chunks.start.length + 1, 2 ** 32 - 1])
      await expect(open(patched(bytes, (to) => to.setUint32(table + 4, count, true)))).rejects.toThrow(
        BadInput,
      );
  });

  test.each([
    ['whole-file compression', 0, 1, /compressor 1\) and cannot be split/],
    ['the compressor of other formats', 0, 2, /compressor 2 in x.laz, expected 3 for point format 6/],
    ['another coder', 2, 1, /coder 1/],
    ['more items than the record holds', 32, 9, /9 items in a LASzip record/],
    [
      'items of another format',
      34,
      6,
      /items \(type size version\) 6 30 3, 14 4 3 in x.laz, expected 10 30 3, 14 4 3/,
    ],
    ['items of one version and of another', 38, 4, /items \(type size version\) 10 30 4, 14 4 3/],
  ])('%s is refused', async (_what, offset, value, message) => {
    const { bytes, las } = await load('formats/pdrf6-1.4.laz');
    const at = Buffer.from(bytes).indexOf(las.laszip!.record);
    await expect(open(patched(bytes, (to) => to.setUint16(at + offset, value, true)))).rejects.toThrow(
      message,
    );
  });

  test('a damaged chunk table is refused, or gives what it gave', async () => {
    const next = random(1);
    for (const path of small) {
      const { bytes, chunks } = await load(path);
      const table = chunks.start.at(-1)! + chunks.size.at(-1)!;
      for (let i = 0; i < 2000; i++) {
        const damaged = new Uint8Array(bytes);
        for (let n = Math.ceil(3 * next()); n > 0; n--)
          damaged[table + Math.floor(next() * (bytes.length - table))] = Math.floor(next() * 256);
        const found = await open(damaged).catch((error: unknown) => error);
        if (found instanceof Error) expect(found).toBeInstanceOf(BadInput);
        else expect((found as Cloud).chunks).toEqual(chunks);
      }
    }
  });

  test('a damaged chunk gives all its points or is refused, and the next one is right', async () => {
    const next = random(2);
    for (const path of ['formats/pdrf8-1.4.laz', 'formats/point-time-color.laz', 'formats/extra-bytes.laz']) {
      const cloud = await load(path);
      const right = await decode(cloud, 0);
      for (let i = 0; i < 60; i++) {
        const bytes = new Uint8Array(cloud.bytes);
        const at = cloud.chunks.start[0]! + Math.floor(next() * cloud.chunks.size[0]!);
        bytes[at] = bytes[at]! ^ (1 + Math.floor(next() * 255));
        try {
          // Counts its points itself.
          await decode({ ...cloud, bytes }, 0);
        } catch (error) {
          expect(error).toBeInstanceOf(BadInput);
          expect((error as Error).message).toMatch(/^LAZ: chunk 0 \(bytes \d+ to \d+\) of .*\.laz: /);
        }
        compare(await decode(cloud, 0), right);
      }
    }
  });

  test('a chunk that is shorter or longer than its points is refused', async () => {
    for (const path of ['formats/pdrf6-1.4.laz', 'formats/point-time-color.laz']) {
      const cloud = await load(path);
      const change = (by: number, points: number): Cloud => ({
        ...cloud,
        chunks: {
          ...cloud.chunks,
          size: cloud.chunks.size.map((n) => n + by),
          points: cloud.chunks.points.map((n) => n + points),
        },
      });
      for (const [by, points] of [
        [-1, 0],
        [-40, 0],
        [1, 0],
        [0, -1],
        [0, 1],
        [0, 5000],
      ] as const)
        await expect(decode(change(by, points), 0), `${path} ${by} ${points}`).rejects.toThrow(BadInput);
    }
  });
});

test('a chunk table is encoded as it is decoded', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 30, max: 2e6 })), {
        minLength: 1,
        maxLength: 300,
      }),
      fc.boolean(),
      async (chunks, isVarying) => {
        const [points, bytes] = [0, 1].map((i) =>
          Uint32Array.from(chunks, (chunk) => (i === 0 && !isVarying ? 50_000 : chunk[i]!)),
        );
        const code = encodeTable(codec, points!, bytes!, isVarying);
        const integer = startIntegers(startDecoder(code), 2);
        let [p, b] = [0, 0];
        for (let i = 0; i < chunks.length; i++) {
          if (isVarying) expect((p = integer(0, p))).toBe(points![i]);
          expect((b = integer(1, b))).toBe(bytes![i]);
        }
      },
    ),
    { seed: 7 },
  );
});

test('points of random fields come back, and so does every layer that does not change', async () => {
  const next = random(5);
  for (let round = 0; round < 60; round++) {
    const count = 1 + Math.floor(next() ** 3 * 3000);
    const extra = Math.floor(next() * 4);
    const pdrf = 6 + (round % 3);
    makeRoom(codec, { chunk: 4000, bytes: 1e6, extra, output: encodeBound(4000, extra) });
    aim(codec, 0);
    const points = pointsOf(codec, count);
    const expected: { [name: string]: number[] } = {};
    for (const name of names) {
      const column = points[name];
      const bits = column.BYTES_PER_ELEMENT * 8;
      // All equal, small steps, or anything.
      const kind = Math.floor(next() * 3);
      let value = Math.floor((next() - 0.5) * 2 ** Math.min(bits, 31));
      for (let i = 0; i < column.length; i++) {
        if (kind === 1 && next() < 0.3) value += Math.floor((next() - 0.5) * 5);
        if (kind === 2) value = Math.floor((next() - 0.5) * 2 ** Math.min(bits, 53));
        column[i] = name === 'time' ? value * (kind === 2 ? next() : 0.001) : value;
      }
      expected[name] = Array.from(column);
    }
    const chunk = outputOf(codec, 0, encode(codec, pdrf, count, 0)).slice();
    const recordLength = (pdrf === 6 ? 30 : pdrf === 7 ? 36 : 38) + extra;
    const format = { pdrf, recordLength, extra, isV4: false };
    const run = {
      first: 0,
      points: count,
      start: 0,
      end: chunk.length,
      format,
      scale: [1, 1, 1],
      offset: [0, 0, 0],
      chunks: { first: 0, sizes: [chunk.length], points: [count] },
    } as const;
    for await (const _ of readRun(sourceOf(chunk), run, 'x', codec, allFields, (found) => {
      const has = names.filter(
        (name) => (pdrf >= 7 || !['red', 'green', 'blue'].includes(name)) && (pdrf === 8 || name !== 'nir'),
      );
      compare(Object.fromEntries(names.map((name) => [name, Array.from(found[name])])), expected, has);
    }));
  }
});
