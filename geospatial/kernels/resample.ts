/** Cells of a source by places in it: near, bilinear, cubic, average, mode, as GDAL's warper has them. Source: GDAL 3.6, gdalwarpkernel.cpp; Keys 1981, eq. 8. */
import type { Edges, Places } from './lattice.ts';
import type { Cells } from './pyramid.ts';
import type { Window } from './window.ts';

export const resamplings = ['near', 'bilinear', 'cubic', 'average', 'mode'] as const;
export type Resampling = (typeof resamplings)[number];

/** A window of a source: values row by row, NaN for none. */
export type Patch = Window & { readonly values: Float64Array };
/** A window as its file has it: cells of `nodata` have no value, nor have those that are 0 in `mask`. */
export type RawPatch = Window & {
  readonly values: Cells;
  readonly nodata?: number | undefined;
  readonly mask?: Cells | undefined;
};

/** Cells of the source to one of the target, both ways; kernels widen by what is above 1. */
export type Ratio = { readonly x: number; readonly y: number };

// Places a hair below a cell's edge belong to it.
const hair = 1e-10;
// As gdalwarp has it: kernels keep their width while this many cells of the target or more fall to one of the source.
const plain = 0.95;

/** Cells around a place that a kernel of `resampling` looks at, each way. */
export function reachOf(resampling: Resampling, ratio: Ratio): Ratio {
  if (resampling === 'near') return { x: 0, y: 0 };
  const radius = resampling === 'cubic' ? 2 : 1;
  return { x: Math.ceil(radius * Math.max(1, ratio.x)), y: Math.ceil(radius * Math.max(1, ratio.y)) };
}

/**
 * Values at places, into `out`; NaN where there is none. A place has one if it lies within the patch's source and the cell there has a value; other cells without value are left out, and
 * the weights of the rest shared out anew.
 */
export function resample(
  resampling: 'near' | 'bilinear' | 'cubic',
  patch: Patch,
  places: Places,
  ratio: Ratio,
  out: Float64Array,
): void {
  const { u, v } = places;
  if (resampling === 'near') nearest(patch, places, out);
  else if (1 / ratio.x >= plain && 1 / ratio.y >= plain) {
    if (resampling === 'bilinear') bilinear(patch, u, v, out);
    else cubic(patch, u, v, out);
  } else widened(patch, u, v, ratio, resampling === 'cubic', out);
}

/** Values of the cells that places lie in, into `out`; NaN where there is none. */
export function nearest(patch: RawPatch, places: Places, out: Float64Array): void {
  const { values, nodata = NaN, mask, left, top, width, height } = patch;
  const { u, v, edges } = places;
  if (edges && isWithin(edges, patch)) {
    for (let i = 0; i < out.length; i++) {
      // No place is below 0: what follows its point is cut off, as by floor.
      const at = (((v[i]! + hair) | 0) - top) * width + ((u[i]! + hair) | 0) - left;
      const value = values[at]!;
      out[i] = value === nodata || (mask !== undefined && mask[at] === 0) ? NaN : value;
    }
    return;
  }
  for (let i = 0; i < out.length; i++) {
    const x = Math.floor(u[i]! + hair) - left;
    const y = Math.floor(v[i]! + hair) - top;
    // Of NaN, neither holds.
    if (!(x >= 0 && x < width && y >= 0 && y < height)) {
      out[i] = NaN;
      continue;
    }
    const at = y * width + x;
    const value = values[at]!;
    out[i] = value === nodata || (mask !== undefined && mask[at] === 0) ? NaN : value;
  }
}

/** Whether the cells that places lie in are all there. */
const isWithin = (
  { minX, minY, maxX, maxY, isWhole }: Edges,
  { left, top, width, height }: Window,
): boolean =>
  isWhole &&
  minX + hair >= left &&
  minY + hair >= top &&
  maxX + hair < left + width &&
  maxY + hair < top + height;

