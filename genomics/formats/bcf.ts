/** BCF by parts: where records begin without an index, and their lines of VCF. */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import type { LineFault } from '../kernels/samline.ts';
import type { BcfHeader } from './bcfheader.ts';
import { allelesOf, bcfField, formatsOf, isPlausible, lengthOf, sharedOf, walk } from './bcfrecord.ts';
import { createBcfText } from './bcftext.ts';
import { type Chunk, compareVirtual, formatVirtual, type Virtual } from './bgzf.ts';
import { blockLimit } from './block.ts';
import { chainStart, findBlock, type Measure } from './landing.ts';
import type { Range } from './textlines.ts';
import { edgeOf, type Packing, piecesOf } from './wholelines.ts';

/** Bytes of text that are given at once, about. */
const batch = 1 << 18;

/** Cuts a file, or its records from one to another, into ranges of about `split` bytes, each from the start of a record to that of another, or the end. */
export async function bcfRanges(
  source: Source,
  name: string,
  header: BcfHeader,
  packing: Packing,
  split: number,
  [first, last]: readonly [Virtual, Virtual] = [header.first, [source.size, 0]],
): Promise<Range[]> {
  const starts: Virtual[] = [first];
  for (let at = first[0] + split; at < last[0]; at += split) {
    // A start behind this byte is the next one behind it, too.
    if (Math.floor(at) <= starts.at(-1)![0]) continue;
    const start = await recordAt(source, name, header, packing, Math.floor(at));
    if (compareVirtual(start, last) >= 0) break;
    if (compareVirtual(start, starts.at(-1)!) > 0) starts.push(start);
  }
  const edges: readonly Virtual[] = [...starts, last];
  return starts.map(([from, within], i) => {
    const [to, end] = edges[i + 1]!;
    return { from, to, within: [within, end] };
  });
}

/** The first record that starts in the first block at or behind byte `offset`, or later. */
async function recordAt(
  source: Source,
  name: string,
  header: BcfHeader,
  packing: Packing,
  offset: number,
): Promise<Virtual> {
  const block = packing === 'bgzf' ? await findBlock(source, offset) : offset;
  if (block === undefined) return [source.size, 0];
  const options = { chunk: 2 * blockLimit, hint: block + 2 * blockLimit };
  return chainStart(piecesOf(source, name, [block, 0], packing, options), source.size, measureOf(header));
}

/** Of what may be records: stricter than reading is, as a record that is not seen only makes a part longer. */
const measureOf =
  (header: BcfHeader): Measure =>
  (bytes) =>
  (at) => {
    if (at + bcfField.id > bytes.length) return 'open';
    if (!isPlausible(bytes, at, header) || allelesOf(bytes, at) === 0) return 'none';
    const length = lengthOf(bytes, at);
    if (formatsOf(bytes, at) === 0 && length > 8 + sharedOf(bytes, at)) return 'none';
    const trouble = walk(bytes, at, bytes.length, header);
    return trouble === undefined ? length : trouble === 'open' ? 'open' : 'none';
  };

/** Whole records: those from the first byte of a chunk to `end`. */
export type BcfChunk = Chunk & { readonly end: number };

/**
 * The records of a range; valid until the next chunk is asked for. A range without `within` is the whole file.
 * @throws BadInput for a record whose fields do not fit, with its virtual offset, and when the next range does not begin with a record
 */
export async function* bcfRecords(
  source: Source,
  name: string,
  { from, to, within }: Range,
  header: BcfHeader,
  packing: Packing,
  signal: AbortSignal,
): AsyncGenerator<BcfChunk> {
  const start: Virtual = within ? [from, within[0]] : header.first;
  const end: Virtual = within ? [to, within[1]] : [source.size, 0];
  const pieces = piecesOf(source, name, start, packing, { signal, hint: end[0], chunk: batch });
  try {
    let left = 0;
    let leftAt = start;
    for (;;) {
      const { value: piece, done } = await pieces.next(left);
      if (done) break;
      const { bytes, place } = piece;
      const isLast = compareVirtual(place(bytes.length), end) >= 0;
      const edge = isLast ? edgeOf(bytes.length, (i) => compareVirtual(place(i), end) >= 0) : bytes.length;
      let at = 0;
      let trouble: ReturnType<typeof walk>;
      while (at < edge && (trouble = walk(bytes, at, bytes.length, header)) === undefined)
        at += lengthOf(bytes, at);
      yield { ...piece, end: at };
      if (trouble !== undefined && trouble !== 'open') throw faultAt(place(at), name, trouble);
      left = bytes.length - at;
      leftAt = place(at);
      if (!isLast || at < edge) continue;
      if (at > edge)
        throw new BadInput(
          `BCF: a record of ${name} reaches over ${formatVirtual(end)}, where another one should start; the file is damaged or changed, copy or write it again`,
        );
      return;
    }
    if (left > 0)
      throw new BadInput(
        `BCF: ${name} ends within the record at ${formatVirtual(leftAt)}: it is truncated or damaged; copy or write it again`,
      );
  } finally {
    await pieces.return();
  }
}

const faultAt = (at: Virtual, name: string, { field, found, expected }: LineFault): BadInput =>
  new BadInput(
    `BCF: record at ${formatVirtual(at)} of ${name}: ${field} is ${found}, expected ${expected}; the file is damaged, copy or write it again`,
  );

/**
 * The records of a range as chunks of lines of VCF, `count` in each; valid until the next one is asked for. A range without `within` is the whole file.
 * @throws BadInput for a record whose fields do not fit, with its virtual offset, and when the next range does not begin with a record
 */
export async function* bcfLines(
  source: Source,
  name: string,
  range: Range,
  header: BcfHeader,
  packing: Packing,
  signal: AbortSignal,
): AsyncGenerator<{ readonly bytes: Uint8Array; readonly count: number }> {
  const text = createBcfText(header);
  let count = 0;
  const flush = (): { readonly bytes: Uint8Array; readonly count: number } => {
    const lines = { bytes: text.take(), count };
    count = 0;
    return lines;
  };
  for await (const { bytes, place, end } of bcfRecords(source, name, range, header, packing, signal)) {
    for (let at = 0; at < end; at += lengthOf(bytes, at)) {
      const fault = text.add(bytes, at);
      if (fault) {
        // What is before it comes first, and so do its faults.
        if (count > 0) yield flush();
        throw faultAt(place(at), name, fault);
      }
      count++;
      if (text.size() >= batch) yield flush();
    }
    if (count > 0) yield flush();
  }
}

/** How many records lie in front of those of a range. */
export async function recordsBefore(
  source: Source,
  name: string,
  { from, within }: Range,
  header: BcfHeader,
  packing: Packing,
  signal: AbortSignal,
): Promise<number> {
  if (!within) return 0;
  const [first, start] = header.first;
  const before: Range = { from: first, to: from, within: [start, within[0]] };
  let sum = 0;
  for await (const { count } of bcfLines(source, name, before, header, packing, signal)) sum += count;
  return sum;
}
