/** Image file directories of little-endian TIFF and BigTIFF, as bytes. Sources: TIFF 6.0, section 2; BigTIFF design (libtiff). */

const fieldTypes = {
  ascii: { code: 2, bytes: 1 },
  short: { code: 3, bytes: 2 },
  long: { code: 4, bytes: 4 },
  double: { code: 12, bytes: 8 },
  long8: { code: 16, bytes: 8 },
} as const;

/** One tag. `ascii` values are bytes and end with 0; `long8` values are whole numbers up to 2^53. */
export type Field = {
  readonly tag: number;
  readonly type: keyof typeof fieldTypes;
  readonly values: ArrayLike<number>;
};

/** Bytes of a text field: UTF-8 and the terminating 0. */
export const asciiValues = (text: string): Uint8Array => new TextEncoder().encode(`${text}\0`);

/** Bytes of a file header: byte order, version, offset of the first directory. */
export const headerLength = (big: boolean): number => (big ? 16 : 8);

/** The file header, for a first directory at byte `first`. */
export function encodeHeader(first: number, big: boolean): Uint8Array {
  const out = new Uint8Array(headerLength(big));
  const view = new DataView(out.buffer);
  view.setUint16(0, 0x4949, true);
  view.setUint16(2, big ? 43 : 42, true);
  if (big) {
    view.setUint16(4, 8, true);
    view.setBigUint64(8, BigInt(first), true);
  } else view.setUint32(4, first, true);
  return out;
}

const align = (n: number): number => Math.ceil(n / 8) * 8;
const bytesOf = (field: Field): number => field.values.length * fieldTypes[field.type].bytes;
const sizes = (big: boolean) =>
  big ? { count: 8, entry: 20, offset: 8 } : { count: 2, entry: 12, offset: 4 };

/** Bytes of a directory and of the values that do not fit in its entries: a multiple of 8. Values play no part, only their counts do. */
export function directoryLength(fields: readonly Field[], big: boolean): number {
  const { count, entry, offset } = sizes(big);
  let length = align(count + entry * fields.length + offset);
  for (const field of fields) if (bytesOf(field) > offset) length += align(bytesOf(field));
  return length;
}

/**
 * A directory that stands at byte `start`, a multiple of 8, followed by its values; `next` is where the next one stands, 0 for none.
 * `fields` ascend by tag (TIFF 6.0, section 2).
 */
export function encodeDirectory(
  fields: readonly Field[],
  start: number,
  next: number,
  big: boolean,
): Uint8Array {
  const { count, entry, offset } = sizes(big);
  const out = new Uint8Array(directoryLength(fields, big));
  const view = new DataView(out.buffer);
  const putOffset = (at: number, value: number): void =>
    big ? view.setBigUint64(at, BigInt(value), true) : view.setUint32(at, value, true);
  if (big) view.setBigUint64(0, BigInt(fields.length), true);
  else view.setUint16(0, fields.length, true);
  let at = count;
  let free = align(count + entry * fields.length + offset);
  for (const field of fields) {
    view.setUint16(at, field.tag, true);
    view.setUint16(at + 2, fieldTypes[field.type].code, true);
    putOffset(at + 4, field.values.length);
    const slot = at + 4 + offset;
    if (bytesOf(field) <= offset) putValues(view, slot, field);
    else {
      putOffset(slot, start + free);
      putValues(view, free, field);
      free += align(bytesOf(field));
    }
    at += entry;
  }
  putOffset(at, next);
  return out;
}

function putValues(view: DataView, at: number, { type, values }: Field): void {
  const { bytes } = fieldTypes[type];
  for (let i = 0; i < values.length; i++) {
    const [place, value] = [at + i * bytes, values[i]!];
    if (type === 'ascii') view.setUint8(place, value);
    else if (type === 'short') view.setUint16(place, value, true);
    else if (type === 'long') view.setUint32(place, value, true);
    else if (type === 'double') view.setFloat64(place, value, true);
    else {
      view.setUint32(place, value % 2 ** 32, true);
      view.setUint32(place + 4, Math.floor(value / 2 ** 32), true);
    }
  }
}
