/** Counts of genotypes over the samples of a line, by the rules of `bcftools stats` (1.16). */
import {
  fault,
  HAPLOID_ALT,
  HAPLOID_REF,
  HETEROZYGOUS,
  high,
  HOM_REF,
  HOMOZYGOUS_ALT,
  kind,
  low,
  most,
  readGenotype,
  UNKNOWN,
} from './genotype.ts';
import { BASES, COUNTS, DEPTHS, FOUND, FRACTIONS, GROWTHS, LIMBS, PACKED } from './vcflayout.ts';

const COMMA: i32 = 0x2c;
const DOT: i32 = 0x2e;

// A sample's counters, 64 bytes: what is counted is told by these places; the sum of depths takes eight bytes.
const OTHER: usize = 0;
const HOM_ALT: usize = 4;
const HET: usize = 8;
const TRANSITIONS: usize = 12;
const TRANSVERSIONS: usize = 16;
const INDELS: usize = 20;
const SINGLETONS: usize = 24;
const HAP_REF: usize = 28;
const HAP_ALT: usize = 32;
const MISSING: usize = 36;
const INSERTION_HETS: usize = 40;
const DELETION_HETS: usize = 44;
const INSERTION_HOMS: usize = 48;
const DELETION_HOMS: usize = 52;
const DEPTH: usize = 56;

/** Kinds of alleles, as ../kernels/alleles.ts has them. */
const SNP: i32 = 1;
const INDEL: i32 = 4;

/** Lines that have genotypes: of these a sample is homozygous reference where nothing else was counted. */
export let genotyped: i32 = 0;
/** Depths counted, by sample: 4 bytes each. */
let slotsAt: usize = 0;
let byAt: usize = 0;
let depthsBy: usize = 0;

/** Forgets all that was counted. */
export function start(): void {
  memory.fill(FOUND, 0, PACKED - FOUND);
  genotyped = 0;
}

/** `slots`: of each sample the place of its counters, or -1; `by`: counters; `depths`: how many depths each has. */
export function layout(slots: usize, by: usize, depths: usize): void {
  slotsAt = slots;
  byAt = by;
  depthsBy = depths;
}

// Of the sample at hand.
let adFrom: usize = 0;
let adTo: usize = 0;

@inline
function add(at: usize): void {
  store<u32>(at, load<u32>(at) + 1);
}

/** Where a number ended. */
let ended: usize = 0;
/** What no number is: below the least that BCF holds. */
const NOTHING: i32 = -2147483648;

/** Which of the 64 bytes from `at` are `byte`. */
@inline
function placesOf(at: usize, byte: i8): u64 {
  const v = i8x16.splat(byte);
  return (
    <u64>i8x16.bitmask(i8x16.eq(v128.load(at), v)) |
    (<u64>i8x16.bitmask(i8x16.eq(v128.load(at, 16), v)) << 16) |
    (<u64>i8x16.bitmask(i8x16.eq(v128.load(at, 32), v)) << 32) |
    (<u64>i8x16.bitmask(i8x16.eq(v128.load(at, 48), v)) << 48)
  );
}

/** The whole number that `[from, to)` begins with, or NOTHING. */
function integer(from: usize, to: usize): i32 {
  let at = from;
  let sign: i64 = 1;
  if (at < to) {
    const c = <i32>load<u8>(at);
    if (c == DOT) {
      ended = at + 1;
      return NOTHING;
    }
    if (c == 0x2d || c == 0x2b) {
      if (c == 0x2d) sign = -1;
      at++;
    }
  }
  const first = at;
  let value: i64 = 0;
  while (at < to) {
    const digit = <i32>load<u8>(at) - 48;
    if (digit < 0 || digit > 9) break;
    // Far too large is as good as too large.
    if (value < 1 << 40) value = 10 * value + <i64>digit;
    at++;
  }
  if (at == first) {
    ended = from;
    return NOTHING;
  }
  ended = at;
  value *= sign;
  return value < -2147483640 || value > 2147483647 ? NOTHING : <i32>value;
}

/** The number of that place in the list `[from, to)`, or NOTHING. */
function nth(from: usize, to: usize, place: i32): i32 {
  let at = from;
  for (let k = 0; k < place; k++) {
    while (at < to && <i32>load<u8>(at) != COMMA) at++;
    if (at >= to) return NOTHING;
    at++;
  }
  return integer(at, to);
}

@inline
function packed(allele: i32): i32 {
  return load<i32>(PACKED + (<usize>allele << 2));
}

