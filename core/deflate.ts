/** DEFLATE (RFC 1951) by the kernel beside this module. */
import { readFileSync } from 'node:fs';

type Kernel = {
  readonly memory: WebAssembly.Memory;
  readonly input: WebAssembly.Global;
  reserve(length: number): number;
  outputOf(length: number): number;
  deflate(length: number, level: number, isZlib: number): number;
};
let kernel: Kernel | undefined;
function load(): Kernel {
  const module = new WebAssembly.Module(readFileSync(new URL('kernels/deflate.wasm', import.meta.url)));
  return (kernel = new WebAssembly.Instance(module).exports as unknown as Kernel);
}
function run(bytes: Uint8Array, level: number, z: number): Uint8Array {
  const k = kernel ?? load();
  k.reserve(bytes.length);
  new Uint8Array(k.memory.buffer, k.input.value, bytes.length).set(bytes);
  const n = k.deflate(bytes.length, level, z);
  const at = k.outputOf(bytes.length);
  return new Uint8Array(k.memory.buffer).slice(at, at + n);
}
export const deflateZlib = (bytes: Uint8Array, level: number) => run(bytes, level, 1);
export const deflateRaw = (bytes: Uint8Array, level: number) => run(bytes, level, 0);
