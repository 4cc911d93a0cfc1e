/** Tables of an SQLite file, read row by row; no SQL is run. Source: sqlite.org, "Database File Format". */

import { type SqliteColumn, columnsOf } from './sqlitecolumns.ts';

/** Whole numbers beyond 2^53 lose their last digits. */
export type SqliteValue = null | number | string | Uint8Array;
type Row = { readonly id: number; readonly values: readonly SqliteValue[] };

export type SqliteTable = { readonly name: string; readonly columns: readonly SqliteColumn[] };
export type Sqlite = {
  /** Ordinary tables by their names in lower case: those whose rows have numbers, and no views. */
  readonly tables: ReadonlyMap<string, SqliteTable>;
  /**
   * Rows as objects by column, in the order of their numbers.
   * @throws RangeError for pages, records or texts that do not hold
   */
  rows(table: SqliteTable): Generator<{ readonly [column: string]: SqliteValue }>;
};

const magic = Buffer.from('SQLite format 3\0');
export const isSqlite = (bytes: Uint8Array): boolean =>
  bytes.length >= 100 && magic.equals(bytes.subarray(0, magic.length));

const page1Header = 100;
const kinds = { interior: 5, leaf: 13 };
const deepest = 40;
const encodings: { readonly [code: number]: string } = { 1: 'utf-8', 2: 'utf-16le', 3: 'utf-16be' };

/**
 * Opens a file that lies in memory.
 * @throws RangeError for a header or a list of tables that does not hold
 */
export function openSqlite(bytes: Uint8Array): Sqlite {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const told = view.getUint16(16);
  const pageSize = told === 1 ? 65_536 : told;
  if (pageSize < 512 || (pageSize & (pageSize - 1)) !== 0) throw new RangeError(`pages of ${pageSize} bytes`);
  const usable = pageSize - view.getUint8(20);
  if (usable < 480) throw new RangeError(`${usable} bytes of a page are used`);
  const pages = Math.floor(bytes.length / pageSize);
  const encoding = encodings[view.getUint32(56) || 1];
  if (encoding === undefined) throw new RangeError(`text encoding ${view.getUint32(56)}`);
  const decoder = new TextDecoder(encoding);
  const startOf = (page: number): number => {
    if (page < 1 || page > pages) throw new RangeError(`page ${page} of ${pages}`);
    return (page - 1) * pageSize;
  };

  /** What a cell holds: at its place, and in a chain of pages where it is long. */
  const payloadAt = (at: number, length: number): Uint8Array => {
    if (length < 0 || length > bytes.length) throw new RangeError(`a record of ${length} bytes`);
    const most = usable - 35;
    if (length <= most) return part(at, length);
    const least = Math.floor(((usable - 12) * 32) / 255) - 23;
    const fits = least + ((length - least) % (usable - 4));
    const local = fits <= most ? fits : least;
    const out = new Uint8Array(length);
    out.set(part(at, local));
    let page = view.getUint32(at + local);
    for (let filled = local; filled < length;) {
      const start = startOf(page);
      const piece = part(start + 4, Math.min(usable - 4, length - filled));
      out.set(piece, filled);
      filled += piece.length;
      page = view.getUint32(start);
    }
    return out;
  };
  const part = (at: number, length: number): Uint8Array => {
    if (at + length > bytes.length) throw new RangeError(`byte ${at + length} of ${bytes.length}`);
    return bytes.subarray(at, at + length);
  };

  function* rowsFrom(root: number): Generator<Row> {
    const seen = new Set<number>();
    // Records lie apart, so that together they are no larger than the file.
    let rest = bytes.length;
    function* visit(page: number, depth: number): Generator<Row> {
      if (depth > deepest) throw new RangeError(`a tree of more than ${deepest} pages down`);
      if (seen.has(page)) throw new RangeError(`page ${page} comes twice`);
      seen.add(page);
      const start = startOf(page);
      const header = start + (page === 1 ? page1Header : 0);
      const kind = view.getUint8(header);
      if (kind !== kinds.interior && kind !== kinds.leaf)
        throw new RangeError(`page ${page} of kind ${kind}, none of a table`);
      const cells = view.getUint16(header + 3);
      const pointers = header + (kind === kinds.leaf ? 8 : 12);
      if (pointers + 2 * cells > start + usable) throw new RangeError(`${cells} cells on page ${page}`);
      for (let i = 0; i < cells; i++) {
        const at = start + view.getUint16(pointers + 2 * i);
        if (kind === kinds.interior) yield* visit(view.getUint32(at), depth + 1);
        else {
          const { value: length, next } = varintAt(view, at);
          const { value: id, next: place } = varintAt(view, next);
          rest -= length;
          if (rest < 0) throw new RangeError('records that lie on one another');
          yield { id, values: recordOf(payloadAt(place, length), decoder) };
        }
      }
      if (kind === kinds.interior) yield* visit(view.getUint32(header + 8), depth + 1);
    }
    yield* visit(root, 1);
  }

  const roots = new Map<SqliteTable, number>();
  const tables = new Map<string, SqliteTable>();
  for (const { values } of rowsFrom(1)) {
    const [type, name, , root, sql] = values;
    if (type !== 'table' || typeof name !== 'string' || typeof sql !== 'string') continue;
    if (typeof root !== 'number' || root === 0 || /\)\s*(STRICT\s*,\s*)?WITHOUT\s+ROWID/i.test(sql)) continue;
    const table = { name, columns: columnsOf(sql) };
    tables.set(name.toLowerCase(), table);
    roots.set(table, root);
  }
  return {
    tables,
    *rows(table) {
      // Of values that rows do not have themselves, no more are made than a few for each byte.
      let made = 16 * bytes.length;
      for (const { id, values } of rowsFrom(roots.get(table)!)) {
        made -= Math.max(0, table.columns.length - values.length);
        if (made < 0) throw new RangeError(`rows of ${values.length} values for ${table.columns.length}`);
        yield Object.fromEntries(
          // The number of a row is not stored with its other values; columns that were added later may be missing.
          table.columns.map(({ name, isRowId, otherwise }, i) => [
            name,
            isRowId ? id : i < values.length ? values[i]! : otherwise,
          ]),
        );
      }
    },
  };
}

