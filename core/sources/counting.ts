/** A wrapper that counts what is read. */
import type { Source } from '../job.ts';
import { from } from './origin.ts';

/** Bytes delivered and reads asked for. */
export type Tally = { bytes: number; reads: number };

/** Adds to `tally`: a read or a stream when it is asked for, its bytes when they arrive. */
export function counting(source: Source, tally: Tally): Source {
  return from(source, {
    size: source.size,
    async read(start, end, into) {
      tally.reads += 1;
      const bytes = await source.read(start, end, into);
      tally.bytes += bytes.length;
      return bytes;
    },
    ...(source.stream && {
      stream(start: number, end: number) {
        tally.reads += 1;
        return countPieces(source.stream!(start, end)[Symbol.asyncIterator](), tally);
      },
    }),
    ...(source.close && { close: () => source.close!() }),
  });
}

/** Not a generator, whose return would wait for the piece in flight. */
function countPieces(pieces: AsyncIterator<Uint8Array>, tally: Tally): AsyncIterableIterator<Uint8Array> {
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    async next() {
      const result = await pieces.next();
      if (!result.done) tally.bytes += result.value.length;
      return result;
    },
    async return() {
      await pieces.return?.();
      return { done: true, value: undefined };
    },
  };
}
