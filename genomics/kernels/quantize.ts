/** Turns runs of depth into runs of bins. */
import type { Runs } from './depth.ts';

/** Gives the bins of depths; `binOf` is asked once for each small depth. */
export function createQuantizer(binOf: (depth: number) => number): (depth: number) => number {
  const small = Int32Array.from({ length: 4096 }, (_, depth) => binOf(depth));
  return (depth) => (depth >= 0 && depth < small.length ? small[depth]! : binOf(depth));
}

/**
 * The bin of each run into `out`. The last base of a contig of `length` bases takes the bin of the one before it: mosdepth
 * does not look at it.
 */
export function quantize(
  { at, depth, count, before }: Runs,
  toBin: (depth: number) => number,
  length: number,
  out: Int32Array,
): void {
  for (let i = 0; i < count; i++) out[i] = toBin(depth[i]!);
  const last = count - 1;
  if (length > 1 && at[last] === length - 1) out[last] = last > 0 ? out[last - 1]! : toBin(before);
}
