/** What is counted of points while they are written: bounds, returns, times. */
import type { Points } from './codec.ts';

/** Of no points the bounds are upside down. Coordinates are raw. */
export type Tally = {
  readonly points: number;
  /** By return number, 0 to 15. */
  readonly byReturn: Float64Array<ArrayBuffer>;
  readonly min: Float64Array<ArrayBuffer>;
  readonly max: Float64Array<ArrayBuffer>;
  /** Least and greatest GPS time; NaN counts as none. */
  readonly times: Float64Array<ArrayBuffer>;
};

export const startTally = (): Tally & { points: number } => ({
  points: 0,
  byReturn: new Float64Array(16),
  min: new Float64Array(3).fill(Infinity),
  max: new Float64Array(3).fill(-Infinity),
  times: Float64Array.of(Infinity, -Infinity),
});

/** Adds points `[from, to)`. */
export function tallyPoints(
  tally: Tally & { points: number },
  points: Points,
  from = 0,
  to = points.count,
): void {
  tallyPlaces(tally, points, from, to);
  let [first, last] = tally.times as unknown as [number, number];
  const { time } = points;
  for (let k = from; k < to; k++) {
    const value = time[k]!;
    if (value < first) first = value;
    if (value > last) last = value;
  }
  tally.times.set([first, last]);
}

/** The same but for times, for who has none and needs none. */
export function tallyPlaces(
  tally: Tally & { points: number },
  points: Points,
  from = 0,
  to = points.count,
): void {
  for (const [i, column] of [points.x, points.y, points.z].entries()) {
    let [min, max] = [tally.min[i]!, tally.max[i]!];
    for (let k = from; k < to; k++) {
      const value = column[k]!;
      if (value < min) min = value;
      if (value > max) max = value;
    }
    tally.min[i] = min;
    tally.max[i] = max;
  }
  const { byReturn } = tally;
  const { returns } = points;
  for (let k = from; k < to; k++) byReturn[returns[k]! & 15]!++;
  tally.points += to - from;
}

export function mergeTallies(tallies: readonly Tally[]): Tally {
  const out = startTally();
  for (const { points, byReturn, min, max, times } of tallies) {
    out.points += points;
    for (let i = 0; i < 16; i++) out.byReturn[i]! += byReturn[i]!;
    for (let i = 0; i < 3; i++) {
      out.min[i] = Math.min(out.min[i]!, min[i]!);
      out.max[i] = Math.max(out.max[i]!, max[i]!);
    }
    out.times.set([Math.min(out.times[0]!, times[0]!), Math.max(out.times[1]!, times[1]!)]);
  }
  return out;
}
