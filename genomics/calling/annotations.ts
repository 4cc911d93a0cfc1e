/** What VCF says about the reads of a call: strand bias, rank sums, and the marks that hard filters make of them. */
import type { Observation } from './genotypes.ts';

export type Annotations = {
  readonly dp: number;
  readonly mq: number;
  readonly mq0: number;
  readonly fs: number;
  readonly sor: number;
  /** By base quality, mapping quality and place in the read; undefined without reads of both kinds. */
  readonly baseRank: number | undefined;
  readonly mapqRank: number | undefined;
  readonly placeRank: number | undefined;
};

export function annotationsOf(observations: readonly Observation[], mq0: number): Annotations {
  const strands = [0, 0, 0, 0];
  let squares = 0;
  for (const { allele, isReverse, mapq } of observations) {
    if (allele >= 0) strands[(allele > 0 ? 2 : 0) + (isReverse ? 1 : 0)]!++;
    squares += mapq ** 2;
  }
  const dp = observations.length;
  return {
    dp,
    mq: dp > 0 ? Math.sqrt(squares / dp) : 0,
    mq0,
    fs: fisher(strands),
    sor: oddsRatio(strands),
    baseRank: rankSum(observations, ({ quality }) => quality),
    mapqRank: rankSum(observations, ({ mapq }) => mapq),
    placeRank: rankSum(observations, ({ distance }) => distance),
  };
}

const factorials: number[] = [0];
function logFactorial(n: number): number {
  while (factorials.length <= n) factorials.push(factorials.at(-1)! + Math.log(factorials.length));
  return factorials[n]!;
}

/** Fisher's exact test of a 2 x 2 table, two-sided, Phred-scaled; large tables are scaled down. */
export function fisher(table: readonly number[]): number {
  const total = table.reduce((sum, n) => sum + n, 0);
  const scale = total > 400 ? 400 / total : 1;
  const [a, b, c, d] = table.map((n) => Math.round(n * scale)) as [number, number, number, number];
  const [row, other, column] = [a + b, c + d, a + c];
  const logOf = (x: number): number =>
    logFactorial(row) +
    logFactorial(other) +
    logFactorial(column) +
    logFactorial(b + d) -
    logFactorial(a + b + c + d) -
    logFactorial(x) -
    logFactorial(row - x) -
    logFactorial(column - x) -
    logFactorial(other - column + x);
  const observed = logOf(a) + 1e-7;
  let p = 0;
  for (let x = Math.max(0, column - other); x <= Math.min(row, column); x++) {
    const log = logOf(x);
    if (log <= observed) p += Math.exp(log);
  }
  return Math.max(0, -10 * Math.log10(Math.min(1, Math.max(p, 1e-320))));
}

/** The symmetric odds ratio of strands (SOR of GATK): natural logarithm, one read added to each cell. */
export function oddsRatio(table: readonly number[]): number {
  const [a, b, c, d] = table.map((n) => n + 1) as [number, number, number, number];
  const ratio = (a * d) / (b * c);
  const refRatio = Math.min(a, b) / Math.max(a, b);
  const altRatio = Math.min(c, d) / Math.max(c, d);
  return Math.log(ratio + 1 / ratio) + Math.log(refRatio) - Math.log(altRatio);
}

/** The z of the Mann-Whitney test, alternate reads against those of the reference, ties averaged. */
export function rankSum(
  observations: readonly Observation[],
  valueOf: (observation: Observation) => number,
): number | undefined {
  const known = observations
    .filter(({ allele }) => allele >= 0)
    .map((one) => ({ value: valueOf(one), isAlt: one.allele > 0 }));
  const alts = known.filter(({ isAlt }) => isAlt).length;
  const refs = known.length - alts;
  if (alts === 0 || refs === 0) return undefined;
  known.sort((a, b) => a.value - b.value);
  let [ranks, ties] = [0, 0];
  for (let i = 0; i < known.length;) {
    let j = i;
    while (j < known.length && known[j]!.value === known[i]!.value) j++;
    const size = j - i;
    ties += size ** 3 - size;
    for (let k = i; k < j; k++) if (known[k]!.isAlt) ranks += (i + j + 1) / 2;
    i = j;
  }
  const n = known.length;
  const u = ranks - (alts * (alts + 1)) / 2;
  const variance = ((alts * refs) / 12) * (n + 1 - ties / (n * (n - 1)));
  return variance > 0 ? (u - (alts * refs) / 2) / Math.sqrt(variance) : 0;
}

/** What hard filters are called, and what they mean (the thresholds that GATK recommends). */
export const filters: { readonly [name: string]: string } = {
  LowQual: 'QUAL below 20',
  QD2: 'QUAL by depth below 2',
  FS: 'strand bias: FS above 60 (substitutions), 200 (insertions and deletions)',
  SOR: 'strand bias: SOR above 3 (substitutions), 10 (insertions and deletions)',
  MQ40: 'MQ below 40 (substitutions)',
  MQRankSum: 'MQRankSum below -12.5 (substitutions)',
  ReadPosRankSum: 'ReadPosRankSum below -8 (substitutions), -20 (insertions and deletions)',
};

export function filtersOf(qual: number, qd: number, isIndel: boolean, notes: Annotations): string[] {
  const below = (value: number | undefined, limit: number): boolean => value !== undefined && value < limit;
  const marks: [string, boolean][] = [
    ['LowQual', qual < 20],
    ['QD2', qd < 2],
    ['FS', notes.fs > (isIndel ? 200 : 60)],
    ['SOR', notes.sor > (isIndel ? 10 : 3)],
    ['MQ40', !isIndel && notes.mq < 40],
    ['MQRankSum', !isIndel && below(notes.mapqRank, -12.5)],
    ['ReadPosRankSum', below(notes.placeRank, isIndel ? -20 : -8)],
  ];
  return marks.filter(([, isSet]) => isSet).map(([name]) => name);
}
