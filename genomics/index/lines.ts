/** Indexes of bgzipped text, sorted by contig and first base: what tabix makes, by parts. */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { formatVirtual, type Virtual } from '../formats/bgzf.ts';
import type { Shape } from '../formats/binning.ts';
import type { Range } from '../formats/textlines.ts';
import { wholeLines } from '../formats/wholelines.ts';
import { type Binned, createBinner } from '../kernels/bins.ts';
import { type Columns, type Interval, readInterval } from '../kernels/intervals.ts';
import { faultOf, notTogether } from './faults.ts';

/** A part's lines, binned; its contigs are numbered as they come, with their names. */
export type Lines = Binned & { readonly names: readonly string[] };

/**
 * Bins the lines that begin behind a line feed in the blocks of a range; the file's first line belongs to the first part.
 * @throws BadInput with the place of a line that has no interval, or is not in order
 */
export async function binLines(
  source: Source,
  name: string,
  range: Range,
  columns: Columns,
  shape: Shape,
  signal: AbortSignal,
): Promise<Lines> {
  const binner = createBinner(shape);
  const names: string[] = [];
  const known = new Map<string, number>();
  const interval: Interval = { from: 0, to: 0, begin: 0, end: 0, problem: '' };
  let last = { name: '', id: -1 };
  let skip = range.from === 0 ? columns.skip : 0;

  const take = (bytes: Uint8Array, start: number, stop: number, place: (at: number) => Virtual): void => {
    if (skip > 0) {
      skip--;
      return;
    }
    const end = stop > start && bytes[stop - 1] === 13 ? stop - 1 : stop;
    if (end === start || bytes[start] === columns.comment) return;
    readInterval(bytes, start, end, columns, interval);
    const where = (): string => `line at ${formatVirtual(place(start))} of ${name}`;
    if (interval.problem !== '')
      throw new BadInput(
        `index: ${where()} has ${interval.problem}, expected contig, begin and end; give the right --preset, or correct it`,
      );
    const contig = Buffer.from(bytes.buffer, bytes.byteOffset + interval.from, interval.to - interval.from);
    const text = contig.toString('latin1');
    if (text !== last.name || last.id < 0) {
      if (known.has(text)) throw notTogether(text, where());
      last = { name: text, id: names.push(text) - 1 };
      known.set(text, last.id);
    }
    const unfit = binner.add(last.id, interval.begin, interval.end, true, start, place);
    if (unfit) throw faultOf(unfit, where(), ([, pos]) => `${text}:${pos + 1}`);
  };

  for await (const { bytes, place, placeOfEnd } of wholeLines(source, name, range, 'bgzf', signal)) {
    for (let start = 0; start < bytes.length;) {
      const feed = bytes.indexOf(10, start);
      const stop = feed < 0 ? bytes.length : feed;
      take(bytes, start, stop, place);
      start = stop + 1;
    }
    binner.end(placeOfEnd(bytes.length));
  }
  return { ...binner.build(), names };
}

/** Joins the names of neighbouring parts: all of them, and for each part its contigs' numbers among them. */
export function joinNames(all: readonly { readonly names: readonly string[] }[]): {
  readonly names: string[];
  readonly numbers: readonly number[][];
} {
  const names: string[] = [];
  const known = new Set<string>();
  const numbers = all.map((part) =>
    part.names.map((name, i) => {
      if (i === 0 && names.at(-1) === name) return names.length - 1;
      if (known.has(name)) throw notTogether(name, 'a line');
      known.add(name);
      return names.push(name) - 1;
    }),
  );
  return { names, numbers };
}
