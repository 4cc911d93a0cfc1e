/** Reads BAM: the header, and chunks of whole alignment records (SAM spec 4.2). */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { withHead } from '../../core/sources/head.ts';
import { type Chunk, chunks, formatVirtual, type Virtual } from './bgzf.ts';
import { blockLimit, hex } from './block.ts';
import { field } from './record.ts';

export { field };

/** A reference sequence. `length` in bases. */
export type Contig = { readonly name: string; readonly length: number };

export type Header = {
  /** The SAM header, without trailing NULs. */
  readonly text: string;
  readonly contigs: readonly Contig[];
  /** Of the first record, or of the end of a file without records. */
  readonly first: Virtual;
};

/** Inflated bytes per deflated byte that DEFLATE cannot exceed. */
const maxRatio = 1032;
/** Longest string of V8 on 64-bit machines, about. */
const maxText = (1 << 29) - 32;

/**
 * Reads the header. Memory is taken as the bytes arrive, never on the word of a size field.
 * @throws BadInput when the file is no BAM, saying what it is where that is known, or is damaged
 */
export async function readHeader(source: Source, name: string): Promise<Header> {
  const head = await source.read(0, Math.min(source.size, blockLimit));
  checkKind(head, name);
  // One read is enough for most headers; no more is read before these blocks are used up.
  const options = { chunk: 1 << 16, hint: 0 };
  const pieces = chunks(withHead(source, head), name, [0, 0], undefined, options);
  try {
    let piece = (await pieces.next()).value!;
    let view = viewOf(piece.bytes);
    const limit = source.size * maxRatio;
    const fail = (what: string): BadInput => new BadInput(`BAM: ${what} in ${name}; the header is damaged`);
    const need = async (length: number, what: string): Promise<void> => {
      if (length > limit) throw fail(`${what} does not fit into the file (${source.size} bytes)`);
      while (piece.bytes.length < length) {
        const { value, done } = await pieces.next(piece.bytes.length);
        if (done) throw fail(`${what} is cut short`);
        piece = value;
        view = viewOf(piece.bytes);
      }
    };
    await need(4, 'magic');
    if (view.getUint32(0) !== 0x42414d01)
      throw new BadInput(
        `BAM: bad magic ${hex(piece.bytes.subarray(0, 4))} in ${name}, expected 42414d01; give a BAM file (samtools view -b)`,
      );
    await need(8, 'l_text');
    const textLength = view.getInt32(4, true);
    if (textLength < 0 || textLength > maxText) throw fail(`bad l_text ${textLength}`);
    await need(12 + textLength, `header text of ${textLength} bytes`);
    const text = new TextDecoder().decode(piece.bytes.subarray(8, 8 + textLength)).replace(/\0+$/, '');
    const count = view.getInt32(8 + textLength, true);
    let at = 12 + textLength;
    if (count < 0 || at + count * 9 > limit) throw fail(`bad n_ref ${count}`);
    const contigs: Contig[] = [];
    for (let i = 0; i < count; i++) {
      await need(at + 4, `contig ${i} of ${count}`);
      const nameLength = view.getInt32(at, true);
      if (nameLength < 1) throw fail(`bad l_name ${nameLength} of contig ${i}`);
      const end = at + 4 + nameLength;
      await need(end + 4, `contig ${i} of ${count}`);
      const length = view.getInt32(end, true);
      if (piece.bytes[end - 1] !== 0) throw fail(`name of contig ${i} does not end with NUL`);
      if (length < 0) throw fail(`bad length ${length} of contig ${i}`);
      contigs.push({ name: new TextDecoder().decode(piece.bytes.subarray(at + 4, end - 1)), length });
      at = end + 4;
    }
    return { text, contigs, first: piece.place(at) };
  } finally {
    await pieces.return();
  }
}

/** Says what a file is that is not BGZF, as far as its first bytes tell. */
function checkKind(head: Uint8Array, name: string): void {
  if (head.length === 0) throw new BadInput(`BAM: ${name} is empty (0 bytes), expected a BAM file`);
  if (head[0] === 0x1f && head[1] === 0x8b) {
    if (head.length > 3 && (head[3]! & 4) === 0)
      throw new BadInput(`BAM: ${name} is plain gzip, expected BGZF; write it with samtools view -b`);
    return;
  }
  const text = new TextDecoder('latin1').decode(head.subarray(0, 18));
  const kind = text.startsWith('CRAM')
    ? 'CRAM'
    : text.startsWith('BAM\x01')
      ? 'BAM without compression'
      : /^@(HD|SQ|RG|PG|CO)\t/.test(text)
        ? 'SAM text'
        : undefined;
  if (kind)
    throw new BadInput(
      `BAM: ${name} is ${kind}, expected BAM; convert it with samtools view -b -o OUT.bam ${name}`,
    );
  throw new BadInput(
    `BAM: bad magic ${hex(head.subarray(0, 4))} in ${name}, expected 1f8b0804 (BGZF); give a BAM file (samtools view -b)`,
  );
}

