/** Keeps the runs of a stretch of a contig, from which regions are completed that reach over the end of a part. */
import { roomFor } from '../../core/room.ts';
import type { Runs } from './depth.ts';
import { addRun, type Measure, type Row } from './row.ts';

/** Runs without gaps: run i is `[end[i - 1], end[i])`, the first one begins at `start`. */
export type Strip = {
  readonly start: number;
  readonly end: Int32Array<ArrayBuffer>;
  readonly depth: Int32Array<ArrayBuffer>;
};

/** Where a strip ends; its start when it is empty. */
export const stripEnd = ({ start, end }: Strip): number => end.at(-1) ?? start;

/** A strip being collected. */
export type StripBuilder = {
  readonly start: number;
  /** Bases from here on are not kept. */
  readonly limit: number;
  end: Int32Array;
  depth: Int32Array;
  count: number;
};

export const createStrip = (start: number, limit: number): StripBuilder => ({
  start,
  limit,
  end: new Int32Array(64),
  depth: new Int32Array(64),
  count: 0,
});

/** Keeps what of the runs lies in the strip. */
export function keep(strip: StripBuilder, runs: Runs): void {
  const { at, depth, count, end } = runs;
  if (end <= strip.start || at[0]! >= strip.limit) return;
  for (let i = 0; i < count; i++) {
    const to = i + 1 < count ? at[i + 1]! : end;
    if (to <= strip.start) continue;
    if (at[i]! >= strip.limit) break;
    push(strip, Math.min(to, strip.limit), depth[i]!);
  }
}

function push(strip: StripBuilder, end: number, depth: number): void {
  const last = strip.count - 1;
  if (last >= 0 && strip.depth[last] === depth) {
    strip.end[last] = end;
    return;
  }
  strip.end = roomFor(strip.end, strip.count + 1);
  strip.depth = roomFor(strip.depth, strip.count + 1);
  strip.end[strip.count] = end;
  strip.depth[strip.count++] = depth;
}

export const buildStrip = ({ start, end, depth, count }: StripBuilder): Strip => ({
  start,
  end: end.slice(0, count),
  depth: depth.slice(0, count),
});

/** The bases `[start, limit)` of two strips, the second of which begins where the first one ends. */
export function joinStrips(a: Strip, b: Strip, start: number, limit: number): Strip {
  const out = createStrip(start, limit);
  for (const strip of [a, b]) {
    for (let i = 0; i < strip.end.length; i++) {
      const from = i > 0 ? strip.end[i - 1]! : strip.start;
      if (from >= limit) break;
      if (strip.end[i]! > start) push(out, Math.min(strip.end[i]!, limit), strip.depth[i]!);
    }
  }
  return buildStrip(out);
}

/** Adds the bases of a strip to a row. */
export function addStrip(row: Row, { start, end, depth }: Strip, measure: Measure): void {
  // The first run that ends after the row's start.
  let low = 0;
  for (let high = end.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (end[middle]! <= row.start) low = middle + 1;
    else high = middle;
  }
  for (let i = low; i < end.length; i++) {
    const from = i > 0 ? end[i - 1]! : start;
    if (from >= row.end) break;
    addRun(row, from, end[i]!, depth[i]!, measure);
  }
}
