/** Overviews of a raster by blocks: each level halves the one before, four cells to one. */
import type { Cells } from './pyramid.ts';

export const overviews = ['average', 'nearest', 'mode'] as const;
/** How four cells become one: their mean, the first of them, or what most of them are. */
export type BlockOverview = (typeof overviews)[number];

export const smoothings = ['bilinear', 'cubic'] as const;
/** A tent over 4 x 4 cells, or Keys' cubic convolution over 8 x 8 (`smoothing.ts`). */
export type Smoothing = (typeof smoothings)[number];
export const isSmooth = (overview: string): overview is Smoothing =>
  (smoothings as readonly string[]).includes(overview);

export type Halving = {
  readonly nodata?: number | undefined;
  /** Values in a place, side by side. */
  readonly bands?: number;
  readonly overview?: BlockOverview;
  /** The last band is a mask: places where it is 0 have no valid cell. */
  readonly masked?: boolean | undefined;
  /** The last band is alpha: places where it is 0 have no part in means. */
  readonly alpha?: boolean | undefined;
};

/**
 * The raster at half the resolution, `ceil(width / 2)` by `ceil(height / 2)` cells, row-major, band by band: by `overview` of the valid cells of each 2 by 2
 * block, nodata where none is valid. At odd edges a block has the cells that there are. A cell is valid when it is neither
 * `nodata` nor NaN; without `nodata` every number is.
 * `average`: sums are f64 in row-major order. Floats are rounded to their type, integers to the nearest, halves up. Where the mean would be no valid cell
 * itself (it hits `nodata`, or is infinity - infinity), the block's first valid cell stands for it.
 * `nearest`: the block's first cell, valid or not. `mode`: the value that most valid cells have, the first of those that come equally often.
 * A block without a valid cell gives `nodata`, or NaN where there is none. A mask becomes 1 where a place of the block is valid, and that of the first place for `nearest`.
 * Of alpha as of a mask, places where it is 0 have no part in means; it is a mean of the others itself, as GDAL has it.
 * Tiles of even size that start at even cells may be halved apart: the result is the same.
 */
export function halve<T extends Cells>(
  values: T,
  width: number,
  height: number,
  { nodata, bands = 1, overview = 'average', masked = false, alpha = false }: Halving = {},
): T {
  const make = values.constructor as new (length: number) => T;
  const out = new make(Math.ceil(width / 2) * Math.ceil(height / 2) * bands);
  const act = overview === 'nearest' ? pick : overview === 'mode' ? vote : average;
  const isMasked = masked && act !== pick;
  const isHidden = isMasked || (alpha && act === average);
  const cells = isHidden ? withoutHidden(values, bands, isMasked) : values;
  const last = isHidden ? bands - 1 : bands;
  for (let band = 0; band < bands; band++)
    act(cells, out, width, height, band, bands, band === last ? NaN : (nodata ?? NaN));
  if (isMasked) for (let i = last; i < out.length; i += bands) out[i] = out[i] === 1 ? 1 : 0;
  return out;
}

/** Bands as f64, NaN where their last one, a mask or alpha, is 0; in a mask 1 elsewhere. */
function withoutHidden(values: Cells, bands: number, isMask: boolean): Float64Array {
  const out = Float64Array.from(values as ArrayLike<number>);
  for (let i = 0; i < out.length; i += bands) {
    if (out[i + bands - 1] === 0) out.fill(NaN, i, i + bands);
    else if (isMask) out[i + bands - 1] = 1;
  }
  return out;
}

type Act = (
  values: Cells,
  out: Cells,
  width: number,
  height: number,
  band: number,
  bands: number,
  none: number,
) => void;

const average: Act = (values, out, width, height, band, bands, none) => {
  const columns = Math.ceil(width / 2);
  const isWhole = !(out instanceof Float32Array || out instanceof Float64Array);
  for (let row = 0, to = band; to < out.length; row++) {
    let a = 2 * row * width * bands + band;
    const down = 2 * row + 1 < height ? width * bands : 0;
    for (let column = 0; column < columns; column++, a += 2 * bands, to += bands) {
      const right = 2 * column + 1 < width ? bands : 0;
      if (right > 0 && down > 0) {
        // Most blocks are whole. A sum with NaN is NaN, and so no value.
        const [v, w, x, y] = [values[a]!, values[a + right]!, values[a + down]!, values[a + right + down]!];
        const sum = v + w + x + y;
        if (sum === sum && v !== none && w !== none && x !== none && y !== none) {
          out[to] = isWhole ? Math.floor(sum / 4 + 0.5) : sum / 4;
          if (out[to] === none) out[to] = v;
          continue;
        }
      }
      let [sum, count, first] = [0, 0, none];
      // Cells that are not there count as the one before, which is why they are passed over.
      for (let k = 0; k < 4; k++) {
        if ((k & 1 && right === 0) || (k & 2 && down === 0)) continue;
        const value = values[a + (k & 1 ? right : 0) + (k & 2 ? down : 0)]!;
        if (value === none || value !== value) continue;
        if (count === 0) first = value;
        sum += value;
        count++;
      }
      out[to] = isWhole ? Math.floor(sum / count + 0.5) : sum / count;
      // NaN differs from itself: no valid cell, or infinities that cancel.
      if (count === 0 || out[to] === none || out[to] !== out[to]) out[to] = first;
    }
  }
};

const pick: Act = (values, out, width, _height, band, bands) => {
  const columns = Math.ceil(width / 2);
  for (let row = 0, to = band; to < out.length; row++)
    for (let column = 0; column < columns; column++, to += bands)
      out[to] = values[(2 * row * width + 2 * column) * bands + band]!;
};

const vote: Act = (values, out, width, height, band, bands, none) => {
  const columns = Math.ceil(width / 2);
  for (let row = 0, to = band; to < out.length; row++)
    for (let column = 0; column < columns; column++, to += bands) {
      const at = (2 * row * width + 2 * column) * bands + band;
      const right = 2 * column + 1 < width ? bands : 0;
      const down = 2 * row + 1 < height ? width * bands : 0;
      const cells = [at, at + right, at + down, at + right + down];
      let [best, most] = [none, 0];
      for (const [i, cell] of cells.entries()) {
        if (cells.indexOf(cell) < i) continue;
        const value = values[cell]!;
        if (value === none || value !== value) continue;
        let votes = 0;
        for (const [k, other] of cells.entries())
          if (values[other] === value && cells.indexOf(other) === k) votes++;
        if (votes > most) [best, most] = [value, votes];
      }
      out[to] = best;
    }
};
