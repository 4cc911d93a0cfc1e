/** Overviews of a raster: each level halves the one before. */

/**
 * The raster at half the resolution, `ceil(width / 2)` by `ceil(height / 2)` cells, row-major: the mean of the valid cells of each 2 by 2
 * block, nodata where none is valid. At odd edges a block has the cells that there are. A cell is valid when it is neither
 * `nodata` nor NaN; without `nodata` every number is. Sums are f64 in row-major order. Floats are rounded to f32, integers (counts) to the nearest,
 * halves up. Where the mean would be no valid cell itself (it hits `nodata`, or is infinity - infinity), the block's first valid cell stands for it.
 * A block without a valid cell gives `nodata`, or NaN where there is none.
 * Tiles of even size that start at even cells may be halved apart: the result is the same.
 */
export function halve<T extends Float32Array | Uint32Array | Uint8Array>(
  values: T,
  width: number,
  height: number,
  nodata?: number,
): T {
  const [columns, rows] = [Math.ceil(width / 2), Math.ceil(height / 2)];
  const whole = !(values instanceof Float32Array);
  const out = new (values.constructor as new (length: number) => T)(columns * rows);
  const none = nodata ?? NaN;
  for (let row = 0; row < rows; row++) {
    const top = 2 * row * width;
    const bottom = 2 * row + 1 < height ? top + width : top;
    for (let column = 0; column < columns; column++) {
      const left = 2 * column;
      const right = left + 1 < width ? left + 1 : left;
      let sum = 0;
      let count = 0;
      let first = none;
      for (let line = top; line <= bottom; line += width) {
        for (let i = line + left; i <= line + right; i++) {
          const value = values[i]!;
          if (value === none || value !== value) continue;
          if (count === 0) first = value;
          sum += value;
          count++;
        }
      }
      const mean = whole ? Math.floor(sum / count + 0.5) : Math.fround(sum / count);
      // NaN differs from itself: no valid cell, or infinities that cancel.
      out[row * columns + column] = mean === none || mean !== mean ? first : mean;
    }
  }
  return out;
}
