/** Counts alignment records as `samtools stats` does, but for depth and what hangs on the order of reads. */
import { roomFor } from '../../core/room.ts';
import { field, flag } from '../formats/record.ts';
import { findTags, tagCode, tagInteger, tagsAt } from '../formats/tags.ts';
import { operations } from '../kernels/cigar.ts';
import { crc32 } from '../kernels/crc32.ts';
import { addBarcodes, barcodeTags, type BarcodeClass, type Barcodes, createBarcodes } from './barcodes.ts';
import {
  type Column,
  type Sparse,
  sparseOf,
  sumColumns,
  sumSparse,
  sumTables,
  type Table,
  trimmed,
  trimTable,
} from './columns.ts';
import { type Cycles, qualities } from './cycles.ts';
import { isFiltered, orderOf, type Rules } from './rules.ts';

/** Names of single counts; each is a place in `Tally.sums`. */
export const sumNames = [
  'filtered',
  'first',
  'last',
  'other',
  'single',
  'paired',
  'properPairs',
  'pairedTech',
  'unmapped',
  'anomalous',
  'mapq0',
  'qcFailed',
  'duplicates',
  'secondary',
  'supplementary',
  'length',
  'firstLength',
  'lastLength',
  'duplicateLength',
  'mappedLength',
  'mappedBases',
  'trimmed',
  'mismatches',
] as const;
export type SumName = (typeof sumNames)[number];
const S = Object.fromEntries(sumNames.map((name, i) => [name, i])) as { readonly [name in SumName]: number };

/** Bins of the histogram of GC content. */
export const gcBins = 200;
/** Longest insertion and deletion that is counted by its length. */
export const longestIndel = 300;

/** Counts; additive. Pairs of columns are of first and last reads. */
export type Tally = {
  readonly sums: Column;
  /** Of names, bases and qualities: sums of CRC-32, modulo 2^32. */
  readonly checksums: Column;
  /** Longest read with what was clipped off it: of all, of first, of last reads. Highest quality. */
  readonly longest: Column;
  /** Counts of qualities by cycle. */
  readonly quality: readonly [Table, Table];
  /** Counts of the 16 codes of bases by cycle, in fours: first reads, of them the reverse ones, last reads, of them the reverse ones. */
  readonly bases: readonly Column[];
  readonly gc: readonly [Column, Column];
  /** Reads by length: all, first, last. */
  readonly lengths: readonly [Sparse, Sparse, Sparse];
  /** Insertions and deletions by length less 1. */
  readonly indels: readonly [Column, Column];
  /** Insertions in first and last reads, deletions in first and last reads, by cycle. */
  readonly indelCycles: readonly Column[];
  /** Reads of pairs by insert size: inward, outward, other. */
  readonly inserts: readonly Column[];
  readonly barcodes: readonly BarcodeClass[];
};

export type TallyBuilder = {
  /**
   * Counts the records of bytes `[start, end)`. `step` is called for each with bases that is not secondary: its `length` with what was clipped
   * off, and the number of G and C where it is no supplementary one.
   */
  take(view: DataView, bytes: Uint8Array, start: number, end: number, step: Step): void;
  build(): Tally;
};
export type Step = (view: DataView, bytes: Uint8Array, at: number, length: number, gc: number) => void;

const slots = new Uint8Array(65536);
['NM', ...barcodeTags].forEach((name, i) => (slots[tagCode(name)] = i + 1));

