/** Columns of piled reads as text, a row a position, as `samtools mpileup` prints them (samtools 1.16). */
import { field, flag } from '../formats/record.ts';
import { isReference } from './cigar.ts';
import { writeNumber } from './digits.ts';
import { codeOf, letters } from './letters.ts';
import { type Depths, follow, type Seen, type Window } from './pileup.ts';
import { read, type Stack } from './stack.ts';
import { makeRoom, type Text } from './text.ts';

export type RowRules = {
  /** The least quality of a base that is shown, and counted. */
  readonly quality: number;
  /** Positions without reads have rows. */
  readonly isWhole: boolean;
  /** A column of mapping qualities is added. */
  readonly mapq: boolean;
};

/** Letters of the reference from `from` on, as they stand in the FASTA; they end with the contig, or are null where it is not known. */
export type Letters = { readonly bytes: Uint8Array; readonly from: number; readonly to: number } | null;

/** Which positions of a window have rows, one byte each; all without it. */
export type Wanted = Uint8Array | undefined;

export type Rows = {
  write(text: Text, name: Uint8Array, window: Window, ref: Letters, wanted: Wanted): void;
};

const [caret, dollar, star, plus, minus, tab, lineFeed] = [0x5e, 0x24, 0x2a, 0x2b, 0x2d, 9, 10];
const unknown = 0x4e;
/** The code of no base. */
const none = 255;
/** Stands behind the last operation of a read. */
const noOp = 0xffffffff;

const upper = new Uint8Array(16);
const lower = new Uint8Array(16);
for (let code = 0; code < 16; code++) {
  upper[code] = letters.charCodeAt(code);
  lower[code] = letters.toLowerCase().charCodeAt(code);
}

