/** Calls: a place with its alleles, and what each sample has there. */
import { type Annotations, annotationsOf } from './annotations.ts';
import type { Rules } from './column.ts';
import {
  callSamples,
  genotypesOf,
  gqOf,
  hasVariant,
  likelihoodsOf,
  type Observation,
  phred,
  plOf,
} from './genotypes.ts';

export type Call = {
  /** Of the first base of `alleles[0]`, from 0. */
  readonly pos: number;
  /** Digits of codes of bases; the first one is the reference; `gone` and `unseen` may come last. */
  readonly alleles: readonly string[];
  readonly qual: number;
  readonly samples: readonly SampleCall[];
  readonly notes: Annotations;
};

export type SampleCall = {
  /** Ascending, or in the order of the haplotypes where `phase` says so; `missing` where no read tells. */
  readonly genotype: readonly number[];
  /** The position that haplotypes are numbered from, -1 where they are not known. */
  readonly phase: number;
  readonly ad: readonly number[];
  readonly dp: number;
  readonly gq: number;
  readonly pl: readonly number[];
};

/** Stands in a genotype for what is not known. */
export const missing = -1;

/** Stands for any allele that no read shows. */
export const unseen = '';

/** Stands for what a deletion before the place leaves of it (VCF 4.3, 1.6.1, ALT). */
export const gone = '*';

/** Likelihoods of the genotypes with one allele more, that no read shows: as far below the best as by the reads' alleles alone. */
function withUnseen(
  own: Float64Array,
  genotypes: readonly number[][],
  seen: readonly Observation[],
  alleles: number,
  ploidy: number,
): Float64Array {
  const all = genotypesOf(alleles, ploidy);
  const plain = likelihoodsOf(
    seen.filter(({ allele }) => allele >= 0),
    all,
  );
  const numbers = new Map(genotypes.map((genotype, g) => [genotype.join(), g]));
  const isKnown = (g: number): boolean => numbers.has(all[g]!.join());
  const shift =
    Math.max(...own) - plain.reduce((best, one, g) => (isKnown(g) ? Math.max(best, one) : best), -Infinity);
  return Float64Array.from(all, (genotype, g) =>
    isKnown(g) ? own[numbers.get(genotype.join())!]! : plain[g]! + shift,
  );
}

/** No call is surer. */
const mostQual = 5000;

/**
 * Makes a call of likelihoods by sample and genotype; undefined where it is not as sure as `least`. `phased`: the alleles of the haplotypes of each sample, and where
 * their numbers begin.
 */
export function callOf(
  pos: number,
  alleles: readonly string[],
  likelihoods: readonly Float64Array[],
  observations: readonly Observation[],
  mq0: number,
  how: Pick<Rules, 'ploidy' | 'least' | 'isWhole'> & { readonly kind: number },
  phased?: readonly ({ readonly alleles: readonly number[]; readonly phase: number } | undefined)[],
): Call | undefined {
  const genotypes = genotypesOf(alleles.length, how.ploidy);
  const star = alleles.indexOf(gone);
  const { best, none } = callSamples(likelihoods, genotypes, how.kind, star);
  if (!best.some((g) => hasVariant(genotypes[g]!, star))) return undefined;
  const qual = Math.min(mostQual, Math.max(0, phred(none)));
  if (qual < how.least) return undefined;
  const samples = likelihoods.map((own, s): SampleCall => {
    const seen = observations.filter(({ sample }) => sample === s);
    const shown = how.isWhole ? [...alleles, unseen] : alleles;
    const ad = shown.map((_, a) => seen.reduce((sum, { allele }) => sum + (allele === a ? 1 : 0), 0));
    const pl = plOf(how.isWhole ? withUnseen(own, genotypes, seen, shown.length, how.ploidy) : own);
    const genotype = genotypes[best[s]!]!;
    const order = phased?.[s];
    const isPhased =
      order !== undefined && [...order.alleles].sort((a, b) => a - b).join() === genotype.join();
    return {
      genotype: seen.length === 0 ? genotype.map(() => missing) : isPhased ? order.alleles : genotype,
      phase: isPhased && seen.length > 0 ? order.phase : -1,
      ad,
      dp: seen.length,
      gq: gqOf(pl),
      pl,
    };
  });
  return {
    pos,
    alleles: how.isWhole ? [...alleles, unseen] : alleles,
    qual,
    samples,
    notes: annotationsOf(observations, mq0),
  };
}
