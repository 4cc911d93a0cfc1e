/**
 * The row kernel: reads that lie over a window of positions in, their columns as text out, a row a position (samtools mpileup). It is the fast way of
 * ../kernels/pilerows.ts, and has a module and a memory of its own. Who calls it lays reads, letters and room for the text behind `heap`.
 */
import { isCovering, isReference } from './cigar.ts';
import { FLAG, MAPQ } from './record.ts';

/** Positions of a window at most. */
const MAX: usize = 4096;
const SLOT: usize = MAX * 4 + 64;
/** Letters of codes, upper and lower case, and codes of letters: filled by the host. */
const LETTERS: usize = 1024;
const CODE_OF: usize = 1056;
/** By position: depth, and room for letters. */
const DEPTH: usize = 2048;
const ROOM: usize = DEPTH + SLOT;
/** By position: where its letters and its qualities begin, and end so far; 4 bytes each, side by side. */
const FROM: usize = ROOM + SLOT;
const TO: usize = FROM + 2 * SLOT;
/** One letter and one quality more. */
const ONE_EACH: u64 = 0x100000001;
/** By position, bytes: the code of the reference, and whether a row is wanted. */
const REF_CODE: usize = TO + 2 * SLOT;
const WANTED: usize = REF_CODE + MAX + 64;
const NAME: usize = WANTED + MAX + 64;
const HEAP: usize = NAME + 4096;

export const letterTable: usize = LETTERS;
export const codeTable: usize = CODE_OF;
export const depthTable: usize = DEPTH;
export const roomTable: usize = ROOM;
export const wantedTable: usize = WANTED;
export const nameAt: usize = NAME;
export const heap: usize = HEAP;

// Fields of a read, 64 bytes each.
const START: usize = 0;
const END: usize = 4;
const RECORD: usize = 8;
const OPS: usize = 12;
const OP_COUNT: usize = 16;
const SEQ: usize = 20;
const QUAL: usize = 24;
const LENGTH: usize = 28;
const OP: usize = 32;
const REF: usize = 36;
const QUERY: usize = 40;
const BEFORE: usize = 44;
const UNTIL: usize = 48;
const STRIDE: usize = 64;

if (memory.grow(<i32>((HEAP + 65535) >> 16)) < 0) unreachable();

let least: u32 = 0;
let hasMapq: bool = false;
let bytes: usize = 0;
let seq: usize = 0;
let qual: usize = 0;
let mapqs: usize = 0;
/** The window's first position, and its letters: those before `refTo` lie from `ref` on, which is position `refFrom`. */
let origin: i32 = 0;
let ref: usize = 0;
let refFrom: i32 = 0;
let refTo: i32 = 0;

/** What is shown: bases of at least this quality, and mapping qualities or not. */
export function show(quality: i32, mapq: bool): void {
  least = quality;
  hasMapq = mapq;
}

/** Where the host has laid letters of the reference, `[from, to)`; none: `to` is not above 0. */
export function setReference(at: usize, from: i32, to: i32): void {
  ref = at;
  refFrom = from;
  refTo = to;
}

@inline
function letterAt(pos: i32): u32 {
  return pos < refTo ? <u32>load<u8>(ref + <usize>(pos - refFrom)) : 0x4e;
}

@inline
function codeAt(sequence: usize, query: i32): u32 {
  return (<u32>load<u8>(sequence + <usize>(query >> 1)) >>> (<u32>(~query & 1) << 2)) & 15;
}

/** Writes a number's decimal digits; gives where they end. */
function writeNumber(at: usize, value: u32): usize {
  let digits: usize = 1;
  for (let limit: u64 = 10; <u64>value >= limit; limit *= 10) digits++;
  for (let i = at + digits; i > at; ) {
    const tenth = value / 10;
    store<u8>(--i, 48 + value - 10 * tenth);
    value = tenth;
  }
  return at + digits;
}

/** Places for all letters and qualities of the window. */
function lay(count: usize): void {
  let letters: u32 = 0;
  let total: u32 = 0;
  for (let i: usize = 0; i < count; i++) {
    const places = (<u64>total << 32) | letters;
    store<u64>(FROM + (i << 3), places);
    store<u64>(TO + (i << 3), places);
    letters += load<u32>(ROOM + (i << 2));
    total += load<u32>(DEPTH + (i << 2));
  }
}

@inline
function shown(value: u32): u32 {
  return min<u32>(value + 33, 126);
}

/** One base or gap with all that may go with it. */
function pile(row: usize, pos: i32, letter: u32, quality: u32, query: i32, ended: i32): void {
  if (quality < least) return;
  const record = bytes + <usize>load<u32>(row, RECORD);
  const mapq = <u32>load<u8>(record, MAPQ);
  const slot = TO + ((<usize>(pos - origin)) << 3);
  let at = seq + <usize>load<u32>(slot);
  if (pos == load<i32>(row, START)) {
    store<u8>(at, 0x5e);
    store<u8>(at + 1, mapq > 93 ? 126 : mapq + 33);
    at += 2;
  }
  store<u8>(at++, letter);
  if (ended >= 0) at = writeIndel(row, pos, query, ended, at);
  if (pos == load<i32>(row, END) - 1) store<u8>(at++, 0x24);
  store<u32>(slot, <u32>(at - seq));
  const fill = load<u32>(slot, 4);
  store<u8>(qual + fill, shown(quality));
  if (hasMapq) store<u8>(mapqs + fill, shown(mapq));
  store<u32>(slot, fill + 1, 4);
}

