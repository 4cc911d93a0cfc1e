/** One record of records of several files, with the samples of all, as bcftools merge has it (1.16). */
import { BadInput } from '../../core/errors.ts';
import type { VcfHeader } from '../formats/vcfheader.ts';
import { isByAllele, placesOf, replaced, trimmed } from './alleleset.ts';
import type { Match } from './matching.ts';
import type { PlacedRecord } from './placed.ts';

export type Combiner = {
  /** Of the result. */
  readonly header: VcfHeader;
  /** How many each file has. */
  readonly samples: readonly number[];
  /** The genotypes of a file without the record are those of the reference, not missing. */
  readonly missingIsReference: boolean;
};

/** What is summed over files, in the order in which it is written. */
const summed = ['DP', 'DP4'];

type Chosen = Match<PlacedRecord>['chosen'][number];
/** With maps to the alleles that the record keeps. */
type Source = { readonly record: PlacedRecord; readonly map: readonly number[] } | undefined;

/** Gives the line, without its line feed. */
export function combine(match: Match<PlacedRecord>, combiner: Combiner): string {
  const { alleles, sources } = keptAlleles(match);
  const present = sources.filter((source) => source !== undefined);
  const first = present[0]!.record.columns;
  const counts = new Float64Array(alleles.length);
  const genotypes =
    combiner.header.samples.length > 0 ? genotypesOf(sources, alleles.length, counts, combiner) : undefined;
  const info = infoOf(present, alleles.length, combiner);
  if (genotypes?.hasCalls) {
    info.push(`AN=${counts.reduce((sum, n) => sum + n, 0)}`);
    if (alleles.length > 1) info.push(`AC=${counts.subarray(1).join(',')}`);
  }
  const shown = trimmed(alleles);
  return [
    first[0]!,
    first[1]!,
    joined(present.map(({ record }) => record.columns[2]!)),
    shown[0]!,
    shown.slice(1).join(',') || '.',
    highest(present.map(({ record }) => record.columns[5]!)),
    filterOf(present.map(({ record }) => record.columns[6]!)),
    info.join(';') || '.',
    ...(genotypes ? [genotypes.format, genotypes.text] : []),
  ].join('\t');
}

/** Alleles that one of the records has; of all that was matched at the place some may be of other records. */
function keptAlleles({ alleles, chosen }: Match<PlacedRecord>): {
  readonly alleles: readonly string[];
  readonly sources: readonly Source[];
} {
  const used = new Set<number>([0]);
  for (const one of chosen) for (const at of one?.map ?? []) used.add(at);
  const kept = alleles.map((_, i) => i).filter((i) => used.has(i));
  return {
    alleles: kept.map((i) => alleles[i]!),
    sources: chosen.map(
      (one: Chosen): Source => one && { record: one.record, map: one.map.map((at) => kept.indexOf(at)) },
    ),
  };
}

/** Texts that are not `.`, each once. */
const joined = (texts: readonly string[]): string =>
  [...new Set(texts.filter((text) => text !== '.'))].join(';') || '.';

/** The largest of some qualities, as it is written. */
export function highest(texts: readonly string[]): string {
  let found = '.';
  for (const text of texts) if (text !== '.' && (found === '.' || Number(text) > Number(found))) found = text;
  return found;
}

function filterOf(texts: readonly string[]): string {
  const all = new Set(texts.flatMap((text) => (text === '.' ? [] : text.split(';'))));
  if (all.size > 1) all.delete('PASS');
  return [...all].join(';') || '.';
}

