/** DEFLATE (RFC 1951), compressed by a kernel of this project: faster than zlib where there is much noise or much text. */
import { deflateRawSync, deflateSync } from 'node:zlib';
import { kernel, kernelLimit } from './flate.ts';

/**
 * A raw DEFLATE stream of `bytes`. Levels from 6 on look for good matches, those below are some twice as fast; each about as small as zlib's of the same number,
 * or smaller. Equal arguments give equal bytes, whatever was compressed before and whatever zlib is about, up to `kernelLimit`; beyond it under one build of zlib.
 */
export function deflateRaw(bytes: Uint8Array, level: number): Uint8Array<ArrayBuffer> {
  return compress(bytes, level, false) ?? new Uint8Array(deflateRawSync(bytes, { level }));
}

/** The same as a zlib stream (RFC 1950). */
export function deflateZlib(bytes: Uint8Array, level: number): Uint8Array<ArrayBuffer> {
  return compress(bytes, level, true) ?? new Uint8Array(deflateSync(bytes, { level }));
}

/**
 * Room for `length` bytes where the kernel reads them: what is written there and given to `deflateZlib` or `deflateRaw` next is not copied. Good until then.
 */
export function deflateRoom(length: number): Uint8Array<ArrayBuffer> {
  const { reserve, memory, input } = kernel();
  return length > kernelLimit || reserve(length) === 0
    ? new Uint8Array(length)
    : new Uint8Array(memory.buffer, input.value, length);
}

function compress(bytes: Uint8Array, level: number, isZlib: boolean): Uint8Array<ArrayBuffer> | undefined {
  const { length } = bytes;
  const exports = kernel();
  if (length > kernelLimit || exports.reserve(length) === 0) return undefined;
  const { buffer } = exports.memory;
  const input = exports.input.value as number;
  if (bytes.buffer !== buffer || bytes.byteOffset !== input) new Uint8Array(buffer, input, length).set(bytes);
  const size = exports.deflate(length, level, Number(isZlib));
  const from = exports.outputOf(length);
  return new Uint8Array(exports.memory.buffer.slice(from, from + size));
}
