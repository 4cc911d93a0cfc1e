/** The options of genomics/compare. */
import { flag, number, text, type Values } from '../../core/params.ts';

export const params = {
  region: text('only alleles that lie in this region, numbers from 1, the last one included', 'chr:from-to'),
  'min-qual': number(0, 'calls of less QUAL are no calls; those without QUAL stay', { min: 0 }),
  'pass-only': flag('calls with a filter other than PASS are no calls'),
  sample: text("of the calls: the sample that is compared; the file's first unless given", 'name'),
  'truth-sample': text("of the truth: the sample that is compared; the file's first unless given", 'name'),
  files: text(
    'also beside --out: roc (precision and recall by least QUAL), tp, fp, fn (alleles as VCF); with commas between',
    'name,name,...',
    /^(roc|tp|fp|fn)(,(roc|tp|fp|fn))*$/,
  ),
};
export type Params = Values<typeof params>;

/** `chr20` and `20` are one contig. */
export const plainName = (contig: string): string => (contig.startsWith('chr') ? contig.slice(3) : contig);
