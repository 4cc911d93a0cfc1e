/**
 * The bare earth below a raster of lowest heights. Sources: SMRF by Pingel, Clarke and McBride 2013, and the author's own implementation (which differs from PDAL's); PMF by
 * Zhang et al. 2003; CSF: cloth.ts.
 */
import { aligned, reach } from './bytes.ts';
import { drape, spread } from './cloth.ts';
import { inpaint, inpaintBytes } from './inpaint.ts';
import { dilate, erode, MOST_RADIUS, scratchBytes, shapeElement } from './openings.ts';

let columns: i32 = 0;
let rows: i32 = 0;
let heights: usize = 0;
let surface: usize = 0;
let opened: usize = 0;
let worn: usize = 0;
let objects: usize = 0;
let scratch: usize = 0;
let end: usize = 0;

/** Makes room for a raster and openings of up to `radius` cells; false where there is none. */
export function setUp(width: i32, height: i32, radius: i32): bool {
  if (width < 1 || height < 1 || radius < 1 || radius > MOST_RADIUS) return false;
  const cells = <u64>width * <u64>height;
  if (cells > 1 << 27) return false;
  columns = width;
  rows = height;
  const plane = <u64>aligned(4 * (<usize>cells + 8));
  let p: u64 = aligned(__heap_base);
  heights = <usize>p;
  p += plane;
  surface = <usize>p;
  p += plane;
  opened = <usize>p;
  p += plane;
  worn = <usize>p;
  p += plane;
  objects = <usize>p;
  p += <u64>aligned(<usize>cells);
  scratch = <usize>p;
  p += <u64>max(scratchBytes(width, radius), inpaintBytes(width, height));
  end = <usize>p;
  return p < 0xffff0000 && reach(end + 64);
}

/** The raster of lowest heights, NaN where there is no point; after `findGround` the ground. */
export function heightsAt(): usize { return heights; }
/** After `findGround` the slope of the ground, rise over run. */
export function slopesAt(): usize { return worn; }

@inline function at(plane: usize, i: usize): f32 { return load<f32>(plane + 4 * i); }

/**
 * Finds the ground. `radius`: of the largest opening, in cells; `slope`: rise over run above which a step that an opening takes away is an object; `low`: the same
 * for a pit that the smallest closing fills, which is then no height at all. Gives false where no cell has a height.
 */
export function findGround(cell: f32, radius: i32, slope: f32, low: f32): bool {
  const cells = <usize>columns * <usize>rows;
  if (!prepare(cell, low)) return false;
  for (let r = 1; r <= radius; r++) {
    open(r);
    const most = slope * cell * <f32>r;
    for (let i: usize = 0; i < cells; i++) if (at(surface, i) - at(opened, i) > most) store<u8>(objects + i, 1);
    swap();
  }
  let grounds: usize = 0;
  for (let i: usize = 0; i < cells; i++) {
    if (load<u8>(objects + i)) store<f32>(heights + 4 * i, NaN);
    else grounds++;
  }
  if (grounds == 0) return false;
  inpaint(heights, columns, rows, scratch);
  findSlopes(cell);
  return true;
}

/** Fills gaps and pits, marks what had no height as an object, and gives the openings their first surface; false where no cell has a height. */
function prepare(cell: f32, low: f32): bool {
  const cells = <usize>columns * <usize>rows;
  for (let i: usize = 0; i < cells; i++) store<u8>(objects + i, at(heights, i) == at(heights, i) ? 0 : 1);
  if (!inpaint(heights, columns, rows, scratch)) return false;
  fillPits(cell, low, cells);
  memory.copy(surface, heights, 4 * cells);
  return true;
}

function open(radius: i32): void {
  shapeElement(radius);
  erode(surface, worn, columns, rows, radius, scratch);
  dilate(worn, opened, columns, rows, radius, scratch);
}

function swap(): void {
  const last = surface;
  surface = opened;
  opened = last;
}

/** Starts the progressive filter: afterwards the heights are limits below which a point is ground, as yet none; false where no cell has a height. */
export function startLimits(cell: f32, low: f32): bool {
  const cells = <usize>columns * <usize>rows;
  if (!prepare(cell, low)) return false;
  for (let i: usize = 0; i < cells; i++) store<f32>(heights + 4 * i, Infinity);
  return true;
}

/** Opens once more, by `radius` cells, and lowers the limits to `most` above what comes out. */
export function lowerLimits(radius: i32, most: f32): void {
  const cells = <usize>columns * <usize>rows;
  open(radius);
  for (let i: usize = 0; i < cells; i++) store<f32>(heights + 4 * i, min(at(heights, i), at(opened, i) + most));
  swap();
}

/** Drapes a cloth under the raster (see cloth.ts), which afterwards is the cloth; false where no cell has a height. */
export function drapeCloth(
  cell: f32, low: f32, step: f32, rigidness: i32, iterations: i32, isSmooth: bool, difference: f32,
): bool {
  if (!prepare(cell, low)) return false;
  spread(heights, objects, scratch, columns, rows);
  drape(heights, surface, opened, objects, scratch, columns, rows, step, rigidness, iterations, isSmooth, difference);
  const cells = <usize>columns * <usize>rows;
  memory.copy(heights, surface, 4 * cells);
  memory.fill(worn, 0, 4 * cells);
  return true;
}

/** Pits are no ground, and openings must not see them. */
function fillPits(cell: f32, low: f32, cells: usize): void {
  shapeElement(1);
  dilate(heights, surface, columns, rows, 1, scratch);
  erode(surface, opened, columns, rows, 1, scratch);
  let pits = 0;
  for (let i: usize = 0; i < cells; i++)
    if (at(opened, i) - at(heights, i) > low * cell) {
      store<u8>(objects + i, 1);
      store<f32>(heights + 4 * i, NaN);
      pits++;
    }
  if (pits) inpaint(heights, columns, rows, scratch);
}

/** Central differences, one-sided at the edges. */
function findSlopes(cell: f32): void {
  const w = <usize>columns;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      const up = <usize>max(0, row - 1);
      const down = <usize>min(rows - 1, row + 1);
      const left = <usize>max(0, column - 1);
      const right = <usize>min(columns - 1, column + 1);
      const r = <usize>row;
      const c = <usize>column;
      const dy = down > up ? (at(heights, down * w + c) - at(heights, up * w + c)) / (cell * <f32>(down - up)) : 0;
      const dx = right > left ? (at(heights, r * w + right) - at(heights, r * w + left)) / (cell * <f32>(right - left)) : 0;
      store<f32>(worn + 4 * (r * w + c), <f32>Math.sqrt(<f64>(dx * dx + dy * dy)));
    }
}
