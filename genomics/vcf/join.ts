/** Records of one place as one record of several alternate alleles, as bcftools norm -m + has them (1.16). */
import { BadInput } from '../../core/errors.ts';
import type { VcfHeader } from '../formats/vcfheader.ts';
import { kind } from '../kernels/alleles.ts';
import { type AlleleSet, genotypeAt, isByAllele, placesOf, uniteAlleles } from './alleleset.ts';
import { highest } from './combine.ts';
import { candidateOf } from './matching.ts';

type Columns = readonly string[];
type Source = { readonly columns: Columns; readonly map: readonly number[] };

/** `both`: substitutions, and apart from them all others; `any`: all. */
export type Joining = 'both' | 'any';

/** Lines of one place, without their line feeds, to lines. @throws BadInput for records that do not go together */
export function joinLinesOf(lines: readonly string[], joining: Joining, header: VcfHeader): string[] {
  const records = lines.map((line) => {
    const columns = line.split('\t');
    return candidateOf(columns, columns[3]!, columns[4]!);
  });
  let first = records.filter(({ kinds }) => joining === 'any' || kinds === 0 || (kinds & kind.snp) !== 0);
  let others = records.filter((record) => !first.includes(record));
  // A site without alternate alleles goes with what is there.
  if (others.length > 0 && first.length === 1 && first[0]!.kinds === 0)
    [first, others] = [[], [...others, first[0]!]];
  return [first, others]
    .filter((group) => group.length > 0)
    .map((group) =>
      joined(
        group.map(({ record }) => record),
        header,
      ),
    );
}

function joined(rows: readonly Columns[], header: VcfHeader): string {
  const [first] = rows as readonly [Columns];
  if (rows.length === 1) return first.join('\t');
  const set: AlleleSet = [first[3]!];
  const sources = rows.map((columns): Source => {
    const alleles = columns[4] === '.' ? [columns[3]!] : [columns[3]!, ...columns[4]!.split(',')];
    const map = uniteAlleles(set, alleles);
    if (!map)
      throw new BadInput(
        `VCF: records of ${first[0]}:${first[1]} have ${set[0]!.slice(0, 20)} and ${columns[3]!.slice(0, 20)} as REF, expected the same bases; correct them, or leave out --join`,
      );
    return { columns, map };
  });
  const keys = first[8]?.split(':') ?? [];
  const samples = first
    .slice(9)
    .map((_, s) =>
      keys.map((key, k) =>
        key === 'GT' ? genotypeOf(sources, k, s) : valueOf(sources, key, s, set.length, header),
      ),
    );
  return [
    first[0]!,
    first[1]!,
    namesOf(rows),
    set[0]!,
    set.slice(1).join(',') || '.',
    highest(rows.map((row) => row[5]!)),
    filterOf(rows),
    infoOf(sources, set.length, header),
    ...(first.length > 8 ? [first[8]!, ...samples.map((values) => values.join(':'))] : []),
  ].join('\t');
}

/** Names that are not missing, each once. */
function namesOf(rows: readonly Columns[]): string {
  const names = [rows[0]![2]!];
  for (const row of rows.slice(1))
    if (row[2] !== '.' && !names.some((all) => all.split(';').includes(row[2]!))) names.push(row[2]!);
  return names.filter((name) => name !== '.').join(';') || '.';
}

/** All filters; PASS stays only with itself. */
function filterOf(rows: readonly Columns[]): string {
  const all = new Set<string>();
  for (const [i, row] of rows.entries())
    for (const one of row[6] === '.' ? [] : row[6]!.split(';')) if (i === 0 || one !== 'PASS') all.add(one);
  if (all.size > 1) all.delete('PASS');
  return [...all].join(';') || '.';
}

