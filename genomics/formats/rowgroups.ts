/** Row groups of a Parquet file that are encoded apart, in any process, and joined behind one footer without being encoded again. */
import type { Sink } from '../../core/job.ts';

/** UTF-8, whole numbers of 32 bits, floats of 32 bits, booleans. */
export type ColumnKind = 'text' | 'whole' | 'real' | 'flag';
/** A column whose values may be missing (null); `isList`: values are arrays, of which members may be missing, too. */
export type ColumnOf = { readonly name: string; readonly kind: ColumnKind; readonly isList: boolean };
export type Scalar = string | number | boolean | null;
export type Cell = Scalar | readonly Scalar[];

/** `about` says where its columns lie and what they hold, as text; `size`: bytes. */
export type RowGroup = { readonly rows: number; readonly size: number; readonly about: string };

/** What a Parquet file begins and ends with. */
const magic = Buffer.from('PAR1');
const types = {
  text: { type: 'BYTE_ARRAY', converted_type: 'UTF8' },
  whole: { type: 'INT32' },
  real: { type: 'FLOAT' },
  flag: { type: 'BOOLEAN' },
} as const;

type Element = {
  readonly name: string;
  readonly num_children?: number;
  readonly repetition_type?: 'OPTIONAL' | 'REPEATED';
  readonly converted_type?: 'LIST' | 'UTF8';
  readonly type?: (typeof types)[ColumnKind]['type'];
};

/** The schema; lists in three levels, as Parquet's LogicalTypes.md has them. */
const schemaOf = (columns: readonly ColumnOf[]): Element[] => [
  { name: 'root', num_children: columns.length },
  ...columns.flatMap(({ name, kind, isList }): Element[] =>
    isList
      ? [
          { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
          { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
          { name: 'element', repetition_type: 'OPTIONAL', ...types[kind] },
        ]
      : [{ name, repetition_type: 'OPTIONAL', ...types[kind] }],
  ),
];

const load = () => import('hyparquet-writer');

/** Encodes rows, given column by column, Snappy, with statistics; there must be some. */
export async function encodeRowGroup(
  columns: readonly ColumnOf[],
  values: readonly (readonly Cell[])[],
): Promise<RowGroup & { readonly bytes: Uint8Array<ArrayBuffer> }> {
  const { ByteWriter, ParquetWriter } = await load();
  const writer = new ByteWriter(1 << 20);
  const table = new ParquetWriter({ writer, schema: schemaOf(columns) });
  const rows = values[0]!.length;
  await table.write({
    columnData: columns.map(({ name }, k) => ({ name, data: values[k] as Cell[], offsetIndex: false })),
    rowGroupSize: rows,
  });
  const bytes = writer.getBytes().slice(magic.length);
  return { rows, size: bytes.length, about: JSON.stringify(table.row_groups[0], keep), bytes };
}

/** Whole numbers beyond doubles and bytes become objects that `revive` knows. */
const keep = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint'
    ? { $whole: String(value) }
    : value instanceof Uint8Array
      ? { $bytes: Buffer.from(value).toString('hex') }
      : value;
const revive = (_key: string, value: unknown): unknown => {
  if (value === null || typeof value !== 'object') return value;
  if ('$whole' in value) return BigInt(value.$whole as string);
  return '$bytes' in value ? new Uint8Array(Buffer.from(value.$bytes as string, 'hex')) : value;
};

type Chunk = {
  file_offset: bigint;
  readonly meta_data: { data_page_offset: bigint; dictionary_page_offset?: bigint };
};

/** Writes a file of row groups: `append` writes the bytes of the one of that number. */
export async function writeRowGroups(
  columns: readonly ColumnOf[],
  groups: readonly RowGroup[],
  sink: Sink,
  append: (group: number) => Promise<void>,
): Promise<void> {
  const { ByteWriter, ParquetWriter } = await load();
  await sink.write(magic);
  const writer = new ByteWriter();
  const table = new ParquetWriter({ writer, schema: schemaOf(columns), createdBy: 'servermix' });
  writer.index = 0;
  let shift = 0;
  for (const [i, { rows, size, about }] of groups.entries()) {
    await append(i);
    const group = JSON.parse(about, revive) as { readonly columns: readonly Chunk[] };
    for (const chunk of group.columns) {
      const { meta_data: place } = chunk;
      chunk.file_offset += BigInt(shift);
      place.data_page_offset += BigInt(shift);
      if (place.dictionary_page_offset !== undefined) place.dictionary_page_offset += BigInt(shift);
    }
    table.row_groups.push(group as unknown as (typeof table.row_groups)[number]);
    table.num_rows += BigInt(rows);
    shift += size;
  }
  await table.finish();
  await sink.write(writer.getBytes().slice());
}
