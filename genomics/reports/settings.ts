/** The options of genomics/qc, and what they mean for its reports. */
import { BadInput, BadUsage } from '../../core/errors.ts';
import { flag, integer, number, text, words, type Values } from '../../core/params.ts';
import { params as coverageParams } from '../coverage/settings.ts';
import type { Kind } from '../formats/heading.ts';
import { flag as bit } from '../formats/record.ts';
import type { BaseFilter } from '../kernels/bases.ts';
import type { Rules } from '../stats/rules.ts';
import type { Shown } from '../stats/text.ts';

/** In the order in which they are written. */
const reportNames = ['flagstat', 'idxstats', 'stats', 'coverage', 'depth', 'mosdepth', 'bedcov'] as const;
export type ReportName = (typeof reportNames)[number];
/** Those that look at reads in any order, and need no index. */
const loose: ReadonlySet<ReportName> = new Set(['flagstat', 'idxstats', 'stats']);
const usual = 'flagstat,idxstats,stats,coverage,mosdepth';

const { chrom: _, ...shared } = coverageParams;

export const params = {
  reports: words(reportNames, usual, `what to write: ${reportNames.join(', ')}`),
  ...shared,
  region: text(
    'reads that overlap it; coverage and depth: its positions; numbers count from 1',
    'contig:from-to',
  ),
  baseq: integer(0, 'coverage, depth: the least quality of a base that counts', { min: 0, max: 255 }),
  once: flag('depth: of mates that overlap only the first one counts (samtools depth -s)'),
  'skip-deletions': flag('bedcov: deletions and skips do not count (samtools bedcov -j)'),
  'stats-exclude-flag': integer(0, 'stats: reads with any of these FLAG bits are filtered', {
    min: 0,
    max: 65535,
  }),
  'stats-require-flag': integer(0, 'stats: only reads with all of these FLAG bits', { min: 0, max: 65535 }),
  'trim-quality': integer(0, 'stats: quality below which BWA would trim ends', { min: 0, max: 255 }),
  'insert-size': integer(8000, 'stats: larger insert sizes count as this one', {
    unit: 'bases',
    min: 1,
    max: 1_000_000,
  }),
  'most-inserts': number(0.99, 'stats: share of the pairs that is the main part of insert sizes', {
    min: 0,
    max: 1,
  }),
  'gc-bin': integer(20_000, 'stats: size of the bins of GC-depth', {
    unit: 'bases',
    min: 1,
    max: 10_000_000,
  }),
  parquet: flag(
    'flagstat, idxstats, stats, coverage, mosdepth: their numbers as tables, too, .REPORT.parquet',
  ),
  sparse: flag('stats: no rows of insert sizes without pairs'),
};
export type Params = Values<typeof params>;

export type Settings = {
  readonly reports: ReadonlySet<ReportName>;
  /** Of coverage and depth. */
  readonly bases: BaseFilter;
};

/**
 * `hasBed`: regions come from a file.
 * @throws BadUsage for options that do not go together
 */
export function settingsOf(given: Params, hasBed: boolean): Settings {
  const reports = new Set(given.reports.split(',') as ReportName[]);
  if (reports.has('bedcov') && !hasBed)
    throw new BadUsage(
      'option reports: bedcov measures regions of a file, expected --by as well; add --by FILE.bed',
    );
  return {
    reports,
    bases: {
      mapq: given.mapq,
      exclude: given['exclude-flag'],
      include: given['include-flag'],
      quality: given.baseq,
    },
  };
}

/**
 * The reports on files that cannot be read by place, of which one is `reads`: those that were asked for, or of the usual ones those that need no place.
 * @throws BadInput when others were asked for
 */
export function looseReports(
  { reports }: Pick<Params, 'reports'>,
  reads: string,
  kind: Kind,
): ReadonlySet<ReportName> {
  const asked = reports.split(',') as ReportName[];
  const left = asked.filter((report) => !loose.has(report)).join(', ');
  const others = `or ask for ${[...loose].join(', ')} only`;
  if (left !== '' && reports !== usual)
    throw new BadInput(
      kind === 'cram'
        ? `CRAM: ${reads} is not sorted by place, expected that for ${left}; sort it with samtools sort, ${others}`
        : `BAM: ${reads} has no index, expected one for ${left}; make it with servermix run genomics/index --file ${reads} --out ${reads}.bai, ${others}`,
    );
  return new Set(asked.filter((report) => loose.has(report)));
}

/** Whether any report looks at bases, which CRAM needs a reference for. */
export const hasBases = ({ reports }: Settings): boolean => reports.has('stats');

/** Whether coverage and depth see the same bases: then these are swept once. */
export const isSame = ({ bases }: Settings, { once }: Params): boolean =>
  !once && (bases.exclude & bit.unmapped) !== 0;

export const rulesOf = (given: Params): Rules => ({
  exclude: given['stats-exclude-flag'],
  require: given['stats-require-flag'],
  trim: given['trim-quality'],
  insertSize: given['insert-size'],
  bin: given['gc-bin'],
});

export const shownOf = (given: Params): Shown => ({
  insertSize: given['insert-size'],
  mostInserts: given['most-inserts'],
  bin: given['gc-bin'],
  sparse: given.sparse,
});
