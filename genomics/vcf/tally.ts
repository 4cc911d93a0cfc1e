/** Counts the records of a VCF as `bcftools stats` does (1.16). */
import type { TakeLine } from '../formats/vcffile.ts';
import type { Region } from '../formats/vcfindex.ts';
import type { VcfHeader } from '../formats/vcfheader.ts';
import { alleleOf, growthOf, kind, kindOf } from '../kernels/alleles.ts';
import { column, endOf, infoFinder, type Line, readLine, readQual } from '../kernels/vcfline.ts';
import type { VcfTable } from '../kernels/vcftable.ts';
import { integersOf } from '../kernels/vcfvalues.ts';
import { regionTest } from './regions.ts';
import { lastBase } from './selection.ts';
import { createSampleCounter, type Found, maxAlleles } from './samplecounts.ts';
import type { Wanted } from './samples.ts';
import { createCounters, depthBin, increment, longest, type Stats, statsOf } from './stats.ts';

/** Bins of allele frequency: one for alleles seen once, then 0 to 1 in as many steps as there are samples, 100 at least. */
export const frequencyBins = (samples: number): number => Math.max(101, samples + 1);
/** Bins of heterozygous genotypes, of each of those. */
export const hetBins = 100;

const baseOf = (byte: number): number => 'ACGT'.indexOf(String.fromCharCode(byte >= 97 ? byte - 32 : byte));

/** Quality as a bin: 0 for none, then 1 and ten times it; larger ones share bins of five digits. */
function qualityBin(quality: number): number {
  if (Number.isNaN(quality) || quality < 0) return 0;
  const tens = Math.fround(Math.fround(quality) * 10);
  // As the conversion of a number too large for 32 bits turns out on x86.
  const value = (1 + (tens < 2 ** 31 ? Math.trunc(tens) : -(2 ** 31))) >>> 0;
  if (value <= exactQualities) return value;
  const power = Math.trunc(Math.log10(value));
  const level = power - 4;
  return exactQualities + 90_000 * (level - 1) + Math.trunc((value - 10 ** power) / 10 ** level);
}
const exactQualities = 100_000;

/** What the lowest quality of a bin is; NaN for none. */
export function qualityOf(bin: number): number {
  if (bin === 0) return NaN;
  if (bin < exactQualities) return 0.1 * (bin - 1);
  const level = Math.floor((bin - exactQualities) / 90_000) + 1;
  return 0.1 * (10 ** (level + 4) + 10 ** level * (bin - exactQualities - 90_000 * (level - 1)) - 1);
}

