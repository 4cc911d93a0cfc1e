/** The bare earth below a raster of lowest heights, in WebAssembly (../assembly/ground.ts), and the points that lie on it. */
import type { Points } from './codec.ts';
import type { Grid } from './grid.ts';

type Exports = {
  readonly memory: WebAssembly.Memory;
  setUp(width: number, height: number, radius: number): number;
  heightsAt(): number;
  slopesAt(): number;
  findGround(cell: number, radius: number, slope: number, low: number): number;
  startLimits(cell: number, low: number): number;
  lowerLimits(radius: number, most: number): void;
  drapeCloth(
    cell: number,
    low: number,
    step: number,
    rigidness: number,
    iterations: number,
    isSmooth: boolean,
    difference: number,
  ): number;
};

/** What SMRF is asked to do: see the job's options. `window` in units of the grid. */
export type Smrf = { readonly slope: number; readonly window: number; readonly low: number };

/** The ground: heights and slopes (rise over run) of the middle of every cell, row by row, from row `top` of the grid on. Of limits: heights below which a point of the cell is ground. */
export type Ground = { readonly top: number; readonly heights: Float32Array; readonly slopes: Float32Array };

/** Radius of the largest opening, in cells. */
export const radiusOf = ({ window }: Pick<Smrf, 'window'>, cell: number): number =>
  Math.max(1, Math.ceil(window / cell));

/** Bytes that `findGround` takes for a raster. */
export function groundMemory(width: number, height: number, radius: number): number {
  const ring = 4 * (width + 2 * radius + 8) * ((2 * radius + 1) * (radius + 1) + 1);
  return 17 * width * height + Math.max(ring, 8 * (width + 64) * (height + 64)) + 2 ** 20;
}

/**
 * Finds the ground below `heights` (NaN for cells without points): Pingel, Clarke and McBride 2013. Where there is none (no cell with points, or all of them
 * objects) the planes are NaN. They are views of a memory of their own.
 * @throws RangeError for a raster that 4 GiB do not hold
 */
export function findGround(
  module: WebAssembly.Module,
  grid: Grid,
  fill: (heights: Float32Array) => void,
  { slope, window, low }: Smrf,
): Ground {
  const radius = radiusOf({ window }, grid.cell);
  const { exports, heights, slopes } = start(module, grid, radius, fill);
  if (exports.findGround(grid.cell, radius, slope, low) === 0)
    for (const values of [heights, slopes]) values.fill(NaN);
  return { top: 0, heights, slopes };
}

/** An instance with a raster that `fill` has filled, and room for openings of a radius. */
function start(
  module: WebAssembly.Module,
  { width, height }: Grid,
  radius: number,
  fill: (heights: Float32Array) => void,
): { exports: Exports; heights: Float32Array; slopes: Float32Array } {
  const exports = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
  if (exports.setUp(width, height, radius) === 0)
    throw new RangeError(`Array buffer allocation failed: ground of ${width} x ${height} cells`);
  const plane = (at: number): Float32Array => new Float32Array(exports.memory.buffer, at, width * height);
  const heights = plane(exports.heightsAt());
  heights.fill(NaN);
  fill(heights);
  return { exports, heights, slopes: plane(exports.slopesAt()) };
}

/** What the progressive morphological filter is asked to do: see the job's options. */
export type Pmf = {
  readonly slope: number;
  readonly low: number;
  readonly 'max-window': number;
  readonly 'initial-distance': number;
  readonly 'max-distance': number;
};

/** Radii of openings in cells, and how far above each a point may lie: windows of 3, 5, 9, 17, ... cells up to the largest. Source: Zhang et al. 2003, eq. 4, 5 and 7. */
export function laddersOf(given: Pmf, cell: number): { readonly radius: number; readonly most: number }[] {
  const out: { radius: number; most: number }[] = [];
  for (let [k, window] = [0, 0]; window < given['max-window']; k++) {
    const before = window;
    window = cell * (2 ** (k + 1) + 1);
    const rise = k === 0 ? 0 : given.slope * (window - before);
    out.push({ radius: 2 ** k, most: Math.min(rise + given['initial-distance'], given['max-distance']) });
  }
  return out;
}

/**
 * Limits below which points are ground: Zhang et al. 2003, with discs. NaN everywhere where no cell has a point.
 * @throws RangeError for a raster that 4 GiB do not hold
 */
