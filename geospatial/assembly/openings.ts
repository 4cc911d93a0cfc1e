/**
 * Erosions and dilations of a raster of f32 by discs and by the square of 3 by 3. A disc is a stack of rows of a few different widths: of every row of the raster the least value within
 * k cells is kept for each half width k, and a cell's result is the least of these over the disc's rows: 3 r steps a cell instead of pi r^2, four cells at once.
 */
import { aligned, reach } from './bytes.ts';

/** Half widths of the element's rows, each once and ascending; and which of them a row has, from the middle one on. */
const WIDTHS: usize = memory.data(4 * 1024, 16);
const KIND: usize = memory.data(4 * 1024, 16);
/** Where the kept rows of a cell's disc begin. */
const ROWS: usize = memory.data(4 * 2048, 16);
export const MOST_RADIUS: i32 = 1000;
let kinds: i32 = 0;

@inline function better(isMin: bool, a: v128, b: v128): v128 { return isMin ? f32x4.pmin(a, b) : f32x4.pmax(a, b); }

/** Cells of a row of scratch: the raster's width and the radius on both sides, in whole blocks of four vectors. */
@inline function stride(width: i32, radius: i32): usize { return <usize>((width + 2 * radius + 31) & ~15); }

/** Bytes of scratch for a radius. */
export function scratchBytes(width: i32, radius: i32): usize {
  return aligned(4 * stride(width, radius) * (<usize>(2 * radius + 1) * <usize>(radius + 1) + 1));
}

@inline function sweep(isMin: bool, from: usize, to: usize, width: i32, height: i32, radius: i32, scratch: usize): void {
  const none: f32 = isMin ? Infinity : -Infinity;
  const rowBytes: usize = 4 * stride(width, radius);
  const rows = 2 * radius + 1;
  const edge: usize = 4 * <usize>radius;
  const bytes: usize = 4 * <usize>width;
  // The row that comes in, with cells beyond the edges that never count.
  const line = scratch;
  const ring = scratch + rowBytes;
  for (let i: usize = 0; i < rowBytes; i += 4) store<f32>(line + i, none);
  for (let next = 0; next < height + radius; next++) {
    if (next < height) {
      memory.copy(line + edge, from + bytes * <usize>next, bytes);
      const first = ring + rowBytes * <usize>kinds * <usize>(next % rows);
      for (let i: usize = 0; i < bytes; i += 16) {
        const middle = line + edge + i;
        let value = v128.load(middle);
        let kept = first + i;
        let k: usize = 0;
        for (let kind = 0; kind < kinds; kind++) {
          const last: usize = 4 * <usize>load<u32>(WIDTHS + 4 * <usize>kind);
          while (k < last) {
            k += 4;
            value = better(isMin, value, better(isMin, v128.load(middle - k), v128.load(middle + k)));
          }
          v128.store(kept, value);
          kept += rowBytes;
        }
      }
    }
    const row = next - radius;
    if (row < 0) continue;
    const top = max(0, row - radius);
    const bottom = min(height - 1, row + radius);
    for (let r = top; r <= bottom; r++) {
      const kind = load<u32>(KIND + 4 * <usize>abs(r - row));
      store<usize>(ROWS + 4 * <usize>(r - top), ring + rowBytes * (<usize>kinds * <usize>(r % rows) + <usize>kind));
    }
    const end = ROWS + 4 * <usize>(bottom - top + 1);
    const out = to + bytes * <usize>row;
    let i: usize = 0;
    for (; i + 64 <= bytes; i += 64) {
      let a = f32x4.splat(none);
      let b = a;
      let c = a;
      let d = a;
      for (let p = ROWS; p < end; p += 4) {
        const kept = load<usize>(p) + i;
        a = better(isMin, a, v128.load(kept));
        b = better(isMin, b, v128.load(kept, 16));
        c = better(isMin, c, v128.load(kept, 32));
        d = better(isMin, d, v128.load(kept, 48));
      }
      v128.store(out + i, a);
      v128.store(out + i, b, 16);
      v128.store(out + i, c, 32);
      v128.store(out + i, d, 48);
    }
    for (; i < bytes; i += 16) {
      let value = f32x4.splat(none);
      for (let p = ROWS; p < end; p += 4) value = better(isMin, value, v128.load(load<usize>(p) + i));
      v128.store(out + i, value);
    }
  }
}

/** Sets the element: a disc of `radius` cells, of 1 the square. */
export function shapeElement(radius: i32): void {
  kinds = 0;
  // The rows farthest from the middle are the narrowest.
  for (let d = radius; d >= 0; d--) {
    const half = radius == 1 ? <u32>1 : <u32>Math.floor(Math.sqrt(<f64>(radius * radius - d * d)));
    if (kinds == 0 || load<u32>(WIDTHS + 4 * <usize>kinds - 4) != half) {
      store<u32>(WIDTHS + 4 * <usize>kinds, half);
      kinds++;
    }
    store<u32>(KIND + 4 * <usize>d, <u32>(kinds - 1));
  }
}

/** The least value around each cell, of the raster at `from`; four cells behind the one at `to` may be overwritten. */
export function erode(from: usize, to: usize, width: i32, height: i32, radius: i32, scratch: usize): void {
  sweep(true, from, to, width, height, radius, scratch);
}
/** The greatest one. */
export function dilate(from: usize, to: usize, width: i32, height: i32, radius: i32, scratch: usize): void {
  sweep(false, from, to, width, height, radius, scratch);
}
