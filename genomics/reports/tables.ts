/** The numbers of reports as tables of rows. */
import { depthRows } from '../coverage/reports.ts';
import type { Contig } from '../formats/bam.ts';
import { toRows } from '../formats/flagstat.ts';
import type { Locus } from '../formats/locus.ts';
import type { Table } from '../formats/parquet.ts';
import { summarize } from '../kernels/flagstat.ts';
import type { Shown } from '../stats/text.ts';
import { coverageRows } from './coverage.ts';
import { idxstatsRows } from './idxstats.ts';
import type { Reports } from './result.ts';
import { statsNumbers } from './stats.ts';

/** By report; those that were not made are left out, and so is depth, which is not of contigs but of bases. */
export type Tables = {
  readonly [report in 'flagstat' | 'idxstats' | 'stats' | 'coverage' | 'mosdepth']?: Table;
};

export function tablesOf(
  { flagstat, idxstats, stats, coverage, mosdepth }: Reports,
  contigs: readonly Contig[],
  shown: Shown,
  isSorted: boolean,
  locus: Locus | undefined,
): Tables {
  const tables: { -readonly [report in keyof Tables]: Table } = {};
  if (flagstat)
    tables.flagstat = {
      kinds: { count: 'text', passed: 'whole', failed: 'whole' },
      rows: toRows(...summarize(flagstat)),
    };
  if (idxstats)
    tables.idxstats = {
      kinds: { name: 'text', length: 'whole', mapped: 'whole', unmapped: 'whole' },
      rows: idxstatsRows(idxstats, contigs),
    };
  if (stats)
    tables.stats = {
      kinds: { name: 'text', value: 'real' },
      rows: Object.entries(statsNumbers(stats, shown, isSorted)).map(([name, value]) => ({ name, value })),
    };
  if (coverage)
    tables.coverage = {
      kinds: {
        name: 'text',
        start: 'whole',
        end: 'whole',
        length: 'whole',
        reads: 'whole',
        covered: 'whole',
        percent: 'real',
        depth: 'real',
        baseq: 'real',
        mapq: 'real',
      },
      rows: coverageRows(coverage, contigs, locus),
    };
  if (mosdepth)
    tables.mosdepth = {
      kinds: { name: 'text', length: 'whole', bases: 'whole', mean: 'real', min: 'whole', max: 'whole' },
      rows: depthRows(
        mosdepth,
        contigs.map(({ name, length }, id) => ({ id, name, length })),
      ),
    };
  return tables;
}
