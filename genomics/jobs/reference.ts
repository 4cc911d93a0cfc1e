/** What a reference is made of: its index, the composition of windows, words of k bases, and motifs on both strands. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { mebibyte } from '../../core/units.ts';
import { fastaFormats } from '../formats/fasta.ts';
import { joinOutlines, outline, type Outline, type Part, planOutline } from '../reference/outline.ts';
import { params, settingsOf } from '../reference/settings.ts';
import { survey } from './survey.ts';

/** Finds the sequences; `survey` then reads their bases. */
export const reference = define<{ reference: readonly [Dataset] }, typeof params, Part, Outline>({
  name: 'genomics/reference',
  version: 1,
  doc: 'index of a FASTA file, composition of windows, k-mers, motifs on both strands (restriction sites, PAMs)',
  examples: [
    '--reference genome.fa.gz --out results/genome',
    '--reference genome.fa --reports windows,kmers --window 10000 --k 5 --canonical --out results/genome',
    '--reference genome.fa --reports motifs --motif EcoRI=GAATTC,SpCas9=NGG --out results/genome',
  ],
  inputs: {
    reference: {
      doc: 'sequences, plain or bgzipped; no index is needed',
      formats: fastaFormats,
    },
  },
  params,
  split: 32 * mebibyte,
  unit: 'bytes',
  counts: 'bases',
  output: 'prefix',
  result: columns<Outline>(),

  partition({ reference: [fasta] }, given, split, planning) {
    settingsOf(given);
    return planOutline(fasta, split, planning);
  },
  weight: ({ from, to }) => to - from,
  pace: 500 * mebibyte,
  memory: () => 16 * mebibyte,

  kernel: async (part, { reference: [fasta] }, _given, context) =>
    outline(part, await context.open(fasta), fasta.uri, context.signal),
  merge: joinOutlines,
  records: ({ entries }) => entries.reduce((sum, { bases }) => sum + bases, 0),

  next: (result, _value, { reference: [fasta] }, given) => ({
    job: survey,
    inputs: { outline: [result], reference: [fasta] },
    params: given,
  }),
});