function bilinear(
  { values, left, top, width, height }: Patch,
  u: Float64Array,
  v: Float64Array,
  out: Float64Array,
): void {
  for (let i = 0; i < out.length; i++) {
    const [x, y] = [u[i]! - left, v[i]! - top];
    if (!(x >= 0 && x < width && y >= 0 && y < height)) {
      out[i] = NaN;
      continue;
    }
    const [column, row] = [Math.floor(x - 0.5), Math.floor(y - 0.5)];
    if (column >= 0 && column + 1 < width && row >= 0 && row + 1 < height) {
      const [p, q] = [x - 0.5 - column, y - 0.5 - row];
      const at = row * width + column;
      const above = values[at]! * (1 - p) + values[at + 1]! * p;
      const below = values[at + width]! * (1 - p) + values[at + width + 1]! * p;
      const value = above * (1 - q) + below * q;
      if (value === value) {
        out[i] = value;
        continue;
      }
    }
    out[i] = isThere(values, width, x, y) ? some(values, width, height, x, y) : NaN;
  }
}

/** Of the four cells around a place those that are there and have a value. */
function some(values: Float64Array, width: number, height: number, x: number, y: number): number {
  const [column, row] = [Math.floor(x - 0.5), Math.floor(y - 0.5)];
  const [p, q] = [x - 0.5 - column, y - 0.5 - row];
  let [sum, weights] = [0, 0];
  for (let k = 0; k < 4; k++) {
    const [c, r] = [column + (k & 1), row + (k >> 1)];
    if (c < 0 || c >= width || r < 0 || r >= height) continue;
    const value = values[r * width + c]!;
    const weight = ((k & 1) === 1 ? p : 1 - p) * (k >> 1 === 1 ? q : 1 - q);
    if (value !== value) continue;
    sum += weight * value;
    weights += weight;
  }
  return weights < 1e-5 ? NaN : sum / weights;
}

/** Whether the cell at a place within the patch has a value: only then kernels give one there. */
const isThere = (values: Float64Array, width: number, x: number, y: number): boolean => {
  const value = values[Math.floor(y) * width + Math.floor(x)]!;
  return value === value;
};

/** Four values to one at `p` behind the second: Keys' cubic convolution, a = -0.5. */
const convolve = (a: number, b: number, c: number, d: number, p: number): number =>
  b + 0.5 * p * (c - a + p * (2 * a - 5 * b + 4 * c - d + p * (3 * (b - c) + d - a)));

function cubic(
  { values, left, top, width, height }: Patch,
  u: Float64Array,
  v: Float64Array,
  out: Float64Array,
): void {
  for (let i = 0; i < out.length; i++) {
    const [x, y] = [u[i]! - left, v[i]! - top];
    if (!(x >= 0 && x < width && y >= 0 && y < height)) {
      out[i] = NaN;
      continue;
    }
    const [column, row] = [Math.floor(x - 0.5), Math.floor(y - 0.5)];
    if (column >= 1 && column + 2 < width && row >= 1 && row + 2 < height) {
      const p = x - 0.5 - column;
      const at = (row - 1) * width + column - 1;
      const [r1, r2, r3] = [at + width, at + 2 * width, at + 3 * width];
      const value = convolve(
        convolve(values[at]!, values[at + 1]!, values[at + 2]!, values[at + 3]!, p),
        convolve(values[r1]!, values[r1 + 1]!, values[r1 + 2]!, values[r1 + 3]!, p),
        convolve(values[r2]!, values[r2 + 1]!, values[r2 + 2]!, values[r2 + 3]!, p),
        convolve(values[r3]!, values[r3 + 1]!, values[r3 + 2]!, values[r3 + 3]!, p),
        y - 0.5 - row,
      );
      if (value === value) {
        out[i] = value;
        continue;
      }
    }
    out[i] = isThere(values, width, x, y) ? some(values, width, height, x, y) : NaN;
  }
}

const tent = (x: number): number => Math.max(0, 1 - Math.abs(x));
function keys(x: number): number {
  const d = Math.abs(x);
  if (d <= 1) return (1.5 * d - 2.5) * d * d + 1;
  return d <= 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
}

