/** Bins of GC-depth: one begins with the first read that does not lie in the one before it, so that all hang on the order of reads. */
import { roomFor } from '../../core/room.ts';
import type { Step } from './steps.ts';
import { firstRoom } from './steps.ts';

/** Bins as they were found: G and C as a share or as a sum of shares of reads, and the reads. */
export type Bins = { readonly gc: Float32Array; readonly depth: Uint32Array };

export type GcDepth = {
  /** Steps in the order of the file. `a` and `b` of a read are, without a reference, its G and C and 0; with one, the changes of `Window`. */
  add(step: Step): void;
  build(): Bins;
};

/** What is known of the reference from a read's start on, in a bin: how many bases are G or C, and how many are A, C, G or T. */
export type Window = { gc: number; known: number };

export function createGcDepth(binSize: number, hasReference: boolean): GcDepth {
  // Bin 0 stays empty, as it is in samtools.
  let gc = new Float32Array(1024);
  let depth = new Uint32Array(1024);
  let bin = 0;
  let contig = -2;
  let isNew = true;
  let start = -1;
  // The reference as samtools holds it.
  let [held, heldEnd, reference] = [-1, -1, 0];
  let room = firstRoom;
  const window: Window = { gc: 0, known: 0 };

  const open = (pos: number): void => {
    bin++;
    start = pos;
    [gc, depth] = [roomFor(gc, bin + 1), roomFor(depth, bin + 1)];
  };
  const grow = (length: number): void => {
    if (length >= room) room = 2 * (1 + length - room) + room;
  };
  const addByReference = ({ pos, size, deleted, a, b }: Step): void => {
    window.gc += a;
    window.known += b;
    const end = pos + size + deleted;
    let [isBin, isHeld] = [false, true];
    if (isNew || heldEnd < end) [isBin, isHeld] = [true, false];
    else if (start + binSize < end) {
      isBin = true;
      isHeld = heldEnd >= pos + binSize;
    }
    if (isBin) {
      open(pos);
      if (!isHeld) {
        held = pos;
        heldEnd = held + Math.max(0, Math.min(Math.max(binSize, 10 * room), reference - pos));
      }
      gc[bin] = window.known > 0 ? Math.fround(window.gc) / Math.fround(window.known) : 0;
    }
    depth[bin]!++;
  };
  return {
    add(step) {
      if (step.kind === 'turn') {
        // Parts of one contig turn to it one after the other.
        if (step.contig !== contig) isNew = true;
        contig = step.contig;
        reference = step.reference;
        [window.gc, window.known] = [0, 0];
        return;
      }
      grow(step.length);
      if (step.kind !== 'read') return;
      if (hasReference) addByReference(step);
      else {
        if (isNew || step.pos - start > binSize) open(step.pos);
        depth[bin]!++;
        gc[bin] = gc[bin]! + Math.fround(Math.fround(step.a) / Math.fround(step.size));
      }
      isNew = false;
    },
    build: () => ({ gc: gc.slice(0, bin + 1), depth: depth.slice(0, bin + 1) }),
  };
}

/** A row of the report: G and C in per cent, share of the bins up to it, and depths at 10, 25, 50, 75 and 90 per cent. */
export type GcRow = { readonly gc: number; readonly share: number; readonly depths: readonly number[] };

/** `length` is the reads' mean length, of 32 bits. */
export function gcRows({ gc, depth }: Bins, hasReference: boolean, length: number, binSize: number): GcRow[] {
  const last = gc.length - 1;
  // The last bin's share is left as it is, and so it is sorted by another number than the others.
  for (let i = 0; i < last; i++) {
    if (hasReference) gc[i] = roundEven(100 * gc[i]!);
    else if (depth[i]! > 0) gc[i] = roundEven((100 * gc[i]!) / depth[i]!);
  }
  const order = Array.from(gc, (_, i) => i).sort((i, j) => gc[i]! - gc[j]! || depth[i]! - depth[j]!);
  const rows: GcRow[] = [];
  for (let i = 0; i < last;) {
    const value = gc[order[i]!]!;
    let count = 0;
    while (i + count < last && Math.abs(gc[order[i + count]!]! - value) < 0.1) count++;
    const at = (place: number): number => depth[order[i + place]!]!;
    rows.push({
      gc: value,
      share: ((i + count + 1) * 100) / (last + 1),
      depths: [10, 25, 50, 75, 90].map((percent) =>
        Math.fround(Math.fround(percentile(at, count, percent) * length) / Math.fround(binSize)),
      ),
    });
    i += count;
  }
  return rows;
}

function percentile(at: (place: number) => number, count: number, percent: number): number {
  const place = Math.fround(Math.fround(percent * (count + 1)) / 100);
  const whole = Math.trunc(place);
  if (whole <= 0) return Math.fround(at(0));
  if (whole >= count) return Math.fround(at(count - 1));
  const rest = Math.fround(place - whole);
  // Of 32 bits without a sign.
  const change = Math.fround((at(whole) - at(whole - 1)) >>> 0);
  return Math.fround(Math.fround(at(whole - 1)) + Math.fround(rest * change));
}

/** To the nearest integer, halves to the even one. */
function roundEven(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
}
