/** A range as one stream that survives broken connections: it goes on from the byte that it reached. */
import { Broken, type Persistence, recover } from './persist.ts';

/** How a stream goes on. */
export type Resuming = Persistence & {
  /** Milliseconds of waiting without a byte after which a connection is given up; 30,000 unless given. */
  readonly patience?: number | undefined;
};

/**
 * Requests the bytes `[from, to)` and gives them as they arrive. It is to end the request when `signal` is aborted, or when the
 * iterator is told to return. A failure, and one of the iterator, is judged as an attempt's.
 */
export type Opening = (from: number, to: number, signal: AbortSignal) => Promise<AsyncIterable<Uint8Array>>;

/**
 * The bytes `[start, end)` in order, by one request unless it fails. A request that breaks off, gives too few or too many bytes or
 * is silent for `patience` is followed by one for the rest, after the waits of `persist`; every byte that arrives gives back all attempts.
 * No request is made before the first piece is asked for. A consumer that stops early ends the request at once, also while it waits for a piece.
 * @throws as `persist`
 */
export function resume(
  start: number,
  end: number,
  open: Opening,
  options: Resuming,
): AsyncIterableIterator<Uint8Array> {
  const stop = new AbortController();
  const pieces = generate(start, end, open, options, stop);
  return {
    [Symbol.asyncIterator]() {
      return this;
    },
    next: () => pieces.next(),
    // A generator's own return would wait for the piece in flight.
    return() {
      stop.abort(new Error('the stream was closed by its reader'));
      return pieces.return(undefined);
    },
  };
}

async function* generate(
  start: number,
  end: number,
  open: Opening,
  { signal, patience = 30_000, ...persistence }: Resuming,
  stop: AbortController,
): AsyncGenerator<Uint8Array, undefined, undefined> {
  const abort = (): void => stop.abort(signal?.reason);
  signal?.throwIfAborted();
  signal?.addEventListener('abort', abort, { once: true });
  let at = start;
  let failures = 0;
  try {
    while (at < end) {
      const attempt = connect(at, end, open, stop.signal, patience);
      try {
        for (let piece = await attempt.next(); piece && at < end; piece = await attempt.next()) {
          if (at + piece.length > end) throw new Broken(`a body of more than ${end - start} bytes`);
          if (piece.length === 0) continue;
          at += piece.length;
          failures = 0;
          yield piece;
        }
        if (at < end) throw new Broken(`a body that ends at byte ${at}, expected ${end}`);
      } catch (error) {
        // What comes after the last byte concerns nobody.
        if (at === end) return;
        failures += 1;
        attempt.close();
        await recover(error, failures, { ...persistence, signal: stop.signal });
      } finally {
        attempt.close();
      }
    }
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** One request; `next` gives undefined at its end. */
function connect(
  from: number,
  to: number,
  open: Opening,
  stop: AbortSignal,
  patience: number,
): { next(): Promise<Uint8Array | undefined>; close(): void } {
  stop.throwIfAborted();
  const controller = new AbortController();
  const { signal } = controller;
  const abort = (): void => controller.abort(stop.reason);
  stop.addEventListener('abort', abort, { once: true });
  // Rejects the piece in flight, for clients that do not notice by themselves that a request was aborted.
  let reject: (error: unknown) => void = () => {};
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });

  let pieces: AsyncIterator<Uint8Array> | undefined;
  let isDone = false;
  const advance = async (): Promise<Uint8Array | undefined> => {
    pieces ??= (await open(from, to, signal))[Symbol.asyncIterator]();
    const { value, done } = await pieces.next();
    isDone = done === true;
    return isDone ? undefined : (value as Uint8Array);
  };
  return {
    async next() {
      // The clock runs only while the server is waited for: a consumer may take its time.
      const watch = setTimeout(() => controller.abort(new Broken(`silence for ${patience} ms`)), patience);
      try {
        // Not Promise.race, which would keep every piece until the end of the request.
        return await new Promise((resolve, fail) => {
          reject = fail;
          advance().then(resolve, fail);
        });
      } catch (error) {
        // The client's own words for an abort say less than its reason.
        throw signal.aborted ? signal.reason : error;
      } finally {
        clearTimeout(watch);
      }
    },
    close() {
      stop.removeEventListener('abort', abort);
      if (isDone) return;
      controller.abort(new Broken('closed'));
      pieces?.return?.().catch(() => {});
    },
  };
}
