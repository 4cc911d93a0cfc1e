/** The bodies of indexes of sorted files, BAI, TBI and CSI: for each contig where the records of its windows begin. */
import { roomFor } from '../../core/room.ts';
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { compareVirtual, formatVirtual, inflate, type Virtual } from './bgzf.ts';
import { firstBin } from './bin.ts';
import { type Cursor, readCount } from './cursor.ts';
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
export const largestIndex = 2 ** 30;
/** Windows of all contigs of a CSI together, which may claim many in few bytes: 275 Gb at 16,384 bases. */
const maxWindows = 2 ** 24;

/** All bytes of a BGZF file. */
export async function unpacked(source: Source, uri: string): Promise<Uint8Array> {
  let bytes = new Uint8Array(1 << 20);
  let length = 0;
  for await (const piece of inflate(source, uri, [0, 0])) {
    if (length + piece.length > largestIndex)
      throw new BadInput(`index: ${uri} inflates to more than ${largestIndex} bytes, expected at most that`);
    bytes = roomFor(bytes, length + piece.length);
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

/** What follows the number of contigs in BAI, their names in TBI (SAM spec 5.2, Tabix spec). */
export function parseLinear(cursor: Cursor, contigs: number): Index {
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

/** Bases of a window, and levels of bins. */
export type Shape = { readonly window: number; readonly depth: number };

/** What a CSI begins with (CSI spec). */
export function readShape(cursor: Cursor): Shape {
  const [shift, depth] = [cursor.i32(), cursor.i32()];
  // Bin numbers have 32 bits. A window may be larger than any contig: writers exist that choose 2^32 bases.
  if (shift < 1 || shift > 50 || depth < 0 || depth > 10)
    throw cursor.fail(`found min_shift ${shift} and depth ${depth}, expected 1 to 50 and 0 to 10`);
  return { window: 2 ** shift, depth };
}

/** What follows the number of contigs in CSI. */
export function parseBinned(cursor: Cursor, { window, depth }: Shape, contigs: number): Index {
  let windows = 0;
  return collect(cursor, window, contigs, (contig) => {
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

/** All contigs, and what follows them. */
function collect(cursor: Cursor, window: number, n: number, parse: (contig: number) => ContigIndex): Index {
  const contigs = Array.from({ length: n }, (_, contig) => parse(contig));
  const left = cursor.left();
  if (left !== 0 && left !== 8)
    throw cursor.fail(`found ${left} bytes after the last contig, expected 0 or 8`);
  return { uri: cursor.uri, window, contigs, ...(left === 8 ? { unplaced: cursor.u64() } : {}) };
}
