/** Counts bases of a contig by depth. */
import { BINS, MAX_BIN, RUN_AT, RUN_DEPTH } from './layout.ts';

// Depths above the limit are counted as this one, but summed as they are.
const OVER_LIMIT: i32 = 399990;

let bases: i64 = 0;
let sum: i64 = 0;
// No depth is above it, which stands for none.
let least: i32 = i32.MAX_VALUE;
let most: i32 = 0;
let counted: i32 = 0;

/** Forgets the contig. */
export function startTally(): void {
  memory.fill(BINS, 0, (<usize>counted) << 2);
  bases = 0;
  sum = 0;
  least = i32.MAX_VALUE;
  most = 0;
  counted = 0;
}

/** Bases, their depths' sum, the least and the greatest depth; bins from 0 on that may hold any. */
export function tallyBases(): f64 {
  return <f64>bases;
}
export function tallySum(): f64 {
  return <f64>sum;
}
export function tallyLeast(): i32 {
  return least;
}
export function tallyMost(): i32 {
  return most;
}
export function tallyBins(): i32 {
  return counted;
}

/** Adds the runs at RUN_AT and RUN_DEPTH, the last of which ends at `end`. */
export function addRuns(count: i32, end: i32): void {
  let low = least;
  let high = most;
  let total: i64 = 0;
  let top = counted;
  // The last run is made to end as the others do: where a next one starts.
  store<i32>(RUN_AT + ((<usize>count) << 2), end);
  let start = load<i32>(RUN_AT);
  bases += end - start;
  for (let i: usize = 0, last = (<usize>count) << 2; i < last; i += 4) {
    const next = load<i32>(RUN_AT + 4 + i);
    const depth = load<i32>(RUN_DEPTH + i);
    const length = next - start;
    start = next;
    total += <i64>depth * <i64>length;
    low = min(low, depth);
    high = max(high, depth);
    const bin = depth > MAX_BIN ? OVER_LIMIT : depth;
    if (bin < 0) continue;
    top = max(top, bin + 1);
    const at = BINS + ((<usize>bin) << 2);
    store<u32>(at, load<u32>(at) + length);
  }
  sum += total;
  least = low;
  most = high;
  counted = top;
}
