/** Writes blocks of DEFLATE (RFC 1951, 3.2.3 to 3.2.7), each in the form that is shortest. */
import {
  CODES,
  COUNTS,
  DISTANCES,
  FIXED_CODES,
  FIXED_LENGTHS,
  LENGTH_CODES,
  LENGTH_SLOTS,
  LENGTHS,
  META_CODES,
  META_COUNTS,
  META_LENGTHS,
  META_SYMBOLS,
  SEQUENCES,
  SYMBOLS,
} from './deflatelayout.ts';
import { makeCodes, makeLengths } from './huffman.ts';
import { distanceSlot } from './prices.ts';

const END: u32 = 256;
const LITERALS: u32 = 286;
const SLOTS: u32 = 30;
// Four literals of 14 bits fit into the buffer, whatever it holds.
const LITERAL_LIMIT: u32 = 14;
const DISTANCE_LIMIT: u32 = 15;
const META_LIMIT: u32 = 7;
const META: u32 = 19;

let out: usize = 0;
let held: u64 = 0;
let heldBits: u64 = 0;

@inline
function lengthBase(slot: u32): u32 {
  if (slot < 8) return slot + 3;
  if (slot == 28) return 258;
  return ((4 + (slot & 3)) << lengthExtra(slot)) + 3;
}

@inline
function lengthExtra(slot: u32): u32 {
  return slot < 8 || slot == 28 ? 0 : (slot >>> 2) - 1;
}

@inline
function distanceExtra(slot: u32): u32 {
  return slot < 2 ? 0 : (slot >>> 1) - 1;
}

function initTables(): void {
  for (let slot: u32 = 0; slot < 29; slot++)
    for (let k: u32 = 0; k < <u32>(1 << lengthExtra(slot)); k++) store<u8>(LENGTH_SLOTS + lengthBase(slot) + k, <u8>slot);
  memory.fill(FIXED_LENGTHS, 8, 144);
  memory.fill(FIXED_LENGTHS + 144, 9, 112);
  memory.fill(FIXED_LENGTHS + 256, 7, 24);
  memory.fill(FIXED_LENGTHS + 280, 8, 8);
  memory.fill(FIXED_LENGTHS + DISTANCES, 5, 32);
  makeCodes(FIXED_LENGTHS, 288, FIXED_CODES);
  makeCodes(FIXED_LENGTHS + DISTANCES, 32, FIXED_CODES + 4 * DISTANCES);
}
initTables();

/** Begins a stream at `to`. */
export function startOutput(to: usize): void {
  out = to;
  held = 0;
  heldBits = 0;
}

/** Ends the stream at a whole byte; gives the address behind it. */
export function endOutput(): usize {
  while (<i64>heldBits > 0) {
    store<u8>(out++, <u8>held);
    held >>= 8;
    heldBits -= min<u64>(heldBits, 8);
  }
  return out;
}

@inline
function putBits(bits: u32, count: u32): void {
  held |= <u64>bits << heldBits;
  heldBits += count;
  store<u64>(out, held);
  out += <usize>(heldBits >> 3);
  held >>= heldBits & ~7;
  heldBits &= 7;
}

/** Bits that the block's symbols take in codes of the lengths at `lengths`, extra bits aside. */
function bitsIn(lengths: usize): u32 {
  let sum: u32 = 0;
  for (let i: u32 = 0; i < <u32>SYMBOLS; i++) sum += load<u32>(COUNTS + (i << 2)) * <u32>load<u8>(lengths + i);
  return sum;
}

/** Bits of lengths and distances besides their codes. */
function extraBits(): u32 {
  let sum: u32 = 0;
  for (let slot: u32 = 8; slot < 28; slot++) sum += load<u32>(COUNTS + ((257 + slot) << 2)) * lengthExtra(slot);
  for (let slot: u32 = 4; slot < SLOTS; slot++)
    sum += load<u32>(COUNTS + ((<u32>DISTANCES + slot) << 2)) * distanceExtra(slot);
  return sum;
}

let literalCodes: u32 = 0;
let distanceCodes: u32 = 0;
let metaCodes: u32 = 0;
let metaSymbols: u32 = 0;

