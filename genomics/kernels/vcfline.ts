/** Columns and keys of a line of VCF, found in its bytes (VCF 4.3 clause 1.6); nothing is split or copied. */
import { roomFor } from '../../core/room.ts';
import type { LineFault } from './samline.ts';

const [tab, comma, semicolon, colon, equals, dot] = [9, 0x2c, 0x3b, 0x3a, 0x3d, 0x2e];
/** Columns before the samples. */
export const column = {
  chrom: 0,
  pos: 1,
  id: 2,
  ref: 3,
  alt: 4,
  qual: 5,
  filter: 6,
  info: 7,
  format: 8,
} as const;
const names = ['CHROM', 'POS', 'ID', 'REF', 'ALT', 'QUAL', 'FILTER', 'INFO', 'FORMAT'];
const maxPosition = Number.MAX_SAFE_INTEGER;
const isLetter = (byte: number): boolean => (byte | 32) >= 0x61 && (byte | 32) <= 0x7a;

export const textOf = (bytes: Uint8Array, from: number, to: number): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
const shown = (bytes: Uint8Array, from: number, to: number): string =>
  from === to ? 'empty' : JSON.stringify(textOf(bytes, from, Math.min(to, from + 40)));

/** A line's places. */
export type Line = {
  bytes: Uint8Array;
  /** Where each of the first nine columns begins, then the samples; a column ends one byte before the next one begins. */
  readonly at: Int32Array;
  end: number;
  tabs: number;
  /** Position of the first base, from 1. */
  pos: number;
  /** Alternate alleles: bounds of each in turn; none where ALT is `.`. */
  alts: Int32Array;
  altCount: number;
};

export const createLine = (): Line => ({
  bytes: new Uint8Array(0),
  at: new Int32Array(10),
  end: 0,
  tabs: 0,
  pos: 0,
  alts: new Int32Array(32),
  altCount: 0,
});

export const endOf = (line: Line, of: number): number => line.at[of + 1]! - 1;
export const isMissing = ({ bytes }: Line, from: number, to: number): boolean =>
  to - from === 1 && bytes[from] === dot;

/** Checks what all that reads lines relies on, and reads position and alleles. The columns are found already; `samples` is how many the header names. */
export function readLine(line: Line, samples: number): LineFault | undefined {
  const { bytes, end, tabs } = line;
  const columns = samples > 0 ? 9 + samples : 8;
  // A tab at the end begins no column; without samples there may be a FORMAT.
  const isMore = tabs >= columns && !(tabs === columns && (bytes[end - 1] === tab || samples === 0));
  if (tabs < columns - 1 || isMore)
    return {
      field: 'the line',
      found: `${tabs + 1} ${tabs === 0 ? 'column' : 'columns'}`,
      expected: `${columns} of them, tabs between`,
    };
  return readChrom(line) ?? readPos(line) ?? readAlleles(line);
}

const faultOf = (line: Line, of: number, expected: string): LineFault => ({
  field: names[of]!,
  found: shown(line.bytes, line.at[of]!, endOf(line, of)),
  expected,
});

function readChrom(line: Line): LineFault | undefined {
  const { bytes, at } = line;
  const to = endOf(line, column.chrom);
  if (to === at[0]) return faultOf(line, column.chrom, 'a name');
  for (let i = at[0]!; i < to; i++)
    if (bytes[i]! <= 0x20) return faultOf(line, column.chrom, 'a name without blanks');
  return undefined;
}

function readPos(line: Line): LineFault | undefined {
  const { bytes, at } = line;
  const to = endOf(line, column.pos);
  let value = 0;
  for (let i = at[1]!; i < to; i++) {
    const digit = bytes[i]! - 48;
    if (digit < 0 || digit > 9 || value > maxPosition) return faultOf(line, column.pos, 'a whole number');
    value = 10 * value + digit;
  }
  if (to === at[1] || value > maxPosition) return faultOf(line, column.pos, 'a whole number');
  line.pos = value;
  return undefined;
}

function readAlleles(line: Line): LineFault | undefined {
  const { bytes, at } = line;
  const refTo = endOf(line, column.ref);
  if (refTo === at[3]) return faultOf(line, column.ref, 'bases');
  for (let i = at[3]!; i < refTo; i++)
    if (!isLetter(bytes[i]!)) return faultOf(line, column.ref, 'bases, letters alone');
  const [from, to] = [at[4]!, endOf(line, column.alt)];
  line.altCount = 0;
  if (isMissing(line, from, to)) return undefined;
  for (let start = from; start <= to;) {
    let stop = start;
    while (stop < to && bytes[stop] !== comma) {
      if (bytes[stop]! <= 0x20) return faultOf(line, column.alt, 'alleles without blanks');
      stop++;
    }
    if (stop === start) return faultOf(line, column.alt, 'alleles with commas between, or .');
    if (2 * line.altCount + 2 > line.alts.length) line.alts = roomFor(line.alts, 2 * line.altCount + 2);
    line.alts[2 * line.altCount] = start;
    line.alts[2 * line.altCount + 1] = stop;
    line.altCount++;
    start = stop + 1;
  }
  return undefined;
}