export function findLimits(
  module: WebAssembly.Module,
  grid: Grid,
  fill: (heights: Float32Array) => void,
  given: Pmf,
): Ground {
  const ladder = laddersOf(given, grid.cell);
  const { exports, heights } = start(module, grid, ladder.at(-1)!.radius, fill);
  if (exports.startLimits(grid.cell, given.low) === 0) heights.fill(NaN);
  else for (const { radius, most } of ladder) exports.lowerLimits(radius, most);
  return { top: 0, heights, slopes: new Float32Array(heights.length) };
}

/** How a cloth is draped: see the job's options. */
export type Csf = {
  readonly low: number;
  readonly step: number;
  readonly rigidness: number;
  readonly iterations: number;
  readonly 'no-smooth': boolean;
  readonly hdiff: number;
};

/**
 * The cloth under `heights`: Zhang et al. 2016. Its slopes are 0. NaN everywhere where no cell has a point.
 * @throws RangeError for a raster that 4 GiB do not hold
 */
export function findCloth(
  module: WebAssembly.Module,
  grid: Grid,
  fill: (heights: Float32Array) => void,
  { low, step, rigidness, iterations, 'no-smooth': isRough, hdiff }: Csf,
): Ground {
  const { exports, heights, slopes } = start(module, grid, 1, fill);
  if (exports.drapeCloth(grid.cell, low, step, rigidness, iterations, !isRough, hdiff) === 0)
    heights.fill(NaN);
  return { top: 0, heights, slopes };
}

/** How far a point may lie off the ground: `threshold + scalar * slope`, in units of height. */
export type Tolerance = { readonly threshold: number; readonly scalar: number };
/** Coordinates are `raw * scale + offset`. */
type Placement = { readonly scale: readonly number[]; readonly offset: readonly number[] };

const [unassigned, groundClass] = [1, 2];

/**
 * Sets the class of every point that `isIgnored` does not take by its class: 2 where it lies on the ground and its returns are among `isGroundReturn`, 1 otherwise. Height and
 * slope of the ground are interpolated between the middles of four cells. With `isLimit` a point is ground that lies below its cell's height. Gives the number of points on the ground.
 */
export function classify(
  points: Points,
  { scale, offset }: Placement,
  grid: Grid,
  { top: first, heights, slopes }: Ground,
  { threshold, scalar }: Tolerance,
  isGroundReturn: Uint8Array,
  isIgnored: Uint8Array,
  isLimit = false,
): number {
  const { x, y, z, classes, returns, count } = points;
  const { west, north, cell, width, height } = grid;
  const [lastColumn, lastRow] = [width - 1, height - 1];
  let found = 0;
  for (let i = 0; i < count; i++) {
    if (isIgnored[classes[i]!] === 1) continue;
    classes[i] = unassigned;
    if (isGroundReturn[returns[i]!] === 0) continue;
    const column = Math.max(0, Math.min(lastColumn, (x[i]! * scale[0]! + offset[0]! - west) / cell - 0.5));
    const row = Math.max(0, Math.min(lastRow, (north - (y[i]! * scale[1]! + offset[1]!)) / cell - 0.5));
    if (isLimit) {
      const cellAt = (Math.round(row) - first) * width + Math.round(column);
      if (!(z[i]! * scale[2]! + offset[2]! < heights[cellAt]!)) continue;
      classes[i] = groundClass;
      found++;
      continue;
    }
    const [left, top] = [Math.floor(column), Math.floor(row)];
    const [across, down] = [column - left, row - top];
    const a = (top - first) * width + left;
    const b = left < lastColumn ? a + 1 : a;
    const below = top < lastRow ? width : 0;
    const ground =
      (heights[a]! * (1 - across) + heights[b]! * across) * (1 - down) +
      (heights[a + below]! * (1 - across) + heights[b + below]! * across) * down;
    const slope =
      (slopes[a]! * (1 - across) + slopes[b]! * across) * (1 - down) +
      (slopes[a + below]! * (1 - across) + slopes[b + below]! * across) * down;
    // False, too, where there is no ground.
    if (!(Math.abs(z[i]! * scale[2]! + offset[2]! - ground) <= threshold + scalar * slope)) continue;
    classes[i] = groundClass;
    found++;
  }
  return found;
}
