/** Lines of some of their samples, with AC and AN counted anew, as bcftools view has them. */
import type { VcfHeader } from '../formats/vcfheader.ts';
import { type Genotype, readGenotype } from '../kernels/genotype.ts';
import { column, endOf, formatFinder, type Line, textOf } from '../kernels/vcfline.ts';
import type { Wanted } from './samples.ts';

const tab = 9;

/** Gives the line of the samples wanted, with its line feed. */
export function createSubsetter(header: VcfHeader, { names, slots }: Wanted): (line: Line) => Uint8Array {
  const starts = new Int32Array(names.length);
  const stops = new Int32Array(names.length);
  const find = formatFinder(['GT']);
  const gt: Genotype = { kind: 0, low: 0, high: 0, most: 0 };
  return (line) => {
    const { bytes, at, altCount } = line;
    let start = at[9]!;
    for (let i = 0; i < header.samples.length; i++) {
      let stop = bytes.indexOf(tab, start);
      if (stop < 0 || stop > line.end) stop = line.end;
      const slot = slots[i]!;
      if (slot >= 0) {
        starts[slot] = start;
        stops[slot] = stop;
      }
      start = stop + 1;
    }
    const place = find(bytes, at[column.format]!, endOf(line, column.format))[0]!;
    const counts = new Float64Array(altCount + 1);
    if (place === 0)
      for (let slot = 0; slot < names.length; slot++) {
        const colon = bytes.indexOf(0x3a, starts[slot]!);
        const stop = colon < 0 || colon > stops[slot]! ? stops[slot]! : colon;
        readGenotype(gt, bytes, starts[slot]!, stop, counts);
      }
    const info = textOf(bytes, at[column.info]!, endOf(line, column.info));
    const columns = [
      textOf(bytes, at[0]!, at[column.info]! - 1),
      place === 0 ? recounted(info, counts) : info,
      textOf(bytes, at[column.format]!, endOf(line, column.format)),
      ...names.map((_, slot) => textOf(bytes, starts[slot]!, stops[slot]!)),
    ];
    return Buffer.from(`${columns.join('\t')}\n`, 'latin1');
  };
}

/** INFO with AC and AN of the counts; where they stand already, or at its end. */
function recounted(info: string, counts: Float64Array): string {
  const values: { readonly [key: string]: string } = {
    ...(counts.length > 1 ? { AC: counts.subarray(1).join(',') } : {}),
    AN: String(counts.reduce((sum, n) => sum + n, 0)),
  };
  const entries = info === '.' ? [] : info.split(';');
  const keys = new Set(entries.map((entry) => entry.split('=')[0]));
  return [
    ...entries.map((entry) => {
      const key = entry.split('=')[0]!;
      return Object.hasOwn(values, key) ? `${key}=${values[key]}` : entry;
    }),
    ...Object.entries(values)
      .filter(([key]) => !keys.has(key))
      .map(([key, value]) => `${key}=${value}`),
  ].join(';');
}

/** The header of the samples wanted; AC and AN are defined where they were not. */
export function subsetHeader({ lines, info }: VcfHeader, names: readonly string[]): string {
  const columns = lines.at(-1)!.replace(/\r$/, '').split('\t').slice(0, 9);
  const added = [
    ...(info.has('AC')
      ? []
      : ['##INFO=<ID=AC,Number=A,Type=Integer,Description="Alleles called, by alternate allele">']),
    ...(info.has('AN') ? [] : ['##INFO=<ID=AN,Number=1,Type=Integer,Description="Alleles called">']),
  ];
  return `${[...lines.slice(0, -1), ...added, [...columns, ...names].join('\t')].join('\n')}\n`;
}
