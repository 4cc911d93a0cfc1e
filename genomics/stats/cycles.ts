/** Counts bases and qualities of reads by cycle: in TypeScript, and for reads that are not long in WebAssembly (../assembly/cycles.ts). */
import { roomFor } from '../../core/room.ts';
import { createBaseCounts, gcOf, kinds } from './basecounts.ts';
import type { Column } from './columns.ts';

/** Qualities are bytes. */
export const qualities = 256;

export type Cycles = {
  /** The records that are added next lie in `[start, end)` of these bytes. */
  load(bytes: Uint8Array, start: number, end: number): void;
  /** Adds a first (0) or last (1) read with `length` bases at `seq` and its qualities behind; gives how many bases are G or C. */
  add(bytes: Uint8Array, seq: number, length: number, order: 0 | 1, reverse: boolean): number;
  /** `qualities` counts a cycle, of first and of last reads; and bases as `BaseCounts` has them. */
  build(): { readonly quality: readonly [Uint32Array, Uint32Array]; readonly bases: Column[] };
};

export function createCycles(): Cycles & {
  readonly counts: ReturnType<typeof createBaseCounts>;
  room(order: number, size: number): Uint32Array;
} {
  const counts = createBaseCounts();
  const quality: [Uint32Array, Uint32Array] = [new Uint32Array(0), new Uint32Array(0)];
  const room = (order: number, size: number): Uint32Array => {
    const table = roomFor(quality[order]!, size);
    quality[order] = table;
    return table;
  };
  return {
    counts,
    room,
    load() {},
    add(bytes, seq, length, order, reverse) {
      const table = room(order, qualities * length);
      const qual = seq + ((length + 1) >>> 1);
      let row = reverse ? qualities * (length - 1) : 0;
      const next = reverse ? -qualities : qualities;
      for (let i = qual; i < qual + length; i++, row += next) table[row + bytes[i]!]!++;
      return counts.add(bytes, seq, length, order, reverse);
    },
    build: () => ({ quality, bases: counts.build() }),
  };
}

type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly longest: WebAssembly.Global;
  readonly gcTable: WebAssembly.Global;
  readonly pairs: WebAssembly.Global;
  readonly pairsSize: WebAssembly.Global;
  readonly odd: WebAssembly.Global;
  readonly oddSize: WebAssembly.Global;
  readonly quality: WebAssembly.Global;
  readonly qualitySize: WebAssembly.Global;
  readonly heap: WebAssembly.Global;
  start(): void;
  add(seq: number, length: number, order: number, reverse: boolean): number;
};

// Instances that are at rest: a memory that was used has its pages.
const idle: { readonly module: WebAssembly.Module; readonly exports: Exports }[] = [];

/** As `createCycles`. */
export function createFusedCycles(module: WebAssembly.Module): Cycles {
  const at = idle.findIndex((one) => one.module === module);
  const instance =
    at >= 0
      ? idle.splice(at, 1)[0]!
      : { module, exports: new WebAssembly.Instance(module).exports as unknown as Exports };
  const { exports } = instance;
  const { memory } = exports;
  const numberOf = (global: WebAssembly.Global): number => global.value as number;
  const [heap, longest] = [numberOf(exports.heap), numberOf(exports.longest)];
  new Uint8Array(memory.buffer).set(gcOf, numberOf(exports.gcTable));
  exports.start();
  const plain = createCycles();
  let origin = 0;
  // Bases of the longest read that the kernel counted: no count lies behind them.
  let most = 0;
  return {
    load(bytes, start, end) {
      origin = heap - start;
      const missing = heap + end - start - memory.buffer.byteLength;
      if (missing > 0) memory.grow(Math.ceil(missing / 65536));
      new Uint8Array(memory.buffer, heap).set(bytes.subarray(start, end));
    },
    add(bytes, seq, length, order, reverse) {
      if (length > longest) return plain.add(bytes, seq, length, order, reverse);
      if (length > most) most = length;
      return exports.add(origin + seq, length, order, reverse);
    },
    build() {
      /** The first `count` numbers of a table. */
      const tableAt = (
        base: WebAssembly.Global,
        size: WebAssembly.Global,
        i: number,
        count: number,
      ): Uint32Array => new Uint32Array(memory.buffer, numberOf(base) + i * numberOf(size), count);
      for (let kind = 0; kind < 2 * kinds; kind++)
        plain.counts.addPairs(kind, tableAt(exports.pairs, exports.pairsSize, kind, 256 * ((most + 1) >> 1)));
      for (let column = 0; column < 4; column++)
        tableAt(exports.odd, exports.oddSize, column, 16 * most).forEach((count, i) => {
          if (count > 0) plain.counts.addBase(column, i >> 4, i & 15, count);
        });
      for (const order of [0, 1]) {
        const counts = tableAt(exports.quality, exports.qualitySize, order, qualities * most);
        const table = plain.room(order, counts.length);
        for (let i = 0; i < counts.length; i++) table[i]! += counts[i]!;
      }
      if (idle.length === 0) idle.push(instance);
      return plain.build();
    },
  };
}
