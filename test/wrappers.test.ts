/** Coalescing and read-ahead: exact bytes in exact numbers of requests. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BadInput } from '../core/errors.ts';
import type { Source } from '../core/job.ts';
import { coalesce } from '../core/sources/coalesce.ts';
import { counting } from '../core/sources/counting.ts';
import { memorySource } from '../core/sources/memory.ts';
import { readAhead } from '../core/sources/readahead.ts';

const content = Uint8Array.from({ length: 20_000 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 255);

/** Any ranges of a source of 2,000 bytes, some of them empty, doubled or nested. */
const ranges = fc.array(
  fc.tuple(fc.nat(2000), fc.nat(300)).map(([at, length]) => [at, Math.min(2000, at + length)] as const),
  { maxLength: 30 },
);

/** What a source was asked for. */
function recording(source: Source): Source & { asked: (readonly [number, number])[] } {
  const asked: (readonly [number, number])[] = [];
  return {
    asked,
    size: source.size,
    read(start, end) {
      asked.push([start, end]);
      return source.read(start, end);
    },
  };
}

describe('coalesce', () => {
  test('any reads give the bytes of the source, in requests that none could join', async () => {
    await fc.assert(
      fc.asyncProperty(ranges, fc.nat(200), fc.nat(400), async (reads, gap, max) => {
        const below = recording(memorySource(content.subarray(0, 2000)));
        const source = coalesce(below, { gap, max });
        const got = await Promise.all(reads.map(([start, end]) => source.read(start, end)));
        for (const [i, [start, end]] of reads.entries()) expect(got[i]).toEqual(content.subarray(start, end));
        const requests = below.asked.filter(([start, end]) => start < end).sort((a, b) => a[0] - b[0]);
        for (const [start, end] of requests) {
          const single = reads.some((r) => r[0] === start && r[1] === end);
          expect(single || end - start <= max).toBe(true);
        }
        for (const [i, [start, end]] of requests.entries()) {
          const before = requests[i - 1];
          // Neighbours stay apart for a reason: the gap, or the length of what is asked for first behind it.
          if (!before || start - before[1] > gap) continue;
          const next = reads.filter((r) => r[0] === start && r[1] <= end);
          expect(Math.max(...next.map((r) => r[1])) - before[0]).toBeGreaterThan(max);
        }
      }),
    );
  });

  test.each([
    [
      'within the gap',
      [
        [0, 10],
        [20, 30],
      ],
      { gap: 10 },
      [[0, 30]],
    ],
    [
      'one byte past the gap',
      [
        [0, 10],
        [21, 30],
      ],
      { gap: 10 },
      [
        [0, 10],
        [21, 30],
      ],
    ],
    [
      'out of order, overlapping and doubled',
      [
        [20, 30],
        [0, 10],
        [5, 22],
        [0, 10],
      ],
      { gap: 0 },
      [[0, 30]],
    ],
    [
      'up to the maximum',
      [
        [0, 50],
        [50, 100],
        [100, 150],
      ],
      { gap: 0, max: 100 },
      [
        [0, 100],
        [100, 150],
      ],
    ],
    [
      'one byte past the maximum',
      [
        [0, 50],
        [50, 101],
      ],
      { gap: 0, max: 100 },
      [
        [0, 50],
        [50, 101],
      ],
    ],
    [
      'a long one with its start asked for first',
      [
        [0, 10],
        [0, 500],
      ],
      { max: 100 },
      [[0, 500]],
    ],
    [
      'a long one with a short one inside',
      [
        [0, 500],
        [100, 110],
      ],
      { max: 100 },
      [[0, 500]],
    ],
    [
      'defaults',
      [
        [0, 1],
        [19_999, 20_000],
      ],
      {},
      [[0, 20_000]],
    ],
  ] as const)('%s', async (_name, reads, options, requests) => {
    const below = recording(memorySource(content));
    const source = coalesce(below, options);
    const got = await Promise.all(reads.map(([start, end]) => source.read(start, end)));
    expect(got).toEqual(reads.map(([start, end]) => content.slice(start, end)));
    expect(below.asked).toEqual(requests);
  });

  test('reads of different turns stay apart', async () => {
    const below = recording(memorySource(content));
    const source = coalesce(below);
    await source.read(0, 10);
    await source.read(10, 20);
    expect(below.asked).toEqual([
      [0, 10],
      [10, 20],
    ]);
  });

  test('a read out of bounds fails alone; a failed request fails its callers', async () => {
    const below = recording(memorySource(content));
    const source = coalesce(below);
    const [good, bad] = await Promise.allSettled([source.read(0, 10), source.read(5, 20_001)]);
    expect([good.status, bad.status]).toEqual(['fulfilled', 'rejected']);
    const broken = coalesce({ size: 100, read: () => Promise.reject(new BadInput('broken; mend it')) });
    const both = await Promise.allSettled([broken.read(0, 10), broken.read(20, 30)]);
    expect(both.map((r) => r.status)).toEqual(['rejected', 'rejected']);
  });
});