/** A whole number of up to nine bytes, and where the next thing begins. */
function varintAt(view: DataView, at: number): { value: number; next: number } {
  let value = 0;
  for (let i = 0; i < 8; i++) {
    const byte = view.getUint8(at + i);
    value = value * 128 + (byte & 127);
    if (byte < 128) return { value, next: at + i + 1 };
  }
  // 56 bits so far; the first of them says whether the number is negative.
  const signed = value >= 2 ** 55 ? value - 2 ** 56 : value;
  return { value: signed * 256 + view.getUint8(at + 8), next: at + 9 };
}

/** Values of a record: a list of types, then the values one after the other. */
function recordOf(record: Uint8Array, decoder: TextDecoder): SqliteValue[] {
  const view = new DataView(record.buffer, record.byteOffset, record.byteLength);
  const { value: end, next } = varintAt(view, 0);
  if (end > record.length || end < next) throw new RangeError(`types of a record up to byte ${end}`);
  const out: SqliteValue[] = [];
  let at = end;
  for (let place = next; place < end;) {
    const { value: type, next: after } = varintAt(view, place);
    place = after;
    const size = type >= 12 ? (type - (type % 2 === 0 ? 12 : 13)) / 2 : (sizes[type] ?? NaN);
    if (!(size >= 0 && at + size <= record.length)) throw new RangeError(`a value of the type ${type}`);
    out.push(valueOf(view, record.subarray(at, at + size), type, at, decoder));
    at += size;
  }
  return out;
}

/** Bytes of values by type, up to 9. */
const sizes = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0];

function valueOf(
  view: DataView,
  bytes: Uint8Array,
  type: number,
  at: number,
  decoder: TextDecoder,
): SqliteValue {
  if (type >= 12) return type % 2 === 0 ? bytes : decoder.decode(bytes);
  if (type === 0) return null;
  if (type === 7) return view.getFloat64(at);
  if (type >= 8) return type - 8;
  return bytes.length === 8 ? Number(view.getBigInt64(at)) : signedOf(bytes);
}

/** Of up to six bytes, the greatest first. */
function signedOf(bytes: Uint8Array): number {
  const value = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
  return bytes[0]! >= 128 ? value - 256 ** bytes.length : value;
}
