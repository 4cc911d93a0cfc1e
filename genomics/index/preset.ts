/** What the columns of bgzipped text are, by options, name or first line, and how an index says it (tabix spec). */
import { BadUsage } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { inflate } from '../formats/bgzf.ts';
import type { Layout } from '../formats/binning.ts';
import type { Columns } from '../kernels/intervals.ts';

const hash = 0x23;
const presets: { readonly [name: string]: Columns } = {
  vcf: { preset: 'vcf', sequence: 1, begin: 2, end: 0, zeroBased: false, comment: hash, skip: 0 },
  bed: { preset: 'generic', sequence: 1, begin: 2, end: 3, zeroBased: true, comment: hash, skip: 0 },
  gff: { preset: 'generic', sequence: 1, begin: 4, end: 5, zeroBased: false, comment: hash, skip: 0 },
  sam: { preset: 'sam', sequence: 3, begin: 4, end: 0, zeroBased: false, comment: 0x40, skip: 0 },
};
export const presetNames = ['auto', 'vcf', 'bed', 'gff', 'sam', 'columns'] as const;

/** What of the options says where lines lie. */
export type Given = {
  readonly preset: (typeof presetNames)[number];
  readonly sequence: number;
  readonly begin: number;
  readonly end: number;
  readonly comment: string;
  readonly 'skip-lines': number;
  readonly 'zero-based': boolean;
};

/** @throws BadUsage where neither options nor the file's name or first lines tell the columns */
export function columnsOf(given: Given, name: string, head: string): Columns {
  const { preset } = given;
  const comment = given.comment.charCodeAt(0) || hash;
  if (preset === 'columns') {
    const { sequence, begin, end, 'zero-based': zeroBased, 'skip-lines': skip } = given;
    return { preset: 'generic', sequence, begin, end: end === begin ? 0 : end, zeroBased, comment, skip };
  }
  const found = preset === 'auto' ? presetOf(name, head) : preset;
  if (!found)
    throw new BadUsage(
      `option preset: neither the name of ${name} nor its first line tells what its columns are; add --preset vcf, bed, gff, sam or columns`,
    );
  return presets[found]!;
}

function presetOf(name: string, head: string): string | undefined {
  if (head.startsWith('##fileformat=VCF')) return 'vcf';
  if (head.startsWith('##gff-version')) return 'gff';
  if (/^@(HD|SQ|RG|PG|CO)\t/.test(head)) return 'sam';
  const [, ending] = /\.(vcf|bed|gff|gff3|gtf|sam)\.b?gz$/i.exec(name) ?? [];
  return ending && ending.toLowerCase().replace(/^(gff3|gtf)$/, 'gff');
}

/** The columns as indexes say them. */
export function layoutOf({ preset, sequence, begin, end, zeroBased, comment, skip }: Columns): Layout {
  const format = { generic: 0, sam: 1, vcf: 2 }[preset] | (zeroBased ? 0x10000 : 0);
  return [format, sequence, begin, end, comment, skip];
}

/** That of VCF. */
export const vcfLayout = layoutOf(presets['vcf']!);

/** The first text of a file, as far as its first block goes. */
export async function headOf(source: Source, name: string): Promise<string> {
  for await (const bytes of inflate(source, name, [0, 0], undefined, { chunk: 1, hint: 0 }))
    return Buffer.from(bytes).toString('latin1');
  return '';
}
