/** Counts in columns that grow, and their sums. */

export type Column = Float64Array<ArrayBuffer>;

/** Counts by two numbers: `width` of each row. */
export type Table = { readonly width: number; readonly counts: Column };

/** Without zeros at the end. */
export function trimmed(column: Column): Column {
  let end = column.length;
  while (end > 0 && column[end - 1] === 0) end--;
  return column.slice(0, end);
}

/** The sum, place by place, of columns of any lengths. */
export function sumColumns(all: readonly Column[]): Column {
  const out = new Float64Array(all.reduce((length, column) => Math.max(length, column.length), 0));
  for (const column of all) for (let i = 0; i < column.length; i++) out[i]! += column[i]!;
  return out;
}

/** A table of the rows and columns that have counts. */
export function trimTable({ width, counts }: Table): Table {
  const rows = Math.ceil(trimmed(counts).length / width);
  let used = 0;
  for (let row = 0; row < rows; row++)
    for (let i = width - 1; i >= used; i--) if (counts[row * width + i] !== 0) used = i + 1;
  return resize({ width, counts }, rows, used);
}

function resize({ width, counts }: Table, rows: number, used: number): Table {
  const out = new Float64Array(rows * used);
  for (let row = 0; row < rows; row++)
    for (let i = 0; i < Math.min(width, used) && row * width + i < counts.length; i++)
      out[row * used + i] = counts[row * width + i]!;
  return { width: used, counts: out };
}

export function sumTables(all: readonly Table[]): Table {
  const width = all.reduce((most, table) => Math.max(most, table.width), 0);
  const rowsOf = (table: Table): number => (table.width > 0 ? table.counts.length / table.width : 0);
  const out = new Float64Array(width * all.reduce((most, table) => Math.max(most, rowsOf(table)), 0));
  for (const table of all)
    for (let row = 0, at = 0; at < table.counts.length; row++)
      for (let i = 0; i < table.width; i++, at++) out[row * width + i]! += table.counts[at]!;
  return { width, counts: out };
}

/** The count of a row and a column, 0 outside. */
export const countAt = ({ width, counts }: Table, row: number, column: number): number =>
  column < width ? (counts[row * width + column] ?? 0) : 0;

/** Counts by a number that may be large. */
export type Sparse = { readonly value: Int32Array<ArrayBuffer>; readonly count: Column };

export function sparseOf(counts: ReadonlyMap<number, number>): Sparse {
  const rows = [...counts].sort(([a], [b]) => a - b);
  return { value: Int32Array.from(rows, ([value]) => value), count: Float64Array.from(rows, ([, n]) => n) };
}

export function sumSparse(all: readonly Sparse[]): Sparse {
  const counts = new Map<number, number>();
  for (const { value, count } of all)
    value.forEach((v, i) => counts.set(v, (counts.get(v) ?? 0) + count[i]!));
  return sparseOf(counts);
}
