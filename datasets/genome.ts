/** A simulated reference genome that is never held as a whole: each window of it is a function of the seed. */
import { BadUsage } from '../core/errors.ts';
import { mix, random } from './random.ts';
import type { Random } from './random.ts';

/** Bases in a window; the last window of a contig is shorter. */
const WINDOW = 8192;

/** Bases as BAM codes them: a bit each for A, C, G and T, all four for N (SAM spec 4.2.3). */
export const [A, C, G, T, N] = [1, 2, 4, 8, 15] as const;
/** The letters of the codes 0 to 15. */
export const LETTERS = '=ACMGRSVTWYHKDBN';
/** The code of the opposite strand's base. */
export const complement = Uint8Array.from([0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15]);
/** The four bases, for drawing one of them. */
export const BASES = Uint8Array.of(A, C, G, T);

/** How a mapper sees a base: nowhere else, inside an interspersed repeat, or in a segment that the genome holds twice. */
export const [UNIQUE, REPEATED, DUPLICATED] = [0, 1, 2] as const;

/** `[start, end)`, 0-based, of the duplicated segment in a window that has one; it lies at the same place in its partner. */
export const SEGMENT = { start: 2048, end: 5120 } as const;

export type Contig = {
  readonly name: string;
  readonly length: number;
  /** The genome's index of its first window, and how many it has. */
  readonly first: number;
  readonly windows: number;
  /** `[start, end)` intervals of N, ascending. */
  readonly gaps: readonly (readonly [number, number])[];
};

export type Window = {
  /** Index of the contig, and the 0-based position of the window in it. */
  readonly contig: number;
  readonly start: number;
  /** A code each. */
  readonly bases: Uint8Array;
  /** UNIQUE, REPEATED or DUPLICATED each. */
  readonly kind: Uint8Array;
};

export type Genome = {
  /** The last one is never sequenced: a contig without reads. */
  readonly contigs: readonly Contig[];
  /** Windows of the sequenced contigs, which come first. */
  readonly sequenced: number;
  /** The window of that index, windows counted through the contigs. */
  window(index: number): Window;
  /** The other window that far pairs, split reads and duplicated segments of this one lead to: an involution; undefined where there is none. */
  partner(index: number): number | undefined;
  /** Whether this window and its partner share the sequence of SEGMENT. */
  duplicated(index: number): boolean;
};

const EMPTY_LENGTH = 4000;
const SHORTEST = 1000;
/** BAI addresses no position beyond this (SAM spec 5.2). */
const LONGEST = 2 ** 29 - 1;

/**
 * A genome of `bases` over `contigs` contigs whose lengths fall linearly, and a small one more that stays empty.
 * GC content drifts between 0.36 and 0.54, CpG is rare, a tenth is interspersed repeats of 5 to 15 % divergence; homopolymers and
 * short tandem repeats are strewn in; 2 % lies in segments that occur twice. Long contigs begin with N and have a gap of N.
 * @throws BadUsage if a contig would be shorter than 1000 bases, or longer than a BAI can index
 */
export function createGenome(seed: number, bases: number, contigs: number): Genome {
  const laid = layOut(bases, contigs);
  if (laid[contigs - 1]!.length < SHORTEST)
    throw new BadUsage(
      `option contigs: ${contigs} contigs make one of ${laid[contigs - 1]!.length} bases, expected at least ${SHORTEST}; ask for fewer contigs`,
    );
  if (laid[0]!.length > LONGEST)
    throw new BadUsage(
      `option contigs: ${contigs} contigs make one of ${laid[0]!.length} bases, expected at most ${LONGEST}; ask for more contigs`,
    );
  const empty = laid.at(-1)!;
  const sequenced = empty.first;
  const families = repeats(seed);

  const contigOf = (index: number): number => laid.findLastIndex((contig) => contig.first <= index);
  const partner = (index: number): number | undefined => {
    const other = sequenced - 1 - index;
    return other !== index && other >= 0 && plain(index) && plain(other) ? other : undefined;
  };
  // Whole, and without N: only such windows have partners.
  const plain = (index: number): boolean => {
    const { length, gaps, first } = laid[contigOf(index)]!;
    const start = (index - first) * WINDOW;
    return start + WINDOW <= length && !gaps.some(([from, to]) => from < start + WINDOW && to > start);
  };
  const duplicated = (index: number): boolean => {
    const other = partner(index);
    return other !== undefined && mix(seed, 0xd0b1e, Math.min(index, other)) % 16 === 0;
  };

  const make = (index: number): Window => {
    const contig = contigOf(index);
    const { first, length, gaps } = laid[contig]!;
    const start = (index - first) * WINDOW;
    const size = Math.min(WINDOW, length - start);
    const made = { contig, start, ...sequence(seed, index, size, families) };
    if (duplicated(index)) {
      const other = partner(index)!;
      if (other < index) copySegment(made.bases, sequence(seed, other, WINDOW, families).bases, seed, index);
      made.kind.fill(DUPLICATED, SEGMENT.start, SEGMENT.end);
    }
    for (const [from, to] of gaps)
      made.bases.fill(N, Math.min(size, Math.max(0, from - start)), Math.min(size, Math.max(0, to - start)));
    return made;
  };

  return { contigs: laid, sequenced, partner, duplicated, window: keepingLast(6, make) };
}

