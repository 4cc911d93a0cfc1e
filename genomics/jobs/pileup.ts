/** What lies over each position of the reference, as samtools mpileup prints it, or as a table of counts. */
import { columns } from '../../core/codec.ts';
import { define } from '../../core/job.ts';
import { mebibyte } from '../../core/units.ts';
import { fastaFormats } from '../formats/fasta.ts';
import { headingOf } from '../formats/remembered.ts';
import { rowsUrl, scanUrl } from '../kernels/modules.ts';
import { collect, type Inputs } from '../pileup/collect.ts';
import { type Part, planPileup } from '../pileup/plan.ts';
import { joinPileups, type Pileup } from '../pileup/result.ts';
import { params } from '../pileup/settings.ts';
import { writeCounts } from '../pileup/table.ts';
import { writeText } from '../pileup/text.ts';

export const pileup = define<Inputs, typeof params, Part, Pileup>({
  name: 'genomics/pileup',
  version: 1,
  doc: 'bases over each position, as text (samtools mpileup -B) or counts by strand',
  examples: [
    '--reads sample.bam --reference genome.fa --out sample.pileup',
    '--reads sample.bam --region chr20:1000000-1100000 --out locus.pileup',
    '--reads sample.bam --positions sites.bed --format parquet --out sites.parquet',
  ],
  inputs: {
    reads: {
      doc: 'sorted alignments: BAM with an index (.bai or .csi), or CRAM, which is slower; several files count as one',
      formats: ['bam', 'cram'],
      many: true,
    },
    reference: {
      doc: 'what the reads were aligned to, with its index (.fai, and .gzi)',
      formats: fastaFormats,
      optional: true,
    },
    positions: { doc: 'only these regions, and reads that overlap any', formats: ['bed'], optional: true },
  },
  params,
  split: 8 * mebibyte,
  unit: 'bytes',
  counts: 'reads',
  output: 'file',
  result: columns<Pileup>(),

  partition: ({ reads, positions, reference }, given, split, planning) =>
    planPileup(reads, positions?.[0], reference?.[0], given, split, planning),
  weight: ({ cost }) => cost,
  pace: 20 * mebibyte,
  memory: () => 128 * mebibyte,

  modules: { rows: rowsUrl, scan: scanUrl },

  kernel: collect,
  merge: joinPileups,
  records: ({ records }) => records,
  appends: ({ rows }, { format, all }) =>
    format === 'text' && !all ? rows.map(({ stored }) => ({ stored })) : undefined,

  async write(
    result,
    output,
    {
      inputs: {
        reads: [first],
      },
      params: { format },
    },
    context,
  ) {
    if (format === 'text') return writeText(result, output);
    const { contigs } = (await headingOf(first!, context)).header;
    await writeCounts(result, contigs, output, context);
  },
});