/** Bilinear and cubic kernels as wide as a cell of the target. */
function widened(
  { values, left, top, width, height }: Patch,
  u: Float64Array,
  v: Float64Array,
  ratio: Ratio,
  isCubic: boolean,
  out: Float64Array,
): void {
  const radius = isCubic ? 2 : 1;
  const kernel = isCubic ? keys : tent;
  const [fx, fy] = [scaleOf(ratio.x), scaleOf(ratio.y)];
  const [reachX, reachY] = [Math.ceil(radius / fx), Math.ceil(radius / fy)];
  const [across, down] = [new Float64Array(2 * reachX), new Float64Array(2 * reachY)];
  for (let i = 0; i < out.length; i++) {
    const [x, y] = [u[i]! - left, v[i]! - top];
    out[i] = NaN;
    if (!(x >= 0 && x < width && y >= 0 && y < height) || !isThere(values, width, x, y)) continue;
    const column = Math.floor(x - 0.5) + 1 - reachX;
    const row = Math.floor(y - 0.5) + 1 - reachY;
    for (let k = 0; k < across.length; k++) across[k] = kernel((column + k - (x - 0.5)) * fx);
    for (let k = 0; k < down.length; k++) down[k] = kernel((row + k - (y - 0.5)) * fy);
    const [firstX, lastX] = [Math.max(0, -column), Math.min(across.length, width - column)];
    const [firstY, lastY] = [Math.max(0, -row), Math.min(down.length, height - row)];
    let [sum, weights] = [0, 0];
    for (let r = firstY; r < lastY; r++) {
      const base = (row + r) * width + column;
      const weight = down[r]!;
      let [part, share] = [0, 0];
      for (let c = firstX; c < lastX; c++) {
        const value = values[base + c]!;
        if (value !== value) continue;
        part += across[c]! * value;
        share += across[c]!;
      }
      sum += weight * part;
      weights += weight * share;
    }
    if (weights > 1e-6) out[i] = sum / weights;
  }
}

/** Cells of the target to one of the source, at most 1. */
const scaleOf = (ratio: number): number => {
  const whole = Math.round(ratio);
  if (whole >= 1 && Math.abs(ratio - whole) < 0.05) return 1 / whole;
  return Math.min(1, 1 / ratio);
};

/**
 * Mean or most frequent value of the source cells in the box that each target cell is there. `first` and `second` are opposite corners of the cells; a mean weighs cells by the part of them
 * in the box; of values as frequent the one that got there first counts.
 */
export function gather(
  resampling: 'average' | 'mode',
  { values, left, top, width, height }: Patch,
  first: Places,
  second: Places,
  out: Float64Array,
): void {
  const isMode = resampling === 'mode';
  const found: number[] = [];
  const counts: number[] = [];
  for (let i = 0; i < out.length; i++) {
    out[i] = NaN;
    const x0 = Math.min(first.u[i]!, second.u[i]!) - left;
    const x1 = Math.max(first.u[i]!, second.u[i]!) - left;
    const y0 = Math.min(first.v[i]!, second.v[i]!) - top;
    const y1 = Math.max(first.v[i]!, second.v[i]!) - top;
    if (!(x1 > 0 && x0 < width && y1 > 0 && y0 < height)) continue;
    const [west, north] = [Math.floor(x0 + hair), Math.floor(y0 + hair)];
    const [east, south] = [
      Math.max(west + 1, Math.ceil(x1 - hair)),
      Math.max(north + 1, Math.ceil(y1 - hair)),
    ];
    let [sum, weights] = [0, 0];
    let [most, mode] = [0, NaN];
    found.length = 0;
    for (let y = Math.max(0, north); y < Math.min(height, south); y++) {
      const down = share(y, y0, y1, north, south);
      for (let x = Math.max(0, west); x < Math.min(width, east); x++) {
        const value = values[y * width + x]!;
        if (value !== value) continue;
        if (isMode) {
          let k = found.indexOf(value);
          if (k < 0) {
            k = found.push(value) - 1;
            counts[k] = 0;
          }
          if (++counts[k]! > most) [most, mode] = [counts[k]!, value];
          continue;
        }
        const weight = down * share(x, x0, x1, west, east);
        sum += weight * value;
        weights += weight;
      }
    }
    if (isMode) out[i] = mode;
    else if (weights > 0) out[i] = sum / weights;
  }
}

/** The part of a cell between `from` and `to`; of the only cell, all. */
const share = (at: number, from: number, to: number, first: number, end: number): number => {
  if (first + 1 >= end) return 1;
  if (at === first) return first + 1 - from;
  return at + 1 === end ? to - (end - 1) : 1;
};
