/** Compares reads with their reference: mismatches by cycle and quality, and what the reference has from a read's start on. */
import { roomFor } from '../../core/room.ts';
import { BadInput } from '../../core/errors.ts';
import type { Bases } from '../formats/fasta.ts';
import { field, flag } from '../formats/record.ts';
import { operations } from '../kernels/cigar.ts';
import { type Column, type Table, trimTable } from './columns.ts';
import type { Window } from './gcdepth.ts';

export type Mismatches = { counts: Column };

export const createMismatches = (): Mismatches => ({ counts: new Float64Array(0) });
export const tableOf = ({ counts }: Mismatches): Table => trimTable({ width: 256, counts });

/** Bases of the reference from its start on that the record at a byte is compared with. Skips do not count: so it is in samtools. */
export function reachOf(view: DataView, at: number): number {
  const ops = operations(view, at);
  let reach = 0;
  for (let i = 0; i < ops.count; i++) {
    const op = view.getUint32(ops.at + 4 * i, true);
    if ((0b110000101 >> (op & 15)) & 1) reach += op >>> 4;
  }
  return reach;
}

/**
 * Counts the record at a byte, `length` bases with what was clipped off.
 * @throws BadInput when it reaches over the reference's end
 */
export function addMismatches(
  out: Mismatches,
  bases: Bases,
  view: DataView,
  bytes: Uint8Array,
  at: number,
  length: number,
): void {
  const ops = operations(view, at);
  const reverse = (view.getUint16(at + field.flag, true) & flag.reverse) !== 0;
  const size = view.getInt32(at + field.seqLength, true);
  const seq =
    at + field.name + bytes[at + field.nameLength]! + 4 * view.getUint16(at + field.cigarLength, true);
  const qual = seq + ((size + 1) >>> 1);
  const pos = view.getInt32(at + field.pos, true);
  const { codes, origin, end } = bases;
  out.counts = roomFor(out.counts, 256 * (length + 1));
  const { counts } = out;
  let place = pos - origin;
  let [query, cycle] = [0, 0];
  for (let i = 0; i < ops.count; i++) {
    const op = view.getUint32(ops.at + 4 * i, true);
    const steps = op >>> 4;
    const code = op & 15;
    if (code === 0 || code === 7 || code === 8) {
      if (place + steps > end - origin)
        throw new BadInput(
          `BAM: a read at base ${pos + 1} reaches over the end of its reference (${end} bases); give the reference that the reads were aligned to`,
        );
      const stop = Math.min(query + steps, size);
      while (query < stop) {
        const pair = bytes[seq + (query >>> 1)]!;
        // Mostly both bases of a byte are those of the reference.
        if ((query & 1) === 0 && query + 1 < stop && pair === ((codes[place]! << 4) | codes[place + 1]!)) {
          query += 2;
          cycle += 2;
          place += 2;
          continue;
        }
        const read = query & 1 ? pair & 15 : pair >> 4;
        const base = codes[place]!;
        if (read !== base) {
          const row = 256 * (reverse ? length - cycle - 1 : cycle);
          if (read === 15) counts[row]!++;
          else if (base !== 0 && read !== 0) counts[row + ((bytes[qual + query]! + 1) & 255)]!++;
        }
        query++;
        cycle++;
        place++;
      }
    } else if (code === 1 || code === 4) {
      query += steps;
      cycle += steps;
    } else if (code === 2) place += steps;
    else if (code === 5) cycle += steps;
  }
}

/** Moves a window of `size` bases from base `last` to `pos`. */
export function moveWindow(
  window: Window,
  { codes, origin, end }: Bases,
  size: number,
  last: number,
  pos: number,
): void {
  const add = (from: number, to: number, by: number): void => {
    for (let place = from - origin; place < Math.min(to, end) - origin; place++) {
      const code = codes[place]!;
      if (code === 0) continue;
      window.known += by;
      if (code === 2 || code === 4) window.gc += by;
    }
  };
  if (last < 0 || pos - last > size) {
    [window.gc, window.known] = [0, 0];
    add(pos, pos + size, 1);
    return;
  }
  add(last, pos, -1);
  add(last + size, pos + size, 1);
}
