/** The records of a VCF for which an expression holds, in a region, of some samples. */
import { columns } from '../../core/codec.ts';
import { define } from '../../core/job.ts';
import { mebibyte } from '../../core/units.ts';
import { vcfHeadingOf } from '../formats/remembered.ts';
import { planVcf, vcfInput } from '../formats/vcffile.ts';
import { vcfModules } from '../kernels/modules.ts';
import { filterPart, type Inputs, joinKept, type Kept, params, type Part } from '../vcf/filter.ts';
import { regionsInput, strangersNote, wantedRegions } from '../vcf/regions.ts';
import { wantedSamples } from '../vcf/samples.ts';
import { createSelector } from '../vcf/selection.ts';
import { subsetHeader } from '../vcf/subset.ts';
import { headerOfAll } from '../vcf/together.ts';
import { writeKept } from '../vcf/write.ts';

export const vcfFilter = define<Inputs, typeof params, Part, Kept>({
  name: 'genomics/vcf-filter',
  version: 3,
  doc: 'records of VCFs by expression, region and sample, several files in order, as bgzipped VCF with an index (bcftools view, concat)',
  examples: [
    `--variants calls.vcf.gz --include 'QUAL>20 && INFO/DP>10 && GT="het"' --out some.vcf.gz`,
    `--variants cohort.vcf.gz --exclude 'F_MISSING>0.1 || TYPE!="snp"' --samples NA12878,NA12891 --out pair.vcf.gz`,
    '--variants calls.vcf.gz --region chr20:1000000-2000000,chrX --out loci.vcf.gz',
    '--variants calls.vcf.gz --regions exons.bed --out exons.vcf.gz',
    "--variants 'chr*.vcf.gz' --out genome.vcf.gz",
  ],
  inputs: {
    variants: {
      ...vcfInput,
      doc: `${vcfInput.doc}; several files of the same samples become one, in order`,
      many: true,
    },
    regions: regionsInput,
  },
  params,
  // Genotypes alone inflate to seventy times their size.
  split: mebibyte,
  unit: 'bytes',
  counts: 'records',
  output: 'file',
  result: columns<Kept>(),

  async partition({ variants, regions: bed }, given, split, planning) {
    await headerOfAll(variants, planning);
    const parts: Part[] = [];
    const notes: string[] = [];
    for (const [i, file] of variants.entries()) {
      const heading = await vcfHeadingOf(file, planning);
      createSelector(given, heading.header);
      wantedSamples(given.samples, heading.header, file.uri);
      const regions = await wantedRegions(given, bed, planning, heading.header);
      notes.push(...heading.notes, ...strangersNote(regions, heading.header, file.uri));
      for (const range of await planVcf(file, heading, split, planning, regions))
        parts.push({ ...range, file: i });
    }
    return { parts, notes };
  },
  weight: ({ from, to }) => to - from,
  pace: 40 * mebibyte,
  memory: () => 256 * mebibyte,
  modules: vcfModules,

  kernel: filterPart,
  merge: joinKept,
  records: ({ records }) => records,

  async write(kept, output, { inputs: { variants }, params: given }, context) {
    const header = await headerOfAll(variants, context);
    const { names } = wantedSamples(given.samples, header, variants[0]!.uri);
    const text = given.samples === '' ? header.text : subsetHeader(header, names);
    // Records of several files lie among each other.
    const arrangement = { isMoved: variants.length > 1 };
    await writeKept(kept, output, header, text, 'genomics/vcf-filter', given, context, arrangement);
  },
});
