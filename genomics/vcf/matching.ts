/** Which records of several files at one place become one, by the rules of bcftools merge (1.16). */
import { alleleOf, kind, kindOf } from '../kernels/alleles.ts';
import { type AlleleSet, isCompatible, uniteAlleles } from './alleleset.ts';

/** What may become one record of several alternate alleles: substitutions, and on their own indels; nothing; all. */
export type Union = 'both' | 'none' | 'all';

/** A record: its alleles, the reference first, and their kinds together. */
export type Candidate<R> = {
  readonly record: R;
  readonly alleles: readonly string[];
  readonly kinds: number;
};

/** Of each file the record that takes part, if one does, with the place of its alleles among all. */
export type Match<R> = {
  readonly alleles: AlleleSet;
  readonly chosen: readonly (
    | { readonly record: R; readonly map: readonly number[]; readonly count: number }
    | undefined
  )[];
};

export function candidateOf<R>(record: R, ref: string, alt: string): Candidate<R> {
  const alleles = alt === '.' ? [ref] : [ref, ...alt.split(',')];
  const bytes = Buffer.from(alleles.join(''), 'latin1');
  let kinds = 0;
  let at = ref.length;
  for (const { length } of alleles.slice(1)) {
    kinds |= kindOf(alleleOf(bytes, 0, ref.length, at, at + length));
    at += length;
  }
  return { record, alleles, kinds };
}

type Entry<R> = Candidate<R> & { isDone: boolean; map: number[] | undefined };

const small = kind.snp | kind.mnp;

/** `files`: of each, its records at the place. Gives one match after the other until each record is in one; undefined where reference alleles differ. */
export function matchRecords<R>(
  files: readonly (readonly Candidate<R>[])[],
  union: Union,
): Match<R>[] | undefined {
  const entries = files.map((all) => all.map((one): Entry<R> => ({ ...one, isDone: false, map: undefined })));
  const matches: Match<R>[] = [];
  while (entries.some((all) => all.some(({ isDone }) => !isDone))) {
    const found = unite(entries, union);
    if (!found) return undefined;
    matches.push(choose(entries, union, found));
  }
  return matches;
}

type United = {
  readonly set: AlleleSet;
  /** How many records have each allele. */
  readonly counts: readonly number[];
  /** Kinds of all records that are left; whether one of them has no alternate allele. */
  readonly kinds: number;
  readonly hasPlain: boolean;
};

/** The alleles of records that may take part; they get their maps. */
function unite<R>(entries: readonly (readonly Entry<R>[])[], union: Union): United | undefined {
  const left = entries.flatMap((all) => all.filter(({ isDone }) => !isDone));
  const kinds = left.reduce((bits, one) => bits | one.kinds, 0);
  const hasPlain = left.some((one) => one.kinds === 0);
  let set: AlleleSet | undefined;
  const counts: number[] = [];
  for (const entry of left) {
    entry.map = undefined;
    if (union === 'none' && set && !sharesAllele(set, entry)) continue;
    // Substitutions come first.
    const isLater = (entry.kinds & kind.indel) !== 0 && (entry.kinds & small) === 0 && (kinds & small) !== 0;
    if (union !== 'all' && isLater) continue;
    if (set) entry.map = uniteAlleles(set, entry.alleles);
    else {
      set = [...entry.alleles];
      entry.map = entry.alleles.map((_, i) => i);
    }
    if (!entry.map) return undefined;
    for (const at of entry.map) counts[at] = (counts[at] ?? 0) + 1;
  }
  return { set: set!, counts, kinds, hasPlain };
}

function sharesAllele<R>(set: AlleleSet, { alleles, kinds }: Entry<R>): boolean {
  if (!isCompatible(set[0]!, alleles[0]!)) return false;
  if (kinds === 0) return true;
  const copy = [...set];
  return uniteAlleles(copy, alleles)!.some((at, i) => i > 0 && at < set.length);
}

/** Takes the most frequent alternate allele, and of each file a record that has it, or one that may go with it. */
function choose<R>(
  entries: readonly (readonly Entry<R>[])[],
  union: Union,
  { set, counts, kinds, hasPlain }: United,
): Match<R> {
  let wanted = 1;
  for (let i = 2; i < set.length; i++) if (counts[i]! > counts[wanted]!) wanted = i;
  const chosen = entries.map((all) => {
    const open = all.filter(({ isDone, map }) => !isDone && map);
    const entry =
      open.find(({ alleles, map }) => (set.length === 1 && alleles.length === 1) || map!.includes(wanted)) ??
      (union === 'none'
        ? undefined
        : open.find((one) => union === 'all' || goesWith(one.kinds, kinds, hasPlain)));
    if (!entry) return undefined;
    entry.isDone = true;
    return { record: entry.record, map: entry.map!, count: entry.alleles.length };
  });
  return { alleles: set, chosen };
}

function goesWith(own: number, all: number, hasPlain: boolean): boolean {
  if ((all & small) !== 0 && (own & kind.snp) !== 0) return true;
  if ((all & kind.indel) !== 0 && (own & kind.indel) !== 0) return true;
  if (own === 0) return (all & (small | kind.indel)) !== 0 || hasPlain;
  return hasPlain && (own & (kind.other | kind.breakend)) !== 0;
}
