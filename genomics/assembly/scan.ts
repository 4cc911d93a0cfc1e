/** The scan kernel: blocks of BGZF in, counts of records, depths of bases, or records out, all in one memory. */
import { coverReads, filterReads, passOver, readCount, readLast, readNext, readSeen, turn } from './coverage.ts';
import { finishDepth, watchRuns } from './depth.ts';
import { countFlags, startFlags } from './flagstat.ts';
import { gatherRecords, isGathered, passRecords, recordsAt, recordsSize, startRecords } from './gather.ts';
import { BINS, ELSEWHERE, FLAGS, INPUT, MAX_INPUT, RUN_AT, RUN_DEPTH } from './layout.ts';
import { startTally, tallyBases, tallyBins, tallyLeast, tallyMost, tallySum } from './tally.ts';
import { addInput, AT_END, dataAt, dataEnd, fill, HUNGRY, keepInput, startRange } from './window.ts';

// What is exported straight from a file that is named with its ending is not found by the compiler.
export { addInput, keepInput, startRange };
export { filterReads, finishDepth, passOver, readCount, readLast, readNext, readSeen, turn, watchRuns };
export { startTally, tallyBases, tallyBins, tallyLeast, tallyMost, tallySum };
export { startFlags };
export { passRecords, recordsAt, recordsSize, startRecords };

/** The range ends within a record. */
export const CUT_RECORD: i32 = -31;

/** Addresses of what the host reads and writes. */
export const input: usize = INPUT;
export const maxInput: i32 = MAX_INPUT;
export const flags: usize = FLAGS;
export const elsewhere: usize = ELSEWHERE;
export const runAt: usize = RUN_AT;
export const runDepth: usize = RUN_DEPTH;
export const bins: usize = BINS;

/** What records are asked for. */
const FOR_FLAGS: i32 = 1;
const FOR_DEPTHS: i32 = 2;

/**
 * Inflates and counts as far as the input goes: 0 when more of it is needed, 1 at the range's end, 2 before a record of another contig, 3
 * before one past the interval, 4 when enough records are gathered, or what is wrong, below 0. `goal`: 1 counts FLAGs, 2 depths, 3 gathers
 * records; `contigs`: those of the header.
 */
export function scan(goal: i32, contigs: i32): i32 {
  while (true) {
    const status =
      goal == FOR_FLAGS ? countFlags(contigs) : goal == FOR_DEPTHS ? coverReads(contigs) : gatherRecords(contigs);
    if (status != 0) return status;
    const filled = fill();
    if (filled == AT_END) return dataAt == dataEnd || (goal > FOR_DEPTHS && isGathered()) ? AT_END : CUT_RECORD;
    if (filled == HUNGRY || filled < 0) return filled;
  }
}
