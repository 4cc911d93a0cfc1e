/** Calls: a place with its alleles, and what each sample has there. */
import { type Annotations, annotationsOf } from './annotations.ts';
import { callSamples, genotypesOf, gqOf, type Observation, phred, plOf } from './genotypes.ts';

export type Call = {
  /** Of the first base of `alleles[0]`, from 0. */
  readonly pos: number;
  /** Digits of codes of bases; the first one is the reference. */
  readonly alleles: readonly string[];
  readonly qual: number;
  readonly samples: readonly SampleCall[];
  readonly notes: Annotations;
};

export type SampleCall = {
  /** Ascending, or in the order of the haplotypes where `phase` says so; empty where no read tells. */
  readonly genotype: readonly number[];
  /** The position that haplotypes are numbered from, -1 where they are not known. */
  readonly phase: number;
  readonly ad: readonly number[];
  readonly dp: number;
  readonly gq: number;
  readonly pl: readonly number[];
};

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
  how: { readonly ploidy: number; readonly kind: number; readonly least: number },
  phased?: readonly ({ readonly alleles: readonly number[]; readonly phase: number } | undefined)[],
): Call | undefined {
  const genotypes = genotypesOf(alleles.length, how.ploidy);
  const { best, none } = callSamples(likelihoods, genotypes, how.kind);
  if (best.every((g) => g === 0)) return undefined;
  const qual = Math.min(mostQual, Math.max(0, phred(none)));
  if (qual < how.least) return undefined;
  const samples = likelihoods.map((own, s): SampleCall => {
    const seen = observations.filter(({ sample }) => sample === s);
    const ad = alleles.map((_, a) => seen.reduce((sum, { allele }) => sum + (allele === a ? 1 : 0), 0));
    const pl = plOf(own);
    const genotype = genotypes[best[s]!]!;
    const order = phased?.[s];
    const isPhased =
      order !== undefined && [...order.alleles].sort((a, b) => a - b).join() === genotype.join();
    return {
      genotype: seen.length === 0 ? [] : isPhased ? order.alleles : genotype,
      phase: isPhased && seen.length > 0 ? order.phase : -1,
      ad,
      dp: seen.length,
      gq: gqOf(pl),
      pl,
    };
  });
  return { pos, alleles, qual, samples, notes: annotationsOf(observations, mq0) };
}
