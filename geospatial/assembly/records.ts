/** LAS records to the columns that are aimed at, and back. Source: ASPRS LAS 1.4 R15, "Point Data Record Format". */
import {
  angle, blue, classes, extra, extraBytes, flags, green, intensity, nir, red, returns, source, time, user, x, y, z,
} from './columns.ts';
import { storeBits } from './point10.ts';

/** Offset of the colour in a record, 0 for none. */
@inline function colorOf(pdrf: u32): usize {
  switch (pdrf) {
    case 2: return 20;
    case 3:
    case 5: return 28;
    case 7:
    case 8:
    case 10: return 30;
  }
  return 0;
}

/** Takes `count` records of `length` bytes at `from`; the last `extraBytes` of each are its extra bytes. With `isPlace` x, y, z, returns, flags and classes only. */
export function unpackRecords(pdrf: u32, length: u32, count: u32, from: usize, isPlace: bool): void {
  const isLegacy = pdrf < 6;
  const colorAt = colorOf(pdrf);
  const timeAt: usize = isLegacy ? (pdrf == 1 || pdrf >= 3 ? 20 : 0) : 22;
  const hasNir = pdrf == 8 || pdrf == 10;
  for (let i: u32 = 0, p = from; i < count; i++, p += length) {
    store<i32>(x + 4 * i, load<i32>(p));
    store<i32>(y + 4 * i, load<i32>(p, 4));
    store<i32>(z + 4 * i, load<i32>(p, 8));
    if (isLegacy) storeBits(i, load<u8>(p, 14), load<u8>(p, 15));
    else {
      store<u8>(returns + i, load<u8>(p, 14));
      store<u8>(flags + i, load<u8>(p, 15));
      store<u8>(classes + i, load<u8>(p, 16));
    }
    if (isPlace) continue;
    store<u16>(intensity + 2 * i, load<u16>(p, 12));
    if (isLegacy) {
      store<u16>(angle + 2 * i, load<i8>(p, 16));
      store<u16>(source + 2 * i, load<u16>(p, 18));
    } else {
      store<u16>(angle + 2 * i, load<u16>(p, 18));
      store<u16>(source + 2 * i, load<u16>(p, 20));
    }
    store<u8>(user + i, load<u8>(p, 17));
    store<u64>(time + 8 * i, timeAt ? load<u64>(p + timeAt) : 0);
    if (colorAt) {
      store<u16>(red + 2 * i, load<u16>(p + colorAt));
      store<u16>(green + 2 * i, load<u16>(p + colorAt, 2));
      store<u16>(blue + 2 * i, load<u16>(p + colorAt, 4));
    }
    if (hasNir) store<u16>(nir + 2 * i, load<u16>(p, 36));
    if (extraBytes) memory.copy(extra + <usize>i * extraBytes, p + length - extraBytes, extraBytes);
  }
}

/** Writes `count` records of format 6, 7 or 8 to `to`, extra bytes last. */
export function packRecords(pdrf: u32, count: u32, to: usize): u32 {
  const bare: usize = pdrf == 6 ? 30 : pdrf == 7 ? 36 : 38;
  let p = to;
  for (let i: u32 = 0; i < count; i++, p += bare + extraBytes) {
    store<i32>(p, load<i32>(x + 4 * i));
    store<i32>(p, load<i32>(y + 4 * i), 4);
    store<i32>(p, load<i32>(z + 4 * i), 8);
    store<u16>(p, load<u16>(intensity + 2 * i), 12);
    store<u8>(p, load<u8>(returns + i), 14);
    store<u8>(p, load<u8>(flags + i), 15);
    store<u8>(p, load<u8>(classes + i), 16);
    store<u8>(p, load<u8>(user + i), 17);
    store<u16>(p, load<u16>(angle + 2 * i), 18);
    store<u16>(p, load<u16>(source + 2 * i), 20);
    store<u64>(p, load<u64>(time + 8 * i), 22);
    if (pdrf >= 7) {
      store<u16>(p, load<u16>(red + 2 * i), 30);
      store<u16>(p, load<u16>(green + 2 * i), 32);
      store<u16>(p, load<u16>(blue + 2 * i), 34);
    }
    if (pdrf == 8) store<u16>(p, load<u16>(nir + 2 * i), 36);
    memory.copy(p + bare, extra + <usize>i * extraBytes, extraBytes);
  }
  return <u32>(p - to);
}

/** Turns scan angle ranks of formats 0 to 5 (degrees) into the 0.006 degrees of formats 6 to 10, rounded to the nearest. */
export function promoteAngles(count: u32): void {
  for (let p = angle, end = angle + 2 * count; p < end; p += 2) {
    const thousandths = <i32>load<i16>(p) * 1000;
    store<u16>(p, (thousandths + (thousandths < 0 ? -3 : 3)) / 6);
  }
}
