/** Records by place: the order of contigs over several files, where in a file the records of a stretch are, and these records, one by one. */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import type { Range } from '../formats/textlines.ts';
import { type VcfHeading, vcfLines } from '../formats/vcffile.ts';
import type { VcfHeader } from '../formats/vcfheader.ts';

/** Of a contig by its number, and a position from 0 (which telomeres have) or 1 on. */
export type Place = readonly [contig: number, pos: number];
export const comparePlaces = (a: Place, b: Place): number => a[0] - b[0] || a[1] - b[1];

/** The first columns of a line, with FORMAT; `samples`: all that stands behind that, with tabs between. */
export type PlacedRecord = {
  readonly place: Place;
  readonly columns: readonly string[];
  readonly samples: string;
};

/** Numbers contigs: those that the header defines, in its order; then others by the numbers in their names. */
export type ContigOrder = (name: string) => number;
export function contigOrder({ contigs }: VcfHeader): ContigOrder {
  const known = new Map([...contigs.keys()].map((name, i) => [name, i]));
  return (name) => {
    const found = known.get(name);
    if (found !== undefined) return found;
    const number = /^(?:chr)?(\d{1,3})$/i.exec(name)?.[1];
    const letter = ['x', 'y', 'm', 'mt'].indexOf(name.toLowerCase().replace(/^chr/, ''));
    // Names that say nothing have one number: they are told apart by who compares them.
    return 1e6 + (number !== undefined ? Number(number) : letter >= 0 ? 2000 + Math.min(letter, 2) : 3000);
  };
}

const feed = 10;

/** The place of the first line that begins in a range; undefined where none does. */
export async function firstPlace(
  source: Source,
  name: string,
  range: Range,
  heading: VcfHeading,
  order: ContigOrder,
  signal: AbortSignal,
): Promise<Place | undefined> {
  for await (const { bytes } of vcfLines(source, name, range, heading, signal))
    for (let at = 0; at < bytes.length;) {
      const end = bytes.indexOf(feed, at);
      const stop = end < 0 ? bytes.length : end;
      if (bytes[at] !== 0x23 && stop > at) {
        const [contig, pos] = Buffer.from(bytes.subarray(at, Math.min(stop, at + 4096)))
          .toString('latin1')
          .split('\t', 2);
        return [order(contig!), Number(pos)];
      }
      at = stop + 1;
    }
  return undefined;
}

/**
 * The records of a range whose places are within `[from, to)`; the file must be in order.
 * @throws BadInput for lines that are none, with their place
 */
export async function* placedRecords(
  source: Source,
  name: string,
  range: Range,
  heading: VcfHeading,
  order: ContigOrder,
  [from, to]: readonly [Place, Place],
  signal: AbortSignal,
): AsyncGenerator<PlacedRecord> {
  const { header } = heading;
  const width = header.samples.length > 0 ? 9 : 8;
  const fail = (line: string, found: string, expected: string): BadInput =>
    new BadInput(
      `VCF: ${line.split('\t', 2).join(':').slice(0, 80)} of ${name}: found ${found}, expected ${expected}; correct or remove it`,
    );
  let last: Place = [-1, -1];
  for await (const { bytes } of vcfLines(source, name, range, heading, signal)) {
    for (let at = 0; at < bytes.length;) {
      const end = bytes.indexOf(feed, at);
      const stop = end < 0 ? bytes.length : end;
      const isRecord = bytes[at] !== 0x23 && stop > at && !(stop === at + 1 && bytes[at] === 13);
      const start = at;
      at = stop + 1;
      if (!isRecord) continue;
      const line = Buffer.from(bytes.buffer, bytes.byteOffset + start, stop - start)
        .toString('latin1')
        .replace(/\r$/, '');
      const columns: string[] = [];
      let begin = 0;
      for (let k = 0; k < width && begin <= line.length; k++) {
        const tab = line.indexOf('\t', begin);
        const close = tab < 0 || (width === 8 && k === 7 && tab < 0) ? line.length : tab;
        columns.push(line.slice(begin, close));
        begin = close + 1;
      }
      const samples = begin <= line.length ? line.slice(begin) : '';
      if (columns.length < width)
        throw fail(
          line,
          `${columns.length} columns`,
          `${width + header.samples.length} of them, tabs between`,
        );
      const pos = /^\d{1,15}$/.test(columns[1]!) ? Number(columns[1]) : NaN;
      if (Number.isNaN(pos))
        throw fail(line, `POS ${JSON.stringify(columns[1]!.slice(0, 40))}`, 'a whole number');
      const place: Place = [order(columns[0]!), pos];
      if (comparePlaces(place, last) < 0)
        throw new BadInput(
          `VCF: ${columns[0]}:${pos} of ${name} comes behind a later place, expected records in order; sort them (servermix run genomics/vcf-filter puts them in order)`,
        );
      last = place;
      if (comparePlaces(place, from) < 0) continue;
      if (comparePlaces(place, to) >= 0) return;
      yield { place, columns, samples };
    }
  }
}
