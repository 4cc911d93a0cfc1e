/** Quality control of many samples: genomics/qc on each BAM, one folder for MultiQC, and a table over all. */
import { basename } from 'node:path';
import { BadUsage } from '../../core/errors.ts';
import type { Dataset, Inputs, Planning } from '../../core/job.ts';
import type { Options } from '../../core/json.ts';
import { headingOf } from '../../genomics/formats/remembered.ts';
import { qc as job } from '../../genomics/jobs/qc.ts';
import { coverageRows } from '../../genomics/reports/coverage.ts';
import type { Reports } from '../../genomics/reports/result.ts';
import { sampleRow } from '../../genomics/reports/sample.ts';
import type { Params } from '../../genomics/reports/settings.ts';
import { wantedOf } from '../../genomics/reports/wanted.ts';
import { type Done, type Pipeline, type Row, type Step, tableOf } from '../pipeline.ts';

export const qc: Pipeline = {
  name: 'pipelines/qc',
  doc: 'genomics/qc on each of many BAM files: a folder for MultiQC, and summary.tsv over the samples',
  examples: [
    "--reads 'bams/*.bam' --out qc",
    '--reads a.bam b.bam --by exons.bed --reports flagstat,stats,mosdepth,bedcov --out qc',
  ],
  inputs: {
    ...job.inputs,
    reads: { ...job.inputs.reads, doc: 'files of alignments as genomics/qc reads them, each a sample' },
  },
  params: job.params,
  split: job.split,
  unit: job.unit,
  counts: job.counts,
  output: 'folder',
  first: async () => job,

  steps: ({ reads = [], ...others }, params) => sampleSteps(reads, others, params),

  async end(done, _params, planning) {
    const rows: Row[] = [];
    for (const step of done) rows.push(await reportRow(step, planning));
    return { files: { 'summary.tsv': tableOf(rows) }, said: { rows } };
  },
};

/** genomics/qc on each file, by its name. @throws BadUsage where two would have one name */
export function sampleSteps(reads: readonly Dataset[], others: Inputs, params: Options): Step[] {
  const samples = new Map<string, string>();
  return reads.map((dataset) => {
    const name = sampleOf(dataset.uri);
    const other = samples.get(name);
    if (other !== undefined)
      throw new BadUsage(
        `--reads: ${other} and ${dataset.uri} are both sample ${name}; rename one, or give them another --out each`,
      );
    samples.set(name, dataset.uri);
    return { name, stage: { job, inputs: { ...others, reads: [dataset] }, params } };
  });
}

/** A line of the table over samples. */
export async function reportRow(
  { name, stage: { inputs }, finished }: Done,
  planning: Planning,
): Promise<Row> {
  const reports = finished.value as Reports;
  const [file] = inputs['reads']!;
  const given = finished.params as unknown as Params;
  const { contigs } = (await headingOf(file!, planning)).header;
  const wanted = await wantedOf(given, inputs['bed']?.[0], contigs, file!.uri, planning);
  const covered = reports.coverage && coverageRows(reports.coverage, contigs, wanted?.locus);
  return { sample: name, ...sampleRow(reports, covered, given) };
}

/** A file's name without its ending, as MultiQC shortens names. */
const sampleOf = (uri: string): string =>
  basename(uri.replace(/[?#].*$/, '')).replace(/\.(bam|cram|sam(\.gz)?)$/i, '');