/** Prints what lies on a stack, window by window; `depths` are those of the window. */
export function createRows(stack: Stack, depths: Depths, rules: RowRules): Rows {
  const size = depths.depth.length;
  // Letters and qualities of position i lie from the first to the second of these on.
  const [seqFrom, seqTo] = [new Int32Array(size), new Int32Array(size)];
  const [qualFrom, qualTo] = [new Int32Array(size), new Int32Array(size)];
  const refCodes = new Uint8Array(size);
  let seq = new Uint8Array(1 << 16);
  let qual = new Uint8Array(1 << 16);
  let mapqs = new Uint8Array(rules.mapq ? 1 << 16 : 0);
  let ref: Letters = null;
  let origin = 0;

  const letterAt = (pos: number): number => (ref && pos < ref.to ? ref.bytes[pos - ref.from]! : unknown);

  /** One base or gap with all that may go with it. */
  const pile = (row: number, pos: number, letter: number, quality: number, query: number, ended: number) => {
    if (quality < rules.quality) return;
    const { bytes, table } = stack;
    const record = table[row + read.record]!;
    const mapq = bytes[record + field.mapq]!;
    const i = pos - origin;
    let at = seqTo[i]!;
    if (pos === table[row + read.start]) {
      seq[at++] = caret;
      seq[at++] = mapq > 93 ? 126 : mapq + 33;
    }
    seq[at++] = letter;
    if (ended >= 0) at = writeIndel(row, pos, query, ended, at);
    if (pos === table[row + read.end]! - 1) seq[at++] = dollar;
    seqTo[i] = at;
    const fill = qualTo[i]!++;
    qual[fill] = quality < 93 ? quality + 33 : 126;
    if (rules.mapq) mapqs[fill] = mapq < 93 ? mapq + 33 : 126;
  };

  /** What follows operation `ended`, the last base of which lies at `pos`; `query` is the base behind it. */
  const writeIndel = (row: number, pos: number, query: number, ended: number, to: number): number => {
    const { bytes, view, table } = stack;
    const [ops, count] = [table[row + read.ops]!, table[row + read.opCount]!];
    const opAt = (i: number): number => (i < count ? view.getUint32(ops + 4 * i, true) : noOp);
    const next = opAt(ended + 1);
    const isReverse = (view.getUint16(table[row + read.record]! + field.flag, true) & flag.reverse) !== 0;
    let at = to;
    let deleted = (next & 15) === 2 ? next >>> 4 : 0;
    if ((next & 15) === 1 || ((next & 15) === 6 && hasInsertion(opAt, ended + 2))) {
      let i = ended + 1;
      let length = 0;
      for (; (opAt(i) & 15) === 1 || (opAt(i) & 15) === 6; i++) length += opAt(i) >>> 4;
      deleted = (opAt(i) & 15) === 2 ? opAt(i) >>> 4 : 0;
      seq[at++] = plus;
      at = writeNumber(seq, at, length);
      let base = query;
      for (let k = ended + 1; k < i; k++) {
        const op = opAt(k);
        for (let n = op >>> 4; n > 0; n--) {
          if ((op & 15) === 6) {
            seq[at++] = star;
            continue;
          }
          const isThere = base < table[row + read.length]!;
          const code = isThere
            ? (bytes[table[row + read.seq]! + (base >> 1)]! >> (4 * (~base & 1))) & 15
            : 15;
          seq[at++] = isReverse ? lower[code]! : upper[code]!;
          base++;
        }
      }
    }
    if (deleted > 0) {
      seq[at++] = minus;
      at = writeNumber(seq, at, deleted);
      for (let k = 1; k <= deleted; k++) {
        const letter = letterAt(pos + k);
        const isLetter = (letter | 32) >= 0x61 && (letter | 32) <= 0x7a;
        seq[at++] = !isLetter ? letter : isReverse ? letter | 32 : letter & ~32;
      }
    }
    return at;
  };

  const seen: Seen = {
    bases(row, from, to, query, ended) {
      const { bytes, view, table } = stack;
      const record = table[row + read.record]!;
      const isReverse = (view.getUint16(record + field.flag, true) & flag.reverse) !== 0;
      const [pick, same] = isReverse ? [lower, 0x2c] : [upper, 0x2e];
      const [seqAt, qualAt, length] = [
        table[row + read.seq]!,
        table[row + read.qual]!,
        table[row + read.length]!,
      ];
      const one = (pos: number, q: number, end: number): void => {
        const code = q < length ? (bytes[seqAt + (q >> 1)]! >> (4 * (~q & 1))) & 15 : 15;
        const letter = code === 0 || code === refCodes[pos - origin] ? same : pick[code]!;
        pile(row, pos, letter, q < length ? bytes[qualAt + q]! : 0, q + 1, end);
      };
      let [low, high] = [from, to];
      let q = query;
      if (low === table[row + read.start]! && low < high - 1) one(low++, q++, -1);
      const isSlow = ended >= 0 || low === table[row + read.start]!;
      if (isSlow) high--;
      const stop = Math.min(high, low + length - q);
      const least = rules.quality;
      const shift = q - low;
      if (rules.mapq) for (; low < high; low++) one(low, shift + low, -1);
      else
        for (let pos = low; pos < stop; pos++) {
          q = shift + pos;
          const quality = bytes[qualAt + q]!;
          if (quality < least) continue;
          const code = (bytes[seqAt + (q >> 1)]! >> (4 * (~q & 1))) & 15;
          const i = pos - origin;
          seq[seqTo[i]!++] = code === 0 || code === refCodes[i] ? same : pick[code]!;
          qual[qualTo[i]!++] = quality < 93 ? quality + 33 : 126;
        }
      for (let pos = Math.max(low, stop); pos < high; pos++) one(pos, shift + pos, -1);
      if (isSlow) one(high, shift + high, ended);
    },
    gap(row, from, to, query, ended, isSkip) {
      const { bytes, view, table } = stack;
      const record = table[row + read.record]!;
      const isReverse = (view.getUint16(record + field.flag, true) & flag.reverse) !== 0;
      const letter = isSkip ? (isReverse ? 0x3c : 0x3e) : star;
      const isThere = query < table[row + read.length]!;
      const now = isThere ? bytes[table[row + read.qual]! + query]! : 0;
      const until = table[row + read.until]!;
      const before = isThere && until >= 0 ? bytes[table[row + read.before]! + query]! : now;
      for (let pos = from; pos < to; pos++)
        pile(row, pos, letter, pos < until ? before : now, query, pos === to - 1 ? ended : -1);
    },
  };

  /** Places for all letters of a window. */
  const lay = (count: number): void => {
    let [letterCount, total] = [0, 0];
    for (let i = 0; i < count; i++) {
      seqFrom[i] = seqTo[i] = letterCount;
      qualFrom[i] = qualTo[i] = total;
      letterCount += depths.room[i]!;
      total += depths.depth[i]!;
    }
    if (letterCount > seq.length) seq = new Uint8Array(2 * letterCount);
    if (total > qual.length) qual = new Uint8Array(2 * total);
    if (rules.mapq && total > mapqs.length) mapqs = new Uint8Array(2 * total);
  };

  return {
    write(text, name, window, refLetters, wanted) {
      const count = window.to - window.from;
      origin = window.from;
      ref = refLetters;
      for (let i = 0; i < count; i++) refCodes[i] = ref ? codeOf[letterAt(origin + i)]! : none;
      lay(count);
      follow(stack, window, seen);
      const total = seqTo[count - 1]! - seqFrom[0]! + 2 * (qualTo[count - 1]! - qualFrom[0]!);
      const bound = total + count * (name.length + 40);
      makeRoom(text, bound);
      const { bytes } = text;
      let at = text.fill;
      const copy = (from: Uint8Array, start: number, end: number): void => {
        bytes[at++] = tab;
        if (start === end) bytes[at++] = star;
        else if (end - start > 256) {
          bytes.set(from.subarray(start, end), at);
          at += end - start;
        } else for (let i = start; i < end; i++) bytes[at++] = from[i]!;
      };
      for (let i = 0; i < count; i++) {
        if ((depths.depth[i] === 0 && !rules.isWhole) || wanted?.[i] === 0) continue;
        for (let k = 0; k < name.length; k++) bytes[at++] = name[k]!;
        bytes[at++] = tab;
        at = writeNumber(bytes, at, origin + i + 1);
        bytes[at++] = tab;
        bytes[at++] = letterAt(origin + i);
        bytes[at++] = tab;
        at = writeNumber(bytes, at, qualTo[i]! - qualFrom[i]!);
        copy(seq, seqFrom[i]!, seqTo[i]!);
        copy(qual, qualFrom[i]!, qualTo[i]!);
        if (rules.mapq) copy(mapqs, qualFrom[i]!, qualTo[i]!);
        bytes[at++] = lineFeed;
      }
      text.fill = at;
    },
  };
}

/** Whether insertions follow a pad before the next operation that steps along the reference. */
function hasInsertion(opAt: (i: number) => number, from: number): boolean {
  for (let i = from; opAt(i) !== noOp; i++) {
    if (isReference(opAt(i))) return false;
    if ((opAt(i) & 15) === 1 && opAt(i) >>> 4 > 0) return true;
  }
  return false;
}
