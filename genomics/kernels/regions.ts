/** Measures the depth of regions while an interval is swept; those that reach over its ends are left for a merge to complete. */
import type { Runs } from './depth.ts';
import { addRun, createRow, longest, type Measure, reset, type Row, strideOf, valueOf } from './row.ts';
import { buildStrip, createStrip, keep, type Strip, type StripBuilder } from './strip.ts';
import { addDepth, countDepth, createTallies, createTally, type Tallies } from './tally.ts';

/** The regions of a contig, by start. */
export type Rows = {
  readonly count: number;
  start(row: number): number;
  end(row: number): number;
  /** Bases of the contig, and those behind its end that count, with depth 0. */
  readonly limit: number;
  /** Whether the regions are windows side by side: they are counted by their means then, others base by base. */
  readonly isWindows: boolean;
};

/** Windows of `window` bases, the last one shorter. */
export function windowRows(length: number, window: number): Rows {
  return {
    count: Math.ceil(length / window),
    start: (row) => row * window,
    end: (row) => Math.min((row + 1) * window, length),
    limit: length,
    isWindows: true,
  };
}

/** Listed regions. One that ends behind the contig counts one base there, as mosdepth's arrays are that much longer. */
export function listedRows(
  length: number,
  regions: { readonly start: Uint32Array; readonly end: Uint32Array } | undefined,
): Rows {
  return {
    count: regions?.start.length ?? 0,
    start: (row) => regions!.start[row]!,
    end: (row) => regions!.end[row]!,
    limit: length + 1,
    isWindows: false,
  };
}

/** Regions of at most `longest` bases that begin before an interval's end and end after it. */
export type Crossing = {
  readonly row: Float64Array<ArrayBuffer>;
  readonly start: Float64Array<ArrayBuffer>;
  /** On the contig. */
  readonly end: Float64Array<ArrayBuffer>;
  readonly length: Float64Array<ArrayBuffer>;
};

/** What is known of a longer region, of which an interval has only some bases; additive. */
export type Partial = {
  readonly contig: number;
  readonly row: number;
  readonly start: number;
  readonly end: number;
  readonly length: number;
  readonly covered: number;
  readonly sum: number;
  readonly reaching: Float64Array<ArrayBuffer>;
  /** Bases by depth, for the median. */
  readonly depth: Int32Array<ArrayBuffer>;
  readonly count: Float64Array<ArrayBuffer>;
};

/** What a part leaves: see `RegionSweep`. */
export type Swept = {
  /** Bases of regions by depth. Windows: the bases summed, the windows counted by their rounded mean or median. */
  readonly tallies: Tallies;
  /** Runs from the interval's start as far as short regions reach that began before it. */
  readonly head: Strip | null;
  /** Runs from the first start of a short region that ends after the interval; null as well when `head` has all. */
  readonly tail: Strip | null;
  readonly crossing: Crossing;
  readonly partial: readonly Partial[];
};

export type RegionSweep = {
  /** Turns to `[from, to)` of a contig; `isEnd`: it reaches to the contig's end. */
  begin(contig: number, rows: Rows, from: number, to: number, isEnd: boolean): void;
  add(runs: Runs): void;
  end(): void;
  /**
   * The rows that start in the interval, `strideOf` numbers each, in order: NaN for one that is not complete. They leave
   * the sweep; asked for between contigs.
   */
  takeValues(): Float64Array;
  build(): Swept;
};

/** Windows of a larger mean count as this one. */
const windowLimit = 999;
/** The bin of a window's mean or median. */
export const windowBin = (value: number): number => Math.min(Math.floor(value + 0.5), windowLimit);

