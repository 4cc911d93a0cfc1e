/** DEFLATE (RFC 1951), compressed by a kernel of this project: faster than zlib where there is much noise or much text. */
import { readFileSync } from 'node:fs';
import { deflateRawSync, deflateSync } from 'node:zlib';
import { deflateUrl } from './kernels/modules.ts';

/** What `core/assembly/deflate.ts` exports; addresses and lengths in bytes. */
type Kernel = {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly input: WebAssembly.Global;
  reserve(length: number): number;
  outputOf(length: number): number;
  deflate(length: number, level: number, isZlib: number): number;
};

/** More than this, and the kernel's memory would stay too large for what comes after: zlib takes such input. */
export const kernelLimit = 2 ** 26;

// One a thread, since it is called synchronously; compiled when it is first needed.
let instance: Kernel | undefined;
const kernel = (): Kernel =>
  (instance ??= new WebAssembly.Instance(new WebAssembly.Module(readFileSync(deflateUrl())))
    .exports as unknown as Kernel);

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
