/** The columns of a table of records: what each is called, what it holds, and how it is read from a line. */
import { BadUsage } from '../../core/errors.ts';
import type { Cell, ColumnKind, ColumnOf, Scalar } from '../formats/rowgroups.ts';
import type { Field, VcfHeader } from '../formats/vcfheader.ts';
import type { LineFault } from '../kernels/samline.ts';
import { column, endOf, isMissing, type Line, numberOf, readQual, textOf } from '../kernels/vcfline.ts';
import type { GenotypeCounts } from './genotypecounts.ts';
import type { RecordView } from './recordview.ts';
import type { Wanted } from './samples.ts';

/** Thrown by a cell that is not what the header says; caught where the line is known. */
export class Unreadable extends Error {
  readonly fault: LineFault;
  constructor(fault: LineFault) {
    super(fault.field);
    this.fault = fault;
  }
}

/** The record at hand. `sample`: of rows that are genotypes, the sample's place among those of the header. */
export type Record = {
  readonly line: Line;
  readonly view: RecordView;
  readonly counts: GenotypeCounts | undefined;
  readonly sample: number;
};
/** `bySample`: it depends on the sample of a row. */
export type TableColumn = ColumnOf & {
  readonly read: (record: Record) => Cell;
  readonly bySample?: boolean;
};

export type TableSettings = {
  /** Keys of INFO and of FORMAT with commas between; all; none. */
  readonly info: string;
  readonly genotypes: string;
  /** A row is a record, or a genotype. */
  readonly rows: 'records' | 'genotypes';
  readonly counts: boolean;
};

const comma = 0x2c;
const kindOf: { readonly [type in Field['type']]: ColumnKind } = {
  Integer: 'whole',
  Float: 'real',
  Flag: 'flag',
  Character: 'text',
  String: 'text',
};
/** The least and the largest number of 32 bits that are none of BCF's own marks (VCF 4.3 clause 6.3.3). */
const [least, most] = [-2147483640, 2147483647];

// The same few texts come again and again: genotypes, filters, names.
const known = new Map<number, string>();
function shared(bytes: Uint8Array, from: number, to: number): string {
  if (to - from !== 3) return text(bytes, from, to);
  const key = bytes[from]! | (bytes[from + 1]! << 8) | (bytes[from + 2]! << 16);
  let found = known.get(key);
  if (found === undefined) known.set(key, (found = text(bytes, from, to)));
  return found;
}

function text(bytes: Uint8Array, from: number, to: number): string {
  const latin = textOf(bytes, from, to);
  // eslint-disable-next-line no-control-regex
  return /[\x80-\xff]/.test(latin) ? Buffer.from(latin, 'latin1').toString('utf8') : latin;
}

/** One value of a type; null where it is missing. */
function scalarOf(name: string, type: Field['type'], bytes: Uint8Array, from: number, to: number): Scalar {
  if (to === from || (to - from === 1 && bytes[from] === 0x2e)) return null;
  if (type === 'String' || type === 'Character') return shared(bytes, from, to);
  const value = numberOf(bytes, from, to);
  if (type === 'Float') {
    if (!Number.isNaN(value) || /^[+-]?nan$/i.test(textOf(bytes, from, to))) return value;
  } else if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new Unreadable({
    field: name,
    found: JSON.stringify(textOf(bytes, from, Math.min(to, from + 40))),
    expected:
      type === 'Float' ? 'a number, as the header says' : 'a whole number of 32 bits, as the header says',
  });
}

function listOf(name: string, type: Field['type'], bytes: Uint8Array, from: number, to: number): Cell {
  if (to === from || (to - from === 1 && bytes[from] === 0x2e)) return null;
  const values: Scalar[] = [];
  for (let start = from; start <= to;) {
    let stop = start;
    while (stop < to && bytes[stop] !== comma) stop++;
    values.push(scalarOf(name, type, bytes, start, stop));
    start = stop + 1;
  }
  return values;
}

const orNull = (value: string): Cell => (value === '.' ? null : value);

const fixed: readonly TableColumn[] = [
  { name: 'chrom', kind: 'text', isList: false, read: ({ line }) => decoded(line, column.chrom) },
  { name: 'pos', kind: 'whole', isList: false, read: ({ line }) => positionOf(line) },
  { name: 'id', kind: 'text', isList: false, read: ({ line }) => orNull(decoded(line, column.id)) },
  { name: 'ref', kind: 'text', isList: false, read: ({ line }) => decoded(line, column.ref) },
  { name: 'alt', kind: 'text', isList: true, read: ({ line }) => altsOf(line) },
  { name: 'qual', kind: 'real', isList: false, read: ({ line }) => qualityOf(line) },
  { name: 'filter', kind: 'text', isList: false, read: ({ line }) => orNull(decoded(line, column.filter)) },
];

function decoded({ bytes, at }: Line, of: number): string {
  return shared(bytes, at[of]!, at[of + 1]! - 1);
}

function positionOf({ pos }: Line): number {
  if (pos <= most) return pos;
  throw new Unreadable({ field: 'POS', found: String(pos), expected: 'a whole number of 32 bits' });
}

function altsOf({ bytes, alts, altCount }: Line): Cell {
  if (altCount === 0) return null;
  return Array.from({ length: altCount }, (_, k) => text(bytes, alts[2 * k]!, alts[2 * k + 1]!));
}

