/** Tables of columns that manifests hold: one below the other, and those whose rows say in which blob of a part something lies. */
import type { Stored } from './job.ts';

type Column =
  | Uint8Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;
type Table = { readonly [name: string]: Column };

/** Tables of the same columns, at least one of them, one below the other. */
export function joinTables<T extends Table>(tables: readonly T[]): T {
  const join = (name: string): Column => {
    const columns = tables.map((table) => table[name]!);
    const length = columns.reduce((sum, column) => sum + column.length, 0);
    const out = new (columns[0]!.constructor as new (length: number) => Column)(length);
    let at = 0;
    for (const column of columns) {
      out.set(column, at);
      at += column.length;
    }
    return out;
  };
  return Object.fromEntries(Object.keys(tables[0]!).map((name) => [name, join(name)])) as T;
}

/**
 * The same of tables whose column `blob` counts their own part's blobs: it counts those of all parts then.
 * `blobs[i]` belong to `tables[i]`.
 */
export function joinPlaces<T extends Table & { readonly blob: Uint32Array<ArrayBuffer> }>(
  tables: readonly T[],
  blobs: readonly (readonly Stored[])[],
): T {
  let before = 0;
  return joinTables(
    tables.map((table, i): T => {
      const shift = before;
      before += blobs[i]!.length;
      return shift === 0 ? table : { ...table, blob: table.blob.map((blob) => blob + shift) };
    }),
  );
}
