/** What it costs to open a gap: sequencers slip where a motif of one to four bases is repeated. */

/**
 * Probability of a slip by the length of a run of one base, from 1 on: as Albers et al. (Genome Research 2011, Dindel) measured them on Illumina reads.
 */
const byRun = [2.9e-5, 2.9e-5, 2.9e-5, 2.9e-5, 4.3e-5, 1.1e-4, 2.4e-4, 5.7e-4, 1e-3, 1.4e-3];
const perBase = 4.3e-4;
const most = 0.02;

const slipOf = (run: number): number =>
  run < byRun.length ? byRun[run]! : Math.min(most, byRun.at(-1)! + perBase * (run - byRun.length + 1));

/** By base: the probability that a gap opens before it, and that of a slip of the repeat that it is in. */
export type Gaps = { readonly open: Float32Array; readonly slip: Float32Array };

/** Repeats of a motif of one to four bases, at least twice: `[from, to)`. */
export function* repeatsOf(codes: Uint8Array): Generator<{ from: number; to: number; period: number }> {
  for (let period = 1; period <= 4; period++)
    for (let from = 0; from + 2 * period <= codes.length;) {
      let to = from + period;
      while (to < codes.length && codes[to] === codes[to - period]) to++;
      if (to - from >= 2 * period) yield { from, to, period };
      from = Math.max(from + 1, to - period + 1);
    }
}

export function gapsOf(codes: Uint8Array): Gaps {
  const open = new Float32Array(codes.length).fill(byRun[0]!);
  const slips = open.slice();
  for (const { from, to, period } of repeatsOf(codes)) {
    // Repeats of longer motifs slip as runs of a base do that are somewhat longer than there are motifs.
    const slip = slipOf(period === 1 ? to - from : Math.floor((to - from) / period) + 2);
    for (let i = from; i < to; i++) {
      // It may begin at any base of the repeat.
      open[i] = Math.max(open[i]!, slip / (to - from));
      slips[i] = Math.max(slips[i]!, slip);
    }
  }
  return { open, slip: slips };
}
