/** Room for columns that grow. */

type Column = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float32Array | Float64Array;

/** `column`, or a copy with room for `length` elements and at least twice as long; what is new is 0. */
export function roomFor<T extends Column>(column: T, length: number): T {
  if (length <= column.length) return column;
  const larger = new (column.constructor as new (length: number) => T)(Math.max(length, 2 * column.length));
  larger.set(column);
  return larger;
}
