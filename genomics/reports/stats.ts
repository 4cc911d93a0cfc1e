/** The report of `samtools stats`: its counts, depth, and the reads in order for what hangs on that. */
import type { Context, Output, Stored } from '../../core/job.ts';
import { field, flag } from '../formats/record.ts';
import { cover } from '../kernels/bases.ts';
import { operations } from '../kernels/cigar.ts';
import { advance, begin, createSweep, finish, type Runs } from '../kernels/depth.ts';
import { type Column, sumColumns, sumTables, type Table, trimmed } from '../stats/columns.ts';
import { createGcDepth } from '../stats/gcdepth.ts';
import { isDeep, type Rules } from '../stats/rules.ts';
import { createStepReader, createStepWriter, writeLonger, writeRead, writeTurn } from '../stats/steps.ts';
import { createTally, sumTallies, type Step, type Tally } from '../stats/tally.ts';
import { deepest, type Shown, statsText } from '../stats/text.ts';
import type { Visitor } from './scan.ts';

/** Steps of a part, see genomics/stats/steps.ts. */
export type StoredSteps = {
  readonly usual: number;
  readonly pieces: readonly Stored[];
  readonly isWide: boolean;
};

export type Stats = {
  readonly tally: Tally;
  readonly cover: Column;
  readonly mismatches: Table | null;
  readonly steps: readonly StoredSteps[];
};

/** Bytes of steps that a kernel holds before they go to the store. */
const pieceSize = 4 << 20;
/** No position is beyond it (SAM spec 4.2). */
const endless = 2 ** 31 - 1;

export function createStats(
  rules: Rules,
  context: Pick<Context, 'put'>,
): Visitor & { build(): Promise<Stats> } {
  const tally = createTally(rules);
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
  let [from, to, length] = [0, 0, 0];
  let isSwept = false;
  let isTurned = false;

  const step: Step = (view, _bytes, at, unclipped, gc) => {
    if ((view.getUint16(at + field.flag, true) & flag.unmapped) !== 0) {
      writeLonger(writer, unclipped);
      return;
    }
    if (!isTurned) writeTurn(writer, contig, 0);
    isTurned = true;
    writeRead(writer, view, at, unclipped, gc, 0);
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
    },
    take({ view, bytes, contig: id, halo, start, end }) {
      if (id >= 0)
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
      tally.take(view, bytes, start, end, step);
      return writer.fill >= pieceSize ? store() : undefined;
    },
    end() {
      if (isSwept) finish(sweep);
    },
    async build() {
      await store();
      return {
        tally: tally.build(),
        cover: trimmed(depths),
        mismatches: null,
        steps: [{ usual: writer.usual, pieces, isWide: writer.isWide }],
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
});

/** Characters that are collected before a write. */
const batch = 1 << 18;

export async function writeStats(
  stats: Stats,
  shown: Shown,
  output: Output,
  context: Pick<Context, 'get'>,
): Promise<void> {
  const gcDepth = createGcDepth(shown.bin, stats.mismatches !== null);
  for (const { usual, pieces } of stats.steps) {
    const read = createStepReader(usual, gcDepth.add);
    for (const stored of pieces) read(await context.get(stored));
  }
  const sink = await output.file('.stats');
  let text = '';
  for (const line of statsText({ ...stats, bins: gcDepth.build() }, shown)) {
    text += `${line}\n`;
    if (text.length < batch) continue;
    await sink.write(Buffer.from(text));
    text = '';
  }
  await sink.write(Buffer.from(text));
}