/** The operation at `i`, all bits set behind the last one. */
@inline
function opAt(row: usize, i: i32): u32 {
  return i < load<i32>(row, OP_COUNT) ? load<u32>(bytes + <usize>load<u32>(row, OPS) + (<usize>i << 2)) : <u32>-1;
}

/** Whether insertions follow a pad before the next operation that steps along the reference. */
function hasInsertion(row: usize, from: i32): bool {
  for (let i = from; i < load<i32>(row, OP_COUNT); i++) {
    const op = opAt(row, i);
    if (isReference(op)) return false;
    if ((op & 15) == 1 && op >>> 4 > 0) return true;
  }
  return false;
}

/** What follows operation `ended`, the last base of which lies at `pos`; `query` is the base behind it. */
function writeIndel(row: usize, pos: i32, query: i32, ended: i32, at: usize): usize {
  const next = opAt(row, ended + 1);
  const lower: usize = load<u16>(bytes + <usize>load<u32>(row, RECORD), FLAG) & 16 ? 16 : 0;
  let deleted: u32 = (next & 15) == 2 ? next >>> 4 : 0;
  if ((next & 15) == 1 || ((next & 15) == 6 && hasInsertion(row, ended + 2))) {
    let i = ended + 1;
    let length: u32 = 0;
    for (let op = next; (op & 15) == 1 || (op & 15) == 6; op = opAt(row, ++i)) length += op >>> 4;
    const last = opAt(row, i);
    deleted = (last & 15) == 2 ? last >>> 4 : 0;
    store<u8>(at, 0x2b);
    at = writeNumber(at + 1, length);
    for (let k = ended + 1; k < i; k++) {
      const op = opAt(row, k);
      for (let n = op >>> 4; n > 0; n--) {
        let letter: u32 = 0x2a;
        if ((op & 15) == 1) {
          const code: u32 =
            query < load<i32>(row, LENGTH) ? codeAt(bytes + <usize>load<u32>(row, SEQ), query) : 15;
          letter = load<u8>(LETTERS + lower + <usize>code);
          query++;
        }
        store<u8>(at++, letter);
      }
    }
  }
  if (deleted > 0) {
    store<u8>(at, 0x2d);
    at = writeNumber(at + 1, deleted);
    for (let k: u32 = 1; k <= deleted; k++) {
      const letter = letterAt(pos + k);
      const small = letter | 32;
      store<u8>(at++, small >= 0x61 && small <= 0x7a ? (lower != 0 ? small : letter & ~32) : letter);
    }
  }
  return at;
}

/** The base of a read at `pos`, with all that may go with it. */
function showBase(row: usize, pos: i32, query: i32, ended: i32): void {
  const isThere = query < load<i32>(row, LENGTH);
  const isReverse = load<u16>(bytes + <usize>load<u32>(row, RECORD), FLAG) & 16;
  const code: u32 = isThere ? codeAt(bytes + <usize>load<u32>(row, SEQ), query) : 15;
  const isSame = code == 0 || code == load<u8>(REF_CODE + <usize>(pos - origin));
  const letter: u32 = isSame
    ? (isReverse ? 0x2c : 0x2e)
    : <u32>load<u8>(LETTERS + (isReverse ? 16 : 0) + <usize>code);
  const quality: u32 = isThere ? load<u8>(bytes + <usize>load<u32>(row, QUAL) + <usize>query) : 0;
  pile(row, pos, letter, quality, query + 1, ended);
}

/** Positions `[from, to)` over which a read has the bases from `query` on. */
function showBases(row: usize, from: i32, to: i32, query: i32, ended: i32): void {
  let pos = from;
  const shift = query - from;
  const last = ended >= 0 ? to - 1 : to;
  if (pos < last && pos == load<i32>(row, START)) showBase(row, pos, shift + pos++, -1);
  const stop = hasMapq ? pos : min(last, load<i32>(row, LENGTH) - shift);
  if (pos < stop) {
    const isReverse = load<u16>(bytes + <usize>load<u32>(row, RECORD), FLAG) & 16;
    const pick: usize = LETTERS + (isReverse ? 16 : 0);
    const same: u32 = isReverse ? 0x2c : 0x2e;
    const sequence = bytes + <usize>load<u32>(row, SEQ);
    let at = bytes + <usize>load<u32>(row, QUAL) + <usize>(shift + pos);
    let slot = TO + ((<usize>(pos - origin)) << 3);
    let ref = REF_CODE + <usize>(pos - origin);
    for (; pos < stop; pos++, at++, slot += 8, ref++) {
      const quality = <u32>load<u8>(at);
      if (quality < least) continue;
      const code = codeAt(sequence, shift + pos);
      const places = load<u64>(slot);
      store<u64>(slot, places + ONE_EACH);
      const isSame = <i32>(code == 0) | <i32>(code == load<u8>(ref));
      store<u8>(seq + <usize>(<u32>places), select<u32>(same, load<u8>(pick + <usize>code), isSame));
      store<u8>(qual + <usize>(places >>> 32), shown(quality));
    }
  }
  for (; pos < last; pos++) showBase(row, pos, shift + pos, -1);
  if (pos < to) showBase(row, pos, shift + pos, ended);
}

