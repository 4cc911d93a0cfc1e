/**
 * Fills the cells of a raster that have no value (NaN) so that each is the mean of its four neighbours, as a net of springs would. Starts from means of coarser and
 * coarser rasters, then relaxes a fixed number of times in a fixed order, red cells before black ones: the same values anywhere. Source: D'Errico, inpaint_nans, method 4.
 */
import { aligned } from './bytes.ts';

/** Relaxations of the finest raster, and of each coarser one; with how much, but for the last ones. */
const FINEST: i32 = 40;
const COARSER: i32 = 30;
const OVER: f32 = 1.85;
const SETTLING: i32 = 6;

/** Bytes of scratch: coarser rasters, and the numbers of the cells without a value. */
export function inpaintBytes(width: i32, height: i32): usize {
  const cells = <usize>width * <usize>height;
  return aligned(4 * (cells + 64)) + aligned(4 * (<usize>width + 64) * (<usize>height + 64)) ;
}

/** Half the size, the mean of the values that there are; gives where the coarser one ends. */
function coarsen(from: usize, to: usize, width: i32, height: i32): void {
  const across = (width + 1) >> 1;
  const down = (height + 1) >> 1;
  for (let row = 0; row < down; row++)
    for (let column = 0; column < across; column++) {
      let sum: f32 = 0;
      let count: f32 = 0;
      for (let r = 2 * row; r < min(height, 2 * row + 2); r++)
        for (let c = 2 * column; c < min(width, 2 * column + 2); c++) {
          const value = load<f32>(from + 4 * (<usize>r * <usize>width + <usize>c));
          if (value == value) {
            sum += value;
            count += 1;
          }
        }
      store<f32>(to + 4 * (<usize>row * <usize>across + <usize>column), count > 0 ? sum / count : NaN);
    }
}

/** Fills the raster; false where it has no value at all. */
export function inpaint(raster: usize, width: i32, height: i32, scratch: usize): bool {
  if (width == 1 && height == 1) return load<f32>(raster) == load<f32>(raster);
  const cells = <usize>width * <usize>height;
  let holes: usize = 0;
  for (let i: usize = 0; i < cells; i++) if (load<f32>(raster + 4 * i) != load<f32>(raster + 4 * i)) holes++;
  if (holes == 0) return true;
  if (holes == cells) return false;
  const across = (width + 1) >> 1;
  const coarse = scratch;
  const rest = scratch + aligned(4 * (<usize>across * <usize>((height + 1) >> 1) + 4));
  coarsen(raster, coarse, width, height);
  fill(coarse, across, (height + 1) >> 1, rest, COARSER);
  takeFrom(raster, coarse, width, height, scratch, holes, FINEST);
  return true;
}

function fill(raster: usize, width: i32, height: i32, scratch: usize, times: i32): void {
  const cells = <usize>width * <usize>height;
  let holes: usize = 0;
  for (let i: usize = 0; i < cells; i++) if (load<f32>(raster + 4 * i) != load<f32>(raster + 4 * i)) holes++;
  if (holes == 0) return;
  const across = (width + 1) >> 1;
  const rest = scratch + aligned(4 * (<usize>across * <usize>((height + 1) >> 1) + 4));
  coarsen(raster, scratch, width, height);
  fill(scratch, across, (height + 1) >> 1, rest, times);
  takeFrom(raster, scratch, width, height, scratch, holes, times);
}

/** Gives cells without a value that of the coarser raster, which is not needed afterwards, and relaxes them. */
function takeFrom(raster: usize, coarse: usize, width: i32, height: i32, list: usize, holes: usize, times: i32): void {
  const across = (width + 1) >> 1;
  // Bottom up and in place: the list of holes takes the coarser raster's room only when all values are taken.
  const marks = list + aligned(4 * (<usize>across * <usize>((height + 1) >> 1) + 4));
  let red: usize = 0;
  let black: usize = holes;
  for (let row = 0; row < height; row++)
    for (let column = 0; column < width; column++) {
      const i = <usize>row * <usize>width + <usize>column;
      if (load<f32>(raster + 4 * i) == load<f32>(raster + 4 * i)) continue;
      store<f32>(raster + 4 * i, load<f32>(coarse + 4 * (<usize>(row >> 1) * <usize>across + <usize>(column >> 1))));
      if ((row + column) & 1) store<u32>(marks + 4 * --black, <u32>i);
      else store<u32>(marks + 4 * red++, <u32>i);
    }
  const w = <u32>width;
  const bottom = <u32>((height - 1) * width);
  for (let time = 0; time < times; time++) {
    const step: f32 = time < times - SETTLING ? OVER : 1;
    for (let k: usize = 0; k < holes; k++) {
      const i = load<u32>(marks + 4 * k);
      const p = raster + 4 * <usize>i;
      const column = i % w;
      let sum: f32 = 0;
      let count: f32 = 0;
      if (i >= w) {
        sum += load<f32>(p - 4 * <usize>w);
        count += 1;
      }
      if (i < bottom) {
        sum += load<f32>(p + 4 * <usize>w);
        count += 1;
      }
      if (column > 0) {
        sum += load<f32>(p - 4);
        count += 1;
      }
      if (column + 1 < w) {
        sum += load<f32>(p, 4);
        count += 1;
      }
      const value = load<f32>(p);
      store<f32>(p, value + step * (sum / count - value));
    }
  }
}
