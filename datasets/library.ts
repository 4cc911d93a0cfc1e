/** A sequencing library: how its fragments are cut, how pairs of reads come of them, and how a mapper scores those. */
import type { Read } from './alignment.ts';
import { align, createRead } from './alignment.ts';
import { BASES, DUPLICATED, N, UNIQUE } from './genome.ts';
import type { Haplotype, Locus } from './individual.ts';
import type { Sequencer } from './qualities.ts';
import { createSequencer } from './qualities.ts';
import type { Random } from './random.ts';
import { scatter } from './random.ts';
import { slip } from './stutter.ts';

export type Library = {
  readonly seed: number;
  /** Bases of a read. */
  readonly length: number;
  /** Mean and standard deviation of the fragments' lengths, in bases. */
  readonly insert: number;
  readonly spread: number;
  /** Bases sequenced for a known base of the reference. */
  readonly depth: number;
  readonly scale: 'full' | 'binned';
};

/** A place to sequence pairs, with memory for one pair. */
export type Bench = {
  readonly rng: Random;
  /** The read on the forward strand, and the one on the reverse strand. */
  readonly left: Read;
  readonly right: Read;
  /**
   * Sequences and aligns both ends of the `insert` bases of a haplotype from base `from` on; `isFirstLeft`: the forward read is the first of the
   * pair. False if an end is unknown or cannot be aligned.
   */
  pair(locus: Locus, haplotype: Haplotype, from: number, insert: number, isFirstLeft: boolean): boolean;
  /** Sequences and aligns one read of `n` template bases. */
  one(
    read: Read,
    locus: Locus,
    haplotype: Haplotype,
    from: number,
    n: number,
    isReverse: boolean,
    isSecond: boolean,
  ): boolean;
};

/** Shortest fragment that is kept. */
const SHORTEST = 50;

/** A bench whose errors are drawn from `rng`. */
export function createBench(library: Library, rng: Random): Bench {
  const { length } = library;
  const [left, right] = [createRead(length), createRead(length)];
  const machine: Sequencer = createSequencer(length, library.scale, rng);
  const one: Bench['one'] = (into, locus, haplotype, from, n, isReverse, isSecond) => {
    const { bases } = haplotype;
    if (from < 0 || from + n > bases.length || bases[from] === N || bases[from + n - 1] === N) return false;
    into.isReverse = isReverse;
    const copy = slip(haplotype, from, n, rng);
    const start = copy ? 0 : from;
    const source = copy ?? haplotype;
    let clip = machine.sequence(
      { bases: source.bases, from: start, n },
      isReverse,
      isSecond,
      into.bases,
      into.quals,
    );
    if (rng.below(1000) < 7) clip = Math.max(clip, scramble(into, 8 + rng.below(length >> 2), rng));
    const shift = isReverse ? start + n - length : start;
    return align(into, locus, source, shift, isReverse ? clip : 0, isReverse ? length : length - clip);
  };
  return {
    rng,
    left,
    right,
    one,
    pair(locus, haplotype, from, insert, isFirstLeft) {
      const n = Math.min(length, insert);
      return (
        one(left, locus, haplotype, from, n, false, !isFirstLeft) &&
        one(right, locus, haplotype, from + insert - n, n, true, isFirstLeft)
      );
    },
  };
}

/** Replaces the last `n` cycles by foreign bases, as in a read over a junction. Gives `n`. */
function scramble({ bases, isReverse }: Read, n: number, rng: Random): number {
  const from = isReverse ? 0 : bases.length - n;
  for (let i = from; i < from + n; i++) bases[i] = BASES[rng.below(4)]!;
  return n;
}

/** A read without a place: foreign bases of low quality. */
export function fillForeign({ bases, quals }: Read, { scale }: Library, rng: Random): void {
  for (let i = 0; i < bases.length; i++) {
    const r = rng.next();
    bases[i] = BASES[r >>> 30]!;
    quals[i] = scale === 'full' ? 2 + ((r & 0xff) % 28) : (r & 3) === 0 ? 15 : 2;
  }
}

/** Length of the next fragment, in bases. */
export const shear = ({ insert, spread }: Library, rng: Random): number =>
  Math.max(SHORTEST, Math.round(insert + spread * rng.gaussian()));

/** Pairs expected to begin in `known` bases of known sequence. */
export const expectedPairs = ({ depth, length }: Library, known: number): number =>
  (known * depth) / (2 * length);

/** Whether amplification kept a fragment: those rich in either kind of base are lost now and then. */
export function isAmplified({ strong }: Haplotype, from: number, insert: number, rng: Random): boolean {
  const share = (100 * (strong[Math.min(strong.length - 1, from + insert)]! - strong[from]!)) / insert;
  const lost = share < 30 ? 2 * (30 - share) : share > 60 ? 2 * (share - 60) : 0;
  return lost <= 0 || rng.below(100) >= lost;
}

/** Mapping quality of a read, given its mate if that is mapped. */
export function mapqOf(read: Read, mate: Read | undefined, rng: Random): number {
  const r = rng.next();
  const [coin, fine] = [r & 0xff, r >>> 8];
  const doubt = Math.max(0, read.nm - 8) * 3;
  // A mate outside the repeat anchors the pair.
  const kind = mate && mate.kind < read.kind ? Math.min(read.kind, UNIQUE + 1) : read.kind;
  const mapq =
    kind === DUPLICATED
      ? coin < 200
        ? 0
        : fine % 10
      : kind === UNIQUE
        ? coin < 246
          ? 60
          : 20 + (fine % 40)
        : coin < (mate && mate.kind === UNIQUE ? 200 : 90)
          ? 40 + (fine % 21)
          : fine % 40;
  return Math.max(0, mapq - doubt);
}

/** The name of the pair of that number in a run, unique, as a sequencer writes it: run, lane, tile, x and y on the flow cell. */
export function nameOf(run: number, pair: number): string {
  // Of every 2^32 pairs each has a spot of its own: 64 tiles of 8192 by 8192.
  const spot = scatter(pair % 2 ** 32);
  const lane = 1 + Math.floor(pair / 2 ** 32);
  return `SIM:${run}:HFLOWCXX:${lane}:${1101 + (spot & 63)}:${1000 + ((spot >>> 6) & 8191)}:${1000 + (spot >>> 19)}`;
}
