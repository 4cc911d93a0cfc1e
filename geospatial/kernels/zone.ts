/** Statistics of the cells of a zone. */
import { joinSpreads, noSpread, type Spread } from './spread.ts';

/** `count` is a sum of weights; `nodata` counts cells without a value. Of no cells all others are none. */
export const zoneStats =
  'count nodata sum mean min max std median majority minority variety range histogram'.split(' ');
/** From p0 to p100, say p5 or p97.5. */
export const zonePercentile = /^p(100|\d{1,2}(\.\d{1,6})?)$/;

/** Statistics that need all values at once; of the others those of pieces are joined. */
export const needsValues = (name: string): boolean =>
  /^(median|majority|minority|variety)$/.test(name) || zonePercentile.test(name);

/** `[from, to]` in `count` equal bins, half-open but for the last one, which has `to` as well. */
export type Bins = { readonly from: number; readonly to: number; readonly count: number };

/** What is known of a zone so far; it grows piece by piece. `values` and `weights` have `kept` members, in the order of cells. */
export type Zone = {
  readonly keeps: boolean;
  readonly bins: Bins | undefined;
  nodata: number;
  sum: number;
  /** Its count is a sum of weights. */
  spread: Spread;
  isWeighted: boolean;
  kept: number;
  values: Float64Array;
  weights: Float32Array;
  /** Weights of values, or of the bins, before the first and after the last of which there is one more. */
  readonly found: Map<number, number> | undefined;
  readonly counts: Float64Array;
};

/** A zone of no cells, for these statistics; a histogram without bins counts every value on its own. */
export function emptyZone(names: readonly string[], bins?: Bins): Zone {
  return {
    keeps: names.some(needsValues),
    bins,
    nodata: 0,
    sum: 0,
    spread: noSpread,
    isWeighted: false,
    kept: 0,
    values: new Float64Array(0),
    weights: new Float32Array(0),
    found: names.includes('histogram') && !bins ? new Map() : undefined,
    counts: new Float64Array(bins ? bins.count + 2 : 0),
  };
}

/** Takes a zone back to no cells; its room stays. */
export function clearZone(zone: Zone): void {
  zone.nodata = 0;
  zone.sum = 0;
  zone.spread = noSpread;
  zone.kept = 0;
  zone.isWeighted = false;
  zone.found?.clear();
  zone.counts.fill(0);
}

/** Adds the first `length` values, of these weights, or of 1 each. */
export function growZone(
  zone: Zone,
  values: Float64Array,
  weights: Float32Array | undefined,
  length: number,
): void {
  if (length === 0) return;
  let [count, sum, min, max] = [0, 0, Infinity, -Infinity];
  for (let i = 0; i < length; i++) {
    const value = values[i]!;
    const weight = weights ? weights[i]! : 1;
    count += weight;
    sum += value * weight;
    if (value < min) min = value;
    if (value > max) max = value;
  }
  const mean = sum / count;
  // Around the mean: sums of squares as such cancel out where values are large and close.
  let squares = 0;
  for (let i = 0; i < length; i++)
    squares += (weights ? weights[i]! : 1) * (values[i]! - mean) * (values[i]! - mean);
  zone.spread = joinSpreads(zone.spread, { count, min, max, mean, squares });
  zone.sum += sum;
  if (zone.keeps) keep(zone, values, weights, length);
  if (zone.bins) bin(zone.counts, zone.bins, values, weights, length);
  if (zone.found)
    for (let i = 0; i < length; i++)
      zone.found.set(values[i]!, (zone.found.get(values[i]!) ?? 0) + (weights ? weights[i]! : 1));
}

function keep(zone: Zone, values: Float64Array, weights: Float32Array | undefined, length: number): void {
  const end = zone.kept + length;
  if (weights && !zone.isWeighted)
    zone.isWeighted = weights.subarray(0, length).some((weight) => weight !== 1);
  if (end > zone.values.length) {
    const room = Math.max(end, 2 * zone.values.length, 2 ** 12);
    const [moreValues, moreWeights] = [new Float64Array(room), new Float32Array(room)];
    moreValues.set(zone.values.subarray(0, zone.kept));
    moreWeights.set(zone.weights.subarray(0, zone.kept));
    zone.values = moreValues;
    zone.weights = moreWeights;
  }
  zone.values.set(values.subarray(0, length), zone.kept);
  if (weights) zone.weights.set(weights.subarray(0, length), zone.kept);
  else zone.weights.fill(1, zone.kept, end);
  zone.kept = end;
}

