/** A file of variants: VCF as text, plain, bgzipped or gzipped, or BCF; its header, and its lines by parts. */
import { BadInput } from '../../core/errors.ts';
import type { Dataset, InputSpec, Planning, Source } from '../../core/job.ts';
import type { LineFault } from '../kernels/samline.ts';
import { createLine, type Line, textOf } from '../kernels/vcfline.ts';
import type { VcfTable } from '../kernels/vcftable.ts';
import { type BcfHeader, dictionariesOf, isBcf, readBcfText, withoutNumbers } from './bcfheader.ts';
import { bcfLines, bcfRanges, recordsBefore } from './bcf.ts';
import { checkEof, type Chunk, compareVirtual, formatVirtual, type Virtual } from './bgzf.ts';
import type { Arena } from './inflate.ts';
import { type Range, rangesOf } from './textlines.ts';
import { findVcfIndex, placesOfRegion, type Region, type VcfIndex } from './vcfindex.ts';
import { parseVcfHeader, type VcfHeader } from './vcfheader.ts';
import { type Packing, packingOf, piecesOf, wholeLines } from './wholelines.ts';

/** Bytes of a header, at most. */
const maxHeader = 2 ** 28;
const [lineFeed, hash] = [10, 0x23];

/** What jobs over VCF read. */
export const vcfInput: InputSpec = {
  doc: 'variants: VCF, plain, bgzipped or gzipped, or BCF; no index is needed',
  formats: ['vcf', 'vcf.gz', 'vcf.bgz', 'bcf'],
};

export type VcfHeading = {
  readonly packing: Packing;
  readonly header: VcfHeader;
  /** Of a BCF. */
  readonly bcf?: BcfHeader | undefined;
  /** What a person should know of the file. */
  readonly notes: readonly string[];
};

/** @throws BadInput for what is no VCF, has a damaged header, or is cut short */
export async function readVcfHeading(source: Source, name: string): Promise<VcfHeading> {
  if (source.size === 0)
    throw new BadInput(`VCF: ${name} is empty (0 bytes), expected ##fileformat=VCFv4.3; copy it again`);
  const packing = packingOf(await source.read(0, Math.min(4, source.size)));
  if (packing === 'bgzf') await checkEof(source, name);
  const hint = packing === 'bgzf' ? 0 : undefined;
  const pieces = piecesOf(source, name, [0, 0], packing, { chunk: 1 << 16, hint });
  try {
    let { value: first } = await pieces.next();
    // Blocks may be empty, or shorter than the magic of BCF.
    while (first && first.bytes.length < 3) {
      const { value: more } = await pieces.next(first.bytes.length);
      if (!more) break;
      first = more;
    }
    if (first && isBcf(first.bytes)) return await bcfHeading(pieces, first, packing, name);
    return await textHeading(source, name, packing, await headText(pieces, first ?? undefined, name));
  } finally {
    await pieces.return();
  }
}

