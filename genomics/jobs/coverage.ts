/** Depth of coverage of a BAM file, as mosdepth 0.3.3 reports it. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { mebibyte } from '../../core/units.ts';
import { selectContigs } from '../coverage/contigs.ts';
import { writeRegions, writeRows } from '../coverage/files.ts';
import { buildCoverage, keeper } from '../coverage/keeper.ts';
import { measureFused } from '../coverage/fused.ts';
import { measurePlain, type Measuring } from '../coverage/plain.ts';
import { type Part, planParts } from '../coverage/plan.ts';
import { writeReports } from '../coverage/reports.ts';
import { type Coverage, join } from '../coverage/result.ts';
import { params, settingsOf } from '../coverage/settings.ts';
import type { PartSweep } from '../coverage/sweep.ts';
import { openReading } from '../formats/placed.ts';
import { bedOf, headingOf } from '../formats/remembered.ts';
import { scanUrl } from '../kernels/modules.ts';

type Inputs = { readonly reads: readonly Dataset[]; readonly by?: readonly [Dataset] };

export const coverage = define<Inputs, typeof params, Part, Coverage>({
  name: 'genomics/coverage',
  version: 2,
  doc: 'depth per base, per region and per contig (mosdepth)',
  examples: [
    '--reads sample.bam --out results/sample',
    '--reads sample.bam --by 500 --fast --no-per-base --out results/sample',
    '--reads sample.bam --by exons.bed --thresholds 1,10,30 --out results/sample',
  ],
  inputs: {
    reads: {
      doc: 'sorted alignments: BAM with an index (.bai or .csi), or CRAM, which is slower; several files count as one',
      formats: ['bam', 'cram'],
      many: true,
    },
    by: { doc: 'regions to measure', formats: ['bed'], optional: true },
  },
  params,
  split: 16 * mebibyte,
  unit: 'bytes',
  counts: 'reads',
  output: 'prefix',
  result: columns<Coverage>(),

  partition: planParts,
  weight: ({ cost }) => cost,
  pace: 80 * mebibyte,
  memory: ({ contigs, from, to }, { by, thresholds }) => {
    const bases =
      contigs.reduce((sum, [, , length]) => sum + length, 0) - (contigs.at(-1)?.[2] ?? 0) + to - from;
    // Numbers of windows are held until the part's end, and copied once.
    return 64 * mebibyte + (by > 0 ? (bases / by) * 16 * (1 + thresholds.length) : 0);
  },

  modules: { scan: scanUrl },
  givesWay: true,

  async kernel(part, { reads, by }, given, context) {
    const settings = settingsOf(given, by !== undefined);
    const bed = by && (await bedOf(by[0], context));
    const kept = keeper(context);
    const how: Measuring = {
      part,
      settings,
      bed,
      reading: await openReading(reads, undefined, false, context, await context.module('scan')),
      spill: (sweep) => kept.spill(sweep),
    };
    const resultOf = (sweep: PartSweep): Promise<Coverage> => buildCoverage(part, sweep, kept);
    const isPlain = part.spans.some(({ file, kind }) => kind !== 'bam' || file !== part.spans[0]!.file);
    const fused = isPlain ? undefined : await measureFused(await context.module('scan'), how, resultOf);
    if (fused) return fused;
    kept.clear();
    return resultOf(await measurePlain(how));
  },
  merge: (results, given, context) => {
    const settings = settingsOf(given, results[0]!.regions !== null);
    return join(results, settings.measure, given.by > 0, context);
  },
  records: (result) => result.records,

  async write(result, output, { inputs: { reads, by }, params: given }, context) {
    const settings = settingsOf(given, by !== undefined);
    const [first] = reads;
    const { header } = await headingOf(first!, context);
    const bed = by && (await bedOf(by[0], context));
    const contigs = selectContigs(header, first!.uri, given, settings, bed);
    const shared = { header: header.contigs, output, context };
    const { perBase, quantized, regions, seen } = result;
    await writeReports(result, contigs, given.precision, output);
    if (perBase) await writeRows(perBase, '.per-base.bed.gz', shared);
    if (quantized) await writeRows(quantized, '.quantized.bed.gz', shared);
    if (regions) await writeRegions({ seen, regions }, contigs, settings, bed, given.precision, shared);
  },
});
