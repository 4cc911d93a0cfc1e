/** Whole lines of VCF: where their columns begin (VCF 4.3 clause 1.6). */
import { ROW, ROWS, TABLE } from './vcflayout.ts';

const RETURN: i32 = 13;

/** Where `lines` came to. */
export let next: usize = 0;

@inline
function closeRow(row: usize, start: usize, stop: usize, columns: i32, tabs: i32): void {
  const end = stop > start && <i32>load<u8>(stop - 1) == RETURN ? stop - 1 : stop;
  // The last column ends with the line.
  for (let k = columns + 1; k < 10; k++) store<i32>(row + (<usize>k << 2), <i32>end + 1);
  store<i32>(row + 40, <i32>end);
  store<i32>(row + 44, tabs);
}

/** Finds the lines of `[from, to)`, which ends one, as many as the table has rows; sets `next`. Reads up to 16 bytes behind `to`. */
export function lines(from: usize, to: usize): i32 {
  const tab = i8x16.splat(9);
  const feed = i8x16.splat(10);
  let row = TABLE;
  let count = 0;
  let start = from;
  let columns = 0;
  let tabs = 0;
  store<i32>(row, <i32>start);
  for (let at = from; at < to; at += 16) {
    const v = v128.load(at);
    const isTab = i8x16.bitmask(i8x16.eq(v, tab));
    const isFeed = i8x16.bitmask(i8x16.eq(v, feed));
    if (isFeed == 0 && columns >= 9 && at + 16 <= to) {
      tabs += popcnt(isTab);
      continue;
    }
    let bits = isTab | isFeed;
    while (bits != 0) {
      const b = ctz(bits);
      bits &= bits - 1;
      const place = at + <usize>b;
      if (place >= to) break;
      if (((isFeed >> b) & 1) == 0) {
        tabs++;
        if (columns < 9) store<i32>(row + (<usize>++columns << 2), <i32>place + 1);
        continue;
      }
      closeRow(row, start, place, columns, tabs);
      count++;
      start = place + 1;
      if (count == ROWS) {
        next = start;
        return count;
      }
      row += ROW;
      columns = 0;
      tabs = 0;
      store<i32>(row, <i32>start);
    }
  }
  // The last line of a file may have no line feed.
  if (start < to) {
    closeRow(row, start, to, columns, tabs);
    count++;
  }
  next = to;
  return count;
}
