/** Chunks of LAZ: the same points as the sequential read and as the LAS twin, in any order; and what is damaged is refused. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createLazPerf } from 'laz-perf';
import { describe, expect, test } from 'vitest';
import { BadInput } from '../core/errors.ts';
import type { Las } from '../geospatial/formats/las.ts';
import { readLas } from '../geospatial/formats/las.ts';
import type { Chunks } from '../geospatial/formats/laz.ts';
import { readChunks } from '../geospatial/formats/laz.ts';
import { decodeChunk, lazPerfUrl } from '../geospatial/formats/lazperf.ts';
import { patched, random, sourceOf } from './lasfile.ts';
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

function decode({ bytes, las, chunks }: Cloud, index: number, only?: 'xyz', wasm = module): Uint8Array {
  const { pdrf, recordLength } = las;
  const [start, size, points] = [chunks.start[index]!, chunks.size[index]!, chunks.points[index]!];
  const out = new Uint8Array(points * recordLength);
  const chunk = {
    bytes: bytes.subarray(start, start + size),
    points,
    pdrf,
    recordLength,
    name: las.name,
    index,
    start,
  };
  let done = 0;
  decodeChunk(
    wasm,
    chunk,
    (records, count, first) => {
      expect(first).toBe(done);
      done += count;
      out.set(records, first * recordLength);
    },
    only,
  );
  expect(done).toBe(points);
  return out;
}

/** All records, each chunk decoded after the one behind it. */
function backwards(cloud: Cloud, only?: 'xyz'): Uint8Array {
  const { chunks, las } = cloud;
  const out = new Uint8Array(las.count * las.recordLength);
  for (let i = chunks.start.length - 1, end = out.length; i >= 0; i--) {
    const records = decode(cloud, i, only);
    out.set(records, (end -= records.length));
  }
  return out;
}

// One for all files: each instance makes the process throw what promises reject with.
const sequential = createLazPerf();

/** All records as laz-perf reads a file from its start. */
async function forwards({ bytes, las }: Cloud): Promise<Uint8Array> {
  const laz = await sequential;
  const [input, output] = [laz._malloc(bytes.length), laz._malloc(las.recordLength)];
  laz.HEAPU8.set(bytes, input);
  const file = new laz.LASZip();
  file.open(input, bytes.length);
  const out = new Uint8Array(las.count * las.recordLength);
  for (let i = 0; i < las.count; i++) {
    file.getPoint(output);
    out.set(laz.HEAPU8.subarray(output, output + las.recordLength), i * las.recordLength);
  }
  file.delete();
  laz._free(input);
  laz._free(output);
  return out;
}

const coordinates = (records: Uint8Array, recordLength: number): Buffer => {
  const out = Buffer.alloc((records.length / recordLength) * 12);
  for (let i = 0; i * recordLength < records.length; i++)
    out.set(records.subarray(i * recordLength, i * recordLength + 12), i * 12);
  return out;
};

const events = ['uncaughtException', 'unhandledRejection'] as const;
const listeners = () => events.map((event) => process.listeners(event as 'uncaughtException'));

describe.skipIf(!folder)('real files', () => {
  const readable = folder
    ? (readdirSync(lidar, { recursive: true }) as string[])
        .filter((name) => name.endsWith('.laz') && !/pdrf(4|10|7-v4)-/.test(name))
        .toSorted()
    : [];
  test('there are some', () => expect(readable.length).toBeGreaterThan(20));

  test.each(readable)('%s decodes in any order to the bytes of the sequential read', async (path) => {
    const cloud = await load(path);
    const records = backwards(cloud);
    expect(Buffer.compare(records, await forwards(cloud))).toBe(0);
    const { recordLength } = cloud.las;
    const only = coordinates(backwards(cloud, 'xyz'), recordLength);
    expect(Buffer.compare(only, coordinates(records, recordLength))).toBe(0);
  });

  test.each(
    readable.filter((path) => path.startsWith('formats/') && !/1_4_w|1815|32-1|several|-1.0/.test(path)),
  )('%s holds the points of its LAS twin', async (path) => {
    const twin = readFileSync(join(lidar, path.replace('.laz', '.las')));
    const { pointsOffset, recordLength, count } = await readLas(sourceOf(twin), 'twin.las');
    const expected = twin.subarray(pointsOffset, pointsOffset + count * recordLength);
    expect(Buffer.compare(backwards(await load(path)), expected)).toBe(0);
  });

  test('the process is left as it was', async () => {
    const cloud = await load('formats/point10.laz');
    const before = listeners();
    // A module that was not seen before has its own instance.
    decode(cloud, 0, undefined, new WebAssembly.Module(readFileSync(lazPerfUrl())));
    expect(listeners()).toEqual(before);
  });

  test('items of version 4 are refused by name', async () => {
    await expect(load('formats/pdrf7-v4-1.4.laz')).rejects.toThrow(
      'LAZ: LAZ items of version 4 in pdrf7-v4-1.4.laz, expected version 3',
    );
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
      const right = decode(cloud, 0);
      for (let i = 0; i < 60; i++) {
        const bytes = new Uint8Array(cloud.bytes);
        const at = cloud.chunks.start[0]! + Math.floor(next() * cloud.chunks.size[0]!);
        bytes[at] = bytes[at]! ^ (1 + Math.floor(next() * 255));
        try {
          // Counts its points itself.
          decode({ ...cloud, bytes }, 0);
        } catch (error) {
          expect(error).toBeInstanceOf(BadInput);
          expect((error as Error).message).toMatch(/^LAZ: chunk 0 \(bytes \d+ to \d+\) of .*\.laz: /);
        }
        expect(Buffer.compare(decode(cloud, 0), right)).toBe(0);
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
        expect(() => decode(change(by, points), 0), `${path} ${by} ${points}`).toThrow(BadInput);
    }
  });
});
