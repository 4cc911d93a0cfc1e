/** The predictors that TIFF applies to rows of cells before compression, and what undoes them. Sources: TIFF 6.0, section 14; Adobe TIFF Technical Note 3. */
import type { Cells } from './pyramid.ts';

/** Whole numbers of any width. Row-major, rows of `width` places of `bands` values each. */
type Whole = Exclude<Cells, Float32Array | Float64Array>;

/**
 * Predictor 2 of whole numbers, 3 of floats: the bytes of `values` as they are compressed, written to `out`, which is as long. Row-major, rows of `width`
 * places of `bands` values each.
 */
export const predict = (values: Cells, width: number, bands: number, out: Uint8Array): Uint8Array =>
  values instanceof Float32Array || values instanceof Float64Array
    ? predictFloat(values, width, bands, out)
    : predictInteger(values, width, bands, out);

/** Horizontal differencing (predictor 2): each value becomes its difference from that of its band on the left, modulo 2^bits. */
function predictInteger(values: Whole, width: number, bands: number, out: Uint8Array): Uint8Array {
  const make = values.constructor as Uint16ArrayConstructor;
  const to = new make(out.buffer, out.byteOffset, values.length) as Whole;
  const line = width * bands;
  for (let row = 0; row < values.length; row += line) {
    for (let i = row; i < row + bands; i++) to[i] = values[i]!;
    for (let i = row + bands; i < row + line; i++) to[i] = values[i]! - values[i - bands]!;
  }
  return out;
}

/** Undoes predictor 2, in place. */
export function addUp(values: Whole, width: number, bands: number): void {
  const line = width * bands;
  for (let row = 0; row < values.length; row += line)
    // Sums of one band stay in a register; those of several go through memory.
    if (bands === 1) for (let i = row, sum = 0; i < row + line; i++) values[i] = sum = (sum + values[i]!) | 0;
    else for (let i = row + bands; i < row + line; i++) values[i] = values[i]! + values[i - bands]!;
}

/**
 * Floating-point predictor (predictor 3): a row becomes planes of bytes, the most significant of its values first,
 * and each byte its difference from the one `bands` before, modulo 256.
 */
function predictFloat(
  values: Float32Array | Float64Array,
  width: number,
  bands: number,
  out: Uint8Array,
): Uint8Array {
  const size = values.BYTES_PER_ELEMENT;
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const line = width * bands;
  const stride = size * line;
  if (bands === 1 && size === 4) return predictSingles(values, width, out);
  const planes = new Uint8Array(stride);
  for (let row = 0; row < bytes.length; row += stride) {
    for (let plane = 0; plane < size; plane++) {
      let from = row + size - 1 - plane;
      const to = plane * line;
      for (let i = 0; i < line; i++, from += size) planes[to + i] = bytes[from]!;
    }
    for (let i = 0; i < bands; i++) out[row + i] = planes[i]!;
    for (let i = bands; i < stride; i++) out[row + i] = planes[i]! - planes[i - bands]!;
  }
  return out;
}

/** The same of one band of 32 bits, in one pass: three times as fast. */
function predictSingles({ buffer, byteOffset, length }: Cells, width: number, out: Uint8Array): Uint8Array {
  const words = new Uint32Array(buffer, byteOffset, length);
  for (let first = 0; first < length; first += width) {
    const [top, high, low, bottom] = [
      4 * first,
      4 * first + width,
      4 * first + 2 * width,
      4 * first + 3 * width,
    ];
    // The bytes of a plane follow the last one of the plane before.
    let before = words[first + width - 1]! >>> 8;
    for (let i = 0; i < width; i++) {
      const word = words[first + i]!;
      out[top + i] = (word >>> 24) - (before >>> 24);
      out[high + i] = (word >>> 16) - (before >>> 16);
      out[low + i] = (word >>> 8) - (before >>> 8);
      out[bottom + i] = word - before;
      before = word;
    }
  }
  return out;
}

/** Undoes predictor 3: little-endian values of `size` bytes, in place. */
export function gatherPlanes(bytes: Uint8Array, width: number, bands: number, size: number): void {
  const line = width * bands;
  const stride = size * line;
  const planes = new Uint8Array(stride);
  for (let row = 0; row + stride <= bytes.length; row += stride) {
    planes.set(bytes.subarray(row, row + stride));
    if (bands > 1) for (let i = bands; i < stride; i++) planes[i] = planes[i]! + planes[i - bands]!;
    let sum = 0;
    for (let plane = 0; plane < size; plane++) {
      const from = plane * line;
      let to = row + size - 1 - plane;
      if (bands > 1) for (let i = from; i < from + line; i++, to += size) bytes[to] = planes[i]!;
      else
        for (let i = from; i < from + line; i++, to += size) {
          sum += planes[i]!;
          bytes[to] = sum;
        }
    }
  }
}
