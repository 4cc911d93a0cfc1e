/**
 * Tables by which DEFLATE codes are decoded (RFC 1951), built from code lengths.
 *
 * An entry for literals and lengths (u64) holds up to three literals and then possibly a length, found by one look-up:
 *   bits 0-5   bits used, extra bits included      bits 8-13  bits used without the extra bits
 *   bits 14/15 LINK / EXCEPT, see below            bits 16-24 base of the length, 0 when there is none
 *   bits 25-29 mask of the extra bits              bits 30-31 number of literals, in bits 32-63
 * An entry for distances or code lengths (u32): bits 0-5 and 8-13 as above, bits 16-31 the base.
 * EXCEPT alone is a code that does not exist, with END_OF_BLOCK that, with LINK a subtable: bits 8-13 its index bits, bits
 * 17-29 its start. Shift counts are taken modulo 64, so that an entry is a shift count itself.
 */
import { COUNTS, DIST, DIST_PLAIN, LENS, LITLEN, LITLEN_PLAIN, OFFSETS, PRE_PLAIN, REPEAT, SORTED, STEP } from './inflatelayout.ts';

export const LITLEN_BITS: u32 = 11;
export const DIST_BITS: u32 = 8;
export const EXCEPT: u32 = 0x8000;
export const LINK: u32 = 0x4000;
export const END_OF_BLOCK: u32 = 0x2000;
export const LENGTH: u32 = 511 << 16;
// Exceptional entries look as if they had a length: one test less.
const MARK: u32 = EXCEPT | (1 << 16);

function initTables(): void {
  for (let i: u32 = 0; i < 288; i++) {
    let e: u64;
    if (i < 256) e = ((<u64>i) << 32) | (1 << 30);
    else if (i == 256) e = MARK | END_OF_BLOCK;
    else if (i > 285) e = MARK;
    else {
      const c = i - 257;
      let extra: u32 = 0, base: u32;
      if (c < 8) base = c + 3;
      else if (c == 28) base = 258;
      else { extra = (c >> 2) - 1; base = ((4 + (c & 3)) << extra) + 3; }
      e = (((1 << extra) - 1) << 25) | (base << 16) | extra;
    }
    store<u64>(LITLEN_PLAIN + (i << 3), e);
  }
  for (let i: u32 = 0; i < 32; i++) {
    let e: u32 = MARK;
    if (i < 30) {
      const extra: u32 = i < 2 ? 0 : (i >> 1) - 1;
      const base: u32 = i < 2 ? i + 1 : ((2 + (i & 1)) << extra) + 1;
      e = (base << 16) | extra;
    }
    store<u32>(DIST_PLAIN + (i << 2), e);
  }
  for (let i: u32 = 0; i < 19; i++) store<u32>(PRE_PLAIN + (i << 2), i << 16);
  // shuffle masks that repeat the first d bytes, and the largest multiple of d within 16
  for (let d: u32 = 1; d <= 16; d++) {
    for (let k: u32 = 0; k < 16; k++) store<u8>(REPEAT + (d << 4) + k, <u8>(k % d));
    store<u32>(STEP + (d << 2), 16 - 16 % d);
  }
}
initTables();

// Repeats the first entries; a call of memory.copy costs more than it saves at these sizes.
@inline
function double(table: usize, bytes: usize): void {
  const end = table + bytes;
  if (bytes < 16) {
    for (let a = table; a < end; a += 4) store<u32>(a + bytes, load<u32>(a));
  } else {
    for (let a = table; a < end; a += 16) v128.store(a + bytes, v128.load(a));
  }
}

