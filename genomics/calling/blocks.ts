/** Where nothing is called: blocks of positions that are like the reference, about equally sure (the reference blocks of gVCF). */
import type { Call } from './calls.ts';
import { damped, gqOf, plOf } from './genotypes.ts';
import type { Signals } from './signals.ts';

/** `[from, to)`, and what each sample has there. `base`: the code of the reference at its start. */
export type Block = {
  readonly from: number;
  readonly to: number;
  readonly base: number;
  readonly samples: readonly SampleBlock[];
};

/** What is least in a block, and depth on average. */
export type SampleBlock = {
  readonly gq: number;
  readonly pl: readonly number[];
  readonly depth: number;
  readonly leastDepth: number;
};

/** The least GQ of the samples lies between two of these all over a block: 0, 1 to 9, 10 to 19, up to 99. */
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
  // Of calls that are not wanted blocks take the place.
  for (const { pos, alleles } of calls)
    if (isWanted?.[pos - from] !== 0)
      isTaken.fill(1, Math.max(0, pos - from), Math.max(0, pos - from + alleles[0]!.length));
  const known = new Map<number, Sureness>();
  const sureness = (sample: number, pos: number): Sureness => {
    const i = pos - origin;
    const counts = bases[sample]!;
    const deep = depth[sample]![i]!;
    const unlike = Math.min(
      deep,
      counts[4 * i]! + counts[4 * i + 1]! + counts[4 * i + 2]! + counts[4 * i + 3]!,
    );
    const key = deep * 65536 + unlike;
    let found = known.get(key);
    if (!found) {
      const pl = plainPl(deep - unlike, unlike);
      known.set(key, (found = { pl, gq: pl[0] === 0 ? gqOf(pl) : 0, depth: deep }));
    }
    return found;
  };
  const samples = bases.map((_, sample) => sample);
  const bandAt = (pos: number): number => {
    let least = Infinity;
    for (const sample of samples) least = Math.min(least, sureness(sample, pos).gq);
    return bandOf(least);
  };
  const isBlock = (pos: number): boolean => !isTaken[pos - from] && isWanted?.[pos - from] !== 0;
  const blocks: Block[] = [];
  for (let pos = from; pos < to;) {
    if (!isBlock(pos)) {
      pos++;
      continue;
    }
    const start = pos;
    const band = bandAt(start);
    while (pos < to && isBlock(pos) && bandAt(pos) === band) pos++;
    blocks.push({
      from: start,
      to: pos,
      base: codes[start - origin]!,
      samples: samples.map((sample) => leastOf((at) => sureness(sample, at), start, pos)),
    });
  }
  return blocks;
}

/** How sure it is that a sample is like the reference at a position, and by how many reads. */
type Sureness = { readonly pl: readonly number[]; readonly gq: number; readonly depth: number };

function leastOf(at: (pos: number) => Sureness, from: number, to: number): SampleBlock {
  let least = at(from);
  let [sum, leastDepth] = [0, Infinity];
  for (let pos = from; pos < to; pos++) {
    const one = at(pos);
    if (one.gq < least.gq) least = one;
    sum += one.depth;
    leastDepth = Math.min(leastDepth, one.depth);
  }
  return { gq: least.gq, pl: least.pl, depth: Math.round(sum / (to - from)), leastDepth };
}
