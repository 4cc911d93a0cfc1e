/** The sequences of a FASTA file and the blocks it may be compressed in, found by parts: what .fai and .gzi hold. */
import { BadInput } from '../../core/errors.ts';
import type { Dataset, Partition, Planning, Source } from '../../core/job.ts';
import { checkEof, inflate } from '../formats/bgzf.ts';
import type { FastaIndex, Sequence } from '../formats/fasta.ts';
import { type Blocks, joinBlocks } from '../formats/gzi.ts';
import { linesOf, type Range, rangesOf, sizeOf } from '../formats/textlines.ts';
import { createWalker, type Entry, type Fault, joinEntries, type Walker } from '../kernels/fastalines.ts';

export type Part = Range;

export type Outline = {
  /** Bytes of text, inflated; entries count from where these begin. */
  readonly text: number;
  readonly entries: readonly Entry[];
  /** Of a bgzipped file. */
  readonly blocks: Blocks | null;
};

const isGzip = async (source: Source): Promise<boolean> => {
  const head = await source.read(0, Math.min(2, source.size));
  return head[0] === 0x1f && head[1] === 0x8b;
};

/** Cuts the file into parts of about `split` bytes, at blocks where it has any. */
export async function planOutline(
  fasta: Dataset,
  split: number,
  planning: Planning,
): Promise<Partition<Part>> {
  const source = await planning.open(fasta);
  if (source.size === 0)
    throw new BadInput(`FASTA: ${fasta.uri} is empty (0 bytes), expected sequences; copy it again`);
  const isBlocked = await isGzip(source);
  if (isBlocked) {
    const head = await source.read(0, Math.min(4, source.size));
    if (((head[3] ?? 0) & 4) === 0)
      throw new BadInput(
        `FASTA: ${fasta.uri} is plain gzip, expected plain text or BGZF; write it with gunzip -c | bgzip`,
      );
    await checkEof(source, fasta.uri);
  }
  await checkStart(source, fasta.uri, isBlocked);
  return { parts: await rangesOf(source, isBlocked, split) };
}

/** Before parts say what they make of something else. @throws BadInput for what does not begin as FASTA does */
async function checkStart(source: Source, name: string, isBlocked: boolean): Promise<void> {
  let head: Uint8Array = await source.read(0, Math.min(source.size, 1024));
  if (isBlocked)
    for await (const bytes of inflate(source, name, [0, 0], undefined, { chunk: 1, hint: 0 })) {
      head = bytes.subarray(0, 1024);
      break;
    }
  const fault = createWalker(0, true).take(Uint8Array.of(...head.filter((c) => c !== 13).slice(0, 512), 10));
  if (fault?.at === 0) throw faultOf(fault, '0', name);
}

/** Finds the sequences of a part. @throws BadInput with the place of a line that FASTA does not have */
export async function outline(
  part: Part,
  source: Source,
  name: string,
  signal: AbortSignal,
): Promise<Outline> {
  const isBlocked = await isGzip(source);
  const { text, blocks } = await sizeOf(source, name, part, isBlocked, signal);
  let walker: Walker | undefined;
  const check = (fault: Fault | undefined): void => {
    if (!fault) return;
    const { from } = part;
    const place = blocks ? `${fault.at} of the text behind byte ${from}` : `${from + fault.at}`;
    throw faultOf(fault, place, name);
  };
  for await (const { bytes, at } of linesOf(source, name, part, text, isBlocked, signal)) {
    walker ??= createWalker(at, part.from === 0);
    check(walker.take(bytes));
  }
  check(walker?.end());
  return { text, entries: walker?.entries ?? [], blocks };
}

const faultOf = ({ found, expected }: Fault, place: string, name: string): BadInput =>
  new BadInput(
    `FASTA: line at byte ${place} of ${name}: found ${found}, expected ${expected}; write it anew with lines of one length`,
  );

export function joinOutlines(all: readonly Outline[]): Outline {
  const entries: Entry[] = [];
  let text = 0;
  for (const part of all) {
    const shifted = part.entries.map((entry) => ({ ...entry, start: entry.start + text }));
    const fault = joinEntries(entries, shifted);
    if (fault) throw faultOf(fault, `${fault.at} of the text`, `sequence ${entries.at(-1)!.name ?? '?'}`);
    text += part.text;
  }
  const blocks = all.flatMap((part) => part.blocks ?? []);
  return { text, entries, blocks: blocks.length > 0 ? joinBlocks(blocks) : null };
}

/** Named sequences, in the order of the file; those without a line are left out, as samtools faidx does. */
export type Named = Sequence & { readonly name: string };

/** @throws BadInput for no sequence, or a last one without a line */
export function sequencesOf({ entries }: Outline, name: string): Named[] {
  const last = entries.at(-1);
  if (!last) throw new BadInput(`FASTA: ${name} has no sequence, expected '>' and a name in its first line`);
  if (last.lines === 0)
    throw new BadInput(
      `FASTA: ${name} ends behind the header of ${last.name}, expected its sequence; it is truncated, copy it again`,
    );
  return entries
    .filter(({ lines }) => lines > 0)
    .map(({ name: sequence, start, bases, perLine, width }) => ({
      name: sequence!,
      length: bases,
      offset: start,
      bases: perLine,
      width,
    }));
}

/** The first sequence of each name, which are those of an index. */
export const firstOf = (sequences: readonly Named[]): Named[] =>
  [...new Map(sequences.toReversed().map((sequence) => [sequence.name, sequence])).values()].toSorted(
    (a, b) => a.offset - b.offset,
  );

/** Where the blocks of a file begin, in it and in its text. */
export function startsOf(blocks: Blocks): NonNullable<FastaIndex['blocks']> {
  const starts = (sizes: Uint32Array): Float64Array => {
    const out = new Float64Array(sizes.length);
    for (let i = 1; i < out.length; i++) out[i] = out[i - 1]! + sizes[i - 1]!;
    return out;
  };
  return { file: starts(blocks.length), text: starts(blocks.size) };
}

/** The text of .fai. */
export const toFai = (sequences: readonly Named[]): string =>
  sequences
    .map(({ name, length, offset, bases, width }) => `${name}\t${length}\t${offset}\t${bases}\t${width}\n`)
    .join('');
