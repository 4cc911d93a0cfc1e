/** Pairs that tie a window to its partner elsewhere in the genome: discordant mates, split reads, and reads that fit in two places. */
import { CLIP, CUT, align, compare, createRead } from './alignment.ts';
import type { Read } from './alignment.ts';
import type { Genome } from './genome.ts';
import { SEGMENT } from './genome.ts';
import type { Individual, Locus } from './individual.ts';
import type { Bench, Library } from './library.ts';
import { createBench, expectedPairs, mapqOf, nameOf, shear } from './library.ts';
import type { Emit } from './pairs.ts';
import {
  FIRST,
  LAST,
  MATE_REVERSE,
  PAIRED,
  PROPER,
  REVERSE,
  SECONDARY,
  SUPPLEMENTARY,
  emitPair,
  createEntry,
} from './pairs.ts';
import type { Entry } from './record.ts';
import { printCigar } from './record.ts';
import { random } from './random.ts';

/** Pairs, as shares of those that begin in a window. */
const share = { discordant: 0.004, split: 0.004, twin: 0.1 };
/** A window's pairs of all three kinds have numbers below this. */
const NUMBERS = 2 ** 16;

/** What a window and its partner have in common, seen from the lower one. */
type Tie = {
  readonly library: Library;
  readonly work: Bench;
  readonly record: Entry;
  readonly low: Locus;
  readonly high: Locus;
  readonly contigs: readonly { readonly name: string }[];
  readonly emit: Emit;
};

/**
 * Emits those records of the pairs between window `index` and its partner that lie in this window. Both windows make the same pairs,
 * each keeps its own records: so nothing has to be remembered from one to the other.
 */
export function chimerasOf(
  library: Library,
  genome: Genome,
  individual: Individual,
  index: number,
  emit: Emit,
): void {
  const partner = genome.partner(index);
  if (partner === undefined) return;
  const lower = Math.min(index, partner);
  const [low, high] = [individual.locus(lower), individual.locus(Math.max(index, partner))];
  const own = index === lower ? low : high;
  const work = createBench(library, random(library.seed, 'chimeras', lower));
  const { rng } = work;
  const record = createEntry(work);
  const tie: Tie = {
    library,
    work,
    record,
    low,
    high,
    contigs: genome.contigs,
    emit: (made) => {
      if (made.contig === own.contig && made.pos >= own.start && made.pos < own.end) emit(made);
    },
  };
  let serial = lower * NUMBERS;
  const pairs = expectedPairs(library, low.known);
  const last = serial + NUMBERS;
  const times = (mean: number, one: (tie: Tie, name: string) => void): void => {
    for (let n = rng.count(mean); n > 0 && serial < last; n--) one(tie, nameOf(2, serial++));
  };
  times(pairs * share.discordant, emitDiscordant);
  times(pairs * share.split, emitSplit);
  if (genome.duplicated(index)) times(pairs * share.twin, emitTwin);
}

/** One mate in each window, either strand. */
function emitDiscordant({ library, work, record, low, high, emit }: Tie, name: string): void {
  const { rng, left: a, right: b } = work;
  const n = library.length;
  const [hereReverse, thereReverse] = [rng.chance(0.5), rng.chance(0.5)];
  const here = low.haplotypes[rng.below(2)]!;
  const there = high.haplotypes[rng.below(2)]!;
  // Both keep clear of the windows' ends, beyond which the sequence may not be known.
  if (!work.one(a, low, here, rng.below(here.owned - n), n, hereReverse, false)) return;
  if (!work.one(b, high, there, rng.below(there.owned - n), n, thereReverse, true)) return;
  record.name = name;
  record.split = '';
  const isSame = low.contig === high.contig;
  const span = Math.max(a.end, b.end) - Math.min(a.pos, b.pos);
  for (const one of [a, b]) {
    const mate = one === a ? b : a;
    record.read = one;
    record.mate = mate;
    record.flag = PAIRED | (one === a ? FIRST : LAST);
    record.flag |= (one.isReverse ? REVERSE : 0) | (mate.isReverse ? MATE_REVERSE : 0);
    record.contig = one === a ? low.contig : high.contig;
    record.mateContig = one === a ? high.contig : low.contig;
    record.pos = one.pos;
    record.matePos = mate.pos;
    record.mapq = mapqOf(one, mate, rng);
    record.templateLength = !isSame ? 0 : one === a ? span : -span;
    emit(record);
  }
}