/** Positions over which it has a deletion or a skip; `query` is the base behind. */
function showGap(row: usize, from: i32, to: i32, query: i32, ended: i32, isSkip: bool): void {
  const isReverse = load<u16>(bytes + <usize>load<u32>(row, RECORD), FLAG) & 16;
  const letter: u32 = isSkip ? (isReverse ? 0x3c : 0x3e) : 0x2a;
  const isThere = query < load<i32>(row, LENGTH);
  const now: u32 = isThere ? load<u8>(bytes + <usize>load<u32>(row, QUAL) + <usize>query) : 0;
  const until = load<i32>(row, UNTIL);
  const before: u32 =
    isThere && until >= 0 ? load<u8>(bytes + <usize>load<u32>(row, BEFORE) + <usize>query) : now;
  for (let pos = from; pos < to; pos++)
    pile(row, pos, letter, pos < until ? before : now, query, pos == to - 1 ? ended : -1);
}

/** Shows what a read has over the window that ends at `to`. */
function follow(row: usize, to: i32): void {
  const count = load<i32>(row, OP_COUNT);
  let i = load<i32>(row, OP);
  let at = load<i32>(row, REF);
  let query = load<i32>(row, QUERY);
  for (; i < count; i++) {
    const op = opAt(row, i);
    const length = <i32>(op >>> 4);
    if (isReference(op)) {
      const end = at + length;
      const low = max(at, origin);
      const high = min(end, to);
      if (low < high) {
        const ended = end <= to ? i : -1;
        if (isCovering(op)) showBases(row, low, high, query + low - at, ended);
        else showGap(row, low, high, query, ended, (op & 15) == 3);
      }
      if (end >= to) break;
      at = end;
      if (isCovering(op)) query += length;
    } else if ((op & 15) == 1 || (op & 15) == 4) query += length;
  }
  store<i32>(row, i, OP);
  store<i32>(row, at, REF);
  store<i32>(row, query, QUERY);
}

/** A tab and `[start, end)` of `from`, or a star; up to 15 bytes behind may be overwritten. */
@inline
function copy(at: usize, from: usize, start: usize, end: usize): usize {
  store<u8>(at++, 9);
  if (start == end) {
    store<u8>(at, 0x2a);
    return at + 1;
  }
  const length = end - start;
  const source = from + start;
  for (let k: usize = 0; k < length; k += 16) v128.store(at + k, v128.load(source + k));
  return at + length;
}

/**
 * Writes the rows of the `size` positions from `from` on: of `count` reads at `table`, the bytes of which lie behind `data`. `letters`, `qualities` and `mapping`
 * are room for as many bytes as `room` and `depth` say, and 16 more. Gives where the text ends that begins at `out`.
 */
export function write(
  table: usize,
  count: usize,
  data: usize,
  letters: usize,
  qualities: usize,
  mapping: usize,
  out: usize,
  nameLength: usize,
  from: i32,
  size: i32,
  isWhole: bool,
): usize {
  bytes = data;
  seq = letters;
  qual = qualities;
  mapqs = mapping;
  origin = from;
  for (let i: i32 = 0; i < size; i++)
    store<u8>(
      REF_CODE + <usize>i,
      refTo > 0 ? <u32>load<u8>(CODE_OF + <usize>letterAt(from + i)) : 255,
    );
  lay(size);
  const to = from + size;
  for (let row = table; row < table + count * STRIDE; row += STRIDE)
    if (load<i32>(row, END) > from && load<i32>(row, START) < to) follow(row, to);
  let at = out;
  for (let i: usize = 0; i < <usize>size; i++) {
    if ((load<u32>(DEPTH + (i << 2)) == 0 && !isWhole) || load<u8>(WANTED + i) == 0) continue;
    for (let n: usize = 0; n < nameLength; n += 16) v128.store(at + n, v128.load(NAME + n));
    at += nameLength;
    store<u8>(at, 9);
    at = writeNumber(at + 1, from + <i32>i + 1);
    store<u8>(at, 9);
    store<u8>(at + 1, letterAt(from + <i32>i));
    store<u8>(at + 2, 9);
    const slot = i << 3;
    const start = <usize>load<u32>(FROM + slot, 4);
    const end = <usize>load<u32>(TO + slot, 4);
    at = writeNumber(at + 3, <u32>(end - start));
    at = copy(at, seq, load<u32>(FROM + slot), load<u32>(TO + slot));
    at = copy(at, qual, start, end);
    if (hasMapq) at = copy(at, mapqs, start, end);
    store<u8>(at++, 10);
  }
  return at;
}
