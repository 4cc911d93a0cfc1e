/** The texts that mosdepth writes about whole contigs: distribution and summary. */
import { fixed } from './decimal.ts';

/** What is summed up of some bases. */
export type Depths = {
  readonly bases: number;
  /** Of depths. */
  readonly sum: number;
  readonly min: number;
  readonly max: number;
};

/** Depths up to here have a row even where no base has them. */
const dense = 300;
/** Rows begin where at least this share of the bases has the depth or a larger one. */
const leastShare = 8e-5;

/** A number with `digits` digits after the point, which mosdepth writes even if none follow. */
export const decimal = (value: number, digits: number): string =>
  fixed(value, digits) + (digits === 0 ? '.' : '');

/**
 * Rows `name, depth, share of bases with at least that depth`, the largest depth first; none for no bases. `count[i]` bases
 * have `depth[i]`, ascending.
 */
export function distribution(
  name: string,
  depth: ArrayLike<number>,
  count: ArrayLike<number>,
  digits: number,
): string {
  let total = 0;
  for (let i = 0; i < count.length; i++) total += count[i]!;
  if (total < 1) return '';
  const lines: string[] = [];
  let share = 0;
  let i = depth.length - 1;
  for (let at = depth[i]!; at >= 0;) {
    if (i >= 0 && depth[i] === at) share += count[i--]! / total;
    if (share >= leastShare) lines.push(`${name}\t${at}\t${decimal(share, digits)}\n`);
    // Larger ones only where bases have them.
    at = at - 1 > dense ? Math.max(depth[i] ?? dense, dense) : at - 1;
  }
  return lines.join('');
}

export const summaryHeader = 'chrom\tlength\tbases\tmean\tmin\tmax\n';

/** One row of the summary. */
export function summary(name: string, { bases, sum, min, max }: Depths, digits: number): string {
  const mean = bases > 0 ? sum / bases : 0;
  return `${name}\t${bases}\t${sum}\t${decimal(mean, digits)}\t${Number.isFinite(min) ? min : 0}\t${max}\n`;
}
