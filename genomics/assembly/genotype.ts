/** What a sample's GT says, as htslib sorts genotypes (bcf_gt_type, 1.16). */
import { COUNTS, FOUND } from './vcflayout.ts';

const DOT: i32 = 0x2e;
const BAR: i32 = 0x7c;
const SLASH: i32 = 0x2f;

// Kinds of genotypes, as ../kernels/genotype.ts has them.
export const UNKNOWN: i32 = 0;
export const HOM_REF: i32 = 1;
export const HETEROZYGOUS: i32 = 2;
export const HOMOZYGOUS_ALT: i32 = 3;
export const HET_ALT: i32 = 4;
export const HAPLOID_REF: i32 = 5;
export const HAPLOID_ALT: i32 = 6;

/** Of the genotype that was read last: its kind; the lower and the higher alternate allele, 0 where there is none; the largest number. */
export let kind: i32 = 0;
export let low: i32 = 0;
export let high: i32 = 0;
export let most: i32 = 0;

@inline
function add(at: usize): void {
  store<u32>(at, load<u32>(at) + 1);
}

/** Leaves what is wrong where it is looked for: of which sample, and where it stands. */
export function fault(code: i32, sample: i32, from: usize, to: usize): i32 {
  store<i32>(FOUND, sample);
  store<i32>(FOUND + 4, <i32>from);
  store<i32>(FOUND + 8, <i32>to);
  return code;
}

/** Reads GT and counts its alleles; false where it is no genotype. */
export function readGenotype(from: usize, to: usize, alleles: i32): bool {
  let calls = 0;
  let refs = 0;
  let alts = 0;
  let isUnknown = false;
  low = high = most = 0;
  kind = UNKNOWN;
  if (from == to) return true;
  // VCF 4.4 may say first how the first allele is phased.
  const lead = <i32>load<u8>(from);
  let at = lead == BAR || lead == SLASH ? from + 1 : from;
  for (;;) {
    if (at < to && <i32>load<u8>(at) == DOT) {
      isUnknown = true;
      at++;
    } else {
      const first = at;
      let allele = 0;
      while (at < to && at - first < 9) {
        const digit = <i32>load<u8>(at) - 48;
        if (digit < 0 || digit > 9) break;
        allele = 10 * allele + digit;
        at++;
      }
      if (at == first) return false;
      if (allele < alleles) add(COUNTS + (<usize>allele << 2));
      most = max(most, allele);
      calls++;
      if (allele == 0) refs++;
      else if (low == 0) {
        low = allele;
        alts = 1;
      } else if (allele != low) {
        if (allele < low) {
          high = low;
          low = allele;
        } else high = allele;
        alts = 2;
      }
    }
    if (at >= to) break;
    const mark = <i32>load<u8>(at);
    if (mark != BAR && mark != SLASH) return false;
    at++;
  }
  if (isUnknown) return true;
  if (calls == 1) kind = refs > 0 ? HAPLOID_REF : HAPLOID_ALT;
  else if (refs == 0) kind = alts == 1 ? HOMOZYGOUS_ALT : HET_ALT;
  else kind = alts == 0 ? HOM_REF : HETEROZYGOUS;
  return true;
}
