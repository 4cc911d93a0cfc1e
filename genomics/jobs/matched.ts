/** genomics/matched: compares alleles that were read, a contig a part. The second half of genomics/compare. */
import { columns } from '../../core/codec.ts';
import { define } from '../../core/job.ts';
import { mebibyte } from '../../core/units.ts';
import { evaluate, type Inputs, type Part, planEvaluation } from '../compare/evaluate.ts';
import { addCompared, type Compared } from '../compare/result.ts';
import { params } from '../compare/settings.ts';
import { writeCompared } from '../compare/write.ts';
import { fastaFormats } from '../formats/fasta.ts';

export const matched = define<Inputs, typeof params, Part, Compared>({
  name: 'genomics/matched',
  version: 2,
  doc: 'Alleles of calls beside those of a truth; the second half of genomics/compare',
  inputs: {
    alleles: { doc: 'result of genomics/compare', formats: ['genomics/compare'] },
    reference: {
      doc: 'sequences, with their index',
      formats: fastaFormats,
    },
    confident: { doc: 'regions that count', formats: ['bed', 'bed.gz'], optional: true },
  },
  params,
  split: 1,
  unit: 'contigs',
  counts: 'alleles',
  output: 'text',
  result: columns<Compared>(),
  partition: (inputs, given, _split, planning) => planEvaluation(inputs, given, planning),
  weight: ({ count }) => count,
  memory: ({ count }) => 48 * mebibyte + 400 * count,
  kernel: evaluate,
  merge: addCompared,
  records: ({ counts }) => counts.SNP.truth + counts.SNP.calls + counts.INDEL.truth + counts.INDEL.calls,
  write: (compared, output, { params: given, json }, context) =>
    writeCompared(compared, output, given, json, context),
});
