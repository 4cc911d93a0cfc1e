/** Where two reads of a template cover the same base, one observation is made of the two (htslib's rule since 1.13). */
import { isCovering, isReference, stepsRead } from './cigar.ts';
import { hashOf, read, type Stack } from './stack.ts';

/** Which of the two keeps the quality where bases agree, by the hash of their name: Thomas Wang's mixing of 32 bits, as in htslib. */
function isFirst(hash: number): boolean {
  let key = hash | 0;
  key = (key + ~(key << 15)) | 0;
  key ^= key >>> 10;
  key = (key + (key << 3)) | 0;
  key ^= key >>> 6;
  key = (key + ~(key << 11)) | 0;
  key ^= key >>> 16;
  return (key & 1) === 1;
}

/** No base is better than this after two that agree. */
const most = 200;

/** A place in a CIGAR: an operation that covers bases, where it starts on the reference and in the read, and where it ends. */
type Place = { op: number; ref: number; query: number; end: number };

/**
 * Rewrites the qualities of the reads at `a` and `b` of the table, of which `a` came first. Where their bases agree one has the sum of the qualities, the other
 * 0; where they differ, the better one keeps four fifths of its own. As in htslib the first base of `b` behind a gap stays as it is, unless `a` has the gap, too.
 */
export function settle(stack: Stack, a: number, b: number): void {
  const { table } = stack;
  const keepsFirst = isFirst(hashOf(stack, a));
  const [one, other] = [placeOf(table, a), placeOf(table, b)];
  for (let pos = table[b + read.start]!; ;) {
    if (!seek(stack, a, one, pos)) return;
    const at = Math.max(pos, one.ref);
    if (!seek(stack, b, other, at)) return;
    if (other.ref > at) {
      pos = other.ref + 1;
      continue;
    }
    const count = Math.min(one.end, other.end) - at;
    settleBases(stack, a, b, one.query + at - one.ref, other.query + at - other.ref, count, keepsFirst);
    pos = at + count;
  }
}

const placeOf = (table: Int32Array, row: number): Place => ({
  op: -1,
  ref: table[row + read.start]!,
  query: 0,
  end: table[row + read.start]!,
});

/** Moves to the first operation that covers bases and ends behind `pos`; false without one. */
function seek({ view, table }: Stack, row: number, place: Place, pos: number): boolean {
  const [ops, count] = [table[row + read.ops]!, table[row + read.opCount]!];
  while (place.op < 0 || place.end <= pos || !isCovering(view.getUint32(ops + 4 * place.op, true))) {
    if (place.op >= 0) {
      const op = view.getUint32(ops + 4 * place.op, true);
      if (stepsRead(op)) place.query += op >>> 4;
    }
    place.op++;
    if (place.op >= count) return false;
    const op = view.getUint32(ops + 4 * place.op, true);
    place.ref = place.end;
    if (isReference(op)) place.end += op >>> 4;
  }
  return true;
}

function settleBases(
  { bytes, table }: Stack,
  a: number,
  b: number,
  from: number,
  otherFrom: number,
  count: number,
  keepsFirst: boolean,
): void {
  const [seqA, seqB] = [table[a + read.seq]!, table[b + read.seq]!];
  const [qualA, qualB] = [table[a + read.qual]! + from, table[b + read.qual]! + otherFrom];
  const room = Math.min(count, table[a + read.length]! - from, table[b + read.length]! - otherFrom);
  for (let k = 0; k < room; k++) {
    const x = from + k;
    const y = otherFrom + k;
    const baseA = (bytes[seqA + (x >> 1)]! >> (4 * (~x & 1))) & 15;
    const baseB = (bytes[seqB + (y >> 1)]! >> (4 * (~y & 1))) & 15;
    const p = bytes[qualA + k]!;
    const q = bytes[qualB + k]!;
    const isAlike = baseA === baseB;
    const left = isAlike ? Math.min(most, p + q) : (4 * Math.max(p, q)) / 5;
    const isA = isAlike || p === q ? keepsFirst : p > q;
    bytes[qualA + k] = isA ? left : 0;
    bytes[qualB + k] = isA ? 0 : left;
  }
}
