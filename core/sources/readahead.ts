/** Consecutive chunks of a source, read while the consumer computes. */
import type { Source } from '../job.ts';
import { readerOf } from './reader.ts';

export type ReadAhead = {
  /** Bytes of a chunk; 1 MiB unless told. */
  readonly chunk?: number;
  /** Reads in flight; 2 unless told. */
  readonly depth?: number;
  /** The consumer knows no need for what follows this byte: nothing behind it is read before it is asked for. `end` unless told. */
  readonly hint?: number;
  /** Bytes of a request, of a source that has `stream`; 64 MiB unless told. */
  readonly span?: number;
};

/** Bytes asked for when a hint was too short; doubled each time. */
const firstStep = 1 << 20;

/**
 * Gives `[start, end)` in order, in chunks of `chunk` bytes, those that end at a hint and at `end` shorter. At most `depth` reads are in flight, also while
 * the consumer holds a chunk. A chunk may be used until the next but one is asked for: memory is (depth + 2) chunks, used in turn. A source
 * that has `stream` is asked for `span` bytes at once, the next ones before the last chunk of these has been taken.
 * A consumer that stops early ends the streams and waits for the reads in flight, whose
 * failures then concern nobody, so that it may close the source at once. Throws what the source throws.
 */
export async function* readAhead(
  source: Source,
  start: number,
  end: number,
  { chunk = 1 << 20, depth = 2, hint = end, span }: ReadAhead = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  if (!(chunk >= 1 && depth >= 1))
    throw new RangeError(`read-ahead: found chunk ${chunk} and depth ${depth}, expected at least 1 of each`);
  const flying: Promise<Uint8Array>[] = [];
  const ring: Uint8Array[] = [];
  const reader = readerOf(source, start, span);
  let next = start;
  let turn = 0;
  let limit = Math.min(hint, end);
  let step = firstStep;
  const launch = (): void => {
    while (flying.length < depth && next < limit) {
      const stop = Math.min(next + chunk, limit);
      const slot = turn++ % (depth + 2);
      let into = ring[slot];
      if (!into || into.length < stop - next) into = ring[slot] = new Uint8Array(stop - next);
      const reading = reader.read(into.subarray(0, stop - next), limit);
      // The failure is thrown when its turn comes; until then it must not count as unhandled.
      reading.catch(() => {});
      flying.push(reading);
      next = stop;
    }
  };
  try {
    launch();
    for (;;) {
      if (flying.length === 0) {
        if (next >= end) return;
        limit = Math.min(next + step, end);
        step *= 2;
        launch();
      }
      const bytes = await flying[0]!;
      void flying.shift();
      launch();
      yield bytes;
    }
  } finally {
    await reader.close();
    await Promise.allSettled(flying);
  }
}
