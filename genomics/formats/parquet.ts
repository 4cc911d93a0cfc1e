/** Tables as Parquet. */
import type { Sink } from '../../core/job.ts';

/** What a column holds: UTF-8, whole numbers of 64 bits, doubles. */
type Kind = 'text' | 'whole' | 'real';
/** Rows have a member for each column. */
export type Table = {
  readonly kinds: { readonly [column: string]: Kind };
  readonly rows: readonly { readonly [column: string]: string | number }[];
};

/** Writes a table that fits into memory: one row group, Snappy. The columns do not hang on the rows, of which there may be none. */
export async function writeTable({ kinds, rows }: Table, sink: Sink): Promise<void> {
  const { parquetWriteBuffer } = await import('hyparquet-writer');
  const columnData = Object.entries(kinds).map(([name, kind]) => {
    const values = rows.map((row) => row[name]!);
    if (kind === 'text') return { name, type: 'STRING' as const, data: values };
    if (kind === 'real')
      return { name, type: 'DOUBLE' as const, data: Float64Array.from(values as number[]) };
    return { name, type: 'INT64' as const, data: (values as number[]).map(BigInt) };
  });
  await sink.write(new Uint8Array(parquetWriteBuffer({ columnData, createdBy: 'servermix' })));
}

/** A table that is written group of rows by group of rows, Snappy; `count` columns are whole numbers of 32 bits. */
export type OpenTable = {
  /** One row group: the columns of the table, all of one length. */
  write(columns: { readonly [name: string]: Int32Array | readonly string[] }): Promise<void>;
  finish(): Promise<void>;
};

export async function openTable(
  sink: Sink,
  kinds: { readonly [column: string]: 'text' | 'count' },
): Promise<OpenTable> {
  const { ByteWriter, ParquetWriter } = await import('hyparquet-writer');
  const schema = [
    { name: 'root', num_children: Object.keys(kinds).length },
    ...Object.entries(kinds).map(([name, kind]) => ({
      name,
      repetition_type: 'REQUIRED' as const,
      ...(kind === 'text'
        ? { type: 'BYTE_ARRAY' as const, converted_type: 'UTF8' as const }
        : { type: 'INT32' as const }),
    })),
  ];
  const writer = new ByteWriter();
  const table = new ParquetWriter({ writer, schema, createdBy: 'servermix' });
  const flush = async (): Promise<void> => {
    const bytes = writer.getBytes().slice();
    writer.index = 0;
    await sink.write(bytes);
  };
  return {
    async write(columns) {
      const columnData = Object.entries(columns).map(([name, data]) => ({ name, data: data as Int32Array }));
      await table.write({ columnData, rowGroupSize: columnData[0]!.data.length });
      await flush();
    },
    async finish() {
      await table.finish();
      await flush();
    },
  };
}
