/** Stretches of memory. */

@inline export function aligned(p: usize): usize { return (p + 63) & ~63; }

/** Grows the memory so that it ends behind `end`. */
export function reach(end: usize): bool {
  const pages = <i32>((end + 0xffff) >> 16) - memory.size();
  return pages <= 0 || memory.grow(pages) >= 0;
}

export function fill16(p: usize, value: u32, count: u32): void {
  for (const end = p + 2 * count; p < end; p += 2) store<u16>(p, value);
}
export function fill32(p: usize, value: u32, count: u32): void {
  for (const end = p + 4 * count; p < end; p += 4) store<u32>(p, value);
}
export function fill64(p: usize, value: u64, count: u32): void {
  for (const end = p + 8 * count; p < end; p += 8) store<u64>(p, value);
}

/** Copies bytes in reverse order; may write up to 15 bytes behind `to + count`. */
export function reverse(to: usize, from: usize, count: usize): void {
  let end = to + count;
  for (; count >= 16; count -= 16) {
    end -= 16;
    const v = v128.load(from);
    v128.store(end, i8x16.shuffle(v, v, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));
    from += 16;
  }
  for (; count; count--) store<u8>(--end, load<u8>(from++));
}
