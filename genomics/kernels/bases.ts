/** Turns alignment records into changes of depth as samtools counts: each base that an operation M, = or X covers. */
import { field, flag } from '../formats/record.ts';
import { isCovering, isReference, type Operations } from './cigar.ts';
import { change, type Sweep } from './depth.ts';
import { clear, createMates, endOf, type Mates, store, take } from './mates.ts';

/** Which reads and bases count. */
export type BaseFilter = {
  /** The least mapq. */
  readonly mapq: number;
  /** Bits of FLAG: any of these and the read does not count. */
  readonly exclude: number;
  /** Bits of FLAG: none of these and the read does not count; 0 for no such rule. */
  readonly include: number;
  /** The least quality of a base. */
  readonly quality: number;
};

/** Whether the record at a byte counts. */
export function counts({ mapq, exclude, include }: BaseFilter, view: DataView, at: number): boolean {
  const bits = view.getUint16(at + field.flag, true);
  if ((bits & exclude) !== 0 || (include !== 0 && (bits & include) === 0)) return false;
  return view.getUint8(at + field.mapq) >= mapq;
}

/** Bases of the reference that operations step over. */
function extentOf(view: DataView, { at, count }: Operations): number {
  let extent = 0;
  for (let i = 0; i < count; i++) {
    const op = view.getUint32(at + 4 * i, true);
    if (isReference(op)) extent += op >>> 4;
  }
  return extent;
}

/** Where the record at a byte ends, as htslib has it: a read without extent, or an unmapped one, takes one base. */
export function stopOf(view: DataView, at: number, ops: Operations): number {
  const pos = view.getInt32(at + field.pos, true);
  if (view.getUint16(at + field.flag, true) & flag.unmapped) return pos + 1;
  return pos + (extentOf(view, ops) || 1);
}

/** Where the qualities of the record at a byte lie. */
export function qualitiesAt(view: DataView, at: number): number {
  const length = view.getInt32(at + field.seqLength, true);
  const cigar = at + field.name + view.getUint8(at + field.nameLength);
  return cigar + 4 * view.getUint16(at + field.cigarLength, true) + ((length + 1) >>> 1);
}

/** Codes of operations that take bases of the read and none of the reference: insertion and soft clip. */
const isQueryOnly = (op: number): boolean => (op & 15) === 1 || (op & 15) === 4;

/**
 * Adds the bases of the record at a byte, from position `clip` of the contig on. A base without a quality counts.
 */
export function cover(
  sweep: Sweep,
  view: DataView,
  at: number,
  ops: Operations,
  clip: number,
  quality: number,
): void {
  let pos = view.getInt32(at + field.pos, true);
  // Start of a covered stretch that may still go on; -1 without one.
  let open = -1;
  let query = 0;
  const qualities = quality > 0 ? qualitiesAt(view, at) : 0;
  const length = quality > 0 ? view.getInt32(at + field.seqLength, true) : 0;
  for (let i = 0; i < ops.count; i++) {
    const op = view.getUint32(ops.at + 4 * i, true);
    const size = op >>> 4;
    if (isCovering(op)) {
      const end = pos + size;
      if (quality === 0) {
        if (open < 0 && end > clip) open = Math.max(pos, clip);
      } else
        for (let base = Math.max(pos, clip); base < end; base++) {
          const place = query + base - pos;
          const isGood = place >= length || view.getUint8(qualities + place) >= quality;
          if (isGood && open < 0) open = base;
          else if (!isGood && open >= 0) {
            change(sweep, open, 1);
            change(sweep, base, -1);
            open = -1;
          }
        }
      pos = end;
      query += size;
    } else if (isReference(op)) {
      if (open >= 0 && size > 0) {
        change(sweep, open, 1);
        change(sweep, pos, -1);
        open = -1;
      }
      pos += size;
    } else if (isQueryOnly(op)) query += size;
  }
  if (open < 0 || open >= pos) return;
  change(sweep, open, 1);
  change(sweep, pos, -1);
}

/** Pairs of which the first read was met, and reaches to where the second one starts. */
export type Overlaps = { readonly mates: Mates };

export const createOverlaps = (): Overlaps => ({ mates: createMates() });
export const clearOverlaps = ({ mates }: Overlaps): void => clear(mates);

/**
 * From where on the bases of the record at a byte count when those of its template count once: from the end of the read of its name that was met
 * before, or 0. The bases of the later read are left out, whatever the qualities.
 */
export function clipOf({ mates }: Overlaps, view: DataView, at: number, stop: number): number {
  const bits = view.getUint16(at + field.flag, true);
  if ((bits & flag.paired) === 0 || (bits & flag.mateUnmapped) !== 0) return 0;
  const pos = view.getInt32(at + field.pos, true);
  const mate = take(mates, view, at, pos);
  if (mate >= 0) return endOf(mates, mate);
  const matePos = view.getInt32(at + field.nextPos, true);
  const isNear =
    matePos === -1 ||
    (view.getInt32(at + field.nextRefId, true) === view.getInt32(at + field.refId, true) && matePos <= stop);
  if (isNear) store(mates, view, at, pos, stop, 0, 0);
  return 0;
}