export function createTally(rules: Rules, cycles: Cycles): TallyBuilder {
  const sums = new Float64Array(sumNames.length);
  const checksums = new Float64Array(3);
  const longest = new Float64Array(4);
  // Changes from one bin to the next.
  const gc: Column[] = [new Float64Array(gcBins + 1), new Float64Array(gcBins + 1)];
  const lengths = [0, 1, 2].map(() => new Map<number, number>());
  const indels: Column[] = [new Float64Array(longestIndel), new Float64Array(longestIndel)];
  const indelCycles: Column[] = Array.from({ length: 4 }, () => new Float64Array(0));
  const inserts: Column[] = Array.from({ length: 3 }, () => new Float64Array(rules.insertSize + 1));
  const barcodes: Barcodes = createBarcodes();
  const found = new Int32Array(1 + barcodeTags.length);
  let room = 0;

  const makeRoom = (cycles: number): void => {
    if (cycles <= room) return;
    room = Math.max(cycles, 2 * room);
    for (let i = 0; i < 4; i++) indelCycles[i] = roomFor(indelCycles[i]!, room + 1);
  };
  const addSum = (i: number, bytes: Uint8Array, start: number, end: number): void => {
    checksums[i] = (checksums[i]! + (crc32(bytes, start, end) >>> 0)) % 2 ** 32;
  };

  /** Bases and qualities of an original record; gives its number of G and C. */
  const addOriginal = (
    view: DataView,
    bytes: Uint8Array,
    at: number,
    bits: number,
    order: 0 | 1 | -1,
    length: number,
    seq: number,
  ): number => {
    sums[S.length]! += length;
    if (bits & flag.qcFail) sums[S.qcFailed]!++;
    if (bits & flag.paired) sums[S.pairedTech]!++;
    const reverse = (bits & flag.reverse) !== 0;
    const qual = seq + ((length + 1) >>> 1);
    let count = 0;
    if (order !== -1) {
      count = cycles.add(bytes, seq, length, order, reverse);
      const low = Math.floor((count * (gcBins - 1)) / length);
      const high = Math.min(gcBins - 1, Math.floor(((count + 1) * (gcBins - 1)) / length));
      gc[order]![low]!++;
      gc[order]![high]!--;
    }
    sums[order === 0 ? S.first : order === 1 ? S.last : S.other]!++;
    if (order === 0) sums[S.firstLength]! += length;
    if (order === 1) sums[S.lastLength]! += length;
    if (rules.trim > 0) sums[S.trimmed]! += trimmedBy(rules.trim, bytes, qual, length, reverse);
    if (bits & flag.unmapped) sums[S.unmapped]!++;
    else {
      sums[S.mappedLength]! += length;
      if (bytes[at + field.mapq] === 0) sums[S.mapq0]!++;
      if ((bits & flag.paired) === 0 || (bits & flag.mateUnmapped) !== 0) sums[S.single]!++;
      else {
        sums[S.paired]!++;
        if (bits & flag.properPair) sums[S.properPairs]!++;
        if (view.getInt32(at + field.refId, true) !== view.getInt32(at + field.nextRefId, true))
          sums[S.anomalous]!++;
      }
    }
    return count;
  };

  const addInsert = (view: DataView, at: number, bits: number): void => {
    const size = Math.min(rules.insertSize, Math.abs(view.getInt32(at + field.templateLength, true)));
    if (size === 0 && view.getInt32(at + field.refId, true) !== view.getInt32(at + field.nextRefId, true))
      return;
    const reverse = (bits & flag.reverse) !== 0;
    if (reverse === ((bits & flag.mateReverse) !== 0)) {
      inserts[2]![size]!++;
      return;
    }
    const ahead = view.getInt32(at + field.nextPos, true) - view.getInt32(at + field.pos, true);
    const isFirst = (bits & flag.read1) !== 0;
    // Which way the first read of the pair points, and whether it lies before the other one.
    const isBefore = isFirst ? ahead >= 0 : ahead <= 0;
    inserts[isBefore === (isFirst !== reverse) ? 0 : 1]![size]!++;
  };

  /** Operations of a mapped record. */
  const addOperations = (
    view: DataView,
    at: number,
    bits: number,
    order: 0 | 1 | -1,
    length: number,
  ): void => {
    const ops = operations(view, at);
    const reverse = (bits & flag.reverse) !== 0;
    let cycle = 0;
    let mapped = 0;
    for (let i = 0; i < ops.count; i++) {
      const op = view.getUint32(ops.at + 4 * i, true);
      const [code, size] = [op & 15, op >>> 4];
      if (code === 1) {
        const place = reverse ? length - cycle - size : cycle;
        if (size > 0) addIndel(0, order, place, size);
        cycle += size;
        mapped += size;
      } else if (code === 2) {
        if (size > 0) addIndel(1, order, reverse ? length - cycle - 1 : cycle - 1, size);
      } else if (code === 0 || code === 7 || code === 8) {
        cycle += size;
        mapped += size;
      } else if (code === 4) cycle += size;
    }
    sums[S.mappedBases]! += mapped;
  };
  const addIndel = (kind: 0 | 1, order: 0 | 1 | -1, place: number, size: number): void => {
    // A deletion before the first base, or an insertion of more bases than there are.
    if (place < 0 || place > room) return;
    if (order >= 0) indelCycles[2 * kind + order]![place]!++;
    if (size <= longestIndel) indels[kind]![size - 1]!++;
  };

  const takeOne = (view: DataView, bytes: Uint8Array, at: number, step: Step): void => {
    const bits = view.getUint16(at + field.flag, true);
    if (isFiltered(rules, bits)) {
      sums[S.filtered]!++;
      return;
    }
    const length = view.getInt32(at + field.seqLength, true);
    const name = at + field.name;
    const nameLength = bytes[at + field.nameLength]!;
    const seq = name + nameLength + 4 * view.getUint16(at + field.cigarLength, true);
    let nameEnd = name;
    while (bytes[nameEnd] !== 0) nameEnd++;
    addSum(0, bytes, name, nameEnd);
    if (length > 0) {
      const half = (length + 1) >>> 1;
      addSum(1, bytes, seq, seq + half);
      // Of the qualities, too, as many bytes as the bases have: so it is in samtools.
      addSum(2, bytes, seq + half, seq + 2 * half);
    }
    if (bits & flag.secondary) {
      sums[S.secondary]!++;
      return;
    }
    if (bits & flag.supplementary) sums[S.supplementary]!++;
    if (length === 0) return;
    if (bits & flag.duplicate) {
      sums[S.duplicates]!++;
      sums[S.duplicateLength]! += length;
    }
    const order = orderOf(bits);
    const unclipped = length + hardClipped(view, at);
    makeRoom(unclipped + 1);
    if (unclipped > longest[0]!) longest[0] = unclipped;
    if (order >= 0 && unclipped > longest[1 + order]!) longest[1 + order] = unclipped;
    const isOriginal = (bits & flag.supplementary) === 0;
    let count = 0;
    if (isOriginal) {
      lengths[0]!.set(unclipped, (lengths[0]!.get(unclipped) ?? 0) + 1);
      if (order >= 0) lengths[1 + order]!.set(unclipped, (lengths[1 + order]!.get(unclipped) ?? 0) + 1);
      count = addOriginal(view, bytes, at, bits, order, length, seq);
    }
    const isMapped = (bits & flag.unmapped) === 0;
    const hasBarcode = isOriginal && order === 0;
    if (isMapped || hasBarcode) {
      findTags(bytes, tagsAt(view, at), at + 4 + view.getInt32(at, true), slots, found);
      if (hasBarcode) addBarcodes(barcodes, bytes, found, 1);
      if (isMapped && found[0]! >= 0) sums[S.mismatches]! += tagInteger(view, found[0]!);
    }
    if (isMapped) {
      addOperations(view, at, bits, order, length);
      if (isOriginal && (bits & flag.paired) !== 0 && (bits & flag.mateUnmapped) === 0)
        addInsert(view, at, bits);
    }
    step(view, bytes, at, unclipped, count);
  };

  return {
    take(view, bytes, start, end, step) {
      cycles.load(bytes, start, end);
      for (let at = start; at < end; at += 4 + view.getInt32(at, true)) takeOne(view, bytes, at, step);
    },
    build() {
      const { quality, bases } = cycles.build();
      const tables = [tableOf(quality[0]), tableOf(quality[1])] as const;
      longest[3] = Math.max(0, tables[0].width - 1, tables[1].width - 1);
      return {
        sums,
        checksums,
        longest,
        quality: tables,
        bases,
        gc: [trimmed(runningSum(gc[0]!)), trimmed(runningSum(gc[1]!))],
        lengths: [sparseOf(lengths[0]!), sparseOf(lengths[1]!), sparseOf(lengths[2]!)],
        indels: [trimmed(indels[0]!), trimmed(indels[1]!)],
        indelCycles: indelCycles.map(trimmed),
        inserts: inserts.map(trimmed),
        barcodes: barcodes.build(),
      };
    },
  };
}

