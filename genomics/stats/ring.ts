/**
 * Depth as `samtools stats` counts it where reads outgrow its buffer: that is a ring of five bases for each one of the longest read so far, into which
 * bases far behind a read's start wrap around, and of which most is lost when it grows. Both hang on the order of reads.
 */
import { begin, change, advance, createSweep, finish } from '../kernels/depth.ts';
import type { Column } from './columns.ts';
import { firstRoom, roomOfDepth, type Step } from './steps.ts';

/** The length of reads for which there is room, and the ring's size. */
type Room = { length: number; ring: number };

const createRoom = (): Room => ({ length: firstRoom, ring: firstRoom * roomOfDepth });

/** Makes room for a read; false when there was. */
function grow(room: Room, length: number): boolean {
  if (length < room.length) return false;
  room.length = 2 * (1 + length - room.length) + room.length;
  room.ring = length * roomOfDepth;
  return true;
}

/** How far a read covers bases behind its start. */
function reachOf({ runs }: Step): number {
  let reach = 0;
  for (const length of runs) reach += length;
  return reach;
}

/** Finds the contigs on which the buffer matters, from all steps in order. */
export function createRingFinder(): { add(step: Step): void; readonly contigs: ReadonlySet<number> } {
  const room = createRoom();
  const contigs = new Set<number>();
  let [contig, held] = [-1, -1];
  return {
    contigs,
    add(step) {
      if (step.kind === 'turn') {
        ({ contig } = step);
        return;
      }
      // What is in the ring is still of the contig before.
      if (grow(room, step.length) && held >= 0) contigs.add(held);
      if (step.kind !== 'read') return;
      held = contig;
      if (reachOf(step) >= room.ring - 1) contigs.add(contig);
    },
  };
}

/**
 * Corrects `cover`, positions by depth up to `deepest`, on `contigs`: from all steps in order it works out what the ring gives and what is right. Without
 * `contigs` nothing was counted before, and all is what the ring gives.
 */
export function createRing(
  contigs: ReadonlySet<number> | undefined,
  cover: Column,
  deepest: number,
): { add(step: Step): void; finish(): void } {
  const room = createRoom();
  let ring = new Int32Array(room.ring);
  let [start, origin] = [0, -1];
  let [contig, held] = [-1, -1];
  let isHeld = false;
  const sweep = createSweep(({ at, depth, count, end }) => {
    for (let i = 0; i < count; i++)
      if (depth[i]! > 0) cover[Math.min(depth[i]!, deepest)]! -= (i + 1 < count ? at[i + 1]! : end) - at[i]!;
  });

  const place = (pos: number): number => (start + ((pos - origin) % ring.length)) % ring.length;
  const empty = (from: number, to: number): void => {
    for (let i = from; i < to; i++) {
      if (ring[i] === 0) continue;
      cover[Math.min(ring[i]!, deepest)]!++;
      ring[i] = 0;
    }
  };
  const flush = (pos: number): void => {
    if (pos === origin) return;
    // All but the last one, when the ring ends before `pos`.
    const stop = pos === -1 || pos - origin >= ring.length ? origin + ring.length - 1 : pos;
    const last = place(stop - 1);
    if (start > last) {
      empty(start, ring.length);
      empty(0, last + 1);
    } else empty(start, last + 1);
    start = pos === -1 ? 0 : place(stop);
    origin = pos;
  };
  const insert = (from: number, to: number): void => {
    const [first, last] = [place(from), place(to)];
    if (first > last) {
      for (let i = first; i < ring.length; i++) ring[i]!++;
      for (let i = 0; i < last; i++) ring[i]!++;
    } else for (let i = first; i < last; i++) ring[i]!++;
  };
  /** As many bytes as there are numbers are kept. */
  const enlarge = (): void => {
    const larger = new Int32Array(room.ring);
    const bytes = new Uint8Array(larger.buffer);
    const count = ring.length - start;
    bytes.set(new Uint8Array(ring.buffer, 4 * start, count));
    if (start > 1) bytes.set(new Uint8Array(ring.buffer, 0, start), 4 * count);
    ring = larger;
    start = 0;
  };
  const leave = (): void => {
    if (!isHeld) return;
    flush(-1);
    if (contigs) finish(sweep);
    isHeld = false;
  };
  return {
    add(step) {
      if (step.kind === 'turn') {
        ({ contig } = step);
        return;
      }
      if (grow(room, step.length)) enlarge();
      if (step.kind !== 'read') return;
      if (contig !== held) {
        leave();
        // The last number of the ring may be left.
        isHeld = !contigs || contigs.has(contig) || ring.some((n) => n > 0);
        if (isHeld && contigs) begin(sweep, 0, 2 ** 31 - 1);
      }
      held = contig;
      if (!isHeld) return;
      flush(step.pos);
      if (contigs && step.pos >= sweep.origin + sweep.room) advance(sweep, step.pos);
      let pos = step.pos;
      for (let i = 0; i < step.runs.length; i += 2) {
        pos += step.runs[i]!;
        const end = pos + step.runs[i + 1]!;
        insert(pos, end);
        if (contigs) {
          change(sweep, pos, 1);
          change(sweep, end, -1);
        }
        pos = end;
      }
    },
    finish: leave,
  };
}
