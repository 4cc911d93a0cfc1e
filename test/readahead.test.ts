/** Read-ahead: exact bytes in exact numbers of requests. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BadInput } from '../core/errors.ts';
import type { Source } from '../core/job.ts';
import { counting } from '../core/sources/counting.ts';
import { memorySource } from './memorysource.ts';
import { readAhead } from '../core/sources/readahead.ts';

const content = Uint8Array.from({ length: 20_000 }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 255);

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
