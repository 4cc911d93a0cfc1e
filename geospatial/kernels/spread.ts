/** How the values of cells spread: count, least, greatest, mean and deviation, taken up a piece at a time. */
import type { Cells } from './pyramid.ts';

/** `squares`: sum of squared distances from the mean. */
export type Spread = {
  readonly count: number;
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly squares: number;
};

export const noSpread: Spread = { count: 0, min: Infinity, max: -Infinity, mean: 0, squares: 0 };

/** Of cells that are numbers, not `nodata`, and not 0 in `mask`. */
export function spreadOfCells(cells: Cells, nodata: number | undefined, mask?: Cells): Spread {
  const isValue = (i: number): boolean => {
    const value = cells[i]!;
    return value === value && value !== nodata && mask?.[i] !== 0;
  };
  let [count, sum, min, max] = [0, 0, Infinity, -Infinity];
  for (let i = 0; i < cells.length; i++) {
    if (!isValue(i)) continue;
    const value = cells[i]!;
    count += 1;
    sum += value;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  if (count === 0) return noSpread;
  const mean = sum / count;
  // Around the mean: sums of squares as such cancel out where values are large and close.
  let squares = 0;
  for (let i = 0; i < cells.length; i++) if (isValue(i)) squares += (cells[i]! - mean) ** 2;
  return { count, min, max, mean, squares };
}

/** Of two pieces together (Chan, Golub and LeVeque 1979). */
export function joinSpreads(a: Spread, b: Spread): Spread {
  if (a.count === 0 || b.count === 0) return a.count === 0 ? b : a;
  const count = a.count + b.count;
  const apart = b.mean - a.mean;
  return {
    count,
    min: Math.min(a.min, b.min),
    max: Math.max(a.max, b.max),
    mean: a.mean + (apart * b.count) / count,
    squares: a.squares + b.squares + (apart * apart * a.count * b.count) / count,
  };
}