export function createRegionSweep(measure: Measure): RegionSweep {
  const stride = strideOf(measure);
  const tallies = createTallies();
  const tally = createTally();
  const spare: Row[] = [];
  const partial: Partial[] = [];
  let values: Float64Array[] = [];
  let head: Strip | null = null;
  let tail: Strip | null = null;
  let crossing: Crossing = crossingOf([]);

  // Of the contig at hand.
  let contig = -1;
  let rows: Rows = listedRows(0, undefined);
  let [from, to, isEnd] = [0, 0, false];
  let home = new Float64Array(0);
  let [firstHome, nextRow, endHome] = [0, 0, 0];
  let active: Row[] = [];
  let headStrip: StripBuilder | undefined;
  let tailStrip: StripBuilder | undefined;

  const startOf = (row: number): number => Math.min(rows.start(row), rows.limit);
  const endOf = (row: number): number => Math.min(rows.end(row), rows.limit);
  const lengthOf = (row: number): number => rows.end(row) - rows.start(row);
  const reach = (): number => (isEnd ? rows.limit : to);
  const open = (place: number): Row => {
    const row = spare.pop() ?? createRow(measure);
    reset(row, place, startOf(place), endOf(place), lengthOf(place));
    return row;
  };
  const isWhole = ({ start, end }: Row): boolean => start >= from && end <= reach();

  const addTo = (row: Row, start: number, end: number, depth: number): void => {
    // A short one that is not whole is measured by a merge; its bases count here.
    const isMeasured = row.length > longest || isWhole(row);
    const bases = isMeasured
      ? addRun(row, start, end, depth, measure)
      : Math.min(end, row.end) - Math.max(start, row.start);
    if (bases <= 0) return;
    addDepth(tally, depth, bases);
    if (!rows.isWindows) countDepth(tally, depth, bases);
  };
  const close = (row: Row): void => {
    if (isWhole(row)) {
      const at = (row.row - firstHome) * stride;
      const value = valueOf(row);
      home[at] = value;
      home.set(row.reaching, at + 1);
      if (rows.isWindows) countDepth(tally, windowBin(value), 1);
    } else if (row.length > longest) partial.push(partialOf(contig, row));
    spare.push(row);
  };

  const add = (runs: Runs): void => {
    if (headStrip) keep(headStrip, runs);
    if (tailStrip) keep(tailStrip, runs);
    const { at, depth, count, end: last } = runs;
    for (let i = 0; i < count; i++) {
      const start = at[i]!;
      const end = i + 1 < count ? at[i + 1]! : last;
      let kept = 0;
      for (const row of active) {
        addTo(row, start, end, depth[i]!);
        if (row.end <= end) close(row);
        else active[kept++] = row;
      }
      active.length = kept;
      for (; nextRow < endHome && startOf(nextRow) < end; nextRow++) {
        const row = open(nextRow);
        addTo(row, start, end, depth[i]!);
        if (row.end <= end) close(row);
        else active.push(row);
      }
    }
  };

  return {
    begin(...given) {
      [contig, rows, from, to, isEnd] = given;
      firstHome = firstFrom(rows, from);
      endHome = isEnd ? rows.count : firstFrom(rows, to);
      nextRow = firstHome;
      home = new Float64Array((endHome - firstHome) * stride).fill(NaN);
      const left = overlapping(rows, firstHome, from);
      active = left.map(open);
      const short = (row: number): boolean => lengthOf(row) <= longest;
      const headEnd = left
        .filter(short)
        .reduce((end, row) => Math.max(end, Math.min(endOf(row), reach())), from);
      headStrip = headEnd > from ? createStrip(from, headEnd) : undefined;
      tailStrip = undefined;
      crossing = crossingOf([]);
      if (isEnd) return;
      const right = overlapping(rows, endHome, to).filter(short);
      crossing = crossingOf(
        right.map((row) => ({ row, start: startOf(row), end: endOf(row), length: lengthOf(row) })),
      );
      const tailStart = right.reduce((start, row) => Math.min(start, startOf(row)), to);
      if (tailStart < to && headEnd < to) tailStrip = createStrip(Math.max(tailStart, from), to);
    },
    add,
    end() {
      // What counts behind the contig's end.
      if (isEnd && rows.limit > to) {
        const behind = {
          at: Int32Array.of(to),
          depth: Int32Array.of(0),
          count: 1,
          end: rows.limit,
          before: 0,
        };
        add(behind);
      }
      for (const row of active) close(row);
      active = [];
      // Regions behind the contig's end have no bases.
      for (; nextRow < endHome; nextRow++) close(open(nextRow));
      if (home.length > 0) values.push(home);
      if (headStrip) head = buildStrip(headStrip);
      if (tailStrip) tail = buildStrip(tailStrip);
      tallies.push(contig, tally);
    },
    takeValues() {
      const all = new Float64Array(values.reduce((length, column) => length + column.length, 0));
      let fill = 0;
      for (const column of values) {
        all.set(column, fill);
        fill += column.length;
      }
      values = [];
      return all;
    },
    build: () => ({ tallies: tallies.build(), head, tail, crossing, partial }),
  };
}

/** The first row that starts at or after `pos`. */
function firstFrom(rows: Rows, pos: number): number {
  let low = 0;
  for (let high = rows.count; low < high;) {
    const middle = Math.floor((low + high) / 2);
    if (rows.start(middle) < pos) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Of the rows before `end`, which start before `pos`, those that end after it. */
function overlapping(rows: Rows, end: number, pos: number): number[] {
  const out: number[] = [];
  // Windows do not overlap: only the last one can.
  for (let row = rows.isWindows ? Math.max(0, end - 1) : 0; row < end; row++)
    if (Math.min(rows.end(row), rows.limit) > pos) out.push(row);
  return out;
}

function crossingOf(rows: readonly { row: number; start: number; end: number; length: number }[]): Crossing {
  return {
    row: Float64Array.from(rows, (r) => r.row),
    start: Float64Array.from(rows, (r) => r.start),
    end: Float64Array.from(rows, (r) => r.end),
    length: Float64Array.from(rows, (r) => r.length),
  };
}

/** What a row has so far. */
export function partialOf(contig: number, row: Row): Partial {
  const { start, end, length, covered, sum, reaching, histogram } = row;
  const depths: number[] = [];
  for (let depth = 0; depth < (histogram?.counted ?? 0); depth++)
    if (histogram!.counts[depth] !== 0) depths.push(depth);
  return {
    contig,
    row: row.row,
    start,
    end,
    length,
    covered,
    sum,
    reaching: reaching.slice(),
    depth: Int32Array.from(depths),
    count: Float64Array.from(depths, (depth) => histogram!.counts[depth]!),
  };
}
