/** Lines of VCF and their columns, found by the kernel of variants, which also counts genotypes over the samples. */
import type { Context } from '../../core/job.ts';
import type { Inflater } from '../formats/inflate.ts';
import { kernelInflater } from './inflater.ts';
import type { Line } from './vcfline.ts';

type Numbers = {
  readonly [name in 'heap' | 'tableAt' | 'tableRows' | 'next' | 'printed']: WebAssembly.Global;
};
type Places = {
  readonly [
    name in
      | 'foundAt'
      | 'depthsAt'
      | 'fractionsAt'
      | 'limbsAt'
      | 'packedAt'
      | 'basesAt'
      | 'countsAt'
      | 'kindsAt'
      | 'genotyped'
  ]: WebAssembly.Global;
};
export type VcfExports = Numbers &
  Places & {
    readonly memory: WebAssembly.Memory;
    start(): void;
    lines(from: number, to: number): number;
    layout(slots: number, by: number, depths: number): void;
    count(
      from: number,
      end: number,
      samples: number,
      isAll: boolean,
      fields: number,
      gt: number,
      dp: number,
      ad: number,
      alleles: number,
    ): number;
    kinds(
      from: number,
      end: number,
      slots: number,
      samples: number,
      isAll: boolean,
      gt: number,
      alleles: number,
    ): number;
    fields(from: number, end: number, base: number, samples: number, tables: number, count: number): void;
    print(
      steps: number,
      count: number,
      order: number,
      first: number,
      samples: number,
      mask: number,
      base: number,
      out: number,
      limit: number,
    ): number;
  };

export const globalOf = (global: WebAssembly.Global): number => global.value as number;

export type VcfTable = {
  readonly exports: VcfExports;
  /** What inflates the blocks of a file. */
  readonly inflate: Inflater;
  /** Room for `bytes`, zeros, behind what was reserved before; gives where it is. Views of the memory end with it. */
  reserve(bytes: number): number;
  /** Where the text at hand lies in the memory. */
  readonly text: () => number;
  /** Gives each line of whole lines to `take`, as long as that gives nothing. `line` is filled anew for each. */
  each<T>(bytes: Uint8Array, line: Line, take: (line: Line) => T | undefined): T | undefined;
};

const row = 12;
// Instances that are at rest: a memory that was used has its pages.
const idle: { readonly module: WebAssembly.Module; readonly exports: VcfExports }[] = [];

/** What `work` makes with a table of its own. The job has `vcfModules`. */
export async function withVcfTable<R>(
  context: Pick<Context, 'module'>,
  work: (table: VcfTable) => Promise<R>,
): Promise<R> {
  const module = await context.module('vcf');
  const inflate = kernelInflater(await context.module('scan'));
  const at = idle.findIndex((one) => one.module === module);
  const exports =
    at < 0
      ? (new WebAssembly.Instance(module).exports as unknown as VcfExports)
      : idle.splice(at, 1)[0]!.exports;
  const done = await work(createVcfTable(exports, inflate));
  if (idle.length === 0) idle.push({ module, exports });
  return done;
}

function createVcfTable(exports: VcfExports, inflate: Inflater): VcfTable {
  exports.start();
  const { memory } = exports;
  const [tableAt, rows] = [globalOf(exports.tableAt), globalOf(exports.tableRows)];
  let heap = (globalOf(exports.heap) + 63) & ~63;
  const grow = (end: number): void => {
    const missing = end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
  };
  const text = (): number => heap;
  return {
    exports,
    inflate,
    reserve(bytes) {
      const at = heap;
      heap = (heap + bytes + 63) & ~63;
      grow(heap);
      new Uint8Array(memory.buffer, at, heap - at).fill(0);
      return at;
    },
    text,
    each(bytes, line, take) {
      // The kernel looks at 16 bytes at a time.
      grow(heap + bytes.length + 16);
      new Uint8Array(memory.buffer).set(bytes, heap);
      const table = new Int32Array(memory.buffer, tableAt, row * rows);
      line.bytes = bytes;
      const end = heap + bytes.length;
      for (let from = heap; from < end; from = globalOf(exports.next)) {
        const count = exports.lines(from, end);
        for (let i = 0; i < count; i++) {
          for (let k = 0; k < 10; k++) line.at[k] = table[row * i + k]! - heap;
          line.end = table[row * i + 10]! - heap;
          line.tabs = table[row * i + 11]!;
          const found = take(line);
          if (found !== undefined) return found;
        }
      }
      return undefined;
    },
  };
}
