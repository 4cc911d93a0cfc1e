/** Numbers along rows as differences, which compress better, and their bytes apart from each other; and back, by the kernel that compresses. */
import { kernel } from './flate.ts';

/** Bytes of a row, of a number (1, 2, 4 or 8), and from a number back to the one that it is told by. */
export type Along = { readonly line: number; readonly size: number; readonly back: number };

/** Bytes that go through the kernel at once, where they lie elsewhere: whole rows, one at least. */
const pieceSize = 2 ** 20;

/**
 * Numbers as their differences, modulo 2^bits. Here as below: in place, and what is given is where they then are: the kernel's memory may have grown.
 */
export const subtract = (bytes: Uint8Array, { line, size, back }: Along): Uint8Array =>
  inPlace(bytes, line, (at, length) => {
    kernel().subtract(at, length, line, size, back);
    return 1;
  });

/** Undoes `subtract`. */
export const addUp = (bytes: Uint8Array, { line, size, back }: Along): Uint8Array =>
  inPlace(bytes, line, (at, length) => {
    kernel().addUp(at, length, line, size, back);
    return 1;
  });

/** Rows of little-endian numbers of `size` bytes as planes of bytes, the most significant ones first. */
export const split = (bytes: Uint8Array, line: number, size: number): Uint8Array =>
  inPlace(bytes, line, (at, length) => kernel().split(at, length, line, size));

/** Undoes `split`. */
export const join = (bytes: Uint8Array, line: number, size: number): Uint8Array =>
  inPlace(bytes, line, (at, length) => kernel().join(at, length, line, size));

/** `act` gives 0 where there is no memory for it. */
function inPlace(bytes: Uint8Array, line: number, act: (at: number, length: number) => number): Uint8Array {
  const { memory, input, reserve } = kernel();
  const { byteOffset, length } = bytes;
  const apply = (at: number, size: number): void => {
    if (act(at, size) === 0) throw new RangeError(`no memory for a row of ${line} bytes`);
  };
  if (bytes.buffer === memory.buffer) {
    apply(byteOffset, length);
    return new Uint8Array(memory.buffer, byteOffset, length);
  }
  const step = Math.max(1, Math.floor(pieceSize / line)) * line;
  const at = input.value as number;
  for (let from = 0; from < length; from += step) {
    const piece = bytes.subarray(from, from + step);
    if (reserve(piece.length) === 0) throw new RangeError(`no memory for ${piece.length} bytes`);
    new Uint8Array(memory.buffer, at, piece.length).set(piece);
    apply(at, piece.length);
    piece.set(new Uint8Array(memory.buffer, at, piece.length));
  }
  return bytes;
}
