/** What a sample's GT says, as htslib sorts genotypes (bcf_gt_type, 1.16). */

/** One allele of one is haploid; of three and more all count. A missing allele makes the whole unknown. */
export const genotype = {
  unknown: 0,
  homRef: 1,
  het: 2,
  homAlt: 3,
  hetAlt: 4,
  hapRef: 5,
  hapAlt: 6,
} as const;

export type Genotype = {
  kind: number;
  /** The lower alternate allele, from 1, and the higher one where there are two; 0 where there is none. */
  low: number;
  high: number;
  /** The largest number of an allele. */
  most: number;
};

const [dot, bar, slash] = [0x2e, 0x7c, 0x2f];
const diploid = new Uint8Array(100);
for (let a = 0; a < 10; a++)
  for (let b = 0; b < 10; b++) {
    const isHet = a === 0 || b === 0 ? genotype.het : genotype.hetAlt;
    diploid[10 * a + b] = a === b ? (a === 0 ? genotype.homRef : genotype.homAlt) : isHet;
  }

/**
 * Reads GT from `[from, to)`, and adds one to `count` at each allele's number where that is within.
 * Gives false where it is no genotype.
 */
export function readGenotype(
  into: Genotype,
  bytes: Uint8Array,
  from: number,
  to: number,
  count: Float64Array | undefined,
): boolean {
  if (to - from === 3) {
    const [a, b, phase] = [bytes[from]! - 48, bytes[from + 2]! - 48, bytes[from + 1]];
    if (a >= 0 && a <= 9 && b >= 0 && b <= 9 && (phase === bar || phase === slash)) {
      into.kind = diploid[10 * a + b]!;
      into.most = a > b ? a : b;
      into.low = a === 0 || (b !== 0 && b < a) ? b : a;
      into.high = a !== b && a > 0 && b > 0 ? into.most : 0;
      if (count) {
        if (a < count.length) count[a]!++;
        if (b < count.length) count[b]!++;
      }
      return true;
    }
  }
  return readAny(into, bytes, from, to, count);
}

function readAny(
  into: Genotype,
  bytes: Uint8Array,
  from: number,
  to: number,
  count: Float64Array | undefined,
): boolean {
  let [alleles, refs, alts, low, high] = [0, 0, 0, 0, 0];
  let isUnknown = false;
  into.most = 0;
  into.kind = genotype.unknown;
  into.low = into.high = 0;
  if (from === to) return true;
  // VCF 4.4 may say first how the first allele is phased.
  const isLed = bytes[from] === bar || bytes[from] === slash;
  for (let at = isLed ? from + 1 : from; ; at++) {
    if (bytes[at] === dot && at < to) {
      isUnknown = true;
      at++;
    } else {
      const first = at;
      let allele = 0;
      for (; at < to && at - first < 9; at++) {
        const digit = bytes[at]! - 48;
        if (digit < 0 || digit > 9) break;
        allele = 10 * allele + digit;
      }
      if (at === first) return false;
      if (count && allele < count.length) count[allele]!++;
      if (allele > into.most) into.most = allele;
      alleles++;
      if (allele === 0) refs++;
      else if (low === 0) [low, alts] = [allele, 1];
      else if (allele !== low) {
        [low, high] = allele < low ? [allele, low] : [low, allele];
        alts = 2;
      }
    }
    if (at >= to) break;
    if (bytes[at] !== bar && bytes[at] !== slash) return false;
  }
  if (isUnknown) return true;
  into.low = low;
  into.high = high;
  if (alleles === 1) into.kind = refs > 0 ? genotype.hapRef : genotype.hapAlt;
  else if (refs === 0) into.kind = alts === 1 ? genotype.homAlt : genotype.hetAlt;
  else into.kind = alts === 0 ? genotype.homRef : genotype.het;
  return true;
}
