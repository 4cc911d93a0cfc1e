/** Calls the variants of a stretch of the genome from the reads over it. */
import type { Call } from './calls.ts';
import { callColumn, type Rules } from './column.ts';
import { grouped } from './grouped.ts';
import type { Aligner } from './likelihoods.ts';
import { callMixed } from './mixed.ts';
import type { Pool } from './pool.ts';
import { findSignals, type Slice } from './signals.ts';
import { findWindows } from './windows.ts';

/** Bases on either side of a stretch that its calls may hang on. */
export const halo = 768;

/**
 * The calls of the windows that belong to `[from, to)`, multiples of the cell size, in order. Pool and slice reach `halo` bases farther on both sides; `length`: of
 * the contig.
 */
export function callStretch(
  pool: Pool,
  slice: Slice,
  from: number,
  to: number,
  length: number,
  rules: Rules,
  aligner: Aligner,
): Call[] {
  const signals = findSignals(pool, slice, rules.samples, rules.isEvidence);
  const calls: Call[] = [];
  for (const window of findWindows(signals, slice, from, to, length)) {
    if (window.isMixed) {
      calls.push(...callMixed(pool, slice, window, rules, aligner));
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
  return calls.sort((a, b) => a.pos - b.pos || a.alleles[0]!.length - b.alleles[0]!.length);
}
