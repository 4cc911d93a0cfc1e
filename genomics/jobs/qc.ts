/** All reports of samtools and mosdepth on a BAM file from one pass over it. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { settingsOf as measuringOf } from '../coverage/settings.ts';
import type { Header } from '../formats/bam.ts';
import { bedOf, headingOf } from '../formats/remembered.ts';
import { cyclesUrl } from '../kernels/modules.ts';
import { collect } from '../reports/collect.ts';
import { writeReports } from '../reports/files.ts';
import { measuredOf } from '../reports/mosdepth.ts';
import { planReports } from '../reports/plan.ts';
import { joinReports, type Reports } from '../reports/result.ts';
import type { Part } from '../reports/scan.ts';
import { params, settingsOf } from '../reports/settings.ts';

const mebibyte = 1 << 20;

type Inputs = {
  readonly reads: readonly [Dataset];
  readonly by?: readonly [Dataset];
  readonly reference?: readonly [Dataset];
};

export const qc = define<Inputs, typeof params, Part, Reports>({
  name: 'genomics/qc',
  version: 2,
  doc: 'samtools flagstat, idxstats, stats, coverage, depth, bedcov and mosdepth in one pass',
  examples: [
    '--reads sample.bam --out results/sample',
    '--reads sample.bam --reports flagstat,coverage,depth --out results/sample',
    '--reads sample.bam --by exons.bed --reports mosdepth,bedcov --out results/sample',
  ],
  inputs: {
    reads: {
      doc: 'sorted alignments with an index (.bai or .csi); flagstat, idxstats and stats: in any order, without one; CRAM: the first two',
      formats: ['bam', 'sam', 'sam.gz', 'cram'],
    },
    reference: {
      doc: 'stats: what the reads were aligned to, with its index (.fai, and .gzi)',
      formats: ['fa', 'fasta', 'fna', 'fa.gz', 'fasta.gz', 'fna.gz'],
      optional: true,
    },
    by: { doc: 'regions to measure', formats: ['bed'], optional: true },
  },
  params,
  split: 16 * mebibyte,
  unit: 'bytes',
  counts: 'reads',
  output: 'prefix',
  result: columns<Reports>(),

  partition({ reads: [reads], by, reference }, given, split, planning) {
    settingsOf(given, by !== undefined);
    const measuring = measuringOf({ ...given, chrom: '' }, by !== undefined);
    return planReports(reads, by?.[0], reference?.[0], measuring, given, split, planning);
  },
  weight: ({ cost }) => cost,
  pace: 30 * mebibyte,
  memory: ({ contigs, from, to }, { by, thresholds }) => {
    const bases =
      contigs.reduce((sum, [, , length]) => sum + length, 0) - (contigs.at(-1)?.[2] ?? 0) + to - from;
    return 96 * mebibyte + (by > 0 ? (bases / by) * 16 * (1 + thresholds.length) : 0);
  },

  modules: { cycles: cyclesUrl },

  async kernel(part, { reads: [reads], by, reference }, given, context) {
    const settings = settingsOf(given, by !== undefined);
    const measured = measuredOf(given, by && (await bedOf(by[0], context)), reads.uri);
    const fasta = reference && { source: await context.open(reference[0]), name: reference[0].uri };
    const header = async (): Promise<Header> => (await headingOf(reads, context)).header;
    const run = { settings, given, measured, header, reference: fasta };
    return collect(part, await context.open(reads), run, context);
  },
  merge: (results, given, context) => {
    const { measure } = measuringOf({ ...given, chrom: '' }, true);
    return joinReports(results, measure, given.by > 0, context);
  },
  records: (result) => result.records,

  async write(
    result,
    output,
    {
      inputs: {
        reads: [reads],
        by,
      },
      params: given,
      json,
    },
    context,
  ) {
    const { header } = await headingOf(reads, context);
    const measured = measuredOf(given, by && (await bedOf(by[0], context)), reads.uri);
    await writeReports(result, header, { measured, given, json }, output, context);
  },
});
