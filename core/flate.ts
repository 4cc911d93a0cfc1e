/** The kernel that deflates and inflates. */
import { readFileSync } from 'node:fs';
import { deflateUrl } from './kernels/modules.ts';

/** What `core/assembly/deflate.ts` exports; addresses and lengths in bytes. */
type Kernel = {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly input: WebAssembly.Global;
  readonly reserve: (length: number) => number;
  readonly outputOf: (length: number) => number;
  readonly deflate: (length: number, level: number, isZlib: number) => number;
  readonly reserveInflated: (length: number, room: number) => number;
  readonly inflatedOf: (length: number) => number;
  readonly inflateZlib: (length: number, room: number) => number;
  readonly subtract: (at: number, length: number, line: number, size: number, back: number) => void;
  readonly addUp: (at: number, length: number, line: number, size: number, back: number) => void;
  readonly split: (at: number, length: number, line: number, size: number) => number;
  readonly join: (at: number, length: number, line: number, size: number) => number;
};

/** More than this, and the kernel's memory would stay too large for what comes after: zlib takes such input. */
export const kernelLimit = 2 ** 26;

let instance: Kernel | undefined;

/** One a thread, since it is called synchronously; compiled when it is first needed. */
export const kernel = (): Kernel =>
  (instance ??= new WebAssembly.Instance(new WebAssembly.Module(readFileSync(deflateUrl())))
    .exports as unknown as Kernel);