function bin(
  counts: Float64Array,
  { from, to, count }: Bins,
  values: Float64Array,
  weights: Float32Array | undefined,
  length: number,
): void {
  const step = (to - from) / count;
  // As numpy.linspace has them.
  const edge = (k: number): number => k * step + from;
  for (let i = 0; i < length; i++) {
    const value = values[i]!;
    let at = value < from ? -1 : value > to ? count : Math.floor(((value - from) / (to - from)) * count);
    if (at >= 0 && at < count) {
      // Edges are what they are as doubles, whatever the division says.
      if (value < edge(at)) at--;
      else if (at + 1 < count && value >= edge(at + 1)) at++;
    } else if (value === to) at = count - 1;
    counts[at + 1]! += weights ? weights[i]! : 1;
  }
}

/**
 * Statistics by their names; NaN for none, and for a histogram. `std` is of all cells, not of a sample. `median` and percentiles are linear between neighbours (type 7) where all weights
 * are 1; else the least value at which that share of the weights is reached. Of equally frequent values `majority` and `minority` are the least.
 */
export function statisticsOfZone(zone: Zone, names: readonly string[]): number[] {
  const { count, min, max, squares } = zone.spread;
  // Each is made once, by whoever asks first.
  let ranked: Ranked | undefined;
  let found: Frequent | undefined;
  const percentile = (share: number): number => percentileOf((ranked ??= rankedOf(zone)), share);
  const frequent = (): Frequent => (found ??= frequentOf(zone));
  const told: { readonly [name: string]: () => number } = {
    sum: () => zone.sum,
    mean: () => zone.sum / count,
    min: () => min,
    max: () => max,
    range: () => max - min,
    std: () => Math.sqrt(squares / count),
    median: () => percentile(50),
    majority: () => frequent().majority,
    minority: () => frequent().minority,
    variety: () => frequent().variety,
    histogram: () => NaN,
  };
  return names.map((name) => {
    if (name === 'nodata') return zone.nodata;
    if (name === 'count') return count;
    return count === 0 ? NaN : told[name] ? told[name]() : percentile(Number(name.slice(1)));
  });
}

/**
 * The histogram as JSON: weights by value, ascending; with bins their counts, and what lies below and above them.
 * @throws RangeError for more than 1,000 values without bins
 */
export function histogramOfZone({ found, bins, counts }: Zone): string {
  if (bins) {
    const { from, to, count } = bins;
    const [below, above] = [counts[0]!, counts[count + 1]!];
    return JSON.stringify({ from, to, counts: [...counts.subarray(1, count + 1)], below, above });
  }
  if (!found || found.size > mostValues)
    throw new RangeError(`${found?.size} values, expected ${mostValues} at most`);
  const rows = [...found].toSorted(([a], [b]) => a - b);
  return `{${rows.map(([value, weight]) => `"${value}":${weight}`).join(',')}}`;
}
export const mostValues = 1000;

type Frequent = { readonly majority: number; readonly minority: number; readonly variety: number };

function frequentOf({ values, weights, kept }: Zone): Frequent {
  const found = new Map<number, number>();
  for (let i = 0; i < kept; i++) found.set(values[i]!, (found.get(values[i]!) ?? 0) + weights[i]!);
  let [majority, minority] = [NaN, NaN];
  let [most, least] = [-Infinity, Infinity];
  for (const [value, weight] of found) {
    if (weight > most || (weight === most && value < majority)) [majority, most] = [value, weight];
    if (weight < least || (weight === least && value < minority)) [minority, least] = [value, weight];
  }
  return { majority, minority, variety: found.size };
}

/** Values of the weight 1, ascending; the others by value, each with its weight. */
type Ranked = {
  readonly whole: Float64Array;
  readonly shared: readonly (readonly [value: number, weight: number])[];
  readonly count: number;
};

function rankedOf({ values, weights, kept, spread: { count }, isWeighted }: Zone): Ranked {
  if (!isWeighted) return { whole: values.slice(0, kept).sort(), shared: [], count };
  const whole = new Float64Array(kept);
  const shared: [number, number][] = [];
  let length = 0;
  for (let i = 0; i < kept; i++)
    if (weights[i] === 1) whole[length++] = values[i]!;
    else shared.push([values[i]!, weights[i]!]);
  return { whole: whole.subarray(0, length).sort(), shared: shared.sort(([a], [b]) => a - b), count };
}

function percentileOf({ whole, shared, count }: Ranked, share: number): number {
  if (shared.length === 0) {
    const at = ((whole.length - 1) * share) / 100;
    const below = Math.floor(at);
    const low = whole[below]!;
    return below + 1 < whole.length ? low + (at - below) * (whole[below + 1]! - low) : low;
  }
  const wanted = (count * share) / 100;
  let [reached, i, k, value] = [0, 0, 0, NaN];
  while (i < whole.length || k < shared.length) {
    const isWhole = k === shared.length || (i < whole.length && whole[i]! <= shared[k]![0]);
    value = isWhole ? whole[i++]! : shared[k]![0];
    reached += isWhole ? 1 : shared[k++]![1];
    if (reached >= wanted) break;
  }
  return value;
}
