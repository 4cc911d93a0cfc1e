/** Points themselves by cell, for what sums and extremes cannot tell: percentiles, spread, weights by distance. */
import { type Grid, tileCells, tileSide } from './grid.ts';
import type { Window } from './tin.ts';

/** Points of a window's cells, those of a cell together: cell i has `[starts[i], starts[i + 1])`, the least value first. */
export type Samples = {
  readonly window: Window;
  readonly starts: Uint32Array;
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly value: Float64Array;
};

const firstRoom = 2 ** 16;

/** Takes points in any order; those of other cells are passed over. */
export type Collecting = { add(x: number, y: number, value: number): void; samples(): Samples };

/** Some 60 bytes a point. A point on the grid's last edge counts in the last cell. */
export function startSamples(window: Window, grid: Grid): Collecting {
  const { west, north, cell, left, top, width, height } = window;
  let [xs, ys, values] = [0, 1, 2].map(() => new Float64Array(firstRoom)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  let cells = new Float64Array(firstRoom);
  const starts = new Uint32Array(width * height + 1);
  let count = 0;
  return {
    add(x, y, value) {
      const column = Math.max(0, Math.min(grid.width - 1, Math.floor((x - west) / cell))) - left;
      const row = Math.max(0, Math.min(grid.height - 1, Math.floor((north - y) / cell))) - top;
      if (!(column >= 0 && column < width && row >= 0 && row < height)) return;
      if (count === cells.length)
        [xs, ys, values, cells] = [doubled(xs), doubled(ys), doubled(values), doubled(cells)];
      xs[count] = x;
      ys[count] = y;
      values[count] = value;
      cells[count++] = row * width + column;
      starts[row * width + column + 1]!++;
    },
    samples() {
      for (let i = 1; i < starts.length; i++) starts[i]! += starts[i - 1]!;
      const order = new Uint32Array(count);
      const next = starts.slice(0, -1);
      for (let i = 0; i < count; i++) order[next[cells[i]!]!++] = i;
      const isBefore = (a: number, b: number): boolean =>
        values[a]! < values[b]! ||
        (values[a] === values[b] && (xs[a]! < xs[b]! || (xs[a] === xs[b] && ys[a]! < ys[b]!)));
      for (let i = 0; i + 1 < starts.length; i++) sortSlice(order, starts[i]!, starts[i + 1]!, isBefore);
      const ordered = (column: Float64Array): Float64Array => {
        const out = new Float64Array(count);
        for (let i = 0; i < count; i++) out[i] = column[order[i]!]!;
        return out;
      };
      return { window, starts, x: ordered(xs), y: ordered(ys), value: ordered(values) };
    },
  };
}

/** By insertion where there are few: most cells have a handful of points. */
function sortSlice(
  order: Uint32Array,
  from: number,
  to: number,
  isBefore: (a: number, b: number) => boolean,
): void {
  if (to - from > 64) {
    order.subarray(from, to).sort((a, b) => (isBefore(a, b) ? -1 : isBefore(b, a) ? 1 : 0));
    return;
  }
  for (let i = from + 1; i < to; i++) {
    const moved = order[i]!;
    let k = i;
    for (; k > from && isBefore(moved, order[k - 1]!); k--) order[k] = order[k - 1]!;
    order[k] = moved;
  }
}

/** `pNN`: the NN-th percentile, linear between neighbours (type 7 of Hyndman and Fan 1996). `stdev`: of all the values, not of a sample. `idw`: weights 1 / distance^power. */
export type Statistic = 'max' | 'min' | 'mean' | 'count' | 'stdev' | 'idw' | `p${number}`;

/**
 * A statistic of each cell of the tile at (column, row), counted in tiles: of the points in it, or with `radius` of all points nearer than that to its middle, as PDAL's
 * writers.gdal has it. Rows `[from, to)` of the tile are filled in; NaN (of count 0) where there is no point.
 */
export function statistics(
  samples: Samples,
  out: Float32Array,
  [column, row]: readonly [number, number],
  [from, to]: readonly [number, number],
  statistic: Statistic,
  radius: number,
  power: number,
): void {
  const { window, starts, x, y, value } = samples;
  const { west, north, cell, left, top, width, height } = window;
  const reach = radius > 0 ? reachOf(radius, cell) : 0;
  let [values, far] = [new Float64Array(64), new Float64Array(64)];
  for (let r = from; r < to; r++)
    for (let c = 0; c < tileSide; c++) {
      const [atColumn, atRow] = [column * tileSide + c - left, row * tileSide + r - top];
      if (atColumn >= width || atRow >= height) continue;
      const middleX = west + (left + atColumn + 0.5) * cell;
      const middleY = north - (top + atRow + 0.5) * cell;
      let n = 0;
      for (let h = Math.max(0, atRow - reach); h <= Math.min(height - 1, atRow + reach); h++) {
        // Cells of a row lie together.
        const first = starts[h * width + Math.max(0, atColumn - reach)]!;
        const last = starts[h * width + Math.min(width - 1, atColumn + reach) + 1]!;
        while (values.length < n + last - first) [values, far] = [doubled(values), doubled(far)];
        for (let i = first; i < last; i++) {
          const [dx, dy] = [x[i]! - middleX, y[i]! - middleY];
          // Not hypot, which takes ten times as long.
          const distance = Math.sqrt(dx * dx + dy * dy);
          if (radius > 0 && !(distance < radius)) continue;
          values[n] = value[i]!;
          far[n++] = distance;
        }
      }
      if (n > 0) out[r * tileSide + c] = statisticOf(statistic, values, far, n, power, reach > 0);
    }
}

/** Cells around one that a circle about its middle may meet. */
export const reachOf = (radius: number, cell: number): number => Math.ceil(radius / cell + 0.5);

const doubled = (column: Float64Array): Float64Array<ArrayBuffer> => {
  const out = new Float64Array(2 * column.length);
  out.set(column);
  return out;
};

/** Of the first n values. They come in an order that follows from the points alone, so that sums are the same however points were cut. */
function statisticOf(
  statistic: Statistic,
  values: Float64Array,
  far: Float64Array,
  n: number,
  power: number,
  isMixed: boolean,
): number {
  if (statistic === 'count') return n;
  if (statistic === 'idw') {
    let [sum, weights] = [0, 0];
    for (let i = 0; i < n; i++) {
      if (far[i] === 0) return values[i]!;
      const weight = power === 1 ? 1 / far[i]! : far[i]! ** -power;
      sum += weight * values[i]!;
      weights += weight;
    }
    return sum / weights;
  }
  if (statistic === 'mean' || statistic === 'stdev') {
    let sum = 0;
    for (let i = 0; i < n; i++) sum += values[i]!;
    const mean = sum / n;
    if (statistic === 'mean') return mean;
    let squares = 0;
    for (let i = 0; i < n; i++) squares += (values[i]! - mean) ** 2;
    return Math.sqrt(squares / n);
  }
  if (isMixed) values.subarray(0, n).sort();
  if (statistic === 'min') return values[0]!;
  if (statistic === 'max') return values[n - 1]!;
  const at = ((n - 1) * Number(statistic.slice(1))) / 100;
  const below = Math.floor(at);
  const low = values[below]!;
  return below + 1 < n ? low + (at - below) * (values[below + 1]! - low) : low;
}

/** A tile of NaN. */
export const emptyTile = (): Float32Array<ArrayBuffer> => new Float32Array(tileCells).fill(NaN);
