/** The files of mosdepth in a run of several reports: coverage's own sweep, merge and writer. */
import type { Context, Output } from '../../core/job.ts';
import { isLookedAt, selectContigs } from '../coverage/contigs.ts';
import { writeRegions, writeRows } from '../coverage/files.ts';
import { buildCoverage, keeper } from '../coverage/keeper.ts';
import { createPlain } from '../coverage/plain.ts';
import type { Part } from '../coverage/plan.ts';
import { writeReports } from '../coverage/reports.ts';
import type { Coverage } from '../coverage/result.ts';
import { type Params as CoverageParams, type Settings, settingsOf } from '../coverage/settings.ts';
import type { Header } from '../formats/bam.ts';
import type { Bed } from '../formats/bed.ts';
import type { Visitor } from './scan.ts';

/** What is measured. `name` is the BAM's, for messages. */
export type Measured = {
  readonly settings: Settings;
  readonly bed: Bed | undefined;
  readonly name: string;
};

/** @throws BadUsage for options that do not go together */
export const measuredOf = (
  given: Omit<CoverageParams, 'chrom'>,
  bed: Bed | undefined,
  name: string,
): Measured => ({ settings: settingsOf({ ...given, chrom: '' }, bed !== undefined), bed, name });

/** Null where the part has no contig that mosdepth looks at. */
export function createMosdepth(
  part: Part,
  { settings, bed, name }: Measured,
  context: Pick<Context, 'put'>,
): (Visitor & { build(): Promise<Coverage> }) | null {
  const contigs = part.contigs.filter(([, contig]) => isLookedAt(contig, settings, bed));
  const chosen = new Set(contigs.map(([id]) => id));
  if (contigs.length === 0) return null;
  const own: Part = {
    ...part,
    contigs,
    from: contigs[0] === part.contigs[0] ? part.from : 0,
    to: contigs.at(-1) === part.contigs.at(-1) ? part.to : contigs.at(-1)![2],
  };
  const { sweep, feed } = createPlain(own, settings, bed, name);
  const kept = keeper(context);
  return {
    take({ bytes, contig, halo, end }) {
      if (!chosen.has(contig)) return undefined;
      feed(bytes.subarray(halo, end));
      return kept.spill(sweep);
    },
    build: () => buildCoverage(own, sweep, kept),
  };
}

/** Writes the files as genomics/coverage does. */
export async function writeMosdepth(
  result: Coverage,
  header: Header,
  digits: number,
  { settings, bed, name }: Measured,
  output: Output,
  context: Pick<Context, 'get'>,
): Promise<void> {
  const contigs = selectContigs(header, name, { chrom: '' }, settings, bed);
  const shared = { header: header.contigs, output, context };
  const { perBase, quantized, regions, seen } = result;
  await writeReports(result, contigs, digits, output);
  if (perBase) await writeRows(perBase, '.per-base.bed.gz', shared);
  if (quantized) await writeRows(quantized, '.quantized.bed.gz', shared);
  if (regions) await writeRegions({ seen, regions }, contigs, settings, bed, digits, shared);
}
