/** A record of several alternate alleles as one record each, with the values that belong to it, as bcftools norm -m - has them (1.16). */
import type { VcfHeader } from '../formats/vcfheader.ts';
import { genotypeAt } from './alleleset.ts';

/** The columns of a line; of the samples any number, or all in one text. */
export type Row = readonly string[];

/** Gives one row for each alternate allele; a row of one, or of none, as it is. */
export function splitRow(row: Row, header: VcfHeader): Row[] {
  const alts = row[4]!.split(',');
  if (alts.length < 2) return [row];
  const ids = row[2]!.split(';');
  const keys = row[8]?.split(':') ?? [];
  return alts.map((alt, i) => {
    const info = row[7] === '.' ? '.' : splitInfo(row[7]!, i, alts.length, header);
    const samples = row
      .slice(9)
      .flatMap((text) => text.split('\t'))
      .map((sample) => splitSample(sample, keys, i, alts.length, header));
    return [
      ...row.slice(0, 2),
      ids.length === alts.length ? ids[i]! : row[2]!,
      row[3]!,
      alt,
      ...row.slice(5, 7),
      info,
      ...(row.length > 8 ? [row[8]!, ...samples] : []),
    ];
  });
}

function splitInfo(text: string, alt: number, alts: number, { info }: VcfHeader): string {
  return text
    .split(';')
    .map((entry) => {
      const equals = entry.indexOf('=');
      const number = equals < 0 ? undefined : info.get(entry.slice(0, equals))?.number;
      if (number === undefined) return entry;
      const values = entry.slice(equals + 1).split(',');
      return `${entry.slice(0, equals)}=${chosen(values, number, alt, alts, false).join(',')}`;
    })
    .join(';');
}

/** The values that go with an alternate allele; of other numbers of them than there should be all. */
function chosen(
  values: readonly string[],
  number: string,
  alt: number,
  alts: number,
  mayBeHaploid: boolean,
): readonly string[] {
  if (number === 'A') return values.length === alts ? [values[alt]!] : values;
  if (number === 'R') return values.length === alts + 1 ? [values[0]!, values[alt + 1]!] : values;
  if (number !== 'G') return values;
  if (values.length === genotypeAt(alts, alts) + 1)
    return [values[0]!, values[genotypeAt(0, alt + 1)]!, values[genotypeAt(alt + 1, alt + 1)]!];
  return mayBeHaploid && values.length === alts + 1 ? [values[0]!, values[alt + 1]!] : values;
}

function splitSample(
  text: string,
  keys: readonly string[],
  alt: number,
  alts: number,
  { format }: VcfHeader,
): string {
  return text
    .split(':')
    .map((value, k) => {
      // Other alternate alleles count as the reference.
      if (keys[k] === 'GT')
        return value.replace(/\d+/g, (allele) => (Number(allele) === alt + 1 ? '1' : '0'));
      const number = format.get(keys[k]!)?.number;
      return number === undefined ? value : chosen(value.split(','), number, alt, alts, true).join(',');
    })
    .join(':');
}
