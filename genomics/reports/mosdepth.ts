/** The files of mosdepth in a run of several reports: coverage's own sweep, merge and writer. */
import type { Context, Output } from '../../core/job.ts';
import { type Contig, selectContigs } from '../coverage/contigs.ts';
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

/** What is measured, and on which contigs: mosdepth leaves some out. `name` is the BAM's, for messages. */
export type Measured = {
  readonly settings: Settings;
  readonly contigs: readonly Contig[];
  readonly bed: Bed | undefined;
  readonly name: string;
};

/** @throws BadUsage for options that do not go together, BadInput when no region lies on a contig */
export function measuredOf(
  given: Omit<CoverageParams, 'chrom'>,
  header: Header,
  bed: Bed | undefined,
  name: string,
): Measured {
  const settings = settingsOf({ ...given, chrom: '' }, bed !== undefined);
  // Reads may lie on no contig at all.
  const contigs = header.contigs.length > 0 ? selectContigs(header, name, { chrom: '' }, settings, bed) : [];
  return { settings, contigs, bed, name };
}

/** Null where the part has none of the contigs. */
export function createMosdepth(
  part: Part,
  { settings, contigs: all, bed, name }: Measured,
  context: Pick<Context, 'put'>,
): (Visitor & { build(): Promise<Coverage> }) | null {
  const chosen = new Set(all.map(({ id }) => id));
  const contigs = part.contigs.filter(([id]) => chosen.has(id));
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
      feed(bytes.subarray(halo, end), contig);
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
  { settings, contigs, bed }: Measured,
  output: Output,
  context: Pick<Context, 'get'>,
): Promise<void> {
  const shared = { header: header.contigs, output, context };
  const { perBase, quantized, regions, seen } = result;
  await writeReports(result, contigs, digits, output);
  if (perBase) await writeRows(perBase, '.per-base.bed.gz', shared);
  if (quantized) await writeRows(quantized, '.quantized.bed.gz', shared);
  if (regions) await writeRegions({ seen, regions }, contigs, settings, bed, digits, shared);
}