/** The part of reads that show allele `one` of those that show one or the other. */
function countFraction(one: i32, other: i32): void {
  if (adFrom == 0) return;
  const a = nth(adFrom, adTo, one);
  const b = nth(adFrom, adTo, other);
  if (a == NOTHING || b == NOTHING || (a == 0 && b == 0)) return;
  const growth = max(-60, min(60, packed(one) >> 8));
  const at = <usize>(growth + 60);
  add(FRACTIONS + (at << 2));
  const value = <f64>(<f32>a / <f32>(a + b));
  // 2^-15, 2^-35, 2^-55: sums of these are exact.
  const scaled = value * 32768;
  const top = Math.floor(scaled);
  const rest = (scaled - top) * 1048576;
  const middle = Math.floor(rest);
  const limb = LIMBS + (at << 3);
  store<f64>(limb, load<f64>(limb) + top);
  store<f64>(limb + 8 * GROWTHS, load<f64>(limb + 8 * GROWTHS) + middle);
  store<f64>(limb + 16 * GROWTHS, load<f64>(limb + 16 * GROWTHS) + (rest - middle) * 1048576);
}

function countIndel(by: usize): void {
  add(by + INDELS);
  if (kind == HOMOZYGOUS_ALT) {
    add(by + (packed(low) >> 8 < 0 ? DELETION_HOMS : INSERTION_HOMS));
    return;
  }
  let hasInsertion = false;
  let hasDeletion = false;
  for (let k = 0; k < 2; k++) {
    const one = k == 0 ? low : high;
    const other = k == 0 ? high : low;
    if (one == 0 || (packed(one) & INDEL) == 0) continue;
    if (packed(one) >> 8 < 0) hasDeletion = true;
    else hasInsertion = true;
    countFraction(one, other);
  }
  if (hasDeletion) add(by + DELETION_HETS);
  if (hasInsertion) add(by + INSERTION_HETS);
}

let nonRef: i32 = 0;
let lastNonRef: usize = 0;
let homRefs: i32 = 0;
let hets: i32 = 0;
let others: i32 = 0;

function countGenotype(by: usize): void {
  if (kind == HOM_REF) {
    homRefs++;
    return;
  }
  add(by + OTHER);
  if (kind == UNKNOWN) add(by + MISSING);
  else if (kind == HAPLOID_REF) add(by + HAP_REF);
  else if (kind == HAPLOID_ALT) add(by + HAP_ALT);
  else {
    nonRef++;
    lastNonRef = by;
    if (kind == HETEROZYGOUS) hets++;
    else others++;
    const kinds = (low > 0 ? packed(low) & 255 : 0) | (high > 0 ? packed(high) & 255 : 0);
    if ((kinds & SNP) != 0 || kinds == 0) {
      add(by + (kind == HOMOZYGOUS_ALT ? HOM_ALT : HET));
      if ((packed(low) & SNP) != 0) {
        const base = <i32>load<i8>(BASES + <usize>low);
        if (base < 0) return;
        add(by + (abs(<i32>load<i8>(BASES) - base) == 2 ? TRANSITIONS : TRANSVERSIONS));
      }
    }
    if ((kinds & INDEL) != 0) countIndel(by);
  }
}

function countDepth(by: usize, slot: i32, depth: i32): void {
  add(DEPTHS + (<usize>(depth < 0 ? 0 : min(depth, 501) + 1) << 2));
  add(depthsBy + (<usize>slot << 2));
  store<f64>(by + DEPTH, load<f64>(by + DEPTH) + <f64>depth);
}

function sumOf(from: usize, to: usize): i32 {
  let sum = NOTHING;
  let at = from;
  while (at <= to) {
    const value = integer(at, to);
    if (value != NOTHING) sum = (sum == NOTHING ? 0 : sum) + value;
    while (at < to && <i32>load<u8>(at) != COMMA) at++;
    at++;
  }
  return sum;
}

/**
 * Counts the samples of `[from, end)`: a line has `fields` of them, of which `gt`, `dp` and `ad` are those numbers, or -1. Gives 0, or what is wrong: 1 more
 * fields than FORMAT has, 2 no genotype, 3 an allele that ALT does not have, 4 no depth, 5 too few columns, 6 too many. Reads up to 64 bytes behind `end`.
 */
