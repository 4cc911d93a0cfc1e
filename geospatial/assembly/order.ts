/** Puts points of the second set in an order that depends on nothing but their fields, and copies them in it. */
import {
  aim, angle, blue, classes, extra, extraBytes, flags, green, intensity, nir, order, red, returns, source, spare, time, user,
  x, y, z,
} from './columns.ts';

/** Bits of an f64 as an integer that ascends with it. */
@inline function ascending(bits: i64): i64 { return bits ^ ((bits >> 63) & i64.MAX_VALUE); }

/** Whether point a comes after point b, both of the set that is aimed at: by time, return number, place, and then all other fields. */
@inline function isAfter(a: usize, b: usize): bool {
  const ta = ascending(load<i64>(time + 8 * a));
  const tb = ascending(load<i64>(time + 8 * b));
  return ta != tb ? ta > tb : isAfterAtOneTime(a, b);
}

function isAfterAtOneTime(a: usize, b: usize): bool {
  const na: u32 = load<u8>(returns + a) & 15;
  const nb: u32 = load<u8>(returns + b) & 15;
  if (na != nb) return na > nb;
  let p = load<i32>(x + 4 * a);
  let q = load<i32>(x + 4 * b);
  if (p != q) return p > q;
  p = load<i32>(y + 4 * a);
  q = load<i32>(y + 4 * b);
  if (p != q) return p > q;
  p = load<i32>(z + 4 * a);
  q = load<i32>(z + 4 * b);
  if (p != q) return p > q;
  const byte = compare8(returns, a, b) || compare8(flags, a, b) || compare8(classes, a, b) || compare8(user, a, b);
  if (byte) return byte > 0;
  const word = compare16(intensity, a, b) || compare16(angle, a, b) || compare16(source, a, b);
  if (word) return word > 0;
  const color = compare16(red, a, b) || compare16(green, a, b) || compare16(blue, a, b) || compare16(nir, a, b);
  if (color) return color > 0;
  return memory.compare(extra + a * extraBytes, extra + b * extraBytes, extraBytes) > 0;
}

@inline function compare8(column: usize, a: usize, b: usize): i32 {
  return <i32>load<u8>(column + a) - <i32>load<u8>(column + b);
}
@inline function compare16(column: usize, a: usize, b: usize): i32 {
  return <i32>load<u16>(column + 2 * a) - <i32>load<u16>(column + 2 * b);
}

/** Sorts the numbers `[from, to)` of the order by the points of the second set that they name: merges of the runs that are there, since most files are sorted by time. */
export function sortPoints(from: u32, to: u32): void {
  aim(1, 0);
  let here = order;
  let there = spare;
  while (true) {
    let runs = 0;
    let at = from;
    while (at < to) {
      const middle = endOfRun(here, at, to);
      const end = middle < to ? endOfRun(here, middle, to) : middle;
      merge(here, there, at, middle, end);
      at = end;
      runs++;
    }
    const swap = here;
    here = there;
    there = swap;
    if (runs <= 1) break;
  }
  if (here != order) memory.copy(order + 4 * from, here + 4 * from, 4 * (to - from));
}

function endOfRun(here: usize, from: u32, to: u32): u32 {
  let last: usize = load<u32>(here + 4 * from);
  let i = from + 1;
  for (; i < to; i++) {
    const next: usize = load<u32>(here + 4 * i);
    if (isAfter(last, next)) break;
    last = next;
  }
  return i;
}

function merge(here: usize, there: usize, from: u32, middle: u32, end: u32): void {
  let a = here + 4 * from;
  let b = here + 4 * middle;
  let out = there + 4 * from;
  const endA = b;
  const endB = here + 4 * end;
  while (a < endA && b < endB) {
    if (isAfter(load<u32>(a), load<u32>(b))) {
      store<u32>(out, load<u32>(b));
      b += 4;
    } else {
      store<u32>(out, load<u32>(a));
      a += 4;
    }
    out += 4;
  }
  memory.copy(out, a, endA - a);
  memory.copy(out + (endA - a), b, endB - b);
}

@inline function gather8(to: usize, from: usize, numbers: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) store<u8>(to + i, load<u8>(from + load<u32>(numbers + 4 * i)));
}
@inline function gather16(to: usize, from: usize, numbers: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) store<u16>(to + 2 * i, load<u16>(from + 2 * load<u32>(numbers + 4 * i)));
}
@inline function gather32(to: usize, from: usize, numbers: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) store<u32>(to + 4 * i, load<u32>(from + 4 * load<u32>(numbers + 4 * i)));
}
@inline function gather64(to: usize, from: usize, numbers: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) store<u64>(to + 8 * i, load<u64>(from + 8 * load<u32>(numbers + 4 * i)));
}

/** Copies the points that `count` numbers of the order from number `at` on name from the second set to the first one, which is aimed at then. */
export function gatherPoints(at: u32, count: u32): void {
  const numbers = order + 4 * at;
  aim(1, 0);
  const time1 = time;
  const x1 = x;
  const y1 = y;
  const z1 = z;
  const intensity1 = intensity;
  const angle1 = angle;
  const source1 = source;
  const red1 = red;
  const green1 = green;
  const blue1 = blue;
  const nir1 = nir;
  const returns1 = returns;
  const flags1 = flags;
  const classes1 = classes;
  const user1 = user;
  const extra1 = extra;
  aim(0, 0);
  gather64(time, time1, numbers, count);
  gather32(x, x1, numbers, count);
  gather32(y, y1, numbers, count);
  gather32(z, z1, numbers, count);
  gather16(intensity, intensity1, numbers, count);
  gather16(angle, angle1, numbers, count);
  gather16(source, source1, numbers, count);
  gather16(red, red1, numbers, count);
  gather16(green, green1, numbers, count);
  gather16(blue, blue1, numbers, count);
  gather16(nir, nir1, numbers, count);
  gather8(returns, returns1, numbers, count);
  gather8(flags, flags1, numbers, count);
  gather8(classes, classes1, numbers, count);
  gather8(user, user1, numbers, count);
  if (extraBytes)
    for (let i: u32 = 0; i < count; i++)
      memory.copy(extra + i * extraBytes, extra1 + load<u32>(numbers + 4 * i) * extraBytes, extraBytes);
}
