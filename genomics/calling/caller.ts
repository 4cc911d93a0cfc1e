/** Calls the variants of a stretch of the genome from the reads over it. */
import { assemble } from './assembly.ts';
import { type Block, blocksOf } from './blocks.ts';
import type { Call } from './calls.ts';
import { callColumn, type Rules } from './column.ts';
import { grouped } from './grouped.ts';
import type { Aligner } from './likelihoods.ts';
import { callMixed } from './mixed.ts';
import { markOf, marksOf, ordered } from './marks.ts';
import type { Pool } from './pool.ts';
import { findSignals, type Slice } from './signals.ts';
import { findWindows } from './windows.ts';

/** Bases on either side of a stretch that its calls may hang on. */
export const halo = 768;

/**
 * The calls of the windows that belong to `[from, to)`, multiples of the cell size, in order, and blocks of what lies between them, where these are asked for. Pool and slice
 * reach `halo` bases farther on both sides; `length`: of the contig; `wanted`: a byte for each position of the slice, 0 where blocks are not.
 */
export function callStretch(
  pool: Pool,
  slice: Slice,
  from: number,
  to: number,
  length: number,
  rules: Rules,
  aligner: Aligner,
  wanted?: Uint8Array,
): { readonly calls: readonly Call[]; readonly blocks: readonly Block[] } {
  const signals = findSignals(pool, slice, rules.samples, rules.isEvidence);
  const calls: Call[] = [];
  const seen = marksOf(signals, slice);
  const haplotypes = assemble(pool, slice, seen, signals, length, rules);
  const more = haplotypes.flatMap((edits) => edits.map((edit) => markOf(edit, slice)));
  const marks = more.length > 0 ? ordered([...seen, ...more]) : seen;
  const { windows, start, end } = findWindows(marks, from, to, length);
  for (const window of windows) {
    if (window.isMixed) {
      calls.push(...callMixed(pool, slice, window, haplotypes, rules, aligner));
      continue;
    }
    const byPlace = grouped(window.candidates, ({ pos }) => pos);
    for (const [pos, edits] of byPlace) {
      const call = callColumn(
        pool,
        slice,
        pos,
        edits.map(({ bases }) => bases),
        rules,
      );
      if (call) calls.push(call);
    }
  }
  calls.sort((a, b) => a.pos - b.pos || a.alleles[0]!.length - b.alleles[0]!.length);
  if (!rules.isWhole) return { calls, blocks: [] };
  const isWanted = wanted?.subarray(start - slice.from, end - slice.from);
  return { calls, blocks: blocksOf(signals, slice.codes, calls, start, end, isWanted) };
}