function qualityOf(line: Line): Cell {
  if (isMissing(line, line.at[column.qual]!, endOf(line, column.qual))) return null;
  const value = readQual(line);
  if (typeof value !== 'number') throw new Unreadable(value);
  return value;
}

/** Keys that a text names, in that order. */
function keysOf(given: string, fields: ReadonlyMap<string, Field>, option: string): readonly string[] {
  if (given === 'all') return [...fields.keys()];
  if (given === '' || given === 'none') return [];
  const keys = given.split(',');
  for (const key of keys)
    if (!fields.has(key))
      throw new BadUsage(
        `--${option}: the header defines no ${key}, expected some of ${[...fields.keys()].slice(0, 12).join(', ') || 'none'}, all, or none`,
      );
  if (new Set(keys).size < keys.length) throw new BadUsage(`--${option}: ${given} names one twice`);
  return keys;
}

/** Whether a field is a list: of other numbers than one. */
const isListOf = ({ number, type }: Field): boolean => type !== 'Flag' && number !== '1';

function infoColumns(keys: readonly string[], { info }: VcfHeader, view: RecordView): TableColumn[] {
  return keys.map((key) => {
    const field = info.get(key)!;
    const [name, at] = [`INFO/${key}`, view.needInfo(key)];
    const isList = isListOf(field);
    const valueOf = isList ? listOf : scalarOf;
    return {
      name: `info_${key}`,
      kind: kindOf[field.type],
      isList,
      read: ({ line, view: of }) => {
        const found = of.info(at);
        if (field.type === 'Flag') return found !== undefined;
        return found ? valueOf(name, field.type, line.bytes, found[0], found[1]) : null;
      },
    };
  });
}

/** `sample`: undefined for that of the row. */
function genotypeColumn(
  key: string,
  { format }: VcfHeader,
  view: RecordView,
  sample?: { readonly name: string; readonly at: number },
): TableColumn {
  const field = format.get(key)!;
  const at = view.needFormat(key);
  const isList = isListOf(field);
  const valueOf = isList ? listOf : scalarOf;
  const title = sample ? `${key} of sample ${sample.name}` : key;
  return {
    name: `format_${sample ? `${sample.name}_` : ''}${key}`,
    kind: kindOf[field.type],
    isList,
    bySample: sample === undefined,
    read: ({ line, view: of, sample: row }) => {
      if (!of.hasFormat(at)) return null;
      const [from, to] = of.format(at, sample?.at ?? row);
      return valueOf(title, field.type, line.bytes, from, to);
    },
  };
}

/** What was counted over the samples. */
const counted: readonly TableColumn[] = [
  ...(['homRef', 'het', 'homAlt', 'missing'] as const).map((key): TableColumn => ({
    name: { homRef: 'hom_ref', het: 'het', homAlt: 'hom_alt', missing: 'missing' }[key],
    kind: 'whole',
    isList: false,
    read: ({ counts }) => counts![key],
  })),
  { name: 'an', kind: 'whole', isList: false, read: ({ counts }) => called(counts!) },
  {
    name: 'ac',
    kind: 'whole',
    isList: true,
    read: ({ counts }) => (counts!.alleles.length === 1 ? null : Array.from(counts!.alleles.subarray(1))),
  },
  {
    name: 'af',
    kind: 'real',
    isList: true,
    read: ({ counts }) => {
      const all = called(counts!);
      if (counts!.alleles.length === 1) return null;
      return Array.from(counts!.alleles.subarray(1), (n) =>
        all === 0 ? null : Number((n / all).toPrecision(6)),
      );
    },
  },
];
const called = ({ alleles }: GenotypeCounts): number => alleles.reduce((sum, n) => sum + n, 0);

/** @throws BadUsage for keys that the header does not define, and columns that would have the same name */
export function tableColumns(
  { info, genotypes, rows, counts }: TableSettings,
  header: VcfHeader,
  wanted: Wanted,
  view: RecordView,
): readonly TableColumn[] {
  const { samples } = header;
  if (samples.length === 0 && (counts || rows === 'genotypes'))
    throw new BadUsage(`--${counts ? 'counts' : 'rows genotypes'}: the file has no samples, expected some`);
  const keys = keysOf(genotypes, header.format, 'genotypes');
  const places = wanted.names.map((name) => ({ name, at: samples.indexOf(name) }));
  const columns: TableColumn[] = [
    ...fixed,
    ...infoColumns(keysOf(info, header.info, 'info'), header, view),
    ...(counts ? counted : []),
    ...(rows === 'genotypes'
      ? [
          {
            name: 'sample',
            kind: 'text',
            isList: false,
            bySample: true,
            read: ({ sample }: Record) => samples[sample]!,
          } satisfies TableColumn,
          ...keys.map((key) => genotypeColumn(key, header, view)),
        ]
      : places.flatMap((sample) => keys.map((key) => genotypeColumn(key, header, view, sample)))),
  ];
  const names = new Set<string>();
  for (const { name } of columns) {
    if (names.has(name))
      throw new BadUsage(`--genotypes: two columns would be called ${name}; choose other --samples`);
    names.add(name);
  }
  return columns;
}
