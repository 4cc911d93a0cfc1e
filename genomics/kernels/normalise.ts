/** Alleles moved left as far as they go, without bases that all share, but one where there is an insertion or deletion (Tan et al. 2015). */

/** The first base, from 0, and the alleles, the reference one first. */
export type Placed = readonly [pos: number, alleles: readonly string[]];

/** `baseAt` gives letters of the reference. Undefined for what goes beyond its first base. Cases differ as letters do. */
export function normalise(
  pos: number,
  alleles: readonly string[],
  baseAt: (pos: number) => string,
): Placed | undefined {
  let [at, all] = [pos, alleles];
  while (all.every((one) => one.at(-1) === all[0]!.at(-1)) && all.some((one) => one.length > 1)) {
    all = all.map((one) => one.slice(0, -1));
    if (all.every((one) => one !== '')) continue;
    if (at === 0) return undefined;
    at--;
    const base = baseAt(at);
    all = all.map((one) => base + one);
  }
  const shortest = all.reduce((least, one) => Math.min(least, one.length), Infinity);
  let skip = 0;
  while (skip < shortest - 1 && all.every((one) => one[skip] === all[0]![skip])) skip++;
  return [at + skip, all.map((one) => one.slice(skip))];
}