// Builds a decode table of T entries (root of 2^rootBits, subtables behind it).
// Incomplete codes are accepted only where zlib accepts them (no symbol, or one symbol of one bit).
export function build<T>(lens: usize, n: u32, plain: usize, table: usize, rootBits: u32, emptyOk: bool): bool {
  memory.fill(COUNTS, 0, 64);
  for (let i: u32 = 0; i < n; i++) {
    const a = COUNTS + ((<u32>load<u8>(lens + i)) << 2);
    store<u32>(a, load<u32>(a) + 1);
  }
  let left: i32 = 1, off: u32 = 0;
  for (let l: u32 = 1; l < 16; l++) {
    const c = load<u32>(COUNTS + (l << 2));
    store<u32>(OFFSETS + (l << 2), off);
    off += c;
    left = (left << 1) - <i32>c;
    if (left < 0) return false;
  }
  const used = off;
  for (let i: u32 = 0; i < n; i++) {
    const l = <u32>load<u8>(lens + i);
    if (l) {
      const a = OFFSETS + (l << 2), k = load<u32>(a);
      store<u16>(SORTED + (k << 1), <u16>i);
      store<u32>(a, k + 1);
    }
  }
  const sh = <u32>alignof<T>(), rootSize: u32 = 1 << rootBits;
  if (left > 0) {
    if (!emptyOk || used > 1 || (used == 1 && load<u32>(COUNTS + 4) != 1)) return false;
    for (let i: u32 = 0; i < rootSize; i++) store<T>(table + (i << sh), <T>MARK);
    if (used == 0) return true;
    const e = load<T>(plain + ((<u32>load<u16>(SORTED)) << sh)) + <T>0x101;
    for (let i: u32 = 0; i < rootSize; i += 2) store<T>(table + (i << sh), e);
    return true;
  }

  // Codes of up to rootBits: write each once, double the table whenever the length grows.
  let len: u32 = 1, code: u32 = 0, s: usize = SORTED;
  let c = load<u32>(COUNTS + 4);
  while (c == 0 && len < rootBits) c = load<u32>(COUNTS + (++len << 2));
  let size: u32 = 1 << len;
  while (true) {
    while (c == 0) {
      if (len == rootBits) break;
      double(table, size << sh);
      size <<= 1;
      len++;
      c = load<u32>(COUNTS + (len << 2));
    }
    if (c == 0) break;
    const add = <T>(len * 0x101), ones = size - 1;
    do {
      store<T>(table + (code << sh), load<T>(plain + ((<u32>load<u16>(s)) << sh)) + add);
      s += 2;
      if (code == ones) {           // the all-ones code is the last of a complete code
        while (len < rootBits) {
          double(table, size << sh);
          size <<= 1;
          len++;
        }
        return true;
      }
      const bit: u32 = 0x80000000 >>> clz(code ^ ones);
      code = (code & (bit - 1)) | bit;
    } while (--c);
  }

  // Longer codes go to subtables. "code" is the bit-reversed next code.
  let next: u32 = rootSize, prefix: u32 = 0xffffffff, start: u32 = 0, subBits: u32 = 0;
  for (len = rootBits + 1; len < 16; len++) {
    c = load<u32>(COUNTS + (len << 2));
    const ones: u32 = (1 << len) - 1, rem = len - rootBits;
    const add = <T>(rem * 0x101);
    for (; c; c--) {
      const p = code & (rootSize - 1);
      if (p != prefix) {
        prefix = p;
        start = next;
        subBits = rem;
        let space: i32 = <i32>(1 << rem) - <i32>c, l = len;
        while (space > 0) {
          l++;
          subBits++;
          space = (space << 1) - load<i32>(COUNTS + (l << 2));
        }
        next = start + (1 << subBits);
        store<T>(table + (p << sh), <T>((start << 17) | MARK | LINK | (subBits << 8) | rootBits));
      }
      const e = load<T>(plain + ((<u32>load<u16>(s)) << sh)) + add;
      s += 2;
      const stride: u32 = 1 << rem, end = start + (1 << subBits);
      for (let i = start + (code >>> rootBits); i < end; i += stride) store<T>(table + (i << sh), e);
      if (code == ones) return true;
      const bit: u32 = 0x80000000 >>> clz(code ^ ones);
      code = (code & (bit - 1)) | bit;
    }
  }
  return true;
}

// Extends literal entries by the one or two symbols that follow, as far as their codes fit the root index
// (extra bits need not fit, they are read from the bit buffer). Downwards, because the entry for the rest
// of the index is at a lower address and must still be single.
function pack(): void {
  for (let i: u32 = (1 << LITLEN_BITS) - 1; i > 0; i--) {
    const e1 = load<u64>(i << 3, LITLEN), l1 = <u32>e1 & 15;
    if (!(<u32>e1 & (1 << 30))) continue;
    const e2 = load<u64>((i >>> l1) << 3, LITLEN), l2 = l1 + (<u32>e2 >>> 8 & 15);
    if ((<u32>e2 & EXCEPT) != 0 || l2 > LITLEN_BITS) continue;
    let e = (e1 & 0xff00000000) | ((e2 >> 32) << 40) | <u64>(<u32>e2 + l1 * 0x101 + (1 << 30));
    if (!(<u32>e2 & LENGTH)) {
      const e3 = load<u64>((i >>> l2) << 3, LITLEN), l3 = l2 + (<u32>e3 >>> 8 & 15);
      if ((<u32>e3 & EXCEPT) == 0 && l3 <= LITLEN_BITS) e = (e & 0xffff00000000) | ((e3 >> 32) << 48) | <u64>(<u32>e3 + l2 * 0x101 + (2 << 30));
    }
    store<u64>(i << 3, e, LITLEN);
  }
}

/** Tables of a dynamic block from `literals` and then `distances` code lengths at LENS; false when they are no code. */
export function buildTables(literals: u32, distances: u32): bool {
  isFixed = false;
  if (!build<u64>(LENS, literals, LITLEN_PLAIN, LITLEN, LITLEN_BITS, true)) return false;
  if (!build<u32>(LENS + literals, distances, DIST_PLAIN, DIST, DIST_BITS, true)) return false;
  pack();
  return true;
}

// The tables are those of the fixed codes, which many blocks in a row may want.
let isFixed: bool = false;

/** Tables of the fixed codes. */
export function buildFixed(): void {
  if (isFixed) return;
  memory.fill(LENS, 8, 144);
  memory.fill(LENS + 144, 9, 112);
  memory.fill(LENS + 256, 7, 24);
  memory.fill(LENS + 280, 8, 8);
  build<u64>(LENS, 288, LITLEN_PLAIN, LITLEN, LITLEN_BITS, true);
  memory.fill(LENS, 5, 32);
  build<u32>(LENS, 32, DIST_PLAIN, DIST, DIST_BITS, true);
  pack();
  isFixed = true;
}