/** The bytes of `recordChunks`. */
export async function* records(
  source: Source,
  name: string,
  contigs: number,
  from: Virtual,
  to: Virtual | undefined,
  signal: AbortSignal,
  hint?: number,
): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of recordChunks(source, name, contigs, from, to, signal, hint)) yield bytes;
}

/**
 * Chunks of whole alignment records, from `from` until `to` or the end of the file; each record starts with its
 * block_size, and one that straddles blocks is joined. `contigs` is the number of contigs of the header. The bytes
 * are valid until the next chunk is asked for. `hint` is where the block starts that likely holds the last record needed.
 * @throws BadInput for a record whose fields do not fit each other, with its virtual offset, and when `to` is not
 * the start of a record: the index does not belong to this file
 */
export async function* recordChunks(
  source: Source,
  name: string,
  contigs: number,
  from: Virtual,
  to: Virtual | undefined,
  signal: AbortSignal,
  hint?: number,
): AsyncGenerator<Chunk> {
  const pieces = chunks(source, name, from, to, { signal, hint });
  try {
    let left = 0;
    let leftAt: Virtual = from;
    for (;;) {
      const { value: piece, done } = await pieces.next(left);
      if (done) break;
      const { bytes } = piece;
      const view = viewOf(bytes);
      const end = walk(view, contigs);
      const problem = end < 0 ? ~end : undefined;
      if (problem !== undefined)
        throw new BadInput(
          `BAM: record at ${formatVirtual(piece.place(problem))} of ${name}: ${faultOf(view, problem, contigs)}; the file is damaged or its index is another file's`,
        );
      left = bytes.length - end;
      leftAt = piece.place(end);
      if (end > 0) yield { ...piece, bytes: bytes.subarray(0, end) };
    }
    if (left === 0) return;
    throw new BadInput(
      to && to[0] < source.size
        ? `BAM: record at ${formatVirtual(leftAt)} of ${name} reaches over ${formatVirtual(to)}, where another one should start; if it has an index, index it again with samtools index`
        : `BAM: ${name} ends within the record at ${formatVirtual(leftAt)}: it is truncated; copy or write it again`,
    );
  } finally {
    await pieces.return();
  }
}

const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Steps over whole records from byte 0. Gives where the first one starts that is not all there, or ~start of a bad one. */
function walk(view: DataView, contigs: number): number {
  const end = view.byteLength;
  let at = 0;
  while (at + 36 <= end) {
    const size = view.getInt32(at, true);
    const nameLength = view.getUint8(at + field.nameLength);
    const seqLength = view.getInt32(at + field.seqLength, true);
    const refId = view.getInt32(at + field.refId, true);
    const nextRefId = view.getInt32(at + field.nextRefId, true);
    const used =
      32 +
      nameLength +
      4 * view.getUint16(at + field.cigarLength, true) +
      ((seqLength + 1) >>> 1) +
      seqLength;
    // Before the rest of the record is waited for, so that a bad size is not taken for a long record.
    if (size < used || nameLength === 0 || seqLength < 0) return ~at;
    if (refId < -1 || refId >= contigs || nextRefId < -1 || nextRefId >= contigs) return ~at;
    if (view.getInt32(at + field.pos, true) < -1) return ~at;
    const name = at + field.name;
    if (name + nameLength <= end && view.getUint8(name + nameLength - 1) !== 0) return ~at;
    if (at + 4 + size > end) break;
    at += 4 + size;
  }
  return at;
}

/** What `walk` found wrong. */
function faultOf(view: DataView, at: number, contigs: number): string {
  const i32 = (offset: number): number => view.getInt32(at + offset, true);
  const [size, nameLength, seqLength] = [i32(0), view.getUint8(at + field.nameLength), i32(field.seqLength)];
  if (nameLength === 0) return 'l_read_name is 0, expected at least 1';
  if (seqLength < 0) return `l_seq is ${seqLength}, expected at least 0`;
  for (const [what, id] of [
    ['refID', i32(field.refId)],
    ['next_refID', i32(field.nextRefId)],
  ] as const)
    if (id < -1 || id >= contigs) return `${what} is ${id}, expected -1 to ${contigs - 1}`;
  if (i32(field.pos) < -1) return `pos is ${i32(field.pos)}, expected at least -1`;
  const used =
    32 + nameLength + 4 * view.getUint16(at + field.cigarLength, true) + ((seqLength + 1) >>> 1) + seqLength;
  if (size < used) return `block_size is ${size}, less than the ${used} bytes that its fields take`;
  return 'its read name does not end with NUL';
}
