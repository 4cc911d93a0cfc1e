/** Turns alignment records into changes of depth: what operations cover, mates that overlap counted once. */
import { findOperations, isCovering, isReference, opsAt, opsCount } from './cigar.ts';
import { advance, change, isOverfull, startDepth } from './depth.ts';
import { clearMates, countOf, endOf, hasMate, isCrowded, keepMate, opsOf, startOf, takeMate } from './mates.ts';
import {
  FLAG, MAPQ, NEXT_POS, NEXT_REF_ID, POS, PROPER_PAIR, recordAt, REF_ID, SUPPLEMENTARY, UNMAPPED,
} from './record.ts';
import { dataAt, dataEnd, useData } from './window.ts';

/** The next record lies on another contig; at or behind the interval's end. */
export const ELSEWHERE_NEXT: i32 = 2;
export const PAST: i32 = 3;
/** Records are not in order; more of them lie over each other than there is room for. */
export const DISORDER: i32 = -40;
export const TOO_DEEP: i32 = -41;

// Which reads count, and how.
let mapq: u32 = 0;
let exclude: u32 = 0;
let include: u32 = 0;
let isFast: bool = false;

// The interval: see turn.
let contig: i32 = -1;
let from: i64 = 0;
let to: i64 = 0;
let length: i32 = 0;
/** A contig of which records are passed over. */
let passed: i32 = -2;

let last: i32 = -1;
let count: u32 = 0;
let isSeen: bool = false;
/** The contig of the record that comes next. */
let nextContig: i32 = -1;

export function filterReads(least: u32, excluded: u32, included: u32, fast: bool): void {
  mapq = least;
  exclude = excluded;
  include = included;
  isFast = fast;
}

/**
 * Turns to `[start, end)` of a contig of `bases` bases. What lies outside the contig belongs to its first or its last interval, so that no
 * record is lost.
 */
export function turn(id: i32, bases: i32, start: i32, end: i32): void {
  clearMates();
  startDepth(start, end);
  contig = id;
  length = bases;
  from = start == 0 ? -1 : start;
  to = end >= bases ? i64.MAX_VALUE : end;
  passed = -2;
  last = -1;
  count = 0;
  isSeen = false;
}

/** Records of another contig are to be passed over. */
export function passOver(id: i32): void {
  passed = id;
}

/** Records that start in the interval; whether one lies on the contig's bases; start of the last one, -1 without any; where the next one lies. */
export function readCount(): u32 {
  return count;
}
export function readSeen(): bool {
  return isSeen;
}
export function readLast(): i32 {
  return last;
}
export function readNext(): i32 {
  return nextContig;
}

/** Takes the whole records of the data: 0, why it stopped before them, or what is wrong. */
export function coverReads(contigs: i32): i32 {
  if (isOverfull || isCrowded) return TOO_DEEP;
  const end = dataEnd;
  let at = dataAt;
  let status: i32 = 0;
  while (true) {
    const size = recordAt(at, end, contigs);
    if (size <= 0) {
      status = size;
      break;
    }
    const id = load<i32>(at, REF_ID);
    if (id != contig) {
      if (id == passed) {
        at += size;
        continue;
      }
      nextContig = id;
      status = ELSEWHERE_NEXT;
      break;
    }
    const pos = load<i32>(at, POS);
    if (pos < last) {
      status = DISORDER;
      break;
    }
    if (pos >= to) {
      status = PAST;
      break;
    }
    last = pos;
    if (pos >= from) {
      count++;
      if (pos >= 0 && pos < length) isSeen = true;
    }
    const record = at;
    at += size;
    const bits = <u32>load<u16>(record, FLAG);
    if ((bits & exclude) != 0 || (include != 0 && (bits & include) == 0)) continue;
    if (<u32>load<u8>(record, MAPQ) < mapq) continue;
    if (pos >= length || pos < 0) continue;
    advance(pos);
    if (isFast) coverWhole(record, pos, bits);
    else cover(record, pos, bits);
  }
  useData(at);
  return status;
}

/** One run from start to end. */
@inline
function coverWhole(record: usize, pos: i32, bits: u32): void {
  let extent: i64 = 0;
  if ((bits & UNMAPPED) == 0) {
    findOperations(record);
    for (let at = opsAt, end = opsAt + (opsCount << 2); at < end; at += 4) {
      const op = load<u32>(at);
      if (isReference(op)) extent += op >>> 4;
    }
  }
  change(pos, 1);
  // A read without extent takes one base, as htslib has it.
  change(pos + (extent == 0 ? 1 : extent), -1);
}

/** What the operations cover, less what the mate covered already. */
function cover(record: usize, pos: i32, bits: u32): void {
  findOperations(record);
  let end: i64 = pos;
  // End of a covered stretch that may still go on; -1 without one.
  let open: i64 = -1;
  for (let at = opsAt, stop = opsAt + (opsCount << 2); at < stop; at += 4) {
    const op = load<u32>(at);
    if (!isReference(op)) continue;
    if (isCovering(op)) {
      if (open != end) {
        if (open >= 0) change(open, -1);
        change(end, 1);
      }
      open = end + (op >>> 4);
    }
    end += op >>> 4;
  }
  if (open >= 0) change(open, -1);
  if ((bits & PROPER_PAIR) == 0 || (bits & SUPPLEMENTARY) != 0) return;
  pair(record, pos, end == pos || (bits & UNMAPPED) != 0 ? <i64>pos + 1 : end);
}

/** Remembers the first read of a pair that overlaps; at the second takes back what both cover. */
function pair(record: usize, pos: i32, stop: i64): void {
  const matePos = load<i32>(record, NEXT_POS);
  if (
    load<i32>(record, NEXT_REF_ID) == contig &&
    stop > matePos &&
    (pos < matePos || (pos == matePos && !hasMate(record, pos)))
  ) {
    keepMate(record, pos, stop, opsAt, opsCount);
    return;
  }
  const mate = takeMate(record, pos);
  if (mate == 0) return;
  if (opsCount == 1 && countOf(mate) == 1) {
    // Taken back is up to the end of the first read, also where the second one ends before.
    if (isCovering(load<u32>(opsAt)) && isCovering(load<u32>(opsOf(mate)))) {
      change(pos, -1);
      change(endOf(mate), 1);
    }
    return;
  }
  intersect(opsOf(mate), countOf(mate), startOf(mate), opsAt, opsCount, pos);
}

/** Takes back the stretches that both cover. */
function intersect(a: usize, countA: u32, startA: i32, b: usize, countB: u32, startB: i32): void {
  const endA = a + (countA << 2);
  const endB = b + (countB << 2);
  let start: i64 = startA;
  let other: i64 = startB;
  while (a < endA && b < endB) {
    const opA = load<u32>(a);
    const opB = load<u32>(b);
    const end = isReference(opA) ? start + (opA >>> 4) : start;
    const otherEnd = isReference(opB) ? other + (opB >>> 4) : other;
    if (isCovering(opA) && isCovering(opB)) {
      const low = max(start, other);
      const high = min(end, otherEnd);
      if (low < high) {
        change(low, -1);
        change(high, 1);
      }
    }
    // The one that ends first has no more to share with the other.
    if (end <= otherEnd) {
      a += 4;
      start = end;
    } else {
      b += 4;
      other = otherEnd;
    }
  }
}
