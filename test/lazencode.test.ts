/** What our kernel encodes as LAZ decodes to what it was, by laz-perf as well; what LASzip wrote comes out to the byte. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { startDecoder, startIntegers } from '../geospatial/formats/arithmetic.ts';
import { readLas } from '../geospatial/formats/las.ts';
import { pointFormatOf } from '../geospatial/formats/laz.ts';
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
import { random, sourceOf } from './lasfile.ts';
import { compare, decode, lazFiles, lidar, load, module } from './lazcloud.ts';
import { decodeChunk } from './lazperf.ts';
import { codec, names, type PlainPoints } from './pointcolumns.ts';
import { isLong } from './shared.ts';

describe.skipIf(!lidar)('real files', () => {
  test.each(lazFiles)(
    '%s encoded as a format with its fields, chunks and records, decodes to what it was',
    async (path) => {
      const bytes = readFileSync(join(lidar!, path));
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
        for (const [k, kind] of (['random', 'one', 'same'] as const).entries()) {
          if (!isLong && k !== index % 3) continue;
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
