/** Gathers whole records, for a host that looks at them itself. */
import { recordAt } from './record.ts';
import { dataAt, dataEnd, useData } from './window.ts';

/** There are as many bytes of records as are gathered at once. */
export const FULL: i32 = 4;
/** Few enough that they are still in the processor's cache when the host looks at them. */
const GOAL: usize = 256 << 10;

/** Bytes of whole records at the start of the data. */
let whole: usize = 0;

/** Starts with none. */
export function startRecords(): void {
  whole = 0;
}

/** Steps over the whole records of the data: 0, FULL, or what is wrong. */
export function gatherRecords(contigs: i32): i32 {
  const end = dataEnd;
  let at = dataAt + whole;
  while (true) {
    const size = recordAt(at, end, contigs);
    if (size <= 0) {
      whole = at - dataAt;
      return size < 0 ? size : whole >= GOAL ? FULL : 0;
    }
    at += size;
  }
}

/** Whether the data hold nothing but whole records. */
export function isGathered(): bool {
  return dataAt + whole == dataEnd;
}

/** Where the records are, and how many bytes they have. */
export function recordsAt(): usize {
  return dataAt;
}
export function recordsSize(): usize {
  return whole;
}

/** The host has looked at them. */
export function passRecords(): void {
  useData(dataAt + whole);
  whole = 0;
}