async function textHeading(
  source: Source,
  name: string,
  packing: Packing,
  text: string,
): Promise<VcfHeading> {
  const header = parseVcfHeader(text, name);
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

async function bcfHeading(pieces: Pieces, start: Chunk, packing: Packing, name: string): Promise<VcfHeading> {
  if (packing === 'gzip')
    throw new BadInput(`BCF: ${name} is plain gzip, expected BGZF; write it with bcftools view -Ob`);
  const { text, minor, first } = await readBcfText(pieces, start, name);
  const header = parseVcfHeader(withoutNumbers(text), name);
  return {
    packing,
    header,
    bcf: { ...dictionariesOf(text, name), minor, samples: header.samples.length, first },
    notes:
      packing === 'bgzf'
        ? []
        : [`BCF: ${name} is not compressed: if it was cut short between records, nothing tells that`],
  };
}

type Pieces = AsyncGenerator<Chunk, void, number | undefined>;

/** The lines that begin with `#`. */
async function headText(pieces: Pieces, first: Chunk | undefined, name: string): Promise<string> {
  const found: Buffer[] = [];
  let size = 0;
  let isStart = true;
  for (let piece = first; piece;) {
    const { bytes } = piece;
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
    piece = (await pieces.next()).value ?? undefined;
  }
  return Buffer.concat(found).toString('utf8');
}

/** Cuts a file, or what its index has of regions, if it has one, into ranges of about `split` bytes. */
export async function planVcf(
  file: Dataset,
  heading: VcfHeading,
  split: number,
  planning: Planning,
  regions?: readonly Region[],
): Promise<Range[]> {
  const { packing, bcf, header } = heading;
  const source = await planning.open(file);
  const index =
    regions && packing === 'bgzf'
      ? await findVcfIndex(planning, file, [...header.contigs.keys()])
      : undefined;
  if (regions && index) return regionRanges(source, file, heading, split, index, regions, planning.signal);
  if (bcf) return bcfRanges(source, file.uri, bcf, packing, split);
  if (packing === 'gzip') return [{ from: 0, to: file.size }];
  return rangesOf(source, packing === 'bgzf', split);
}

/** A range without records. */
const nothing = (bcf: BcfHeader | undefined): Range =>
  bcf ? { from: bcf.first[0], to: bcf.first[0], within: [bcf.first[1], bcf.first[1]] } : { from: 0, to: 0 };

/** Regions that lie nearer to each other than so many bytes of the file are read as one. */
const gap = 2 ** 18;

/** Where records of some regions of a contig lie, as `placesOfRegion` has it. */
type Span = {
  readonly contig: string;
  readonly first: Virtual;
  readonly end: number;
  readonly last: Virtual;
};

/** In the order of the file. */
function spansOf(index: VcfIndex, regions: readonly Region[], isBcf: boolean): readonly Span[] {
  const found = regions.flatMap((region) => {
    const places = placesOfRegion(index, region);
    return places ? { contig: region.contig, ...places } : [];
  });
  const spans: Span[] = [];
  for (const span of found.toSorted((a, b) => compareVirtual(a.first, b.first))) {
    const last = spans.at(-1);
    // The records of a contig of BCF are read up to its end, where one is known to begin.
    const isNear = last && (isBcf ? last.contig === span.contig : span.first[0] < last.end + gap);
    if (isNear) spans[spans.length - 1] = { ...last, end: Math.max(last.end, span.end) };
    else spans.push(span);
  }
  return spans;
}

async function regionRanges(
  source: Source,
  { uri }: Dataset,
  heading: VcfHeading,
  split: number,
  index: VcfIndex,
  regions: readonly Region[],
  signal: AbortSignal,
): Promise<Range[]> {
  const { packing, bcf } = heading;
  const ranges: Range[] = [];
  const seen = new Set<string>();
  for (const { contig, first, end, last } of spansOf(index, regions, bcf !== undefined)) {
    const some = bcf
      ? await bcfRanges(source, uri, bcf, packing, split, [first, last])
      : await rangesOf(source, true, split, [first[0], Math.min(end, source.size)]);
    if (!bcf) some[0] = { ...some[0]!, within: [first[1], 0] };
    ranges.push(...some);
    if (seen.has(contig)) continue;
    seen.add(contig);
    for await (const { bytes } of vcfLines(source, uri, some[0]!, heading, signal)) {
      const name = textOf(bytes, 0, Math.min(Math.max(0, bytes.indexOf(9)), 1000));
      if (name === contig) break;
      throw new BadInput(
        `index: ${index.uri} has ${contig} at ${formatVirtual(first)} of ${uri}, where a line begins with ${JSON.stringify(name.slice(0, 40))}: it is not the index of the file; index it again with tabix or servermix run genomics/index`,
      );
    }
  }
  return ranges.length > 0 ? ranges : [nothing(bcf)];
}

/** The lines of a range as chunks of whole ones, of text those of the header among them; valid until the next one is asked for. */
export const vcfLines = (
  source: Source,
  name: string,
  range: Range,
  { packing, bcf }: Pick<VcfHeading, 'packing' | 'bcf'>,
  signal: AbortSignal,
  arena?: Arena,
): AsyncIterable<{ readonly bytes: Uint8Array }> =>
  bcf
    ? bcfLines(source, name, range, bcf, packing, signal)
    : wholeLines(source, name, range, packing, signal, arena);

/** Takes a record; says what is wrong with it. */
export type TakeLine = (line: Line) => LineFault | undefined;

/**
 * Gives the records of a range to `take`, line by line.
 * @throws BadInput with the number of the line, of BCF of the record, for which the file is counted up to it
 */
export async function eachRecord(
  source: Source,
  name: string,
  range: Range,
  { packing, header, bcf }: VcfHeading,
  table: VcfTable,
  signal: AbortSignal,
  take: TakeLine,
): Promise<void> {
  const line = createLine();
  let count = 0;
  // A long header may reach into later parts; behind a record nothing is of the header.
  let before = bcf ? Infinity : range.from === 0 ? 0 : undefined;
  for await (const { bytes } of vcfLines(source, name, range, { packing, bcf }, signal, table.arena)) {
    before ??= bytes[0] === hash ? await linesBefore(source, name, range, packing, signal) : Infinity;
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
    const place = bcf
      ? `BCF: record ${(await recordsBefore(source, name, range, bcf, packing, signal)) + count}`
      : `VCF: line ${(await linesBefore(source, name, range, packing, signal)) + count}`;
    throw new BadInput(
      `${place} of ${name}: ${fault.field} is ${fault.found}, expected ${fault.expected}; correct or remove it`,
    );
  }
}

/** How many lines begin in front of those of a range. */
async function linesBefore(
  source: Source,
  name: string,
  { from, within }: Range,
  packing: Packing,
  signal: AbortSignal,
): Promise<number> {
  if (from === 0) return 0;
  let count = 0;
  const before = { from: 0, to: within ? from + 1 : from };
  for await (const { bytes, place } of wholeLines(source, name, before, packing, signal))
    for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) {
      // A range that begins within a block has the lines that begin there.
      if (within && compareVirtual(place(at), [from, within[0]]) >= 0) return count;
      count++;
    }
  return count;
}
