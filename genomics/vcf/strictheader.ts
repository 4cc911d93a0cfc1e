/** Whether the lines of a header are as the specification has them (VCF 4.3, 1.4). */
import { BadInput } from '../../core/errors.ts';
import { structured, type VcfHeader } from '../formats/vcfheader.ts';
import { reservedFormat, reservedInfo } from './reserved.ts';

type Fault = readonly [found: string, expected: string];

const types = /^(Integer|Float|Flag|Character|String)$/;
const url = /^<?(https?|ftp|file):\/\/(?=[^/]*[A-Za-z.])[^/:\s]+(:\d+)?(\/\S*)?>?$/;
const word = /^[A-Za-z0-9_-]+$/;
/** What stands between the brackets of each kind of line, in order, and how. */
const orders: { readonly [key: string]: readonly (readonly [string, RegExp, string])[] } = {
  INFO: [
    ['Number', /^(\d+|[ARGPM.]|LA|LR|LG)$/, 'a count, A, R, G or .'],
    ['Type', types, 'Integer, Float, Flag, Character or String'],
  ],
  FORMAT: [
    ['Number', /^(\d+|[ARGPM.]|LA|LR|LG)$/, 'a count, A, R, G or .'],
    ['Type', /^(Integer|Float|Character|String)$/, 'Integer, Float, Character or String'],
  ],
  META: [
    ['Number', /^(\d+|\.)$/, 'a count or .'],
    ['Type', types, 'a type'],
  ],
};
const described = new Set(['INFO', 'FORMAT', 'FILTER', 'ALT']);
const bracketed = new Set([...described, 'META', 'SAMPLE', 'PEDIGREE', 'contig']);

/** @throws BadInput with the line */
export function checkHeader({ lines, samples, version }: VcfHeader, name: string): void {
  lines.forEach((line, i) => {
    const fault = line.startsWith('##') ? faultOf(line.replace(/\r$/, ''), version) : undefined;
    if (fault)
      throw new BadInput(
        `VCF: line ${i + 1} of ${name}: found ${fault[0]}, expected ${fault[1]}; correct the header`,
      );
  });
  if (samples.length === 0 && lines.at(-1)!.includes('FORMAT'))
    throw new BadInput(
      `VCF: line ${lines.length} of ${name}: found FORMAT without a sample, expected samples behind it; correct the header`,
    );
}

function faultOf(line: string, version: number): Fault | undefined {
  const shown = JSON.stringify(line.slice(0, 60));
  const match = /^##([^=]+)=(.+)$/.exec(line);
  if (!match) return [shown, '##key=value'];
  const [, key, value] = match as unknown as [string, string, string];
  if ((key === 'assembly' || key === 'pedigreeDB') && !url.test(value)) return [shown, 'a URL'];
  if (!bracketed.has(key))
    return value.startsWith('<') && !value.endsWith('>') ? [shown, 'a closing >'] : undefined;
  // Pedigrees were put without ID before.
  if (key === 'PEDIGREE' && version < 4.3) return undefined;
  const values = structured(value);
  if (!values) return [shown, `##${key}=<ID=...>`];
  for (const inner of values.keys())
    if (!/^[A-Za-z0-9_]+$/.test(inner)) return [`the key ${JSON.stringify(inner)}`, 'letters and digits'];
  const names = [...values.keys()];
  const id = values.get('ID');
  if (id === undefined || names[0] !== 'ID') return [shown, `ID first in ##${key}`];
  const quotes = new RegExp(`[<,]\\s*Description="`).test(value);
  if (described.has(key) && !quotes) return [shown, 'a Description in double quotes'];
  for (const [place, [inner, pattern, expected]] of (orders[key] ?? []).entries()) {
    if (names[place + 1] !== inner) return [shown, `${inner} in place ${place + 2}`];
    if (!pattern.test(values.get(inner)!)) return [`${inner}=${values.get(inner)}`, expected];
  }
  return idFault(key, id, values, value, version);
}

function idFault(
  key: string,
  id: string,
  values: ReadonlyMap<string, string>,
  text: string,
  version: number,
): Fault | undefined {
  const shown = `ID ${JSON.stringify(id)}`;
  switch (key) {
    case 'INFO':
    case 'FORMAT': {
      const rule = (key === 'INFO' ? reservedInfo : reservedFormat).get(id);
      // Counts of reads by allele are of 4.3.
      if (!rule || (version < 4.3 && /^AD[FR]?$/.test(id))) return undefined;
      const [number, type] = [values.get('Number')!, values.get('Type')!];
      if (number !== rule.number) return [`Number=${number} of ${id}`, rule.number];
      if (rule.type !== '' && type !== rule.type) return [`Type=${type} of ${id}`, rule.type];
      return undefined;
    }
    case 'ALT':
      if (values.has('Number') || values.has('Type'))
        return [`a Number or Type of ALT ${id}`, 'ID and Description'];
      if (/[\s,<>]/.test(id)) return [shown, 'no blanks, commas and brackets'];
      if (id.includes(':') && !/^(DEL|INS|DUP|INV|CNV|BND)(:|$)/.test(id))
        return [shown, 'DEL, INS, DUP, INV or CNV in front of a colon'];
      return undefined;
    case 'META':
      return /[<,]\s*Values=\[[^\]]*\]/.test(text) ? undefined : [shown, 'Values=[...]'];
    case 'contig':
      // HLA alleles have their own names, and before 4.3 a star was none of the letters that do not stand.
      return /^([^\s,<>:*]+|HLA-[^\s,<>]+)$/.test(id) || (version < 4.3 && /^[^\s,<>:]+$/.test(id))
        ? undefined
        : [shown, 'a name without blanks, commas, colons, stars and brackets'];
    case 'SAMPLE':
      if (version < 4.3 && !values.has('Genomes')) return [shown, 'its Genomes'];
      if (version < 4.3 && /="/.test(text.replace(/Description="/, '')))
        return [shown, 'quotes around the Description alone'];
      return word.test(id) ? undefined : [shown, 'letters, digits and _'];
    case 'PEDIGREE':
      for (const [inner, value] of values)
        if (!word.test(value)) return [`${inner}=${value}`, 'letters, digits and _'];
      return undefined;
    default:
      return /\s/.test(id) ? [shown, 'no blanks'] : undefined;
  }
}
