/** The bins of BAI and CSI: levels of intervals, each 8 times as long as those of the next level (SAM spec 5.3, CSI spec). */

/** The first bin of a level, 0 being the one bin over everything: 0, 1, 9, 73, ... */
export const firstBin = (level: number): number => (8 ** level - 1) / 7;

/** The bin of the level above; `bin` is not 0. */
export const parentOf = (bin: number): number => Math.floor((bin - 1) / 8);

/** The first window, a bin of the deepest level counted from 0, that a bin covers. */
export function firstWindow(bin: number, depth: number): number {
  let level = 0;
  while (firstBin(level + 1) <= bin) level++;
  return (bin - firstBin(level)) * 8 ** (depth - level);
}

/**
 * The smallest bin that holds the bases `[beg, end)`; an empty interval counts as its first base. The deepest level has
 * bins of 2^minShift bases, and there are `depth` levels below bin 0; BAI has 14 and 5. Position -1 gives 4680, as the
 * SAM spec wants of an unmapped record without a place.
 */
export function reg2bin(beg: number, end: number, minShift = 14, depth = 5): number {
  const last = Math.max(beg, end - 1);
  let size = 2 ** minShift;
  for (let level = depth; level > 0; level--) {
    const bin = Math.floor(beg / size);
    if (bin === Math.floor(last / size)) return firstBin(level) + bin;
    size *= 8;
  }
  return 0;
}
