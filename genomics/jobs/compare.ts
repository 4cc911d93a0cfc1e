/** Calls beside a truth: which alleles agree, whatever way they are put. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { mebibyte } from '../../core/units.ts';
import { createAlleleTally, type Found, sampleColumn } from '../compare/alleles.ts';
import { params } from '../compare/settings.ts';
import { fastaFormats } from '../formats/fasta.ts';
import { vcfHeadingOf } from '../formats/remembered.ts';
import type { Range } from '../formats/textlines.ts';
import { eachRecord, planVcf, vcfInput } from '../formats/vcffile.ts';
import { vcfModules } from '../kernels/modules.ts';
import { withVcfTable } from '../kernels/vcftable.ts';
import { matched } from './matched.ts';

type Inputs = {
  readonly variants: readonly [Dataset];
  readonly truth: readonly [Dataset];
  readonly reference: readonly [Dataset];
  readonly confident?: readonly [Dataset];
};
type Part = Range & { readonly side: 'truth' | 'calls' };

/** Finds the alleles of both; `matched` then compares them. */
export const compare = define<Inputs, typeof params, Part, Found>({
  name: 'genomics/compare',
  version: 2,
  doc: 'calls beside a truth by haplotypes: precision, recall, F1 of SNPs and indels, with genotypes and without',
  examples: [
    '--variants calls.vcf.gz --truth truth.vcf.gz --confident confident.bed --reference genome.fa.gz',
    '--variants calls.vcf.gz --truth truth.vcf.gz --reference genome.fa.gz --files roc,tp,fp,fn --out results/calls',
    '--variants calls.vcf.gz --truth truth.vcf.gz --confident confident.bed --reference genome.fa.gz --region chr20:1000000-3000000 --min-qual 20',
  ],
  inputs: {
    variants: { ...vcfInput, doc: 'calls, plain or bgzipped; no index is needed' },
    truth: { ...vcfInput, doc: 'what is known, the same' },
    reference: {
      doc: 'what both are told by, with its index (.fai, and .gzi)',
      formats: fastaFormats,
    },
    confident: {
      doc: 'only alleles that lie within one of these regions count',
      formats: ['bed', 'bed.gz'],
      optional: true,
    },
  },
  params,
  split: 4 * mebibyte,
  unit: 'bytes',
  counts: 'records',
  output: 'text',
  result: columns<Found>(),

  async partition({ variants: [variants], truth: [truth] }, given, split, planning) {
    const sides = [
      ['truth', truth, given['truth-sample']],
      ['calls', variants, given.sample],
    ] as const;
    const parts: Part[] = [];
    const notes: string[] = [];
    for (const [side, file, sample] of sides) {
      const heading = await vcfHeadingOf(file, planning);
      sampleColumn(sample, heading.header, file.uri);
      notes.push(...heading.notes);
      for (const range of await planVcf(file, heading, split, planning)) parts.push({ ...range, side });
    }
    return { parts, notes };
  },
  weight: ({ from, to }) => to - from,
  pace: 30 * mebibyte,
  memory: () => 96 * mebibyte,
  modules: vcfModules,

  async kernel({ side, ...range }, { variants: [variants], truth: [truth] }, given, context) {
    const [file, sample] = side === 'truth' ? [truth, given['truth-sample']] : [variants, given.sample];
    const heading = await vcfHeadingOf(file, context);
    const { header } = heading;
    const source = await context.open(file);
    return withVcfTable(context, async (table) => {
      const { take, store } = createAlleleTally(side, header, sampleColumn(sample, header, file.uri), given);
      await eachRecord(source, file.uri, range, heading, table, context.signal, take);
      return store(context);
    });
  },
  merge: (all) => ({
    records: all.reduce((sum, { records }) => sum + records, 0),
    pieces: all.flatMap(({ pieces }) => pieces),
  }),
  records: ({ records }) => records,

  next: (alleles, _value, { reference, confident }, given) => ({
    job: matched,
    inputs: { alleles: [alleles], reference, ...(confident ? { confident } : {}) },
    params: given,
  }),
});
