/** What a table of samples says of one: the numbers that people compare, from the reports that were made. */
import { eachTally } from '../kernels/tally.ts';
import { summarize } from '../kernels/flagstat.ts';
import type { Coverage } from '../coverage/result.ts';
import type { CoverageRow } from './coverage.ts';
import type { Reports } from './result.ts';
import { type Params, shownOf } from './settings.ts';
import { statsNumbers } from './stats.ts';

/** Shares are per cent, lengths and insert sizes bases; null of nothing. A report that was not made has no columns. */
export type SampleRow = { readonly [column: string]: number | null };

/** Depths of which the table says how many bases have them or more. */
const steps = [1, 10, 20, 30] as const;

/** `covered` are the rows of the coverage report, where it was made. */
export function sampleRow(
  reports: Reports,
  covered: readonly CoverageRow[] | null,
  given: Params,
): SampleRow {
  const { flagstat, stats, mosdepth } = reports;
  return {
    ...(flagstat ? ofFlags(flagstat) : { reads: reports.records }),
    ...(stats ? ofStats(statsNumbers(stats, shownOf(given), true)) : {}),
    ...(mosdepth ? ofDepths(mosdepth) : {}),
    ...(covered ? ofCoverage(covered) : {}),
  };
}

function ofFlags(counted: NonNullable<Reports['flagstat']>): SampleRow {
  const both = summarize(counted);
  const sum = (
    of: 'total' | 'primary' | 'mapped' | 'primaryDuplicates' | 'paired' | 'properlyPaired',
  ): number => both[0][of] + both[1][of];
  return {
    reads: sum('total'),
    mapped_percent: percent(sum('mapped'), sum('total')),
    duplicates_percent: percent(sum('primaryDuplicates'), sum('primary')),
    properly_paired_percent: percent(sum('properlyPaired'), sum('paired')),
  };
}

/** The summary numbers of stats that samples are compared by; mismatches are those that NM tells. */
const ofStats = (numbers: { readonly [name: string]: number }): SampleRow => ({
  mean_length: numbers['average length']!,
  mean_quality: numbers['average quality']!,
  error_percent: rounded(100 * numbers['error rate']!),
  insert_size: numbers['insert size average']!,
  insert_size_deviation: numbers['insert size standard deviation']!,
});

/** Over the contigs with reads, as in the line `total` of mosdepth's summary. */
function ofDepths({ tallies, seen }: Coverage): SampleRow {
  const hasReads = new Set(seen);
  const atLeast = steps.map(() => 0);
  let [bases, sum] = [0, 0];
  for (const [contig, tally] of eachTally(tallies)) {
    if (!hasReads.has(contig)) continue;
    bases += tally.bases;
    sum += tally.sum;
    tally.depth.forEach((depth, i) => {
      steps.forEach((step, k) => (atLeast[k]! += depth >= step ? tally.count[i]! : 0));
    });
  }
  return {
    mean_depth: bases > 0 ? rounded(sum / bases) : null,
    ...Object.fromEntries(steps.map((step, k) => [`bases_${step}x_percent`, percent(atLeast[k]!, bases)])),
  };
}

/** Over all contigs, those without reads among them. */
function ofCoverage(rows: readonly CoverageRow[]): SampleRow {
  const over = (of: (row: CoverageRow) => number): number => rows.reduce((sum, row) => sum + of(row), 0);
  const reads = over((row) => row.reads);
  return {
    covered_percent: percent(
      over((row) => row.covered),
      over((row) => row.length),
    ),
    mean_mapq: reads > 0 ? rounded(over((row) => row.reads * row.mapq) / reads) : null,
  };
}

const percent = (part: number, whole: number): number | null =>
  whole > 0 ? rounded((100 * part) / whole) : null;

const rounded = (value: number): number => Number(value.toFixed(4));
