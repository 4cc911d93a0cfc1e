/** Regions as they are written on command lines: `chr1`, `chr1:1000`, `chr1:1,000-2,000` (samtools). */
import { BadUsage } from '../../core/errors.ts';
import type { Contig } from './bam.ts';
import { someOf } from './names.ts';

/** `[from, to)` of contig `id` of the header. */
export type Locus = { readonly id: number; readonly from: number; readonly to: number };

/**
 * Reads a region; its numbers count from 1, the last one included, and may have commas. A contig's whole name goes before what looks like numbers behind
 * a colon.
 * @throws BadUsage for a contig that is not there, or numbers out of order
 */
export function parseLocus(text: string, contigs: readonly Contig[], file: string): Locus {
  const whole = contigs.findIndex(({ name }) => name === text);
  if (whole >= 0) return { id: whole, from: 0, to: contigs[whole]!.length };
  const match = /^(.+):([\d,]+)(?:-([\d,]*))?$/.exec(text);
  const id = match ? contigs.findIndex(({ name }) => name === match[1]) : -1;
  if (!match || id < 0) {
    const some = someOf(contigs.map(({ name }) => name));
    throw new BadUsage(
      `option region: found ${JSON.stringify(text)}, expected contig or contig:from-to of ${file}; it has ${contigs.length} contigs: ${some}`,
    );
  }
  const { length } = contigs[id]!;
  const numberOf = (digits: string): number => Number(digits.replaceAll(',', ''));
  const from = Math.max(0, numberOf(match[2]!) - 1);
  const to = match[3] ? Math.min(length, numberOf(match[3])) : length;
  if (from >= to)
    throw new BadUsage(
      `option region: ${text} has no bases: found ${from + 1} to ${match[3] ? numberOf(match[3]) : length}, contig ${match[1]} has ${length}; give from <= to`,
    );
  return { id, from, to };
}

/** Three digits behind a comma go on with the number before it. */
const isMore = (before: string, text: string): boolean =>
  /:[\d,]+(-[\d,]*)?$/.test(before) && /^\d{3}(-\d*)?$/.test(text);

/**
 * Reads regions with commas between them, each as `parseLocus` has it; none in an empty text.
 * @throws BadUsage for one that is none
 */
export function parseLoci(text: string, contigs: readonly Contig[], file: string): Locus[] {
  const texts: string[] = [];
  for (const part of text === '' ? [] : text.split(',')) {
    const before = texts.at(-1);
    if (before !== undefined && isMore(before, part)) texts[texts.length - 1] = `${before},${part}`;
    else texts.push(part);
  }
  return texts.map((one) => parseLocus(one, contigs, file));
}

/** Neighbours become one. */
export function joinLoci(loci: readonly Locus[]): Locus[] {
  const out: { id: number; from: number; to: number }[] = [];
  for (const { id, from, to } of loci) {
    const last = out.at(-1);
    if (last && last.id === id && last.to === from) last.to = to;
    else out.push({ id, from, to });
  }
  return out;
}
