/** Reads what planning needs of a BAM's index, BAI or CSI: where the records of each window begin, and how many there are. */
import { BadInput } from '../../core/errors.ts';
import type { Dataset, Planning, Source } from '../../core/job.ts';
import { withHead } from '../../core/sources/head.ts';
import type { Header } from './bam.ts';
import { compareVirtual, formatVirtual, inflate, type Virtual } from './bgzf.ts';
import { firstBin } from './bin.ts';
import { hex } from './block.ts';
import { type Cursor, cursorOf, readCount } from './cursor.ts';
import {
  type Bin,
  type Bins,
  type Windows,
  countWindows,
  firstStarts,
  fromChunks,
  fromLinear,
  fromLoffsets,
  isZero,
} from './windows.ts';

/**
 * A contig's windows of `Index.window` bases: where the first mapped record that overlaps each begins, or a record before that one;
 * never decreasing, carried over windows without an entry. They end with the last one that has an entry; a contig without
 * records has none.
 */
export type ContigIndex = Windows & {
  /** Placed records, where the index tells (pseudo-bin, SAM spec 5.2). */
  readonly mapped?: number;
  readonly unmapped?: number;
  /** For each window, the start of a block with the start of a record that starts in that window or in a later one: the first such known. */
  readonly next: Float64Array;
  /** Where the contig's records begin and end; absent without records. */
  readonly start?: Virtual;
  readonly end?: Virtual;
};

export type Index = {
  readonly uri: string;
  /** Bases of a window: 16384 for BAI, 2^min_shift for CSI. */
  readonly window: number;
  readonly contigs: readonly ContigIndex[];
  /** Unmapped records without a place, at the end of the file; undefined where the index does not say. */
  readonly unplaced?: number;
};

/** Inflated bytes of an index; real ones of large genomes have some 100 MB. */
const maxSize = 2 ** 30;
/** Bytes of an index that are read before its kind is known: all of most, in one read. */
const headSize = 1 << 24;
/** Windows of all contigs of a CSI together, which may claim many in few bytes: 275 Gb at 16,384 bases. */
const maxWindows = 2 ** 24;

/**
 * Finds the index of `reads` (x.bam.bai, x.bai, x.bam.csi, x.csi, in this order) and reads it.
 * @throws BadInput when there is none, and as `findIndex`
 */
export async function readIndex(planning: Planning, reads: Dataset, header: Header): Promise<Index> {
  const index = await findIndex(planning, reads, header);
  if (index) return index;
  const names = namesOf(reads.uri).map((name) => name.slice(name.lastIndexOf('/') + 1));
  throw new BadInput(
    `BAM: ${reads.uri} has no index, expected it as ${names.join(', ')}; make one with samtools index`,
  );
}

/** Where an index may be: behind a file's name, or in place of its ending `format`. */
export function companions(uri: string, format: string, kinds: readonly string[]): string[] {
  // Of an address, what follows the question mark stays behind the name.
  const mark = /^https?:/i.test(uri) ? uri.indexOf('?') : -1;
  const path = mark < 0 ? uri : uri.slice(0, mark);
  const query = uri.slice(path.length);
  const stem = path.endsWith(`.${format}`) ? path.slice(0, -format.length - 1) : path;
  return [...new Set(kinds.flatMap((kind) => [`${path}.${kind}${query}`, `${stem}.${kind}${query}`]))];
}
const namesOf = (uri: string): string[] => companions(uri, 'bam', ['bai', 'csi']);

/**
 * As `readIndex`; undefined where there is none.
 * @throws BadInput when it is damaged, or when it is another file's as far as that shows: another
 * number of contigs than in `header`, offsets outside the file or out of order
 */
export async function findIndex(
  planning: Planning,
  reads: Dataset,
  header: Header,
): Promise<Index | undefined> {
  for (const name of namesOf(reads.uri)) {
    const found = await planning.find(name);
    if (!found) continue;
    const cursor = await openIndex(await planning.open(found), found.uri);
    const index = cursor.kind === 'BAI' ? parseBai(cursor, header) : parseCsi(cursor, header);
    checkOffsets(index, reads, header);
    return index;
  }
  return undefined;
}

