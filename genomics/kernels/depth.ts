/** Sweeps changes of depth, piece by piece, into runs of equal depth; memory is that of a piece, whatever the contig's length. */
import { roomFor } from '../../core/room.ts';

/** Bases of a piece. Its arrays take 768 KiB, which stay in a core's cache. */
const pieceSize = 1 << 16;
/** Bases of a stretch of a piece that is skipped whole when nothing changes in it, as a power of two. */
const stretch = 10;

/**
 * Neighbouring runs of equal depth: run i is `[at[i], at[i + 1])`, the last one ends at `end`. Neighbours may have
 * equal depth where two batches meet. Valid until the next batch.
 */
export type Runs = {
  readonly at: Int32Array;
  readonly depth: Int32Array;
  readonly count: number;
  readonly end: number;
  /** Depth of the base before `at[0]`; -1 at the start of a contig. */
  readonly before: number;
};

/** The depth of an interval of a contig, while its reads arrive in order of position. */
export type Sweep = {
  /** First base of the piece; changes before it count as changes at it. */
  origin: number;
  /** Bases of the piece. */
  room: number;
  /** End of the interval; changes from there on do not matter. */
  end: number;
  readonly diff: Int32Array;
  readonly touched: Uint8Array;
  /** Changes beyond the piece, in no order. */
  later: { at: Int32Array; by: Int32Array; count: number };
  depth: number;
  from: number;
  before: number;
  readonly at: Int32Array;
  readonly depths: Int32Array;
  readonly emit: (runs: Runs) => void;
};

/** A sweep that hands its runs to `emit`. */
export function createSweep(emit: (runs: Runs) => void): Sweep {
  return {
    origin: 0,
    room: 0,
    end: 0,
    diff: new Int32Array(pieceSize),
    touched: new Uint8Array(pieceSize >> stretch),
    later: { at: new Int32Array(1024), by: new Int32Array(1024), count: 0 },
    depth: 0,
    from: 0,
    before: -1,
    at: new Int32Array(pieceSize),
    depths: new Int32Array(pieceSize),
    emit,
  };
}

/** Starts `[from, end)` of a contig. One base more is swept on the left, so that the depth before `from` is known. */
export function begin(sweep: Sweep, from: number, end: number): void {
  sweep.from = from;
  sweep.end = end;
  sweep.depth = 0;
  sweep.before = -1;
  sweep.later.count = 0;
  place(sweep, Math.max(0, from - 1));
}

/** Depth changes by `by` at `pos` and stays so. `pos` is at or after that of the last `advance`, or before the interval. */
export function change(sweep: Sweep, pos: number, by: number): void {
  let i = pos - sweep.origin;
  if (i < 0) i = 0;
  if (i < sweep.room) {
    sweep.diff[i]! += by;
    sweep.touched[i >> stretch] = 1;
  } else if (pos < sweep.end) defer(sweep, pos, by);
}

/** No change before `pos` is to come: emits what is complete, as far as memory asks for it. */
export function advance(sweep: Sweep, pos: number): void {
  const limit = Math.min(pos, sweep.end);
  while (limit >= sweep.origin + sweep.room && sweep.origin < sweep.end) {
    flush(sweep);
    place(sweep, sweep.origin + sweep.room);
    const still = Math.min(limit, first(sweep));
    if (sweep.room > 0 && still >= sweep.origin + sweep.room) skip(sweep, still);
    resume(sweep);
  }
}

/** Emits the rest of the interval. */
export function finish(sweep: Sweep): void {
  advance(sweep, sweep.end);
}

function place(sweep: Sweep, origin: number): void {
  sweep.origin = origin;
  sweep.room = Math.min(pieceSize, sweep.end - origin);
}

function defer({ later }: Sweep, pos: number, by: number): void {
  later.at = roomFor(later.at, later.count + 1);
  later.by = roomFor(later.by, later.count + 1);
  later.at[later.count] = pos;
  later.by[later.count++] = by;
}

/** The first of the deferred changes; Infinity without any. */
function first({ later: { at, count } }: Sweep): number {
  let pos = Infinity;
  for (let i = 0; i < count; i++) pos = Math.min(pos, at[i]!);
  return pos;
}

/** Brings the deferred changes of the piece into it. */
function resume(sweep: Sweep): void {
  const { at, by, count } = sweep.later;
  // What lies beyond this piece, too, is deferred again, to a place that was read already.
  sweep.later.count = 0;
  for (let i = 0; i < count; i++) change(sweep, at[i]!, by[i]!);
}

/** Steps over `[origin, to)`, in which nothing changes. */
function skip(sweep: Sweep, to: number): void {
  const { at, depths, depth, origin, before } = sweep;
  at[0] = origin;
  depths[0] = depth;
  sweep.emit({ at, depth: depths, count: 1, end: to, before });
  sweep.before = depth;
  place(sweep, to);
}

/** Emits the piece, and leaves its arrays zero. */
function flush(sweep: Sweep): void {
  const { diff, touched, at, depths, origin, room } = sweep;
  let i = 0;
  if (origin < sweep.from) {
    // The base before the interval.
    sweep.depth += diff[0]!;
    diff[0] = 0;
    sweep.before = sweep.depth;
    i = 1;
  }
  sweep.depth += diff[i]!;
  diff[i] = 0;
  at[0] = origin + i;
  depths[0] = sweep.depth;
  let count = 1;
  for (let s = 0; s << stretch < room; s++) {
    if (touched[s] === 0) continue;
    touched[s] = 0;
    count = collect(sweep, s << stretch, Math.min(room, (s + 1) << stretch), count);
  }
  sweep.emit({ at, depth: depths, count, end: origin + room, before: sweep.before });
  sweep.before = sweep.depth;
}

/** Appends the runs that begin in `[start, end)` of the piece; gives how many there are now. */
function collect(sweep: Sweep, start: number, end: number, runs: number): number {
  const { diff, at, depths, origin } = sweep;
  let { depth } = sweep;
  let count = runs;
  // No branch on the change: whether a base has one cannot be foretold, and a wrong guess costs more than two stores.
  for (let i = start; i < end; i++) {
    const by = diff[i]!;
    depth += by;
    at[count] = origin + i;
    depths[count] = depth;
    count += (by | -by) >>> 31;
  }
  diff.fill(0, start, end);
  sweep.depth = depth;
  return count;
}
