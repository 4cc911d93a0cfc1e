/** genomics/survey: the bases of sequences that are known by place. The second half of genomics/reference. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { mebibyte } from '../../core/units.ts';
import { fastaFormats } from '../formats/fasta.ts';
import { params, settingsOf } from '../reference/settings.ts';
import { joinSurveys, type Part, planSurvey, type Survey, surveyPart } from '../reference/survey.ts';
import { writeSurvey } from '../reference/write.ts';

export type Inputs = { readonly outline: readonly [Dataset]; readonly reference: readonly [Dataset] };

export const survey = define<Inputs, typeof params, Part, Survey>({
  name: 'genomics/survey',
  version: 1,
  doc: 'Windows, k-mers and motifs of known sequences; the second half of genomics/reference',
  inputs: {
    outline: { doc: 'result of genomics/reference', formats: ['genomics/reference'] },
    reference: {
      doc: 'sequences, plain or bgzipped',
      formats: fastaFormats,
    },
  },
  params,
  split: 8_000_000,
  unit: 'bases',
  counts: 'bases',
  output: 'prefix',
  result: columns<Survey>(),

  partition: ({ outline: [outline], reference: [fasta] }, given, split, planning) =>
    planSurvey(outline, fasta, settingsOf(given), split, planning),
  weight: (part) => part.reduce((sum, { from, to }) => sum + to - from, 0),
  pace: 100_000_000,
  memory: (_part, { k }) => 48 * mebibyte + 4 * 4 ** k,

  kernel: surveyPart,
  merge: joinSurveys,
  records: ({ bases }) => bases,

  write: (
    result,
    output,
    {
      inputs: {
        outline: [outlined],
        reference: [fasta],
      },
      params: given,
    },
    context,
  ) => writeSurvey(result, outlined, fasta.uri, given, output, context),
});