async function openIndex(source: Source, uri: string): Promise<Cursor> {
  const head = await source.read(0, Math.min(headSize, source.size));
  const magic = hex(head.subarray(0, 4));
  if (magic === '42414901') {
    if (source.size > maxSize)
      throw new BadInput(`BAI: ${uri} has ${source.size} bytes, expected at most ${maxSize}`);
    return cursorOf('BAI', uri, head.length === source.size ? head : await source.read(0, source.size));
  }
  if (!magic.startsWith('1f8b'))
    throw new BadInput(
      `BAI: bad magic ${magic || '(empty file)'} in ${uri}, expected 42414901 (BAI) or BGZF (CSI); index it again with samtools index`,
    );
  const bytes = await gather(withHead(source, head), uri);
  const inner = hex(bytes.subarray(0, 4));
  if (inner !== '43534901')
    throw new BadInput(
      `CSI: bad magic ${inner || '(empty file)'} in ${uri}, expected 43534901; index it again with samtools index`,
    );
  return cursorOf('CSI', uri, bytes);
}

/** All bytes of a BGZF file. */
async function gather(source: Source, uri: string): Promise<Uint8Array> {
  let bytes = new Uint8Array(1 << 20);
  let length = 0;
  for await (const piece of inflate(source, uri, [0, 0])) {
    if (length + piece.length > maxSize)
      throw new BadInput(`CSI: ${uri} inflates to more than ${maxSize} bytes, expected at most that`);
    if (length + piece.length > bytes.length) {
      const larger = new Uint8Array(2 * (length + piece.length));
      larger.set(bytes);
      bytes = larger;
    }
    bytes.set(piece, length);
    length += piece.length;
  }
  return bytes.subarray(0, length);
}

/** What an index says of a contig but for its windows. */
type Summary = Omit<ContigIndex, keyof Windows | 'next'>;

/** The bins of the next contig. `limit`: one more than the largest bin number; the pseudo-bin is `limit + 1`. */
function readBins(cursor: Cursor, limit: number, contig: number): { bins: Bins; summary: Summary } {
  const isCsi = cursor.kind === 'CSI';
  const bins = new Map<number, Bin>();
  let counts: Pick<Summary, 'mapped' | 'unmapped'> = {};
  let start: Virtual | undefined;
  let end: Virtual | undefined;
  const n = readCount(cursor, `n_bin of contig ${contig}`, isCsi ? 16 : 8);
  for (let i = 0; i < n; i++) {
    const bin = cursor.u32();
    const loffset = isCsi ? cursor.virtual() : undefined;
    const chunks = readCount(cursor, `n_chunk of bin ${bin} of contig ${contig}`, 16);
    if (bin === limit + 1) {
      if (chunks !== 2)
        throw cursor.fail(`found ${chunks} chunks in the pseudo-bin of contig ${contig}, expected 2`);
      // Where the records begin and end; the bins' chunks say it, too.
      cursor.skip(16);
      counts = { mapped: cursor.u64(), unmapped: cursor.u64() };
      continue;
    }
    if (bin >= limit) throw cursor.fail(`found bin ${bin} of contig ${contig}, expected less than ${limit}`);
    let first: Virtual | undefined;
    for (let j = 0; j < chunks; j++) {
      const [from, to] = [cursor.virtual(), cursor.virtual()];
      if (compareVirtual(from, to) > 0)
        throw cursor.fail(
          `found a chunk from ${formatVirtual(from)} to ${formatVirtual(to)} in bin ${bin} of contig ${contig}`,
        );
      if (!first || compareVirtual(from, first) < 0) first = from;
      if (!start || compareVirtual(from, start) < 0) start = from;
      if (!end || compareVirtual(to, end) > 0) end = to;
    }
    if (first) bins.set(bin, { first, loffset });
  }
  // Without a pseudo-bin the counts are unknown, except where there is nothing to count.
  if (n === 0) counts = { mapped: 0, unmapped: 0 };
  return { bins, summary: start && end ? { ...counts, start, end } : counts };
}

const none = { block: new Float64Array(0), within: new Uint16Array(0), next: new Float64Array(0) };

