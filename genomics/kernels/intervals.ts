/** Which bases a line of text is about, by its columns, as tabix has it (htslib 1.16, tbx_parse1). */

/** Columns count from 1; `end` 0: there is none. */
export type Columns = {
  readonly preset: 'generic' | 'sam' | 'vcf';
  readonly sequence: number;
  readonly begin: number;
  readonly end: number;
  /** First bases count from 0, and ends are not included. */
  readonly zeroBased: boolean;
  /** Lines that begin with this byte are no records. */
  readonly comment: number;
  /** Lines at the file's start that are none. */
  readonly skip: number;
};

/** What a line says: where its contig's name lies in it, and bases `[begin, end)` from 0; or what is wrong. */
export type Interval = { from: number; to: number; begin: number; end: number; problem: string };

const tab = 9;

/** A whole number at the start of `[from, to)`, as strtoll reads it; NaN without one. */
function numberAt(bytes: Uint8Array, from: number, to: number): number {
  let at = from;
  while (at < to && bytes[at] === 32) at++;
  const isNegative = bytes[at] === 0x2d;
  if (isNegative || bytes[at] === 0x2b) at++;
  const start = at;
  let value = 0;
  for (; at < to; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) break;
    value = 10 * value + digit;
  }
  return at === start ? NaN : isNegative ? -value : value;
}

/** Reads the line `[start, stop)` into `out`. */
export function readInterval(
  bytes: Uint8Array,
  start: number,
  stop: number,
  columns: Columns,
  out: Interval,
): void {
  const { preset, sequence, begin, end, zeroBased } = columns;
  [out.from, out.to, out.begin, out.end, out.problem] = [-1, -1, -1, -1, ''];
  for (let from = start, column = 1; from <= stop; column++) {
    let to = from;
    while (to < stop && bytes[to] !== tab) to++;
    if (column === sequence) [out.from, out.to] = [from, to];
    else if (column === begin) {
      const value = numberAt(bytes, from, to);
      out.begin = zeroBased ? value : value - 1;
      out.end = zeroBased ? value + 1 : value;
      if (Number.isNaN(value)) break;
      // A place before the first base counts as the first.
      out.begin = Math.max(0, out.begin);
      out.end = Math.max(1, out.end);
    } else if (preset === 'generic') {
      if (column === end) out.end = numberAt(bytes, from, to);
    } else if (preset === 'sam') {
      if (column === 6) out.end = out.begin + Math.max(1, extentOf(bytes, from, to));
    } else if (column === 4) {
      if (to > from) out.end = out.begin + to - from;
    } else if (column === 8) {
      const found = endOfInfo(bytes, from, to);
      // One that is no greater is left aside.
      if (found > out.begin) out.end = found;
    }
    from = to + 1;
  }
  if (out.from < 0) out.problem = `no column ${sequence}`;
  else if (!(out.begin >= 0)) out.problem = `no whole number in column ${begin}`;
  else if (!(out.end >= 0)) out.problem = `no whole number in column ${end}`;
}

/** Bases of the reference that a CIGAR steps over, of M, D and N. */
function extentOf(bytes: Uint8Array, from: number, to: number): number {
  let [extent, length] = [0, 0];
  for (let i = from; i < to; i++) {
    const digit = bytes[i]! - 48;
    if (digit >= 0 && digit <= 9) {
      length = 10 * length + digit;
      continue;
    }
    const op = bytes[i]! & ~32;
    if (op === 0x4d || op === 0x44 || op === 0x4e) extent += length;
    length = 0;
  }
  return extent;
}

/** The value of END in INFO; NaN without one. */
function endOfInfo(bytes: Uint8Array, from: number, to: number): number {
  for (let i = from; i + 4 <= to; i++) {
    const isKey = i === from || bytes[i - 1] === 0x3b;
    if (isKey && bytes[i] === 0x45 && bytes[i + 1] === 0x4e && bytes[i + 2] === 0x44 && bytes[i + 3] === 0x3d)
      return numberAt(bytes, i + 4, to);
  }
  return NaN;
}
