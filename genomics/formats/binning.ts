/** Builds the index of a sorted file as it is written: BAI and CSI of BAM, TBI and CSI of bgzipped BED (SAM spec 5.2, CSI and tabix specs). */
import { roomFor } from '../../core/room.ts';
import { compareVirtual, type Virtual } from './bgzf.ts';
import { deflateBlocks } from './bgzip.ts';
import { firstBin, firstWindow, parentOf, reg2bin } from './bin.ts';
import { eofMarker } from './block.ts';

/** An index in the making. */
export type IndexBuilder = {
  /**
   * One record, in the order of the file: contig and begin never decrease.
   * `[beg, end)` in bases, `[from, to)` where it lies in the file; `mapped` records enter the linear index.
   * @throws RangeError when the order is broken or the bins do not reach to `end`
   */
  add(contig: number, beg: number, end: number, from: Virtual, to: Virtual, mapped: boolean): void;
  /** BAI of a BAM of so many contigs, for bins of 14 and 5; `unplaced` records follow the placed ones. */
  toBai(contigs: number, unplaced: number): Uint8Array;
  /** CSI of such a BAM, BGZF-compressed. */
  toBamCsi(contigs: number, unplaced: number): Uint8Array;
  /** CSI of text whose contigs 0, 1, ... have these names, BGZF-compressed; of BED unless told. */
  toCsi(names: readonly string[], layout?: Layout): Uint8Array;
  /** TBI of such text, for bins of 14 and 5, BGZF-compressed. */
  toTbi(names: readonly string[], layout?: Layout): Uint8Array;
};

/** `[from, to)`, ascending. */
export type Chunks = [from: Virtual, to: Virtual][];

/** What is known of a contig's records: chunks of each bin, and per window where the first record that overlaps it begins. */
export type BinnedContig = {
  readonly bins: Map<number, Chunks>;
  readonly windows: (Virtual | undefined)[];
  mapped: number;
  unmapped: number;
  readonly start: Virtual;
  end: Virtual;
};

/** Bins of 2^minShift bases at the deepest of `depth` levels below bin 0; BAI and TBI have 14 and 5. */
export type Shape = { readonly minShift: number; readonly depth: number };

/** Bins of 2^minShift bases at the deepest of `depth` levels below bin 0; what fits BAI and TBI unless told. */
export function createIndex({ minShift = 14, depth = 5 } = {}): IndexBuilder {
  const contigs = new Map<number, BinnedContig>();
  const reach = 2 ** (minShift + 3 * depth);
  let last: readonly [contig: number, beg: number] = [0, -1];
  return {
    add(contig, beg, end, from, to, mapped) {
      if (contig < last[0] || (contig === last[0] && beg < last[1]))
        throw new RangeError(`index: contig ${contig}, base ${beg} after contig ${last[0]}, base ${last[1]}`);
      if (end > reach)
        throw new RangeError(`index: base ${end} is past the ${reach} bases that the bins reach`);
      last = [contig, beg];
      let entry = contigs.get(contig);
      if (!entry) {
        entry = { bins: new Map(), windows: [], mapped: 0, unmapped: 0, start: from, end: to };
        contigs.set(contig, entry);
      }
      entry.end = to;
      entry[mapped ? 'mapped' : 'unmapped']++;
      addChunk(entry.bins, reg2bin(beg, end, minShift, depth), from, to);
      if (!mapped) return;
      const size = 2 ** minShift;
      for (let window = Math.floor(Math.max(0, beg) / size); window * size < Math.max(end, beg + 1); window++)
        entry.windows[window] ??= from;
    },
    ...indexOf(contigs, { minShift, depth }),
  };
}

/** How contigs become an index; the bins are of `minShift` and `depth`. */
export function indexOf(
  contigs: ReadonlyMap<number, BinnedContig>,
  { minShift, depth }: Shape,
): Omit<IndexBuilder, 'add'> {
  const checkShape = (format: string): void => {
    if (minShift !== 14 || depth !== 5)
      throw new RangeError(`${format} has bins of 14 and 5, found ${minShift} and ${depth}`);
  };
  const sizeOf = (kind: Kind, n: number): readonly (BinnedContig | undefined)[] => {
    for (const contig of contigs.keys())
      if (contig >= n) throw new RangeError(`${kind} of ${n} contigs, found records of contig ${contig}`);
    return Array.from({ length: n }, (_, i) => contigs.get(i));
  };
  return {
    toBai(n, unplaced) {
      checkShape('BAI');
      return encode('BAI', [0x42414901, n], sizeOf('BAI', n), depth, unplaced);
    },
    toBamCsi(n, unplaced) {
      return compress(encode('CSI', [0x43534901, minShift, depth, 0, n], sizeOf('CSI', n), depth, unplaced));
    },
    toCsi(names, layout) {
      const conf = tabixConf(names, layout);
      const head = [0x43534901, minShift, depth, conf.length, conf, names.length];
      return compress(encode('CSI', head, sizeOf('CSI', names.length), depth, 0));
    },
    toTbi(names, layout) {
      checkShape('TBI');
      const head = [0x54424901, names.length, tabixConf(names, layout)];
      return compress(encode('TBI', head, sizeOf('TBI', names.length), depth, 0));
    },
  };
}

/** Chunks of a bin that touch, or of which one ends in the block where the next begins, are one: it is read anyhow. */
export function addChunk(bins: BinnedContig['bins'], bin: number, from: Virtual, to: Virtual): void {
  const chunks = bins.get(bin);
  const chunk = chunks?.at(-1);
  if (chunk && (from[0] === chunk[1][0] || compareVirtual(from, chunk[1]) === 0)) chunk[1] = to;
  else if (chunks) chunks.push([from, to]);
  else bins.set(bin, [[from, to]]);
}

