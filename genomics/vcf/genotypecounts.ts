/** How many of the wanted samples of a record have which kind of genotype, and how often each allele was called among them. */
import type { LineFault } from '../kernels/samline.ts';
import { genotype } from '../kernels/genotype.ts';
import { column, endOf, formatFinder, type Line, textOf } from '../kernels/vcfline.ts';
import { globalOf, type VcfTable } from '../kernels/vcftable.ts';
import { maxAlleles, sampleFault } from './samplecounts.ts';

/** Valid until the next record. Haploid genotypes count as homozygous; alleles of genotypes that are called in part count, too. */
export type GenotypeCounts = {
  readonly homRef: number;
  readonly het: number;
  readonly homAlt: number;
  /** Not called, or in part. */
  readonly missing: number;
  /** By allele, the reference first. */
  readonly alleles: Uint32Array;
};

/** `slots`: of each sample of the header whether it is wanted: not -1. */
export function createGenotypeCounter(
  table: VcfTable,
  slots: Int32Array,
): (line: Line) => GenotypeCounts | LineFault {
  const { exports } = table;
  const { memory } = exports;
  const slotsAt = table.reserve(4 * slots.length);
  new Int32Array(memory.buffer, slotsAt, slots.length).set(slots);
  const isAll = slots.every((slot) => slot >= 0);
  const find = formatFinder(['GT']);
  const [kindsAt, countsAt, foundAt] = [exports.kindsAt, exports.countsAt, exports.foundAt].map(globalOf);
  return (line) => {
    const alleles = line.altCount + 1;
    if (alleles > maxAlleles)
      return { field: 'ALT', found: `${line.altCount} alleles`, expected: `fewer than ${maxAlleles}` };
    const { bytes, at } = line;
    const text = table.text();
    const gt = find(bytes, at[column.format]!, endOf(line, column.format))[0]!;
    const code = exports.kinds(text + at[9]!, text + line.end, slotsAt, slots.length, isAll, gt, alleles);
    if (code !== 0) {
      const found = new Int32Array(memory.buffer, foundAt, 3);
      const shown = code > 4 ? '' : textOf(bytes, found[1]! - text, found[2]! - text);
      return sampleFault(code, found[0]!, shown, 0, 0, alleles, slots.length);
    }
    const kinds = new Int32Array(memory.buffer, kindsAt, 7);
    return {
      homRef: kinds[genotype.homRef]! + kinds[genotype.hapRef]!,
      het: kinds[genotype.het]! + kinds[genotype.hetAlt]!,
      homAlt: kinds[genotype.homAlt]! + kinds[genotype.hapAlt]!,
      missing: kinds[genotype.unknown]!,
      alleles: new Uint32Array(memory.buffer, countsAt, alleles),
    };
  };
}
