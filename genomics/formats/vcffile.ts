/** A file of variants: VCF as text, plain, bgzipped or gzipped; its header, and its lines by parts. */
import { BadInput } from '../../core/errors.ts';
import type { Dataset, InputSpec, Planning, Source } from '../../core/job.ts';
import { readAhead } from '../../core/sources/readahead.ts';
import type { LineFault } from '../kernels/samline.ts';
import { createLine, type Line } from '../kernels/vcfline.ts';
import type { VcfTable } from '../kernels/vcftable.ts';
import { checkEof, inflate } from './bgzf.ts';
import { type Range, rangesOf } from './textlines.ts';
import { parseVcfHeader, type VcfHeader } from './vcfheader.ts';
import { type Packing, packingOf, wholeLines } from './wholelines.ts';

/** Bytes of a header, at most. */
const maxHeader = 2 ** 28;
const [lineFeed, hash] = [10, 0x23];

/** What jobs over VCF read. */
export const vcfInput: InputSpec = {
  doc: 'variants, plain, bgzipped or gzipped; no index is needed',
  formats: ['vcf', 'vcf.gz', 'vcf.bgz'],
};

export type VcfHeading = {
  readonly packing: Packing;
  readonly header: VcfHeader;
  /** What a person should know of the file. */
  readonly notes: readonly string[];
};

/** @throws BadInput for what is no VCF, has a damaged header, or is cut short */
export async function readVcfHeading(source: Source, name: string): Promise<VcfHeading> {
  if (source.size === 0)
    throw new BadInput(`VCF: ${name} is empty (0 bytes), expected ##fileformat=VCFv4.3; copy it again`);
  const packing = packingOf(await source.read(0, Math.min(4, source.size)));
  if (packing === 'bgzf') await checkEof(source, name);
  const header = parseVcfHeader(await headText(source, name, packing), name);
  const isEnded = packing !== 'plain' || (await source.read(source.size - 1, source.size))[0] === lineFeed;
  if (!isEnded && header.version < 4.4)
    throw new BadInput(
      `VCF: ${name} (${source.size} bytes) does not end with a line feed, expected one as of VCF ${header.version}: its last line is cut short; copy it again, or add a line feed if it is whole`,
    );
  return {
    packing,
    header,
    notes: isEnded
      ? []
      : [`VCF: ${name} does not end with a line feed: if it was cut short, records are missing`],
  };
}

/** The lines that begin with `#`. */
async function headText(source: Source, name: string, packing: Packing): Promise<string> {
  const pieces = headPieces(source, name, packing);
  const found: Buffer[] = [];
  let size = 0;
  let isStart = true;
  for await (const bytes of pieces) {
    let end = 0;
    while (end < bytes.length && !(isStart && bytes[end] !== hash)) {
      const feed = bytes.indexOf(lineFeed, end);
      isStart = feed >= 0;
      end = feed < 0 ? bytes.length : feed + 1;
    }
    if (size === 0 && end === 0)
      throw new BadInput(
        `VCF: ${name} begins with ${JSON.stringify(Buffer.from(bytes.subarray(0, 8)).toString('latin1'))}, expected ##fileformat=VCFv4.3; is it a VCF?`,
      );
    found.push(Buffer.from(bytes.subarray(0, end)));
    size += end;
    if (size > maxHeader) throw new BadInput(`VCF: the header of ${name} has more than ${maxHeader} bytes`);
    if (end < bytes.length) break;
  }
  return Buffer.concat(found).toString('utf8');
}

async function* headPieces(source: Source, name: string, packing: Packing): AsyncGenerator<Uint8Array> {
  if (packing === 'bgzf') yield* inflate(source, name, [0, 0], undefined, { chunk: 1 << 16, hint: 0 });
  else if (packing === 'plain') yield* readAhead(source, 0, source.size, { chunk: 1 << 16, depth: 1 });
  else {
    const whole = { from: 0, to: source.size };
    for await (const { bytes } of wholeLines(source, name, whole, packing, new AbortController().signal))
      yield bytes;
  }
}

/** Cuts a file into ranges of about `split` bytes. */
export async function planVcf(
  file: Dataset,
  { packing }: VcfHeading,
  split: number,
  planning: Planning,
): Promise<Range[]> {
  if (packing === 'gzip') return [{ from: 0, to: file.size }];
  return rangesOf(await planning.open(file), packing === 'bgzf', split);
}

/** Takes a record; says what is wrong with it. */
export type TakeLine = (line: Line) => LineFault | undefined;

/**
 * Gives the records of a range to `take`, line by line.
 * @throws BadInput with the number of the line, for which the file is counted up to it
 */
export async function eachRecord(
  source: Source,
  name: string,
  range: Range,
  { packing, header }: VcfHeading,
  table: VcfTable,
  signal: AbortSignal,
  take: TakeLine,
): Promise<void> {
  const line = createLine();
  let count = 0;
  // A long header may reach into later parts; behind a record nothing is of the header.
  let before = range.from === 0 ? 0 : undefined;
  for await (const { bytes } of wholeLines(source, name, range, packing, signal)) {
    before ??= bytes[0] === hash ? await linesBefore(source, name, range.from, packing, signal) : Infinity;
    const last = header.lines.length - before;
    const fault = table.each(bytes, line, () => {
      count++;
      const start = line.at[0]!;
      if (bytes[start] === hash)
        return count <= last
          ? undefined
          : { field: 'CHROM', found: 'a # behind the header', expected: 'a name' };
      // Lines without anything, as some editors leave at the end, are no records.
      return line.end === start ? undefined : take(line);
    });
    if (!fault) continue;
    const number = (await linesBefore(source, name, range.from, packing, signal)) + count;
    throw new BadInput(
      `VCF: line ${number} of ${name}: ${fault.field} is ${fault.found}, expected ${fault.expected}; correct or remove it`,
    );
  }
}

/** How many lines begin in front of those of a range that begins at `from`. */
async function linesBefore(
  source: Source,
  name: string,
  from: number,
  packing: Packing,
  signal: AbortSignal,
): Promise<number> {
  if (from === 0) return 0;
  let count = 0;
  for await (const { bytes } of wholeLines(source, name, { from: 0, to: from }, packing, signal))
    for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) count++;
  return count;
}
