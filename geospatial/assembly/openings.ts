/**
 * Erosions and dilations of a raster of f32 by discs and by the square of 3 by 3. A disc is a stack of rows: of every row of the raster the least value within
 * k cells is kept for each k up to the radius, and a cell's result is the least of these over the disc's rows: 4 r steps a cell instead of pi r^2, four cells at once.
 */
import { aligned, reach } from './bytes.ts';

/** Half widths of the element's rows, from the middle one on. */
const WIDTHS: usize = memory.data(4 * 1024, 16);
export const MOST_RADIUS: i32 = 1000;

@inline function better(isMin: bool, a: v128, b: v128): v128 { return isMin ? f32x4.min(a, b) : f32x4.max(a, b); }

/** Cells of a row of scratch: the raster's width and the radius on both sides, in whole vectors. */
@inline function stride(width: i32, radius: i32): usize { return <usize>((width + 2 * radius + 7) & ~3); }

/** Bytes of scratch for a radius. */
export function scratchBytes(width: i32, radius: i32): usize {
  return aligned(4 * stride(width, radius) * (<usize>(2 * radius + 1) * <usize>(radius + 1) + 1));
}

@inline function sweep(isMin: bool, from: usize, to: usize, width: i32, height: i32, radius: i32, scratch: usize): void {
  const none: f32 = isMin ? Infinity : -Infinity;
  const cells = stride(width, radius);
  const kinds: usize = <usize>radius + 1;
  const rows = 2 * radius + 1;
  const edge: usize = 4 * <usize>radius;
  // The row that comes in, with cells beyond the edges that never count.
  const line = scratch;
  const ring = scratch + 4 * cells;
  for (let i: usize = 0; i < cells; i++) store<f32>(line + 4 * i, none);
  for (let next = 0; next < height + radius; next++) {
    if (next < height) {
      memory.copy(line + edge, from + 4 * <usize>width * <usize>next, 4 * <usize>width);
      let kept = ring + 4 * cells * kinds * <usize>(next % rows);
      memory.copy(kept, line + edge, 4 * <usize>width);
      for (let k: usize = 1; k < kinds; k++) {
        const before = kept;
        kept += 4 * cells;
        const left = line + edge - 4 * k;
        const right = line + edge + 4 * k;
        for (let i: usize = 0; i < 4 * <usize>width; i += 16) {
          const side = better(isMin, v128.load(left + i), v128.load(right + i));
          v128.store(kept + i, better(isMin, side, v128.load(before + i)));
        }
      }
    }
    const row = next - radius;
    if (row < 0) continue;
    const top = max(0, row - radius);
    const bottom = min(height - 1, row + radius);
    const out = to + 4 * <usize>width * <usize>row;
    for (let i: usize = 0; i < 4 * <usize>width; i += 16) {
      let value = f32x4.splat(none);
      for (let r = top; r <= bottom; r++) {
        const half = load<u32>(WIDTHS + 4 * <usize>abs(r - row));
        value = better(isMin, value, v128.load(ring + 4 * cells * (kinds * <usize>(r % rows) + half) + i));
      }
      v128.store(out + i, value);
    }
  }
}

/** Sets the element: a disc of `radius` cells, of 1 the square. */
export function shapeElement(radius: i32): void {
  for (let d = 0; d <= radius; d++)
    store<u32>(WIDTHS + 4 * <usize>d, radius == 1 ? 1 : <u32>Math.floor(Math.sqrt(<f64>(radius * radius - d * d))));
}

/** The least value around each cell, of the raster at `from`; four cells behind the one at `to` may be overwritten. */
export function erode(from: usize, to: usize, width: i32, height: i32, radius: i32, scratch: usize): void {
  sweep(true, from, to, width, height, radius, scratch);
}
/** The greatest one. */
export function dilate(from: usize, to: usize, width: i32, height: i32, radius: i32, scratch: usize): void {
  sweep(false, from, to, width, height, radius, scratch);
}
