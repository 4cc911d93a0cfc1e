/** The report of `samtools stats`: its counts, depth, and the reads in order for what hangs on that. */
import type { Context, Output, Stored } from '../../core/job.ts';
import { BadInput } from '../../core/errors.ts';
import type { Bases } from '../formats/fasta.ts';
import { field, flag } from '../formats/record.ts';
import { cover } from '../kernels/bases.ts';
import { operations } from '../kernels/cigar.ts';
import { advance, begin, createSweep, finish, type Runs } from '../kernels/depth.ts';
import { type Column, sumColumns, sumTables, type Table, trimmed } from '../stats/columns.ts';
import type { Cycles } from '../stats/cycles.ts';
import { createGcDepth, type Window } from '../stats/gcdepth.ts';
import { addMismatches, createMismatches, moveWindow, reachOf, tableOf } from '../stats/mismatches.ts';
import { insertsOf } from '../stats/numbers.ts';
import { isDeep, type Rules } from '../stats/rules.ts';
import { createRing, createRingFinder } from '../stats/ring.ts';
import {
  createStepReader,
  createStepWriter,
  type Step as ReadStep,
  writeLonger,
  writeRead,
  writeTurn,
} from '../stats/steps.ts';
import { createTally, sumTallies, type Step, type Tally } from '../stats/tally.ts';
import { deepest, type Shown, statsText, summaryOf } from '../stats/text.ts';
import type { Batch, Visitor } from './scan.ts';

/** Steps of a part, see genomics/stats/steps.ts. */
export type StoredSteps = {
  readonly usual: number;
  readonly pieces: readonly Stored[];
};

export type Stats = {
  readonly tally: Tally;
  readonly cover: Column;
  readonly mismatches: Table | null;
  readonly steps: readonly StoredSteps[];
  /** Records were met in the order of a file without an index: depth is worked out from the steps alone. */
  readonly isLoose: boolean;
};

/** Bytes of steps that a kernel holds before they go to the store. */
const pieceSize = 4 << 20;
/** No position is beyond it (SAM spec 4.2). */
const endless = 2 ** 31 - 1;

/** Opens the reference of a contig of the part; undefined where there is none. */
export type OpenReference = (contig: number) => Bases | undefined;

/** Positions that are compared with the reference at once. */
const span = 1 << 20;

/** `reference` is undefined for a run without one. */
export function createStats(
  rules: Rules,
  reference: OpenReference | undefined,
  isLoose: boolean,
  cycles: Cycles,
  context: Pick<Context, 'put'>,
): Visitor & { build(): Promise<Stats> } {
  const mismatches = createMismatches();
  let bases: Bases | undefined;
  const window: Window = { gc: 0, known: 0 };
  let lastPos = -1;
  const tally = createTally(rules, cycles);
  const writer = createStepWriter();
  const pieces: Stored[] = [];
  const depths = new Float64Array(deepest + 1);
  const sweep = createSweep(({ at, depth, count, end }: Runs) => {
    for (let i = 0; i < count; i++) {
      const deep = depth[i]!;
      if (deep > 0) depths[deep < deepest ? deep : deepest]! += (i + 1 < count ? at[i + 1]! : end) - at[i]!;
    }
  });
  let contig = -1;
  let name = '';
  const openOf = (id: number): Bases => {
    const found = reference!(id);
    if (!found)
      throw new BadInput(
        `FASTA: the reference has no sequence ${name}, expected those of the contigs with reads; give the one that the reads were aligned to`,
      );
    return found;
  };
  let [from, to, length] = [0, 0, 0];
  let isSwept = false;
  let isTurned = false;

  const step: Step = (view, bytes, at, unclipped, gc) => {
    if ((view.getUint16(at + field.flag, true) & flag.unmapped) !== 0) {
      writeLonger(writer, unclipped);
      return;
    }
    if (!isTurned) writeTurn(writer, contig, bases?.length ?? 0);
    isTurned = true;
    if (!bases) {
      writeRead(writer, view, at, unclipped, gc, 0);
      return;
    }
    addMismatches(mismatches, bases, view, bytes, at, unclipped);
    const pos = view.getInt32(at + field.pos, true);
    const { gc: before, known } = window;
    moveWindow(window, bases, rules.bin, lastPos, pos);
    lastPos = pos;
    writeRead(writer, view, at, unclipped, window.gc - before, window.known - known);
  };
  /** As many records from a byte on as lie near each other, with their reference; gives where they end. */
  const hold = async (view: DataView, start: number, end: number): Promise<number> => {
    const first = view.getInt32(start + field.pos, true);
    let at = start;
    let reach = first + rules.bin + 1;
    for (; at < end; at += 4 + view.getInt32(at, true)) {
      const pos = view.getInt32(at + field.pos, true);
      if (pos - first > span) break;
      if (isDeep(rules, view, at)) reach = Math.max(reach, pos + Math.max(rules.bin + 1, reachOf(view, at)));
    }
    await bases!.hold(lastPos >= 0 && first - lastPos <= rules.bin ? lastPos : Math.max(0, first), reach);
    return at;
  };
  const compare = async ({ view, bytes, start, end }: Batch): Promise<void> => {
    for (let at = start; at < end;) {
      const stop = await hold(view, at, end);
      tally.take(view, bytes, at, stop, step);
      at = stop;
      if (writer.fill >= pieceSize) await store();
    }
  };
  const store = async (): Promise<void> => {
    if (writer.fill === 0) return;
    const bytes = writer.bytes.slice(0, writer.fill);
    writer.fill = 0;
    pieces.push(await context.put(bytes));
  };
  return {
    begin(next, start, end) {
      contig = next.id;
      [from, to, length] = [start, end, next.length];
      isSwept = false;
      isTurned = false;
      lastPos = -1;
      [window.gc, window.known] = [0, 0];
      name = next.name;
    },
    take(batch) {
      const { view, bytes, contig: id, halo, start, end } = batch;
      if (isLoose) {
        if (id !== contig) isTurned = false;
        contig = id;
      } else if (id >= 0)
        for (let at = halo; at < end; at += 4 + view.getInt32(at, true)) {
          if (!isDeep(rules, view, at)) continue;
          const pos = view.getInt32(at + field.pos, true);
          if (!isSwept) begin(sweep, from, to >= length ? endless : to);
          isSwept = true;
          if (pos >= sweep.origin + sweep.room) advance(sweep, pos);
          cover(sweep, view, at, operations(view, at), 0, 0);
        }
      else if (contig >= 0) {
        contig = -1;
        isTurned = false;
      }
      if (reference && id >= 0 && start < end) {
        bases ??= openOf(id);
        return compare(batch);
      }
      tally.take(view, bytes, start, end, step);
      return writer.fill >= pieceSize ? store() : undefined;
    },
    async end() {
      if (isSwept) finish(sweep);
      await bases?.close();
      bases = undefined;
    },
    async build() {
      await store();
      return {
        tally: tally.build(),
        cover: trimmed(depths),
        mismatches: reference ? tableOf(mismatches) : null,
        steps: [{ usual: writer.usual, pieces }],
        isLoose,
      };
    },
  };
}

