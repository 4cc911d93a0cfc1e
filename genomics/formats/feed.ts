/** Feeds the compressed bytes between two virtual offsets to the scan kernel. */
import type { Source } from '../../core/job.ts';
import { readAhead } from '../../core/sources/readahead.ts';
import { give, returnScanner, type Scanner, startRange, type Status, takeScanner } from '../kernels/scan.ts';
import type { Virtual } from './bgzf.ts';
import { blockLimit } from './block.ts';

export type FeedOptions = {
  readonly signal: AbortSignal;
  /** Where the block starts that likely holds the last record needed; as for `records`. */
  readonly hint?: number | undefined;
  /** Called, and waited for, after each chunk but the last. */
  readonly between?: () => Promise<void>;
};

/**
 * Gives `scanner` the bytes of `[from, to)`, `to` undefined: the end of the file, piece by piece: the kernel goes on after each, and once more at
 * the end. Gives nothing where the file has no such range. Throws what the source throws.
 */
export async function* pieces(
  scanner: Scanner,
  source: Source,
  from: Virtual,
  to: Virtual | undefined,
  { signal, hint = Infinity }: Omit<FeedOptions, 'between'>,
): AsyncGenerator<void> {
  const { size } = source;
  const stop = to ?? ([size, 0] as const);
  if (from[0] > size || stop[0] > size) return;
  const end = stop[1] > 0 ? Math.min(size, stop[0] + blockLimit) : stop[0];
  startRange(scanner, from, stop);
  for await (const bytes of readAhead(source, from[0], end, { depth: 1, hint: hint + blockLimit })) {
    signal.throwIfAborted();
    give(scanner, bytes);
    yield;
  }
  yield;
}

/**
 * Feeds `scanner` the bytes of `[from, to)`; `go` has it work them off. Ends with the first answer of `go` that is not `hungry`; `fault` when there is
 * nothing left to give.
 */
export async function feed(
  scanner: Scanner,
  source: Source,
  from: Virtual,
  to: Virtual | undefined,
  go: () => Status,
  { between, ...options }: FeedOptions,
): Promise<Status> {
  for await (const _ of pieces(scanner, source, from, to, options)) {
    const status = go();
    if (status !== 'hungry') return status;
    await between?.();
  }
  return 'fault';
}

/**
 * What `work` makes with an instance of the kernel; undefined when it says so, because of a fault in the data, or when the kernel
 * trips over them. What is wrong is for the reading in TypeScript to find and to word: there is one place for that.
 */
export async function withScanner<R>(
  module: WebAssembly.Module,
  work: (scanner: Scanner) => Promise<R | undefined>,
): Promise<R | undefined> {
  try {
    const scanner = takeScanner(module);
    const done = await work(scanner);
    if (done !== undefined) returnScanner(scanner);
    return done;
  } catch (error) {
    // A trap, or memory that cannot be had.
    if (error instanceof WebAssembly.RuntimeError || error instanceof RangeError) return undefined;
    throw error;
  }
}
