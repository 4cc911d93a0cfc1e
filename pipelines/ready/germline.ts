/** From alignments to called variants: genomics/variants over all files together, what bcftools stats says of the calls, a comparison with a truth, and each file's quality. */
import { BadUsage } from '../../core/errors.ts';
import { resolve, words } from '../../core/params.ts';
import { compare } from '../../genomics/jobs/compare.ts';
import { qc } from '../../genomics/jobs/qc.ts';
import { variants } from '../../genomics/jobs/variants.ts';
import { vcfStats } from '../../genomics/jobs/vcfstats.ts';
import { vcfHeadingOf } from '../../genomics/formats/remembered.ts';
import type { Counts } from '../../genomics/compare/result.ts';
import type { Stats } from '../../genomics/vcf/stats.ts';
import { type Pipeline, type Row, type Step, tableOf } from '../pipeline.ts';
import { reportRow, sampleSteps } from './qc.ts';

const calls = 'calls.vcf.gz';

export const germline: Pipeline = {
  name: 'pipelines/germline',
  doc: 'alignments to germline calls in a folder: calls.vcf.gz, counts, comparison with a truth set, quality reports of each file, and tables over them',
  examples: [
    '--reads sample.bam --reference genome.fa.gz --out sample',
    "--reads 'trio/*.bam' --reference genome.fa.gz --region chr20 --out trio",
    '--reads hg002.bam --reference genome.fa.gz --truth truth.vcf.gz --confident confident.bed --out hg002',
  ],
  inputs: {
    ...variants.inputs,
    truth: {
      ...compare.inputs.truth,
      doc: 'what is known of a sample: calls are compared with it',
      optional: true,
    },
    confident: compare.inputs.confident!,
  },
  params: {
    ...variants.params,
    reports: words(
      ['flagstat', 'idxstats', 'stats', 'coverage', 'mosdepth'],
      'flagstat,stats,mosdepth',
      'reports of genomics/qc on each file',
    ),
    sample: compare.params.sample,
    'truth-sample': compare.params['truth-sample'],
  },
  split: variants.split,
  unit: variants.unit,
  counts: variants.counts,
  output: 'folder',
  first: async () => variants,

  async check({ truth = [] }, planning) {
    for (const dataset of truth) await vcfHeadingOf(dataset, planning);
  },

  steps({ reads = [], reference = [], regions, truth, confident }, given): Step[] {
    if (confident && !truth)
      throw new BadUsage('--confident: found no --truth, expected one to compare with');
    const { reports, sample, 'truth-sample': truthSample, ...calling } = given;
    const made = { reads: { variants: [calls] } };
    const region = given['region']!;
    const known = { reference, ...(truth ? { truth } : {}), ...(confident ? { confident } : {}) };
    return [
      {
        name: calls,
        stage: {
          job: variants,
          inputs: { reads, reference, ...(regions ? { regions } : {}) },
          params: calling,
        },
      },
      {
        name: 'calls.stats',
        ...made,
        stage: { job: vcfStats, inputs: {}, params: resolve(vcfStats.params, { samples: 'all' }) },
      },
      ...(truth
        ? [
            {
              name: 'comparison',
              ...made,
              stage: {
                job: compare,
                inputs: known,
                params: resolve(compare.params, {
                  region,
                  sample: sample!,
                  'truth-sample': truthSample!,
                  files: 'roc,tp,fp,fn',
                }),
              },
            },
          ]
        : []),
      // References are for CRAM, and for what stats says of mismatches.
      ...sampleSteps(reads, { reference }, resolve(qc.params, { reports: reports!, region })),
    ];
  },

  async end(done, _params, planning) {
    const rows: Row[] = [];
    for (const step of done) if (step.stage.job === qc) rows.push(await reportRow(step, planning));
    const stats = done[1]!.finished.value as Stats;
    const { header } = await vcfHeadingOf(done[1]!.stage.inputs['variants']![0]!, planning);
    const called = header.samples.map((sample, i) => callRow(sample, stats, i));
    const compared = done.find(({ stage }) => stage.job === compare);
    const counts = compared && (compared.finished.value as { counts: { SNP: Counts; INDEL: Counts } }).counts;
    return {
      files: { 'summary.tsv': tableOf(rows), 'samples.tsv': tableOf(called) },
      said: { rows, samples: called, ...(counts ? { comparison: counts } : {}) },
    };
  },
};

/** What was called of a sample. */
function callRow(sample: string, { samples: by }: Stats, i: number): Row {
  const [ts, tv] = [by.transitions[i]!, by.transversions[i]!];
  return {
    sample,
    snps_het: by.het[i]!,
    snps_hom: by.homAlt[i]!,
    indels: by.indels[i]!,
    ts_tv: tv > 0 ? Number((ts / tv).toFixed(3)) : null,
    depth: by.depths[i]! > 0 ? Number((by.depth[i]! / by.depths[i]!).toFixed(1)) : null,
    singletons: by.singletons[i]!,
    missing: by.missing[i]!,
  };
}
