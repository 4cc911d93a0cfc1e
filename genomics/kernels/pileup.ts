/**
 * Piles reads up as `samtools mpileup` does (htslib 1.16): which ones count, how deep the pile may grow, and what becomes of qualities where mates
 * overlap. Reads are kept whole, and followed when all that reach over a window are there.
 */
import { field, flag } from '../formats/record.ts';
import { isCovering, isReference } from './cigar.ts';
import { settle } from './overlap.ts';
import { add, clear, createStack, keep, pop, read, type Stack, stride, takeMate, wait } from './stack.ts';

/** Which reads count. */
export type PileRules = {
  /** The least mapq. */
  readonly mapq: number;
  /** Bits of FLAG: any of these and the read does not count. */
  readonly exclude: number;
  /** Bits of FLAG: none of these and the read does not count; 0 for no such rule. */
  readonly include: number;
  /** Whether paired reads count that are no proper pair. */
  readonly orphans: boolean;
  /** Whether qualities are rewritten where mates overlap. */
  readonly overlaps: boolean;
  /** Where so many reads lie over a position, no further ones that start there are taken; Infinity for no limit. */
  readonly maxDepth: number;
};

/** What a pile is made of: `[from, to)` of a contig. */
export type Piece = {
  readonly from: number;
  readonly to: number;
  /** From here on all reads over a position are shown; -1 where nothing was left out before. */
  readonly sure: number;
  /** Reads behind the contig's bases do not count, where the reference is known. */
  readonly limit: number;
};

export type Piler = {
  readonly stack: Stack;
  readonly rules: PileRules;
  piece: Piece;
  /** Start of the last read that was taken, -1 before. */
  last: number;
  /** How many reads lie over `last`, -1 for not counted yet. */
  live: number;
  /** Where the read ends that reaches farthest. */
  reach: number;
  /** Positions before it are done. */
  done: number;
  /** Up to here, inclusive, the pile may hold reads that the limit of depth would have left out. */
  doubtful: number;
};

export const createPiler = (rules: PileRules): Piler => ({
  stack: createStack(),
  rules,
  piece: { from: 0, to: 0, sure: -1, limit: 0 },
  last: -1,
  live: -1,
  reach: 0,
  done: 0,
  doubtful: -1,
});

export function turnPiler(piler: Piler, piece: Piece): void {
  clear(piler.stack);
  piler.piece = piece;
  piler.last = -1;
  piler.live = -1;
  piler.reach = 0;
  piler.done = piece.from;
  piler.doubtful = -1;
}

/** Whether the record at a byte is one that counts. */
export function counts({ rules, piece }: Piler, view: DataView, at: number): boolean {
  const bits = view.getUint16(at + field.flag, true);
  if ((bits & (rules.exclude | flag.unmapped)) !== 0) return false;
  if (rules.include !== 0 && (bits & rules.include) === 0) return false;
  if (view.getUint8(at + field.mapq) < rules.mapq) return false;
  if (!rules.orphans && (bits & (flag.paired | flag.properPair)) === flag.paired) return false;
  return view.getInt32(at + field.pos, true) < piece.limit;
}

/** Takes the record at a byte, which counts; records come in order of position. */
export function push(piler: Piler, bytes: Uint8Array, view: DataView, at: number): void {
  const { stack, piece } = piler;
  const { maxDepth } = piler.rules;
  const pos = view.getInt32(at + field.pos, true);
  const before = piler.last;
  if (pos !== before) piler.live = -1;
  const row = add(stack, bytes, view, at);
  const end = stack.table[row + read.end]!;
  // What lies before may have been left out for its depth, and what ended before is not shown.
  if (pos < piece.sure) piler.doubtful = Math.max(piler.doubtful, end);
  else if (pos === before && stack.count > maxDepth && liveReads(piler, pos) >= maxDepth) {
    if (pos > piler.doubtful) {
      takeMate(stack, row, pos);
      pop(stack);
      return;
    }
    piler.doubtful = Math.max(piler.doubtful, end);
  }
  // A read that steps over nothing.
  if (end === pos && pos === before) {
    pop(stack);
    return;
  }
  if (piler.live >= 0) piler.live++;
  piler.last = pos;
  piler.reach = Math.max(piler.reach, end);
  if (piler.rules.overlaps) pair(piler, row, before);
}