/** `make`, which remembers the last `n` of what it made. */
export function keepingLast<T>(n: number, make: (index: number) => T): (index: number) => T {
  const kept = new Map<number, T>();
  return (index) => {
    const found = kept.get(index) ?? make(index);
    kept.delete(index);
    kept.set(index, found);
    if (kept.size > n) kept.delete(kept.keys().next().value!);
    return found;
  };
}

function layOut(bases: number, contigs: number): Contig[] {
  const laid: Contig[] = [];
  const weights = (contigs * (contigs + 1)) / 2;
  let [first, left] = [0, bases];
  const add = (name: string, length: number, gaps: readonly (readonly [number, number])[]): void => {
    const windows = Math.ceil(length / WINDOW);
    laid.push({ name, length, first, windows, gaps });
    first += windows;
  };
  for (let i = 0; i < contigs; i++) {
    const length = i === contigs - 1 ? left : Math.floor((bases * (contigs - i)) / weights);
    left -= length;
    const telomere = Math.min(10_000, Math.floor(length / 100));
    const middle = Math.floor(length * 0.4);
    const gaps: [number, number][] =
      length < 100_000
        ? []
        : [
            [0, telomere],
            [middle, middle + Math.min(50_000, Math.floor(length / 200))],
          ];
    // The last contig is sequenced to its very end.
    if (gaps.length > 0 && i < contigs - 1) gaps.push([length - telomere, length]);
    add(`chr${i + 1}`, length, gaps);
  }
  add('chrUn', EMPTY_LENGTH, []);
  return laid;
}

const FAMILIES = 12;
const FAMILY_LENGTH = 300;

function repeats(seed: number): Uint8Array {
  const rng = random(seed, 'repeats');
  return Uint8Array.from({ length: FAMILIES * FAMILY_LENGTH }, () => BASES[rng.below(4)]!);
}

/** Bases and kinds of one window, before segments are duplicated and gaps cut. */
function sequence(
  seed: number,
  index: number,
  size: number,
  families: Uint8Array,
): { bases: Uint8Array; kind: Uint8Array } {
  const rng = random(seed, 'genome', index);
  const bases = new Uint8Array(size);
  const kind = new Uint8Array(size);
  const [gcLeft, gcRight] = [gcAt(seed, index), gcAt(seed, index + 1)];
  let previous = 0;
  for (let i = 0; i < size;) {
    const r = rng.next();
    if ((r & 0xffff) < 200) {
      const end = Math.min(size, i + insertElement(bases, kind, i, families, rng));
      previous = bases[end - 1]!;
      i = end;
      continue;
    }
    const gc = gcLeft + ((gcRight - gcLeft) * i) / WINDOW;
    const strong = r >>> 18 < gc;
    let base = strong ? (r & 0x10000 ? C : G) : r & 0x10000 ? A : T;
    // Three quarters of the CpG have decayed.
    if (base === G && previous === C && (r & 0xc000) !== 0) base = A;
    bases[i] = base;
    previous = base;
    i++;
  }
  return { bases, kind };
}

/** Share of G and C at the left edge of a window, in 1/2^14. */
const gcAt = (seed: number, index: number): number => {
  const wide = mix(seed, 0x6c, index >>> 4) % 2000;
  return 5900 + wide + (mix(seed, 0x6d, index) % 1000);
};

/** Writes a repeat, a homopolymer or a tandem repeat at `at`, cut at the window's end. Gives its whole length. */
function insertElement(
  bases: Uint8Array,
  kind: Uint8Array,
  at: number,
  families: Uint8Array,
  rng: Random,
): number {
  const what = rng.below(100);
  if (what < 12) {
    const family = rng.below(FAMILIES) * FAMILY_LENGTH;
    const from = rng.below(4) === 0 ? rng.below(FAMILY_LENGTH / 2) : 0;
    const [length, flipped, divergence] = [
      FAMILY_LENGTH - from,
      rng.chance(0.5),
      0.05 + 0.1 * rng.fraction(),
    ];
    for (let i = 0; i < length; i++) {
      const base = rng.chance(divergence)
        ? BASES[rng.below(4)]!
        : families[family + (flipped ? FAMILY_LENGTH - 1 - i : from + i)]!;
      bases[at + i] = flipped ? complement[base]! : base;
    }
    kind.fill(REPEATED, at, at + length);
    return length;
  }
  const period = what < 70 ? 1 : 2 + rng.below(3);
  let copies = period === 1 ? 5 : 4;
  while (copies * period < 60 && rng.chance(0.85)) copies++;
  for (let i = 0; i < period; i++)
    bases[at + i] = rng.chance(0.8) ? (rng.chance(0.5) ? A : T) : rng.chance(0.5) ? C : G;
  for (let i = period; i < period * copies; i++) bases[at + i] = bases[at + i - period]!;
  return period * copies;
}

/** Copies the partner's segment, 0.3 % of it changed since. */
function copySegment(into: Uint8Array, from: Uint8Array, seed: number, index: number): void {
  const rng = random(seed, 'segment', index);
  into.set(from.subarray(SEGMENT.start, SEGMENT.end), SEGMENT.start);
  for (let i = SEGMENT.start; i < SEGMENT.end; i++) if (rng.chance(0.003)) into[i] = BASES[rng.below(4)]!;
}
