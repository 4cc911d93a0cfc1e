/** What is reported of one region: the mean or median of its depths, and how many bases reach thresholds. */
import { countDepth, createTally, type Tally } from './tally.ts';

/** What to report. */
export type Measure = {
  /** Ascending. */
  readonly thresholds: readonly number[];
  readonly isMedian: boolean;
};

/** Numbers of a row of output: the mean or median, then the bases of each threshold. */
export const strideOf = ({ thresholds }: Measure): number => 1 + thresholds.length;

/**
 * Longest region whose mean is the sum of depth / length, base after base in double precision, which decides how ties of
 * the last digit round in mosdepth. Above it is the sum of depths / length, of which intervals can be added.
 */
export const longest = 1 << 20;
/** Depths from here on count as this one for the median, as in mosdepth. */
const medianLimit = 65535;

/** A region while its bases come. */
export type Row = {
  /** Place among the contig's regions. */
  row: number;
  /** Its bases on the contig. */
  start: number;
  end: number;
  /** Its length as it was asked for, beyond the contig's end, too. */
  length: number;
  /** Bases that have come. */
  covered: number;
  /** Sum of depths, or of depth / length where that is not longer than `longest`. */
  sum: number;
  readonly reaching: Float64Array;
  readonly histogram: Tally | undefined;
};

export const createRow = ({ thresholds, isMedian }: Measure): Row => ({
  row: 0,
  start: 0,
  end: 0,
  length: 0,
  covered: 0,
  sum: 0,
  reaching: new Float64Array(thresholds.length),
  histogram: isMedian ? createTally() : undefined,
});

/** Makes a row one for another region. */
export function reset(row: Row, place: number, start: number, end: number, length: number): void {
  row.row = place;
  row.start = start;
  row.end = end;
  row.length = length;
  row.covered = 0;
  row.sum = 0;
  row.reaching.fill(0);
  const { histogram } = row;
  if (!histogram) return;
  histogram.counts.fill(0, 0, histogram.counted);
  histogram.counted = 0;
}

/** Adds the bases of a run that the row covers; runs come in order. Gives how many they are. */
export function addRun(row: Row, start: number, end: number, depth: number, measure: Measure): number {
  const bases = Math.min(end, row.end) - Math.max(start, row.start);
  if (bases <= 0) return 0;
  row.covered += bases;
  if (row.histogram) countDepth(row.histogram, Math.min(depth, medianLimit), bases);
  else if (row.length > longest) row.sum += depth * bases;
  else if (depth !== 0) {
    const share = depth / row.length;
    let { sum } = row;
    for (let i = 0; i < bases; i++) sum += share;
    row.sum = sum;
  }
  const { thresholds } = measure;
  for (let i = 0; i < thresholds.length && depth >= thresholds[i]!; i++) row.reaching[i]! += bases;
  return bases;
}

/** Mean or median of a row of which all bases have come. */
export function valueOf({ histogram, covered, length, sum }: Row): number {
  if (histogram) return median(histogram, covered);
  return length > longest ? sum / length : sum;
}

/** The smallest depth that at least half of the bases do not exceed. */
function median({ counts, counted }: Tally, bases: number): number {
  const half = Math.floor(0.5 + bases * 0.5);
  let sum = 0;
  for (let depth = 0; depth < counted; depth++) {
    sum += counts[depth]!;
    if (sum >= half) return depth;
  }
  return 0;
}
