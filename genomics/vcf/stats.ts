/** What is counted of the records of a VCF, as columns that add up. */

type Numbers = Float64Array<ArrayBuffer>;
/** Counts by number, those that are zero left out; ascending. */
export type Histogram = { readonly keys: Numbers; readonly counts: Numbers };

export const histograms = [
  'afSnps',
  'afTransitions',
  'afTransversions',
  'afIndels',
  'qualTransitions',
  'qualTransversions',
  'qualIndels',
  'insertions',
  'deletions',
  'substitutions',
  'depthGenotypes',
  'depthSites',
  'hets',
  'fractions',
] as const;
type HistogramName = (typeof histograms)[number];

export const totals = [
  'records',
  'noAlts',
  'snps',
  'mnps',
  'indels',
  'others',
  'multiallelic',
  'multiallelicSnps',
  'transitionsFirst',
  'transversionsFirst',
] as const;
type TotalName = (typeof totals)[number];

export const perSample = [
  'homRef',
  'homAlt',
  'het',
  'transitions',
  'transversions',
  'indels',
  'depth',
  'depths',
  'singletons',
  'hapRef',
  'hapAlt',
  'missing',
  'insertionHets',
  'deletionHets',
  'insertionHoms',
  'deletionHoms',
] as const;
export type SampleName = (typeof perSample)[number];

/** Exact sums of numbers from 0 to 1: limbs of 2^-15, 2^-35 and 2^-55, so that no order of additions changes a bit. */
export type Sums = { readonly [limb in 'high' | 'middle' | 'low']: Numbers };
/** Indels that grow or shrink by more count as of this many bases. */
export const longest = 60;
/** Growths from -60 to 60. */
const growths = 2 * longest + 1;
/** Depths beyond count as one. */
export const deepest = 500;
/** A depth, -1 for one below 0, 501 for those beyond. */
export const depthBin = (depth: number): number => (depth < 0 ? -1 : Math.min(depth, deepest + 1));
const limb = 2 ** 20;

export type Stats = {
  readonly totals: { readonly [name in TotalName]: number };
  readonly histograms: { readonly [name in HistogramName]: Histogram };
  /** By sample wanted. */
  readonly samples: { readonly [name in SampleName]: Numbers };
  /** Fractions of reads that show an indel, summed by its growth. */
  readonly fractions: Sums;
};

const createSums = (): Sums => ({
  high: new Float64Array(growths),
  middle: new Float64Array(growths),
  low: new Float64Array(growths),
});

/** Limbs below 2^20 but for the first: one way to write a sum. */
function settleSums({ high, middle, low }: Sums): Sums {
  for (let i = 0; i < growths; i++) {
    const up = Math.floor(low[i]! / limb);
    low[i]! -= up * limb;
    middle[i]! += up;
    const over = Math.floor(middle[i]! / limb);
    middle[i]! -= over * limb;
    high[i]! += over;
  }
  return { high, middle, low };
}

export const sumAt = ({ high, middle, low }: Sums, at: number): number =>
  high[at]! / 2 ** 15 + middle[at]! / 2 ** 35 + low[at]! / 2 ** 55;

function histogramOf(counts: ReadonlyMap<number, number>): Histogram {
  const keys = Float64Array.from(counts.keys()).sort();
  return { keys, counts: keys.map((key) => counts.get(key)!) };
}

/** Counts by a whole number: small ones by their place, others by name. */
export type Counter = { near: Float64Array; readonly far: Map<number, number> };
/** Where `near` ends at most: a part of few records must not look through many empty places. */
const reach = 2 ** 12;

export function increment(counter: Counter, key: number): void {
  if (key >= 0 && key < counter.near.length) counter.near[key]!++;
  else add(counter, key, 1);
}

export function add(counter: Counter, key: number, count: number): void {
  const { near, far } = counter;
  if (key < 0 || key >= reach) {
    far.set(key, (far.get(key) ?? 0) + count);
    return;
  }
  if (key >= near.length) {
    counter.near = new Float64Array(Math.min(reach, 2 ** Math.ceil(Math.log2(key + 1) + 1)));
    counter.near.set(near);
  }
  counter.near[key]! += count;
}

function histogramOfCounter({ near, far }: Counter): Histogram {
  const counts = new Map(far);
  for (let key = 0; key < near.length; key++) if (near[key]! > 0) counts.set(key, near[key]!);
  return histogramOf(counts);
}

export const entriesOf = ({ keys, counts }: Histogram): Map<number, number> =>
  new Map(Array.from(keys, (key, i) => [key, counts[i]!]));

function addHistograms(all: readonly Histogram[]): Histogram {
  const sum = new Map<number, number>();
  for (const { keys, counts } of all)
    keys.forEach((key, i) => sum.set(key, (sum.get(key) ?? 0) + counts[i]!));
  return histogramOf(sum);
}

function addColumns(all: readonly Numbers[]): Numbers {
  const sum = Float64Array.from(all[0]!);
  for (const one of all.slice(1)) for (let i = 0; i < sum.length; i++) sum[i]! += one[i]!;
  return sum;
}

const over = <Name extends string, T>(
  names: readonly Name[],
  make: (name: Name) => T,
): { [name in Name]: T } =>
  Object.fromEntries(names.map((name) => [name, make(name)])) as { [name in Name]: T };

/** Counts of neighbours, or of any parts. */
export const addStats = (all: readonly Stats[]): Stats => ({
  totals: over(totals, (name) => all.reduce((sum, one) => sum + one.totals[name], 0)),
  histograms: over(histograms, (name) => addHistograms(all.map((one) => one.histograms[name]))),
  samples: over(perSample, (name) => addColumns(all.map((one) => one.samples[name]))),
  fractions: settleSums({
    high: addColumns(all.map(({ fractions }) => fractions.high)),
    middle: addColumns(all.map(({ fractions }) => fractions.middle)),
    low: addColumns(all.map(({ fractions }) => fractions.low)),
  }),
});

/** Counters that a part fills. */
export type Counters = {
  readonly totals: { [name in TotalName]: number };
  readonly histograms: { readonly [name in HistogramName]: Counter };
  readonly samples: { readonly [name in SampleName]: Numbers };
  readonly fractions: Sums;
};

export const createCounters = (samples: number): Counters => ({
  totals: over(totals, () => 0),
  histograms: over(histograms, () => ({ near: new Float64Array(64), far: new Map() })),
  samples: over(perSample, () => new Float64Array(samples)),
  fractions: createSums(),
});

export const statsOf = (counters: Counters): Stats => ({
  totals: counters.totals,
  histograms: over(histograms, (name) => histogramOfCounter(counters.histograms[name])),
  samples: counters.samples,
  fractions: settleSums(counters.fractions),
});
