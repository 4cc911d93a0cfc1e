/** Sweeps changes of depth, piece by piece, into runs of equal depth; a piece stays in a core's cache, whatever the contig's length. */
import { emit } from './host.ts';
import {
  CHANGES, LATER, MAX_LATER, PIECE, RUN_AT, RUN_DEPTH, STRETCH_BITS, TOUCHED,
} from './layout.ts';
import { addRuns } from './tally.ts';

/** First base of the piece, its bases, and the interval's end. */
let origin: i32 = 0;
let room: i32 = 0;
let stop: i32 = 0;
/** Where the interval starts; the depth at the end of what was swept; that before the runs to come, -1 at a contig's start. */
let start: i32 = 0;
let depth: i32 = 0;
let before: i32 = -1;
let later: i32 = 0;
/** More changes lie beyond the piece than there is room for: what is swept is of no use. */
export let isOverfull: bool = false;
/** Somebody wants to see the runs. */
let isWatched: bool = false;

export function watchRuns(wanted: bool): void {
  isWatched = wanted;
}

/** Starts `[from, end)` of a contig; what an interval before it left is dropped. One base more is swept on the left, for its depth. */
export function startDepth(from: i32, end: i32): void {
  start = from;
  stop = end;
  depth = 0;
  before = -1;
  later = 0;
  isOverfull = false;
  place(max(0, from - 1));
}

@inline
function place(at: i32): void {
  origin = at;
  room = min(PIECE, stop - at);
}

/** Depth changes by `by` at `pos` and stays so. */
@inline
export function change(pos: i64, by: i32): void {
  const i = max(pos - origin, 0);
  if (i < room) {
    const at = CHANGES + ((<usize>i) << 2);
    store<i32>(at, load<i32>(at) + by);
    store<u8>(TOUCHED + ((<usize>i) >> STRETCH_BITS), 1);
  } else if (pos < stop) defer(<i32>pos, by);
}

function defer(pos: i32, by: i32): void {
  if (later == MAX_LATER) {
    isOverfull = true;
    return;
  }
  const at = LATER + ((<usize>later) << 3);
  later++;
  store<i32>(at, pos);
  store<i32>(at, by, 4);
}

/** No change before `pos` is to come: sweeps the pieces before it. */
@inline
export function advance(pos: i32): void {
  if (pos - origin >= room) sweepTo(pos);
}

/** Sweeps the rest of the interval. */
export function finishDepth(): void {
  sweepTo(stop);
}

function sweepTo(pos: i32): void {
  const limit = min(pos, stop);
  while (limit - origin >= room && origin < stop) {
    flush();
    place(origin + room);
    const still = min(limit, firstLater());
    if (room > 0 && still - origin >= room) skip(still);
    resume();
  }
}

/** The first of the changes beyond the piece. */
function firstLater(): i32 {
  let first = i32.MAX_VALUE;
  for (let at = LATER, end = LATER + ((<usize>later) << 3); at < end; at += 8) first = min(first, load<i32>(at));
  return first;
}

/** Brings what was beyond the piece into it. */
function resume(): void {
  const end = LATER + ((<usize>later) << 3);
  // What lies beyond this piece, too, is put back, to a place that was read already.
  later = 0;
  for (let at = LATER; at < end; at += 8) change(load<i32>(at), load<i32>(at, 4));
}

/** Steps over `[origin, to)`, in which nothing changes. */
function skip(to: i32): void {
  store<i32>(RUN_AT, origin);
  store<i32>(RUN_DEPTH, depth);
  give(1, to);
  place(to);
}

/** Gives the piece's runs, and leaves its changes zero. */
function flush(): void {
  let first = 0;
  if (origin < start) {
    // The base before the interval.
    depth += load<i32>(CHANGES);
    store<i32>(CHANGES, 0);
    before = depth;
    first = 1;
  }
  const at = CHANGES + ((<usize>first) << 2);
  depth += load<i32>(at);
  store<i32>(at, 0);
  store<i32>(RUN_AT, origin + first);
  store<i32>(RUN_DEPTH, depth);
  let count = 1;
  for (let i = 0; i << STRETCH_BITS < room; i++) {
    if (load<u8>(TOUCHED + i) == 0) continue;
    store<u8>(TOUCHED + i, 0);
    count = collect(i << STRETCH_BITS, min(room, (i + 1) << STRETCH_BITS), count);
  }
  give(count, origin + room);
}

function give(count: i32, end: i32): void {
  addRuns(count, end);
  if (isWatched) emit(count, end, before);
  before = depth;
}

/** Appends the runs that begin in `[from, to)` of the piece; gives how many there are now. */
function collect(from: i32, to: i32, runs: i32): i32 {
  let d = depth;
  let run: usize = (<usize>runs) << 2;
  const base = origin;
  // No branch on the change: whether a base has one cannot be foretold, and a wrong guess costs more than two stores.
  for (let i = from; i < to; i++) {
    const by = load<i32>(CHANGES + ((<usize>i) << 2));
    d += by;
    store<i32>(RUN_AT + run, base + i);
    store<i32>(RUN_DEPTH + run, d);
    run += <usize>((by | -by) >>> 31) << 2;
  }
  memory.fill(CHANGES + ((<usize>from) << 2), 0, (<usize>(to - from)) << 2);
  depth = d;
  return <i32>(run >> 2);
}
