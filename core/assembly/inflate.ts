/** Inflates one raw DEFLATE stream in memory (RFC 1951). */
import { DIST, LENS, LITLEN, PRE, PRE_PLAIN, REPEAT, STEP } from './inflatelayout.ts';
import { build, buildFixed, buildTables, DIST_BITS, END_OF_BLOCK, EXCEPT, LENGTH, LINK } from './inflatetables.ts';

/** The stream is no DEFLATE, ends before its last block does, is longer than the output, is shorter than its input. */
export const BAD_STREAM: i32 = -1;
export const CUT_STREAM: i32 = -2;
export const LONG_STREAM: i32 = -3;
export const TRAILING: i32 = -4;

const LITLEN_MASK: u32 = (1 << 11) - 1;
const DIST_MASK: u32 = (1 << 8) - 1;
// Bytes that the fast loop may read past its check of the input, and write past that of the output.
const IN_MARGIN: usize = 32;
const OUT_MARGIN: usize = 320;

let inAt: usize = 0;
let inEnd: usize = 0;
let inPhysical: usize = 0;
let outAt: usize = 0;
let outBegin: usize = 0;
let outEnd: usize = 0;
// Bits that were taken from the input and not used yet.
let held: u64 = 0;
let heldBits: u32 = 0;
// Zero bytes invented past the end of the input.
let invented: u32 = 0;

// Holds at least 56 bits after it, those past the end being zeros.
function refill(): void {
  let left = heldBits;
  if (inAt + 8 <= inPhysical) {
    held |= load<u64>(inAt) << (left as u64);
    inAt += 7 - (left >>> 3);
    heldBits = left | 56;
    return;
  }
  while (left < 56) {
    if (inAt < inPhysical) held |= (<u64>load<u8>(inAt++)) << (left as u64);
    else invented++;
    left += 8;
  }
  heldBits = left;
}

// Reads the code lengths of a dynamic block, and builds its tables.
function readDynamic(): i32 {
  refill();
  let bits = held, left = heldBits;
  const nlen = <u32>(bits & 31) + 257, ndist = <u32>((bits >> 5) & 31) + 1, npre = <u32>((bits >> 10) & 15) + 4;
  bits >>= 14;
  left -= 14;
  if (nlen > 286 || ndist > 30) return BAD_STREAM;
  store<u64>(LENS, 0);
  store<u64>(LENS, 0, 8);
  store<u32>(LENS, 0, 16);
  for (let i: u32 = 0; i < npre; i++) {
    if (left < 3) {
      held = bits;
      heldBits = left;
      refill();
      bits = held;
      left = heldBits;
    }
    store<u8>(LENS + permute(i), <u8>(bits & 7));
    bits >>= 3;
    left -= 3;
  }
  if (!build<u32>(LENS, 19, PRE_PLAIN, PRE, 7, false)) return BAD_STREAM;
  const total = nlen + ndist;
  let i: u32 = 0;
  while (i < total) {
    if (left < 14) {
      held = bits;
      heldBits = left;
      refill();
      bits = held;
      left = heldBits;
      if (invented > 8) return CUT_STREAM;
    }
    const e = load<u32>(<usize>(bits & 127) << 2, PRE), l = e & 15, sym = e >>> 16;
    bits >>= l as u64;
    left -= l;
    if (sym < 16) {
      store<u8>(LENS + i++, <u8>sym);
      continue;
    }
    let rep: u32, fill: u8 = 0;
    if (sym == 16) {
      if (i == 0) return BAD_STREAM;
      fill = load<u8>(LENS + i - 1);
      rep = 3 + <u32>(bits & 3);
      bits >>= 2;
      left -= 2;
    } else if (sym == 17) {
      rep = 3 + <u32>(bits & 7);
      bits >>= 3;
      left -= 3;
    } else {
      rep = 11 + <u32>(bits & 127);
      bits >>= 7;
      left -= 7;
    }
    if (i + rep > total) return BAD_STREAM;
    const v = i8x16.splat(fill);
    for (let k: u32 = 0; k < rep; k += 16) v128.store(LENS + i + k, v);
    i += rep;
  }
  held = bits;
  heldBits = left;
  if (load<u8>(LENS, 256) == 0) return BAD_STREAM;
  return buildTables(nlen, ndist) ? 0 : BAD_STREAM;
}

@inline
function permute(i: u32): u32 {
  if (i < 3) return i + 16;
  if (i == 3) return 0;
  return i & 1 ? 7 - ((i - 5) >>> 1) : 8 + ((i - 4) >>> 1);
}

