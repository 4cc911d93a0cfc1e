/** Neighbouring reads, served by few long streams where the source has them. */
import type { Source } from '../job.ts';

export type Reader = {
  /**
   * As many bytes as `into` has, those that follow the last read's; they lie in `into` where the source can. Reads may be asked for before earlier
   * ones are done. Nothing at or behind byte `limit` is asked of the source.
   */
  read(into: Uint8Array, limit: number): Promise<Uint8Array>;
  /** Ends the streams: a read from one that is in flight fails. */
  close(): Promise<void>;
};

type Request = {
  readonly end: number;
  readonly pieces: AsyncIterator<Uint8Array>;
  /** Asked for ahead of its turn. */
  first: Promise<IteratorResult<Uint8Array>> | undefined;
};

/** Reads from `start` on; a stream is `span` bytes (64 MiB unless told), and the next one is opened before the last bytes of one are taken. */
export function readerOf(source: Source, start: number, span: number = 64 << 20): Reader {
  if (source.stream) return streaming((from, to) => source.stream!(from, to), start, span);
  let at = start;
  return {
    read(into) {
      at += into.length;
      return source.read(at - into.length, at, into);
    },
    close: async () => {},
  };
}

function streaming(stream: NonNullable<Source['stream']>, start: number, span: number): Reader {
  let at = start;
  let current: Request | undefined;
  let following: Request | undefined;
  let rest: Uint8Array = new Uint8Array(0);
  let isClosed = false;
  let line: Promise<unknown> = Promise.resolve();

  const open = (from: number, limit: number): Request => {
    if (isClosed) throw new Error('the reader was closed');
    const end = Math.min(from + span, limit);
    return { end, pieces: stream(from, end)[Symbol.asyncIterator](), first: undefined };
  };
  const advance = async (request: Request): Promise<IteratorResult<Uint8Array>> => {
    const coming = request.first ?? request.pieces.next();
    request.first = undefined;
    return coming;
  };
  const fill = async (into: Uint8Array, limit: number): Promise<Uint8Array> => {
    for (let filled = 0; filled < into.length;) {
      if (!current) {
        current = following ?? open(at, limit);
        following = undefined;
      }
      if (rest.length === 0) {
        const { value, done } = await advance(current);
        if (done) throw new RangeError(`a stream up to byte ${current.end} ended at byte ${at}`);
        rest = value;
      }
      const taken = rest.subarray(0, into.length - filled);
      into.set(taken, filled);
      rest = rest.subarray(taken.length);
      filled += taken.length;
      at += taken.length;
      if (at < current.end) continue;
      // A stream that was seen to end leaves its connection to the next one.
      await advance(current);
      current = undefined;
    }
    if (current && !following && current.end < limit && current.end - at <= into.length) {
      following = open(current.end, limit);
      following.first = following.pieces.next();
      following.first.catch(() => {});
    }
    return into;
  };
  return {
    read(into, limit) {
      const reading = line.then(() => fill(into, limit));
      line = reading;
      return reading;
    },
    async close() {
      isClosed = true;
      await Promise.allSettled([current, following].map(async (request) => request?.pieces.return?.()));
    },
  };
}