export const joinStats = (all: readonly Stats[]): Stats => ({
  tally: sumTallies(all.map(({ tally }) => tally)),
  cover: sumColumns(all.map(({ cover: depths }) => depths)),
  mismatches: all.some(({ mismatches }) => mismatches)
    ? sumTables(all.map(({ mismatches }) => mismatches).filter((table) => table !== null))
    : null,
  steps: all.flatMap(({ steps }) => steps),
  isLoose: all.some(({ isLoose }) => isLoose),
});

/** Characters that are collected before a write. */
const batch = 1 << 18;

/** Gives whether the reads are in order of their places. */
export async function writeStats(
  stats: Stats,
  shown: Shown,
  output: Output,
  context: Pick<Context, 'get'>,
): Promise<{ readonly isSorted: boolean }> {
  const each = async (show: (step: ReadStep) => void): Promise<void> => {
    for (const { usual, pieces } of stats.steps) {
      const read = createStepReader(usual, show);
      for (const stored of pieces) read(await context.get(stored));
    }
  };
  const gcDepth = createGcDepth(shown.bin, stats.mismatches !== null);
  const depths = new Float64Array(deepest + 1);
  depths.set(stats.cover);
  const order = createOrder();
  if (stats.isLoose) {
    const ring = createRing(undefined, depths, deepest);
    await each((step) => {
      if (!order.holds(step)) return;
      gcDepth.add(step);
      ring.add(step);
    });
    ring.finish();
  } else {
    const rings = createRingFinder();
    await each((step) => {
      gcDepth.add(step);
      rings.add(step);
    });
    if (rings.contigs.size > 0) {
      const ring = createRing(rings.contigs, depths, deepest);
      await each((step) => ring.add(step));
      ring.finish();
    }
  }
  const sink = await output.file('.stats');
  let text = '';
  const counted = { ...stats, cover: depths, bins: gcDepth.build(), isSorted: order.isSorted() };
  for (const line of statsText(counted, shown)) {
    text += `${line}\n`;
    if (text.length < batch) continue;
    await sink.write(Buffer.from(text));
    text = '';
  }
  await sink.write(Buffer.from(text));
  return { isSorted: counted.isSorted };
}

/** Follows the places of reads: samtools looks at depth and GC up to the first that lies before the last one on its contig. */
function createOrder() {
  let isSorted = true;
  let [contig, last, lastContig] = [-1, -1, -2];
  return {
    isSorted: () => isSorted,
    holds(step: ReadStep): boolean {
      if (step.kind === 'turn') ({ contig } = step);
      if (step.kind === 'read') {
        if (contig === lastContig && step.pos < last) isSorted = false;
        [last, lastContig] = [step.pos, contig];
      }
      return isSorted;
    },
  };
}

/** The summary numbers by their names. */
export function statsNumbers(
  { tally }: Stats,
  { insertSize, mostInserts }: Shown,
  isSorted: boolean,
): { [name: string]: number } {
  const rows = summaryOf(tally, insertsOf(tally, insertSize, mostInserts), isSorted);
  return Object.fromEntries(rows.map(([name, value]) => [name, Number(value)]));
}
