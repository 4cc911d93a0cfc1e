/** Records of BCF as lines of VCF, as bcftools view (1.16) prints them. */
import { roomFor } from '../../core/room.ts';
import { writeNumber } from '../kernels/digits.ts';
import type { LineFault } from '../kernels/samline.ts';
import { floatRoom, writeFloat } from './bcffloat.ts';
import type { BcfHeader } from './bcfheader.ts';
import {
  allelesOf,
  bcfField,
  bcfType,
  createValue,
  formatsOf,
  infosOf,
  int16At,
  int32At,
  intAt,
  keyOf,
  readValue,
  widths,
  type Value,
} from './bcfrecord.ts';

export type BcfText = {
  /** Appends the line of the record at `at`, which `walk` found to be whole. What could not be written is told; it leaves no line. */
  add(bytes: Uint8Array, at: number): LineFault | undefined;
  /** Bytes of the lines so far. */
  readonly size: () => number;
  /** The lines so far; valid until the next one is added, which begins anew. */
  take(): Uint8Array;
};

/** Bytes of a line, at most. */
const longest = 2 ** 29;
const [tab, lineFeed, comma, colon, semicolon, equals, dot, minus, slash, bar] = [
  9, 10, 0x2c, 0x3a, 0x3b, 0x3d, 0x2e, 0x2d, 0x2f, 0x7c,
];
/** A missing letter. */
const missingLetter = 7;
const missingFloat = 0x7f80_0001;
const endFloat = 0x7f80_0002;
/** Missing value and end of a vector of whole numbers, by type. */
const missingOf = Int32Array.of(0, -(2 ** 7), -(2 ** 15), -(2 ** 31));
const endOf = Int32Array.of(0, 1 - 2 ** 7, 1 - 2 ** 15, 1 - 2 ** 31);
/** Bytes of text that a value takes with its comma, at most, by type. */
const rooms = Int32Array.of(1, 5, 7, 12, 0, floatRoom + 1, 0, 1);

