/** Germline substitutions, insertions and deletions, called from alignments. */
import { columns } from '../../core/codec.ts';
import { define } from '../../core/job.ts';
import { mebibyte } from '../../core/units.ts';
import { fastaFormats } from '../formats/fasta.ts';
import { headingOf } from '../formats/remembered.ts';
import { pairhmmUrl, scanUrl } from '../kernels/modules.ts';
import { collect, type Inputs } from '../variants/collect.ts';
import { type Part, planVariants } from '../variants/plan.ts';
import { type Calls, joinCalls } from '../variants/result.ts';
import { params } from '../variants/settings.ts';
import { writeCalls } from '../variants/write.ts';

export const variants = define<Inputs, typeof params, Part, Calls>({
  name: 'genomics/variants',
  version: 2,
  doc: 'germline substitutions, insertions and deletions, as bgzipped VCF with an index',
  examples: [
    '--reads sample.bam --reference genome.fa.gz --out sample.vcf.gz',
    '--reads sample.bam --reference genome.fa.gz --region chr20:1000000-3000000,chr21 --out loci.vcf.gz',
    '--reads sample.bam --reference genome.fa.gz --gvcf --out sample.g.vcf.gz',
    '--reads child.bam mother.bam father.bam --reference genome.fa.gz --out trio.vcf.gz',
  ],
  inputs: {
    reads: {
      doc: 'sorted alignments: BAM with an index (.bai or .csi), or CRAM, which is slower; samples by read group',
      formats: ['bam', 'cram'],
      many: true,
    },
    reference: {
      doc: 'what the reads were aligned to, with its index (.fai, and .gzi)',
      formats: fastaFormats,
    },
    regions: { doc: 'only in these regions', formats: ['bed'], optional: true },
  },
  params,
  split: 4 * mebibyte,
  unit: 'bytes',
  counts: 'reads',
  output: 'file',
  result: columns<Calls>(),

  partition: ({ reads, reference: [reference], regions }, given, split, planning) =>
    planVariants(reads, reference, regions?.[0], given, split, planning),
  weight: ({ cost }) => cost,
  pace: 8 * mebibyte,
  memory: () => 96 * mebibyte,

  modules: { pairhmm: pairhmmUrl, scan: scanUrl },

  kernel: collect,
  merge: joinCalls,
  records: ({ records }) => records,

  async write(calls, output, { inputs, params: given }, context) {
    const { contigs } = (await headingOf(inputs.reads[0]!, context)).header;
    await writeCalls(calls, output, contigs, inputs.reference[0], given, context);
  },
});