@inline
function meta(symbol: u32, extra: u32): void {
  store<u16>(META_SYMBOLS + (metaSymbols << 1), <u16>(symbol | (extra << 5)));
  metaSymbols++;
  const count = META_COUNTS + (symbol << 2);
  store<u32>(count, load<u32>(count) + 1);
}

@inline
function lengthAt(i: u32): u32 {
  return <u32>load<u8>(LENGTHS + (i < literalCodes ? i : <u32>DISTANCES + i - literalCodes));
}

/** The place of a code's length in the header. */
@inline
function metaOrder(i: u32): u32 {
  if (i < 3) return i + 16;
  if (i == 3) return 0;
  return i & 1 ? 7 - ((i - 5) >>> 1) : 8 + ((i - 4) >>> 1);
}

/** Codes the lengths of the codes; gives the bits of the header. */
function makeHeader(): u32 {
  literalCodes = LITERALS;
  while (literalCodes > 257 && load<u8>(LENGTHS + literalCodes - 1) == 0) literalCodes--;
  distanceCodes = SLOTS;
  while (distanceCodes > 1 && load<u8>(LENGTHS + DISTANCES + distanceCodes - 1) == 0) distanceCodes--;
  memory.fill(META_COUNTS, 0, 4 * META);
  metaSymbols = 0;
  const all = literalCodes + distanceCodes;
  for (let i: u32 = 0; i < all; ) {
    const length = lengthAt(i);
    let run: u32 = 1;
    while (i + run < all && lengthAt(i + run) == length) run++;
    i += run;
    if (length == 0) {
      while (run >= 11) {
        const n = min<u32>(run, 138);
        meta(18, n - 11);
        run -= n;
      }
      if (run >= 3) {
        meta(17, run - 3);
        run = 0;
      }
    } else if (run >= 4) {
      meta(length, 0);
      run--;
      while (run >= 3) {
        const n = min<u32>(run, 6);
        meta(16, n - 3);
        run -= n;
      }
    }
    for (; run > 0; run--) meta(length, 0);
  }
  makeLengths(META_COUNTS, META, META_LIMIT, META_LENGTHS);
  makeCodes(META_LENGTHS, META, META_CODES);
  metaCodes = META;
  while (metaCodes > 4 && load<u8>(META_LENGTHS + metaOrder(metaCodes - 1)) == 0) metaCodes--;
  let bits: u32 = 14 + 3 * metaCodes;
  for (let i: u32 = 0; i < META; i++) bits += load<u32>(META_COUNTS + (i << 2)) * <u32>load<u8>(META_LENGTHS + i);
  return bits + 2 * load<u32>(META_COUNTS + 64) + 3 * load<u32>(META_COUNTS + 68) + 7 * load<u32>(META_COUNTS + 72);
}

function putHeader(): void {
  putBits((literalCodes - 257) | ((distanceCodes - 1) << 5) | ((metaCodes - 4) << 10), 14);
  for (let i: u32 = 0; i < metaCodes; i++) putBits(<u32>load<u8>(META_LENGTHS + metaOrder(i)), 3);
  for (let i: u32 = 0; i < metaSymbols; i++) {
    const symbol = <u32>load<u16>(META_SYMBOLS + (i << 1));
    const code = load<u32>(META_CODES + ((symbol & 31) << 2));
    putBits(code & 0xffffff, code >>> 24);
    if ((symbol & 31) >= 16) putBits(symbol >>> 5, (symbol & 31) == 16 ? 2 : (symbol & 31) == 17 ? 3 : 7);
  }
}

/** Bytes as they are, in as many blocks as that takes. */
function putStored(from: usize, to: usize, isLast: bool): void {
  let p = from;
  do {
    const n = <u32>min<usize>(to - p, 65535);
    putBits(isLast && p + n == to ? 1 : 0, 3);
    if (heldBits > 0) {
      store<u8>(out++, <u8>held);
      held = 0;
      heldBits = 0;
    }
    store<u32>(out, n | ((n ^ 65535) << 16));
    memory.copy(out + 4, p, n);
    out += 4 + n;
    p += n;
  } while (p < to);
}

