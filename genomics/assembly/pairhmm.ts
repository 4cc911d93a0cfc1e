/**
 * The pair-HMM kernel: how likely a haplotype gives a read, its ends free (Durbin et al. 1998, chapter 4). Four reads at once, a lane each, in 32-bit floats
 * that start at 2^120, along a band of the haplotype's columns. Who calls it lays reads and haplotypes into memory.
 */
/** Columns at most, and rows. */
export const columns: i32 = 2048;
export const rows: i32 = 1024;

/** Haplotype: a code a column (4 bytes), then what it costs to open a gap before each column. */
const HAP: usize = 1024;
const OPEN: usize = HAP + 4 * 2048;
/** By row, 4 lanes of 4 bytes: codes; what an error costs there; length of each lane; results. */
const BASES: usize = OPEN + 4 * 2048;
const ERRORS: usize = BASES + 16 * 1024;
const LENGTHS: usize = ERRORS + 16 * 1024;
const RESULTS: usize = LENGTHS + 16;
/** Columns of the last row, 4 lanes each: match, insertion, deletion. */
const MATCH: usize = 65536;
const INSERT: usize = MATCH + 16 * 2064;
const DELETE: usize = INSERT + 16 * 2064;

export const hapAt: usize = HAP;
export const openAt: usize = OPEN;
export const basesAt: usize = BASES;
export const errorsAt: usize = ERRORS;
export const lengthsAt: usize = LENGTHS;
export const resultsAt: usize = RESULTS;

if (memory.grow(3) < 0) unreachable();

/** 2^120: what likelihoods are told times. */
const START: f32 = 1.329227995784916e36;

/**
 * Fills RESULTS with the likelihood of each lane's read, times 2^120. Row `i` covers columns `[low + i, high + i)`, cut to the haplotype's `width`.
 * `extend`: what one more base of a gap costs.
 */
export function align(width: i32, height: i32, low: i32, high: i32, extend: f32): void {
  const zero = f32x4.splat(0);
  for (let j: usize = 0; j <= <usize>width + 1; j++) {
    v128.store(MATCH + (j << 4), zero);
    v128.store(INSERT + (j << 4), zero);
    // A read begins at any column.
    v128.store(DELETE + (j << 4), f32x4.splat(START / <f32>width));
  }
  const lengths = v128.load(LENGTHS);
  const more = f32x4.splat(extend);
  const close = f32x4.splat(<f32>1 - extend);
  const third = f32x4.splat(1.0 / 3.0);
  const one = f32x4.splat(1);
  let result = zero;
  for (let i = 0; i < height; i++) {
    const from = max(1, low + i + 1);
    const to = min(width, high + i);
    const base = v128.load(BASES + (<usize>i << 4));
    const error = v128.load(ERRORS + (<usize>i << 4));
    const right = f32x4.sub(one, error);
    const wrong = f32x4.mul(error, third);
    // What was one column and one row before; left of the band nothing is.
    let at: usize = <usize>(from - 1) << 4;
    let matchBefore = v128.load(MATCH + at);
    let insertBefore = v128.load(INSERT + at);
    let deleteBefore = v128.load(DELETE + at);
    v128.store(MATCH + at, zero);
    v128.store(INSERT + at, zero);
    v128.store(DELETE + at, zero);
    let matchLeft = zero;
    let deleteLeft = zero;
    let sum = zero;
    for (let j = from; j <= to; j++) {
      at = <usize>j << 4;
      const open = f32x4.splat(load<f32>(OPEN + (<usize>(j - 1) << 2)));
      const stay = f32x4.sub(one, f32x4.add(open, open));
      const isSame = i32x4.eq(base, i32x4.splat(load<i32>(HAP + (<usize>(j - 1) << 2))));
      const emission = v128.bitselect(right, wrong, isSame);
      const matchAbove = v128.load(MATCH + at);
      const insertAbove = v128.load(INSERT + at);
      const deleteAbove = v128.load(DELETE + at);
      // The first row has no gaps to close.
      const gaps = f32x4.add(insertBefore, deleteBefore);
      const into = f32x4.add(f32x4.mul(matchBefore, stay), i == 0 ? gaps : f32x4.mul(gaps, close));
      const match = f32x4.mul(emission, into);
      const insert = f32x4.add(f32x4.mul(matchAbove, open), f32x4.mul(insertAbove, more));
      const del = f32x4.add(f32x4.mul(matchLeft, open), f32x4.mul(deleteLeft, more));
      v128.store(MATCH + at, match);
      v128.store(INSERT + at, insert);
      v128.store(DELETE + at, del);
      sum = f32x4.add(sum, f32x4.add(match, insert));
      matchBefore = matchAbove;
      insertBefore = insertAbove;
      deleteBefore = deleteAbove;
      matchLeft = match;
      deleteLeft = del;
    }
    // The column that the next row's band takes in.
    if (to >= from && to < width) {
      at = <usize>(to + 1) << 4;
      v128.store(MATCH + at, zero);
      v128.store(INSERT + at, zero);
      v128.store(DELETE + at, zero);
    }
    result = v128.bitselect(sum, result, i32x4.eq(lengths, i32x4.splat(i + 1)));
  }
  v128.store(RESULTS, result);
}
