/** The reads that lie over the position at hand, in the order of the file: their records, and how far each CIGAR was followed. */
import { roomFor } from '../../core/room.ts';
import { field } from '../formats/record.ts';
import { isCovering, isReference, operations } from './cigar.ts';

/**
 * Fields of a read, `stride` numbers of `Stack.table`. `start` to `end`, half-open, is what it steps over on the reference; `record`, `ops`, `seq` and
 * `qual` are bytes of `Stack.bytes`; `opCount` and `length` count operations and bases.
 */
export const read = {
  start: 0,
  end: 1,
  record: 2,
  ops: 3,
  opCount: 4,
  seq: 5,
  qual: 6,
  length: 7,
  /** The operation to go on with, and where it starts on the reference and in the read. */
  op: 8,
  ref: 9,
  query: 10,
  /** Where the qualities lie as they were before the mate came, and up to which position gaps still show those. */
  before: 11,
  until: 12,
  /** 1 while the read waits for its mate; the next one with a name of like hash, -1 for none. */
  open: 13,
  next: 14,
  /** Bytes taken from `record` on. */
  size: 15,
} as const;
export const stride = 16;

export type Stack = {
  bytes: Uint8Array<ArrayBuffer>;
  view: DataView<ArrayBuffer>;
  /** Bytes in use. */
  fill: number;
  table: Int32Array<ArrayBuffer>;
  /** Reads. */
  count: number;
  /** The first waiting read of each chain, -1 for none; its length is a power of two. */
  heads: Int32Array<ArrayBuffer>;
};

export function createStack(): Stack {
  const bytes = new Uint8Array(1 << 20);
  return {
    bytes,
    view: new DataView(bytes.buffer),
    fill: 0,
    table: new Int32Array(1024 * stride),
    count: 0,
    heads: new Int32Array(1024).fill(-1),
  };
}

export function clear(stack: Stack): void {
  stack.count = 0;
  stack.fill = 0;
  stack.heads.fill(-1);
}

/** Copies the record at `at` of `bytes` on top. Gives where its fields begin in the table, which holds until the next `keep`. */
export function add(stack: Stack, bytes: Uint8Array, view: DataView, at: number): number {
  const ops = operations(view, at);
  const length = view.getInt32(at + field.seqLength, true);
  const name = at + field.name + view.getUint8(at + field.nameLength);
  const seq = name + 4 * view.getUint16(at + field.cigarLength, true);
  const qual = seq + ((length + 1) >>> 1);
  // Tags are left out, unless the operations stand in one.
  const stop = Math.max(qual + length, ops.at + 4 * ops.count);
  // Room for a copy of the qualities.
  const size = stop - at + length;
  if (stack.fill + size > stack.bytes.length) makeRoom(stack, size);
  stack.table = roomFor(stack.table, (stack.count + 1) * stride);
  const { table, fill } = stack;
  stack.bytes.set(bytes.subarray(at, stop), fill);
  const row = stack.count++ * stride;
  const start = view.getInt32(at + field.pos, true);
  const { extent, hasGap } = extentOf(view, ops.at, ops.count);
  table[row + read.start] = start;
  table[row + read.end] = Math.min(start + extent, 2 ** 31 - 1);
  table[row + read.record] = fill;
  table[row + read.ops] = fill + ops.at - at;
  table[row + read.opCount] = ops.count;
  table[row + read.seq] = fill + seq - at;
  table[row + read.qual] = fill + qual - at;
  table[row + read.length] = length;
  table[row + read.op] = 0;
  table[row + read.ref] = start;
  table[row + read.query] = 0;
  table[row + read.before] = hasGap ? fill + stop - at : -1;
  table[row + read.until] = -1;
  table[row + read.open] = 0;
  table[row + read.next] = -1;
  table[row + read.size] = hasGap ? size : stop - at;
  stack.fill += table[row + read.size]!;
  return row;
}

/** Bases of the reference that operations step over, and whether some are not covered. */
function extentOf(view: DataView, at: number, count: number): { extent: number; hasGap: boolean } {
  let extent = 0;
  let hasGap = false;
  for (let i = 0; i < count; i++) {
    const op = view.getUint32(at + 4 * i, true);
    if (!isReference(op)) continue;
    extent += op >>> 4;
    hasGap ||= !isCovering(op);
  }
  return { extent, hasGap };
}

