/** Slips of the polymerase: copies of a fragment that lost or gained a base of a homopolymer. */
import type { Haplotype } from './individual.ts';
import type { Random } from './random.ts';

/** Shortest run of equal bases that a copy slips in. */
const SHORTEST_RUN = 8;
/** Chance of a slip in the shortest run, and what each further base multiplies it by. */
const FIRST = 6e-4;
const GROWTH = 1.55;
const HIGHEST = 0.12;

/** Where the runs of a sequence begin, ascending. */
export function runsOf(bases: Uint8Array): Int32Array {
  const starts: number[] = [];
  for (let i = 0; i < bases.length;) {
    let end = i + 1;
    while (end < bases.length && bases[end] === bases[i]) end++;
    if (end - i >= SHORTEST_RUN) starts.push(i);
    i = end;
  }
  return Int32Array.from(starts);
}

/**
 * The haplotype as the template of a read of its bases `[from, from + n)` that has slipped: those bases alone, one missing or one more at the
 * left end of a run, where mappers put it. Undefined for most reads, which have not.
 */
export function slip(haplotype: Haplotype, from: number, n: number, rng: Random): Haplotype | undefined {
  const { bases, at, runs } = haplotype;
  let low = 0;
  for (let high = runs.length; low < high;) {
    const middle = (low + high) >>> 1;
    if (runs[middle]! <= from) low = middle + 1;
    else high = middle;
  }
  const start = runs[low];
  // The run must end within the read, or the slip does not show.
  if (start === undefined || start + SHORTEST_RUN >= from + n) return undefined;
  let end = start;
  while (bases[end] === bases[start]) end++;
  if (end >= from + n || at[start]! < 0) return undefined;
  let chance = FIRST;
  for (let length = SHORTEST_RUN; length < end - start; length++) chance = Math.min(HIGHEST, chance * GROWTH);
  if (!rng.chance(chance)) return undefined;
  const isLoss = rng.below(5) < 3;
  const before = start - from;
  const taken = isLoss ? n : n - 1;
  if (from + taken >= bases.length) return undefined;
  const made = new Uint8Array(n);
  const places = new Int32Array(n);
  made.set(bases.subarray(from, start));
  places.set(at.subarray(from, start));
  let to = before;
  if (!isLoss) {
    made[to] = bases[start]!;
    places[to++] = at[start - 1]! < 0 ? at[start - 1]! : ~at[start - 1]!;
  }
  const rest = start + (isLoss ? 1 : 0);
  made.set(bases.subarray(rest, rest + n - to), to);
  places.set(at.subarray(rest, rest + n - to), to);
  const breaks = new Int32Array(n);
  for (let i = 1; i < n; i++)
    breaks[i] =
      breaks[i - 1]! + (places[i]! < 0 || places[i - 1]! < 0 || places[i] !== places[i - 1]! + 1 ? 1 : 0);
  return { bases: made, at: places, breaks, strong: haplotype.strong, runs: new Int32Array(0), owned: 0 };
}
