/** VCFs of other samples side by side, as one. */
import { columns } from '../../core/codec.ts';
import { BadUsage } from '../../core/errors.ts';
import { define } from '../../core/job.ts';
import { mebibyte } from '../../core/units.ts';
import { vcfHeadingOf } from '../formats/remembered.ts';
import { vcfInput } from '../formats/vcffile.ts';
import { joinKept, type Kept } from '../vcf/filter.ts';
import { type Inputs, mergedHeader, mergePart, params } from '../vcf/merge.ts';
import { planStretches, type Stretch } from '../vcf/mergeplan.ts';
import { contigOrder } from '../vcf/placed.ts';
import { writeKept } from '../vcf/write.ts';

export const vcfMerge = define<Inputs, typeof params, Stretch, Kept>({
  name: 'genomics/vcf-merge',
  version: 2,
  doc: 'VCFs of other samples as one with the samples of all, as bgzipped VCF with an index (bcftools merge)',
  examples: [
    "--variants 'samples/*.vcf.gz' --out cohort.vcf.gz",
    '--variants a.vcf.gz b.vcf.gz --multiallelic none --missing-to-ref --out pair.vcf.gz',
  ],
  inputs: { variants: { ...vcfInput, doc: `${vcfInput.doc}; several, each in order`, many: true } },
  params,
  split: 2 * mebibyte,
  unit: 'bytes',
  counts: 'records',
  output: 'file',
  result: columns<Kept>(),

  async partition({ variants }, given, split, planning) {
    if (variants.length < 2)
      throw new BadUsage(`--variants: found ${variants.length} file, expected two or more to be merged`);
    const { header } = await mergedHeader(variants, given, planning);
    const notes: string[] = [];
    for (const file of variants) notes.push(...(await vcfHeadingOf(file, planning)).notes);
    return { parts: await planStretches(variants, contigOrder(header), split, planning), notes };
  },
  weight: ({ ranges }) => ranges.reduce((sum, range) => sum + (range ? range.to - range.from : 0), 0),
  pace: 4 * mebibyte,
  memory: () => 256 * mebibyte,

  kernel: mergePart,
  merge: joinKept,
  records: ({ records }) => records,

  async write(kept, output, { inputs: { variants }, params: given }, context) {
    const { header } = await mergedHeader(variants, given, context);
    await writeKept(kept, output, header, header.text, 'genomics/vcf-merge', given, context);
  },
});
