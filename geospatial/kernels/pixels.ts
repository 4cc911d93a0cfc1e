/** Pixels of red, green, blue and alpha at half the resolution. */

/**
 * An image of `side` by `side` pixels, an even number, at half the resolution: the mean of each 2 by 2 pixels, colours weighed by their alpha, halves rounded up.
 * All four bytes are 0 where alpha is.
 */
export function halvePixels(pixels: Uint8Array, side: number): Uint8Array<ArrayBuffer> {
  const half = side / 2;
  const out = new Uint8Array(4 * half * half);
  for (let row = 0; row < half; row++)
    for (let column = 0; column < half; column++) {
      const a = 4 * (2 * row * side + 2 * column);
      const b = a + 4;
      const c = a + 4 * side;
      const d = c + 4;
      const [p, q, r, s] = [pixels[a + 3]!, pixels[b + 3]!, pixels[c + 3]!, pixels[d + 3]!];
      const sum = p + q + r + s;
      const alpha = (sum + 2) >> 2;
      if (alpha === 0) continue;
      const at = 4 * (row * half + column);
      for (let k = 0; k < 3; k++) {
        const color = pixels[a + k]! * p + pixels[b + k]! * q + pixels[c + k]! * r + pixels[d + k]! * s;
        out[at + k] = Math.floor(color / sum + 0.5);
      }
      out[at + 3] = alpha;
    }
  return out;
}
