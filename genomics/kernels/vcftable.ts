/** Lines of VCF and their columns, found by the kernel of variants, which also inflates them and counts genotypes over the samples. */
import type { Context } from '../../core/job.ts';
import { type Arena, inflateInto, type Inflater } from '../formats/inflate.ts';
import type { Line } from './vcfline.ts';

type Numbers = {
  readonly [
    name in 'heap' | 'tableAt' | 'tableRows' | 'blockAt' | 'blockRoom' | 'next' | 'printed'
  ]: WebAssembly.Global;
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
    inflateRaw(
      from: number,
      length: number,
      fromEnd: number,
      to: number,
      room: number,
      toEnd: number,
    ): number;
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
  /** Inflates the blocks of a file behind all that was reserved: half as fast again as zlib where literals prevail, and nothing is copied to be looked at. */
  readonly arena: Arena;
  /** Room for `bytes`, zeros, behind what was reserved before; gives where it is. Views of the memory end with it. Not while a file is read. */
  reserve(bytes: number): number;
  /** Where the text at hand lies in the memory. */
  readonly text: () => number;
  /** Gives each line of whole lines to `take`, as long as that gives nothing. `line` is filled anew for each. */
  each<T>(bytes: Uint8Array, line: Line, take: (line: Line) => T | undefined): T | undefined;
};

const row = 12;
/** What the kernel may look at behind text, or write behind what it inflates. */
const margin = 512;
const align = (at: number): number => (at + 63) & ~63;
// Instances that are at rest: a memory that was used has its pages.
const idle: { readonly module: WebAssembly.Module; readonly exports: VcfExports }[] = [];

/** What `work` makes with a table of its own. The job has `vcfModules`. */
export async function withVcfTable<R>(
  context: Pick<Context, 'module'>,
  work: (table: VcfTable) => Promise<R>,
): Promise<R> {
  const module = await context.module('vcf');
  const at = idle.findIndex((one) => one.module === module);
  const exports =
    at < 0
      ? (new WebAssembly.Instance(module).exports as unknown as VcfExports)
      : idle.splice(at, 1)[0]!.exports;
  const done = await work(createVcfTable(exports));
  if (idle.length === 0) idle.push({ module, exports });
  return done;
}

function createVcfTable(exports: VcfExports): VcfTable {
  exports.start();
  const { memory } = exports;
  const [tableAt, rows] = [globalOf(exports.tableAt), globalOf(exports.tableRows)];
  let heap = align(globalOf(exports.heap));
  const grow = (end: number): void => {
    const missing = end - memory.buffer.byteLength;
    if (missing > 0) memory.grow(Math.ceil(missing / 65536));
  };
  // Where what the arena gave ends, and where the text at hand begins.
  let end = heap;
  let text = heap;
  const place = (bytes: Uint8Array): void => {
    if (bytes.buffer === memory.buffer) {
      text = bytes.byteOffset;
      return;
    }
    text = end;
    grow(text + bytes.length + margin);
    new Uint8Array(memory.buffer).set(bytes, text);
  };
  return {
    exports,
    arena: {
      inflate: createInflater(exports),
      // What it gave before lies there already.
      room(size) {
        end = align(heap + size + margin);
        grow(end);
        return new Uint8Array(memory.buffer, heap, size);
      },
    },
    reserve(bytes) {
      if (end > heap) throw new Error('memory is reserved before a file is read');
      const at = heap;
      heap = end = align(heap + bytes);
      grow(heap);
      new Uint8Array(memory.buffer, at, heap - at).fill(0);
      return at;
    },
    text: () => text,
    each(bytes, line, take) {
      place(bytes);
      const table = new Int32Array(memory.buffer, tableAt, row * rows);
      line.bytes = bytes;
      const stop = text + bytes.length;
      for (let from = text; from < stop; from = globalOf(exports.next)) {
        const count = exports.lines(from, stop);
        for (let i = 0; i < count; i++) {
          for (let k = 0; k < 10; k++) line.at[k] = table[row * i + k]! - text;
          line.end = table[row * i + 10]! - text;
          line.tabs = table[row * i + 11]!;
          const found = take(line);
          if (found !== undefined) return found;
        }
      }
      return undefined;
    },
  };
}

/** What is wrong with a stream is for zlib to find and to word. */
function createInflater(exports: VcfExports): Inflater {
  const { memory } = exports;
  const [from, most] = [globalOf(exports.blockAt), globalOf(exports.blockRoom)];
  return (input, start, end, output, at, size) => {
    const length = end - start;
    new Uint8Array(memory.buffer, from, length).set(input.subarray(start, end));
    const to = output.byteOffset + at;
    const found = exports.inflateRaw(from, length, from + most, to, size, to + size + margin);
    return found === size ? undefined : inflateInto(input, start, end, output, at, size);
  };
}
