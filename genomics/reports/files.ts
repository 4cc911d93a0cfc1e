/** Writes the reports of a run, each into a file of its own. */
import type { Context, Output } from '../../core/job.ts';
import type { Header } from '../formats/bam.ts';
import { writeTable } from '../formats/parquet.ts';
import { writeBedcov } from './bedcov.ts';
import { coverageRows, coverageText } from './coverage.ts';
import { writeDepth } from './depth.ts';
import { flagstatJson, flagstatText } from './flagstat.ts';
import { idxstatsRows, idxstatsText } from './idxstats.ts';
import { type Measured, writeMosdepth } from './mosdepth.ts';
import type { Reports } from './result.ts';
import { type Params, shownOf } from './settings.ts';
import { statsNumbers, writeStats } from './stats.ts';
import { tablesOf } from './tables.ts';
import type { Wanted } from './wanted.ts';

type Written = {
  readonly measured: Measured;
  readonly given: Params;
  readonly json: boolean;
  readonly wanted: Wanted | undefined;
};

/** `json`: the numbers of flagstat, idxstats and coverage, and the summaries of stats and mosdepth, stand in one more file, `.json`. */
export async function writeReports(
  result: Reports,
  header: Header,
  { measured, given, json, wanted }: Written,
  output: Output,
  context: Pick<Context, 'get'>,
): Promise<void> {
  const { contigs } = header;
  const write = async (suffix: string, text: string): Promise<void> => {
    const sink = await output.file(suffix);
    await sink.write(Buffer.from(text));
  };
  const { flagstat, stats, coverage, depth, bedcov, mosdepth } = result;
  const idxstats = result.idxstats && idxstatsRows(result.idxstats, contigs);
  const covered = coverage && coverageRows(coverage, contigs, wanted?.locus);
  if (flagstat) await write('.flagstat', flagstatText(flagstat));
  if (idxstats) await write('.idxstats', idxstatsText(idxstats));
  const { isSorted = true } = stats ? await writeStats(stats, shownOf(given), output, context) : {};
  if (covered) await write('.coverage', coverageText(covered));
  if (depth) await writeDepth(depth, contigs, output);
  if (mosdepth) await writeMosdepth(mosdepth, header, given.precision, measured, output, context);
  if (bedcov && measured.bed) await writeBedcov(bedcov, contigs, measured.bed, output);
  if (!json && !given.parquet) return;
  const tables = tablesOf(result, contigs, shownOf(given), isSorted, wanted?.locus);
  if (given.parquet)
    for (const [name, table] of Object.entries(tables))
      await writeTable(table, await output.file(`.${name}.parquet`));
  if (!json) return;
  const numbers = {
    ...Object.fromEntries(Object.entries(tables).map(([name, { rows }]) => [name, rows])),
    ...(flagstat ? { flagstat: JSON.parse(flagstatJson(flagstat)) } : {}),
    ...(stats ? { stats: statsNumbers(stats, shownOf(given), isSorted) } : {}),
  };
  await write('.json', `${JSON.stringify(numbers, null, 2)}\n`);
}
