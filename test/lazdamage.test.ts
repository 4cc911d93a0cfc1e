/** Damaged LAZ is refused, or gives what it gave: tables and chunks that are cut off, changed, or of another length. */
import { describe, expect, test } from 'vitest';
import { BadInput } from '../core/errors.ts';
import { patched, random } from './lasfile.ts';
import { type Cloud, compare, decode, lidar, load, open } from './lazcloud.ts';
import { isLong } from './shared.ts';

describe.skipIf(!lidar)('real files', () => {
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
    for (let end = table + 2; end < bytes.length; end += isLong ? 1 : 7) {
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