/** SAM spec 5.2. */
function parseBai(cursor: Cursor, header: Header): Index {
  const contigs = contigCount(cursor, header);
  return collect(cursor, 16384, contigs, (contig) => {
    const { bins, summary } = readBins(cursor, 37449, contig);
    const n = readCount(cursor, `n_intv of contig ${contig}`, 8);
    const linear = Array.from({ length: n }, () => cursor.virtual());
    const { start } = summary;
    if (!start) return { ...summary, ...none };
    const next = firstStarts(bins, 5);
    if (linear.every(isZero)) return { ...summary, ...fromChunks(bins, 5, start), next };
    checkOrder(cursor, contig, linear, start);
    return { ...summary, ...fromLinear(linear, start), next };
  });
}

/** Records that overlap a window do not begin before those that overlap an earlier one, the file being sorted. */
function checkOrder(cursor: Cursor, contig: number, linear: readonly Virtual[], start: Virtual): void {
  let last = start;
  linear.forEach((entry, window) => {
    if (isZero(entry)) return;
    if (compareVirtual(entry, last) < 0)
      throw cursor.fail(
        `found ${formatVirtual(entry)} for window ${window} of contig ${contig}, expected at least ${formatVirtual(last)}`,
      );
    last = entry;
  });
}

/** CSI spec. */
function parseCsi(cursor: Cursor, header: Header): Index {
  const [shift, depth] = [cursor.i32(), cursor.i32()];
  // Bin numbers have 32 bits. A window may be larger than any contig: writers exist that choose 2^32 bases.
  if (shift < 1 || shift > 50 || depth < 0 || depth > 10)
    throw cursor.fail(`found min_shift ${shift} and depth ${depth}, expected 1 to 50 and 0 to 10`);
  cursor.skip(readCount(cursor, 'l_aux', 1));
  const contigs = contigCount(cursor, header);
  let windows = 0;
  return collect(cursor, 2 ** shift, contigs, (contig) => {
    const { bins, summary } = readBins(cursor, firstBin(depth + 1), contig);
    const { start } = summary;
    if (!start) return { ...summary, ...none };
    windows += countWindows(bins, depth);
    if (windows > maxWindows)
      throw cursor.fail(
        `found bins of more than ${maxWindows} windows up to contig ${contig}, expected fewer`,
      );
    return { ...summary, ...fromLoffsets(bins, depth, start), next: firstStarts(bins, depth) };
  });
}

function contigCount(cursor: Cursor, header: Header): number {
  const n = readCount(cursor, 'n_ref', cursor.kind === 'BAI' ? 8 : 4);
  if (n !== header.contigs.length)
    throw cursor.fail(`found ${n} contigs, expected the ${header.contigs.length} of the BAM,`);
  return n;
}

/** All contigs, and what follows them. */
function collect(cursor: Cursor, window: number, n: number, parse: (contig: number) => ContigIndex): Index {
  const contigs = Array.from({ length: n }, (_, contig) => parse(contig));
  const left = cursor.left();
  if (left !== 0 && left !== 8)
    throw cursor.fail(`found ${left} bytes after the last contig, expected 0 or 8`);
  return { uri: cursor.uri, window, contigs, ...(left === 8 ? { unplaced: cursor.u64() } : {}) };
}

/** Offsets must lie in the file, after the header, and contig after contig. */
function checkOffsets(index: Index, reads: Dataset, header: Header): void {
  let last = header.first;
  const check = (contig: number, at: Virtual): void => {
    const place = `offset ${formatVirtual(at)} of contig ${header.contigs[contig]!.name}`;
    const advice = `${index.uri} is not the index of ${reads.uri}; index it again with samtools index`;
    if (at[0] > reads.size)
      throw new BadInput(`BAM: ${place} is past the end of the file (${reads.size} bytes): ${advice}`);
    if (compareVirtual(at, last) < 0)
      throw new BadInput(`BAM: ${place} lies before ${formatVirtual(last)}, where it should not: ${advice}`);
    last = at;
  };
  index.contigs.forEach(({ start, end, block, within }, i) => {
    if (!start || !end) return;
    check(i, start);
    if (block.length > 0) check(i, [block.at(-1)!, within.at(-1)!]);
    check(i, end);
  });
}
