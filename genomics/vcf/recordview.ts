/** A record's values by name, found when they are asked for and not before; the columns of its line are known. */
import type { Field, VcfHeader } from '../formats/vcfheader.ts';
import { alleleOf, kindOf } from '../kernels/alleles.ts';
import {
  column,
  endOf,
  type Finder,
  formatFinder,
  infoFinder,
  type Line,
  numberOf,
  textOf,
} from '../kernels/vcfline.ts';
import { createSampleFields } from '../kernels/samplefields.ts';
import type { VcfTable } from '../kernels/vcftable.ts';
import { leadingInteger } from '../kernels/vcfvalues.ts';

const [tab, colon, comma, dot] = [9, 0x3a, 0x2c, 0x2e];

export type RecordView = {
  /** Turns to the next record. */
  turn(line: Line): void;
  readonly line: () => Line;
  /** Registers a key; gives what `info` or `format` take. */
  needInfo(key: string): number;
  needFormat(key: string): number;
  /** Bounds of the value of a key of INFO, both ends of its name for a flag; undefined where it is absent. */
  info(key: number): readonly [from: number, to: number] | undefined;
  /** Whether FORMAT has a key. */
  hasFormat(key: number): boolean;
  /** Bounds of a sample's value of a key of FORMAT; of one that ends before, empty. */
  format(key: number, sample: number): readonly [from: number, to: number];
  /** Where the kernel has the bounds of a key, eight bytes a sample; 0 where FORMAT lacks it. */
  readonly tableOf: (key: number) => number;
  /** Kinds of all alternate alleles together. */
  kinds(): number;
};

/** With `table` its kernel finds what lies in samples. */
export function createRecordView({ samples }: VcfHeader, table?: VcfTable): RecordView {
  let line!: Line;
  const infoKeys: string[] = [];
  const formatKeys: string[] = [];
  let [findInfo, findFormat]: [Finder, Finder] = [infoFinder([]), formatFinder([])];
  let [hasInfo, hasFields, hasBounds] = [false, false, false];
  let [infoAt, fieldAt] = [new Int32Array(0), new Int32Array(0)];
  const kernel = table && createSampleFields(table, samples.length);
  const tables: Int32Array[] = [];
  const infoOf = (): Int32Array => {
    if (!hasInfo)
      infoAt = findInfo(line.bytes, line.at[column.info]!, endOf(line, column.info)) as typeof infoAt;
    hasInfo = true;
    return infoAt;
  };
  const fieldsOf = (): Int32Array => {
    if (!hasFields) {
      if (samples.length === 0) fieldAt.fill(-1);
      else
        fieldAt = findFormat(
          line.bytes,
          line.at[column.format]!,
          endOf(line, column.format),
        ) as typeof fieldAt;
    }
    hasFields = true;
    return fieldAt;
  };
  /** Of each sample, bounds of a key. */
  const boundsOf = (key: number): Int32Array => {
    if (!hasBounds) {
      hasBounds = true;
      if (kernel) {
        kernel.find(line, fieldsOf());
        for (let k = 0; k < formatKeys.length; k++) tables[k] = kernel.bounds(k);
      } else findBounds(line, fieldsOf(), tables);
    }
    return tables[key]!;
  };
  const need = (keys: string[], key: string): number =>
    keys.includes(key) ? keys.indexOf(key) : keys.push(key) - 1;
  return {
    turn(next) {
      line = next;
      hasInfo = hasFields = hasBounds = false;
    },
    line: () => line,
    needInfo(key) {
      const at = need(infoKeys, key);
      findInfo = infoFinder(infoKeys);
      return at;
    },
    needFormat(key) {
      const at = need(formatKeys, key);
      if (at < tables.length) return at;
      findFormat = formatFinder(formatKeys);
      fieldAt = new Int32Array(formatKeys.length);
      tables.push(new Int32Array(kernel ? 0 : 2 * samples.length));
      kernel?.add();
      return at;
    },
    info(key) {
      const at = infoOf();
      return at[2 * key]! < 0 ? undefined : [at[2 * key]!, at[2 * key + 1]!];
    },
    hasFormat: (key) => fieldsOf()[key]! >= 0,
    format(key, sample) {
      const of = boundsOf(key);
      return [of[2 * sample]!, of[2 * sample + 1]!];
    },
    tableOf(key) {
      boundsOf(key);
      return kernel && fieldsOf()[key]! >= 0 ? kernel.tableOf(key) : 0;
    },
    kinds() {
      const { bytes, at, alts, altCount } = line;
      const [from, to] = [at[column.ref]!, endOf(line, column.ref)];
      let kinds = 0;
      for (let k = 0; k < altCount; k++)
        kinds |= kindOf(alleleOf(bytes, from, to, alts[2 * k]!, alts[2 * k + 1]!));
      return kinds;
    },
  };
}

/** As the kernel finds them: `tables` get the bounds of the field that each key is, of each sample; those that it lacks are empty. */
function findBounds({ bytes, at, end }: Line, fields: Int32Array, tables: readonly Int32Array[]): void {
  let begin = at[9]!;
  for (const table of tables) table.fill(0);
  for (let [sample, field] = [0, 0]; 2 * sample < (tables[0]?.length ?? 0); field++) {
    let stop = begin;
    while (stop < end && bytes[stop] !== tab && bytes[stop] !== colon) stop++;
    for (let k = 0; k < fields.length; k++)
      if (fields[k] === field) tables[k]!.set([begin, stop], 2 * sample);
    if (stop >= end || bytes[stop] === tab) [sample, field] = [sample + 1, -1];
    begin = stop + 1;
  }
}

/** Gives each value of a list to `take`, NaN where it is missing, as its type reads; gives how many there are. */
export function readNumbers(
  bytes: Uint8Array,
  from: number,
  to: number,
  type: Field['type'],
  take: (value: number, i: number) => void,
): number {
  let count = 0;
  for (let at = from; at <= to; count++) {
    let stop = at;
    while (stop < to && bytes[stop] !== comma) stop++;
    const isMissing = stop === at || (stop === at + 1 && bytes[at] === dot);
    take(
      isMissing
        ? NaN
        : type === 'Integer'
          ? leadingInteger(bytes, at, stop)
          : Math.fround(numberOf(bytes, at, stop)),
      count,
    );
    at = stop + 1;
  }
  return count;
}

export const columnText = (line: Line, of: number): string =>
  textOf(line.bytes, line.at[of]!, endOf(line, of));
