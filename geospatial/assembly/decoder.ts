/**
 * Arithmetic decoding. A stream's bytes lie reversed, so that one little-endian load below the read pointer gives the next four in
 * order, and renormalising needs no branch. A decoder is 16 bytes at a constant address: value, length, address of the next load, its limit.
 * For any bytes whatever value < length holds, so that table indices are bounded; who reads checks `overrun` once a point.
 */
import { HEAD } from './layout.ts';
import { update, updateBit } from './models.ts';

/** Starts decoder `d` on the reversed stream `[low, low + size)`; zeros lie below it. */
export function startDecoder(d: usize, low: usize, size: usize): void {
  let value = load<u32>(low + size - 4);
  if (value == 0xffffffff) value--;
  store<u32>(d, value);
  store<u32>(d, 0xffffffff, 4);
  store<u32>(d, low + size - 8, 8);
  store<u32>(d, low - 4, 12);
}

/** More bytes were read than the stream has. */
@inline export function overrun(d: usize): bool { return load<u32>(d, 8) < load<u32>(d, 12); }

/** Bytes of the stream that were not read; meaningful where it did not overrun. */
export function unread(d: usize): u32 { return load<u32>(d, 8) - load<u32>(d, 12); }

@inline function renormalise(d: usize, value: u32, length: u32): void {
  const shift = clz(length) & 24;
  const p: usize = load<u32>(d, 8);
  const next = load<u32>(p) >> 1;
  store<u32>(d, (value << shift) | (next >> (31 - shift)));
  store<u32>(d, length << shift, 4);
  store<u32>(d, p - (shift >> 3), 8);
}

/** The next symbol of model `m`. The search is a loop of predicted branches, which beats any without (SIMD, SWAR): the core runs ahead. */
@inline export function symbol(d: usize, m: usize): u32 {
  const length = load<u32>(d, 4);
  const value = load<u32>(d);
  const unit = length >> 15;
  const scaled = value / unit;
  let p = m + <usize>load<u16>(m - 2 - ((scaled >> load<u32>(m, 16)) << 1));
  while (<u32>load<u16>(p, HEAD + 2) <= scaled) p += 2;
  // One past the symbol.
  p += 2;
  const pair = load<u32>(p, HEAD - 2);
  const low = (pair & 0xffff) * unit;
  const next = pair >> 16;
  const high = next == 0xffff ? length : next * unit;
  renormalise(d, value - low, high - low);
  const count = p + load<u32>(m, 20);
  store<u16>(count, load<u16>(count, HEAD - 2) + 1, HEAD - 2);
  const left = load<u32>(m) - 1;
  store<u32>(m, left);
  if (!left) update(m);
  return <u32>(p - m - 2) >> 1;
}

/** The same out of line. */
export function rareSymbol(d: usize, m: usize): u32 { return symbol(d, m); }

/** The same for skewed models: the likeliest symbol is tried first, which needs neither division nor table. */
@inline export function likelySymbol(d: usize, m: usize): u32 {
  const length = load<u32>(d, 4);
  const value = load<u32>(d);
  const unit = length >> 15;
  const offset: usize = load<u32>(m, 24);
  const p = m + offset;
  const pair = load<u32>(p, HEAD);
  const low = (pair & 0xffff) * unit;
  const next = pair >> 16;
  const high = next == 0xffff ? length : next * unit;
  if (value - low >= high - low) return rareSymbol(d, m);
  renormalise(d, value - low, high - low);
  const count = p + load<u32>(m, 20);
  store<u16>(count, load<u16>(count, HEAD) + 1, HEAD);
  const left = load<u32>(m) - 1;
  store<u32>(m, left);
  if (!left) update(m);
  return <u32>offset >> 1;
}

@inline export function bit(d: usize, b: usize): u32 {
  const length = load<u32>(d, 4);
  const value = load<u32>(d);
  const split = load<u32>(b, 8) * (length >> 13);
  const one = <u32>(value >= split);
  store<u32>(b, load<u32>(b, 12) + (one ^ 1), 12);
  renormalise(d, one ? value - split : value, one ? length - split : split);
  const left = load<u32>(b) - 1;
  store<u32>(b, left);
  if (!left) updateBit(b);
  return one;
}

@inline function fewBits(d: usize, count: u32): u32 {
  const length = load<u32>(d, 4) >> count;
  const value = load<u32>(d);
  const out = value / length;
  renormalise(d, value - out * length, length);
  return out;
}

function manyBits(d: usize, count: u32): u32 {
  const low = fewBits(d, 16) & 0xffff;
  return low | (fewBits(d, count - 16) << 16);
}

/** 1 to 32 bits without a model. */
@inline export function bits(d: usize, count: u32): u32 { return count > 19 ? manyBits(d, count) : fewBits(d, count); }

/** 64 bits without a model. */
export function long(d: usize): u64 {
  const low = manyBits(d, 32);
  return <u64>low | (<u64>manyBits(d, 32) << 32);
}
