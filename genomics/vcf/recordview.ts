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
  /** Kinds of all alternate alleles together. */
  kinds(): number;
};

export function createRecordView({ samples }: VcfHeader): RecordView {
  let line!: Line;
  const infoKeys: string[] = [];
  const formatKeys: string[] = [];
  let [findInfo, findFormat]: [Finder, Finder] = [infoFinder([]), formatFinder([])];
  let [hasInfo, hasFields, hasBounds] = [false, false, false];
  let [infoAt, fieldAt] = [new Int32Array(0), new Int32Array(0)];
  let bounds = new Int32Array(0);
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
  /** Of each sample, bounds of all keys that are asked for. */
  const boundsOf = (): Int32Array => {
    if (hasBounds) return bounds;
    hasBounds = true;
    const fields = fieldsOf();
    const { bytes, at, end } = line;
    const stride = 2 * formatKeys.length;
    let start = at[9]!;
    for (let sample = 0; sample < samples.length; sample++) {
      for (let k = 0; k < stride; k++) bounds[sample * stride + k] = 0;
      let begin = start;
      for (let field = 0; ; field++) {
        let stop = begin;
        while (stop < end && bytes[stop] !== tab && bytes[stop] !== colon) stop++;
        for (let k = 0; k < fields.length; k++)
          if (fields[k] === field) {
            bounds[sample * stride + 2 * k] = begin;
            bounds[sample * stride + 2 * k + 1] = stop;
          }
        if (stop >= end || bytes[stop] === tab) {
          start = stop + 1;
          break;
        }
        begin = stop + 1;
      }
    }
    return bounds;
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
      findFormat = formatFinder(formatKeys);
      fieldAt = new Int32Array(formatKeys.length);
      bounds = new Int32Array(2 * formatKeys.length * samples.length);
      return at;
    },
    info(key) {
      const at = infoOf();
      return at[2 * key]! < 0 ? undefined : [at[2 * key]!, at[2 * key + 1]!];
    },
    hasFormat: (key) => fieldsOf()[key]! >= 0,
    format(key, sample) {
      const of = boundsOf();
      const at = 2 * (sample * formatKeys.length + key);
      return [of[at]!, of[at + 1]!];
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
