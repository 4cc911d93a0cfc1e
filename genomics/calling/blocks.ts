/** Where nothing is called: blocks of positions that are like the reference, about equally sure (the reference blocks of gVCF). */
import type { Call } from './calls.ts';
import { damped, gqOf, plOf } from './genotypes.ts';
import type { Signals } from './signals.ts';

/** `[from, to)`, with what is least in it, and depth on average. `base`: the code of the reference at its start. */
export type Block = {
  readonly from: number;
  readonly to: number;
  readonly base: number;
  readonly gq: number;
  readonly pl: readonly number[];
  readonly depth: number;
  readonly leastDepth: number;
};

/** GQ of a block lie between two of these: 0, 1 to 9, 10 to 19, up to 99. */
const bandOf = (gq: number): number => (gq === 0 ? 0 : gq >= 99 ? 11 : 1 + Math.floor(gq / 10));
/** What a base is taken to be wrong: Phred 30, and one of three. */
const error = Math.log(1e-3 / 3);

/** Likelihoods, as PL, of genotypes with no, some and all chromosomes unlike the reference, by how many bases are. */
function plainPl(same: number, unlike: number): number[] {
  let [none, all] = [0, 0];
  for (let k = 0; k < unlike; k++) none += damped(error, k);
  for (let k = 0; k < same; k++) all += damped(error, k);
  return plOf([none, (same + unlike) * Math.log(0.5), all]);
}

/**
 * Blocks over `[from, to)`, positions of calls left out. `isWanted` has a byte for each position, 0 where none is asked for; all are without it. `codes` begin
 * where the signals do.
 */
export function blocksOf(
  { from: origin, bases, depth }: Signals,
  codes: Uint8Array,
  calls: readonly Call[],
  from: number,
  to: number,
  isWanted: Uint8Array | undefined,
): Block[] {
  const isTaken = new Uint8Array(to - from);
  for (const { pos, alleles } of calls)
    isTaken.fill(1, Math.max(0, pos - from), Math.max(0, pos - from + alleles[0]!.length));
  const known = new Map<number, readonly [pl: readonly number[], gq: number]>();
  const sureness = (pos: number): readonly [pl: readonly number[], gq: number] => {
    const i = pos - origin;
    const counts = bases[0]!;
    const deep = depth[0]![i]!;
    const unlike = Math.min(
      deep,
      counts[4 * i]! + counts[4 * i + 1]! + counts[4 * i + 2]! + counts[4 * i + 3]!,
    );
    const key = deep * 65536 + unlike;
    let found = known.get(key);
    if (!found) {
      const pl = plainPl(deep - unlike, unlike);
      known.set(key, (found = [pl, pl[0] === 0 ? gqOf(pl) : 0]));
    }
    return found;
  };
  const blocks: Block[] = [];
  for (let pos = from; pos < to;) {
    if (isTaken[pos - from] || isWanted?.[pos - from] === 0) {
      pos++;
      continue;
    }
    const start = pos;
    const band = bandOf(sureness(pos)[1]);
    const deepOf = (at: number): number => depth[0]![at - origin]!;
    let [pl, gq] = sureness(pos);
    let [sum, leastDepth] = [0, Infinity];
    for (; pos < to && !isTaken[pos - from] && isWanted?.[pos - from] !== 0; pos++) {
      const next = sureness(pos);
      if (bandOf(next[1]) !== band) break;
      if (next[1] < gq) [pl, gq] = next;
      sum += deepOf(pos);
      leastDepth = Math.min(leastDepth, deepOf(pos));
    }
    const depthOf = Math.round(sum / (pos - start));
    blocks.push({ from: start, to: pos, base: codes[start - origin]!, gq, pl, depth: depthOf, leastDepth });
  }
  return blocks;
}
