/** Many values of a cell to one. */

/** What becomes of the values of a cell; `pNN` is a percentile. */
export const statistics = ['median', 'mean', 'min', 'max'] as const;
export type CompositeStatistic = (typeof statistics)[number] | `p${number}`;
export const percentile = /^p([1-9]\d?)$/;

/**
 * Of each of `count` cells the statistic of its values, into `out`; NaN where there is none. `stack` has a run of `count` values a scene, scene after scene; NaN for none.
 * Median and percentiles are linear between neighbours (type 7 of Hyndman and Fan 1996); means are summed in f64 in the order of scenes.
 */
export function reduceStack(
  stack: Float32Array,
  scenes: number,
  count: number,
  statistic: CompositeStatistic,
  out: Float64Array,
): void {
  const share = statistic === 'median' ? 0.5 : Number(percentile.exec(statistic)?.[1] ?? NaN) / 100;
  const isRanked = share === share;
  const values = new Float64Array(scenes);
  for (let i = 0; i < count; i++) {
    let n = 0;
    for (let at = i; at < scenes * count; at += count) {
      const value = stack[at]!;
      if (value === value) values[n++] = value;
    }
    out[i] = n === 0 ? NaN : isRanked ? rank(values, n, share) : plainOf(values, n, statistic);
  }
}

function plainOf(values: Float64Array, n: number, statistic: CompositeStatistic): number {
  let result = values[0]!;
  for (let k = 1; k < n; k++) {
    const value = values[k]!;
    if (statistic === 'mean') result += value;
    else if (statistic === 'min' ? value < result : value > result) result = value;
  }
  return statistic === 'mean' ? result / n : result;
}

// More are sorted by the engine's own means.
const few = 48;

function rank(values: Float64Array, n: number, share: number): number {
  if (n > few) values.subarray(0, n).sort();
  else
    for (let k = 1; k < n; k++) {
      const value = values[k]!;
      let to = k;
      for (; to > 0 && values[to - 1]! > value; to--) values[to] = values[to - 1]!;
      values[to] = value;
    }
  const at = (n - 1) * share;
  const below = Math.floor(at);
  const low = values[below]!;
  return below + 1 < n ? low + (at - below) * (values[below + 1]! - low) : low;
}
