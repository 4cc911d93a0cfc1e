/** Finds repeats in the input: turns it into sequences of literals and matches (RFC 1951, 4: lazy matching over chains of hashes). */
import { INPUT, CHAINS, HASH_BITS, HEADS, MAX_SEQUENCES, PRICES, SEQUENCES, SHORT_BITS, SHORT_HEADS } from './deflatelayout.ts';
import { matchPrice, meanPrice } from './prices.ts';

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
    memory.fill(SHORT_HEADS, 0, 4 << SHORT_BITS);
    next = FIRST_POSITION;
  }
  origin = from - next;
  lowest = next;
  next += length;
  end = to;
  misses = 0;
  sequences = 0;
}

let hashed: u64 = 5;
let grain: u32 = 1;
let phase: u32 = 0;
const LAZY: u32 = 64;

export function setGrain(isGrained: bool, from: u32): void {
  grain = isGrained ? 2 : 1;
  phase = from + <u32>(INPUT - origin);
  hashed = isGrained ? 4 : 5;
}

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
 * Parses from `from` on until `stop` is reached, or the room for sequences; gives where it ended. `tries` candidates are looked at for each
 * position; matches of `nice` bytes are taken at once.
 */
export function parse(from: usize, stop: usize, tries: u32, nice: u32): usize {
  const multiplier: u64 = PRIME << (64 - 8 * hashed);
  const base = origin;
  let p = from, anchor = from, missed = misses;
  while (p < stop && sequences < MAX_SEQUENCES - 1) {
    let position = <u32>(p - base);
    const before = insert(p, position, multiplier);
    let unseen = p + 1;
    let match = search(p, position, before, 3, tries, nice);
    if (match == 0 || !pays(p, match)) {
      missed++;
      p += min<u32>(1 + (missed >>> 6), 8);
      continue;
    }
    // A later start may give more.
    while ((match & 0xffff) < LAZY && p + 1 < end) {
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
    let length = match & 0xffff;
    const last = p + length;
    // Where positions were skipped the match may begin before.
    const back = (match >>> 16) + 1;
    while (p > anchor && length < LONGEST && p - back > base + lowest && load<u8>(p - 1) == load<u8>(p - 1 - back)) {
      p--;
      length++;
    }
    put(p - anchor, length | (match & 0xffff0000));
    missed = 0;
    for (; unseen < last; unseen++) insert(unseen, <u32>(unseen - base), multiplier);
    anchor = last;
    p = max(unseen, last);
  }
  misses = missed;
  p = min(max(p, anchor), end);
  if (p > anchor) put(p - anchor, 0);
  return p;
}

/** The same with one candidate a position and no second thought; positions at multiples of the grain only. */
export function parseFast(from: usize, stop: usize): usize {
  const multiplier: u64 = PRIME << (64 - 8 * hashed);
  const base = origin, step = grain;
  let p = from + ((phase - <u32>(from - base)) & (step - 1)), anchor = from, missed = misses;
  while (p < stop && sequences < MAX_SEQUENCES - 1) {
    const position = <u32>(p - base);
    const bytes = load<u64>(p);
    const head = HEADS + hash(bytes, multiplier);
    const before = load<u32>(head);
    store<u32>(head, position);
    const candidate = base + before;
    const distance = position - before - 1;
    // Of the bytes at addresses below the input nothing is known: the comparison comes last.
    if (before < lowest || distance >= WINDOW || load<u32>(candidate) != <u32>bytes) {
      missed++;
      p += step * min<u32>(1 + (missed >>> 6), 8);
      continue;
    }
    const most = min<u32>(LONGEST, <u32>(end - p));
    let length: u32 = most < 4 ? 0 : commonLength(candidate, p, 4, most);
    if (length == 0 || !pays(p, length | (distance << 16))) {
      missed++;
      p += step * min<u32>(1 + (missed >>> 6), 8);
      continue;
    }
    const last = p + length;
    let q = p + step;
    while (p > anchor && length < LONGEST && p - distance - 1 > base + lowest && load<u8>(p - 1) == load<u8>(p - distance - 2)) {
      p--;
      length++;
    }
    put(p - anchor, length | (distance << 16));
    missed = 0;
    for (; q < last; q += step) store<u32>(HEADS + hash(load<u64>(q), multiplier), <u32>(q - base));
    anchor = last;
    p = q;
  }
  misses = missed;
  p = min(max(p, anchor), end);
  if (p > anchor) put(p - anchor, 0);
  return p;
}
