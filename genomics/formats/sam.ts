/** Reads SAM text, plain or bgzipped, as records of BAM, by parts without an index. */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { readAhead } from '../../core/sources/readahead.ts';
import { createLineReader, type LineFault } from '../kernels/samline.ts';
import type { Text } from '../kernels/text.ts';
import type { Contig, Header } from './bam.ts';
import { inflate } from './bgzf.ts';
import { contigsOf } from './samheader.ts';
import { linesOf, type Range, sizeOf } from './textlines.ts';

/** Bytes of a header, about the longest string. */
const maxHeader = 2 ** 29 - 32;
const [lineFeed, carriageReturn, at] = [10, 13, 0x40];

/** Reads the header: the lines before the first read. @throws BadInput with the line */
export async function readSamHeader(source: Source, name: string, isBlocked: boolean): Promise<Header> {
  const pieces = isBlocked
    ? inflate(source, name, [0, 0], undefined, { chunk: 1 << 16, hint: 0 })
    : readAhead(source, 0, source.size, { chunk: 1 << 16, depth: 1 });
  const lines: Buffer[] = [];
  let size = 0;
  /** Whether the next byte begins a line, and whether that line is of the header. */
  let [isStart, isHeader] = [true, true];
  for await (const bytes of pieces) {
    let end = 0;
    while (end < bytes.length && isHeader) {
      if (isStart && bytes[end] !== at) {
        isHeader = false;
        break;
      }
      const feed = bytes.indexOf(lineFeed, end);
      isStart = feed >= 0;
      end = feed < 0 ? bytes.length : feed + 1;
    }
    lines.push(Buffer.from(bytes.subarray(0, end)));
    size += end;
    if (size > maxHeader) throw new BadInput(`SAM: the header of ${name} has more than ${maxHeader} bytes`);
    if (!isHeader) break;
  }
  const text = Buffer.concat(lines).toString('latin1');
  return { text, contigs: contigsOf(text, name), first: [0, 0] };
}

/** `@`, two letters, and a tab or nothing: no name of a read begins so. */
function isHeaderLine(bytes: Uint8Array, from: number, end: number): boolean {
  const isLetter = (byte: number): boolean => (byte | 32) >= 0x61 && (byte | 32) <= 0x7a;
  if (bytes[from] !== at || end < from + 3) return false;
  return (
    isLetter(bytes[from + 1]!) && isLetter(bytes[from + 2]!) && (end === from + 3 || bytes[from + 3] === 9)
  );
}

/**
 * The reads of a range as chunks of BAM records; valid until the next one is asked for.
 * @throws BadInput with the place of a line, its field, and what it should have
 */
export async function* samRecords(
  source: Source,
  name: string,
  contigs: readonly Contig[],
  range: Range,
  isBlocked: boolean,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const read = createLineReader(new Map(contigs.map((contig, id) => [contig.name, id])));
  const { text } = await sizeOf(source, name, range, isBlocked, signal);
  const out: Text = { bytes: new Uint8Array(1 << 20), fill: 0 };
  const faultOf = ({ field, found, expected }: LineFault, byte: number): BadInput => {
    const place = isBlocked
      ? `byte ${byte} of the text behind byte ${range.from}`
      : `byte ${range.from + byte}`;
    return new BadInput(
      `SAM: line at ${place} of ${name}: ${field} is ${found}, expected ${expected}; correct or remove it`,
    );
  };
  let rest: Uint8Array = new Uint8Array(0);
  const take = (bytes: Uint8Array, start: number, isLast: boolean): void => {
    for (let from = 0; ;) {
      const feed = bytes.indexOf(lineFeed, from);
      if (feed < 0 && !(isLast && from < bytes.length)) {
        rest = bytes.slice(from);
        return;
      }
      const stop = feed < 0 ? bytes.length : feed;
      const end = stop > from && bytes[stop - 1] === carriageReturn ? stop - 1 : stop;
      const fault = isHeaderLine(bytes, from, end) ? undefined : read(bytes, from, end, out);
      if (fault) throw faultOf(fault, start + from);
      from = stop + 1;
    }
  };
  let end = 0;
  for await (const piece of linesOf(source, name, range, text, isBlocked, signal)) {
    const start = piece.at - rest.length;
    take(rest.length > 0 ? Buffer.concat([rest, piece.bytes]) : piece.bytes, start, false);
    end = piece.at + piece.bytes.length;
    if (out.fill === 0) continue;
    yield out.bytes.subarray(0, out.fill);
    out.fill = 0;
  }
  take(rest, end - rest.length, true);
  if (out.fill > 0) yield out.bytes.subarray(0, out.fill);
}