export function createBcfText(header: BcfHeader): BcfText {
  const { strings, contigs, genotype, samples } = header;
  // In BCF 2.1 vectors of samples are filled up with missing values.
  const isOld = header.minor === 1;
  let out = new Uint8Array(1 << 19);
  let size = 0;
  let lineStart = 0;
  let fault: LineFault | undefined;
  const bits = new Uint32Array(1);
  const float = new Float32Array(bits.buffer);
  const value = createValue();
  const fields: Value[] = [];
  let genotypeField = -1;

  const room = (bytes: number): void => {
    out = roomFor(out, size + bytes);
  };
  const name = (letters: Uint8Array): void => {
    room(letters.length + 1);
    out.set(letters, size);
    size += letters.length;
  };
  const whole = (number: number): void => {
    if (number >= 0 && number < 10) out[size++] = 48 + number;
    else if (number >= 0) size = writeNumber(out, size, number);
    else {
      out[size++] = minus;
      size = writeNumber(out, size, -number);
    }
  };
  /** The float with these bits. */
  const real = (of: number): void => {
    bits[0] = of;
    const isNegativeNaN = float[0] !== float[0] && of < 0;
    if (isNegativeNaN) out[size++] = minus;
    size = writeFloat(out, size, float[0]!);
  };
  const read = (bytes: Uint8Array, at: number): number => {
    // What holds the record was found to be whole.
    readValue(bytes, at, bytes.length, bytes.length, 1, value);
    return value.at + value.size;
  };

  /** How many values of a sample there are in BCF 2.1: those at the end that are missing fill up. */
  function filled(bytes: Uint8Array, type: number, count: number, at: number): number {
    const width = type === bcfType.float ? 4 : 1 << (type - 1);
    const isMissing = (i: number): boolean =>
      type === bcfType.float
        ? int32At(bytes, at + 4 * i) === missingFloat
        : intAt(bytes, at + width * i, type) === missingOf[type];
    let left = count;
    while (left > 1 && isMissing(left - 1)) left--;
    return left;
  }

  /** Values with commas between; a point where there are none. */
  function values(bytes: Uint8Array, type: number, count: number, at: number): void {
    room(count * rooms[type]! + 2);
    const start = size;
    if (type === bcfType.char) {
      // Of a list of strings BCF 2.1 begins with a comma.
      let i = isOld && bytes[at] === comma ? 1 : 0;
      for (; i < count; i++) {
        const letter = bytes[at + i]!;
        if (letter === 0) break;
        out[size++] = letter === missingLetter ? dot : letter;
      }
    } else if (type === bcfType.float) {
      for (let i = 0; i < count; i++) {
        const of = int32At(bytes, at + 4 * i);
        if (of === endFloat && !isOld) break;
        if (i > 0) out[size++] = comma;
        if (of === missingFloat) out[size++] = dot;
        else real(of);
      }
    } else {
      const [missing, end] = [missingOf[type]!, endOf[type]!];
      for (let i = 0; i < count; i++) {
        const number = intAt(bytes, at + i * widths[type]!, type);
        if (!isOld && number === end) break;
        if (i > 0) out[size++] = comma;
        if (number === missing) out[size++] = dot;
        else whole(number);
      }
    }
    if (size === start) out[size++] = dot;
  }

  /** Alleles, each as twice its number and two more, one more where it is phased with the one before; below two it is missing. */
  function alleles(bytes: Uint8Array, type: number, count: number, at: number, sample: number): void {
    room(count * rooms[type]! + 2);
    const [missing, end] = [missingOf[type]!, endOf[type]!];
    const start = size;
    for (let i = 0; i < count; i++) {
      const number = intAt(bytes, at + i * widths[type]!, type);
      if (number < 0) {
        if (isOld ? number === missing : number === end) break;
        if (number !== missing) {
          fault ??= {
            field: `GT of sample ${sample + 1}`,
            found: `${number}`,
            expected: 'the numbers of alleles',
          };
          return;
        }
      }
      if (i > 0) out[size++] = (number & 1) === 1 ? bar : slash;
      if (number < 2) out[size++] = dot;
      else whole((number >> 1) - 1);
    }
    if (size === start) out[size++] = dot;
  }

  /** Columns up to ALT; gives where FILTER lies. */
  function site(bytes: Uint8Array, at: number): number {
    name(contigs[int32At(bytes, at + bcfField.chrom)]!);
    room(20);
    out[size++] = tab;
    size = writeNumber(out, size, int32At(bytes, at + bcfField.pos) + 1);
    out[size++] = tab;
    let next = read(bytes, at + bcfField.id);
    values(bytes, value.type, value.count, value.at);
    const count = allelesOf(bytes, at);
    for (let i = 0; i < Math.max(2, count); i++) {
      room(2);
      out[size++] = i < 2 ? tab : comma;
      if (i < count) {
        next = read(bytes, next);
        values(bytes, value.type, value.count, value.at);
      } else out[size++] = dot;
    }
    return next;
  }

  /** QUAL, FILTER, INFO; gives where they end. */
  function annotations(bytes: Uint8Array, at: number, from: number): number {
    room(floatRoom + 4);
    out[size++] = tab;
    const quality = int32At(bytes, at + bcfField.qual);
    if (quality === missingFloat) out[size++] = dot;
    else real(quality);
    out[size++] = tab;
    let next = read(bytes, from);
    if (value.count === 0) out[size++] = dot;
    const step = value.count > 0 ? value.size / value.count : 0;
    for (let i = 0; i < value.count; i++) {
      const place = value.at + i * step;
      if (i > 0) out[size++] = semicolon;
      name(strings[step === 1 ? bytes[place]! : step === 2 ? int16At(bytes, place) : int32At(bytes, place)]!);
    }
    room(2);
    out[size++] = tab;
    const count = infosOf(bytes, at);
    if (count === 0) out[size++] = dot;
    for (let i = 0; i < count; i++) {
      next = read(bytes, next);
      room(1);
      if (i > 0) out[size++] = semicolon;
      name(strings[keyOf(bytes, value)]!);
      next = read(bytes, next);
      // A flag has no values.
      if (value.count === 0) continue;
      room(1);
      out[size++] = equals;
      values(bytes, value.type, value.count, value.at);
    }
    return next;
  }

  /** FORMAT; its fields are in `fields` then. */
  function format(bytes: Uint8Array, at: number, from: number): void {
    let next = from;
    const count = formatsOf(bytes, at);
    genotypeField = -1;
    room(2);
    out[size++] = tab;
    if (count === 0) out[size++] = dot;
    for (let i = 0; i < count; i++) {
      next = read(bytes, next);
      const key = keyOf(bytes, value);
      room(1);
      if (i > 0) out[size++] = colon;
      name(strings[key]!);
      const field = (fields[i] ??= createValue());
      readValue(bytes, next, bytes.length, bytes.length, samples, field);
      next = field.at + samples * field.size;
      if (key !== genotype) continue;
      genotypeField = i;
      if (field.type > bcfType.int32)
        fault = { field: 'GT', found: `of type ${field.type}`, expected: 'whole numbers (1, 2, 3)' };
    }
  }

  function columns(bytes: Uint8Array, count: number): void {
    for (let sample = 0; sample < samples && !fault; sample++) {
      room(2);
      out[size++] = tab;
      if (count === 0) out[size++] = dot;
      for (let i = 0; i < count; i++) {
        const { type, count: length, at, size: step } = fields[i]!;
        if (i > 0) {
          room(1);
          out[size++] = colon;
        }
        const from = size;
        if (i === genotypeField) alleles(bytes, type, length, at + sample * step, sample);
        else {
          const place = at + sample * step;
          const isFilled = isOld && type !== bcfType.char && length > 1;
          values(bytes, type, isFilled ? filled(bytes, type, length, place) : length, place);
        }
        if (type === bcfType.char && hasBreak(out, from, size))
          fault ??= {
            field: `a string of sample ${sample + 1}`,
            found: 'a tab or a line feed',
            expected: 'a string without',
          };
      }
      if (size - lineStart > longest)
        fault ??= { field: 'its line', found: 'longer', expected: `at most ${longest} bytes` };
    }
  }

  return {
    add(bytes, at) {
      fault = undefined;
      lineStart = size;
      const next = annotations(bytes, at, site(bytes, at));
      if (samples > 0) {
        format(bytes, at, next);
        columns(bytes, formatsOf(bytes, at));
      }
      room(1);
      out[size++] = lineFeed;
      if (fault) size = lineStart;
      return fault;
    },
    size: () => size,
    take() {
      const lines = out.subarray(0, size);
      size = 0;
      lineStart = 0;
      return lines;
    },
  };
}

function hasBreak(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) if (bytes[i] === tab || bytes[i] === lineFeed) return true;
  return false;
}
