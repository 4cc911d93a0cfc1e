/** Counts bases by depth, contig by contig. */
import { roomFor } from '../../core/room.ts';
import type { Runs } from './depth.ts';

/** mosdepth counts depths above the limit as this one, but sums them as they are. */
const [limit, overLimit] = [400_000, 399_990];

/** Bases of one contig. */
export type Tally = {
  bases: number;
  /** Of their depths. */
  sum: number;
  min: number;
  max: number;
  /** Bases of each depth, up to `counted`, exclusive. */
  counts: Float64Array;
  counted: number;
};

/**
 * Tallies of several contigs; additive. Contig i has `bins[i]` entries of `depth` and `count`, after those of the contigs
 * before it; the depths ascend.
 */
export type Tallies = {
  readonly contig: Int32Array<ArrayBuffer>;
  readonly bases: Float64Array<ArrayBuffer>;
  readonly sum: Float64Array<ArrayBuffer>;
  readonly min: Float64Array<ArrayBuffer>;
  readonly max: Float64Array<ArrayBuffer>;
  readonly bins: Int32Array<ArrayBuffer>;
  readonly depth: Int32Array<ArrayBuffer>;
  readonly count: Float64Array<ArrayBuffer>;
};

export const createTally = (): Tally => ({
  bases: 0,
  sum: 0,
  min: Infinity,
  max: 0,
  counts: new Float64Array(1024),
  counted: 0,
});

/** Adds `bases` bases of a depth to the sums; the histogram is `countDepth`'s. */
export function addDepth(tally: Tally, depth: number, bases: number): void {
  tally.bases += bases;
  tally.sum += depth * bases;
  if (depth < tally.min) tally.min = depth;
  if (depth > tally.max) tally.max = depth;
}

/** Adds to the histogram. */
export function countDepth(tally: Tally, depth: number, bases: number): void {
  const bin = depth > limit ? overLimit : depth;
  if (bin >= tally.counted) {
    tally.counts = roomFor(tally.counts, bin + 1);
    tally.counted = bin + 1;
  }
  tally.counts[bin]! += bases;
}

/** Adds all bases of the runs. */
export function addRuns(tally: Tally, { at, depth, count, end }: Runs): void {
  for (let i = 0; i < count; i++) {
    const bases = (i + 1 < count ? at[i + 1]! : end) - at[i]!;
    addDepth(tally, depth[i]!, bases);
    countDepth(tally, depth[i]!, bases);
  }
}

/** Collects tallies of contigs, in order. */
export type TalliesBuilder = {
  /** Empties the tally. A contig that was the last one's is added to it. */
  push(contig: number, tally: Tally): void;
  pushAll(tallies: Tallies): void;
  build(): Tallies;
};

export function createTallies(): TalliesBuilder {
  const contigs: { contig: number; bases: number; sum: number; min: number; max: number; bins: number }[] =
    [];
  const depths: number[] = [];
  const counts: number[] = [];
  // The last contig, to which more may come.
  const open = createTally();
  let contig = -1;

  const close = (): void => {
    if (contig < 0) return;
    let bins = 0;
    for (let depth = 0; depth < open.counted; depth++) {
      if (open.counts[depth] === 0) continue;
      depths.push(depth);
      counts.push(open.counts[depth]!);
      bins++;
    }
    const { bases, sum, min, max } = open;
    contigs.push({ contig, bases, sum, min, max, bins });
    clear(open);
  };
  const begin = (next: number): void => {
    if (next === contig) return;
    close();
    contig = next;
  };
  const extend = (tally: Pick<Tally, 'bases' | 'sum' | 'min' | 'max'>): void => {
    open.bases += tally.bases;
    open.sum += tally.sum;
    open.min = Math.min(open.min, tally.min);
    open.max = Math.max(open.max, tally.max);
  };
  return {
    push(next, tally) {
      begin(next);
      extend(tally);
      for (let depth = 0; depth < tally.counted; depth++)
        if (tally.counts[depth] !== 0) countDepth(open, depth, tally.counts[depth]!);
      clear(tally);
    },
    pushAll(tallies) {
      for (const [next, tally] of eachTally(tallies)) {
        begin(next);
        extend(tally);
        tally.depth.forEach((depth, i) => countDepth(open, depth, tally.count[i]!));
      }
    },
    build() {
      close();
      contig = -1;
      return {
        contig: Int32Array.from(contigs, (c) => c.contig),
        bases: Float64Array.from(contigs, (c) => c.bases),
        sum: Float64Array.from(contigs, (c) => c.sum),
        // Infinity, of no base at all, is kept: it is neutral.
        min: Float64Array.from(contigs, (c) => c.min),
        max: Float64Array.from(contigs, (c) => c.max),
        bins: Int32Array.from(contigs, (c) => c.bins),
        depth: Int32Array.from(depths),
        count: Float64Array.from(counts),
      };
    },
  };
}

/** One contig of tallies. */
export type ContigTally = Pick<Tally, 'bases' | 'sum' | 'min' | 'max'> & {
  readonly depth: Int32Array;
  readonly count: Float64Array;
};

/** The contigs of tallies with what they have, in order. */
export function* eachTally(tallies: Tallies): Generator<[contig: number, tally: ContigTally]> {
  let at = 0;
  for (let i = 0; i < tallies.contig.length; i++) {
    const end = at + tallies.bins[i]!;
    yield [
      tallies.contig[i]!,
      {
        bases: tallies.bases[i]!,
        sum: tallies.sum[i]!,
        min: tallies.min[i]!,
        max: tallies.max[i]!,
        depth: tallies.depth.subarray(at, end),
        count: tallies.count.subarray(at, end),
      },
    ];
    at = end;
  }
}

function clear(tally: Tally): void {
  tally.bases = 0;
  tally.sum = 0;
  tally.min = Infinity;
  tally.max = 0;
  tally.counts.fill(0, 0, tally.counted);
  tally.counted = 0;
}
