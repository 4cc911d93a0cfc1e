/** The options of genomics/coverage, and what they mean for its steps. */
import { BadUsage } from '../../core/errors.ts';
import { flag, integer, integers, text, type Values } from '../../core/params.ts';
import { type Bins, parseBins } from '../formats/quantize.ts';
import type { Filter } from '../kernels/reads.ts';
import type { Measure } from '../kernels/row.ts';

export const params = {
  by: integer(0, 'also measure windows of this size, or the regions of a BED file', {
    unit: 'bases',
    min: 0,
    max: 2 ** 31 - 1,
  }),
  thresholds: integers('with --by: bases of each region that reach these depths', { min: 0 }),
  quantize: text('also write runs of depth in bins', '0:1:5:150:', /^[\d:]+$/),
  'quantize-labels': text('names of the bins, from the first on', 'a,b,...'),
  fast: flag('count whole reads from start to end, without a look at deletions and overlapping mates'),
  'no-per-base': flag('do not write the depth of each base'),
  median: flag('with --by: the median instead of the mean'),
  mapq: integer(0, 'the least mapping quality of a read that counts', { min: 0, max: 255 }),
  'exclude-flag': integer(1796, 'reads with any of these FLAG bits do not count', { min: 0, max: 65535 }),
  'include-flag': integer(0, 'only reads with any of these FLAG bits count; 0: all', { min: 0, max: 65535 }),
  chrom: text('only this contig', 'name'),
  precision: integer(2, 'digits after the point', { min: 0, max: 15 }),
};
export type Params = Values<typeof params>;

/** What to measure. */
export type Settings = {
  readonly filter: Filter;
  readonly measure: Measure;
  /** Bases of a window; 0 without windows. */
  readonly window: number;
  readonly hasRegions: boolean;
  readonly hasPerBase: boolean;
  readonly bins: Bins | undefined;
};

/**
 * `hasBed`: regions come from a file.
 * @throws BadUsage for options that do not go together
 */
export function settingsOf(given: Params, hasBed: boolean): Settings {
  const { by, thresholds, quantize, fast, median, mapq } = given;
  const hasRegions = hasBed || by > 0;
  if (thresholds.length > 0 && !hasRegions)
    throw new BadUsage(
      'option thresholds: counts bases of regions, expected --by as well; add --by 500 or a BED file',
    );
  const labels = given['quantize-labels'];
  return {
    filter: { mapq, exclude: given['exclude-flag'], include: given['include-flag'], fast },
    measure: { thresholds: thresholds.toSorted((a, b) => a - b), isMedian: median },
    window: hasBed ? 0 : by,
    hasRegions,
    hasPerBase: !given['no-per-base'],
    bins: quantize === '' ? undefined : parseBins(quantize, labels === '' ? [] : labels.split(',')),
  };
}