/** Of the first record's keys. */
function infoOf(sources: readonly Source[], alleles: number, { info }: VcfHeader): string {
  const [first] = sources;
  const text = first!.columns[7]!;
  if (text === '.') return text;
  const others = sources.map(
    ({ columns }) => new Map(columns[7]!.split(';').map((entry) => splitEntry(entry))),
  );
  return text
    .split(';')
    .map((entry) => {
      const [key] = splitEntry(entry);
      const field = info.get(key);
      if (!field || !isByAllele(field.number)) return entry;
      const lists = sources.map(({ map }, i) => ({ text: others[i]!.get(key), map }));
      return `${key}=${placed(lists, field.number, field.type, alleles, key, first!.columns)}`;
    })
    .join(';');
}

function splitEntry(entry: string): [string, string | undefined] {
  const equals = entry.indexOf('=');
  return equals < 0 ? [entry, undefined] : [entry.slice(0, equals), entry.slice(equals + 1)];
}

type List = { readonly text: string | undefined; readonly map: readonly number[] };

/** Values of all records where their alleles are; of numbers the last one counts, of texts the first. */
function placed(
  lists: readonly List[],
  number: string,
  type: string,
  alleles: number,
  key: string,
  columns: Columns,
): string {
  const isText = type === 'String' || type === 'Character';
  let all: string[] | undefined;
  let isHaploid = number === 'G';
  const values: { readonly at: readonly number[]; readonly texts: readonly string[] }[] = [];
  for (const { text, map } of lists) {
    if (text === undefined || text === '.') continue;
    const texts = text.split(',');
    const moved = placesOf(texts.length, number, map, alleles);
    if (!moved)
      throw new BadInput(
        `VCF: ${key} of ${columns[0]}:${columns[1]} has ${texts.length} values, expected as many as its alleles ask for; correct the record`,
      );
    if (moved.size !== alleles) isHaploid = false;
    values.push({ at: moved.places, texts });
    if (!all || moved.size > all.length)
      all = [...(all ?? []), ...Array.from({ length: moved.size - (all?.length ?? 0) }, () => '.')];
  }
  if (!all) return '.';
  if (number === 'G' && !isHaploid) {
    const size = genotypeAt(alleles - 1, alleles - 1) + 1;
    while (all.length < size) all.push('.');
  }
  for (const { at, texts } of values)
    texts.forEach((text, i) => {
      if (!(isText && (text === '.' || all[at[i]!] !== '.'))) all[at[i]!] = text;
    });
  return all.join(',');
}

function valueOf(
  sources: readonly Source[],
  key: string,
  sample: number,
  alleles: number,
  { format }: VcfHeader,
): string {
  const own = sources.map(({ columns, map }) => {
    const at = columns[8]!.split(':').indexOf(key);
    return { text: at < 0 ? undefined : columns[9 + sample]!.split(':')[at], map };
  });
  const field = format.get(key);
  if (!field || !isByAllele(field.number)) return own[0]!.text ?? '.';
  return placed(own, field.number, field.type, alleles, key, sources[0]!.columns);
}

/** The first record's genotype; alternate alleles of others take the first places that have none. */
function genotypeOf(sources: readonly Source[], key: number, sample: number): string {
  const text = (at: number): string => {
    const { columns } = sources[at]!;
    const k = at === 0 ? key : columns[8]!.split(':').indexOf('GT');
    return k < 0 ? '.' : (columns[9 + sample]!.split(':')[k] ?? '.');
  };
  const first = text(0);
  const alleles = first.split(/[/|]/);
  const marks = first.match(/[/|]/g) ?? [];
  for (const [i, { map, columns }] of sources.entries()) {
    if (i === 0) continue;
    for (const one of text(i).split(/[/|]/)) {
      if (one === '.' || one === '0' || one === '') continue;
      const allele = map[Number(one)];
      if (allele === undefined)
        throw new BadInput(
          `VCF: GT of ${columns[0]}:${columns[1]} is ${JSON.stringify(text(i).slice(0, 40))}, expected alleles up to ${map.length - 1}, as ALT has; correct the record`,
        );
      const open = alleles.findIndex((has) => has === '.' || has === '0');
      if (open < 0) continue;
      alleles[open] = String(allele);
      if (open > 0) marks[open - 1] = '/';
    }
  }
  return alleles.map((allele, i) => (i === 0 ? allele : `${marks[i - 1]}${allele}`)).join('');
}
