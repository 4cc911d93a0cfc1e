/** What the reports of a part give, and how neighbours become one. */
import type { Context } from '../../core/job.ts';
import { type Coverage, join as joinCoverage } from '../coverage/result.ts';
import { type Counted, sum } from '../kernels/flagstat.ts';
import type { Measure } from '../kernels/row.ts';
import { type Bedcov, joinBedcov } from './bedcov.ts';
import { type ContigSums, sumCoverage } from './coverage.ts';
import { type Depth, joinDepth } from './depth.ts';
import { type Idxstats, sumIdxstats } from './idxstats.ts';
import { joinStats, type Stats } from './stats.ts';

/** Null for what was not asked for; of mosdepth also where it looks at no contig of the part. */
export type Reports = {
  readonly records: number;
  readonly flagstat: Counted | null;
  readonly idxstats: Idxstats | null;
  readonly stats: Stats | null;
  readonly coverage: ContigSums | null;
  readonly depth: Depth | null;
  readonly bedcov: Bedcov | null;
  readonly mosdepth: Coverage | null;
};

/** Joins neighbours, in order. `isWindows`: mosdepth measures windows. */
export async function joinReports(
  results: readonly Reports[],
  measure: Measure,
  isWindows: boolean,
  context: Pick<Context, 'put'>,
): Promise<Reports> {
  const joined = <T>(of: (reports: Reports) => T | null, join: (all: readonly T[]) => T): T | null => {
    const all = results.map(of).filter((value): value is NonNullable<typeof value> => value !== null);
    return all.length > 0 ? join(all as readonly T[]) : null;
  };
  const covered = results.map(({ mosdepth }) => mosdepth).filter((value) => value !== null);
  return {
    records: results.reduce((total, { records }) => total + records, 0),
    flagstat: joined(({ flagstat }) => flagstat, sum),
    idxstats: joined(({ idxstats }) => idxstats, sumIdxstats),
    stats: joined(({ stats }) => stats, joinStats),
    coverage: joined(({ coverage }) => coverage, sumCoverage),
    depth: joined(({ depth }) => depth, joinDepth),
    bedcov: joined(({ bedcov }) => bedcov, joinBedcov),
    mosdepth: covered.length > 0 ? await joinCoverage(covered, measure, isWindows, context) : null,
  };
}
