/** Fields of the samples of a line: where they lie, and text that is made of them. */

@inline
function tableOf(tables: usize, field: i32): usize {
  return <usize>load<u32>(tables + (<usize>field << 2));
}

/** Fields from `field` on of a sample that ended before. */
@inline
function clear(tables: usize, field: i32, count: i32, sample: i32): void {
  for (let k = field; k < count; k++) {
    const table = tableOf(tables, k);
    if (table != 0) store<u64>(table + (<usize>sample << 3), 0);
  }
}

/**
 * Bounds of fields of the samples of `[from, end)`: field `k` of `count` goes to the table that `tables` has for it, eight bytes a sample, bytes behind
 * `base`; nowhere where that is 0. Of fields that a sample lacks both bounds are 0. Reads up to 16 bytes behind `end`.
 */
export function fields(from: usize, end: usize, base: usize, samples: i32, tables: usize, count: i32): void {
  const tab = i8x16.splat(9);
  const colon = i8x16.splat(0x3a);
  let begin = from;
  let sample = 0;
  let field = 0;
  for (let at = from; at < end; at += 16) {
    const v = v128.load(at);
    const isTab = i8x16.bitmask(i8x16.eq(v, tab));
    let bits = isTab | i8x16.bitmask(i8x16.eq(v, colon));
    if (at + 16 > end) bits &= (1 << <i32>(end - at)) - 1;
    while (bits != 0) {
      const b = ctz(bits);
      bits &= bits - 1;
      const stop = at + <usize>b;
      if (field < count) {
        const table = tableOf(tables, field);
        if (table != 0) store<u64>(table + (<usize>sample << 3), <u64>(begin - base) | (<u64>(stop - base) << 32));
      }
      begin = stop + 1;
      field++;
      if (((isTab >> b) & 1) == 0) continue;
      clear(tables, field, count, sample);
      field = 0;
      if (++sample == samples) return;
    }
  }
  if (field < count) {
    const table = tableOf(tables, field);
    if (table != 0) store<u64>(table + (<usize>sample << 3), <u64>(begin - base) | (<u64>(end - base) << 32));
  }
  clear(tables, field + 1, count, sample);
  for (let k = sample + 1; k < samples; k++) clear(tables, 0, count, k);
}

// What a step prints: bytes, a field of the sample, or text that each sample has of its own.
const BYTES: u32 = 0;
const FIELD: u32 = 1;
const DOT: u8 = 0x2e;

/** Where what was printed ends. */
export let printed: usize = 0;

/**
 * Prints samples: of each one all `steps`, twelve bytes each: what, and its bytes and their length, the table of bounds behind `base` (0: a point), or the
 * table of places and lengths. `order` holds numbers of samples, of which those from `first` on come, without those for which `mask` (0: none) has a
 * zero; up to the one that `[out, limit)` might not hold, which it gives.
 */
export function print(
  steps: usize,
  count: i32,
  order: usize,
  first: i32,
  samples: i32,
  mask: usize,
  base: usize,
  out: usize,
  limit: usize,
): i32 {
  const end = steps + 12 * <usize>count;
  let to = out;
  for (let i = first; i < samples; i++) {
    const sample = <usize>load<u32>(order + (<usize>i << 2));
    if (mask != 0 && load<u8>(mask + sample) == 0) continue;
    const start = to;
    for (let step = steps; step < end; step += 12) {
      const what = load<u32>(step);
      let from = <usize>load<u32>(step, 4);
      let length: usize = 1;
      if (what == BYTES) length = <usize>load<u32>(step, 8);
      else if (from != 0) {
        const bounds = load<u64>(from + (sample << 3));
        from = <usize>(bounds & 0xffffffff);
        length = <usize>(bounds >> 32);
        if (what == FIELD) {
          length -= from;
          from = length == 0 ? 0 : from + base;
        }
      }
      // Sixteen bytes are written at once.
      if (to + length + 16 > limit) {
        printed = start;
        return i;
      }
      if (from == 0) {
        store<u8>(to++, DOT);
        continue;
      }
      for (let k: usize = 0; k < length; k += 16) v128.store(to + k, v128.load(from + k));
      to += length;
    }
  }
  printed = to;
  return samples;
}
