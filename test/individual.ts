/** Individuals with implanted changes: reads of their haplotypes, aligned as they are known to lie. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

const letters = 'ACGT';
/** Bases without repeats to speak of. */
export function randomBases(length: number, seed: number): string {
  let [state, text] = [seed, ''];
  while (text.length < length) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    text += letters[state >>> 30]!;
  }
  return text;
}

/** An implanted change: `size` bases of the reference from `pos` on become `bases`. */
export type Change = { readonly pos: number; readonly size: number; readonly bases: string };

/** A read of a haplotype as a line of SAM, its CIGAR the true one. */
function readOf(
  name: string,
  reference: string,
  changes: readonly Change[],
  start: number,
  length: number,
  more: { mapq?: number; quality?: string; tags?: string; flag?: number } = {},
): string {
  let [at, sequence, cigar] = [start, '', ''];
  for (const { pos, size, bases } of [...changes, { pos: Infinity, size: 0, bases: '' }]) {
    if (pos < start + 1) continue;
    const room = length - sequence.length;
    const plain = Math.min(room, pos - at);
    sequence += reference.slice(at, at + plain);
    cigar += `${plain}M`;
    at += plain;
    if (sequence.length + bases.length >= length || pos === Infinity) break;
    sequence += bases;
    if (size === bases.length) cigar += `${size}M`;
    else cigar += size > 0 ? `${size}D` : `${bases.length}I`;
    at += size;
  }
  const short = length - sequence.length;
  sequence += reference.slice(at, at + short);
  if (short > 0) cigar += `${short}M`;
  const { mapq = 60, quality = 'F'.repeat(length), tags = '', flag = length % 2 } = more;
  return `${name}\t${16 * (flag & 1)}\tc\t${start + 1}\t${mapq}\t${cigar}\t*\t0\t0\t${sequence}\t${quality}${tags}`;
}

/** A read of a haplotype with one long change: aligned where more of it fits, before the change or behind it, the rest clipped. */
function clippedReadOf(
  name: string,
  reference: string,
  { pos, size, bases }: Change,
  start: number,
  length: number,
  flag: number,
): string {
  const haplotype = reference.slice(0, pos) + bases + reference.slice(pos + size);
  const within = (count: number): number => Math.min(length, Math.max(0, count));
  const left = within(pos - start);
  const right = within(start + length - pos - bases.length);
  const isLeft = left >= right;
  const [fits, at] = isLeft ? [left, start] : [right, start + length - right + size - bases.length];
  const clip = fits < length ? `${length - fits}S` : '';
  const cigar = isLeft ? `${fits}M${clip}` : `${clip}${fits}M`;
  return `${name}\t${16 * (flag & 1)}\tc\t${at + 1}\t60\t${cigar}\t*\t0\t0\t${haplotype.slice(start, start + length)}\t${'F'.repeat(length)}`;
}

/** Writes reads of haplotypes to a folder, `depth` over each base, and their reference; gives their paths. */
export function individual(
  folder: string,
  name: string,
  haplotypes: readonly (readonly Change[])[],
  how: {
    depth?: number;
    header?: string;
    tags?: string;
    quality?: string;
    mapq?: number;
    length?: number;
    /** Reads of haplotypes with one change show it by clips alone. */
    isClipped?: boolean;
    /** Where reads start. */
    from?: number;
    to?: number;
  } = {},
): { bam: string; reference: string; bases: string } {
  const bases = randomBases(20_000, 11);
  const reference = join(folder, 'c.fa');
  writeFileSync(reference, `>c\n${bases.replace(/.{60}/g, '$&\n')}\n`);
  execFileSync('samtools', ['faidx', reference]);
  const { depth = 30, header = '', length = 100, isClipped = false, from = 0, to, ...more } = how;
  const step = (length * haplotypes.length) / depth;
  const lines = haplotypes
    .flatMap((changes, h) =>
      Array.from({ length: Math.floor(((to ?? bases.length - 2 * length) - from) / step) }, (_, i) => {
        const start = from + Math.floor(i * step + (h * step) / 2);
        const read = `${name}${h}.${i}`;
        return isClipped && changes.length === 1
          ? clippedReadOf(read, bases, changes[0]!, start, length, i)
          : readOf(read, bases, changes, start, length, { ...more, flag: i });
      }),
    )
    .sort((a, b) => Number(a.split('\t')[3]) - Number(b.split('\t')[3]));
  const sam = join(folder, `${name}.sam`);
  writeFileSync(sam, `@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:c\tLN:20000\n${header}${lines.join('\n')}\n`);
  const bam = join(folder, `${name}.bam`);
  execFileSync('samtools', ['view', '-b', '-o', bam, sam], { stdio: 'ignore' });
  execFileSync('samtools', ['index', bam]);
  return { bam, reference, bases };
}

/** A base that it is not. */
export const other = (base: string): string => letters[(letters.indexOf(base) + 1) % 4]!;
