/** Statistics of the cells of a zone. */

/** `count` is a sum of weights; `nodata` counts cells without a value. Of no cells all others are null. */
export const zoneStats = 'count nodata sum mean min max std median majority minority variety range'.split(
  ' ',
);
export const zonePercentile = /^p([1-9]\d?)$/;

/** Values and their weights, in the order of cells. */
export type Zone = { readonly values: number[]; readonly weights: number[]; nodata: number };

/**
 * One statistic. Sums go by the order of cells. `std` is of all cells, not of a sample. `median` and percentiles are linear between neighbours (type 7) where all weights are 1; else the least
 * value at which that share of the weights is reached. Of equally frequent values `majority` and `minority` are the least.
 */
export function zoneStat(name: string, { values, weights, nodata }: Zone): number | null {
  const sum = (of: (value: number, weight: number) => number): number =>
    values.reduce((total, value, i) => total + of(value, weights[i]!), 0);
  if (name === 'nodata') return nodata;
  const count = weights.reduce((a, b) => a + b, 0);
  if (name === 'count') return count;
  if (values.length === 0) return null;
  const mean = (): number => sum((v, w) => v * w) / count;
  const least = (): number => values.reduce((a, b) => Math.min(a, b), Infinity);
  const most = (): number => values.reduce((a, b) => Math.max(a, b), -Infinity);
  switch (name) {
    case 'sum':
      return sum((v, w) => v * w);
    case 'mean':
      return mean();
    case 'min':
      return least();
    case 'max':
      return most();
    case 'range':
      return most() - least();
    case 'std': {
      const middle = mean();
      return Math.sqrt(sum((v, w) => w * (v - middle) ** 2) / count);
    }
    case 'majority':
    case 'minority':
    case 'variety':
      return frequent(name, values, weights);
    case 'median':
      return percentile(50, values, weights, count);
    default:
      return percentile(Number(name.slice(1)), values, weights, count);
  }
}

function frequent(name: string, values: readonly number[], weights: readonly number[]): number {
  const found = new Map<number, number>();
  for (const [i, value] of values.entries()) found.set(value, (found.get(value) ?? 0) + weights[i]!);
  if (name === 'variety') return found.size;
  const sorted = [...found].toSorted(([a], [b]) => a - b);
  const isBetter = name === 'majority' ? (a: number, b: number) => a > b : (a: number, b: number) => a < b;
  return sorted.reduce((best, one) => (isBetter(one[1], best[1]) ? one : best))[0];
}

function percentile(
  share: number,
  values: readonly number[],
  weights: readonly number[],
  count: number,
): number {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  if (weights.every((weight) => weight === 1)) {
    const at = ((order.length - 1) * share) / 100;
    const below = Math.floor(at);
    const low = values[order[below]!]!;
    return below + 1 < order.length ? low + (at - below) * (values[order[below + 1]!]! - low) : low;
  }
  let reached = 0;
  for (const i of order) {
    reached += weights[i]!;
    if (reached >= (count * share) / 100) return values[i]!;
  }
  return values[order.at(-1)!]!;
}
