/** Finds repeats in the input: turns it into sequences of literals and matches (RFC 1951, 4: lazy matching over chains of hashes). */
import { CHAINS, HASH_BITS, HEADS, MAX_SEQUENCES, PRICES, SEQUENCES } from './deflatelayout.ts';
import { matchPrice } from './prices.ts';

/*
 * A sequence: bits 0-31 the number of literals, bits 32-40 the length of the match after them, or 0, bits 41-55 its distance less one.
 * A position is an address less `origin`. Positions grow from call to call, so that what the tables hold of earlier calls lies before
 * `lowest` and is never looked at: nothing is cleared, and equal input has equal sequences.
 */

const WINDOW: u32 = 32768;
const LONGEST: u32 = 258;
/** Positions begin here, so that no subtraction passes 0. */
const FIRST_POSITION: u32 = 1 << 18;

let origin: usize = 0;
let lowest: u32 = 0;
let next: u32 = FIRST_POSITION;
/** The first byte after the input. */
let end: usize = 0;
/** Searches in vain since the last match. */
let misses: u32 = 0;

/** Sequences of the block at hand. */
export let sequences: usize = 0;

export function setSequences(count: usize): void {
  sequences = count;
}

/** Starts a new input `[from, to)`, behind which 16 zeros lie. */
export function startInput(from: usize, to: usize): void {
  const length = <u32>(to - from);
  if (next > 0x7fffffff - length) {
    memory.fill(HEADS, 0, 4 << 15);
    next = FIRST_POSITION;
  }
  origin = from - next;
  lowest = next;
  next += length;
  end = to;
  misses = 0;
  sequences = 0;
}

/** A match as long as this is not weighed against later ones. */
const LAZY: u32 = 64;

const PRIME: u64 = 0x9e3779b185ebca87;

@inline
function commonLength(a: usize, b: usize, from: u32, most: u32): u32 {
  let n = from;
  while (n + 8 <= most) {
    const x = load<u64>(a + n) ^ load<u64>(b + n);
    if (x != 0) return n + (<u32>ctz(x) >>> 3);
    n += 8;
  }
  const x = load<u64>(a + n) ^ load<u64>(b + n);
  return x == 0 ? most : min(most, n + (<u32>ctz(x) >>> 3));
}

/** The longest match of more than `best` bytes along the chain from `candidate`: its length, and from bit 16 its distance less one; 0 for none. */
@inline
function search(p: usize, position: u32, candidate: u32, best: u32, tries: u32, nice: u32): u32 {
  const oldest = max<i32>(<i32>lowest, <i32>position - <i32>WINDOW);
  const most = min<u32>(LONGEST, <u32>(end - p));
  let found: u32 = 0, at = candidate;
  if (best < most) {
    const start = load<u32>(p);
    let tail = load<u32>(p + best - 3);
    while (<i32>at >= oldest) {
      const c = origin + at;
      if (load<u32>(c + best - 3) == tail && load<u32>(c) == start) {
        const n = commonLength(c, p, 4, most);
        if (n > best) {
          best = n;
          found = n | ((position - at - 1) << 16);
          if (n >= nice || n == most) break;
          tail = load<u32>(p + best - 3);
        }
      }
      if (--tries == 0) break;
      at -= <u32>load<u16>(CHAINS + ((at & (WINDOW - 1)) << 1));
    }
  }
  return found;
}

@inline
function hash(bytes: u64, multiplier: u64): usize {
  return (<usize>((bytes * multiplier) >> (64 - HASH_BITS))) << 2;
}

/** Puts a position into its chain; gives the one before it. */
@inline
function insert(p: usize, position: u32, multiplier: u64): u32 {
  const head = HEADS + hash(load<u64>(p), multiplier);
  const before = load<u32>(head);
  store<u32>(head, position);
  store<u16>(CHAINS + ((position & (WINDOW - 1)) << 1), <u16>min<u32>(position - before, 65535));
  return before;
}

/** Whether a match takes fewer bits than its bytes as literals do. */
@inline
function pays(p: usize, match: u32): bool {
  const length = match & 0xffff;
  const price = priceOf(match);
  // Short ones without branches that nobody can foresee.
  const saved = priceAt(p) + priceAt(p + 1) + priceAt(p + 2) + priceAt(p + 3) + select<u32>(priceAt(p + 4), 0, length > 4);
  if (saved > price) return true;
  if (length < 6) return false;
  let more = saved;
  for (let i: u32 = 5; i < length && more <= price; i++) more += priceAt(p + i);
  return more > price;
}

@inline
function priceAt(p: usize): u32 {
  return <u32>load<u16>(PRICES + ((<usize>load<u8>(p)) << 1));
}

@inline
function priceOf(match: u32): u32 {
  const distance = match >>> 16;
  return matchPrice + (distance < 4 ? 0 : (30 - clz(distance)) << 4);
}

