/** Genotypes: which there are, how likely observations make them, and what is said of that. */

/**
 * All genotypes of `ploidy` out of `alleles`, in the order of VCF 4.3 (1.6.2, GL): each the alleles in ascending order.
 */
export function genotypesOf(alleles: number, ploidy: number): number[][] {
  let out: number[][] = [[]];
  // Alleles of later places are no smaller; sorting by the last, then the one before, is the order wanted.
  for (let k = 0; k < ploidy; k++)
    out = out.flatMap((genotype) =>
      Array.from({ length: alleles - (genotype.at(-1) ?? 0) }, (_, i) => [
        ...genotype,
        (genotype.at(-1) ?? 0) + i,
      ]),
    );
  return out.sort((a, b) => {
    for (let k = ploidy - 1; k >= 0; k--) if (a[k] !== b[k]) return a[k]! - b[k]!;
    return 0;
  });
}

/** Errors of one place and strand tend to come together: the k-th one counts this part of the first (the model of MAQ and bcftools). */
const theta = 0.83;
/** But however many there are, they are errors: a base of each four to five could be one, no more. */
const mostLikely = -3;

/** The logarithm of the k-th error's probability, from 0 on; `given` is what it would be alone. */
export const damped = (given: number, k: number): number =>
  Math.max(given, Math.min(mostLikely, given * theta ** k));

/** What is expected before any read: a substitution, or an insertion or a deletion, on one of two chromosomes. */
export const prior = { base: Math.log(1e-3), same: Math.log(0.5) };
const indel = { rate: 1.5e-4, most: 0.01, perSlip: 10 };

/** Of an insertion or a deletion in a repeat that sequencers slip in this often: polymerases slip there, too, so that people differ. */
export const indelPrior = (slip: number): number =>
  Math.log(Math.min(indel.most, Math.max(indel.rate, indel.perSlip * slip)));

/** The logarithm of a sum of what logarithms stand for. */
export function sumOf(logs: Iterable<number>): number {
  let [top, total] = [-Infinity, 0];
  for (const log of logs) {
    if (log === -Infinity) continue;
    if (log > top) [total, top] = [total * Math.exp(top - log) + 1, log];
    else total += Math.exp(log - top);
  }
  return top === -Infinity ? -Infinity : top + Math.log(total);
}

/** Phred-scaled, from a natural logarithm. */
export const phred = (log: number): number => (-10 / Math.LN10) * log;

/** Likelihoods as PL: whole Phreds below the best one. */
export function plOf(likelihoods: ArrayLike<number>): number[] {
  const best = Math.max(...Array.from(likelihoods));
  return Array.from(likelihoods, (one) => Math.min(Math.max(0, Math.round(phred(one - best))), 9999));
}

/** How much the second best of PL lies above the best, at most 99. */
export function gqOf(pl: readonly number[]): number {
  const [, second] = [...pl].sort((a, b) => a - b);
  return Math.min(99, second ?? 0);
}

/** What one read says at a place: an allele, -1 for none of them. */
export type Observation = {
  readonly read: number;
  readonly sample: number;
  readonly allele: number;
  readonly isReverse: boolean;
  readonly mapq: number;
  readonly quality: number;
  /** Bases to the nearer end of the read. */
  readonly distance: number;
};

/** Likelihoods of the genotypes by the bases over one position, errors damped by strand. */
export function likelihoodsOf(
  observations: readonly Observation[],
  genotypes: readonly number[][],
): Float64Array {
  const ordered = [...observations].sort((a, b) => b.quality - a.quality || a.read - b.read);
  return Float64Array.from(genotypes, (genotype) => {
    const errors = [0, 0];
    let total = 0;
    for (const { allele, isReverse, quality } of ordered) {
      const error = 10 ** (-quality / 10);
      let copies = 0;
      for (const one of genotype) if (one === allele) copies++;
      if (copies > 0)
        total += Math.log(
          (copies / genotype.length) * (1 - error) + (1 - copies / genotype.length) * (error / 3),
        );
      else total += damped(Math.log(error / 3), errors[isReverse ? 1 : 0]!++);
    }
    return total;
  });
}

/** The prior of a genotype with so many different alternate alleles of a kind, on fewer or all chromosomes; `gone`: the allele that counts for none. */
function priorOf(genotype: readonly number[], kind: number, gone = -1): number {
  const alts = new Set(genotype.filter((allele) => allele > 0 && allele !== gone));
  if (alts.size === 0) return 0;
  const isAll = alts.size === 1 && genotype.every((allele) => alts.has(allele));
  return alts.size * kind + (isAll && genotype.length > 1 ? prior.same : 0);
}

/**
 * Calls all samples together: with more than one, what is expected of a sample follows how often the alleles are in all of them, by the EM algorithm over
 * Hardy-Weinberg proportions. Gives genotypes, and the logarithm of the probability that all are without a variant. `gone`: the allele that is no variant, but what a
 * deletion leaves of the place; -1 for none.
 */
export function callSamples(
  likelihoods: readonly Float64Array[],
  genotypes: readonly number[][],
  kind: number,
  gone = -1,
): { readonly best: number[]; readonly none: number } {
  const plain = genotypes.map((genotype) => priorOf(genotype, kind, gone));
  const bare = genotypes.flatMap((genotype, g) => (hasVariant(genotype, gone) ? [] : [g]));
  const bareOf = (own: Float64Array): number => sumOf(bare.map((g) => own[g]!));
  const singles = likelihoods.map((own) => own.map((one, g) => one + plain[g]!));
  const none = singles.map((own) => bareOf(own) - sumOf(own));
  if (likelihoods.length === 1) return { best: [argmax(singles[0]!)], none: none[0]! };
  const alleles = 1 + Math.max(...genotypes.flat());
  let frequency = Array.from({ length: alleles }, (_, a) => (a === 0 ? 0.9 : 0.1 / (alleles - 1)));
  const expected = (): Float64Array[] =>
    likelihoods.map((own) => own.map((one, g) => one + hardyWeinberg(genotypes[g]!, frequency)));
  for (let round = 0; round < 20; round++) {
    const counts = Array.from({ length: alleles }, () => 1e-3);
    for (const own of expected()) {
      const total = sumOf(own);
      own.forEach((one, g) => {
        for (const allele of genotypes[g]!) counts[allele]! += Math.exp(one - total);
      });
    }
    const total = counts.reduce((sum, n) => sum + n, 0);
    frequency = counts.map((n) => n / total);
  }
  // A variant that many share is as likely at first as one that a single sample has.
  const shared = expected();
  const all = sumOf([
    0,
    kind + shared.reduce((sum, own, s) => sum + sumOf(own) - bareOf(likelihoods[s]!), 0),
  ]);
  return {
    best: shared.map(argmax),
    none: Math.min(
      -all,
      none.reduce((sum, one) => sum + one, 0),
    ),
  };
}

/** Whether a genotype has an alternate allele but `gone`. */
export const hasVariant = (genotype: readonly number[], gone: number): boolean =>
  genotype.some((allele) => allele > 0 && allele !== gone);

function hardyWeinberg(genotype: readonly number[], frequency: readonly number[]): number {
  let log = 0;
  let run = 0;
  genotype.forEach((allele, i) => {
    run = i > 0 && genotype[i - 1] === allele ? run + 1 : 1;
    log += Math.log(frequency[allele]!) + Math.log((i + 1) / run);
  });
  return log;
}

export function argmax(values: ArrayLike<number>): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