/** Takes the last read away again. */
export function pop(stack: Stack): void {
  stack.count--;
  stack.fill = stack.table[stack.count * stride + read.record]!;
}

/** Keeps the reads that end behind `pos`, in their order. */
export function keep(stack: Stack, pos: number): void {
  const { table } = stack;
  let kept = 0;
  for (let i = 0; i < stack.count; i++) {
    const row = i * stride;
    if (table[row + read.end]! <= pos) continue;
    if (kept < i) table.copyWithin(kept * stride, row, row + stride);
    kept++;
  }
  if (kept === stack.count) return;
  stack.count = kept;
  if (kept === 0) stack.fill = 0;
  link(stack);
}

/** Closes the gaps that reads have left, or takes more memory, for `size` more bytes. */
function makeRoom(stack: Stack, size: number): void {
  const { table } = stack;
  let live = size;
  for (let i = 0; i < stack.count; i++) live += table[i * stride + read.size]!;
  // At least half is free afterwards, so that moving costs little a read.
  const bytes = 2 * live > stack.bytes.length ? new Uint8Array(4 * live) : stack.bytes;
  let fill = 0;
  for (let i = 0; i < stack.count; i++) {
    const row = i * stride;
    const from = table[row + read.record]!;
    const length = table[row + read.size]!;
    if (bytes === stack.bytes) bytes.copyWithin(fill, from, from + length);
    else bytes.set(stack.bytes.subarray(from, from + length), fill);
    for (const place of [read.record, read.ops, read.seq, read.qual]) table[row + place]! += fill - from;
    if (table[row + read.before]! >= 0) table[row + read.before]! += fill - from;
    fill += length;
  }
  stack.bytes = bytes;
  stack.view = new DataView(bytes.buffer);
  stack.fill = fill;
}

/** The hash of a read's name that htslib uses (X31), unsigned. */
export function hashOf({ bytes, table }: Stack, row: number): number {
  const record = table[row + read.record]!;
  const end = record + field.name + bytes[record + field.nameLength]! - 1;
  let hash = 0;
  for (let i = record + field.name; i < end; i++) hash = (Math.imul(hash, 31) + bytes[i]!) | 0;
  return hash >>> 0;
}

/** Makes a read wait for its mate. */
export function wait(stack: Stack, row: number): void {
  if (2 * stack.count > stack.heads.length) {
    stack.heads = new Int32Array(4 * stack.heads.length);
    link(stack);
  }
  stack.table[row + read.open] = 1;
  chain(stack, row);
}

function chain(stack: Stack, row: number): void {
  const { heads, table } = stack;
  const at = hashOf(stack, row) & (heads.length - 1);
  table[row + read.next] = heads[at]!;
  heads[at] = row;
}

function link(stack: Stack): void {
  stack.heads.fill(-1);
  for (let row = 0; row < stack.count * stride; row += stride)
    if (stack.table[row + read.open] === 1) chain(stack, row);
}

/** Takes the read that waits under the name of the one at `row` out of its chain; -1 without one that ends at `pos` or later. */
export function takeMate(stack: Stack, row: number, pos: number): number {
  const { bytes, heads, table } = stack;
  const record = table[row + read.record]!;
  const length = bytes[record + field.nameLength]!;
  const at = hashOf(stack, row) & (heads.length - 1);
  for (let last = -1, mate = heads[at]!; mate >= 0; last = mate, mate = table[mate + read.next]!) {
    const other = table[mate + read.record]!;
    if (bytes[other + field.nameLength] !== length || table[mate + read.end]! < pos) continue;
    let i = field.name;
    while (i < field.name + length && bytes[record + i] === bytes[other + i]) i++;
    if (i < field.name + length) continue;
    if (last < 0) heads[at] = table[mate + read.next]!;
    else table[last + read.next] = table[mate + read.next]!;
    table[mate + read.open] = 0;
    return mate;
  }
  return -1;
}
