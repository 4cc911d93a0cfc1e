/** The records of a VCF for which an expression holds, in a region, of some samples. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { vcfHeadingOf } from '../formats/remembered.ts';
import type { Range } from '../formats/textlines.ts';
import { planVcf } from '../formats/vcffile.ts';
import { vcfUrl } from '../kernels/modules.ts';
import { filterPart, joinKept, type Kept, params } from '../vcf/filter.ts';
import { wantedSamples } from '../vcf/samples.ts';
import { createSelector } from '../vcf/selection.ts';
import { subsetHeader } from '../vcf/subset.ts';
import { writeKept } from '../vcf/write.ts';

const mebibyte = 1 << 20;

export const vcfFilter = define<{ variants: readonly [Dataset] }, typeof params, Range, Kept>({
  name: 'genomics/vcf-filter',
  version: 1,
  doc: 'records of a VCF by expression, region and sample, as bgzipped VCF with an index (bcftools view)',
  examples: [
    `--variants calls.vcf.gz --include 'QUAL>20 && INFO/DP>10 && GT="het"' --out some.vcf.gz`,
    `--variants cohort.vcf.gz --exclude 'F_MISSING>0.1 || TYPE!="snp"' --samples NA12878,NA12891 --out pair.vcf.gz`,
    '--variants calls.vcf.gz --region chr20:1000000-2000000 --out locus.vcf.gz',
  ],
  inputs: {
    variants: {
      doc: 'variants, plain or bgzipped; no index is needed',
      formats: ['vcf', 'vcf.gz', 'vcf.bgz'],
    },
  },
  params,
  split: 4 * mebibyte,
  unit: 'bytes',
  counts: 'records',
  output: 'file',
  result: columns<Kept>(),

  async partition({ variants: [file] }, given, split, planning) {
    const heading = await vcfHeadingOf(file, planning);
    createSelector(given, heading.header);
    wantedSamples(given.samples, heading.header, file.uri);
    return { parts: await planVcf(file, heading, split, planning), notes: heading.notes };
  },
  weight: ({ from, to }) => to - from,
  pace: 40 * mebibyte,
  memory: () => 96 * mebibyte,
  modules: { vcf: vcfUrl },

  kernel: (range, { variants: [file] }, given, context) => filterPart(range, file, given, context),
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
    const { names } = wantedSamples(given.samples, header, file.uri);
    const text = given.samples === '' ? header.text : subsetHeader(header, names);
    await writeKept(kept, output, header, text, 'genomics/vcf-filter', given, context);
  },
});
