/** The predictors that TIFF applies to rows of cells before compression, and what undoes them. Sources: TIFF 6.0, section 14; Adobe TIFF Technical Note 3. */
import { addUp, join, split, subtract } from '../../core/differences.ts';
import type { Cells } from '../kernels/pyramid.ts';

/**
 * Predictor 2 of whole numbers, 3 of floats: the bytes of `values` as they are compressed, in `out`, which is as long and given again. Row-major, rows of `width`
 * places of `bands` values each.
 * Predictor 2: each value becomes its difference from that of its band on the left, modulo 2^bits. Predictor 3: a row becomes planes of bytes, the most
 * significant of its values first, and each byte its difference from the one `bands` before, modulo 256.
 */
export function predict(values: Cells, width: number, bands: number, out: Uint8Array): Uint8Array {
  const size = values.BYTES_PER_ELEMENT;
  const line = width * bands * size;
  out.set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return values instanceof Float32Array || values instanceof Float64Array
    ? subtract(split(out, line, size), { line, size: 1, back: bands })
    : subtract(out, { line, size, back: bands * size });
}

/** Undoes predictor 2 of little-endian values of `size` bytes, in place; gives where they then are. */
export const sumsOf = (bytes: Uint8Array, width: number, bands: number, size: number): Uint8Array =>
  addUp(bytes, { line: width * bands * size, size, back: bands * size });

/** Undoes predictor 3: little-endian values of `size` bytes, in place; gives where they then are. */
export function gatherPlanes(bytes: Uint8Array, width: number, bands: number, size: number): Uint8Array {
  const line = width * bands * size;
  return join(addUp(bytes, { line, size: 1, back: bands }), line, size);
}
