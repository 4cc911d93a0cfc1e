/** Consecutive chunks of a source, read while the consumer computes. */
import type { Source } from '../job.ts';

/**
 * Gives `[start, end)` in order, in chunks of `chunk` bytes, the last one shorter. At most `depth` reads are in flight, also while
 * the consumer holds a chunk. A chunk may be used until the next but one is asked for: memory is (depth + 2) chunks, used in turn. A consumer that stops early waits for the reads in flight, whose
 * failures then concern nobody, so that it may close the source at once. Throws what `source.read` throws.
 */
export async function* readAhead(
  source: Source,
  start: number,
  end: number,
  { chunk = 1 << 20, depth = 2 }: { chunk?: number; depth?: number } = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!(chunk >= 1 && depth >= 1))
    throw new RangeError(`read-ahead: found chunk ${chunk} and depth ${depth}, expected at least 1 of each`);
  const flying: Promise<Uint8Array>[] = [];
  const ring: Uint8Array[] = [];
  let next = start;
  let turn = 0;
  const launch = (): void => {
    while (flying.length < depth && next < end) {
      const stop = Math.min(next + chunk, end);
      const slot = turn++ % (depth + 2);
      const reading = source.read(next, stop, (ring[slot] ??= new Uint8Array(stop - next)));
      // The failure is thrown when its turn comes; until then it must not count as unhandled.
      reading.catch(() => {});
      flying.push(reading);
      next = stop;
    }
  };
  try {
    launch();
    while (flying.length > 0) {
      const bytes = await flying[0]!;
      void flying.shift();
      launch();
      yield bytes;
    }
  } finally {
    await Promise.allSettled(flying);
  }
}
