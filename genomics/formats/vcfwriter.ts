/** Writes lines of VCF that parts left in the store as one bgzipped file with its index. */
import type { Context, FileSink, Output } from '../../core/job.ts';
import { vcfLayout } from '../index/preset.ts';
import type { Contig } from './bam.ts';
import type { Virtual } from './bgzf.ts';
import { createIndex, type IndexBuilder } from './binning.ts';
import { type Bgzip, bgzip, blockSize } from './bgzip.ts';
import { createLineReader, type LinePlaces, type LineReader, placesOfLines } from './storedlines.ts';
import { beginsBlock, level, type VcfLines } from './vcflines.ts';

export { collectLines, joinLines, type VcfLines } from './vcflines.ts';

/** The longest contig whose positions TBI reaches. */
const reach = 2 ** 29;

export type Arrangement = {
  /** Neighbours may have changed places, and are put in order, those of one place as they came. */
  readonly isMoved?: boolean;
  /** What becomes of several lines of one place, without their line feeds. */
  readonly join?: ((lines: readonly string[]) => readonly string[]) | undefined;
};

/**
 * Writes `header` and lines to the file of that suffix, and its index beside it: TBI, or CSI where a contig, or a record, goes on behind what that reaches; none for lines in no
 * order.
 */
export async function writeLines(
  lines: VcfLines,
  output: Output,
  suffix: string,
  header: string,
  contigs: readonly Contig[],
  context: Pick<Context, 'get'>,
  { isMoved = false, join }: Arrangement = {},
): Promise<void> {
  const { contig } = lines;
  const sink = await output.file(suffix);
  const out = bgzip(sink, level);
  await out.write(Buffer.from(header));
  out.endBlock();
  // Records may lie behind the end of their contig, or on one whose length is not told.
  const longest = lines.to.reduce(
    (most, to) => Math.max(most, to),
    contigs.reduce((most, { length }) => Math.max(most, length), 0),
  );
  let depth = 5;
  while (2 ** (14 + 3 * depth) < longest) depth++;
  const isOrdered = contig.every((_, i) => i === 0 || compare(lines, i - 1, i) <= 0);
  const order =
    isOrdered || !isMoved ? undefined : contig.map((_, i) => i).sort((a, b) => compare(lines, a, b) || a - b);
  const index = isOrdered || isMoved ? createIndex({ minShift: 14, depth }) : undefined;
  await writeInOrder({ lines, order, join, sink, out, index, ...readingOf(lines, context) });
  await out.finish();
  if (!index) return;
  const names = contigs.map(({ name }) => name);
  const isLong = longest > reach;
  const beside = await output.file(`${suffix}${isLong ? '.csi' : '.tbi'}`);
  await beside.write(isLong ? index.toCsi(names, vcfLayout) : index.toTbi(names, vcfLayout));
}

const compare = ({ contig, from }: VcfLines, a: number, b: number): number =>
  contig[a]! - contig[b]! || from[a]! - from[b]!;

type Writing = {
  readonly lines: VcfLines;
  /** The lines as they are written; as they lie in the store unless told. */
  readonly order: Int32Array | undefined;
  readonly join: Arrangement['join'];
  readonly sink: FileSink;
  readonly out: Bgzip;
  readonly index: IndexBuilder | undefined;
  readonly places: LinePlaces;
  readonly reader: LineReader;
};

function readingOf(lines: VcfLines, context: Pick<Context, 'get'>): Pick<Writing, 'places' | 'reader'> {
  const places = placesOfLines(lines);
  return { places, reader: createLineReader(lines, places, context) };
}

/**
 * Blocks end where they are full, and before lines that begin one; so it does not matter which of them parts have made already: those whose lines follow each
 * other here, too, are copied.
 */
async function writeInOrder(writing: Writing): Promise<void> {
  const { lines, order, join, out, index, reader } = writing;
  const { contig, from, to, size } = lines;
  const at = (i: number): number => (order ? order[i]! : i);
  const sharesPlace = (i: number): boolean =>
    i > 0 && i < size.length && compare(lines, at(i - 1), at(i)) === 0;
  const isLone = (i: number): boolean => !join || (!sharesPlace(i) && !sharesPlace(i + 1));
  const put = async (bytes: Uint8Array, line: number, end: number): Promise<void> => {
    const place = out.tell();
    const wait = out.write(bytes);
    if (wait) await wait;
    index?.add(contig[line]!, from[line]!, end, place, out.tell(), true);
  };
  for (let i = 0; i < size.length;) {
    const line = at(i);
    if (!isLone(i)) {
      const group = [line];
      while (sharesPlace(i + group.length)) group.push(at(i + group.length));
      const texts: string[] = [];
      for (const one of group)
        texts.push(Buffer.from((await reader.line(one)).subarray(0, -1)).toString('latin1'));
      const end = group.reduce((most, one) => Math.max(most, to[one]!), 0);
      for (const text of join!(texts)) await put(Buffer.from(`${text}\n`, 'latin1'), line, end);
      i += group.length;
      continue;
    }
    if (beginsBlock(from[line]!, to[line]!, size[line]!)) {
      out.endBlock();
      const count = linesInTurn(writing, i, at, isLone);
      if (count > 0) {
        await copyBlocks(writing, line, count);
        i += count;
        continue;
      }
    }
    await put(await reader.line(line), line, to[line]!);
    i++;
  }
}

/** How many lines from the `i`-th one on follow each other as they do in their text, up to its end or to one that begins a block. */
function linesInTurn(
  { lines: { from, to, size }, places: { firstLine, textOf } }: Writing,
  i: number,
  at: (i: number) => number,
  isLone: (i: number) => boolean,
): number {
  const first = at(i);
  const end = firstLine[textOf[first]! + 1]!;
  let line = first + 1;
  let last = first;
  for (; line < end && at(i + line - first) === line && isLone(i + line - first); line++)
    if (beginsBlock(from[line]!, to[line]!, size[line]!)) last = line;
  return (line === end ? end : last) - first;
}

/** Copies the blocks of `count` lines, of which the first one begins a block, with what is behind the last block of their text where they are its last ones. */
async function copyBlocks(
  { lines, sink, out, index, places: { firstLine, textOf, block: blockOf }, reader }: Writing,
  first: number,
  count: number,
): Promise<void> {
  const { texts, contig, from, to, size } = lines;
  const text = textOf[first]!;
  const { blocks, deflated } = texts[text]!;
  const [base] = out.tell();
  let [block, offset, fill] = [blockOf[first]!, base, 0];
  const endBlock = (): void => {
    offset += deflated[block++]!;
    fill = Math.max(0, fill - blockSize);
  };
  const end = first + count;
  for (let line = first; line < end; line++) {
    if (fill > 0 && beginsBlock(from[line]!, to[line]!, size[line]!)) endBlock();
    const place: Virtual = [offset, fill];
    fill += size[line]!;
    while (fill >= blockSize) endBlock();
    index?.add(contig[line]!, from[line]!, to[line]!, place, [offset, fill], true);
  }
  const isLast = end === firstLine[text + 1];
  if (fill > 0 && !isLast) endBlock();
  const length = offset - base;
  const start = deflated.subarray(0, blockOf[first]).reduce((sum, one) => sum + one, 0);
  if (length > 0) await out.append(length, () => sink.append(blocks!, start, start + length));
  const wait = isLast ? out.write(await reader.tail(text)) : undefined;
  if (wait) await wait;
}
