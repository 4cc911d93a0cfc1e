/** k-means of cells, exact in any order of summing. Sources: Lloyd 1982; Arthur and Vassilvitskii 2007 (k-means++); Sculley 2010 (mini-batches). */

/** Middles of clusters, a number a band, in steps; what bands weigh in distances; and the step. Plain JSON. */
export type Model = {
  readonly centers: readonly (readonly number[])[];
  readonly weights: readonly number[];
  /** A value is so many of these: whole numbers of steps have exact sums. */
  readonly step: number;
  /** Cells that each center has taken in so far; of mini-batches. */
  readonly taken: readonly number[];
};

/** Sums of whole numbers past 2^53: `high * 2^32 + low`, of each cluster and band; and the cells of each cluster. */
export type Sums = {
  readonly cells: Float64Array<ArrayBuffer>;
  readonly high: Float64Array<ArrayBuffer>;
  readonly low: Float64Array<ArrayBuffer>;
};

const limb = 2 ** 32;
const most = 2 ** 31 - 1;

/** Whole steps of a value. */
export const inSteps = (value: number, step: number): number =>
  Math.max(-most, Math.min(most, Math.round(value / step)));

/** From 0 to 1, by place and seed alone. */
export function chanceOf(scene: number, row: number, column: number, seed: number): number {
  let h = Math.imul(row ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(column + 0x7f4a7c15, 0xc2b2ae35);
  h = Math.imul(h ^ (h >>> 15) ^ Math.imul(seed + 1, 0x27d4eb2f), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12) ^ Math.imul(scene + 1, 0x165667b1), 0x297a2d39);
  h ^= h >>> 15;
  h = Math.imul(h, 0x85ebca6b);
  return ((h ^ (h >>> 13)) >>> 0) / limb;
}

/** The cluster whose center is nearest, the first of several. `at` is the place of the cell's first band in `steps`. */
export function nearest(steps: Float64Array, at: number, { centers, weights }: Model): number {
  let [best, least] = [0, Infinity];
  for (let c = 0; c < centers.length; c++) {
    const center = centers[c]!;
    let distance = 0;
    for (let b = 0; b < weights.length; b++) {
      const away = steps[at + b]! - center[b]!;
      distance += weights[b]! * away * away;
    }
    if (distance < least) [best, least] = [c, distance];
  }
  return best;
}

export const noSums = (clusters: number, bands: number): Sums => ({
  cells: new Float64Array(clusters),
  high: new Float64Array(clusters * bands),
  low: new Float64Array(clusters * bands),
});

/** Adds whole numbers below 2^53 to sums. */
export function addSums(
  sums: Sums,
  cells: Float64Array,
  high: Float64Array | undefined,
  low: Float64Array,
): void {
  for (let i = 0; i < cells.length; i++) sums.cells[i]! += cells[i]!;
  for (let i = 0; i < low.length; i++) {
    const sum = sums.low[i]! + low[i]!;
    const carry = Math.floor(sum / limb);
    sums.low[i] = sum - carry * limb;
    sums.high[i]! += carry + (high?.[i] ?? 0);
  }
}

/** The model after a round: centers are the means of their cells; of a mini-batch they move towards them by the share of cells that are new. A cluster without cells stays. */
export function moved(model: Model, { cells, high, low }: Sums, isBatch: boolean): Model {
  const bands = model.weights.length;
  const taken = model.taken.map((n, c) => (isBatch ? n + cells[c]! : cells[c]!));
  const centers = model.centers.map((center, c) =>
    center.map((was, b) => {
      if (cells[c] === 0) return was;
      const mean = (high[c * bands + b]! * limb + low[c * bands + b]!) / cells[c]!;
      return isBatch ? was + ((mean - was) * cells[c]!) / taken[c]! : mean;
    }),
  );
  return { ...model, centers, taken };
}

/** How far the center that moved most did, squared and weighed. */
export const shift = (before: Model, after: Model): number =>
  Math.max(
    ...before.centers.map((center, c) =>
      center.reduce((sum, was, b) => sum + before.weights[b]! * (after.centers[c]![b]! - was) ** 2, 0),
    ),
  );

/**
 * First centers by k-means++ among sampled cells, `bands` values each, and the step and weights that go with them: with `isScaled` a band counts by its spread.
 * The order of the sample matters. Undefined for fewer different cells than clusters.
 */
export function firstModel(
  sample: Float64Array,
  bands: number,
  clusters: number,
  seed: number,
  isScaled: boolean,
): Model | undefined {
  const count = sample.length / bands;
  let largest = 0;
  for (const value of sample) largest = Math.max(largest, Math.abs(value));
  const step = 2 ** (Math.ceil(Math.log2(largest || 1)) - 30);
  const weights = Array.from({ length: bands }, (_, b) => {
    if (!isScaled) return 1;
    let [sum, squares] = [0, 0];
    for (let i = b; i < sample.length; i += bands) sum += sample[i]! / step;
    for (let i = b; i < sample.length; i += bands) squares += (sample[i]! / step - sum / count) ** 2;
    return squares > 0 ? count / squares : 1;
  });
  const steps = sample.map((value) => inSteps(value, step));
  const far = new Float64Array(count).fill(Infinity);
  const centers: number[][] = [];
  for (let turn = 0; turn < clusters; turn++) {
    const chance = chanceOf(turn, 0, 0, seed);
    let pick = Math.floor(chance * count);
    if (turn > 0) {
      const total = far.reduce((sum, d) => sum + d, 0);
      if (!(total > 0)) return undefined;
      let left = chance * total;
      pick = far.findIndex((d) => (left -= d) < 0);
      if (pick < 0) pick = far.findLastIndex((d) => d > 0);
    } else if (count === 0) return undefined;
    const center = Array.from(steps.subarray(pick * bands, (pick + 1) * bands));
    centers.push(center);
    for (let i = 0; i < count; i++) {
      let distance = 0;
      for (let b = 0; b < bands; b++) distance += weights[b]! * (steps[i * bands + b]! - center[b]!) ** 2;
      far[i] = Math.min(far[i]!, distance);
    }
  }
  return { centers, weights, step, taken: centers.map(() => 0) };
}
