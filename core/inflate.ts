/** zlib streams (RFC 1950), inflated by a kernel of this project: half as fast again as zlib where literals prevail. */
import { inflateSync } from 'node:zlib';
import { kernel, kernelLimit } from './flate.ts';

/**
 * What a zlib stream becomes, `most` bytes at most; bytes behind its end do not count.
 * @throws Error of zlib, which finds and words what is wrong with a stream
 */
export const inflateZlib = (bytes: Uint8Array, most: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(inflateInPlace(bytes, most));

/**
 * The same where the kernel has it, at a multiple of 64 bytes: free to be changed, and good until the kernel is next asked for anything.
 */
export function inflateInPlace(bytes: Uint8Array, most: number): Uint8Array<ArrayBuffer> {
  const { length } = bytes;
  if (length <= kernelLimit && most <= kernelLimit) {
    const { reserveInflated, memory, input, inflatedOf, inflateZlib: inflate } = kernel();
    if (reserveInflated(length, most) !== 0) {
      new Uint8Array(memory.buffer, input.value, length).set(bytes);
      const size = inflate(length, most);
      if (size >= 0) return new Uint8Array(memory.buffer, inflatedOf(length), size);
    }
  }
  return new Uint8Array(inflateSync(bytes, { maxOutputLength: Math.max(1, most) }));
}
