/** Bytes of small TIFF and BigTIFF files in either byte order, for tests. */

export type TestField = { readonly tag: number; readonly type: number; readonly values: readonly number[] };

/** Bytes of a value, by the code of its type. */
export const valueBytes: { readonly [type: number]: number } = Object.fromEntries(
  [1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8]
    .map((bytes, i) => [i + 1, bytes])
    .filter(([, b]) => b),
);

/** Writes a value of a type; fractions as so many thousandths. */
function put(at: DataView, p: number, type: number, value: number, little: boolean): void {
  if (type === 1 || type === 2 || type === 7) at.setUint8(p, value);
  else if (type === 3) at.setUint16(p, value, little);
  else if (type === 4 || type === 13) at.setUint32(p, value, little);
  else if (type === 6) at.setInt8(p, value);
  else if (type === 8) at.setInt16(p, value, little);
  else if (type === 9) at.setInt32(p, value, little);
  else if (type === 11) at.setFloat32(p, value, little);
  else if (type === 12) at.setFloat64(p, value, little);
  else if (type === 16 || type === 18) at.setBigUint64(p, BigInt(value), little);
  else if (type === 17) at.setBigInt64(p, BigInt(value), little);
  else {
    if (type === 5) at.setUint32(p, value * 1000, little);
    else at.setInt32(p, value * 1000, little);
    at.setUint32(p + 4, 1000, little);
  }
}

/** A file of directories one after another, each followed by its values, `gap` bytes of other data between two of them. */
export function tiffFile(
  directories: readonly (readonly TestField[])[],
  { little = true, big = false, gap = 0 }: { little?: boolean; big?: boolean; gap?: number } = {},
): Uint8Array {
  const [header, head, entry, offset] = big ? [16, 8, 20, 8] : [8, 2, 12, 4];
  const sizes = directories.map((fields) => {
    let size = head + entry * fields.length + offset;
    for (const { type, values } of fields)
      if (values.length * valueBytes[type]! > offset) size += values.length * valueBytes[type]!;
    return size + (size & 1) + gap;
  });
  const out = new Uint8Array(sizes.reduce((sum, size) => sum + size, header));
  const at = new DataView(out.buffer);
  const word = (p: number, value: number): void =>
    big ? at.setBigUint64(p, BigInt(value), little) : at.setUint32(p, value, little);
  at.setUint16(0, little ? 0x4949 : 0x4d4d);
  at.setUint16(2, big ? 43 : 42, little);
  if (big) at.setUint16(4, 8, little);
  word(big ? 8 : 4, header);
  let start = header;
  for (const [i, fields] of directories.entries()) {
    if (big) word(start, fields.length);
    else at.setUint16(start, fields.length, little);
    let p = start + head;
    let free = p + entry * fields.length + offset;
    for (const { tag, type, values } of fields) {
      const bytes = valueBytes[type]!;
      at.setUint16(p, tag, little);
      at.setUint16(p + 2, type, little);
      word(p + 4, values.length);
      let place = p + 4 + offset;
      if (values.length * bytes > offset) {
        word(place, free);
        place = free;
        free += values.length * bytes;
      }
      for (const [k, value] of values.entries()) put(at, place + k * bytes, type, value, little);
      p += entry;
    }
    start += sizes[i]!;
    if (i + 1 < directories.length) word(p, start);
  }
  return out;
}