/** QUAL; NaN where it is missing. A fault where it is no number. */
export function readQual(line: Line): number | LineFault {
  const [from, to] = [line.at[5]!, endOf(line, column.qual)];
  if (isMissing(line, from, to)) return NaN;
  const value = numberOf(line.bytes, from, to);
  return Number.isNaN(value) && !/^[+-]?nan$/i.test(textOf(line.bytes, from, to))
    ? faultOf(line, column.qual, 'a number or .')
    : value;
}

/** The number that `[from, to)` spells; NaN where it spells none. */
export function numberOf(bytes: Uint8Array, from: number, to: number): number {
  // Numbers of up to 15 digits, signed or not, with a point among them or without one, without a string.
  const sign = bytes[from] === 0x2d ? -1 : 1;
  let i = sign < 0 || bytes[from] === 0x2b ? from + 1 : from;
  const first = i;
  let value = 0;
  for (; i < to && i - first < 15; i++) {
    const digit = bytes[i]! - 48;
    if (digit < 0 || digit > 9) break;
    value = 10 * value + digit;
  }
  if (i === to && i > first) return sign * value;
  if (i > first && bytes[i] === dot && i + 1 < to && to - first <= 16) {
    // Both are exact, so their quotient is the nearest number, as it is of the text.
    let scale = 1;
    for (i++; i < to; i++, scale *= 10) {
      const digit = bytes[i]! - 48;
      if (digit < 0 || digit > 9) break;
      value = 10 * value + digit;
    }
    if (i === to) return (sign * value) / scale;
  }
  if (to - from > 40 || to === from) return NaN;
  const text = textOf(bytes, from, to);
  if (/^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text)) return Number(text);
  const special = /^([+-]?)(inf(inity)?|nan)$/i.exec(text);
  if (!special) return NaN;
  return special[2]!.toLowerCase() === 'nan' ? NaN : special[1] === '-' ? -Infinity : Infinity;
}

/** Where values of some keys lie: of key `i` at `[2 * i]` and `[2 * i + 1]`, -1 where it is absent; of a flag both are the end of its name. */
export type Finder = (bytes: Uint8Array, from: number, to: number) => Int32Array;

/** Looks for keys of INFO; of one that stands twice the first counts. */
export function infoFinder(keys: readonly string[]): Finder {
  const wanted = keys.map((key) => Buffer.from(key, 'latin1'));
  const at = new Int32Array(2 * keys.length);
  return (bytes, from, to) => {
    at.fill(-1);
    for (let start = from; start < to;) {
      let [stop, key] = [start, -1];
      for (; stop < to && bytes[stop] !== semicolon; stop++)
        if (key < 0 && bytes[stop] === equals) key = stop;
      const keyEnd = key < 0 ? stop : key;
      for (let k = 0; k < wanted.length; k++)
        if (at[2 * k]! < 0 && isKey(bytes, start, keyEnd, wanted[k]!)) {
          at[2 * k] = key < 0 ? stop : key + 1;
          at[2 * k + 1] = stop;
        }
      start = stop + 1;
    }
    return at;
  };
}

function isKey(bytes: Uint8Array, from: number, to: number, key: Uint8Array): boolean {
  if (to - from !== key.length) return false;
  for (let i = 0; i < key.length; i++) if (bytes[from + i] !== key[i]) return false;
  return true;
}

/** Looks for keys of FORMAT: which of its fields each one is, -1 where it is absent. */
export function formatFinder(keys: readonly string[]): Finder {
  const wanted = keys.map((key) => Buffer.from(key, 'latin1'));
  const at = new Int32Array(keys.length);
  return (bytes, from, to) => {
    at.fill(-1);
    let field = 0;
    for (let start = from; start <= to; field++) {
      let stop = start;
      while (stop < to && bytes[stop] !== colon) stop++;
      for (let k = 0; k < wanted.length; k++)
        if (at[k]! < 0 && isKey(bytes, start, stop, wanted[k]!)) at[k] = field;
      start = stop + 1;
    }
    return at;
  };
}
