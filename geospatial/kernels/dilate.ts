/** Masks, grown. */

/**
 * Grows a mask: a cell is set if any set cell of `mask` (1 set, 0 not) lies within `radius` cells of it, middle to middle. `mask` has `width` x `height` cells, the result
 * those without a margin of `radius` on each side.
 */
export function dilate(mask: Uint8Array, width: number, height: number, radius: number): Uint8Array {
  const [columns, rows] = [width - 2 * radius, height - 2 * radius];
  const out = new Uint8Array(columns * rows);
  // Set cells of a row up to each column.
  const sums = new Uint32Array(width + 1);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) sums[x + 1] = sums[x]! + mask[y * width + x]!;
    if (sums[width] === 0) continue;
    for (let dy = -radius; dy <= radius; dy++) {
      const row = y + dy - radius;
      if (row < 0 || row >= rows) continue;
      const reach = Math.floor(Math.sqrt(radius * radius - dy * dy));
      for (let x = 0, at = row * columns; x < columns; x++, at++)
        if (sums[x + radius + reach + 1]! > sums[x + radius - reach]!) out[at] = 1;
    }
  }
  return out;
}
