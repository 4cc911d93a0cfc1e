/** Columns of piled reads as text by the row kernel, in WebAssembly; its source is ../assembly/rows.ts, its twin pilerows.ts. */
import { codeOf, letters } from './letters.ts';
import type { RowRules, Rows } from './pilerows.ts';
import { makeRoom } from './text.ts';
import type { Depths } from './pileup.ts';
import { read, type Stack, stride } from './stack.ts';

type Exports = {
  readonly memory: WebAssembly.Memory;
  readonly letterTable: WebAssembly.Global;
  readonly codeTable: WebAssembly.Global;
  readonly depthTable: WebAssembly.Global;
  readonly roomTable: WebAssembly.Global;
  readonly wantedTable: WebAssembly.Global;
  readonly nameAt: WebAssembly.Global;
  readonly heap: WebAssembly.Global;
  show(quality: number, mapq: boolean): void;
  setReference(at: number, from: number, to: number): void;
  write(
    table: number,
    count: number,
    data: number,
    letters: number,
    qualities: number,
    mapping: number,
    out: number,
    nameLength: number,
    from: number,
    size: number,
    isWhole: boolean,
  ): number;
};

/** Room behind what is copied 16 bytes at a time. */
const spare = 64;

/** As `createRows`. */
export function createFusedRows(
  module: WebAssembly.Module,
  stack: Stack,
  { depth, room }: Depths,
  rules: RowRules,
): Rows {
  const exports = new WebAssembly.Instance(module).exports as unknown as Exports;
  const { memory } = exports;
  const addressOf = (global: WebAssembly.Global): number => global.value as number;
  const heap = addressOf(exports.heap);
  let memoryBytes = new Uint8Array(memory.buffer);
  for (let code = 0; code < 16; code++) {
    memoryBytes[addressOf(exports.letterTable) + code] = letters.charCodeAt(code);
    memoryBytes[addressOf(exports.letterTable) + 16 + code] = letters.toLowerCase().charCodeAt(code);
  }
  memoryBytes.set(codeOf, addressOf(exports.codeTable));
  exports.show(rules.quality, rules.mapq);

  return {
    write(text, name, { from, to, reach }, ref, wanted) {
      const size = to - from;
      const { count, table } = stack;
      let [letterCount, total] = [0, 0];
      for (let i = 0; i < size; i++) {
        letterCount += room[i]!;
        total += depth[i]!;
      }
      const bound = letterCount + 2 * total + size * (name.length + 40);
      // Only what the window's reads have, up to the last one.
      const first = count > 0 ? table[read.record]! : stack.fill;
      const shown = ref ? Math.max(0, Math.min(ref.to, Math.max(to, reach)) - from) : 0;

      let end = heap;
      const lay = (length: number): number => {
        const at = end;
        end = (end + length + spare) & ~15;
        return at;
      };
      const tableAt = lay(4 * count * stride);
      const dataAt = lay(stack.fill - first);
      const refAt = lay(shown);
      const seqAt = lay(letterCount);
      const qualAt = lay(total);
      const mapqAt = rules.mapq ? lay(total) : 0;
      const outAt = lay(bound);
      if (end > memoryBytes.length) {
        memory.grow(Math.ceil((2 * end - memoryBytes.length) / 65536));
        memoryBytes = new Uint8Array(memory.buffer);
      }
      const rows = new Int32Array(memory.buffer, tableAt, count * stride);
      rows.set(table.subarray(0, count * stride));
      memoryBytes.set(stack.bytes.subarray(first, stack.fill), dataAt);
      if (ref) memoryBytes.set(ref.bytes.subarray(from - ref.from, from - ref.from + shown), refAt);
      exports.setReference(refAt, from, ref ? Math.min(from + shown, ref.to) : 0);
      new Int32Array(memory.buffer, addressOf(exports.depthTable), size).set(depth.subarray(0, size));
      new Int32Array(memory.buffer, addressOf(exports.roomTable), size).set(room.subarray(0, size));
      const wantedAt = addressOf(exports.wantedTable);
      if (wanted) memoryBytes.set(wanted.subarray(0, size), wantedAt);
      else memoryBytes.fill(1, wantedAt, wantedAt + size);
      memoryBytes.set(name, addressOf(exports.nameAt));
      const stop = exports.write(
        tableAt,
        count,
        dataAt - first,
        seqAt,
        qualAt,
        mapqAt,
        outAt,
        name.length,
        from,
        size,
        rules.isWhole,
      );
      table.set(rows);
      makeRoom(text, stop - outAt);
      text.bytes.set(memoryBytes.subarray(outAt, stop), text.fill);
      text.fill += stop - outAt;
    },
  };
}
