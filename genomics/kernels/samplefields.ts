/** Where fields of the samples of a line lie, by the kernel of variants. */
import { BadInput } from '../../core/errors.ts';
import { column, endOf, type Line, textOf } from './vcfline.ts';
import type { VcfTable } from './vcftable.ts';

export type SampleFields = {
  /** Makes room for the bounds of one more field; gives its number. */
  add(): number;
  /** Finds the fields of a line: `at[number]` is which one of a sample's it is, or -1. @throws BadInput for one behind the first 4096 */
  find(line: Line, at: Int32Array): void;
  /** Of each sample, bounds of the field of that number in the line's bytes, both 0 where the sample ends before; valid until the next line. */
  bounds(number: number): Int32Array;
  /** Where the kernel has these. */
  tableOf(number: number): number;
};

/** Fields of a sample, at most; BCF has room for 255. */
const maxFields = 1 << 12;

export function createSampleFields(table: VcfTable, samples: number): SampleFields {
  const { exports } = table;
  const { memory } = exports;
  const tablesAt = table.reserve(4 * maxFields);
  const places: number[] = [];
  return {
    add: () => places.push(table.reserve(8 * samples)) - 1,
    find(line, at) {
      const count = at.reduce((most, field) => Math.max(most, field), -1) + 1;
      if (count > maxFields)
        throw new BadInput(
          `VCF: FORMAT of ${textOf(line.bytes, line.at[0]!, endOf(line, column.pos)).replace('\t', ':')} has ${count} keys, expected at most ${maxFields}; correct or remove the record`,
        );
      const tables = new Uint32Array(memory.buffer, tablesAt, count).fill(0);
      for (let number = 0; number < places.length; number++)
        if (at[number]! >= 0) tables[at[number]!] = places[number]!;
      const text = table.text();
      exports.fields(text + line.at[9]!, text + line.end, text, samples, tablesAt, count);
    },
    bounds: (number) => new Int32Array(memory.buffer, places[number]!, 2 * samples),
    tableOf: (number) => places[number]!,
  };
}
