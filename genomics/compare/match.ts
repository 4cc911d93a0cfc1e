/**
 * Which alleles of calls and truth agree: the same allele as often, or neighbours that spell the same two haplotypes however they are put (Krusche et al.
 * 2019, Cleary et al. 2015). No I/O.
 */

/** An allele on a contig: moved left as far as it goes, without bases that both share, but one where it is an insertion or deletion. */
export type Allele = {
  readonly pos: number;
  readonly ref: string;
  readonly alt: string;
  /** Copies, 1 or 2. */
  dose: number;
  /** NaN where there is none. */
  qual: number;
};

/** Alleles that lie nearer than this many bases are looked at together. */
const window = 40;
/** More heterozygous alleles together are not tried. */
const mostHets = 10;

export const keyOf = ({ pos, ref, alt }: Allele): string => `${pos} ${ref} ${alt}`;
export const isSnp = ({ ref, alt }: Allele): boolean => ref.length === alt.length;

const byPlace = (a: Allele, b: Allele): number =>
  a.pos - b.pos || (a.ref < b.ref ? -1 : a.ref > b.ref ? 1 : a.alt < b.alt ? -1 : a.alt > b.alt ? 1 : 0);

export type Side = { readonly alleles: readonly Allele[]; readonly keys: ReadonlyMap<string, Allele> };

/** Alleles in order; those that stand twice add their copies up, to 2. */
export function sideOf(alleles: Iterable<Allele>): Side {
  const keys = new Map<string, Allele>();
  for (const allele of alleles) {
    const key = keyOf(allele);
    const known = keys.get(key);
    if (known) {
      known.dose = Math.min(2, known.dose + allele.dose);
      known.qual = Math.max(known.qual, allele.qual);
    } else keys.set(key, allele);
  }
  return { alleles: [...keys.values()].sort(byPlace), keys };
}

export type Agreed = {
  readonly truth: ReadonlySet<Allele>;
  readonly calls: ReadonlySet<Allele>;
  /** Of alleles of the truth that agree: QUAL of the call, or the least of those together. */
  readonly qualities: ReadonlyMap<Allele, number>;
};

/** Finds what agrees, copies included. `spell(from, to)` gives the reference. */
export async function match(
  truth: Side,
  calls: Side,
  spell: (from: number, to: number) => Promise<string>,
): Promise<Agreed> {
  const agreed = { truth: new Set<Allele>(), calls: new Set<Allele>() };
  const qualities = new Map<Allele, number>();
  for (const allele of truth.alleles) {
    const called = calls.keys.get(keyOf(allele));
    if (called?.dose !== allele.dose) continue;
    agreed.truth.add(allele);
    agreed.calls.add(called);
    qualities.set(allele, called.qual);
  }
  for (const { truth: wanted, calls: found, from, to } of groupsOf(truth.alleles, calls.alleles)) {
    if (wanted.length === 0 || found.length === 0) continue;
    if (wanted.every((one) => agreed.truth.has(one)) && found.every((one) => agreed.calls.has(one))) continue;
    const start = Math.max(0, from - 2);
    const reference = await spell(start, to + 2);
    const pairs = haplotypePairs(reference, start, wanted);
    if (pairs.size === 0 || ![...haplotypePairs(reference, start, found)].some((pair) => pairs.has(pair)))
      continue;
    const least = found.reduce((low, { qual }) => (qual < low ? qual : low), Infinity);
    for (const one of wanted) {
      if (!agreed.truth.has(one)) qualities.set(one, least);
      agreed.truth.add(one);
    }
    for (const one of found) agreed.calls.add(one);
  }
  return { ...agreed, qualities };
}

type Group = { readonly truth: Allele[]; readonly calls: Allele[]; readonly from: number; to: number };

/** Runs of alleles of both sides, no two neighbours farther apart than the window. */
function* groupsOf(truth: readonly Allele[], calls: readonly Allele[]): Generator<Group> {
  let group: Group | undefined;
  for (let [t, c] = [0, 0]; t < truth.length || c < calls.length;) {
    const isCall = c < calls.length && (t >= truth.length || calls[c]!.pos <= truth[t]!.pos);
    const allele = isCall ? calls[c++]! : truth[t++]!;
    if (!group || allele.pos > group.to + window) {
      if (group) yield group;
      group = { truth: [], calls: [], from: allele.pos, to: -1 };
    }
    (isCall ? group.calls : group.truth).push(allele);
    group.to = Math.max(group.to, allele.pos + allele.ref.length);
  }
  if (group) yield group;
}

/** All pairs of haplotypes that unphased alleles can spell over the reference that begins at `start`. */
export function haplotypePairs(reference: string, start: number, alleles: readonly Allele[]): Set<string> {
  const pairs = new Set<string>();
  const hets = alleles.filter(({ dose }) => dose === 1);
  if (hets.length > mostHets) return pairs;
  const places = new Map(hets.map((allele, i) => [allele, i]));
  // The first one lies on the first haplotype: pairs have no order.
  for (let mask = 0; mask < 2 ** Math.max(0, hets.length - 1); mask++) {
    const sideOfHet = (allele: Allele): number => ((mask << 1) >> places.get(allele)!) & 1;
    const [one, other] = [0, 1].map((side) =>
      spellHaplotype(
        reference,
        start,
        alleles.filter((allele) => allele.dose === 2 || sideOfHet(allele) === side),
      ),
    );
    if (one === undefined || other === undefined) continue;
    pairs.add(one < other ? `${one}/${other}` : `${other}/${one}`);
  }
  return pairs;
}

/** The reference with alleles put in; undefined where two of them overlap. */
function spellHaplotype(reference: string, start: number, alleles: readonly Allele[]): string | undefined {
  let out = '';
  let at = start;
  for (const allele of alleles) {
    let { pos, ref, alt } = allele;
    if (pos < at) {
      // An insertion or a deletion may share its first base with what is before it.
      if (pos !== at - 1 || ref[0] !== alt[0]) return undefined;
      pos++;
      ref = ref.slice(1);
      alt = alt.slice(1);
    }
    out += reference.slice(at - start, pos - start) + alt;
    at = pos + ref.length;
  }
  return out + reference.slice(at - start);
}
