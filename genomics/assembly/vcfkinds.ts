/** How many samples of a line have a genotype of each kind. */
import { fault, HOM_REF, kind, most, readGenotype, UNKNOWN } from './genotype.ts';
import { COUNTS, KINDS } from './vcflayout.ts';

const TAB: i32 = 9;
const COLON: i32 = 0x3a;

@inline
function add(at: usize, n: i32): void {
  store<i32>(at, load<i32>(at) + n);
}

/** The first tab of `[from, end)`, or `end`. Reads up to 16 bytes behind. */
@inline
function tabFrom(from: usize, end: usize): usize {
  const tab = i8x16.splat(9);
  let at = from;
  while (at < end) {
    const bits = i8x16.bitmask(i8x16.eq(v128.load(at), tab));
    if (bits != 0) return min(end, at + <usize>ctz(bits));
    at += 16;
  }
  return end;
}

/**
 * Counts kinds of genotypes and alleles over the samples of `[from, end)` whose slot is not -1; `gt` is which field of theirs is the genotype, -1 where none is.
 * Gives 0, or what is wrong, by the codes of `count`.
 */
export function kinds(from: usize, end: usize, slots: usize, samples: i32, isAll: bool, gt: i32, alleles: i32): i32 {
  memory.fill(COUNTS, 0, <usize>alleles << 2);
  memory.fill(KINDS, 0, 28);
  const phased = i32x4.splat(0x09307c30);
  const unphased = i32x4.splat(0x09302f30);
  let at = from;
  let sample = 0;
  let plain = 0;
  while (at <= end && sample < samples) {
    if (isAll && gt == 0) {
      // Four samples that are 0|0 or 0/0 and nothing else.
      while (at + 16 <= end && sample + 4 <= samples) {
        const v = v128.load(at);
        if (!i32x4.all_true(v128.or(i32x4.eq(v, phased), i32x4.eq(v, unphased)))) break;
        at += 16;
        sample += 4;
        plain += 4;
      }
      if (sample == samples) break;
    }
    let stop = at;
    const isWanted = isAll || load<i32>(slots + (<usize>sample << 2)) >= 0;
    if (isWanted && gt >= 0) {
      let field = 0;
      let begin = stop;
      for (;;) {
        begin = stop;
        while (stop < end && <i32>load<u8>(stop) != TAB && <i32>load<u8>(stop) != COLON) stop++;
        if (field == gt || stop >= end || <i32>load<u8>(stop) == TAB) break;
        stop++;
        field++;
      }
      if (field == gt) {
        if (!readGenotype(begin, stop, alleles)) return fault(2, sample, begin, stop);
        if (most >= alleles) return fault(3, sample, begin, stop);
        add(KINDS + (<usize>kind << 2), 1);
      } else add(KINDS + (<usize>UNKNOWN << 2), 1);
    } else if (isWanted) add(KINDS + (<usize>UNKNOWN << 2), 1);
    stop = tabFrom(stop, end);
    sample++;
    at = stop + 1;
  }
  // A tab at the end begins no column.
  if (sample < samples) return fault(5, sample, 0, 0);
  if (at < end) return fault(6, sample, 0, 0);
  add(COUNTS, 2 * plain);
  add(KINDS + (<usize>HOM_REF << 2), plain);
  return 0;
}
