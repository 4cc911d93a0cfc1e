/** Calls of single bases that stand alone: straight from the bases over the position. */
import { type Call, callOf } from './calls.ts';
import { genotypesOf, likelihoodsOf, type Observation, prior } from './genotypes.ts';
import { isReverse } from './haplotypes.ts';
import { leastQuality, other, overlapping, type Pool, queryAt } from './pool.ts';
import type { Slice } from './signals.ts';

/** How a region is called. */
export type Rules = {
  readonly ploidy: number;
  readonly samples: number;
  /** The least QUAL of a call. */
  readonly least: number;
  /** Genotypes with an allele that no read shows are told of, too (gVCF). */
  readonly isWhole: boolean;
  /** Whether a read of the pool is evidence. */
  readonly isEvidence: (i: number) => boolean;
};

/** No base is surer than this. */
const mostQuality = 45;

/** Reads of mapping quality 0 over a position. */
export function countUnsure(pool: Pool, pos: number): number {
  let count = 0;
  overlapping(pool, pos, pos + 1, (i) => {
    if (pool.mapq[i] === 0) count++;
  });
  return count;
}

/** Calls one position, of which `bases` (digits of codes) are the candidates. */
export function callColumn(
  pool: Pool,
  slice: Slice,
  pos: number,
  bases: readonly string[],
  rules: Rules,
): Call | undefined {
  const alleles = [`${slice.codes[pos - slice.from]!}`, ...bases];
  const observations: Observation[] = [];
  overlapping(pool, pos, pos + 1, (i) => {
    if (!rules.isEvidence(i)) return;
    const query = queryAt(pool, i, pos);
    if (query < 0) return;
    const base = pool.bases[pool.base[i]! + query]!;
    const quality = pool.quals[pool.base[i]! + query]!;
    if (base === other || quality < leastQuality) return;
    observations.push({
      read: i,
      sample: pool.sample[i]!,
      allele: alleles.indexOf(`${base}`),
      isReverse: isReverse(pool, i),
      mapq: pool.mapq[i]!,
      quality: Math.min(quality, pool.mapq[i]!, mostQuality),
      distance: Math.min(query, pool.length[i]! - 1 - query),
    });
  });
  const genotypes = genotypesOf(alleles.length, rules.ploidy);
  const likelihoods = Array.from({ length: rules.samples }, (_, s) =>
    likelihoodsOf(
      observations.filter(({ sample }) => sample === s),
      genotypes,
    ),
  );
  const how = { ...rules, kind: prior.base };
  return callOf(pos, alleles, likelihoods, observations, countUnsure(pool, pos), how);
}