/** A pair of the lower window whose first read goes on in the upper one: its primary alignment is clipped there, a supplementary one holds the rest. */
function emitSplit({ library, work, record, low, high, contigs, emit }: Tie, name: string): void {
  const { rng, left, right } = work;
  const { length } = library;
  const rest = Math.floor(length / 4) + rng.below(Math.floor(length / 4));
  const insert = Math.max(length, shear(library, rng));
  const here = low.haplotypes[rng.below(2)]!;
  const there = high.haplotypes[rng.below(2)]!;
  const from = rng.below(here.owned - insert);
  const beyond = rng.below(there.owned - length);
  if (!work.pair(low, here, from, insert, true)) return;
  const tail = createRead(length);
  tail.bases.set(left.bases);
  tail.quals.set(left.quals);
  tail.bases.set(there.bases.subarray(beyond, beyond + rest), length - rest);
  left.bases.set(tail.bases);
  if (!align(left, low, here, from, 0, length - rest)) return;
  if (!align(tail, high, there, beyond - (length - rest), length - rest, length)) return;
  cutStart(tail, length - rest);
  const [primary, other] = [mapqOf(left, right, rng), mapqOf(tail, undefined, rng)];
  const describe = (at: Read, locus: Locus, cigar: string, mapq: number): string =>
    `${contigs[locus.contig]!.name},${at.pos + 1},+,${cigar},${mapq},${at.nm};`;

  record.contig = record.mateContig = low.contig;
  emitPair(work, record, name, PROPER, true, (made) => {
    if (made.read === left) {
      made.mapq = primary;
      // SA writes the clip as soft whatever the record has.
      made.split = describe(tail, high, printCigar(tail).replace('H', 'S'), other);
    }
    emit(made);
    made.split = '';
  });
  record.read = tail;
  record.mate = right;
  record.flag = PAIRED | PROPER | FIRST | MATE_REVERSE | SUPPLEMENTARY;
  record.contig = high.contig;
  record.pos = tail.pos;
  record.mateContig = low.contig;
  record.matePos = right.pos;
  record.mapq = other;
  record.templateLength = 0;
  record.split = describe(left, low, printCigar(left), primary);
  record.from = length - rest;
  emit(record);
  record.from = 0;
  record.split = '';
}

/** Turns the leading clip into a hard one: those bases are not in the record. */
function cutStart(tail: Read, from: number): void {
  const first = tail.cigar[0]!;
  // An end too short to be aligned may have been clipped beyond the cut; that part stays soft.
  const soft = (first >>> 4) - from;
  tail.cigar[0] = (from << 4) | CUT;
  if (soft === 0) return;
  tail.cigar.copyWithin(2, 1, tail.ops);
  tail.cigar[1] = (soft << 4) | CLIP;
  tail.ops++;
}

/** A pair within the duplicated segment: mapping quality 0, and a secondary alignment of either read in the other copy, without its bases. */
function emitTwin({ library, work, record, low, high, emit }: Tie, name: string): void {
  const { rng, left, right } = work;
  const [home, away] = rng.chance(0.5) ? [low, high] : [high, low];
  const haplotype = home.haplotypes[rng.below(2)]!;
  const insert = shear(library, rng);
  const room = SEGMENT.end - SEGMENT.start - insert;
  if (room < 1) return;
  const from = SEGMENT.start + rng.below(room);
  if (!work.pair(home, haplotype, from, insert, true)) return;
  const isInside = (one: Read): boolean =>
    one.pos >= home.start + SEGMENT.start && one.end <= home.start + SEGMENT.end;
  if (!isInside(left) || !isInside(right)) return;
  record.contig = record.mateContig = home.contig;
  emitPair(work, record, name, PROPER, true, (made) => {
    made.mapq = 0;
    emit(made);
  });
  for (const one of [left, right]) {
    const mate = one === left ? right : left;
    const matePos = mate.pos;
    const homePos = one.pos;
    one.pos += away.start - home.start;
    compare(one, away);
    record.read = one;
    record.mate = mate;
    record.flag = PAIRED | SECONDARY | (one === left ? FIRST | MATE_REVERSE : LAST | REVERSE);
    record.contig = away.contig;
    record.pos = one.pos;
    record.mateContig = home.contig;
    record.matePos = matePos;
    record.mapq = 0;
    record.templateLength = 0;
    record.to = 0;
    emit(record);
    record.to = library.length;
    one.pos = homePos;
    compare(one, home);
  }
}
