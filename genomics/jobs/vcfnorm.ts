/** A VCF with its alleles moved left, REF checked, and each alternate allele on its own if wanted. */
import { columns } from '../../core/codec.ts';
import { BadUsage } from '../../core/errors.ts';
import { define } from '../../core/job.ts';
import { mebibyte } from '../../core/units.ts';
import { fastaFormats, readFastaIndex } from '../formats/fasta.ts';
import { vcfHeadingOf } from '../formats/remembered.ts';
import { planVcf, vcfInput } from '../formats/vcffile.ts';
import { vcfModules } from '../kernels/modules.ts';
import { joinKept, type Kept } from '../vcf/filter.ts';
import { joinLinesOf } from '../vcf/join.ts';
import { type Inputs, normalisePart, params, type Part, placesOf } from '../vcf/norm.ts';
import { writeKept } from '../vcf/write.ts';

export const vcfNorm = define<Inputs, typeof params, Part, Kept>({
  name: 'genomics/vcf-norm',
  version: 3,
  doc: 'alleles moved left without bases they share, REF checked, several alternate alleles split or joined (bcftools norm)',
  examples: [
    '--variants calls.vcf.gz --reference genome.fa.gz --out norm.vcf.gz',
    '--variants calls.vcf.gz --reference genome.fa.gz --biallelic --check-ref exclude --out single.vcf.gz',
    '--variants single.vcf.gz --reference genome.fa.gz --join any --out sites.vcf.gz',
  ],
  inputs: {
    variants: vcfInput,
    reference: {
      doc: 'what they are told by, with its index (.fai, and .gzi)',
      formats: fastaFormats,
    },
  },
  params,
  // Genotypes alone inflate to seventy times their size.
  split: mebibyte,
  unit: 'bytes',
  counts: 'records',
  output: 'file',
  result: columns<Kept>(),

  async partition({ variants: [file], reference: [fasta] }, given, split, planning) {
    if (given.biallelic && given.join !== 'no')
      throw new BadUsage('--biallelic and --join: found both, expected one; they undo each other');
    const heading = await vcfHeadingOf(file, planning);
    const reference = placesOf(await readFastaIndex(planning, fasta), heading.header.contigs);
    const ranges = await planVcf(file, heading, split, planning);
    return { parts: ranges.map((range) => ({ ...range, reference })), notes: heading.notes };
  },
  weight: ({ from, to }) => to - from,
  pace: 10 * mebibyte,
  memory: () => 256 * mebibyte,
  modules: vcfModules,

  kernel: normalisePart,
  merge: joinKept,
  records: ({ records }) => records,

  async write(
    kept,
    output,
    {
      inputs: {
        variants: [file],
      },
      params: given,
    },
    context,
  ) {
    const { header } = await vcfHeadingOf(file, context);
    const { join: joining } = given;
    const join =
      joining === 'no' ? undefined : (lines: readonly string[]) => joinLinesOf(lines, joining, header);
    await writeKept(kept, output, header, header.text, 'genomics/vcf-norm', given, context, {
      isMoved: true,
      join,
    });
  },
});
