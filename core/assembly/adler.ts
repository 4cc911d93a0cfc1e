/** Adler-32 (RFC 1950, 9), 16 bytes at a time. */

const MODULUS: u32 = 65521;
// So many bytes that no sum passes 2^32.
const STRETCH: usize = 4096;

/** The checksum of `[from, to)`. */
export function adler(from: usize, to: usize): u32 {
  const high = i16x8(16, 15, 14, 13, 12, 11, 10, 9), low = i16x8(8, 7, 6, 5, 4, 3, 2, 1);
  let a: u32 = 1, b: u32 = 0, p = from;
  while (p < to) {
    const stop = min(p + STRETCH, to);
    let sums = i32x4.splat(0), before = i32x4.splat(0), weighted = i32x4.splat(0);
    const n = <u32>(stop - p) & ~15;
    for (const last = p + n; p < last; p += 16) {
      const bytes = v128.load(p);
      before = i32x4.add(before, sums);
      sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(bytes)));
      weighted = i32x4.add(weighted, i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(bytes), high));
      weighted = i32x4.add(weighted, i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(bytes), low));
    }
    b = (b + n * a + 16 * total(before) + total(weighted)) % MODULUS;
    a = (a + total(sums)) % MODULUS;
    for (; p < stop; p++) {
      a += <u32>load<u8>(p);
      b += a;
    }
    a %= MODULUS;
    b %= MODULUS;
  }
  return (b << 16) | a;
}

@inline
function total(sums: v128): u32 {
  return i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
}
