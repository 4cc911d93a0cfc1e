/** The reads that a genome gives: pairs of a window, unmapped mates, duplicates, and pairs that belong nowhere. */
import type { Locus } from './individual.ts';
import type { Bench, Library } from './library.ts';
import { createBench, expectedPairs, fillForeign, isAmplified, mapqOf, nameOf, shear } from './library.ts';
import type { Entry } from './record.ts';
import { random } from './random.ts';

/** Bits of FLAG (SAM spec 1.4). */
export const PAIRED = 1;
export const PROPER = 2;
const UNMAPPED = 4;
const MATE_UNMAPPED = 8;
export const REVERSE = 16;
export const MATE_REVERSE = 32;
export const FIRST = 64;
export const LAST = 128;
export const SECONDARY = 256;
const FAILED = 512;
const DUPLICATE = 1024;
export const SUPPLEMENTARY = 2048;

/** Shares of pairs. */
const share = { duplicate: 0.015, failed: 0.003, unmappedMate: 0.004, wide: 0.002, unplaced: 0.0025 };

/** Gives every entry of a pair; the entry is written over by the next one. */
export type Emit = (entry: Entry) => void;

/** An entry to be filled. */
export function createEntry(bench: Bench): Entry {
  return {
    name: '',
    flag: 0,
    contig: -1,
    pos: -1,
    mapq: 0,
    mateContig: -1,
    matePos: -1,
    templateLength: 0,
    read: bench.left,
    from: 0,
    to: bench.left.bases.length,
    mate: undefined,
    split: '',
  };
}

/**
 * Sequences the pairs whose fragments begin in the locus's first window. `first` is the number of the first pair, which its name tells.
 * Gives the number after the last one.
 */
export function pairsOf(library: Library, index: number, locus: Locus, first: number, emit: Emit): number {
  const work = createBench(library, random(library.seed, 'pairs', index));
  const { rng } = work;
  const record = createEntry(work);
  record.contig = record.mateContig = locus.contig;
  let serial = first;
  const wanted = rng.count(expectedPairs(library, locus.known) / (1 + share.duplicate));
  // Bounded, for a window may be all but unreadable.
  for (let made = 0, tries = 0; made < wanted && tries < 20 * wanted + 100; tries++) {
    const haplotype = locus.haplotypes[rng.below(2)]!;
    const from = rng.below(haplotype.owned);
    const isWide = rng.chance(share.wide);
    const insert = isWide ? 2000 + rng.below(2000) : shear(library, rng);
    if (from + insert > haplotype.bases.length || !isAmplified(haplotype, from, insert, rng)) continue;
    const isFirstLeft = rng.chance(0.5);
    if (!work.pair(locus, haplotype, from, insert, isFirstLeft)) continue;
    made++;
    const common = (rng.chance(share.failed) ? FAILED : 0) | (isWide ? 0 : PROPER);
    if (rng.chance(share.unmappedMate)) emitHalf(work, library, record, serial++, common, isFirstLeft, emit);
    else emitPair(work, record, nameOf(1, serial++), common, isFirstLeft, emit);
    if (rng.chance(share.duplicate) && work.pair(locus, haplotype, from, insert, isFirstLeft))
      emitPair(work, record, nameOf(1, serial++), common | DUPLICATE, isFirstLeft, emit);
  }
  return serial;
}

/** Both reads of the bench, mapped to one contig. */
export function emitPair(
  { left, right, rng }: Bench,
  record: Entry,
  name: string,
  common: number,
  isFirstLeft: boolean,
  emit: Emit,
): void {
  const start = Math.min(left.pos, right.pos);
  const span = Math.max(left.end, right.end) - start;
  record.name = name;
  record.split = '';
  for (const read of isFirstLeft ? [left, right] : [right, left]) {
    const mate = read === left ? right : left;
    record.flag = PAIRED | common | ((read === left) === isFirstLeft ? FIRST : LAST);
    if (read.isReverse) record.flag |= REVERSE;
    if (mate.isReverse) record.flag |= MATE_REVERSE;
    record.read = read;
    record.mate = mate;
    record.pos = read.pos;
    record.matePos = mate.pos;
    record.mapq = mapqOf(read, mate, rng);
    const isLeftmost = read.pos === mate.pos ? read === left : read.pos < mate.pos;
    record.templateLength = isLeftmost ? span : -span;
    emit(record);
  }
}

/** The pair of the bench after one of its ends was found to be foreign: it is placed with the other. */
function emitHalf(
  work: Bench,
  library: Library,
  record: Entry,
  serial: number,
  common: number,
  isFirstLeft: boolean,
  emit: Emit,
): void {
  const { rng } = work;
  const [mapped, lost] = rng.chance(0.5) ? [work.left, work.right] : [work.right, work.left];
  fillForeign(lost, library, rng);
  lost.isReverse = false;
  record.name = nameOf(1, serial);
  record.split = '';
  record.templateLength = 0;
  record.pos = record.matePos = mapped.pos;
  const ends = (mapped === work.left) === isFirstLeft ? [FIRST, LAST] : [LAST, FIRST];
  const base = PAIRED | (common & FAILED);
  record.read = mapped;
  record.mate = undefined;
  record.flag = base | ends[0]! | MATE_UNMAPPED | (mapped.isReverse ? REVERSE : 0);
  record.mapq = mapqOf(mapped, undefined, rng);
  emit(record);
  record.read = lost;
  record.mate = mapped;
  record.flag = base | ends[1]! | UNMAPPED | (mapped.isReverse ? MATE_REVERSE : 0);
  record.mapq = 0;
  emit(record);
}

/** How many pairs belong nowhere, for `pairs` that have a place. */
export const unplacedFor = (pairs: number): number => Math.round(pairs * share.unplaced);

/** The pairs `[first, end)` of those without a place. */
export function emitUnplaced(library: Library, first: number, end: number, emit: Emit): void {
  const work = createBench(library, random(library.seed, 'unplaced', first));
  const record = createEntry(work);
  work.left.isReverse = false;
  for (let pair = first; pair < end; pair++) {
    record.name = nameOf(3, pair);
    for (const flag of [FIRST, LAST]) {
      fillForeign(work.left, library, work.rng);
      record.flag = PAIRED | UNMAPPED | MATE_UNMAPPED | flag;
      emit(record);
    }
  }
}