/** A length's code and its extra bits as one, for every length. */
function makeLengthCodes(codes: usize): void {
  for (let length: u32 = 3; length <= 258; length++) {
    const slot = <u32>load<u8>(LENGTH_SLOTS + length);
    const code = load<u32>(codes + ((257 + slot) << 2));
    const bits = code >>> 24;
    store<u32>(
      LENGTH_CODES + (length << 2),
      (code & 0xffffff) | ((length - lengthBase(slot)) << bits) | ((bits + lengthExtra(slot)) << 24),
    );
  }
}

/** The symbols of the first `count` sequences in the codes at `codes`. */
function putSymbols(count: usize, from: usize, codes: usize): void {
  let p = from, o = out, bits = held, n = heldBits;
  for (let at: usize = SEQUENCES; at < SEQUENCES + 8 * count; at += 8) {
    const sequence = load<u64>(at);
    const last = p + <u32>sequence;
    // As in countStretch: codes of what lies behind the end are of no bits.
    while (p < last) {
      const four = load<u32>(p), left = <u32>(last - p);
      let code = load<u32>(codes + ((four & 255) << 2));
      bits |= <u64>(code & 0xffffff) << n;
      n += code >>> 24;
      code = load<u32>(codes + ((four >>> 8 & 255) << 2)) & (0 - <u32>(left > 1));
      bits |= <u64>(code & 0xffffff) << n;
      n += code >>> 24;
      code = load<u32>(codes + ((four >>> 16 & 255) << 2)) & (0 - <u32>(left > 2));
      bits |= <u64>(code & 0xffffff) << n;
      n += code >>> 24;
      code = load<u32>(codes + ((four >>> 24) << 2)) & (0 - <u32>(left > 3));
      bits |= <u64>(code & 0xffffff) << n;
      n += code >>> 24;
      store<u64>(o, bits);
      o += <usize>(n >> 3);
      bits >>= n & ~7;
      n &= 7;
      p += 4;
    }
    p = last;
    const length = <u32>(sequence >> 32) & 511;
    if (length == 0) continue;
    p += length;
    let code = load<u32>(LENGTH_CODES + (length << 2));
    bits |= <u64>(code & 0xffffff) << n;
    n += code >>> 24;
    const distance = <u32>(sequence >> 41);
    const slot = distanceSlot(distance);
    code = load<u32>(codes + ((<u32>DISTANCES + slot) << 2));
    bits |= <u64>(code & 0xffffff) << n;
    n += code >>> 24;
    const extra = distanceExtra(slot);
    bits |= <u64>(distance & ((1 << extra) - 1)) << n;
    n += extra;
    store<u64>(o, bits);
    o += <usize>(n >> 3);
    bits >>= n & ~7;
    n &= 7;
  }
  const code = load<u32>(codes + (END << 2));
  out = o;
  held = bits;
  heldBits = n;
  putBits(code & 0xffffff, code >>> 24);
}

/** Writes the block of the first `count` sequences, which are the bytes `[from, to)`, and whose symbols COUNTS has. */
export function putBlock(count: usize, from: usize, to: usize, isLast: bool): void {
  store<u32>(COUNTS + (END << 2), 1);
  makeLengths(COUNTS, LITERALS, LITERAL_LIMIT, LENGTHS);
  makeLengths(COUNTS + 4 * DISTANCES, SLOTS, DISTANCE_LIMIT, LENGTHS + DISTANCES);
  const extra = extraBits();
  const dynamic = makeHeader() + bitsIn(LENGTHS) + extra;
  const fixed = bitsIn(FIXED_LENGTHS) + extra;
  const length = <u32>(to - from);
  const stored: u32 = 8 * length + 40 * (1 + length / 65535);
  if (stored <= min<u32>(dynamic, fixed)) return putStored(from, to, isLast);
  const last: u32 = isLast ? 1 : 0;
  if (fixed <= dynamic) {
    putBits(last | (1 << 1), 3);
    makeLengthCodes(FIXED_CODES);
    putSymbols(count, from, FIXED_CODES);
  } else {
    putBits(last | (2 << 1), 3);
    putHeader();
    makeCodes(LENGTHS, LITERALS, CODES);
    makeCodes(LENGTHS + DISTANCES, SLOTS, CODES + 4 * DISTANCES);
    makeLengthCodes(CODES);
    putSymbols(count, from, CODES);
  }
}
