/** Indexes of bgzipped text, sorted by contig and first base: what tabix makes, by parts. */
import { BadInput, BadUsage } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { chunks, formatVirtual, inflate, type Virtual } from '../formats/bgzf.ts';
import type { Layout, Shape } from '../formats/binning.ts';
import { type Binned, createBinner, type Unfit } from '../kernels/bins.ts';
import { type Columns, type Interval, readInterval } from '../kernels/intervals.ts';

const hash = 0x23;
const presets: { readonly [name: string]: Columns } = {
  vcf: { preset: 'vcf', sequence: 1, begin: 2, end: 0, zeroBased: false, comment: hash, skip: 0 },
  bed: { preset: 'generic', sequence: 1, begin: 2, end: 3, zeroBased: true, comment: hash, skip: 0 },
  gff: { preset: 'generic', sequence: 1, begin: 4, end: 5, zeroBased: false, comment: hash, skip: 0 },
  sam: { preset: 'sam', sequence: 3, begin: 4, end: 0, zeroBased: false, comment: 0x40, skip: 0 },
};
export const presetNames = ['auto', 'vcf', 'bed', 'gff', 'sam', 'columns'] as const;

/** What of the options says where lines lie. */
export type Given = {
  readonly preset: (typeof presetNames)[number];
  readonly sequence: number;
  readonly begin: number;
  readonly end: number;
  readonly comment: string;
  readonly 'skip-lines': number;
  readonly 'zero-based': boolean;
};

/** @throws BadUsage where neither options nor the file's name or first lines tell the columns */
export function columnsOf(given: Given, name: string, head: string): Columns {
  const { preset } = given;
  const comment = given.comment.charCodeAt(0) || hash;
  if (preset === 'columns') {
    const { sequence, begin, end, 'zero-based': zeroBased, 'skip-lines': skip } = given;
    return { preset: 'generic', sequence, begin, end: end === begin ? 0 : end, zeroBased, comment, skip };
  }
  const found = preset === 'auto' ? presetOf(name, head) : preset;
  if (!found)
    throw new BadUsage(
      `option preset: neither the name of ${name} nor its first line tells what its columns are; add --preset vcf, bed, gff, sam or columns`,
    );
  return presets[found]!;
}

function presetOf(name: string, head: string): string | undefined {
  if (head.startsWith('##fileformat=VCF')) return 'vcf';
  if (head.startsWith('##gff-version')) return 'gff';
  if (/^@(HD|SQ|RG|PG|CO)\t/.test(head)) return 'sam';
  const [, ending] = /\.(vcf|bed|gff|gff3|gtf|sam)\.b?gz$/i.exec(name) ?? [];
  return ending && ending.toLowerCase().replace(/^(gff3|gtf)$/, 'gff');
}

/** The columns as indexes say them. */
export function layoutOf({ preset, sequence, begin, end, zeroBased, comment, skip }: Columns): Layout {
  const format = { generic: 0, sam: 1, vcf: 2 }[preset] | (zeroBased ? 0x10000 : 0);
  return [format, sequence, begin, end, comment, skip];
}

/** The first text of a file, as far as its first block goes. */
export async function headOf(source: Source, name: string): Promise<string> {
  for await (const bytes of inflate(source, name, [0, 0], undefined, { chunk: 1, hint: 0 }))
    return Buffer.from(bytes).toString('latin1');
  return '';
}

/** The bins: those of TBI, or of a CSI that reaches as far as the header says a contig does, and 2^31 at least, as tabix has it. */
export async function shapeOf(
  source: Source,
  name: string,
  isCsi: boolean,
  minShift: number,
  { comment, preset }: Columns,
): Promise<Shape> {
  if (!isCsi) return { minShift: 14, depth: 5 };
  let depth = Math.floor((31 - minShift + 2) / 3);
  let longest = 0;
  const pattern = preset === 'vcf' ? /^##contig.*?length[ =]*(\d+)/ : /^@SQ.*?\tLN:(\d+)/;
  let rest = '';
  read: for await (const bytes of inflate(source, name, [0, 0], undefined, { chunk: 1 << 16, hint: 0 })) {
    const lines = (rest + Buffer.from(bytes).toString('latin1')).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      if (line.charCodeAt(0) !== comment) break read;
      if (preset !== 'generic') longest = Math.max(longest, Number(pattern.exec(line)?.[1] ?? 0));
    }
  }
  while (longest + 256 > 2 ** (minShift + 3 * depth)) depth++;
  return { minShift, depth };
}

/** A part's lines, binned; its contigs are numbered as they come, with their names. */
export type Lines = Binned & { readonly names: readonly string[] };

/**
 * Bins the lines that begin behind a line feed in the blocks `[from, to)`; the file's first line belongs to the first part.
 * @throws BadInput with the place of a line that has no interval, or is not in order
 */
export async function binLines(
  source: Source,
  name: string,
  [from, to]: readonly [from: number, to: number],
  columns: Columns,
  shape: Shape,
  signal: AbortSignal,
): Promise<Lines> {
  const binner = createBinner(shape);
  const names: string[] = [];
  const known = new Map<string, number>();
  const interval: Interval = { from: 0, to: 0, begin: 0, end: 0, problem: '' };
  let last = { name: '', id: -1 };
  let skip = from === 0 ? columns.skip : 0;
  let isOpen = from === 0;

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
    if (unfit) throw faultOf(unfit, where(), text);
  };

  const pieces = chunks(source, name, [from, 0], undefined, { signal, hint: to });
  try {
    for (let keep = 0; ;) {
      const { value: chunk, done } = await pieces.next(keep);
      if (done) break;
      const { bytes, place, placeOfEnd } = chunk;
      const isLast = place(bytes.length)[0] >= source.size;
      let start = 0;
      for (;;) {
        const feed = bytes.indexOf(10, start);
        if (feed < 0) break;
        if (isOpen) take(bytes, start, feed, place);
        start = feed + 1;
        // The next line is the next part's.
        if (place(feed)[0] >= to) {
          binner.end(placeOfEnd(start));
          return { ...binner.build(), names };
        }
        isOpen = true;
      }
      if (isLast && start < bytes.length && isOpen) {
        take(bytes, start, bytes.length, place);
        start = bytes.length;
      }
      binner.end(placeOfEnd(start));
      if (isLast) break;
      keep = bytes.length - start;
      // Of a line that began in an earlier part only its end matters.
      if (!isOpen && keep > 0 && place(bytes.length)[0] >= to) break;
    }
  } finally {
    await pieces.return();
  }
  return { ...binner.build(), names };
}

const notTogether = (contig: string, where: string): BadInput =>
  new BadInput(
    `index: ${where} is on ${contig}, of which other lines came before those of another contig; expected them together: sort the file by contig and first base`,
  );

function faultOf(unfit: Unfit, where: string, contig: string): BadInput {
  if (unfit.why === 'far')
    return new BadInput(
      `index: ${where} ends at base ${unfit.end}, behind what the bins reach; add --format csi, or a larger --min-shift`,
    );
  return new BadInput(
    `index: ${where}: found ${contig}:${unfit.found[1] + 1} after ${contig}:${unfit.before[1] + 1}, expected sorted lines; sort the file by contig and first base`,
  );
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
