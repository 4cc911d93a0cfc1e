/** Sorts records into the bins of an index, a chunk of them at a time. */
import type { Virtual } from '../formats/bgzf.ts';
import { reg2bin } from '../formats/bin.ts';
import { addChunk, type BinnedContig, type Shape } from '../formats/binning.ts';
import { field, flag } from '../formats/record.ts';
import { isReference, operations } from './cigar.ts';

/** Where a record is: contig, -1 without one, and first base. */
export type Place = readonly [contig: number, pos: number];

/** What was found of records that follow each other in the file. */
export type Binned = {
  readonly contigs: ReadonlyMap<number, BinnedContig>;
  /** Records without a contig. */
  readonly unplaced: number;
  readonly records: number;
  /** Of the first and the last record; undefined without any. */
  readonly first: Place | undefined;
  readonly last: Place | undefined;
};

/** Why a record cannot be binned: the one at `at` of the chunk. `far`: it ends at `end`, behind what the bins reach. */
export type Unfit =
  | { readonly why: 'order'; readonly at: number; readonly before: Place; readonly found: Place }
  | { readonly why: 'far'; readonly at: number; readonly end: number };

/** Tells the virtual offset of a byte of the chunk. */
type PlaceOf = (at: number) => Virtual;

export type Binner = {
  /**
   * Takes the record at `at`, which starts at base `start` and covers those before `end`, if any: it takes one at least. Records without a contig, -1, come last. Gives what
   * is wrong.
   */
  add(
    id: number,
    start: number,
    end: number,
    isMapped: boolean,
    at: number,
    place: PlaceOf,
  ): Unfit | undefined;
  /** The chunk's records end there. */
  end(to: Virtual): void;
  build(): Binned;
};

/** Whether a record at `b` may follow one at `a`: contigs in order, those without one last, and on a contig first bases in order. */
export const isOrdered = (a: Place, b: Place): boolean =>
  a[0] === b[0] ? a[0] < 0 || a[1] <= b[1] : a[0] >= 0 && (b[0] < 0 || a[0] < b[0]);

export function createBinner({ minShift, depth }: Shape): Binner {
  const contigs = new Map<number, BinnedContig>();
  const reach = 2 ** (minShift + 3 * depth);
  const size = 2 ** minShift;
  let [records, unplaced] = [0, 0];
  let first: Place | undefined;
  // Of the last record; -2 before the first one.
  let [contig, pos] = [-2, -1];
  let open: BinnedContig | undefined;
  // The run of records that lie in one bin, and where it begins.
  let bin = -1;
  let from: Virtual = [0, 0];
  let last: Virtual = [0, 0];

  const closeRun = (to: Virtual): void => {
    if (open && bin >= 0) addChunk(open.bins, bin, from, to);
    bin = -1;
  };
  return {
    add(id, start, end, isMapped, at, place) {
      if (contig !== id) {
        if (contig === -1 || (id >= 0 && id < contig))
          return { why: 'order', at, before: [contig, pos], found: [id, start] };
        const here = place(at);
        closeRun(here);
        if (open) open.end = here;
        open =
          id >= 0
            ? { bins: new Map(), windows: [], mapped: 0, unmapped: 0, start: here, end: here }
            : undefined;
        if (open) contigs.set(id, open);
        contig = id;
      } else if (id >= 0 && start < pos)
        return { why: 'order', at, before: [contig, pos], found: [id, start] };
      pos = start;
      first ??= [id, start];
      records++;
      if (!open) {
        unplaced++;
        return undefined;
      }
      const beg = Math.max(0, start);
      const stop = Math.max(beg + 1, end);
      if (stop > reach) return { why: 'far', at, end: stop };
      open[isMapped ? 'mapped' : 'unmapped']++;
      const own = reg2bin(beg, stop, minShift, depth);
      if (own !== bin) {
        const here = place(at);
        closeRun(here);
        [bin, from] = [own, here];
      }
      const window = Math.floor((stop - 1) / size);
      for (let i = Math.floor(beg / size); i <= window; i++) open.windows[i] ??= place(at);
      return undefined;
    },
    end(to) {
      last = to;
    },
    build() {
      closeRun(last);
      if (open) open.end = last;
      const end: Place | undefined = contig === -2 ? undefined : [contig, pos];
      return { contigs, unplaced, records, first, last: end };
    },
  };
}

/** Gives a binner whole records of BAM, which end at `to`. Gives what is wrong with one. */
export function binRecords(
  binner: Binner,
  bytes: Uint8Array,
  place: PlaceOf,
  to: Virtual,
): Unfit | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at < bytes.length; at += 4 + view.getInt32(at, true)) {
    const id = view.getInt32(at + field.refId, true);
    const start = view.getInt32(at + field.pos, true);
    const isMapped = (view.getUint16(at + field.flag, true) & flag.unmapped) === 0;
    const end = id >= 0 && isMapped ? endOf(view, at, start) : 0;
    const unfit = binner.add(id, start, end, isMapped, at, place);
    if (unfit) return unfit;
  }
  binner.end(to);
  return undefined;
}

/** The base behind the last one that a record covers; `start` where it covers none. */
function endOf(view: DataView, at: number, start: number): number {
  const ops = operations(view, at);
  let end = start;
  for (let i = 0, op = ops.at; i < ops.count; i++, op += 4) {
    const value = view.getUint32(op, true);
    if (isReference(value)) end += value >>> 4;
  }
  return end;
}
