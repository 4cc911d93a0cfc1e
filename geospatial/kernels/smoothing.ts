/** Overviews by kernels that reach beyond the four cells below: bilinear and cubic at half the resolution. Sources: GDAL 3.6, gcore/overview.cpp; Keys 1981, eq. 8. */
import type { Smoothing } from './overview.ts';
import { storeRun } from './store.ts';
import type { Cells, CellType } from './pyramid.ts';
import { cellArrays, isFloat } from './pyramid.ts';

/** Cells `[left, left + width)` by `[top, top + height)` of a level. */
type Window = {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
};

// Weights of the cells on one side of a place, the nearest first: the kernels at 1/4, 3/4, ... of a cell of the next level; they add up to a half.
const weightsOf: { readonly [kind in Smoothing]: readonly number[] } = {
  bilinear: [0.375, 0.125],
  cubic: [0.433_593_75, 0.113_281_25, -0.035_156_25, -0.011_718_75],
};

/** Cells around a window that its cells of `above` levels up depend on: what each level needs, and twice that of the next. */
export const marginOf = (smoothing: Smoothing, above: number): number =>
  (weightsOf[smoothing].length - 1) * (2 ** above - 1);

/** A window and `margin` cells around it, within a level. */
export function widenedBy(
  { left, top, width, height }: Window,
  margin: number,
  level: { readonly width: number; readonly height: number },
): Window {
  const [west, north] = [Math.max(0, left - margin), Math.max(0, top - margin)];
  return {
    left: west,
    top: north,
    width: Math.min(level.width, left + width + margin) - west,
    height: Math.min(level.height, top + height + margin) - north,
  };
}

/** What smoothing has to know of cells. */
export type Smoothed = {
  readonly type: CellType;
  readonly bands: number;
  readonly nodata?: number;
  /** The last band is a mask, 0 where there is nothing. */
  readonly masked?: boolean;
  /** The last band is alpha: places where it is 0 have no part. */
  readonly alpha?: boolean;
};

/**
 * The cells of `target`, a window of the next level, from those of `window`, which holds all that they depend on: `marginOf(smoothing, 1)` cells around the
 * cells below, as far as the level of `width` by `height` cells goes. Cells of bands lie side by side.
 * Along rows first, then along columns: cells that are `nodata`, NaN, masked or seen through, and those beyond the level's edge, are left out and the weights of the rest shared out
 * anew. There is no value where none is left, and with `cubic`, whose weights are negative in part, where fewer than half of the cells in a row (or column) are valid
 * side by side. Sums are f64 in the order of the cells; whole numbers are rounded and held within their type; a value that would be `nodata` becomes the next one
 * to it. The same cells whatever the windows.
 */
export function smooth(
  cells: Cells,
  window: Window,
  { width, height }: { readonly width: number; readonly height: number },
  target: Window,
  smoothing: Smoothing,
  { type, bands, nodata: none = NaN, masked = false, alpha = false }: Smoothed,
): Cells {
  const out = new cellArrays[type](target.width * target.height * bands);
  const across = new Float64Array(target.width * window.height);
  const row = new Float64Array(window.width);
  const line = new Float64Array(target.width);
  const stored = new cellArrays[type](target.width);
  const weights = weightsOf[smoothing];
  for (let band = 0; band < bands; band++) {
    const isLast = band === bands - 1;
    const isMask = masked && isLast;
    const nodata = alpha && isLast ? NaN : none;
    for (let y = 0; y < window.height; y++) {
      const from = y * window.width * bands;
      for (let x = 0; x < window.width; x++) {
        const place = from + x * bands;
        const value = cells[place + band]!;
        const isHidden = (masked || alpha) && cells[place + bands - 1] === 0;
        row[x] = isHidden || (value === nodata && !isMask) ? NaN : isMask ? 1 : value;
      }
      for (let x = 0; x < target.width; x++)
        across[y * target.width + x] = weigh(row, 2 * (target.left + x), window.left, width, 1, 0, weights);
    }
    for (let y = 0; y < target.height; y++) {
      for (let x = 0; x < target.width; x++)
        line[x] = weigh(across, 2 * (target.top + y), window.top, height, target.width, x, weights);
      if (isMask) for (let x = 0; x < target.width; x++) stored[x] = line[x] === line[x] ? 1 : 0;
      else {
        if (isFloat(type)) besideNodata(line, nodata, type);
        storeRun(line, target.width, 1, stored, 0, type, nodata);
      }
      for (let x = 0, to = y * target.width * bands + band; x < target.width; x++, to += bands)
        out[to] = stored[x]!;
    }
  }
  return out;
}

/**
 * The weighted mean around cell `at` and the one behind it, of a line of `size` cells; cell c stands at `values[(c - first) * step + offset]`. NaN for none.
 */
function weigh(
  values: Float64Array,
  at: number,
  first: number,
  size: number,
  step: number,
  offset: number,
  weights: readonly number[],
): number {
  const reach = weights.length;
  const base = (at - first) * step + offset;
  if (at - reach + 1 >= 0 && at + reach < size) {
    let sum = 0;
    for (let k = reach - 1; k >= 0; k--) sum += weights[k]! * values[base - k * step]!;
    for (let k = 0; k < reach; k++) sum += weights[k]! * values[base + (k + 1) * step]!;
    if (sum === sum) return sum;
  }
  const [from, to] = [Math.max(0, at - reach + 1), Math.min(size, at + reach + 1)];
  let [sum, shares, run, longest] = [0, 0, 0, 0];
  for (let c = from; c < to; c++) {
    const value = values[base + (c - at) * step]!;
    if (value !== value) {
      run = 0;
      continue;
    }
    const weight = weights[c > at ? c - at - 1 : at - c]!;
    sum += weight * value;
    shares += weight;
    run++;
    if (run > longest) longest = run;
  }
  const isEnough = reach <= 2 || 2 * longest >= to - from;
  return longest > 0 && isEnough ? sum / shares : NaN;
}

/** Moves values that a type would store as `nodata` by a hair. */
function besideNodata(line: Float64Array, nodata: number, type: CellType): void {
  if (nodata !== nodata) return;
  const store = cellArrays[type].of(0);
  const hair = type === 'Float32' ? 2 ** -23 : 2 ** -52;
  for (let i = 0; i < line.length; i++) {
    store[0] = line[i]!;
    if (store[0] === nodata) line[i] = nodata === 0 ? 2 ** -126 : nodata * (1 - hair);
  }
}
