/** All reports of samtools and mosdepth on a BAM file from one pass over it. */
import { columns } from '../../core/codec.ts';
import type { Context, Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { mebibyte } from '../../core/units.ts';
import { settingsOf as measuringOf } from '../coverage/settings.ts';
import { fastaFormats } from '../formats/fasta.ts';
import { openReading } from '../formats/placed.ts';
import { bedOf, headingOf } from '../formats/remembered.ts';
import { cyclesUrl, scanUrl } from '../kernels/modules.ts';
import { collect } from '../reports/collect.ts';
import { writeReports } from '../reports/files.ts';
import { measuredOf } from '../reports/mosdepth.ts';
import { planReports } from '../reports/plan.ts';
import { joinReports, type Reports } from '../reports/result.ts';
import type { Part } from '../reports/scan.ts';
import { wantedOf, type Wanted } from '../reports/wanted.ts';
import { hasBases, type Params, params, settingsOf } from '../reports/settings.ts';

type Inputs = {
  readonly reads: readonly Dataset[];
  readonly by?: readonly [Dataset];
  readonly reference?: readonly [Dataset];
  readonly bed?: readonly [Dataset];
};

export const qc = define<Inputs, typeof params, Part, Reports>({
  name: 'genomics/qc',
  version: 3,
  doc: 'samtools flagstat, idxstats, stats, coverage, depth, bedcov and mosdepth in one pass',
  examples: [
    '--reads sample.bam --out results/sample',
    '--reads sample.bam --reports flagstat,coverage,depth --out results/sample',
    '--reads sample.bam --by exons.bed --reports mosdepth,bedcov --out results/sample',
  ],
  inputs: {
    reads: {
      doc: 'sorted alignments: BAM with an index (.bai or .csi), or CRAM, which is slower; flagstat, idxstats and stats: in any order, without one; several files count as one',
      formats: ['bam', 'sam', 'sam.gz', 'cram'],
      many: true,
    },
    reference: {
      doc: 'stats: what the reads were aligned to, with its index (.fai, and .gzi); stats of CRAM need it',
      formats: fastaFormats,
      optional: true,
    },
    by: { doc: 'regions to measure', formats: ['bed'], optional: true },
    bed: {
      doc: 'only reads that overlap any of these regions; depth: their positions',
      formats: ['bed'],
      optional: true,
    },
  },
  params,
  split: 16 * mebibyte,
  unit: 'bytes',
  counts: 'reads',
  output: 'prefix',
  result: columns<Reports>(),

  partition({ reads, by, reference, bed }, given, split, planning) {
    const needsBases = hasBases(settingsOf(given, by !== undefined));
    const measuring = measuringOf({ ...given, chrom: '' }, by !== undefined);
    const files = { reads, by: by?.[0], reference: reference?.[0], bed: bed?.[0] };
    return planReports(files, { measuring, given, needsBases }, split, planning);
  },
  weight: ({ cost }) => cost,
  pace: 30 * mebibyte,
  memory: ({ contigs, from, to }, { by, thresholds }) => {
    const bases =
      contigs.reduce((sum, [, , length]) => sum + length, 0) - (contigs.at(-1)?.[2] ?? 0) + to - from;
    return 96 * mebibyte + (by > 0 ? (bases / by) * 16 * (1 + thresholds.length) : 0);
  },

  modules: { cycles: cyclesUrl, scan: scanUrl },

  async kernel(part, { reads, by, reference, bed }, given, context) {
    const settings = settingsOf(given, by !== undefined);
    const measured = measuredOf(given, by && (await bedOf(by[0], context)), reads[0]!.uri);
    const reading = await openReading(
      reads,
      reference?.[0],
      hasBases(settings),
      context,
      await context.module('scan'),
    );
    const wanted = await wantedBy(reads, bed, given, context);
    return collect(part, { settings, given, measured, reading, wanted }, context);
  },
  merge: (results, given, context) => {
    const { measure } = measuringOf({ ...given, chrom: '' }, true);
    return joinReports(results, measure, given.by > 0, context);
  },
  records: (result) => result.records,
  appends({ depth }) {
    const rows = depth?.pieces.filter((piece) => 'key' in piece) ?? [];
    return depth && rows.length === depth.pieces.length
      ? rows.map((stored) => ({ suffix: '.depth', stored }))
      : undefined;
  },

  async write(result, output, { inputs: { reads, by, bed }, params: given, json }, context) {
    const [first] = reads;
    const { header } = await headingOf(first!, context);
    const measured = measuredOf(given, by && (await bedOf(by[0], context)), first!.uri);
    await writeReports(
      result,
      header,
      { measured, given, json, wanted: await wantedBy(reads, bed, given, context) },
      output,
      context,
    );
  },
});

/** Where the run looks; the header is read only where that is not everywhere. */
async function wantedBy(
  reads: readonly Dataset[],
  bed: readonly [Dataset] | undefined,
  given: Params,
  context: Pick<Context, 'open'>,
): Promise<Wanted | undefined> {
  if (given.region === '' && !bed) return undefined;
  const { contigs } = (await headingOf(reads[0]!, context)).header;
  return wantedOf(given, bed?.[0], contigs, reads[0]!.uri, context);
}