export function count(
  from: usize,
  end: usize,
  samples: i32,
  isAll: bool,
  fields: i32,
  gt: i32,
  dp: i32,
  ad: i32,
  alleles: i32,
): i32 {
  memory.fill(COUNTS, 0, <usize>alleles << 2);
  nonRef = homRefs = hets = others = 0;
  if (gt >= 0) genotyped++;
  const isBare = fields == 1 && gt == 0 && isAll;
  const last = max(gt, max(dp, ad));
  const phased = i32x4.splat(0x09307c30);
  const unphased = i32x4.splat(0x09302f30);
  // Of the 64 bytes from `base`: which are tabs, and which tabs and colons come next.
  let base = from - 64;
  let tabs: u64 = 0;
  let marks: u64 = 0;
  let at = from;
  let sample = 0;
  // Samples that are 0|0 or 0/0: four at once, or one by one.
  let plain = 0;
  let references = 0;
  while (at <= end && sample < samples) {
    if (isBare) {
      while (at + 16 <= end && sample + 4 <= samples) {
        const v = v128.load(at);
        if (!i32x4.all_true(v128.or(i32x4.eq(v, phased), i32x4.eq(v, unphased)))) break;
        at += 16;
        sample += 4;
        plain += 4;
      }
      if (sample == samples) break;
      if (at < base + 64) marks &= <u64>-1 << <u64>(at - base);
      else {
        base = at - 64;
        marks = 0;
      }
    }
    const slot = load<i32>(slotsAt + (<usize>sample << 2));
    const by = byAt + (<usize>max(0, slot) << 6);
    let gtFrom: usize = 0;
    let gtTo: usize = 0;
    let dpFrom: usize = 0;
    let dpTo: usize = 0;
    adFrom = 0;
    let field = 0;
    let begin = at;
    let stop = end;
    for (;;) {
      while (marks == 0) {
        base += 64;
        if (base >= end) break;
        tabs = placesOf(base, 9);
        marks = tabs | placesOf(base, 0x3a);
        if (base + 64 > end) marks &= (<u64>1 << <u64>(end - base)) - 1;
      }
      if (field > last) {
        // Only how many there are matters of what follows.
        const ends = marks & tabs;
        if (ends == 0) {
          field += <i32>popcnt(marks);
          marks = 0;
          if (base < end) continue;
          stop = end;
          break;
        }
        const first = ends & -ends;
        field += <i32>popcnt(marks & (first - 1));
        marks &= ~(first | (first - 1));
        stop = base + <usize>ctz(first);
        break;
      }
      let isEnd = marks == 0;
      if (!isEnd) {
        const place = ctz(marks);
        stop = base + <usize>place;
        isEnd = ((tabs >> place) & 1) != 0;
        marks &= marks - 1;
      } else stop = end;
      if (field == gt) {
        gtFrom = begin;
        gtTo = stop;
      } else if (field == dp) {
        dpFrom = begin;
        dpTo = stop;
      } else if (field == ad) {
        adFrom = begin;
        adTo = stop;
      }
      if (isEnd) break;
      begin = stop + 1;
      field++;
    }
    if (field >= fields) return fault(1, sample, <usize>field + 1, <usize>fields);
    if (gtFrom != 0) {
      const three = load<u32>(gtFrom) & 0xffffff;
      if (gtTo - gtFrom == 3 && (three == 0x307c30 || three == 0x302f30)) {
        references++;
        if (slot >= 0) homRefs++;
      } else {
        if (!readGenotype(gtFrom, gtTo, alleles)) return fault(2, sample, gtFrom, gtTo);
        if (most >= alleles) return fault(3, sample, gtFrom, gtTo);
        if (slot >= 0) countGenotype(by);
      }
    } else if (gt >= 0 && slot >= 0) {
      add(by + OTHER);
      add(by + MISSING);
    }
    if (slot >= 0) {
      if (dp >= 0) {
        if (dpFrom != 0) {
          const depth = integer(dpFrom, dpTo);
          if (ended < dpTo) return fault(4, sample, dpFrom, dpTo);
          if (depth != NOTHING) countDepth(by, slot, depth);
        }
      } else if (adFrom != 0) {
        const depth = sumOf(adFrom, adTo);
        if (depth != NOTHING) countDepth(by, slot, depth);
      }
    }
    sample++;
    at = stop + 1;
  }
  // A tab at the end begins no column.
  if (sample < samples) return fault(5, sample, 0, 0);
  if (at < end) return fault(6, sample, 0, 0);
  if (nonRef == 1) add(lastNonRef + SINGLETONS);
  store<u32>(COUNTS, load<u32>(COUNTS) + 2 * (plain + references));
  store<i32>(FOUND + 12, homRefs + plain);
  store<i32>(FOUND + 16, hets);
  store<i32>(FOUND + 20, others);
  return 0;
}