type Kind = 'BAI' | 'CSI' | 'TBI';

/** `head`: the magic as it reads in hexadecimal, then signed integers and bytes. */
function encode(
  kind: Kind,
  head: readonly (number | Uint8Array)[],
  contigs: readonly (BinnedContig | undefined)[],
  depth: number,
  unplaced: number,
): Uint8Array {
  const out = createWriter();
  head.forEach((item, i) => {
    if (typeof item !== 'number') out.bytes(item);
    else if (i === 0) out.magic(item);
    else out.u32(item);
  });
  for (const contig of contigs) {
    if (!contig) {
      out.u32(0);
      if (kind !== 'CSI') out.u32(0);
      continue;
    }
    const { start, end } = contig;
    const bins = folded(contig.bins, depth);
    const windows = fill(contig.windows);
    out.u32(bins.size + 1);
    for (const [bin, chunks] of [...bins].sort(([a], [b]) => a - b)) {
      out.u32(bin);
      // No offset, for a bin of unmapped records only, is no bound.
      if (kind === 'CSI') out.virtual(windows[firstWindow(bin, depth)] ?? [0, 0]);
      out.u32(chunks.length);
      for (const [from, to] of chunks) {
        out.virtual(from);
        out.virtual(to);
      }
    }
    // The pseudo-bin: where the contig's records lie, and how many there are.
    out.u32(firstBin(depth + 1) + 1);
    if (kind === 'CSI') out.virtual([0, 0]);
    out.u32(2);
    out.virtual(start);
    out.virtual(end);
    out.u64(contig.mapped);
    out.u64(contig.unmapped);
    if (kind === 'CSI') continue;
    out.u32(windows.length);
    for (const at of windows) out.virtual(at);
  }
  out.u64(unplaced);
  return out.done();
}

/** Blocks of a bin's chunks may lie so far apart at most for it to go up to its parent (htslib). */
const near = 65536;

/**
 * A bin whose chunks lie close together goes up to its parent, where there is one: a query reads them anyhow, and the index is smaller. From the
 * deepest level up, as htslib does; of chunks that end and begin in one block one is made.
 */
function folded(bins: BinnedContig['bins'], depth: number): Map<number, Chunks> {
  const out = new Map<number, Chunks>([...bins].map(([bin, chunks]) => [bin, [...chunks]]));
  for (let level = depth; level > 0; level--) {
    const [first, end] = [firstBin(level), firstBin(level + 1)];
    for (const [bin, chunks] of out) {
      if (bin < first || bin >= end) continue;
      chunks.sort(([a], [b]) => compareVirtual(a, b));
      if (chunks.at(-1)![1][0] - chunks[0]![0][0] >= near) continue;
      const parent = out.get(parentOf(bin));
      if (!parent) continue;
      parent.push(...chunks);
      out.delete(bin);
    }
  }
  for (const [bin, chunks] of out) {
    chunks.sort(([a], [b]) => compareVirtual(a, b));
    const joined: Chunks = [];
    for (const [from, to] of chunks) {
      const last = joined.at(-1);
      if (!last || last[1][0] < from[0]) joined.push([from, to]);
      else if (compareVirtual(last[1], to) < 0) last[1] = to;
    }
    out.set(bin, joined);
  }
  return out;
}

/** Windows that no record overlaps take the next one's offset, which bounds whatever a query finds from there on. */
function fill(windows: readonly (Virtual | undefined)[]): Virtual[] {
  const out: Virtual[] = [];
  let next: Virtual = [0, 0];
  for (let i = windows.length - 1; i >= 0; i--) out[i] = next = windows[i] ?? next;
  return out;
}

/** Format, columns of contig, begin and end, byte of comments, lines skipped (tabix spec). */
export type Layout = readonly [
  format: number,
  sequence: number,
  begin: number,
  end: number,
  comment: number,
  skip: number,
];
/** Zero-based and half-open (0x10000), columns 1 to 3, comments after '#'. */
const bedLayout: Layout = [0x10000, 1, 2, 3, 0x23, 0];

function tabixConf(names: readonly string[], layout = bedLayout): Uint8Array {
  const text = Buffer.from(names.map((name) => `${name}\0`).join(''), 'latin1');
  const out = createWriter();
  for (const item of [...layout, text.length]) out.u32(item);
  out.bytes(text);
  return out.done();
}

function createWriter() {
  let bytes = new Uint8Array(1 << 12);
  let view = new DataView(bytes.buffer);
  let at = 0;
  const step = (length: number): number => {
    if (at + length > bytes.length) {
      bytes = roomFor(bytes, at + length);
      view = new DataView(bytes.buffer);
    }
    at += length;
    return at - length;
  };
  const u32 = (value: number): void => {
    // The step may replace the view.
    const start = step(4);
    view.setUint32(start, value, true);
  };
  const u64 = (value: number): void => {
    u32(value % 2 ** 32);
    u32(Math.floor(value / 2 ** 32));
  };
  return {
    u32,
    u64,
    magic: (value: number): void => {
      const start = step(4);
      view.setUint32(start, value);
    },
    virtual: ([block, within]: Virtual): void => {
      u32((block % 65536) * 65536 + within);
      u32(Math.floor(block / 65536));
    },
    bytes: (item: Uint8Array): void => {
      const start = step(item.length);
      bytes.set(item, start);
    },
    done: (): Uint8Array => bytes.slice(0, at),
  };
}

/** A complete BGZF file. */
const compress = (bytes: Uint8Array): Uint8Array => Buffer.concat([deflateBlocks(bytes, 6).bytes, eofMarker]);
