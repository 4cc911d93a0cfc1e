/** Whether records are as the specification has them (VCF 4.3, 1.6): each on its own, and in their order. */
import type { VcfHeader, Field } from '../formats/vcfheader.ts';
import type { LineFault } from '../kernels/samline.ts';
import { column, endOf, type Line, readLine, textOf } from '../kernels/vcfline.ts';
import { reservedFormat, reservedInfo, type Rule } from './reserved.ts';

const bases = /^[ACGTNacgtn]+$/;
const integer = /^-?\d+$/;
const float = /^[+-]?((\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|inf(inity)?|nan)$/i;
const breakend = /^([ACGTNacgtn.]*)([[\]])(<?[^\s,:[\]<>]+>?):(\d+)\2([ACGTNacgtn.]*)$/;
const infoKey = /^([A-Za-z_][0-9A-Za-z_.]*|1000G)$/;
/** Records that are nearer than this are looked at for being the same. */
const near = 1000;

/** How many values a key has; undefined for any number. */
function countOf(number: string, alts: number, ploidy: number): number | undefined {
  const alleles = alts + 1;
  if (number === 'A') return alts;
  if (number === 'R') return alleles;
  if (number === 'G')
    return ploidy === 1 ? alleles : ploidy === 2 ? (alleles * (alleles + 1)) / 2 : undefined;
  return /^\d+$/.test(number) ? Number(number) : undefined;
}

function valueFault(
  value: string,
  type: Field['type'] | '',
  pattern: RegExp | undefined,
): string | undefined {
  if (value === '.') return undefined;
  if (/\s/.test(value)) return 'no blanks';
  if (pattern && !pattern.test(value)) return 'a value as the specification has it';
  if (type === 'Integer') {
    const number = Number(value);
    // The lowest eight are kept for what is missing (6.3.3).
    if (!integer.test(value) || number > 2147483647 || number < -2147483640)
      return 'a whole number of 32 bits';
  }
  if (type === 'Float' && !float.test(value)) return 'a number';
  if (type === 'Character' && Array.from(Buffer.from(value, 'latin1').toString()).length !== 1)
    return 'one character';
  return undefined;
}

export function createStrictReader({
  samples,
  info,
  format,
  version,
}: VcfHeader): (line: Line) => LineFault | undefined {
  const seen = new Set<string>();
  let [contig, last] = ['', 0];
  let recent = new Map<string, number>();

  const checkOrder = (chrom: string, pos: number): LineFault | undefined => {
    if (chrom !== contig) {
      if (seen.has(chrom))
        return { field: 'CHROM', found: `${chrom} again`, expected: 'its records together' };
      seen.add(chrom);
      contig = chrom;
      last = 0;
      recent = new Map();
    }
    if (pos < last) return { field: 'POS', found: `${pos} behind ${last}`, expected: 'records in order' };
    last = pos;
    return undefined;
  };
  const checkTwice = (pos: number, ref: string, alts: readonly string[]): LineFault | undefined => {
    for (const [key, at] of recent) if (at < pos - near) recent.delete(key);
    const own = alts.filter((alt) => bases.test(alt)).map((alt) => trimmed(pos, ref, alt));
    const twice = own.find((key, i) => recent.has(key) || own.indexOf(key) !== i);
    for (const key of own) recent.set(key, pos);
    return twice === undefined
      ? undefined
      : { field: 'the allele', found: `${twice} again`, expected: 'each once' };
  };

  return (line) => {
    const fault = readLine(line, samples.length);
    if (fault) return fault;
    const text = (of: number): string => textOf(line.bytes, line.at[of]!, endOf(line, of));
    const bad = (field: string, found: string, expected: string): LineFault => ({
      field,
      found: found === '' ? 'empty' : JSON.stringify(found.slice(0, 40)),
      expected,
    });
    const chrom = text(column.chrom);
    if (!/^(<[^\s,<>:]+>|[^\s,<>:*]+|HLA-[^\s,<>]+)$/.test(chrom))
      return bad('CHROM', chrom, 'a name without blanks, commas, colons, stars and brackets');
    const id = text(column.id);
    const ids = id.split(';');
    if (/\s/.test(id) || ids.includes('') || (version >= 4.3 && new Set(ids).size < ids.length))
      return bad('ID', id, 'names with ; between, each once');
    const ref = text(column.ref);
    if (!bases.test(ref)) return bad('REF', ref, 'A, C, G, T or N');
    const alt = text(column.alt);
    const alts = alt === '.' ? [] : alt.split(',');
    const odd = alts.find((one) => !isAllele(one));
    if (odd !== undefined) return bad('ALT', odd, 'bases, *, <ID> or a breakend');
    const qual = text(column.qual);
    if (qual !== '.' && (!float.test(qual) || Number(qual) < 0))
      return bad('QUAL', qual, 'a number from 0 on, or .');
    const filter = text(column.filter);
    const filters = filter.split(';');
    if (
      /\s/.test(filter) ||
      filters.some((one) => one === '' || one === '0') ||
      (filters.length > 1 && filters.includes('.')) ||
      new Set(filters).size < filters.length
    )
      return bad('FILTER', filter, 'PASS, . or names with ; between, each once');
    return (
      checkOrder(chrom.replace(/^<|>$/g, ''), line.pos) ??
      checkTwice(line.pos, ref, alts) ??
      infoFault(text(column.info), alts.length, info) ??
      (samples.length > 0 ? sampleFault(line, text(column.format), alts.length, format, version) : undefined)
    );
  };
}

const isAllele = (allele: string): boolean =>
  bases.test(allele) ||
  allele === '*' ||
  /^<[^\s,<>]+>$/.test(allele) ||
  /^(\.[ACGTNacgtn]+|[ACGTNacgtn]+\.)$/.test(allele) ||
  isBreakend(allele);

/** Bases, or a point, on one side of a place in brackets. */
function isBreakend(allele: string): boolean {
  const match = breakend.exec(allele);
  return match !== null && (match[1] === '') !== (match[5] === '');
}

/** An allele without what it shares with the reference at its ends. */
function trimmed(pos: number, ref: string, alt: string): string {
  let [at, r, a] = [pos, ref.toUpperCase(), alt.toUpperCase()];
  while (r.length > 1 && a.length > 1 && r.at(-1) === a.at(-1)) [r, a] = [r.slice(0, -1), a.slice(0, -1)];
  while (r.length > 1 && a.length > 1 && r[0] === a[0]) [at, r, a] = [at + 1, r.slice(1), a.slice(1)];
  return `${at} ${r}>${a}`;
}

function infoFault(text: string, alts: number, info: ReadonlyMap<string, Field>): LineFault | undefined {
  if (text === '.') return undefined;
  const keys = new Set<string>();
  for (const entry of text.split(';')) {
    const equals = entry.indexOf('=');
    const key = equals < 0 ? entry : entry.slice(0, equals);
    const bad = (found: string, expected: string): LineFault => ({
      field: `INFO ${key}`,
      found: JSON.stringify(found.slice(0, 40)),
      expected,
    });
    if (!infoKey.test(key)) return bad(entry, 'a key of letters, digits, _ and .');
    if (keys.has(key)) return bad(entry, 'each key once');
    keys.add(key);
    const defined: Rule | undefined = info.get(key);
    const reserved = reservedInfo.get(key);
    const { number, type } = defined ?? reserved ?? { number: '.', type: '' as const };
    if (equals < 0) continue;
    const values = entry.slice(equals + 1).split(',');
    if (type === 'Flag') {
      if (!/^[01]$/.test(values.join(','))) return bad(entry, 'a flag without a value');
      continue;
    }
    // Of genotypes there is none here; without alternate alleles nothing is by these.
    const count = number === 'G' || (alts === 0 && number === 'A') ? undefined : countOf(number, alts, 2);
    const isMissing = values.length === 1 && values[0] === '.';
    // Text in quotes is one value, whatever stands in it.
    const isQuoted = values[0]!.startsWith('"');
    if (count !== undefined && values.length !== count && !isMissing && !isQuoted)
      return bad(values.join(','), `${count} values, as Number=${number} says`);
    for (const value of values) {
      const expected = value === '' ? 'a value' : valueFault(value, type, reserved?.pattern);
      if (expected) return bad(value, expected);
    }
  }
  return undefined;
}

function sampleFault(
  line: Line,
  keysText: string,
  alts: number,
  format: ReadonlyMap<string, Field>,
  version: number,
): LineFault | undefined {
  const keys = keysText.split(':');
  if (
    keysText !== '.' &&
    (keys.some((key) => !/^[A-Za-z_][0-9A-Za-z_.]*$/.test(key)) || new Set(keys).size < keys.length)
  )
    return {
      field: 'FORMAT',
      found: JSON.stringify(keysText.slice(0, 40)),
      expected: 'keys with : between, each once',
    };
  if (keys.indexOf('GT') > 0)
    return { field: 'FORMAT', found: JSON.stringify(keysText), expected: 'GT first' };
  const columns = textOf(line.bytes, line.at[9]!, line.end).split('\t');
  for (const [i, text] of columns.entries()) {
    const values = text.split(':');
    const bad = (key: string, found: string, expected: string): LineFault => ({
      field: `${key} of sample ${i + 1}`,
      found: JSON.stringify(found.slice(0, 40)),
      expected,
    });
    if (values.length > keys.length && keysText !== '.')
      return bad('the column', text, `at most ${keys.length} values, as FORMAT has`);
    let ploidy = 2;
    for (const [k, value] of values.entries()) {
      const key = keys[k]!;
      if (key === 'GT') {
        const pattern = version >= 4.4 ? /^[/|]?(\d+|\.)([/|](\d+|\.))*$/ : /^(\d+|\.)([/|](\d+|\.))*$/;
        if (!pattern.test(value)) return bad('GT', value, 'numbers of alleles with / or | between');
        const alleles = value.split(/[/|]/).filter(Boolean);
        ploidy = alleles.length;
        const high = alleles.find((allele) => Number(allele) > alts);
        if (high !== undefined) return bad('GT', value, `alleles up to ${alts}, as ALT has`);
        continue;
      }
      if (value === '.' || keysText === '.') continue;
      const { number, type } = format.get(key) ??
        reservedFormat.get(key) ?? { number: '.', type: '' as const };
      const list = value.split(',');
      // Without alternate alleles some writers leave values of a genotype that is not there.
      const count = alts === 0 && number === 'G' ? undefined : countOf(number, alts, ploidy);
      if (count !== undefined && list.length !== count)
        return bad(key, value, `${count} values, as Number=${number} says`);
      for (const one of list) {
        // Since 4.5 a list may be empty.
        const mayBeEmpty = version >= 4.5 && list.length === 1;
        const expected = one === '' ? (mayBeEmpty ? undefined : 'a value') : valueFault(one, type, undefined);
        if (expected) return bad(key, one, expected);
      }
    }
  }
  return undefined;
}
