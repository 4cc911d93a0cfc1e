/** One BGZF block: its header, its bytes and its checks (SAM spec 4.1). */
import { crc32 } from 'node:zlib';
import { BadInput } from '../../core/errors.ts';
import { inflateInto, type Inflater } from './inflate.ts';

/** Upper bound of a block, deflated as well as inflated, in bytes. */
export const blockLimit = 65536;

/** The empty block that ends every complete file (SAM spec 4.1.2). */
export const eofMarker: Uint8Array = new Uint8Array([
  0x1f, 0x8b, 0x08, 0x04, 0, 0, 0, 0, 0, 0xff, 0x06, 0, 0x42, 0x43, 0x02, 0, 0x1b, 0, 0x03, 0, 0, 0, 0, 0, 0,
  0, 0, 0,
]);

const plainGzip = 'has no BC subfield: it is plain gzip; compress it with bgzip';

/** Compressed bytes in order. */
export type Input = {
  /** The next `length` bytes, or what is left; stays at them. */
  peek(length: number): Promise<Uint8Array>;
  /** Steps over bytes that were peeked at. */
  skip(length: number): void;
  close(): Promise<void>;
};

/**
 * The next block of `input`, whole, from header to ISIZE; `offset` is where it begins in the file.
 * @throws BadInput when there is no block, and what `short` gives when it ends early
 */
export async function readBlock(
  input: Input,
  name: string,
  offset: number,
  short: (offset: number, found: number, expected: number) => BadInput,
): Promise<Uint8Array> {
  const fail = (why: string): BadInput => new BadInput(`BGZF: block at byte ${offset} of ${name} ${why}`);
  const head = await input.peek(12);
  if (head.length < 12) throw short(offset, head.length, eofMarker.length);
  if (head[0] === 0x1f && head[1] === 0x8b && head[2] === 8 && (head[3]! & 4) === 0) throw fail(plainGzip);
  if (head[0] !== 0x1f || head[1] !== 0x8b || head[2] !== 8 || head[3] !== 4)
    throw fail(
      `has a bad magic ${hex(head.subarray(0, 4))}, expected 1f8b0804; the file is damaged or not BGZF`,
    );
  const extra = head[10]! | (head[11]! << 8);
  const header = await input.peek(12 + extra);
  if (header.length < 12 + extra) throw short(offset, header.length, 12 + extra);
  const length = blockLength(header);
  if (length === undefined) throw fail(plainGzip);
  // 2 bytes is the shortest deflate stream.
  if (length < 12 + extra + 2 + 8) throw fail(`has a BSIZE of ${length - 1}, less than its header takes`);
  const block = await input.peek(length);
  if (block.length < length) throw short(offset, block.length, length);
  input.skip(length);
  return block;
}

/** The length of a block from its BC subfield, which may stand after others (SAM spec 4.1); undefined without one. */
function blockLength(header: Uint8Array): number | undefined {
  for (let at = 12; at + 4 <= header.length;) {
    const size = header[at + 2]! | (header[at + 3]! << 8);
    if (header[at] === 0x42 && header[at + 1] === 0x43 && size === 2 && at + 6 <= header.length)
      return (header[at + 4]! | (header[at + 5]! << 8)) + 1;
    at += 4 + size;
  }
  return undefined;
}

/**
 * Inflates a block into `output` from `at`, which must have room for `blockLimit` bytes and one more. Gives its inflated length.
 * @throws BadInput when the stream, its CRC-32 or its ISIZE is not right
 */
export function inflateBlock(
  block: Uint8Array,
  output: Uint8Array,
  at: number,
  name: string,
  offset: number,
  inflate: Inflater = inflateInto,
): number {
  const fail = (why: string): BadInput =>
    new BadInput(`BGZF: block at byte ${offset} of ${name} ${why}; the file is damaged, copy it again`);
  const end = block.length - 8;
  const view = new DataView(block.buffer, block.byteOffset + end, 8);
  const length = view.getUint32(4, true);
  if (length > blockLimit) throw fail(`has an ISIZE of ${length}, expected at most ${blockLimit}`);
  const start = 12 + (block[10]! | (block[11]! << 8));
  const problem = inflate(block, start, end, output, at, length);
  if (problem !== undefined) throw fail(`does not inflate: ${problem}`);
  const found = crc32(output.subarray(at, at + length));
  const expected = view.getUint32(0, true);
  if (found !== expected)
    throw fail(
      `has CRC-32 ${found.toString(16).padStart(8, '0')}, expected ${expected.toString(16).padStart(8, '0')}`,
    );
  return length;
}

/** Bytes as hexadecimal digits, for messages. */
export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