function infoOf(sources: readonly NonNullable<Source>[], alleles: number, { header }: Combiner): string[] {
  const plain = new Map<string, string>();
  const sums = new Map<string, number[]>();
  const byAllele = new Map<string, string[]>();
  const isSummed = new Set(header.samples.length > 0 ? summed : [...summed, 'AC', 'AN']);
  for (const { record, map } of sources) {
    const { columns } = record;
    if (columns[7] === '.') continue;
    for (const entry of columns[7]!.split(';')) {
      const equals = entry.indexOf('=');
      const key = equals < 0 ? entry : entry.slice(0, equals);
      if (header.samples.length > 0 && (key === 'AC' || key === 'AN')) continue;
      const field = header.info.get(key);
      const values = equals < 0 ? [] : entry.slice(equals + 1).split(',');
      const isNumber = field?.type === 'Integer' || field?.type === 'Float';
      if (isSummed.has(key) && isNumber) addTo(sums, key, values, field.number, map, alleles, columns);
      else if (field && isByAllele(field.number)) {
        const moved = placesOf(values.length, field.number, map, alleles);
        if (!moved) throw wrongNumber(`INFO/${key}`, values.length, columns);
        const all = byAllele.get(key) ?? Array.from({ length: moved.size }, () => '.');
        const isText = field.type === 'String' || field.type === 'Character';
        values.forEach((value, i) => {
          const place = moved.places[i]!;
          // Of texts the first one stays, of numbers the last one.
          if (value !== '.' && !(isText && all[place] !== '.')) all[place] = value;
        });
        byAllele.set(key, all);
      } else if (!plain.has(key)) plain.set(key, entry);
    }
  }
  return [
    ...plain.values(),
    ...[...sums]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, values]) => `${key}=${values.join(',')}`),
    ...[...byAllele].map(([key, values]) => `${key}=${values.join(',')}`),
  ];
}

function addTo(
  sums: Map<string, number[]>,
  key: string,
  values: readonly string[],
  number: string,
  map: readonly number[],
  alleles: number,
  columns: readonly string[],
): void {
  const moved = isByAllele(number)
    ? placesOf(values.length, number, map, alleles)
    : { places: values.map((_, i) => i), size: values.length };
  const all = sums.get(key) ?? Array.from({ length: moved?.size ?? 0 }, () => 0);
  if (!moved || all.length !== moved.size) throw wrongNumber(`INFO/${key}`, values.length, columns);
  values.forEach((value, i) => (all[moved.places[i]!]! += value === '.' ? 0 : Number(value)));
  sums.set(key, all);
}

const wrongNumber = (field: string, found: number, columns: readonly string[]): BadInput =>
  new BadInput(
    `VCF: ${field} of ${columns[0]}:${columns[1]} has ${found} values, expected as many as its alleles ask for; correct the record`,
  );

/** FORMAT, and the columns of all samples as one text; counts alleles. */
function genotypesOf(
  sources: readonly Source[],
  alleles: number,
  counts: Float64Array,
  { header, samples, missingIsReference }: Combiner,
): { readonly format: string; readonly text: string; readonly hasCalls: boolean } {
  const formats = sources.map((source) => {
    const text = source?.record.columns[8] ?? '.';
    return text === '.' ? [] : text.split(':');
  });
  const all = new Set(formats.flat());
  const hasCalls = all.has('GT');
  const keys = [...(hasCalls ? ['GT'] : []), ...[...all].filter((key) => key !== 'GT')];
  if (keys.length === 0) {
    const none = samples.reduce((sum, n) => sum + n, 0);
    return { format: '.', text: Array.from({ length: none }, () => '.').join('\t'), hasCalls };
  }
  const scans = sources.map(
    (source, i) => source && scanSamples(source.record.samples, formats[i]!.indexOf('GT'), source.map.length),
  );
  const ploidy = scans.reduce((most, scan) => Math.max(most, scan?.ploidy ?? 1), 1);
  const absent = keys.map((key) =>
    key === 'GT' ? Array.from({ length: ploidy }, () => (missingIsReference ? '0' : '.')).join('/') : '.',
  );
  const texts: string[] = [];
  for (const [i, source] of sources.entries()) {
    const own = formats[i]!;
    if (!source) {
      if (hasCalls && missingIsReference) counts[0]! += ploidy * samples[i]!;
      const text = absent.join(':');
      for (let s = 0; s < samples[i]!; s++) texts.push(text);
      continue;
    }
    const isSame = own.length === keys.length && own.every((key, k) => key === keys[k]);
    const isIdentity = source.map.length === alleles && source.map.every((at, k) => at === k);
    const scan = scans[i]!;
    const isEven = scan.fields === keys.length && scan.columns === samples[i];
    if (isSame && isIdentity && isEven && scan.counts) {
      // What changes in nothing is written as it is.
      scan.counts.forEach((n, allele) => (counts[allele]! += n));
      texts.push(source.record.samples);
      continue;
    }
    const columns = source.record.samples.split('\t');
    // A tab at the end begins no column.
    if (columns.length === samples[i]! + 1 && columns.at(-1) === '') columns.pop();
    if (columns.length !== samples[i])
      throw new BadInput(
        `VCF: ${source.record.columns[0]}:${source.record.columns[1]} has ${columns.length} samples, expected ${samples[i]}, as its header has; correct the record`,
      );
    const numbers = keys.map((key) => header.format.get(key)?.number);
    const places = keys.map((key) => own.indexOf(key));
    for (const column of columns) {
      const values = column.split(':');
      if (hasCalls) {
        const at = places[0]!;
        if (at >= 0) countAlleles(values[at] ?? '.', source.map, counts, source.record);
        else if (missingIsReference) counts[0]! += ploidy;
      }
      if (isSame && isIdentity && values.length === keys.length) {
        texts.push(column);
        continue;
      }
      const moved = keys.map((key, k) => {
        const value = places[k]! < 0 ? undefined : values[places[k]!];
        if (places[k]! < 0) return absent[k]!;
        if (value === undefined || value === '') return '.';
        if (isIdentity) return value;
        if (key === 'GT') return value.replace(/\d+/g, (allele) => String(source.map[Number(allele)]));
        return isByAllele(numbers[k]) ? replaced(value, numbers[k]!, source.map, alleles) : value;
      });
      texts.push(moved.join(':'));
    }
  }
  return { format: keys.join(':'), text: texts.join('\t'), hasCalls };
}

