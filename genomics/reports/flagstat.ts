/** The report of `samtools flagstat` in a run of several. */
import { toJson, toText } from '../formats/flagstat.ts';
import { type Counted, count, createTally, pack, summarize } from '../kernels/flagstat.ts';
import type { Visitor } from './scan.ts';

export function createFlagstat(): Visitor & { build(): Counted } {
  const tally = createTally();
  return {
    take({ bytes, start, end }) {
      if (end > start) count(bytes.subarray(start, end), tally);
    },
    build: () => pack(tally),
  };
}

export const flagstatText = (counted: Counted): string => toText(...summarize(counted));
export const flagstatJson = (counted: Counted): string => toJson(...summarize(counted));
