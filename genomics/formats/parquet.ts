/** Tables as Parquet. */
import type { Sink } from '../../core/job.ts';

/** What a column holds: UTF-8, whole numbers of 64 bits, doubles. */
export type Kind = 'text' | 'whole' | 'real';
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
