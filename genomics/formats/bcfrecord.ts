/** A record of BCF (VCF 4.3 clause 6.3): its fields, and whether they fit each other and the header. */
import type { LineFault } from '../kernels/samline.ts';
import type { BcfHeader } from './bcfheader.ts';

/** Where the fixed fields of a record lie, in bytes; behind them is ID. */
export const bcfField = {
  shared: 0,
  individual: 4,
  chrom: 8,
  pos: 12,
  span: 16,
  qual: 20,
  infos: 24,
  alleles: 26,
  samples: 28,
  formats: 31,
  id: 32,
} as const;

/** Codes of types. */
export const bcfType = { none: 0, int8: 1, int16: 2, int32: 3, float: 5, char: 7 } as const;

/** Bytes of a record, at most. */
const longest = 2 ** 29;
/** Of what l_shared counts, at least: fixed fields, ID, FILTER. */
const least = 24 + 2;
/** Bytes of a value by its code; -1 of codes that stand for none. */
export const widths = Int8Array.of(0, 1, 2, 4, -1, 4, -1, 1, -1, -1, -1, -1, -1, -1, -1, -1);
const [tab, lineFeed] = [9, 10];

/** `count` values of a type, from `at` on, `size` bytes in all (of FORMAT: of each sample). */
export type Value = { type: number; count: number; at: number; size: number };
export const createValue = (): Value => ({ type: 0, count: 0, at: 0, size: 0 });

export const int16At = (bytes: Uint8Array, at: number): number =>
  ((bytes[at]! | (bytes[at + 1]! << 8)) << 16) >> 16;
export const int32At = (bytes: Uint8Array, at: number): number =>
  bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
/** The whole number of that type. */
export const intAt = (bytes: Uint8Array, at: number, type: number): number =>
  type === bcfType.int8
    ? (bytes[at]! << 24) >> 24
    : type === bcfType.int16
      ? int16At(bytes, at)
      : int32At(bytes, at);
const uint16At = (bytes: Uint8Array, at: number): number => bytes[at]! | (bytes[at + 1]! << 8);
const uint32At = (bytes: Uint8Array, at: number): number => int32At(bytes, at) >>> 0;

export const sharedOf = (bytes: Uint8Array, at: number): number => uint32At(bytes, at);
export const samplesOf = (bytes: Uint8Array, at: number): number =>
  uint32At(bytes, at + bcfField.samples) & 0xff_ffff;
export const infosOf = (bytes: Uint8Array, at: number): number => uint16At(bytes, at + bcfField.infos);
export const allelesOf = (bytes: Uint8Array, at: number): number => uint16At(bytes, at + bcfField.alleles);
/** Old versions of bcftools left a number there when they took the samples away. */
export const formatsOf = (bytes: Uint8Array, at: number): number =>
  samplesOf(bytes, at) === 0 || uint32At(bytes, at + bcfField.individual) === 0
    ? 0
    : bytes[at + bcfField.formats]!;
/** Bytes of the record at `at`, its lengths included. */
export const lengthOf = (bytes: Uint8Array, at: number): number =>
  8 + uint32At(bytes, at) + uint32At(bytes, at + bcfField.individual);

/** Whether the fixed fields at `at` may be a record's. */
export function isPlausible(bytes: Uint8Array, at: number, header: BcfHeader): boolean {
  return (
    samplesOf(bytes, at) === header.samples &&
    uint32At(bytes, at) >= least &&
    lengthOf(bytes, at) <= longest &&
    header.contigs[uint32At(bytes, at + bcfField.chrom)] !== undefined &&
    int32At(bytes, at + bcfField.pos) >= -1
  );
}

/** What is wrong with fixed fields that are not plausible. */
function fixedFault(bytes: Uint8Array, at: number, header: BcfHeader): LineFault {
  const fault = (field: string, found: number, expected: string): LineFault => ({
    field,
    found: `${found}`,
    expected,
  });
  const shared = uint32At(bytes, at);
  if (shared < least) return fault('l_shared', shared, `at least ${least}`);
  if (lengthOf(bytes, at) > longest)
    return fault('its length', lengthOf(bytes, at), `at most ${longest} bytes`);
  const chrom = int32At(bytes, at + bcfField.chrom);
  if (!header.contigs[chrom])
    return fault('CHROM', chrom, `the number of one of the ${header.contigs.length} contigs of the header`);
  const pos = int32At(bytes, at + bcfField.pos);
  if (pos < -1) return fault('POS', pos, 'at least -1');
  return fault('n_sample', samplesOf(bytes, at), `${header.samples} as the header has`);
}

/** How reading a value ended: well, at the end of the bytes at hand, behind the record, or with a type or count that is none. */
const ended = { well: 0, open: 1, past: 2, type: 3, count: 4 } as const;

/**
 * Reads type and count at `at`, of a vector for each of `times` samples. `end` is where the record's part ends,
 * `available` the bytes at hand; a value whose bytes are not all at hand is open.
 */