const tableOf = (counts: Uint32Array): Table =>
  trimTable({ width: qualities, counts: new Float64Array(counts) });

function runningSum(changes: Column): Column {
  let sum = 0;
  return changes.slice(0, gcBins).map((change) => (sum += change));
}

/** Bases that were clipped off the record at a byte. */
function hardClipped(view: DataView, at: number): number {
  const ops = operations(view, at);
  let sum = 0;
  for (let i = 0; i < ops.count; i++) {
    const op = view.getUint32(ops.at + 4 * i, true);
    if ((op & 15) === 5) sum += op >>> 4;
  }
  return sum;
}

/** How many bases BWA would trim off a read's end, which it does not make shorter than 35 bases. */
function trimmedBy(trim: number, bytes: Uint8Array, qual: number, length: number, reverse: boolean): number {
  let [sum, most, best] = [0, 0, 0];
  for (let i = 0; i < length - 34; i++) {
    sum += trim - bytes[reverse ? qual + i : qual + length - 1 - i]!;
    if (sum < 0) break;
    if (sum > most) [most, best] = [sum, i];
  }
  return best;
}

export function sumTallies(all: readonly Tally[]): Tally {
  const pair = <T, R>(of: (tally: Tally) => readonly T[], sum: (parts: readonly T[]) => R): [R, R] => [
    sum(all.map((tally) => of(tally)[0]!)),
    sum(all.map((tally) => of(tally)[1]!)),
  ];
  const each = (of: (tally: Tally) => readonly Column[]): Column[] =>
    of(all[0]!).map((_, i) => sumColumns(all.map((tally) => of(tally)[i]!)));
  return {
    sums: sumColumns(all.map(({ sums }) => sums)),
    checksums: sumColumns(all.map(({ checksums }) => checksums)).map((sum) => sum % 2 ** 32),
    longest: new Float64Array(4).map((_, i) => Math.max(...all.map(({ longest }) => longest[i]!))),
    quality: pair(({ quality }) => quality, sumTables),
    bases: each(({ bases }) => bases),
    gc: pair(({ gc }) => gc, sumColumns),
    lengths: [0, 1, 2].map((i) =>
      sumSparse(all.map(({ lengths }) => lengths[i]!)),
    ) as unknown as Tally['lengths'],
    indels: pair(({ indels }) => indels, sumColumns),
    indelCycles: each(({ indelCycles }) => indelCycles),
    inserts: each(({ inserts }) => inserts),
    barcodes: createBarcodes(all.flatMap(({ barcodes }) => barcodes)).build(),
  };
}
