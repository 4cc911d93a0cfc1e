/** Reads BED: regions of contigs, from plain or gzipped text. */
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';

/** The regions of a contig by start, those of equal start as in the file: half-open, in bases. */
export type ContigRegions = {
  readonly start: Uint32Array;
  readonly end: Uint32Array;
  /** The fourth column, in `Bed.text`; empty without one. */
  readonly nameStart: Uint32Array;
  readonly nameEnd: Uint32Array;
};

export type Bed = {
  readonly text: Uint8Array;
  readonly contigs: ReadonlyMap<string, ContigRegions>;
};

/** Bytes of text, which is held in memory. */
const maxSize = 2 ** 30;
const maxPosition = 2 ** 32 - 1;
const inflate = promisify(gunzip);

/**
 * Reads a BED file whole. Lines that start with `#`, `track ` or `browser ` and blank ones are no regions.
 * @throws BadInput with the file and the line of a region that is none
 */
export async function readBed(source: Source, name: string): Promise<Bed> {
  if (source.size > maxSize)
    throw new BadInput(`BED: ${name} has ${source.size} bytes, expected at most ${maxSize}; split it`);
  const bytes = await source.read(0, source.size);
  return parseBed(bytes[0] === 0x1f && bytes[1] === 0x8b ? await unzip(bytes, name) : bytes, name);
}

async function unzip(bytes: Uint8Array, name: string): Promise<Uint8Array> {
  try {
    return await inflate(bytes, { maxOutputLength: maxSize });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const found = code === 'ERR_BUFFER_TOO_LARGE' ? `inflates to more than ${maxSize} bytes` : message;
    throw new BadInput(`BED: ${name} cannot be inflated: ${found}; compress it again with bgzip or gzip`);
  }
}

const [tab, lineFeed, space, hash] = [9, 10, 32, 0x23];
const isSpace = (byte: number): boolean => byte === space || (byte >= tab && byte <= 13);

/** Regions of one contig as they are met. */
type Collected = { start: number[]; end: number[]; nameStart: number[]; nameEnd: number[] };

/**
 * Reads the text of a BED file.
 * @throws BadInput with the file and the line
 */
export function parseBed(text: Uint8Array, name: string): Bed {
  const contigs = new Map<string, Collected>();
  const decoder = new TextDecoder();
  const decode = (from: number, to: number): string => decoder.decode(text.subarray(from, to));
  // The contig of the last line, which is mostly that of the next one.
  let last: { from: number; to: number; regions: Collected } | undefined;
  for (let at = 0, line = 1; at < text.length; line++) {
    let next = text.indexOf(lineFeed, at);
    if (next < 0) next = text.length;
    let [from, to] = [at, next];
    at = next + 1;
    while (to > from && isSpace(text[to - 1]!)) to--;
    if (to === from || text[from] === hash) continue;
    if (/^(track|browser) /.test(decode(from, Math.min(to, from + 8)))) continue;
    while (isSpace(text[from]!)) from++;
    const fail = (found: string, expected: string): BadInput =>
      new BadInput(`BED: line ${line} of ${name} has ${found}, expected ${expected}; correct it`);
    const ends = columnEnds(text, from, to);
    if (ends.length < 3) throw fail(`${ends.length} columns`, 'contig, start and end with tabs between');
    const number = (column: number, what: string): number => {
      const [begin, end] = [ends[column - 1]! + 1, ends[column]!];
      const value = parseDigits(text, begin, end);
      if (value < 0)
        throw fail(
          `${what} ${JSON.stringify(decode(begin, Math.min(end, begin + 40)))}`,
          `a number from 0 to ${maxPosition}`,
        );
      return value;
    };
    const [start, end] = [number(1, 'start'), number(2, 'end')];
    if (start > end) throw fail(`start ${start} after end ${end}`, 'start <= end');
    if (!last || !isEqual(text, from, ends[0]!, last)) {
      const contig = decode(from, ends[0]!);
      let regions = contigs.get(contig);
      if (!regions) contigs.set(contig, (regions = { start: [], end: [], nameStart: [], nameEnd: [] }));
      last = { from, to: ends[0]!, regions };
    }
    const { regions } = last;
    regions.start.push(start);
    regions.end.push(end);
    regions.nameStart.push(ends.length > 3 ? ends[2]! + 1 : 0);
    regions.nameEnd.push(ends.length > 3 ? ends[3]! : 0);
  }
  return { text, contigs: new Map([...contigs].map(([contig, regions]) => [contig, sorted(regions)])) };
}

/** Where the first four columns of `[from, to)` end, or as many as there are. */
function columnEnds(text: Uint8Array, from: number, to: number): number[] {
  const ends: number[] = [];
  for (let i = from; i < to && ends.length < 4; i++) if (text[i] === tab) ends.push(i);
  if (ends.length < 4) ends.push(to);
  return ends;
}

/** A whole number in `[from, to)`; -1 if it is none or too large. */
function parseDigits(text: Uint8Array, from: number, to: number): number {
  if (from >= to) return -1;
  let value = 0;
  for (let i = from; i < to; i++) {
    const digit = text[i]! - 48;
    if (digit < 0 || digit > 9) return -1;
    value = 10 * value + digit;
    if (value > maxPosition) return -1;
  }
  return value;
}

function isEqual(text: Uint8Array, from: number, to: number, other: { from: number; to: number }): boolean {
  if (to - from !== other.to - other.from) return false;
  for (let i = 0; i < to - from; i++) if (text[from + i] !== text[other.from + i]) return false;
  return true;
}

function sorted({ start, end, nameStart, nameEnd }: Collected): ContigRegions {
  const order = Uint32Array.from(start, (_, i) => i);
  // Ties stay in the order of the file.
  if (start.some((value, i) => i > 0 && value < start[i - 1]!))
    order.sort((a, b) => start[a]! - start[b]! || a - b);
  const column = (values: readonly number[]): Uint32Array => Uint32Array.from(order, (i) => values[i]!);
  return {
    start: column(start),
    end: column(end),
    nameStart: column(nameStart),
    nameEnd: column(nameEnd),
  };
}
