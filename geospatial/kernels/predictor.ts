/** The predictors that TIFF applies to a tile before compression. Sources: TIFF 6.0, section 14; Adobe TIFF Technical Note 3. */

/**
 * Horizontal differencing (predictor 2), in place: each cell becomes its difference from the cell on its left, modulo 2^32 or 2^8.
 * `values` is row-major with rows of `width` cells. Gives the bytes of `values`.
 */
export function predictInteger(values: Uint32Array | Uint8Array, width: number): Uint8Array {
  for (let row = 0; row < values.length; row += width)
    for (let i = row + width - 1; i > row; i--) values[i] = values[i]! - values[i - 1]!;
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

/**
 * Floating-point predictor (predictor 3), in place: a row becomes four planes, the most significant bytes of its cells first,
 * and each byte its difference from the one before, modulo 256. `values` is row-major with rows of `width` cells.
 * Gives the bytes of `values`, which are numbers no more.
 */
export function predictFloat(values: Float32Array, width: number): Uint8Array {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const stride = 4 * width;
  const planes = new Uint8Array(stride);
  for (let row = 0; row < bytes.length; row += stride) {
    for (let i = 0; i < width; i++) {
      const at = row + 4 * i;
      planes[i] = bytes[at + 3]!;
      planes[width + i] = bytes[at + 2]!;
      planes[2 * width + i] = bytes[at + 1]!;
      planes[3 * width + i] = bytes[at]!;
    }
    bytes[row] = planes[0]!;
    for (let i = 1; i < stride; i++) bytes[row + i] = planes[i]! - planes[i - 1]!;
  }
  return bytes;
}