/** How many reads below the last one end at `pos` or behind it. */
function liveReads(piler: Piler, pos: number): number {
  if (piler.live >= 0) return piler.live;
  const { table, count } = piler.stack;
  let live = 0;
  for (let row = 0; row < (count - 1) * stride; row += stride) if (table[row + read.end]! >= pos) live++;
  piler.live = live;
  return live;
}

/** Looks for the mate of the last read, or makes it wait. `before`: where the read before it starts. */
function pair({ stack }: Piler, row: number, before: number): void {
  const { view, table } = stack;
  const record = table[row + read.record]!;
  const bits = view.getUint16(record + field.flag, true);
  if ((bits & flag.mateUnmapped) !== 0 || (bits & flag.properPair) === 0) return;
  const mateContig = view.getInt32(record + field.nextRefId, true);
  if (mateContig >= 0 && mateContig !== view.getInt32(record + field.refId, true)) return;
  const matePos = view.getInt32(record + field.nextPos, true);
  const insert = Math.abs(view.getInt32(record + field.templateLength, true));
  if (insert >= 2 * table[row + read.length]! && matePos >= table[row + read.end]!) return;
  const mate = takeMate(stack, row, before);
  if (mate < 0) {
    const isFirst = matePos >= table[row + read.start]! || ((bits & flag.paired) !== 0 && matePos === -1);
    if (isFirst) wait(stack, row);
    return;
  }
  // Columns before the last read but one were made of the qualities as they were.
  const copy = table[mate + read.before]!;
  if (copy >= 0 && table[mate + read.until]! < 0) {
    const qual = table[mate + read.qual]!;
    stack.bytes.copyWithin(copy, qual, qual + table[mate + read.length]!);
    table[mate + read.until] = before;
  }
  settle(stack, mate, row);
}

/** Positions `[from, to)`; what lies over them is on the stack. `reach` is how far deletions that begin in them go. */
export type Window = { readonly from: number; readonly to: number; readonly reach: number };

/** Positions of a window at most, and what lies over them, unless it is one position. */
const [windowSize, windowDepth] = [4096, 1 << 21];

/** The depth of each position of a window, reads that are filtered by quality too. */
export type Depths = { readonly depth: Int32Array; readonly room: Int32Array };

export const createDepths = (): Depths => ({
  depth: new Int32Array(windowSize + 1),
  room: new Int32Array(windowSize + 1),
});

/** Whether so much waits that windows up to the last read should be done. */
export const isBehind = ({ done, last, stack }: Piler): boolean =>
  last - done >= windowSize || (last > done && stack.fill > 8 << 20);

/** Whether reads were left out, or not, that the limit of depth decides upon elsewhere: the piece must be read from further back. */
export const isDoubtful = ({ doubtful, piece }: Piler): boolean => doubtful >= piece.from;

/**
 * The next window before `to`, and in `depths` how many reads lie over each of its positions and how many letters these need. Undefined when
 * all is done. `isWhole`: positions without reads are wanted, too.
 */
