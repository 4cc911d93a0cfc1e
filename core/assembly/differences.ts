/** Numbers along rows as differences, which compress better, and their bytes apart from each other; and back. All in place. */
import { reach } from './deflatelayout.ts';

/**
 * Numbers of `size` bytes (1, 2, 4, 8) in rows of `line` bytes become their differences from those `back` bytes before them in the row, modulo 2^bits; the first
 * ones stay. `line` and `back` are multiples of `size`.
 */
export function subtract(at: usize, length: usize, line: usize, size: i32, back: usize): void {
  if (size == 1) subtractAs<u8>(at, length, line, back);
  else if (size == 2) subtractAs<u16>(at, length, line, back);
  else if (size == 4) subtractAs<u32>(at, length, line, back);
  else subtractAs<u64>(at, length, line, back);
}

/** Undoes `subtract`. */
export function addUp(at: usize, length: usize, line: usize, size: i32, back: usize): void {
  if (size == 1) addUpAs<u8>(at, length, line, back);
  else if (size == 2) addUpAs<u16>(at, length, line, back);
  else if (size == 4) addUpAs<u32>(at, length, line, back);
  else addUpAs<u64>(at, length, line, back);
}

function subtractAs<T>(at: usize, length: usize, line: usize, back: usize): void {
  for (let row = at, end = at + length; row + line <= end; row += line) {
    // From behind, so that what is taken off is still there.
    let to = row + line;
    const first = row + back;
    while (to >= first + 16) {
      to -= 16;
      v128.store(to, v128.sub<T>(v128.load(to), v128.load(to - back)));
    }
    while (to > first) {
      to -= sizeof<T>();
      store<T>(to, load<T>(to) - load<T>(to - back));
    }
  }
}

function addUpAs<T>(at: usize, length: usize, line: usize, back: usize): void {
  // Numbers of one row in a register add up in as many steps as it takes to double `back` to 16.
  const isWhole = back <= 16 && (back & (back - 1)) == 0;
  const places = i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const by = i8x16.splat(<i8>back);
  // Places before the register's own give zeros.
  const once = v128.sub<i8>(places, by);
  const twice = v128.sub<i8>(once, by);
  const fourfold = v128.sub<i8>(v128.sub<i8>(twice, by), by);
  const eightfold = v128.sub<i8>(places, i8x16.splat(8));
  const last = v128.add<i8>(v128.and(places, i8x16.splat(<i8>(back - 1))), i8x16.splat(<i8>(16 - back)));
  for (let row = at, end = at + length; row + line <= end; row += line) {
    let to = row;
    const stop = row + line;
    if (isWhole) {
      let carry = i64x2.splat(0);
      for (; to + 16 <= stop; to += 16) {
        let v = v128.load(to);
        if (back < 16) v = v128.add<T>(v, i8x16.swizzle(v, once));
        if (back < 8) v = v128.add<T>(v, i8x16.swizzle(v, twice));
        if (back < 4) v = v128.add<T>(v, i8x16.swizzle(v, fourfold));
        if (back < 2) v = v128.add<T>(v, i8x16.swizzle(v, eightfold));
        v = v128.add<T>(v, carry);
        v128.store(to, v);
        carry = i8x16.swizzle(v, last);
      }
    }
    to = max(to, row + back);
    for (; to < stop; to += sizeof<T>()) store<T>(to, load<T>(to) + load<T>(to - back));
  }
}

/** Rows of numbers of `size` bytes become planes: the most significant byte of each number, then the next one. False where there is no memory for a row. */
export function split(at: usize, length: usize, line: usize, size: usize): bool {
  const held = (at + length + 15) & ~15;
  if (!reach(held + line + 64)) return false;
  const count = line / size;
  const grouped = i8x16(3, 7, 11, 15, 2, 6, 10, 14, 1, 5, 9, 13, 0, 4, 8, 12);
  for (let row = at, end = at + length; row + line <= end; row += line) {
    memory.copy(held, row, line);
    let i: usize = 0;
    if (size == 4)
      for (; i + 16 <= count; i += 16) {
        const from = held + 4 * i;
        const a = i8x16.swizzle(v128.load(from), grouped);
        const b = i8x16.swizzle(v128.load(from, 16), grouped);
        const c = i8x16.swizzle(v128.load(from, 32), grouped);
        const d = i8x16.swizzle(v128.load(from, 48), grouped);
        const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
        const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
        const abLow = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
        const cdLow = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
        const to = row + i;
        v128.store(to, v128.shuffle<i64>(ab, cd, 0, 2));
        v128.store(to + count, v128.shuffle<i64>(ab, cd, 1, 3));
        v128.store(to + 2 * count, v128.shuffle<i64>(abLow, cdLow, 0, 2));
        v128.store(to + 3 * count, v128.shuffle<i64>(abLow, cdLow, 1, 3));
      }
    for (; i < count; i++)
      for (let plane: usize = 0; plane < size; plane++)
        store<u8>(row + plane * count + i, load<u8>(held + i * size + size - 1 - plane));
  }
  return true;
}

/** Undoes `split`. */
export function join(at: usize, length: usize, line: usize, size: usize): bool {
  const held = (at + length + 15) & ~15;
  if (!reach(held + line + 64)) return false;
  const count = line / size;
  for (let row = at, end = at + length; row + line <= end; row += line) {
    memory.copy(held, row, line);
    let i: usize = 0;
    if (size == 4)
      for (; i + 16 <= count; i += 16) {
        const from = held + i;
        const top = v128.load(from);
        const high = v128.load(from + count);
        const low = v128.load(from + 2 * count);
        const bottom = v128.load(from + 3 * count);
        const lower = v128.shuffle<i8>(bottom, low, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        const lowerToo = v128.shuffle<i8>(bottom, low, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        const upper = v128.shuffle<i8>(high, top, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
        const upperToo = v128.shuffle<i8>(high, top, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
        const to = row + 4 * i;
        v128.store(to, v128.shuffle<i16>(lower, upper, 0, 8, 1, 9, 2, 10, 3, 11));
        v128.store(to, v128.shuffle<i16>(lower, upper, 4, 12, 5, 13, 6, 14, 7, 15), 16);
        v128.store(to, v128.shuffle<i16>(lowerToo, upperToo, 0, 8, 1, 9, 2, 10, 3, 11), 32);
        v128.store(to, v128.shuffle<i16>(lowerToo, upperToo, 4, 12, 5, 13, 6, 14, 7, 15), 48);
      }
    for (; i < count; i++)
      for (let plane: usize = 0; plane < size; plane++)
        store<u8>(row + i * size + size - 1 - plane, load<u8>(held + plane * count + i));
  }
  return true;
}