// Many symbols per refill, no bounds checks inside: the caller guarantees IN_MARGIN readable bytes
// past inFast and OUT_MARGIN writable bytes past outFast. 1 = end of block, 0 = came near an end.
// Here the buffer carries three spent bits at the bottom (left counts them too), so that a masked
// buffer is a byte offset into a u64 table: one shift less on the critical path of every lookup.
function runFast(inFast: usize, outFast: usize): i32 {
  let p = inAt, o = outAt, bits = held << 3, left = heldBits + 3;
  const outStart = outBegin;
  let status: i32 = 0;
  bits |= load<u64>(p) << (left as u64);
  p += 7 - ((left >>> 3) & 7);
  left |= 56;
  let e = load<u64>(<usize>bits & (LITLEN_MASK << 3), LITLEN);
  while (true) {
    // 53 bits: two lookups without a length (2 x 11), one with (20); a distance may need one more refill
    store<u32>(o, <u32>(e >> 32));
    o += <u32>e >>> 30;
    let saved = bits;
    bits >>= e;
    left -= <u32>e;
    if (!(<u32>e & LENGTH)) {
      e = load<u64>(<usize>bits & (LITLEN_MASK << 3), LITLEN);
      store<u32>(o, <u32>(e >> 32));
      o += <u32>e >>> 30;
      saved = bits;
      bits >>= e;
      left -= <u32>e;
      if (!(<u32>e & LENGTH)) {
        bits |= load<u64>(p) << (left as u64);
        p += 7 - ((left >>> 3) & 7);
        left |= 56;
        e = load<u64>(<usize>bits & (LITLEN_MASK << 3), LITLEN);
        if (<i32>((inFast - p) | (outFast - o)) < 0) break;
        continue;
      }
    }
    if (<u32>e & EXCEPT) {
      if (<u32>e & LINK) {
        e = load<u64>(((<u32>e >>> 17) << 3) + (<u32>bits & (((1 << (<u32>e >>> 8 & 15)) - 1) << 3)), LITLEN);
        saved = bits;
        bits >>= e;
        left -= <u32>e;
        if (<u32>e >>> 30) {
          store<u8>(o++, <u8>(e >> 32));
          bits |= load<u64>(p) << (left as u64);
          p += 7 - ((left >>> 3) & 7);
          left |= 56;
          e = load<u64>(<usize>bits & (LITLEN_MASK << 3), LITLEN);
          if (<i32>((inFast - p) | (outFast - o)) < 0) break;
          continue;
        }
      }
      if (<u32>e & EXCEPT) {
        status = <u32>e & END_OF_BLOCK ? 1 : BAD_STREAM;
        break;
      }
    }
    const len: usize = (<u32>e >>> 16 & 511) + (<u32>(saved >> (e >> 8)) >>> 3 & (<u32>e >>> 25 & 31));

    if ((left & 63) < 31) {
      bits |= load<u64>(p) << (left as u64);
      p += 7 - ((left >>> 3) & 7);
      left |= 56;
    }
    let d = load<u32>((<usize>bits >>> 1) & (DIST_MASK << 2), DIST);
    if (d & EXCEPT) {
      if ((d & LINK) == 0) { status = BAD_STREAM; break; }
      bits >>= DIST_BITS;
      left -= DIST_BITS;
      d = load<u32>(((d >>> 17) + (<u32>bits >>> 3 & ((1 << (d >>> 8 & 15)) - 1))) << 2, DIST);
      if (d & EXCEPT) { status = BAD_STREAM; break; }
    }
    const dist: usize = (d >>> 16) + (<u32>((bits & ~(<u64>-8 << (d as u64))) >> ((d >>> 8) as u64)) >>> 3);
    bits >>= d as u64;
    left -= d;
    if (dist > o - outStart) { status = BAD_STREAM; break; }

    bits |= load<u64>(p) << (left as u64);
    p += 7 - ((left >>> 3) & 7);
    left |= 56;
    e = load<u64>(<usize>bits & (LITLEN_MASK << 3), LITLEN);

    const end = o + len;
    if (dist >= 16) {
      v128.store(o, v128.load(o - dist));
      o += 16;
      v128.store(o, v128.load(o - dist));
      while (o + 16 < end) {
        o += 16;
        v128.store(o, v128.load(o - dist));
      }
    } else {
      const v = i8x16.swizzle(v128.load(o - dist), v128.load(dist << 4, REPEAT));
      const step = <usize>load<u32>(dist << 2, STEP);
      do {
        v128.store(o, v);
        o += step;
      } while (o < end);
    }
    o = end;
    if (<i32>((inFast - p) | (outFast - o)) < 0) break;
  }
  left = (left & 63) - 3;
  p -= left >>> 3;
  left &= 7;
  inAt = p;
  outAt = o;
  held = bits >> 3 & ((1 << (left as u64)) - 1);
  heldBits = left;
  return status;
}

