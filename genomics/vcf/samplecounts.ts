/** Counts of genotypes by sample: what `bcftools stats --samples` says of each (1.16). The kernel counts, this words its faults and takes the counts. */
import type { LineFault } from '../kernels/samline.ts';
import { column, endOf, formatFinder, isMissing, type Line, textOf } from '../kernels/vcfline.ts';
import { globalOf, type VcfTable } from '../kernels/vcftable.ts';
import { add, type Counters, deepest, longest, type SampleName } from './stats.ts';

const colon = 0x3a;
/** Alleles of a record, at most, as in BCF. */
export const maxAlleles = 65535;

/** What of a record's genotypes matters to the whole: how often each allele was called, in all samples; how many genotypes of those wanted are what. */
export type Found = {
  /** Whether the record has genotypes. */
  readonly has: boolean;
  readonly alleles: Uint32Array;
  readonly homRef: number;
  readonly het: number;
  readonly alt: number;
};

export type SampleCounter = {
  /** Sets an allele of the record: what it is, and its base. */
  setAllele(allele: number, packed: number, base: number): void;
  count(line: Line, alleles: number): Found | LineFault;
  /** Adds what was counted. */
  addTo(counters: Counters): void;
};

/** Where in a sample's counters each lies, in fours of bytes. */
const places: { readonly [name in SampleName]?: number } = {
  homAlt: 1,
  het: 2,
  transitions: 3,
  transversions: 4,
  indels: 5,
  singletons: 6,
  hapRef: 7,
  hapAlt: 8,
  missing: 9,
  insertionHets: 10,
  deletionHets: 11,
  insertionHoms: 12,
  deletionHoms: 13,
};
/** Larger growths are cut: they count as the longest anyway. */
const cut = (packed: number): number =>
  Math.abs(packed) < 2 ** 30 ? packed : Math.sign(packed) * 2 ** 30 + (packed & 255);

/** `slots`: of each sample of the header the place among those wanted, or -1; `wanted` how many these are. */
export function createSampleCounter(table: VcfTable, slots: Int32Array, wanted: number): SampleCounter {
  const { exports } = table;
  const { memory } = exports;
  const slotsAt = table.reserve(4 * slots.length);
  const byAt = table.reserve(64 * wanted);
  const depthsAt = table.reserve(4 * wanted);
  new Int32Array(memory.buffer, slotsAt, slots.length).set(slots);
  exports.layout(slotsAt, byAt, depthsAt);
  const isAll = slots.every((slot) => slot >= 0);
  const find = formatFinder(['GT', 'DP', 'AD']);
  const [packedAt, basesAt, countsAt, foundAt] = [
    globalOf(exports.packedAt),
    globalOf(exports.basesAt),
    globalOf(exports.countsAt),
    globalOf(exports.foundAt),
  ];
  // Made anew when the memory has grown.
  let views = {
    packed: new Int32Array(0),
    bases: new Int8Array(0),
    counts: new Uint32Array(0),
    found: new Int32Array(0),
  };
  const viewsOf = (): typeof views => {
    if (views.packed.buffer !== memory.buffer)
      views = {
        packed: new Int32Array(memory.buffer, packedAt, maxAlleles),
        bases: new Int8Array(memory.buffer, basesAt, maxAlleles),
        counts: new Uint32Array(memory.buffer, countsAt, maxAlleles),
        found: new Int32Array(memory.buffer, foundAt, 6),
      };
    return views;
  };
  return {
    setAllele(allele, packed, base) {
      const { packed: all, bases } = viewsOf();
      all[allele] = cut(packed);
      bases[allele] = base;
    },
    count(line, alleles) {
      const { bytes } = line;
      const [from, to] = [line.at[column.format]!, endOf(line, column.format)];
      const isBare = isMissing(line, from, to);
      const at = find(bytes, from, isBare ? from : to);
      let fields = 1;
      for (let i = from; i < to; i++) if (bytes[i] === colon) fields++;
      const text = table.text();
      const code = exports.count(
        text + line.at[9]!,
        text + line.end,
        slots.length,
        isAll,
        isBare ? 0xffff : fields,
        at[0]!,
        at[1]!,
        at[2]!,
        alleles,
      );
      const { counts, found } = viewsOf();
      if (code !== 0) {
        const shown = code === 1 || code > 4 ? '' : textOf(bytes, found[1]! - text, found[2]! - text);
        return sampleFault(code, found[0]!, shown, found[1]!, fields, alleles, slots.length);
      }
      return {
        has: at[0]! >= 0,
        alleles: counts,
        homRef: found[3]!,
        het: found[4]!,
        alt: found[5]!,
      };
    },
    addTo({ samples, histograms, fractions }) {
      const by = new Uint32Array(memory.buffer, byAt, 16 * wanted);
      const sums = new Float64Array(memory.buffer, byAt, 8 * wanted);
      const depths = new Uint32Array(memory.buffer, depthsAt, wanted);
      const genotyped = globalOf(exports.genotyped);
      for (const [name, place] of Object.entries(places)) {
        const column = samples[name as SampleName];
        for (let i = 0; i < wanted; i++) column[i] = by[16 * i + place]!;
      }
      for (let i = 0; i < wanted; i++) {
        samples.homRef[i] = genotyped - by[16 * i]!;
        samples.depth[i] = sums[8 * i + 7]!;
        samples.depths[i] = depths[i]!;
      }
      const bins = new Uint32Array(memory.buffer, globalOf(exports.depthsAt), deepest + 3);
      bins.forEach((n, bin) => n > 0 && add(histograms.depthGenotypes, bin - 1, n));
      const growths = 2 * longest + 1;
      const counted = new Uint32Array(memory.buffer, globalOf(exports.fractionsAt), growths);
      counted.forEach((n, at) => n > 0 && add(histograms.fractions, at - longest, n));
      const limbs = new Float64Array(memory.buffer, globalOf(exports.limbsAt), 3 * growths);
      fractions.high.set(limbs.subarray(0, growths));
      fractions.middle.set(limbs.subarray(growths, 2 * growths));
      fractions.low.set(limbs.subarray(2 * growths));
    },
  };
}

/** The fault of a sample, by its code in the kernel. */
export function sampleFault(
  code: number,
  sample: number,
  shown: string,
  given: number,
  fields: number,
  alleles: number,
  samples: number,
): LineFault {
  const of = ` of sample ${sample + 1}`;
  switch (code) {
    case 1:
      return {
        field: `the column${of}`,
        found: `${given} values`,
        expected: `at most ${fields}, as FORMAT has`,
      };
    case 2:
      return {
        field: `GT${of}`,
        found: JSON.stringify(shown),
        expected: 'numbers of alleles with / or | between',
      };
    case 3:
      return { field: `GT${of}`, found: shown, expected: `alleles up to ${alleles - 1}, as ALT has` };
    case 4:
      return { field: `DP${of}`, found: JSON.stringify(shown), expected: 'a whole number or .' };
    default:
      return {
        field: 'the line',
        found: `${code === 5 ? '' : 'more than '}${9 + sample} columns`,
        expected: `${9 + samples} of them, tabs between`,
      };
  }
}
