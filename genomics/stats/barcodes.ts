/** Counts the bases and qualities of barcodes, which samtools reads by the length and the separator of the first one it meets. */
import { tagTextEnd } from '../formats/tags.ts';
import { type Column, sumColumns } from './columns.ts';

/** Tags of barcodes, each followed by that of its qualities. */
export const barcodeTags = ['BC', 'QT', 'CR', 'CY', 'OX', 'BZ', 'RX', 'QX'] as const;

/**
 * Barcodes of one tag that are alike: as long, and with the first two letters other than A, C, G, T and N at the same places; -1 without
 * such. Which of their bases count is known when all have been met.
 */
export type BarcodeClass = {
  /** Place of the tag among the four. */
  readonly tag: number;
  readonly length: number;
  readonly separator: number;
  readonly second: number;
  /** A, C, G, T, N of each place. */
  readonly bases: Column;
  /** 256 qualities of each place, of barcodes that have as many qualities as bases. */
  readonly qualities: Column;
};

/** In the order in which the first one of each was met. */
export type Barcodes = { readonly classes: Map<string, BarcodeClass>; build(): readonly BarcodeClass[] };

export function createBarcodes(met: readonly BarcodeClass[] = []): Barcodes {
  const classes = new Map<string, BarcodeClass>();
  for (const next of met) {
    const key = `${next.tag} ${next.length} ${next.separator} ${next.second}`;
    const known = classes.get(key);
    classes.set(
      key,
      known
        ? {
            ...known,
            bases: sumColumns([known.bases, next.bases]),
            qualities: sumColumns([known.qualities, next.qualities]),
          }
        : next,
    );
  }
  return { classes, build: () => [...classes.values()] };
}

const codes = new Int8Array(256).fill(-1);
'ACGTN'.split('').forEach((letter, i) => (codes[letter.charCodeAt(0)] = i));

/** Adds the barcodes of a record whose tags were found, those of `barcodeTags` from `first` on. */
export function addBarcodes(
  { classes }: Barcodes,
  bytes: Uint8Array,
  found: Int32Array,
  first: number,
): void {
  for (let tag = 0; tag < 4; tag++) {
    const at = found[first + 2 * tag]!;
    if (at < 0) continue;
    const end = tagTextEnd(bytes, at);
    const length = end - at - 1;
    if (end < 0 || length === 0) continue;
    let [separator, second] = [-1, -1];
    for (let i = 0; i < length && second < 0; i++) {
      if (codes[bytes[at + 1 + i]!]! >= 0) continue;
      if (separator < 0) separator = i;
      else second = i;
    }
    const key = `${tag} ${length} ${separator} ${second}`;
    let known = classes.get(key);
    if (!known) {
      const [bases, qualities] = [new Float64Array(5 * length), new Float64Array(256 * length)];
      classes.set(key, (known = { tag, length, separator, second, bases, qualities }));
    }
    for (let i = 0; i < length; i++) {
      const code = codes[bytes[at + 1 + i]!]!;
      if (code >= 0) known.bases[5 * i + code]!++;
    }
    const quality = found[first + 2 * tag + 1]!;
    const stop = quality < 0 ? -1 : tagTextEnd(bytes, quality);
    if (stop - quality - 1 !== length) continue;
    for (let i = 0; i < length; i++) {
      const value = bytes[quality + 1 + i]! - 33;
      if (value >= 0) known.qualities[256 * i + value]!++;
    }
  }
}

/** What is reported of the barcodes of a tag. */
export type Barcode = {
  readonly tag: string;
  readonly qualityTag: string;
  readonly length: number;
  /** Place of the letter between two barcodes; -1 without one. */
  readonly separator: number;
  readonly bases: Column;
  readonly qualities: Column;
  readonly maxQuality: number;
};

/** The tags that have barcodes. */
export function barcodesOf(classes: readonly BarcodeClass[]): Barcode[] {
  const out: Barcode[] = [];
  for (let tag = 0; tag < 4; tag++) {
    const [first, ...others] = classes.filter((c) => c.tag === tag);
    if (!first) continue;
    const { length } = first;
    // Longer ones than the first do not count.
    const counted = [first, ...others].filter((c) => c.length <= length);
    const separator = counted.find((c) => c.separator >= 0)?.separator ?? -1;
    const bases = new Float64Array(5 * length);
    const qualities = new Float64Array(256 * length);
    for (const c of counted) {
      // One with a letter that is out of place counts up to it, and its qualities do not.
      const wrong = c.separator >= 0 && c.separator !== separator ? c.separator : c.second;
      const end = wrong >= 0 ? wrong : c.length;
      for (let i = 0; i < 5 * end; i++) bases[i]! += c.bases[i]!;
      if (wrong < 0) c.qualities.forEach((n, i) => (qualities[i]! += n));
    }
    let maxQuality = -1;
    qualities.forEach((n, i) => (maxQuality = n > 0 ? Math.max(maxQuality, i % 256) : maxQuality));
    out.push({
      tag: barcodeTags[2 * tag]!,
      qualityTag: barcodeTags[2 * tag + 1]!,
      length,
      separator,
      bases,
      qualities,
      maxQuality,
    });
  }
  return out;
}
