/** Codes of DEFLATE: their lengths by counts of symbols (Huffman's, in place as Moffat and Katajainen 1995), and their bits (RFC 1951, 3.2.2). */
import { DEPTHS, DIGITS, SORTED, SORTED_TOO } from './deflatelayout.ts';

const SYMBOL_BITS: u32 = 9;
const SYMBOL_MASK: u32 = (1 << SYMBOL_BITS) - 1;

/** Sorts `count` numbers of 4 bytes at SORTED by what is above their symbol; gives where they lie then. */
function sort(count: u32, largest: u32): usize {
  let from = SORTED, to = SORTED_TOO;
  for (let shift = SYMBOL_BITS; shift < 32 && largest >>> shift > 0; shift += 8) {
    memory.fill(DIGITS, 0, 4 * 256);
    for (let i: u32 = 0; i < count; i++) {
      const digit = DIGITS + ((load<u32>(from + (i << 2)) >>> shift & 255) << 2);
      store<u32>(digit, load<u32>(digit) + 1);
    }
    let sum: u32 = 0;
    for (let digit: usize = DIGITS; digit < DIGITS + 4 * 256; digit += 4) {
      const n = load<u32>(digit);
      store<u32>(digit, sum);
      sum += n;
    }
    for (let i: u32 = 0; i < count; i++) {
      const key = load<u32>(from + (i << 2));
      const digit = DIGITS + ((key >>> shift & 255) << 2);
      const place = load<u32>(digit);
      store<u32>(digit, place + 1);
      store<u32>(to + (place << 2), key);
    }
    const swap = from;
    from = to;
    to = swap;
  }
  return from;
}

/**
 * Lengths of the best code for the counts at `counts`, at most `limit` bits (less than the best where that binds), a byte each at `lengths`; 0 for
 * symbols that do not occur. The code is complete: where fewer than two symbols occur it has two. Counts are below 2^23.
 */
export function makeLengths(counts: usize, symbols: u32, limit: u32, lengths: usize): void {
  let used: u32 = 0, largest: u32 = 0;
  for (let i: u32 = 0; i < symbols; i++) {
    store<u8>(lengths + i, 0);
    const n = load<u32>(counts + (i << 2));
    if (n == 0) continue;
    const key = (n << SYMBOL_BITS) | i;
    largest = max(largest, key);
    store<u32>(SORTED + (used << 2), key);
    used++;
  }
  if (used < 2) {
    const only: u32 = used == 1 ? load<u32>(SORTED) & SYMBOL_MASK : 0;
    store<u8>(lengths + only, 1);
    store<u8>(lengths + (only == 0 ? 1 : 0), 1);
    return;
  }
  const sorted = sort(used, largest);
  // Weights, then parents, then depths, in the other table.
  const tree = sorted == SORTED ? SORTED_TOO : SORTED;
  for (let i: u32 = 0; i < used; i++) store<u32>(tree + (i << 2), load<u32>(sorted + (i << 2)) >>> SYMBOL_BITS);
  let root: u32 = 0, leaf: u32 = 0;
  for (let made: u32 = 0; made < used - 1; made++) {
    let weight: u32 = 0;
    for (let k = 0; k < 2; k++) {
      if (leaf >= used || (root < made && load<u32>(tree + (root << 2)) < load<u32>(tree + (leaf << 2)))) {
        weight += load<u32>(tree + (root << 2));
        store<u32>(tree + (root << 2), made);
        root++;
      } else {
        weight += load<u32>(tree + (leaf << 2));
        leaf++;
      }
    }
    store<u32>(tree + (made << 2), weight);
  }
  // Depths of inner nodes from the root down, and how many leaves each depth has.
  memory.fill(DEPTHS, 0, 4 * 16);
  store<u32>(tree + ((used - 2) << 2), 0);
  for (let i = <i32>used - 3; i >= 0; i--) {
    const parent = load<u32>(tree + (i << 2));
    store<u32>(tree + (i << 2), load<u32>(tree + (parent << 2)) + 1);
  }
  let places: u32 = 1, depth: u32 = 0, at = <i32>used - 2, left = used, over: u32 = 0;
  while (places > 0) {
    let inner: u32 = 0;
    while (at >= 0 && load<u32>(tree + (at << 2)) == depth) {
      inner++;
      at--;
    }
    const leaves = places - inner;
    const capped = DEPTHS + (min(depth, limit) << 2);
    store<u32>(capped, load<u32>(capped) + leaves);
    left -= leaves;
    places = 2 * inner;
    depth++;
  }
  // Leaves that were lifted to the limit take room; others make it by going down.
  over = 0;
  for (let l: u32 = 1; l <= limit; l++) over += load<u32>(DEPTHS + (l << 2)) << (limit - l);
  while (over > <u32>(1 << limit)) {
    let l = limit - 1;
    while (load<u32>(DEPTHS + (l << 2)) == 0) l--;
    store<u32>(DEPTHS + (l << 2), load<u32>(DEPTHS + (l << 2)) - 1);
    store<u32>(DEPTHS + ((l + 1) << 2), load<u32>(DEPTHS + ((l + 1) << 2)) + 2);
    store<u32>(DEPTHS + (limit << 2), load<u32>(DEPTHS + (limit << 2)) - 1);
    over--;
  }
  let symbol: u32 = 0;
  for (let l = limit; l > 0; l--) {
    for (let n = load<u32>(DEPTHS + (l << 2)); n > 0; n--) {
      store<u8>(lengths + (load<u32>(sorted + (symbol << 2)) & SYMBOL_MASK), <u8>l);
      symbol++;
    }
  }
}

@inline
function reversed(code: u32, bits: u32): u32 {
  let x = (code >>> 1 & 0x5555) | ((code & 0x5555) << 1);
  x = (x >>> 2 & 0x3333) | ((x & 0x3333) << 2);
  x = (x >>> 4 & 0x0f0f) | ((x & 0x0f0f) << 4);
  x = (x >>> 8 & 0x00ff) | ((x & 0x00ff) << 8);
  return x >>> (16 - bits);
}

/** The codes of the lengths at `lengths`, as they are written: the first bit lowest, their number from bit 24 on. */
export function makeCodes(lengths: usize, symbols: u32, codes: usize): void {
  memory.fill(DEPTHS, 0, 4 * 16);
  for (let i: u32 = 0; i < symbols; i++) {
    const count = DEPTHS + ((<usize>load<u8>(lengths + i)) << 2);
    store<u32>(count, load<u32>(count) + 1);
  }
  let code: u32 = 0, before: u32 = 0;
  for (let l: u32 = 1; l < 16; l++) {
    code = (code + before) << 1;
    before = load<u32>(DEPTHS + (l << 2));
    store<u32>(DEPTHS + (l << 2), code);
  }
  for (let i: u32 = 0; i < symbols; i++) {
    const l = <u32>load<u8>(lengths + i);
    if (l == 0) {
      store<u32>(codes + (i << 2), 0);
      continue;
    }
    const first = DEPTHS + (l << 2);
    store<u32>(codes + (i << 2), reversed(load<u32>(first), l) | (l << 24));
    store<u32>(first, load<u32>(first) + 1);
  }
}
