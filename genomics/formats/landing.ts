/** Where records begin in a file without an index: the first one behind any byte, told by what follows it; of BAM, and by a measure of others. */
import type { Dataset, Source } from '../../core/job.ts';
import type { Header } from './bam.ts';
import { blockLimit } from './block.ts';
import { type Chunk, chunks, compareVirtual, type Virtual } from './bgzf.ts';
import { field } from './record.ts';

/** Bytes read for a look: blocks enough for a chain. */
const look = 4 * blockLimit;
/** Blocks and records in a row that prove a start; fewer where the file ends before. */
const [blockChain, recordChain] = [3, 10];
/** Inflated bytes after which fewer long records are proof enough, and records at least. */
const [enough, fewest] = [1 << 20, 2];

/**
 * The virtual offset of the first record that starts in the first block at or behind byte `offset`, or later; `[size, 0]` where none does. `contigs` is the number of the header's. A function of the file and the offset alone: two parts agree on the seam between them. What looks like a chain of records is taken for
 * one, so whoever reads up to it must come to this very place.
 * @throws BadInput when a block on the way does not inflate
 */
export async function landing(
  source: Source,
  name: string,
  contigs: number,
  offset: number,
): Promise<Virtual> {
  const block = await findBlock(source, offset);
  if (block === undefined) return [source.size, 0];
  const pieces = chunks(source, name, [block, 0], undefined, { chunk: 2 * blockLimit });
  return chainStart(pieces, source.size, (bytes) => {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return (at) => (at + field.name > bytes.length ? 'open' : (recordLength(view, at, contigs) ?? 'none'));
  });
}

/** Measures what may be records in some bytes: the length of the one at `at`, all there or not; 'none' where no record is, 'open' where more bytes must tell. */
export type Measure = (bytes: Uint8Array) => (at: number) => number | 'none' | 'open';

/** Where the first record starts from which a chain of them goes on, in a file of `size` bytes from some block on; `[size, 0]` where none does. */
export async function chainStart(
  pieces: AsyncGenerator<Chunk, void, number | undefined>,
  size: number,
  measure: Measure,
): Promise<Virtual> {
  const end: Virtual = [size, 0];
  try {
    let from = 0;
    for (let keep = 0; ;) {
      const { value: piece, done } = await pieces.next(keep);
      // Whether the file ends here is known only when nothing more comes.
      if (done) return end;
      const { bytes } = piece;
      const isWhole = piece.place(bytes.length)[0] >= size;
      const found = scan(bytes.length, from, measure(bytes), isWhole);
      if (found.start !== undefined) return piece.place(found.start);
      if (isWhole) return end;
      // All of it again, with what follows: a start that was not yet proved stays a candidate.
      from = found.next;
      keep = bytes.length;
    }
  } finally {
    await pieces.return();
  }
}

/** Where records start about every `split` bytes, from the first record to the end of the file, without an index. */
export async function landings(
  source: Source,
  { uri, size }: Dataset,
  header: Header,
  split: number,
): Promise<Virtual[]> {
  const starts = [header.first];
  for (let at = header.first[0] + split; at < size; at += split) {
    const start = await landing(source, uri, header.contigs.length, Math.floor(at));
    if (compareVirtual(start, starts.at(-1)!) > 0) starts.push(start);
  }
  if (compareVirtual([size, 0], starts.at(-1)!) > 0) starts.push([size, 0]);
  return starts;
}

/** The first byte at or behind `offset` at which a chain of BGZF blocks begins; undefined where none does. */
export async function findBlock(source: Source, offset: number): Promise<number | undefined> {
  const { size } = source;
  for (let start = offset; start < size; start += look - blockLimit) {
    // A candidate of the first 64 KiB of a look has its chain within the rest.
    const bytes = await source.read(start, Math.min(size, start + look));
    const last = Math.min(bytes.length, start + look < size ? look - blockLimit : bytes.length);
    for (let at = bytes.indexOf(0x1f); at >= 0 && at < last; at = bytes.indexOf(0x1f, at + 1))
      if (isChain(bytes, at, start + bytes.length === size)) return start + at;
  }
  return undefined;
}

