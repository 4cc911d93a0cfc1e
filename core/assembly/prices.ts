/** What symbols cost: how a stretch of data is to be cut into blocks, and which matches are worth their bits. */
import {
  COUNTS,
  DISTANCES,
  LENGTH_SLOTS,
  LOGARITHMS,
  OTHER_COUNTS,
  PRICES,
  SEQUENCES,
  STRETCH_COUNTS,
  SYMBOLS,
} from './deflatelayout.ts';

// Binary logarithms by squaring: each squaring gives a digit.
function initLogarithms(): void {
  for (let n: u32 = 1; n < 4096; n++) {
    const whole: u32 = 31 - clz(n);
    let mantissa: u64 = (<u64>n << 32) >> (<u64>whole);
    let out = whole;
    for (let i = 0; i < 12; i++) {
      mantissa = ((mantissa >> 1) * (mantissa >> 1)) >> 30;
      out <<= 1;
      if (mantissa >= 0x200000000) {
        mantissa >>= 1;
        out |= 1;
      }
    }
    store<u16>(LOGARITHMS + (n << 1), <u16>min<u32>(out, 65535));
  }
}
initLogarithms();

/** log2(n) in 1/4096 of a bit; n > 0. */
@inline
function logarithm(n: u32): u32 {
  const over: u32 = n < 4096 ? 0 : 20 - clz(n);
  return (over << 12) + load<u16>(LOGARITHMS + ((n >>> over) << 1));
}

/** Bits of the symbols counted at `counts` under the best code for them, in 1/4096. */
function entropy(counts: usize, from: usize, to: usize): u64 {
  let total: u32 = 0, sum: u64 = 0;
  for (let at = counts + 4 * from; at < counts + 4 * to; at += 4) {
    const n = load<u32>(at);
    if (n == 0) continue;
    total += n;
    sum += <u64>n * logarithm(n);
  }
  return total == 0 ? 0 : <u64>total * logarithm(total) - sum;
}

/** Number of the code of a distance less one (RFC 1951, 3.2.5). */
@inline
export function distanceSlot(distance: u32): u32 {
  if (distance < 2) return distance;
  const high: u32 = 31 - clz(distance);
  return 2 * high + (distance >>> (high - 1) & 1);
}

/** Counts the symbols of the sequences `[first, last)`, which begin at `from` in the input, into the stretch's table. */
export function countStretch(first: usize, last: usize, from: usize): void {
  memory.fill(STRETCH_COUNTS, 0, 4 * (SYMBOLS + 256));
  let p = from;
  for (let at = SEQUENCES + 8 * first; at < SEQUENCES + 8 * last; at += 8) {
    const sequence = load<u64>(at);
    const end = p + <u32>sequence;
    // Runs are short and of any length: what lies behind an end is looked at too, and counted 0 times, which costs less than a branch that nobody can
    // foresee.
    while (p < end) {
      const four = load<u32>(p), left = <u32>(end - p);
      const a = STRETCH_COUNTS + ((four & 255) << 2);
      store<u32>(a, load<u32>(a) + 1);
      const b = OTHER_COUNTS + ((four >>> 8 & 255) << 2);
      store<u32>(b, load<u32>(b) + <u32>(left > 1));
      const c = STRETCH_COUNTS + ((four >>> 16 & 255) << 2);
      store<u32>(c, load<u32>(c) + <u32>(left > 2));
      const d = OTHER_COUNTS + ((four >>> 24) << 2);
      store<u32>(d, load<u32>(d) + <u32>(left > 3));
      p += 4;
    }
    p = end;
    const length = <u32>(sequence >> 32) & 511;
    if (length == 0) continue;
    const a = STRETCH_COUNTS + 4 * 257 + ((<usize>load<u8>(LENGTH_SLOTS + length)) << 2);
    store<u32>(a, load<u32>(a) + 1);
    const b = STRETCH_COUNTS + 4 * DISTANCES + (distanceSlot(<u32>(sequence >> 41)) << 2);
    store<u32>(b, load<u32>(b) + 1);
    p += length;
  }
  addOthers();
}

/** What the codes of a block of its own take, about, in 1/4096 of a bit. */
const HEADER: u64 = 600 << 12;
/** Bits of the block's symbols so far, in 1/4096. */
let blockBits: u64 = 0;

