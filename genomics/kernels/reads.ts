/**
 * Turns alignment records into changes of depth, as mosdepth counts: what CIGARs cover, mates that overlap counted once. Reads
 * that reach over the end of their contig, with which it fails, are clipped.
 */
import { BadInput } from '../../core/errors.ts';
import { field, flag } from '../formats/record.ts';
import { intersect, isCovering, isReference, operations } from './cigar.ts';
import { advance, change, type Sweep } from './depth.ts';
import { cigarOf, clear, createMates, endOf, has, type Mates, store, take } from './mates.ts';

/** Which reads count, and how. */
export type Filter = {
  /** The least mapq. */
  readonly mapq: number;
  /** Bits of FLAG: any of these and the read does not count. */
  readonly exclude: number;
  /** Bits of FLAG: none of these and the read does not count; 0 for no such rule. */
  readonly include: number;
  /** Whole reads from start to end, without a look at operations and mates. */
  readonly fast: boolean;
};

/** The reads of an interval of a contig, in order of position. */
export type Reads = {
  readonly sweep: Sweep;
  readonly filter: Filter;
  readonly mates: Mates;
  /** Operations of the read at hand. */
  ops: Int32Array;
  contig: number;
  contigName: string;
  /** The interval: a read is counted where it starts; the last one of a contig has Infinity. */
  from: number;
  to: number;
  /** Length of the contig. */
  length: number;
  /** Start of the last read. */
  last: number;
  /** Records that start in the interval, whether they count for depth or not. */
  count: number;
  /** Whether one of them lies on the contig's bases, whatever its FLAG. */
  isSeen: boolean;
  /** A record was met that starts at or after `to`. */
  isPast: boolean;
};

export function createReads(sweep: Sweep, filter: Filter): Reads {
  return {
    sweep,
    filter,
    mates: createMates(),
    ops: new Int32Array(64),
    contig: -1,
    contigName: '',
    from: 0,
    to: 0,
    length: 0,
    last: -1,
    count: 0,
    isSeen: false,
    isPast: false,
  };
}

/** Turns to `[from, to)` of a contig, which the sweep has begun. */
export function turn(
  reads: Reads,
  contig: number,
  contigName: string,
  length: number,
  from: number,
  to: number,
): void {
  clear(reads.mates);
  reads.contig = contig;
  reads.contigName = contigName;
  reads.length = length;
  // What lies outside the contig belongs to its first or its last interval, so that no record is lost.
  reads.from = from === 0 ? -1 : from;
  reads.to = to >= length ? Infinity : to;
  reads.last = -1;
  reads.count = 0;
  reads.isSeen = false;
  reads.isPast = false;
}

/**
 * Walks over the records from byte `at` up to one of another contig or one past the interval; gives where that starts, or
 * the end. `name` is the file's, for messages.
 * @throws BadInput when the records are not in order
 */
export function walk(reads: Reads, view: DataView, at: number, name: string): number {
  const { sweep, contig, from, to, length } = reads;
  const { mapq, exclude, include, fast } = reads.filter;
  const end = view.byteLength;
  let { last, count, isSeen } = reads;
  while (at < end) {
    if (view.getInt32(at + field.refId, true) !== contig) break;
    const pos = view.getInt32(at + field.pos, true);
    if (pos < last) throw disorder(name, reads.contigName, last, pos);
    if (pos >= to) {
      reads.isPast = true;
      break;
    }
    last = pos;
    if (pos >= from) {
      count++;
      if (pos >= 0 && pos < length) isSeen = true;
    }
    const record = at;
    at += 4 + view.getInt32(at, true);
    const bits = view.getUint16(record + field.flag, true);
    if ((bits & exclude) !== 0 || (include !== 0 && (bits & include) === 0)) continue;
    if (view.getUint8(record + field.mapq) < mapq) continue;
    if (pos >= length || pos < 0) continue;
    if (pos >= sweep.origin + sweep.room) advance(sweep, pos);
    if (fast) coverWhole(sweep, view, record, pos, bits);
    else cover(reads, view, record, pos, bits);
  }
  reads.last = last;
  reads.count = count;
  reads.isSeen = isSeen;
  return at;
}

function disorder(name: string, contig: string, last: number, pos: number): BadInput {
  return new BadInput(
    `BAM: ${name} has a read at base ${pos + 1} after one at base ${last + 1} of ${contig}, expected them in order; sort it with samtools sort`,
  );
}

/** The fast mode: one run from start to end. */
function coverWhole(sweep: Sweep, view: DataView, record: number, pos: number, bits: number): void {
  let extent = 0;
  if ((bits & flag.unmapped) === 0) {
    let { at, count } = operations(view, record);
    for (; count > 0; count--, at += 4) {
      const op = view.getUint32(at, true);
      if (isReference(op)) extent += op >>> 4;
    }
  }
  change(sweep, pos, 1);
  // A read without extent takes one base, as htslib has it.
  change(sweep, pos + (extent || 1), -1);
}

/** What the operations cover, less what the mate covered already. */
function cover(reads: Reads, view: DataView, record: number, pos: number, bits: number): void {
  const { sweep } = reads;
  const { at, count } = operations(view, record);
  let end = pos;
  // End of a covered stretch that may still go on; -1 without one.
  let open = -1;
  for (let i = 0; i < count; i++) {
    const op = view.getUint32(at + 4 * i, true);
    if (!isReference(op)) continue;
    if (isCovering(op)) {
      if (open !== end) {
        if (open >= 0) change(sweep, open, -1);
        change(sweep, end, 1);
      }
      open = end + (op >>> 4);
    }
    end += op >>> 4;
  }
  if (open >= 0) change(sweep, open, -1);
  if ((bits & flag.properPair) === 0 || (bits & flag.supplementary) !== 0) return;
  const stop = end === pos || (bits & flag.unmapped) !== 0 ? pos + 1 : end;
  pair(reads, view, record, pos, stop, at, count);
}

/** Remembers the first read of a pair that overlaps; at the second takes back what both cover. */
function pair(
  reads: Reads,
  view: DataView,
  record: number,
  pos: number,
  stop: number,
  at: number,
  count: number,
): void {
  const { sweep, mates, contig } = reads;
  const matePos = view.getInt32(record + field.nextPos, true);
  if (
    view.getInt32(record + field.nextRefId, true) === contig &&
    stop > matePos &&
    (pos < matePos || (pos === matePos && !has(mates, view, record, pos)))
  ) {
    store(mates, view, record, pos, stop, at, count);
    return;
  }
  const mate = take(mates, view, record, pos);
  if (mate < 0) return;
  const first = cigarOf(mates, mate);
  if (count === 1 && first.to - first.from === 1) {
    // mosdepth takes back up to the end of the first read, also where the second one ends before.
    if (isCovering(view.getUint32(at, true)) && isCovering(first.ops[first.from]!)) {
      change(sweep, pos, -1);
      change(sweep, endOf(mates, mate), 1);
    }
    return;
  }
  if (reads.ops.length < count) reads.ops = new Int32Array(2 * count);
  for (let i = 0; i < count; i++) reads.ops[i] = view.getInt32(at + 4 * i, true);
  intersect(first, { ops: reads.ops, from: 0, to: count, start: pos }, (start, end) => {
    change(sweep, start, -1);
    change(sweep, end, 1);
  });
}
