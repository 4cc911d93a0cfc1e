/** Long ranges from sources that stream: the bytes, the requests, and what happens to those that nobody wants any more. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Source } from '../core/job.ts';
import { counting } from '../core/sources/counting.ts';
import { withHead } from '../core/sources/head.ts';
import { memorySource } from './memorysource.ts';
import { readAhead } from '../core/sources/readahead.ts';

const content = Uint8Array.from({ length: 3000 }, (_, i) => (i * 7 + (i >> 8)) & 255);

type Watched = Source & { readonly asked: (readonly [number, number])[]; open: number };

/** Streams in pieces of `piece` bytes through one buffer, so that a piece that is kept too long is overwritten. */
function streamed(piece: number, fault = Infinity): Watched {
  const source: Watched = {
    ...memorySource(content),
    asked: [],
    open: 0,
    stream(start, end) {
      source.asked.push([start, end]);
      source.open++;
      return (async function* () {
        const buffer = new Uint8Array(piece);
        try {
          for (let at = start; at < end; at += piece) {
            await Promise.resolve();
            if (at >= fault) throw new Error('no more');
            const part = content.subarray(at, Math.min(at + piece, end));
            buffer.fill(0).set(part);
            yield buffer.subarray(0, part.length);
          }
        } finally {
          source.open--;
        }
      })();
    },
  };
  return source;
}

async function gather(chunks: AsyncIterable<Uint8Array>): Promise<{ bytes: Buffer; sizes: number[] }> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk.slice());
  return { bytes: Buffer.concat(all), sizes: all.map(({ length }) => length) };
}

describe('read-ahead over streams', () => {
  test('gives any range in chunks, with a request for each span', async () => {
    const size = fc.integer({ min: 1, max: 700 });
    const place = fc.integer({ min: 0, max: content.length });
    await fc.assert(
      fc.asyncProperty(size, size, size, fc.integer({ min: 1, max: 4 }), place, place, async (...drawn) => {
        const [piece, chunk, span, depth, a, b] = drawn;
        const [start, end] = [Math.min(a, b), Math.max(a, b)];
        const source = streamed(piece);
        const { bytes, sizes } = await gather(readAhead(source, start, end, { chunk, depth, span }));
        expect(bytes.equals(content.subarray(start, end))).toBe(true);
        expect(sizes.slice(0, -1).every((n) => n === chunk)).toBe(true);
        expect(source.asked.length).toBe(Math.ceil((end - start) / span));
        expect(source.open).toBe(0);
      }),
      { numRuns: 300 },
    );
  });

  test('asks for nothing behind a hint before it is needed', async () => {
    const source = streamed(100);
    const sizes: number[] = [];
    for await (const { length } of readAhead(source, 10, 3000, { chunk: 400, hint: 1000 })) {
      sizes.push(length);
      if (sizes.length === 3) expect(source.asked).toEqual([[10, 1000]]);
    }
    expect(sizes).toEqual([400, 400, 190, 400, 400, 400, 400, 400]);
    expect(source.asked).toEqual([
      [10, 1000],
      [1000, 3000],
    ]);
  });

  test('the next stream is opened while the last bytes of one are taken', async () => {
    const source = streamed(50);
    const chunks = readAhead(source, 0, 3000, { chunk: 100, depth: 1, span: 500 });
    for (let i = 0; i < 4; i++) await chunks.next();
    expect(source.asked.length).toBe(2);
    await chunks.return();
    expect(source.open).toBe(0);
  });

  test('a consumer that stops early ends the streams; a failure comes in its turn', async () => {
    const source = streamed(10);
    for await (const chunk of readAhead(source, 0, 3000, { chunk: 100, depth: 3 })) {
      expect(chunk.length).toBe(100);
      break;
    }
    expect(source.open).toBe(0);
    const broken = streamed(10, 250);
    const sizes: number[] = [];
    await expect(async () => {
      for await (const { length } of readAhead(broken, 0, 3000, { chunk: 100, depth: 3 })) sizes.push(length);
    }).rejects.toThrow('no more');
    expect(sizes).toEqual([100, 100]);
    expect(broken.open).toBe(0);
  });

  test('a stream that gives too little is an error', async () => {
    const short: Source = {
      ...memorySource(content),
      stream: (start, end) => streamed(10).stream!(start, end - 1),
    };
    await expect(gather(readAhead(short, 0, 500))).rejects.toThrow(
      'a stream up to byte 500 ended at byte 499',
    );
  });
});

test('what counts reads passes streams on; one counts as one read, its bytes as they come', async () => {
  const source = streamed(100);
  const tally = { bytes: 0, reads: 0 };
  const wrapped = counting(source, tally);
  const { bytes } = await gather(wrapped.stream!(100, 1100));
  expect(bytes.equals(content.subarray(100, 1100))).toBe(true);
  expect(tally).toEqual({ bytes: 1000, reads: 1 });
  for await (const _ of wrapped.stream!(0, 1000)) break;
  expect(tally).toEqual({ bytes: 1100, reads: 2 });
  expect(source.open).toBe(0);
  expect('stream' in counting(memorySource(content), tally)).toBe(false);
});

test('a head that is at hand is not read again', async () => {
  const source = streamed(100);
  const headed = withHead(source, content.slice(0, 300));
  expect(await headed.read(10, 300)).toEqual(content.slice(10, 300));
  expect((await gather(headed.stream!(200, 300))).bytes.equals(content.subarray(200, 300))).toBe(true);
  expect(source.asked).toEqual([]);
  expect(await headed.read(200, 301)).toEqual(content.slice(200, 301));
  expect((await gather(headed.stream!(200, 301))).bytes.equals(content.subarray(200, 301))).toBe(true);
  expect(source.asked).toEqual([[200, 301]]);
  expect('stream' in withHead(memorySource(content), content)).toBe(false);
});