export function startBlock(): void {
  memory.fill(COUNTS, 0, 4 * SYMBOLS);
  blockBits = 0;
}

@inline
function bitsOf(counts: usize): u64 {
  return entropy(counts, 0, DISTANCES) + entropy(counts, DISTANCES, SYMBOLS);
}

/** Adds the stretch to the block; gives false, and does not, where both are smaller apart. A block's first stretch is always added. */
export function joinStretch(isFirst: bool): bool {
  const alone = bitsOf(STRETCH_COUNTS);
  for (let i: usize = 0; i < 4 * SYMBOLS; i += 16)
    v128.store(COUNTS + i, i32x4.add(v128.load(COUNTS + i), v128.load(STRETCH_COUNTS + i)));
  const together = isFirst ? alone : bitsOf(COUNTS);
  if (together <= blockBits + alone + HEADER) {
    blockBits = together;
    return true;
  }
  for (let i: usize = 0; i < 4 * SYMBOLS; i += 16)
    v128.store(COUNTS + i, i32x4.sub(v128.load(COUNTS + i), v128.load(STRETCH_COUNTS + i)));
  return false;
}

/** What a match costs besides the extra bits of its distance, in sixteenths of a bit. */
export let matchPrice: u32 = 0;
/** Literals and matches of the block so far. */
export let literals: u32 = 0;
export let matches: u32 = 0;

/** Sets the prices by the block's counts. */
export function setPrices(counts: usize): void {
  literals = 0;
  matches = 0;
  for (let i: usize = 0; i < 256; i++) literals += load<u32>(counts + (i << 2));
  for (let i: usize = 257; i < DISTANCES; i++) matches += load<u32>(counts + (i << 2));
  const total = literals + matches + 1;
  const all = logarithm(total);
  for (let i: usize = 0; i < 256; i++) {
    const price = (all - logarithm(max<u32>(load<u32>(counts + (i << 2)), 1)) + 128) >>> 8;
    store<u16>(PRICES + (i << 1), <u16>max<u32>(price, LEAST_PRICE));
  }
  // As if there were some matches more, lest none be taken because none was. The lengths and distances among themselves: some four bits.
  const more = (total >>> 5) + 1;
  matchPrice = ((logarithm(total + more) - logarithm(matches + more)) >>> 8) + 68;
}

// Half a bit.
const LEAST_PRICE: u32 = 8;

/** Counts the bytes at even and at odd places of `[from, to)` by themselves. */
function countPairs(from: usize, to: usize): void {
  memory.fill(STRETCH_COUNTS, 0, 4 * (SYMBOLS + 256));
  for (let p = from; p + 2 <= to; p += 2) {
    const a = STRETCH_COUNTS + ((<usize>load<u8>(p)) << 2);
    store<u32>(a, load<u32>(a) + 1);
    const b = OTHER_COUNTS + ((<usize>load<u8>(p, 1)) << 2);
    store<u32>(b, load<u32>(b) + 1);
  }
}

@inline
function addOthers(): void {
  for (let i: usize = 0; i < 4 * 256; i += 16)
    v128.store(STRETCH_COUNTS + i, i32x4.add(v128.load(STRETCH_COUNTS + i), v128.load(OTHER_COUNTS + i)));
}

/** Prices of the first block: from the bytes of its beginning, as if all became literals. */
export function guessPrices(from: usize, to: usize): void {
  countPairs(from, to);
  addOthers();
  setPrices(STRETCH_COUNTS);
}

/**
 * Whether `[from, to)` looks like samples of two bytes: bytes at even and odd places taken apart have less entropy by more than a sixteenth. Gives
 * whether the address of those with more of it is odd, or -1 for no such samples.
 */
export function pairing(from: usize, to: usize): i32 {
  countPairs(from, to);
  const even = entropy(STRETCH_COUNTS, 0, 256), odd = entropy(OTHER_COUNTS, 0, 256);
  addOthers();
  if (16 * (even + odd) >= 15 * entropy(STRETCH_COUNTS, 0, 256)) return -1;
  return <i32>((from + (even < odd ? 1 : 0)) & 1);
}