// One entry at a time with every check; near the ends only.
function runCareful(): i32 {
  while (true) {
    refill();
    if (invented > 8) return CUT_STREAM;
    let bits = held, left = heldBits, saved = bits;
    let e = load<u64>((<usize>bits & LITLEN_MASK) << 3, LITLEN);
    bits >>= e & 63;
    left -= <u32>e & 63;
    if ((<u32>e & (EXCEPT | LINK)) == (EXCEPT | LINK)) {
      e = load<u64>(((<u32>e >>> 17) + (<u32>bits & ((1 << (<u32>e >>> 8 & 15)) - 1))) << 3, LITLEN);
      saved = bits;
      bits >>= e & 63;
      left -= <u32>e & 63;
    }
    held = bits;
    heldBits = left;
    if (<u32>e & EXCEPT) return <u32>e & END_OF_BLOCK ? 1 : BAD_STREAM;
    const n = <u32>e >>> 30;
    if (outAt + n > outEnd) return LONG_STREAM;
    if (n > 0) store<u8>(outAt, <u8>(e >> 32));
    if (n > 1) store<u8>(outAt + 1, <u8>(e >> 40));
    if (n > 2) store<u8>(outAt + 2, <u8>(e >> 48));
    outAt += n;
    if ((<u32>e & LENGTH) == 0) continue;
    const len: usize = (<u32>e >>> 16 & 511) + (<u32>(saved >> (e >> 8 & 63)) & (<u32>e >>> 25 & 31));
    if (left < 28) {
      refill();
      bits = held;
      left = heldBits;
    }
    let d = load<u32>((<usize>bits & DIST_MASK) << 2, DIST);
    if (d & EXCEPT) {
      if ((d & LINK) == 0) return BAD_STREAM;
      bits >>= DIST_BITS;
      left -= DIST_BITS;
      d = load<u32>(((d >>> 17) + (<u32>bits & ((1 << (d >>> 8 & 15)) - 1))) << 2, DIST);
      if (d & EXCEPT) return BAD_STREAM;
    }
    const dist: usize = (d >>> 16) + (<u32>(bits & ~(<u64>-1 << (d as u64))) >>> (d >>> 8 & 15));
    held = bits >> ((d & 63) as u64);
    heldBits = left - (d & 63);
    let o = outAt;
    if (dist > o - outBegin) return BAD_STREAM;
    const end = o + len;
    if (end > outEnd) return LONG_STREAM;
    for (; o < end; o++) store<u8>(o, load<u8>(o - dist));
    outAt = o;
  }
  return 0;
}

/**
 * Inflates the stream `[from, from + length)`, which must fill it, to at most `room` bytes from `to`. Gives how many they are, or
 * what is wrong. Bytes up to `fromEnd` may be read and bytes up to `toEnd` be overwritten, whatever they hold: the further behind the
 * stream and the room these lie, the less is left to the careful loop.
 */
export function inflateRaw(from: usize, length: usize, fromEnd: usize, to: usize, room: usize, toEnd: usize): i32 {
  inAt = from;
  inEnd = from + length;
  inPhysical = fromEnd;
  outAt = to;
  outBegin = to;
  outEnd = to + room;
  held = 0;
  heldBits = 0;
  invented = 0;
  const inFast: usize = fromEnd > from + IN_MARGIN ? fromEnd - IN_MARGIN : 0;
  const outFast: usize = toEnd > to + OUT_MARGIN ? min(toEnd - OUT_MARGIN, outEnd) : 0;
  while (true) {
    refill();
    if (invented > 8) return CUT_STREAM;
    const last = <u32>held & 1, type = <u32>(held >> 1) & 3;
    held >>= 3;
    heldBits -= 3;
    if (type == 0) {
      // Bits before the next byte's boundary mean nothing.
      heldBits &= ~7;
      held = 0;
      const back = heldBits >>> 3;
      if (invented > back) return CUT_STREAM;
      inAt -= back - invented;
      invented = 0;
      heldBits = 0;
      if (inAt + 4 > inEnd) return CUT_STREAM;
      const n = <u32>load<u16>(inAt);
      if ((n ^ <u32>load<u16>(inAt, 2)) != 0xffff) return BAD_STREAM;
      inAt += 4;
      if (inAt + n > inEnd) return CUT_STREAM;
      if (outAt + n > outEnd) return LONG_STREAM;
      memory.copy(outAt, inAt, n);
      inAt += n;
      outAt += n;
    } else {
      if (type == 3) return BAD_STREAM;
      if (type == 1) buildFixed();
      else {
        const r = readDynamic();
        if (r < 0) return r;
      }
      let r = 0;
      if (invented == 0) {
        // Whole bytes go back: the loop starts from fewer than eight bits.
        inAt -= heldBits >>> 3;
        heldBits &= 7;
        held &= (1 << (heldBits as u64)) - 1;
        if (inAt < inFast && outAt < outFast) r = runFast(inFast, outFast);
      }
      if (r == 0) r = runCareful();
      if (r < 0) return r;
      if (outAt > outEnd) return LONG_STREAM;
    }
    if (last) break;
  }
  const back = heldBits >>> 3;
  if (invented > back) return CUT_STREAM;
  const used = inAt - (back - invented);
  if (used > inEnd) return CUT_STREAM;
  return used < inEnd ? TRAILING : <i32>(outAt - to);
}