/** Blocks follow each other from `at`, at least three, or all up to the file's end where it is in sight. */
function isChain(bytes: Uint8Array, at: number, isEnd: boolean): boolean {
  let next = at;
  for (let i = 0; i < blockChain; i++) {
    if (next === bytes.length) return isEnd && i > 0;
    const length = blockLength(bytes, next);
    // A chain that leaves the look is as long as one can tell.
    if (length === undefined) return i > 0 && !isEnd && next + 18 > bytes.length;
    next += length;
    if (next > bytes.length) return !isEnd;
  }
  return true;
}

/** The length of a block by its header (SAM spec 4.1); undefined where there is none. */
export function blockLength(bytes: Uint8Array, at: number): number | undefined {
  if (bytes[at] !== 0x1f || bytes[at + 1] !== 0x8b || bytes[at + 2] !== 8 || bytes[at + 3] !== 4)
    return undefined;
  const extra = bytes[at + 10]! | (bytes[at + 11]! << 8);
  for (let i = at + 12; i + 6 <= at + 12 + extra && i + 6 <= bytes.length;) {
    const size = bytes[i + 2]! | (bytes[i + 3]! << 8);
    if (bytes[i] === 0x42 && bytes[i + 1] === 0x43 && size === 2) {
      const length = (bytes[i + 4]! | (bytes[i + 5]! << 8)) + 1;
      return length >= 12 + extra + 2 + 8 ? length : undefined;
    }
    i += 4 + size;
  }
  return undefined;
}

/** The first proved start at or behind `from`; or the first place that more bytes could still prove. */
function scan(
  length: number,
  from: number,
  measure: ReturnType<Measure>,
  isWhole: boolean,
): { readonly start?: number; readonly next: number } {
  for (let at = from; at < length; at++) {
    const verdict = follow(length, at, measure, isWhole);
    if (verdict === 'yes') return { start: at, next: at };
    if (verdict === 'open') return { next: at };
  }
  return { next: length };
}

/** Whether records follow each other from `start`: proved, refuted, or open until more bytes are there. */
function follow(
  end: number,
  start: number,
  measure: ReturnType<Measure>,
  isWhole: boolean,
): 'yes' | 'no' | 'open' {
  let at = start;
  for (let count = 0; count < recordChain; count++) {
    if (at === end) return isWhole ? (count > 0 ? 'yes' : 'no') : 'open';
    if (count >= fewest && at - start >= enough) return 'yes';
    const length = measure(at);
    if (length === 'none') return 'no';
    if (length === 'open' || at + length > end) return isWhole ? 'no' : 'open';
    at += length;
  }
  return 'yes';
}

/** Bytes of the record at `at`, whose fixed fields are all there; undefined where its fields cannot be a record's (SAM spec 4.2). */
function recordLength(view: DataView, at: number, contigs: number): number | undefined {
  const size = view.getInt32(at, true);
  const nameLength = view.getUint8(at + field.nameLength);
  if (size < 33 || nameLength === 0) return undefined;
  if (!isPlace(view, at + field.refId, contigs) || !isPlace(view, at + field.nextRefId, contigs))
    return undefined;
  const cigar = view.getUint16(at + field.cigarLength, true);
  const seq = view.getInt32(at + field.seqLength, true);
  const used = 32 + nameLength + 4 * cigar + ((seq + 1) >>> 1) + seq;
  if (seq < 0 || size < used) return undefined;
  const name = at + field.name;
  const last = name + nameLength - 1;
  for (let i = name; i < last && i < view.byteLength; i++) {
    const c = view.getUint8(i);
    if (c < 0x21 || c > 0x7e) return undefined;
  }
  if (last < view.byteLength && view.getUint8(last) !== 0) return undefined;
  for (let i = 0, op = last + 1; i < cigar && op + 4 <= view.byteLength; i++, op += 4)
    if ((view.getUint8(op) & 15) > 8) return undefined;
  return 4 + size;
}

/** A contig of the header, or none, and a position; some files have reads behind the ends of their contigs. */
const isPlace = (view: DataView, at: number, contigs: number): boolean =>
  view.getInt32(at, true) >= -1 && view.getInt32(at, true) < contigs && view.getInt32(at + 4, true) >= -1;
