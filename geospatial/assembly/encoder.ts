/** Arithmetic encoding. An encoder is 12 bytes at a constant address: base, length, address of the next byte. A carry runs back through what was written. */
import { HEAD } from './layout.ts';
import { update, updateBit } from './models.ts';

const SHORTEST: u32 = 1 << 24;

/** Starts encoder `e`, whose first byte goes to `at`. */
export function startEncoder(e: usize, at: usize): void {
  store<u32>(e, 0);
  store<u32>(e, 0xffffffff, 4);
  store<u32>(e, at, 8);
}

function carry(at: usize): void {
  let p = at - 1;
  while (load<u8>(p) == 0xff) store<u8>(p--, 0);
  store<u8>(p, load<u8>(p) + 1);
}

@inline function narrow(e: usize, add: u32, length: u32): void {
  const before = load<u32>(e);
  const base = before + add;
  const at: usize = load<u32>(e, 8);
  if (base < before) carry(at);
  const shift = clz(length) & 24;
  store<u8>(at, base >> 24);
  store<u8>(at, base >> 16, 1);
  store<u8>(at, base >> 8, 2);
  store<u32>(e, base << shift);
  store<u32>(e, length << shift, 4);
  store<u32>(e, at + (shift >> 3), 8);
}

@inline export function putSymbol(e: usize, m: usize, symbol: u32): void {
  const length = load<u32>(e, 4);
  const unit = length >> 15;
  const p = m + HEAD + 2 * symbol;
  const pair = load<u32>(p);
  const low = (pair & 0xffff) * unit;
  const next = pair >> 16;
  const high = next == 0xffff ? length : next * unit;
  narrow(e, low, high - low);
  const count = p + load<u32>(m, 20);
  store<u16>(count, load<u16>(count) + 1);
  const left = load<u32>(m) - 1;
  store<u32>(m, left);
  if (!left) update(m);
}

/** The same out of line. */
export function putRareSymbol(e: usize, m: usize, symbol: u32): void { putSymbol(e, m, symbol); }

@inline export function putBit(e: usize, b: usize, one: u32): void {
  const length = load<u32>(e, 4);
  const split = load<u32>(b, 8) * (length >> 13);
  store<u32>(b, load<u32>(b, 12) + (one ^ 1), 12);
  narrow(e, one ? split : 0, one ? length - split : split);
  const left = load<u32>(b) - 1;
  store<u32>(b, left);
  if (!left) updateBit(b);
}

export function putBits(e: usize, count: u32, value: u32): void {
  if (count > 19) {
    putBits(e, 16, value & 0xffff);
    putBits(e, count - 16, value >> 16);
    return;
  }
  const length = load<u32>(e, 4) >> count;
  narrow(e, value * length, length);
}

/** Ends the stream as LASzip does; gives the address behind its last byte. */
export function endEncoder(e: usize): usize {
  const wide = load<u32>(e, 4) > 2 * SHORTEST;
  if (wide) narrow(e, SHORTEST, SHORTEST >> 1);
  else narrow(e, SHORTEST >> 1, SHORTEST >> 9);
  let at: usize = load<u32>(e, 8);
  store<u16>(at, 0);
  at += 2;
  if (wide) store<u8>(at++, 0);
  return at;
}
