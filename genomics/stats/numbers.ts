/** The numbers of `samtools stats` that are worked out from counts, with the arithmetic of the original. */
import { sumNames, type SumName, type Tally } from './tally.ts';
import type { Column } from './columns.ts';

/** Pairs by insert size, each of which was counted at both reads. */
export type Inserts = {
  readonly inward: Column;
  readonly outward: Column;
  readonly other: Column;
  /** Insert sizes from here on are no part of the main bulk. */
  readonly bulk: number;
  readonly mean: number;
  readonly deviation: number;
};

/** Sums as numbers with names. */
export const sumsOf = ({ sums }: Tally): { readonly [name in SumName]: number } =>
  Object.fromEntries(sumNames.map((name, i) => [name, sums[i]!])) as { [name in SumName]: number };

/** `share`: of the pairs that is the main bulk. */
export function insertsOf({ inserts }: Tally, size: number, share: number): Inserts {
  const half = (column: Column): Column =>
    Float64Array.from({ length: size + 1 }, (_, i) => Math.floor((column[i] ?? 0) / 2));
  const [inward, outward, other] = inserts.map(half) as [Column, Column, Column];
  const all = inward.map((n, i) => n + outward[i]! + other[i]!);
  let pairs = all.reduce((sum, n) => sum + n, 0);
  const limit = Math.fround(share);
  let [bulk, sum, mean] = [0, 0, 0];
  for (let i = 0; i < all.length; i++) {
    if (all[i]! > 0) bulk = i + 1;
    sum += all[i]!;
    mean += i * all[i]!;
    if (sum / pairs > limit) {
      bulk = i + 1;
      pairs = sum;
      break;
    }
  }
  const count = pairs || 1;
  mean /= count;
  let square = 0;
  for (let i = 1; i < bulk; i++) square += (all[i]! * (i - mean) * (i - mean)) / count;
  return { inward, outward, other, bulk, mean, deviation: Math.sqrt(square) };
}

export const total = (column: Column): number => column.reduce((sum, n) => sum + n, 0);

/** Mean of counts as a number of 32 bits, as C divides a `float` by an integer; 0 of nothing. */
export const share = (part: number, whole: number): number =>
  whole > 0 ? Math.fround(Math.fround(part) / Math.fround(whole)) : 0;

/** The sum of all qualities. */
export function qualitySum({ quality }: Tally): number {
  let sum = 0;
  for (const { width, counts } of quality)
    for (let i = 0; i < counts.length; i++) sum += counts[i]! * (i % width);
  return sum;
}

/** Counts of A, C, G, T, N and others at a cycle of first or last reads; codes of bases are `=ACMGRSVTWYHKDBN`. */
export function basesAt(columns: readonly Column[], cycle: number): number[] {
  const out = [0, 0, 0, 0, 0, 0];
  const kinds = [5, 0, 1, 5, 2, 5, 5, 5, 3, 5, 5, 5, 5, 5, 5, 4];
  for (const column of columns) kinds.forEach((kind, code) => (out[kind]! += column[16 * cycle + code] ?? 0));
  return out;
}
