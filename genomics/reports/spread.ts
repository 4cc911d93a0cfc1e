/** Sweeps the depth of bases, as samtools counts them, over the contigs of a part, once for all reports that ask for the same. */
import type { Contig } from '../coverage/contigs.ts';
import { field, flag } from '../formats/record.ts';
import {
  type BaseFilter,
  clearOverlaps,
  clipOf,
  counts,
  cover,
  createOverlaps,
  stopOf,
} from '../kernels/bases.ts';
import { operations } from '../kernels/cigar.ts';
import { advance, begin, createSweep, finish, type Runs } from '../kernels/depth.ts';
import type { Batch, Visitor } from './scan.ts';

export type SpreadRules = {
  readonly filter: BaseFilter;
  /** Reads marked as unmapped count, too, where FLAG lets them: they do in `samtools depth`, but in no pileup. */
  readonly hasUnmapped: boolean;
  /** Of reads of one template that overlap, only the first one's bases count. */
  readonly once: boolean;
};

/** Who wants the depths. Contigs without a read that counts have `begin` and `end` only. */
export type Listener = {
  begin?(contig: Contig, from: number, to: number): void;
  /** Runs of depth of `[from, to)` in order; the last part of a contig goes on behind the contig's end. */
  runs(runs: Runs): void | Promise<void>;
  /** `stop`: end of the read that reaches farthest, -1 without one that counts. */
  end?(stop: number): void | Promise<void>;
};

/** Runs as far as they lie in `[from, to)`, which begins and ends among them. */
export function clipped({ at, depth, count, before, end }: Runs, from: number, to: number): Runs {
  // The last run that starts at or before `from`.
  let first = 0;
  for (let high = count; high - first > 1;) {
    const middle = (first + high) >>> 1;
    if (at[middle]! <= from) first = middle;
    else high = middle;
  }
  let last = first;
  while (last + 1 < count && at[last + 1]! < to) last++;
  const own = at.slice(first, last + 1);
  own[0] = Math.max(from, own[0]!);
  return {
    at: own,
    depth: depth.subarray(first, last + 1),
    count: last + 1 - first,
    before: first > 0 ? depth[first - 1]! : before,
    end: Math.min(to, end),
  };
}

/** No position is beyond it (SAM spec 4.2). */
const endless = 2 ** 31 - 1;

export function createSpread(
  { filter, hasUnmapped, once }: SpreadRules,
  listeners: readonly Listener[],
): Visitor {
  let waits: Promise<void>[] = [];
  const sweep = createSweep((runs) => {
    for (const listener of listeners) {
      const wait = listener.runs(runs);
      if (wait) waits.push(wait);
    }
  });
  const overlaps = createOverlaps();
  let [from, to, length] = [0, 0, 0];
  let stop = -1;
  const skipped = hasUnmapped ? 0 : flag.unmapped;

  const settle = async (): Promise<void> => {
    const all = waits;
    waits = [];
    await Promise.all(all);
  };

  return {
    begin(contig, start, end) {
      [from, to, length] = [start, end, contig.length];
      stop = -1;
      if (once) clearOverlaps(overlaps);
      for (const listener of listeners) listener.begin?.(contig, start, end);
    },
    take({ view, contig, halo, end }: Batch) {
      if (contig < 0) return undefined;
      for (let at = halo; at < end; at += 4 + view.getInt32(at, true)) {
        if (!counts(filter, view, at)) continue;
        if ((view.getUint16(at + field.flag, true) & skipped) !== 0) continue;
        const pos = view.getInt32(at + field.pos, true);
        if (pos < 0) continue;
        if (stop < 0) begin(sweep, from, to >= length ? endless : to);
        const ops = operations(view, at);
        const last = stopOf(view, at, ops);
        stop = Math.max(stop, last);
        const clip = once ? clipOf(overlaps, view, at, last) : 0;
        if (last < from) continue;
        if (pos >= sweep.origin + sweep.room) advance(sweep, pos);
        cover(sweep, view, at, ops, clip, filter.quality);
      }
      return waits.length > 0 ? settle() : undefined;
    },
    async end() {
      if (stop >= 0) finish(sweep);
      if (waits.length > 0) await settle();
      for (const listener of listeners) await listener.end?.(stop);
    },
  };
}
