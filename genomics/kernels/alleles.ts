/** What an alternate allele is beside the reference one, by the rules of htslib (bcf_set_variant_type, 1.16). */

/** Bits; nothing is set for what equals the reference or says nothing: `.`, `<NON_REF>`, `<*>`, `X`. */
export const kind = { snp: 1, mnp: 2, indel: 4, other: 8, breakend: 16, overlap: 32 } as const;

const [star, dot, less, opening, closing, letterX] = [0x2a, 0x2e, 0x3c, 0x5b, 0x5d, 0x58];

const upper = (byte: number): number => (byte >= 0x61 && byte <= 0x7a ? byte - 32 : byte);
const isAt = (bytes: Uint8Array, from: number, to: number, text: string): boolean => {
  if (to - from !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false;
  return true;
};

/** The kind of what `alleleOf` gives. */
export const kindOf = (allele: number): number => allele & 255;
/** Bases more than the reference allele has, negative of deletions; of indels. */
export const growthOf = (allele: number): number => Math.floor(allele / 256);

const pack = (bits: number, growth: number): number => 256 * growth + bits;

/** Kind and growth of the allele `[altFrom, altTo)` beside `[refFrom, refTo)`, as one number. */
export function alleleOf(
  bytes: Uint8Array,
  refFrom: number,
  refTo: number,
  altFrom: number,
  altTo: number,
): number {
  const first = bytes[altFrom]!;
  const isSingle = altTo - altFrom === 1;
  if (isSingle && first === star) return kind.overlap;
  if (isSingle && refTo - refFrom === 1)
    return first === dot || first === letterX || first === bytes[refFrom] ? 0 : pack(kind.snp, 1);
  if (first === less)
    return ['<X>', '<*>', '<NON_REF>'].some((text) => isAt(bytes, altFrom, altTo, text)) ? 0 : kind.other;
  if (first === opening || first === closing) return kind.breakend;
  let [r, a] = [refFrom, altFrom];
  while (r < refTo && a < altTo && upper(bytes[r]!) === upper(bytes[a]!)) {
    r++;
    a++;
  }
  const growth = altTo - altFrom - (refTo - refFrom);
  if (r === refTo && a < altTo)
    return bytes[a] === opening || bytes[a] === closing ? kind.breakend : pack(kind.indel, growth);
  if (r < refTo && a === altTo) return pack(kind.indel, growth);
  if (r === refTo) return 0;
  let [re, ae] = [refTo - 1, altTo - 1];
  while (re > r && ae > a && upper(bytes[re]!) === upper(bytes[ae]!)) {
    re--;
    ae--;
  }
  const isSame = upper(bytes[re]!) === upper(bytes[ae]!);
  if (ae === a) {
    if (re === r) return pack(kind.snp, 1);
    return isSame ? pack(kind.indel, r - re) : pack(kind.other, r - re);
  }
  if (re === r) return isSame ? pack(kind.indel, ae - a) : pack(kind.other, ae - a);
  return re - r === ae - a ? pack(kind.mnp, ae - a + 1) : pack(kind.other, 0);
}
