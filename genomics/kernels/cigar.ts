/** CIGARs in place (SAM spec 4.2): what they cover, where they end, and where two of them cover the same bases. */
import { field } from '../formats/record.ts';

/** An operation is `length << 4 | code`; codes are indices into MIDNSHP=X. */
const [softClip, reference, covering, query] = [
  4,
  // Bit sets over the codes: M, D, N, = and X step along the reference; M, = and X cover it; M, I, S, = and X step along the read.
  0b110001101,
  0b110000001, 0b110010011,
];

export const isCovering = (op: number): boolean => ((covering >> (op & 15)) & 1) === 1;
export const stepsRead = (op: number): boolean => ((query >> (op & 15)) & 1) === 1;
export const isReference = (op: number): boolean => ((reference >> (op & 15)) & 1) === 1;

/** Where a record's operations lie: byte offset of the first one, and how many. */
export type Operations = { readonly at: number; readonly count: number };

/**
 * The operations of the record at `at`. A CIGAR of more than 65,535 operations stands in the tag CG, and its field holds
 * a soft clip of the whole read and a skip (SAM spec 4.2.2).
 */
export function operations(view: DataView, at: number): Operations {
  const place = at + field.name + view.getUint8(at + field.nameLength);
  const count = view.getUint16(at + field.cigarLength, true);
  if (count === 0) return { at: place, count };
  const op = view.getUint32(place, true);
  if ((op & 15) !== softClip || op >>> 4 !== view.getInt32(at + field.seqLength, true))
    return { at: place, count };
  return longOperations(view, at, place + 4 * count) ?? { at: place, count };
}

/** Bytes of a tag's value by its type; 0: up to a NUL, or an array. */
const valueSize: { readonly [type: string]: number } = { A: 1, c: 1, C: 1, s: 2, S: 2, i: 4, I: 4, f: 4 };

function longOperations(view: DataView, at: number, sequence: number): Operations | undefined {
  const end = at + 4 + view.getInt32(at, true);
  const length = view.getInt32(at + field.seqLength, true);
  let tag = sequence + ((length + 1) >>> 1) + length;
  while (tag + 3 <= end) {
    const type = String.fromCharCode(view.getUint8(tag + 2));
    const value = tag + 3;
    if (type === 'B') {
      if (value + 5 > end) return undefined;
      const item = valueSize[String.fromCharCode(view.getUint8(value))] ?? 0;
      const count = view.getUint32(value + 1, true);
      if (item === 0 || value + 5 + item * count > end) return undefined;
      // "CG", of 4-byte items.
      if (view.getUint16(tag) === 0x4347 && item === 4) return { at: value + 5, count };
      tag = value + 5 + item * count;
    } else if (type === 'Z' || type === 'H') {
      tag = value;
      while (tag < end && view.getUint8(tag) !== 0) tag++;
      tag++;
    } else {
      const size = valueSize[type];
      if (size === undefined) return undefined;
      tag = value + size;
    }
  }
  return undefined;
}

/** Operations of a record that starts at `start`, in an array from `from` to `to`. */
export type Cigar = {
  readonly ops: Int32Array;
  readonly from: number;
  readonly to: number;
  readonly start: number;
};

/** Calls `take(start, end)` for each stretch that both cover, in order. */
export function intersect(a: Cigar, b: Cigar, take: (start: number, end: number) => void): void {
  let [i, j] = [a.from, b.from];
  let [start, other] = [a.start, b.start];
  while (i < a.to && j < b.to) {
    const [opA, opB] = [a.ops[i]!, b.ops[j]!];
    const end = isReference(opA) ? start + (opA >>> 4) : start;
    const otherEnd = isReference(opB) ? other + (opB >>> 4) : other;
    if (isCovering(opA) && isCovering(opB)) {
      const [low, high] = [Math.max(start, other), Math.min(end, otherEnd)];
      if (low < high) take(low, high);
    }
    // The one that ends first has no more to share with the other.
    if (end <= otherEnd) {
      i++;
      start = end;
    } else {
      j++;
      other = otherEnd;
    }
  }
}