export function readValue(
  bytes: Uint8Array,
  at: number,
  end: number,
  available: number,
  times: number,
  value: Value,
): number {
  if (at >= end) return ended.past;
  if (at >= available) return ended.open;
  const code = bytes[at]!;
  const width = widths[code & 15]!;
  if (width < 0) return ended.type;
  let count = code >>> 4;
  let from = at + 1;
  if (count === 15) {
    if (from >= end) return ended.past;
    if (from >= available) return ended.open;
    const size = bytes[from]! - 16;
    if (size !== bcfType.int8 && size !== bcfType.int16 && size !== bcfType.int32) return ended.count;
    from++;
    if (from + widths[size]! > end) return ended.past;
    if (from + widths[size]! > available) return ended.open;
    count = intAt(bytes, from, size);
    if (count < 0) return ended.count;
    from += widths[size]!;
  }
  if (count > 0 && width === 0) return ended.type;
  value.type = code & 15;
  value.count = count;
  value.at = from;
  value.size = count * width;
  if (from + value.size * times > end) return ended.past;
  return from + value.size * times > available ? ended.open : ended.well;
}

/** Whether all of a value is one number of the dictionary, say a key; -1 where it is none. */
export const keyOf = (bytes: Uint8Array, { type, count, at }: Value): number =>
  count === 1 && isWhole(type) ? intAt(bytes, at, type) : -1;

const isWhole = (type: number): boolean => type >= bcfType.int8 && type <= bcfType.int32;

/** A tab or a line feed in a string would be columns and lines of its own. */
function isText(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to && bytes[i] !== 0; i++)
    if (bytes[i] === tab || bytes[i] === lineFeed) return false;
  return true;
}

const scratch = createValue();

/**
 * Steps through the record at `at` of the first `available` bytes: undefined where it is all there and its fields fit each other, 'open' where
 * nothing is wrong as far as it is there. Values of samples are not looked at.
 */
export function walk(
  bytes: Uint8Array,
  at: number,
  available: number,
  header: BcfHeader,
): LineFault | 'open' | undefined {
  if (at + bcfField.id > available) return 'open';
  if (!isPlausible(bytes, at, header)) return fixedFault(bytes, at, header);
  const end = at + 8 + sharedOf(bytes, at);
  const value = scratch;
  let next = at + bcfField.id;
  const alleles = allelesOf(bytes, at);
  // ID, then the alleles.
  for (let i = -1; i < alleles; i++) {
    const how = readValue(bytes, next, end, available, 1, value);
    if (how !== ended.well) return faultOf(how, i < 0 ? 'ID' : `allele ${i}`);
    const isString = value.type === bcfType.char || value.count === 0;
    if (!isString || !isText(bytes, value.at, value.at + value.size))
      return fault(i < 0 ? 'ID' : `allele ${i}`, 'no string', 'letters without tabs and line feeds');
    if (i >= 0 && (value.count === 0 || bytes[value.at] === 0)) return fault(`allele ${i}`, 'empty', 'bases');
    next = value.at + value.size;
  }
  const how = readValue(bytes, next, end, available, 1, value);
  if (how !== ended.well) return faultOf(how, 'FILTER');
  for (let i = 0; i < value.count; i++) {
    const key = isWhole(value.type)
      ? intAt(bytes, value.at + (i * value.size) / value.count, value.type)
      : -1;
    if (!header.strings[key]) return keyFault('FILTER', key, header);
  }
  next = value.at + value.size;
  for (let i = infosOf(bytes, at); i > 0; i--) {
    const trouble = pair(bytes, next, end, available, 1, value, header, 'INFO');
    if (trouble) return trouble;
    if (value.type === bcfType.char && !isText(bytes, value.at, value.at + value.size))
      return fault('a value of INFO', 'a tab or a line feed', 'a string without');
    next = value.at + value.size;
  }
  if (next !== end) return fault('l_shared', `${end - at - 8}`, `${next - at - 8}, what its fields take`);
  const last = at + lengthOf(bytes, at);
  const samples = samplesOf(bytes, at);
  for (let i = formatsOf(bytes, at); i > 0; i--) {
    const trouble = pair(bytes, next, last, available, samples, value, header, 'FORMAT');
    if (trouble) return trouble;
    next = value.at + samples * value.size;
  }
  if (next !== last && samples > 0)
    return fault('l_indiv', `${last - end}`, `${next - end}, what its fields take`);
  return last > available ? 'open' : undefined;
}

/** A key and its value, or values of samples. */
function pair(
  bytes: Uint8Array,
  at: number,
  end: number,
  available: number,
  times: number,
  value: Value,
  header: BcfHeader,
  what: 'INFO' | 'FORMAT',
): LineFault | 'open' | undefined {
  const how = readValue(bytes, at, end, available, 1, value);
  if (how !== ended.well) return faultOf(how, `a key of ${what}`);
  const key = keyOf(bytes, value);
  if (!header.strings[key]) return keyFault(`a key of ${what}`, key, header);
  const of = readValue(bytes, value.at + value.size, end, available, times, value);
  return of === ended.well ? undefined : faultOf(of, `${what}/${nameOf(header, key)}`);
}

const nameOf = (header: BcfHeader, key: number): string => Buffer.from(header.strings[key]!).toString();

const fault = (field: string, found: string, expected: string): LineFault => ({ field, found, expected });

const keyFault = (field: string, key: number, { strings }: BcfHeader): LineFault =>
  fault(field, `number ${key}`, `one of the ${strings.length} names that the header defines`);

function faultOf(how: number, field: string): LineFault | 'open' {
  if (how === ended.open) return 'open';
  if (how === ended.past) return fault(field, 'longer than the record', 'values that end within it');
  return how === ended.type
    ? fault(field, 'of no type', 'whole numbers, floats or letters (1, 2, 3, 5, 7)')
    : fault(field, 'of no length', 'a count that is a whole number');
}
