/** Joins the regions of two neighbouring intervals, and completes those that reach over the seam between them. */
import { createRow, type Measure, reset, type Row, valueOf } from '../kernels/row.ts';
import { type Partial, partialOf, type Swept, windowBin } from '../kernels/regions.ts';
import { addStrip, joinStrips, type Strip, stripEnd } from '../kernels/strip.ts';
import { countDepth, createTallies, createTally, type Tally } from '../kernels/tally.ts';
import type { Border, Coverage, Regions } from './result.ts';

/** Regions that a merge completed: `strideOf` numbers of each. */
export type Patches = {
  readonly contig: Int32Array<ArrayBuffer>;
  readonly row: Float64Array<ArrayBuffer>;
  readonly values: Float64Array<ArrayBuffer>;
};

export const noPatches = (): Patches => ({
  contig: new Int32Array(0),
  row: new Float64Array(0),
  values: new Float64Array(0),
});

type Interval = { readonly from: Border; readonly to: Border; readonly regions: Regions };

/** Both have regions. */
export function joinRegions(left: Coverage, right: Coverage, measure: Measure, isWindows: boolean): Regions {
  const a: Interval = { from: left.from, to: left.to, regions: left.regions! };
  const b: Interval = { from: right.from, to: right.to, regions: right.regions! };
  const patches = createPatches(isWindows);
  const strips = joinEnds(a, b, (row) => patches.add(a.to.contig, row), measure);
  const partial = addPartials([...a.regions.partial, ...b.regions.partial], measure, (contig, row) =>
    patches.add(contig, row),
  );
  const tallies = createTallies();
  tallies.pushAll(a.regions.tallies);
  if (patches.count() > 0) tallies.push(a.to.contig, patches.tally);
  tallies.pushAll(b.regions.tallies);
  return {
    ...strips,
    tallies: tallies.build(),
    partial,
    values: [...a.regions.values, ...b.regions.values],
    patches: joinPatches([a.regions.patches, patches.build(), b.regions.patches]),
  };
}

type Ends = Pick<Swept, 'head' | 'tail' | 'crossing'>;

/** Completes the short regions that end in `b` and start in `a`, and gives what the joined interval leaves at its ends. */
function joinEnds(a: Interval, b: Interval, complete: (row: Row) => void, measure: Measure): Ends {
  const [left, right] = [a.regions, b.regions];
  const { contig, pos: seam } = a.to;
  const { crossing } = right;
  if (left.crossing.row.length === 0) return { head: left.head, tail: right.tail, crossing };

  const start = a.from.contig === contig ? a.from.pos : 0;
  const isLast = b.to.contig === contig && !b.to.isEnd;
  const end = isLast ? b.to.pos : Infinity;
  // Of an interval that is covered whole, the head is the tail.
  const before = left.tail ?? left.head!;
  const after = right.head!;
  const both = joinStrips(before, after, before.start, stripEnd(after));
  const row = createRow(measure);
  let headEnd = start;
  for (let i = 0; i < left.crossing.row.length; i++) {
    const [from, to] = [left.crossing.start[i]!, left.crossing.end[i]!];
    if (from < start) headEnd = Math.max(headEnd, Math.min(to, end));
    else if (to <= end) {
      reset(row, left.crossing.row[i]!, from, to, left.crossing.length[i]!);
      addStrip(row, both, measure);
      complete(row);
    }
  }
  const head = headEnd > start ? joinStrips(left.head!, after, start, headEnd) : left.head;
  if (!isLast || crossing.row.length === 0) return { head, tail: right.tail, crossing };
  if (headEnd === end) return { head, tail: null, crossing };
  const tailStart = crossing.start.reduce((low, pos) => Math.min(low, pos), seam);
  const tail = joinStrips(tailStart < seam ? both : (right.tail ?? after), emptyStrip(end), tailStart, end);
  return { head, tail, crossing };
}

const emptyStrip = (start: number): Strip => ({ start, end: new Int32Array(0), depth: new Int32Array(0) });

/** Sums what is known of each long region; complete ones go to `complete`. */
function addPartials(
  partials: readonly Partial[],
  measure: Measure,
  complete: (contig: number, row: Row) => void,
): Partial[] {
  const rows = new Map<string, { contig: number; row: Row }>();
  for (const { contig, row: place, start, end, length, covered, sum, reaching, depth, count } of partials) {
    const key = `${contig} ${place}`;
    let row = rows.get(key)?.row;
    if (!row) {
      row = createRow(measure);
      reset(row, place, start, end, length);
      rows.set(key, { contig, row });
    }
    row.covered += covered;
    row.sum += sum;
    reaching.forEach((bases, i) => (row.reaching[i]! += bases));
    depth.forEach((value, i) => countDepth(row.histogram!, value, count[i]!));
  }
  const rest: Partial[] = [];
  for (const { contig, row } of rows.values())
    if (row.covered === row.end - row.start) complete(contig, row);
    else rest.push(partialOf(contig, row));
  return rest;
}

function createPatches(isWindows: boolean) {
  const tally: Tally = createTally();
  const contigs: number[] = [];
  const rows: number[] = [];
  const values: number[] = [];
  return {
    /** The windows among them, by their means. */
    tally,
    count: () => rows.length,
    add(contig: number, row: Row): void {
      const value = valueOf(row);
      contigs.push(contig);
      rows.push(row.row);
      values.push(value, ...row.reaching);
      if (isWindows) countDepth(tally, windowBin(value), 1);
    },
    build: (): Patches => ({
      contig: Int32Array.from(contigs),
      row: Float64Array.from(rows),
      values: Float64Array.from(values),
    }),
  };
}

function joinPatches(all: readonly Patches[]): Patches {
  return {
    contig: Int32Array.from(all.flatMap(({ contig }) => [...contig])),
    row: Float64Array.from(all.flatMap(({ row }) => [...row])),
    values: Float64Array.from(all.flatMap(({ values }) => [...values])),
  };
}
