/** Alleles of several records of one place as one set, and values by allele put where the set has them. */

/** The reference first. */
export type AlleleSet = string[];

/** Whether one reference allele begins with the other, whatever their case. */
export const isCompatible = (a: string, b: string): boolean => {
  const length = Math.min(a.length, b.length);
  return a.slice(0, length).toUpperCase() === b.slice(0, length).toUpperCase();
};
/** What stands for no bases of its own: symbolic alleles and `*`. */
const isSymbol = (allele: string): boolean => allele.startsWith('<') || allele === '*';
const lengthen = (allele: string, by: string): string => (isSymbol(allele) ? allele : allele + by);

/**
 * Where each of `alleles` is in `set`, to which those are added that it lacks; both then have the longer reference allele.
 * Say `ACG > AC, A` to `ACGT > A` gives `ACGT > A, ACT, AT` and 0, 2, 3. Undefined where the reference alleles differ.
 */
export function uniteAlleles(set: AlleleSet, alleles: readonly string[]): number[] | undefined {
  const [ref, other] = [set[0]!, alleles[0]!];
  if (!isCompatible(ref, other)) return undefined;
  if (other.length > ref.length) {
    const more = other.slice(ref.length);
    for (const [i, allele] of set.entries()) set[i] = lengthen(allele, more);
  }
  const more = ref.slice(other.length);
  return alleles.map((allele, i) => {
    if (i === 0) return 0;
    const longer = lengthen(allele, more);
    const at = set.findIndex((one, k) => k > 0 && one.toUpperCase() === longer.toUpperCase());
    return at > 0 ? at : set.push(longer) - 1;
  });
}

/** Without the bases that all end with, of which one stays. */
export function trimmed(alleles: readonly string[]): readonly string[] {
  const shortest = Math.min(...alleles.map(({ length }) => length));
  let shared = 0;
  while (
    shared < shortest - 1 &&
    alleles.every((allele) => allele.at(-1 - shared) === alleles[0]!.at(-1 - shared))
  )
    shared++;
  return shared === 0 ? alleles : alleles.map((allele) => allele.slice(0, allele.length - shared));
}

/** Which of a list of genotypes `a/b` is (VCF 4.3 clause 1.6.2). */
export const genotypeAt = (a: number, b: number): number =>
  a > b ? (a * (a + 1)) / 2 + b : (b * (b + 1)) / 2 + a;

/** Whether a field has a value for each allele (A, R) or genotype (G). */
export const isByAllele = (number: string | undefined): boolean =>
  number === 'A' || number === 'R' || number === 'G';

/**
 * Where each value of a list goes: `map` says where the alleles are among the `alleles` of the set. Undefined where the list has another number of values
 * than its alleles ask for.
 */
export function placesOf(
  values: number,
  number: string,
  map: readonly number[],
  alleles: number,
): { readonly places: readonly number[]; readonly size: number } | undefined {
  if (number === 'A')
    return values === map.length - 1
      ? { places: map.slice(1).map((at) => at - 1), size: alleles - 1 }
      : undefined;
  if (values === map.length && (number === 'R' || map.length > 1 || alleles === 1))
    return { places: map, size: alleles };
  if (number !== 'G' || values !== genotypeAt(map.length - 1, map.length - 1) + 1) return undefined;
  const places: number[] = [];
  for (let a = 0; a < map.length; a++) for (let b = 0; b <= a; b++) places.push(genotypeAt(map[a]!, map[b]!));
  return { places, size: genotypeAt(alleles - 1, alleles - 1) + 1 };
}

/** A list with its values moved, `.` where there is none; as it is where it has another number of values than it should. */
export function replaced(text: string, number: string, map: readonly number[], alleles: number): string {
  if (text === '.') return text;
  const values = text.split(',');
  const moved = placesOf(values.length, number, map, alleles);
  if (!moved) return text;
  const all = Array.from({ length: moved.size }, () => '.');
  values.forEach((value, i) => (all[moved.places[i]!] = value));
  return all.join(',');
}
