/** A diploid individual: the reference with variants put in, around one window at a time. */
import type { Genome } from './genome.ts';
import { C, G, N, keepingLast } from './genome.ts';
import { runsOf } from './stutter.ts';
import type { Rates, Variant } from './variants.ts';
import { drawVariants } from './variants.ts';

/** The sequence of one of two chromosomes over a locus. */
export type Haplotype = {
  /** A code each; indices below are into this. */
  readonly bases: Uint8Array;
  /** 0-based position in the contig of each base; an inserted base has the complement (`~`) of the position before it. */
  readonly at: Int32Array;
  /** How often the alignment to the reference is broken, by a gap or at either end of an insertion, up to each base. */
  readonly breaks: Int32Array;
  /** How many of the bases before each one are C or G; one entry more than there are bases. */
  readonly strong: Int32Array;
  /** Where long homopolymers begin. */
  readonly runs: Int32Array;
  /** Bases that belong to the locus's first window. */
  readonly owned: number;
};

/** A window and the one after it in the contig, so that what begins in the window can be read to its end. */
export type Locus = {
  readonly contig: number;
  /** 0-based position of `bases[0]` in the contig. */
  readonly start: number;
  /** Where the next window begins in the contig. */
  readonly end: number;
  /** The reference's codes, and their kinds, from `start` on. */
  readonly bases: Uint8Array;
  readonly kind: Uint8Array;
  /** Bases of the first window that are known. */
  readonly known: number;
  readonly haplotypes: readonly [Haplotype, Haplotype];
};

/** Two sets of chromosomes of one genome. */
export type Individual = {
  /** By position. */
  variants(index: number): readonly Variant[];
  locus(index: number): Locus;
};

/** The individual of that seed: what differs from the genome, and how often, is drawn by `drawVariants`. */
export function createIndividual(seed: number, genome: Genome, rates: Rates): Individual {
  const variantsOf = keepingLast(6, (index) => drawVariants(seed, genome, index, rates));
  const makeLocus = (index: number): Locus => {
    const { contig, start, bases: own, kind: ownKind } = genome.window(index);
    const { first, windows } = genome.contigs[contig]!;
    const end = start + own.length;
    const sites = [...variantsOf(index)];
    let [bases, kind] = [own, ownKind];
    if (index + 1 < first + windows) {
      const next = genome.window(index + 1);
      bases = join(own, next.bases);
      kind = join(ownKind, next.kind);
      sites.push(...variantsOf(index + 1));
    }
    let known = 0;
    for (const base of own) if (base !== N) known++;
    const haplotypes = [
      splice(bases, start, own.length, sites, 0),
      splice(bases, start, own.length, sites, 1),
    ] as const;
    return { contig, start, end, bases, kind, known, haplotypes };
  };
  return { variants: variantsOf, locus: keepingLast(2, makeLocus) };
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const out = new Uint8Array(a.length + b.length);
  out.set(a);
  out.set(b, a.length);
  return out;
}

function splice(
  reference: Uint8Array,
  start: number,
  window: number,
  sites: readonly Variant[],
  which: 0 | 1,
): Haplotype {
  let size = reference.length;
  for (const { alleles, genotype } of sites) size += alleles[genotype[which]]!.length - alleles[0]!.length;
  const bases = new Uint8Array(size);
  const at = new Int32Array(size);
  let [from, to, owned] = [0, 0, 0];
  const copy = (end: number): void => {
    bases.set(reference.subarray(from, end), to);
    for (; from < end; from++) at[to++] = start + from;
  };
  for (const { pos, alleles, genotype } of sites) {
    // No variant crosses from one window into the next.
    if (owned === 0 && pos >= start + window) {
      copy(window);
      owned = to;
    }
    const chosen = alleles[genotype[which]]!;
    const ref = alleles[0]!;
    if (chosen === ref) continue;
    copy(pos - start);
    // Alleles of unequal length share their first base.
    for (let i = 0; i < chosen.length; i++) {
      bases[to] = chosen[i]!;
      at[to++] = i < ref.length ? pos + i : ~(pos + ref.length - 1);
    }
    from += ref.length;
  }
  if (owned === 0) {
    copy(window);
    owned = to;
  }
  copy(reference.length);
  return { bases, at, ...running(bases, at), runs: runsOf(bases), owned };
}

function running(bases: Uint8Array, at: Int32Array): { breaks: Int32Array; strong: Int32Array } {
  const breaks = new Int32Array(bases.length);
  const strong = new Int32Array(bases.length + 1);
  for (let i = 0, broken = 0, gc = 0; i < bases.length; i++) {
    if (i > 0 && (at[i]! < 0 || at[i - 1]! < 0 || at[i] !== at[i - 1]! + 1)) broken++;
    breaks[i] = broken;
    if (bases[i] === C || bases[i] === G) gc++;
    strong[i + 1] = gc;
  }
  return { breaks, strong };
}