/** `regions`: only of records that overlap any. */
export function createTally(
  header: VcfHeader,
  { slots, names }: Wanted,
  table: VcfTable,
  regions?: readonly Region[],
): { readonly take: TakeLine; readonly stats: () => Stats } {
  const counters = createCounters(names.length);
  const { totals, histograms } = counters;
  const samples = header.samples.length;
  const alleles = { packed: new Float64Array(maxAlleles), base: new Int8Array(maxAlleles), count: 0 };
  const find = infoFinder(['AN', 'AC', 'DP']);
  const hasDepth = header.info.get('DP')?.type === 'Integer';
  // What is no number to the header tells no frequency, although it stands there.
  const hasCounts = header.info.get('AC')?.type === 'Integer';
  const counter = names.length > 0 ? createSampleCounter(table, slots, names.length) : undefined;
  const values = new Float64Array(maxAlleles);
  const bins = frequencyBins(samples);
  /** Bin of frequency of each allele. */
  const binOf = new Int32Array(maxAlleles);

  const isWithin = regions && regionTest(regions, lastBase);

  const readKinds = (line: Line): number => {
    const { bytes, at, alts, altCount } = line;
    const [from, to] = [at[column.ref]!, endOf(line, column.ref)];
    alleles.count = altCount + 1;
    alleles.base[0] = baseOf(bytes[from]!);
    counter?.setAllele(0, 0, alleles.base[0]!);
    let kinds = 0;
    for (let k = 0; k < altCount; k++) {
      const packed = alleleOf(bytes, from, to, alts[2 * k]!, alts[2 * k + 1]!);
      alleles.packed[k + 1] = packed;
      alleles.base[k + 1] = baseOf(bytes[alts[2 * k]!]!);
      counter?.setAllele(k + 1, packed, alleles.base[k + 1]!);
      kinds |= kindOf(packed);
    }
    return kinds;
  };

  /** By AN and AC of INFO, or by the genotypes. */
  const setFrequencies = (bytes: Uint8Array, at: Int32Array, found: Found | undefined): void => {
    const { count } = alleles;
    binOf.fill(0, 0, count);
    let total = NaN;
    if (at[0]! >= 0 && at[2]! >= 0) {
      if (!hasCounts) return;
      if (integersOf(bytes, at[0]!, at[1]!, values) === 1) total = values[0]!;
    }
    let of: Float64Array | Uint32Array = values;
    if (total >= 0) {
      if (integersOf(bytes, at[2]!, at[3]!, values.subarray(1)) !== count - 1) return;
    } else {
      if (!found?.has) return;
      of = found.alleles;
      total = 0;
      for (let i = 0; i < count; i++) total += of[i]!;
    }
    for (let i = 1; i < count; i++) {
      if (of[i] === 1) continue;
      const part = Math.fround(of[i]! / total);
      binOf[i] = total > 0 && part > 0 ? 1 + Math.trunc(Math.fround(Math.min(1, part) * (bins - 2))) : 1;
    }
  };

  const countSnps = (quality: number): void => {
    totals.snps++;
    const reference = alleles.base[0]!;
    if (reference < 0) return;
    for (let i = 1; i < alleles.count; i++) {
      const base = alleles.base[i]!;
      if (!(kindOf(alleles.packed[i]!) & kind.snp) || base < 0 || base === reference) continue;
      increment(histograms.substitutions, 4 * reference + base);
      increment(histograms.afSnps, binOf[i]!);
      const isTransition = Math.abs(reference - base) === 2;
      increment(isTransition ? histograms.afTransitions : histograms.afTransversions, binOf[i]!);
      if (i > 1) continue;
      totals[isTransition ? 'transitionsFirst' : 'transversionsFirst']++;
      increment(
        isTransition ? histograms.qualTransitions : histograms.qualTransversions,
        qualityBin(quality),
      );
    }
  };

  const countIndels = (quality: number): void => {
    totals.indels++;
    increment(histograms.qualIndels, qualityBin(quality));
    for (let i = 1; i < alleles.count; i++) {
      const packed = alleles.packed[i]!;
      if (!(kindOf(packed) & kind.indel)) continue;
      increment(histograms.afIndels, binOf[i]!);
      const growth = growthOf(packed);
      increment(
        growth < 0 ? histograms.deletions : histograms.insertions,
        Math.min(longest, Math.abs(growth)),
      );
    }
  };

  const take: TakeLine = (line) => {
    const fault = readLine(line, samples);
    if (fault) return fault;
    if (isWithin && !isWithin(line)) return undefined;
    if (line.altCount >= maxAlleles)
      return { field: 'ALT', found: `${line.altCount} alleles`, expected: `fewer than ${maxAlleles}` };
    const quality = readQual(line);
    if (typeof quality !== 'number') return quality;
    const kinds = readKinds(line);
    const found = counter?.count(line, alleles.count);
    if (found && 'field' in found) return found;
    const { bytes } = line;
    const at = find(bytes, line.at[column.info]!, endOf(line, column.info));
    setFrequencies(bytes, at, found);
    totals.records++;
    if (kinds === 0) totals.noAlts++;
    if (kinds & kind.snp) countSnps(quality);
    if (kinds & kind.indel) countIndels(quality);
    if (kinds & kind.mnp) totals.mnps++;
    if (kinds & kind.other) totals.others++;
    if (alleles.count > 2) {
      totals.multiallelic++;
      if (kinds === kind.snp) totals.multiallelicSnps++;
    }
    if (found && found.homRef + found.het + found.alt > 0) {
      const part = Math.fround(found.het / (found.homRef + found.het + found.alt));
      const bin = Math.trunc(Math.fround(part * (hetBins - 1)));
      increment(histograms.hets, bin + (alleles.count > 1 ? hetBins * binOf[1]! : 0));
    }
    if (hasDepth && at[4]! >= 0 && integersOf(bytes, at[4]!, at[5]!, values) === 1)
      increment(histograms.depthSites, Number.isNaN(values[0]!) ? -1 : depthBin(values[0]!));
    return undefined;
  };
  return {
    take,
    stats() {
      counter?.addTo(counters);
      return statsOf(counters);
    },
  };
}
