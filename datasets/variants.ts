/** The variants implanted into a simulated diploid genome, normalised as VCF wants them. */
import type { Random } from './random.ts';
import { random } from './random.ts';
import type { Genome, Window } from './genome.ts';
import { A, BASES, C, G, LETTERS, N, T } from './genome.ts';

/** One site. Alleles are base codes; an indel's alleles begin with the base before it (VCF 4.3, 1.6.1). */
export type Variant = {
  /** 0-based position of the first base of `alleles[0]` in its contig. */
  readonly pos: number;
  /** The reference's allele, then the others. */
  readonly alleles: readonly Uint8Array[];
  /** Indices into `alleles` on the two haplotypes. */
  readonly genotype: readonly [number, number];
};

/** Variants a base of known sequence. */
export type Rates = { readonly snps: number; readonly indels: number };

const LONGEST_INDEL = 50;

/**
 * The variants that lie wholly in one window, by position, apart by a base at least. Indels are as far left as they go; most stand in
 * homopolymers and tandem repeats, as in real genomes. Two thirds of the sites are heterozygous; one SNP in a hundred has two alternatives.
 */
export function drawVariants(seed: number, genome: Genome, index: number, rates: Rates): Variant[] {
  const window = genome.window(index);
  const rng = random(seed, 'variants', index);
  const size = window.bases.length;
  const found: Variant[] = [];
  for (let n = rng.count(size * rates.snps); n > 0; n--) {
    const variant = snp(window, rng.below(size), rng);
    if (variant) found.push(variant);
  }
  for (let n = rng.count(size * rates.indels); n > 0; n--) {
    const variant = indel(window, rng.below(size), rng);
    if (variant) found.push(variant);
  }
  found.sort((a, b) => a.pos - b.pos || a.alleles[0]!.length - b.alleles[0]!.length);
  let end = -1;
  return found.filter((variant) => {
    const clear = variant.pos > end;
    if (clear) end = variant.pos + variant.alleles[0]!.length;
    return clear;
  });
}

/** A line of VCF for a variant, with its newline: phased genotype, QUAL missing, FILTER PASS. */
export function printVariant(contig: string, { pos, alleles, genotype }: Variant): string {
  const [ref, ...alts] = alleles.map(letters);
  return `${contig}\t${pos + 1}\t.\t${ref}\t${alts.join(',')}\t.\tPASS\t.\tGT\t${genotype.join('|')}\n`;
}

const letters = (codes: Uint8Array): string => Array.from(codes, (code) => LETTERS[code]).join('');

function snp({ bases, start }: Window, at: number, rng: Random): Variant | undefined {
  const ref = bases[at]!;
  if (ref === N) return undefined;
  // With those drawn by chance, transitions are twice as frequent as transversions.
  const alt = rng.below(2) === 0 ? transition[ref]! : other(ref, rng);
  if (rng.below(100) === 0) {
    const second = BASES.find((base) => base !== ref && base !== alt)!;
    return {
      pos: start + at,
      alleles: [ref, alt, second].map((code) => Uint8Array.of(code)),
      genotype: [1, 2],
    };
  }
  return { pos: start + at, alleles: [Uint8Array.of(ref), Uint8Array.of(alt)], genotype: zygosity(rng) };
}

function indel({ bases, start }: Window, wanted: number, rng: Random): Variant | undefined {
  const [site, period] = rng.below(100) < 65 ? findRepeat(bases, wanted) : [wanted, 0];
  let length = 1;
  while (length < LONGEST_INDEL && rng.chance(0.55)) length++;
  if (period > 0) length = Math.min(LONGEST_INDEL, period * Math.max(1, Math.round(length / period)));
  const deletion = rng.chance(0.5);
  // The anchor; what is deleted follows it, what is inserted goes in behind it.
  let at = site;
  if (at < 1 || at + 1 + length >= bases.length) return undefined;
  const piece = bases.slice(at + 1, at + 1 + length);
  if (!deletion && period === 0 && rng.chance(0.4))
    piece.forEach((_, i) => (piece[i] = BASES[rng.below(4)]!));
  if (piece.includes(N) || bases[at] === N) return undefined;
  while (piece[length - 1] === bases[at]) {
    piece.copyWithin(1, 0);
    piece[0] = bases[at]!;
    at--;
    // Further left lies another window, whose variants are not known here.
    if (at < 1 || bases[at] === N) return undefined;
  }
  const short = bases.slice(at, at + 1);
  const long = Uint8Array.of(bases[at]!, ...piece);
  return { pos: start + at, alleles: deletion ? [long, short] : [short, long], genotype: zygosity(rng) };
}

/** The next homopolymer of six or tandem repeat of three copies from `at` on, up to 600 bases away: the base before it, and its period, or `at` and 0. */
function findRepeat(bases: Uint8Array, at: number): [number, number] {
  for (let i = at; i < Math.min(at + 600, bases.length - 12); i++) {
    for (let period = 1; period <= 4; period++) {
      const span = period === 1 ? 5 : 2 * period;
      let k = 0;
      while (k < span && bases[i + k] === bases[i + k + period]) k++;
      if (k === span && bases[i] !== N) return [Math.max(0, i - 1), period];
    }
  }
  return [at, 0];
}

/** A to G, C to T and back, by code. */
const transition = Uint8Array.of(0, G, T, 0, A, 0, 0, 0, C);

const other = (base: number, rng: Random): number => {
  for (;;) {
    const drawn = BASES[rng.below(4)]!;
    if (drawn !== base) return drawn;
  }
};

const zygosity = (rng: Random): [number, number] => {
  const drawn = rng.below(3);
  return drawn === 0 ? [1, 1] : drawn === 1 ? [0, 1] : [1, 0];
};