describe('readAhead', () => {
  test('any range and chunk give the bytes of the source in ceil(n/chunk) reads, at most `depth` at once', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2000),
        fc.nat(2000),
        fc.integer({ min: 1, max: 700 }),
        fc.integer({ min: 1, max: 5 }),
        async (a, b, chunk, depth) => {
          const [start, end] = [Math.min(a, b), Math.max(a, b)];
          const tally = { bytes: 0, reads: 0 };
          let [flying, most] = [0, 0];
          const below = counting(memorySource(content), tally);
          const source: Source = {
            size: below.size,
            async read(from, to) {
              most = Math.max(most, ++flying);
              await new Promise(setImmediate);
              flying--;
              return below.read(from, to);
            },
          };
          const parts: Uint8Array[] = [];
          for await (const part of readAhead(source, start, end, { chunk, depth })) parts.push(part);
          expect(Buffer.concat(parts).equals(content.subarray(start, end))).toBe(true);
          const reads = Math.ceil((end - start) / chunk);
          expect(tally).toEqual({ bytes: end - start, reads });
          expect(most).toBe(Math.min(depth, reads));
        },
      ),
      { numRuns: 50 },
    );
  });

  test('reads go on while the consumer holds a chunk', async () => {
    const below = recording(memorySource(content));
    const chunks = readAhead(below, 0, 100, { chunk: 10, depth: 3 });
    await chunks.next();
    expect(below.asked.length).toBe(4);
    await chunks.return();
    expect(below.asked.length).toBe(4);
  });

  test('a consumer that stops waits for what is in flight, and its failure is nobody’s', async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', listen);
    let settled = 0;
    const source: Source = {
      size: 100,
      async read(start) {
        await new Promise((done) => setTimeout(done, start === 0 ? 0 : 20));
        settled++;
        if (start > 0) throw new BadInput('broken; mend it');
        return new Uint8Array(10);
      },
    };
    for await (const bytes of readAhead(source, 0, 100, { chunk: 10, depth: 3 })) {
      expect(bytes.length).toBe(10);
      break;
    }
    expect(settled).toBe(4);
    await new Promise((done) => setTimeout(done, 5));
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
  });

  test('a failure ahead of the consumer waits for its turn', async () => {
    const unhandled: unknown[] = [];
    const listen = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', listen);
    const chunks = readAhead(memorySource(content), 19_990, 20_010, { chunk: 10 });
    await chunks.next();
    await new Promise((done) => setTimeout(done, 5));
    await expect(chunks.next()).rejects.toThrow('[20000, 20010)');
    process.off('unhandledRejection', listen);
    expect(unhandled).toEqual([]);
  });

  test('the first failure in order is thrown, after the chunks before it', async () => {
    const got: number[] = [];
    const walk = async (): Promise<void> => {
      for await (const bytes of readAhead(memorySource(content), 19_980, 20_010, { chunk: 10, depth: 4 }))
        got.push(bytes.length);
    };
    await expect(walk()).rejects.toThrow('[20000, 20010)');
    expect(got).toEqual([10, 10]);
  });

  test('a chunk or depth of nothing is refused', async () => {
    await expect(readAhead(memorySource(content), 0, 10, { chunk: 0 }).next()).rejects.toThrow('at least 1');
    await expect(readAhead(memorySource(content), 0, 10, { depth: 0 }).next()).rejects.toThrow('at least 1');
  });
});