type Scan = {
  readonly columns: number;
  /** Of each column; -1 where they differ. */
  readonly fields: number;
  /** The most alleles that a genotype has; 1 at least. */
  readonly ploidy: number;
  /** Alleles called; undefined where something is no genotype of these alleles. */
  readonly counts: Float64Array | undefined;
};

const [tab, colon, bar, slash, dot] = [9, 0x3a, 0x7c, 0x2f, 0x2e];
/** Of an allele at hand: nothing yet, missing, or no number. */
const [none, missing, odd] = [-1, -2, -3];

/** Looks through columns of samples without taking them apart; `gt`: which field is the genotype, -1 where none is. */
function scanSamples(text: string, gt: number, alleles: number): Scan {
  const counts = new Float64Array(alleles);
  let [columns, field, fields, ploidy, marks, allele] = [0, 0, 0, 1, 0, none];
  let isPlain = true;
  // Letters of a part of a longer string are slow to come by.
  const bytes = Buffer.from(text, 'latin1');
  for (let i = 0; i <= bytes.length; i++) {
    const c = i < bytes.length ? bytes[i]! : tab;
    if (field !== gt && c > colon) continue;
    if (field === gt) {
      if (c >= 48 && c <= 57)
        allele = allele >= none ? Math.min(1e9, 10 * Math.max(0, allele) + c - 48) : odd;
      else if (c === dot) allele = allele === none ? missing : odd;
      else if (c === tab || c === colon || c === bar || c === slash) {
        if (allele >= alleles || allele === odd) isPlain = false;
        else if (allele >= 0) counts[allele]!++;
        allele = none;
        if (c === bar || c === slash) marks++;
        else {
          ploidy = Math.max(ploidy, marks + 1);
          marks = 0;
        }
      } else allele = odd;
    }
    if (c === colon) field++;
    else if (c === tab) {
      fields = columns === 0 || fields === field + 1 ? field + 1 : -1;
      columns++;
      field = 0;
    }
  }
  return { columns, fields, ploidy, counts: isPlain ? counts : undefined };
}

function countAlleles(
  genotype: string,
  map: readonly number[],
  counts: Float64Array,
  { columns }: PlacedRecord,
): void {
  for (const one of genotype.split(/[/|]/)) {
    if (one === '.' || one === '') continue;
    const allele = map[/^\d+$/.test(one) ? Number(one) : -1];
    if (allele === undefined)
      throw new BadInput(
        `VCF: GT of ${columns[0]}:${columns[1]} is ${JSON.stringify(genotype.slice(0, 40))}, expected alleles up to ${map.length - 1}, as ALT has; correct the record`,
      );
    counts[allele]!++;
  }
}