export function nextWindow(
  piler: Piler,
  to: number,
  { depth, room }: Depths,
  isWhole: boolean,
): Window | undefined {
  const { stack } = piler;
  const { table } = stack;
  keep(stack, Math.min(piler.done, piler.last - 1));
  let from = piler.done;
  if (from >= to) return undefined;
  if (!isWhole) {
    let first = to;
    for (let row = 0; row < stack.count * stride && first > from; row += stride)
      if (table[row + read.end]! > from) first = Math.min(first, Math.max(from, table[row + read.start]!));
    from = piler.done = first;
  }
  if (from >= to) return undefined;
  let size = Math.min(windowSize, to - from);
  depth.fill(0, 0, size + 1);
  const rows = stack.count * stride;
  for (let row = 0; row < rows; row += stride) {
    const [start, end] = [table[row + read.start]! - from, table[row + read.end]! - from];
    if (end <= 0 || start >= size) continue;
    depth[Math.max(start, 0)]!++;
    depth[Math.min(end, size)]!--;
  }
  let total = depth[0]!;
  for (let i = 1; i < size; i++) {
    depth[i]! += depth[i - 1]!;
    total += depth[i]!;
    if (total > windowDepth) size = i;
  }
  room.set(depth.subarray(0, size));
  let reach = from + size;
  for (let row = 0; row < rows; row += stride) {
    const [start, end] = [table[row + read.start]! - from, table[row + read.end]! - from];
    if (end <= 0 || start >= size) continue;
    if (start >= 0) room[start]! += 2;
    if (end <= size) room[end - 1]! += 1;
    if (table[row + read.opCount]! > 1) reach = Math.max(reach, makeRoom(stack, row, from, size, room));
  }
  piler.done = from + size;
  return { from, to: from + size, reach };
}

/** Room for what insertions and deletions of a read add; gives how far these go. */
function makeRoom({ view, table }: Stack, row: number, from: number, size: number, room: Int32Array): number {
  const [ops, count] = [table[row + read.ops]!, table[row + read.opCount]!];
  let ref = table[row + read.ref]! - from;
  let reach = 0;
  let anchor = -1;
  for (let i = table[row + read.op]!; i < count; i++) {
    const op = view.getUint32(ops + 4 * i, true);
    const length = op >>> 4;
    const code = op & 15;
    if (anchor >= 0 && (code === 1 || code === 2 || code === 6)) {
      room[anchor]! += 12 + length;
      if (code === 2) reach = Math.max(reach, from + ref + length);
    }
    if (isReference(op)) {
      ref += length;
      if (ref > size) break;
      anchor = ref - 1;
    }
  }
  return reach;
}

/** Who is shown the stretches of reads. */
export type Seen = {
  /**
   * Positions `[from, to)` over which the read at `row` has the bases from `query` on. `ended`: which of its operations ends with the last of them,
   * -1 where that one goes on.
   */
  bases(row: number, from: number, to: number, query: number, ended: number): void;
  /** Positions over which it has a deletion or a skip; `query` is the base behind. */
  gap(row: number, from: number, to: number, query: number, ended: number, isSkip: boolean): void;
};

/** Shows all reads over a window, in the order of the file, stretch by stretch. */
export function follow({ view, table, count }: Stack, { from, to }: Window, seen: Seen): void {
  for (let row = 0; row < count * stride; row += stride) {
    if (table[row + read.end]! <= from || table[row + read.start]! >= to) continue;
    const [ops, opCount] = [table[row + read.ops]!, table[row + read.opCount]!];
    let i = table[row + read.op]!;
    let ref = table[row + read.ref]!;
    let query = table[row + read.query]!;
    for (; i < opCount; i++) {
      const op = view.getUint32(ops + 4 * i, true);
      const length = op >>> 4;
      if (isReference(op)) {
        const end = ref + length;
        const [low, high] = [Math.max(ref, from), Math.min(end, to)];
        if (low < high) {
          const ended = end <= to ? i : -1;
          if (isCovering(op)) seen.bases(row, low, high, query + low - ref, ended);
          else seen.gap(row, low, high, query, ended, (op & 15) === 3);
        }
        if (end >= to) break;
        ref = end;
        if (isCovering(op)) query += length;
      } else if ((op & 15) === 1 || (op & 15) === 4) query += length;
    }
    table[row + read.op] = i;
    table[row + read.ref] = ref;
    table[row + read.query] = query;
  }
}
