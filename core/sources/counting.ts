/** A wrapper that counts what is read. */
import type { Source } from '../job.ts';

/** Bytes delivered and reads asked for. */
export type Tally = { bytes: number; reads: number };

/** Adds to `tally`: a read when it is asked for, its bytes when they arrive. */
export function counting(source: Source, tally: Tally): Source {
  return {
    size: source.size,
    async read(start, end, into) {
      tally.reads += 1;
      const bytes = await source.read(start, end, into);
      tally.bytes += bytes.length;
      return bytes;
    },
    ...(source.close && { close: () => source.close!() }),
  };
}