@inline
function put(literals: usize, match: u32): void {
  store<u64>(SEQUENCES + 8 * sequences, <u64>literals | (<u64>(match & 511) << 32) | (<u64>(match >>> 16) << 41));
  sequences++;
}

/**
 * Parses from `from` on until `stop` is reached, or the room for sequences; gives where it ended. Repeats are found by hashes of `hashed` bytes, 4 to 8;
 * `tries` candidates are looked at for each position, and matches of `nice` bytes are taken at once.
 */
export function parse(from: usize, stop: usize, hashed: u64, step: usize, parity: usize, tries: u32, nice: u32): usize {
  const multiplier: u64 = PRIME << (64 - 8 * hashed);
  const base = origin;
  let p = from + ((parity - from) & (step - 1)), anchor = from, missed = misses;
  while (p < stop && sequences < MAX_SEQUENCES - 1) {
    let position = <u32>(p - base);
    const before = insert(p, position, multiplier);
    let unseen = p + step;
    let match = search(p, position, before, 3, tries, nice);
    if (match == 0 || !pays(p, match)) {
      missed++;
      p += step * stride(missed);
      continue;
    }
    // A later start may give more.
    while (step == 1 && (match & 0xffff) < LAZY && p + 1 < end) {
      const q = p + 1;
      const earlier = insert(q, position + 1, multiplier);
      unseen = q + 1;
      const length = match & 0xffff;
      const other = search(q, position + 1, earlier, length, length < 8 ? tries >>> 1 : tries >>> 2, nice);
      if (other == 0) break;
      const gain = 4 * (<i32>(other & 0xffff) - <i32>length) + <i32>clz((other >>> 16) + 1) - <i32>clz((match >>> 16) + 1);
      if (gain <= 2) break;
      match = other;
      p = q;
      position++;
    }
    const last = p + (match & 0xffff);
    const earlier = backwards(p, anchor, match);
    put(p - earlier - anchor, match + earlier);
    missed = 0;
    for (; unseen < last; unseen += step) insert(unseen, <u32>(unseen - base), multiplier);
    anchor = last;
    p = last + ((parity - last) & (step - 1));
  }
  misses = missed;
  return finish(p, anchor);
}

/**
 * The same with one candidate a position and no second thought. Matches begin at addresses of the form `parity + n * step` only: `step` is 1, or 2 for
 * samples of two bytes.
 */
export function parseFast(from: usize, stop: usize, hashed: u64, step: usize, parity: usize): usize {
  const multiplier: u64 = PRIME << (64 - 8 * hashed);
  const base = origin;
  let p = from + ((parity - from) & (step - 1)), anchor = from, missed = misses;
  while (p < stop && sequences < MAX_SEQUENCES - 1) {
    const position = <u32>(p - base);
    const bytes = load<u64>(p);
    const head = HEADS + hash(bytes, multiplier);
    const before = load<u32>(head);
    store<u32>(head, position);
    const candidate = base + before;
    const distance = position - before - 1;
    const most = min<u32>(LONGEST, <u32>(end - p));
    let match: u32 = 0;
    if (before >= lowest && distance < WINDOW && load<u32>(candidate) == <u32>bytes && most >= 4)
      match = commonLength(candidate, p, 4, most) | (distance << 16);
    if (match == 0 || !pays(p, match)) {
      missed++;
      p += step * stride(missed);
      continue;
    }
    const last = p + (match & 0xffff);
    const earlier = backwards(p, anchor, match);
    put(p - earlier - anchor, match + earlier);
    missed = 0;
    const seen = min(last, p + REMEMBERED);
    for (let q = p + step; q < seen; q += step) store<u32>(HEADS + hash(load<u64>(q), multiplier), <u32>(q - base));
    anchor = last;
    p = last + ((parity - last) & (step - 1));
  }
  misses = missed;
  return finish(p, anchor);
}

/** Bytes of a match that the fast parser enters into its table. */
const REMEMBERED: usize = 6;

/**
 * How far to go on after so many misses: where nothing repeats, less and less is looked up. Not evenly: two stretches of equal bytes would be looked up at
 * places that never are the same.
 */
@inline
function stride(missed: u32): u32 {
  const most = min<u32>(1 + (missed >>> 6), 15);
  return 1 + ((missed * 0x9e3779b1 >>> 16) * most >>> 16);
}

/** By how many bytes a match can begin earlier, among those that were skipped. */
@inline
function backwards(p: usize, anchor: usize, match: u32): u32 {
  const back = (match >>> 16) + 1, first = origin + lowest;
  const most = LONGEST - (match & 0xffff);
  let n: u32 = 0;
  while (n < most && p - n > anchor && p - n - back > first && load<u8>(p - n - 1) == load<u8>(p - n - 1 - back)) n++;
  return n;
}

@inline
function finish(p: usize, anchor: usize): usize {
  const last = min(max(p, anchor), end);
  if (last > anchor) put(last - anchor, 0);
  return last;
}
