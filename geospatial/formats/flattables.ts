/** Tables of FlatBuffers, read with every offset and length checked, since files are not to be trusted. Source: flatbuffers.dev, "FlatBuffer Internals". */

/** Reads one buffer. Places are bytes from its start. All throw RangeError for what lies outside of it. */
export type FlatReader = {
  readonly view: DataView;
  /** The table at a place that holds an offset to it. */
  table(at: number): FlatTable;
};

/** Fields by number; each gives what the schema has as its default where the table has none. */
export type FlatTable = {
  byte(field: number, fallback?: number): number;
  short(field: number, fallback?: number): number;
  int(field: number, fallback?: number): number;
  long(field: number): bigint;
  text(field: number): string | undefined;
  /** Where the members of a vector begin, and how many there are, each of `size` bytes. */
  vector(field: number, size: number): { readonly at: number; readonly length: number } | undefined;
  tables(field: number): FlatTable[];
  inner(field: number): FlatTable | undefined;
};

/** A reader of `[start, end)` of some bytes. */
export function flatReader(bytes: Uint8Array, start: number, end: number): FlatReader {
  if (!(start >= 0 && start <= end && end <= bytes.length))
    throw new RangeError(`bytes ${start} to ${end} of ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, end - start);
  const follow = (at: number): number => at + view.getUint32(at, true);
  // What a file has once is read once; offsets that lead to the same bytes over and over would make much of little.
  let rest = 2 * view.byteLength;
  const vectorAt = (at: number, size: number) => {
    const length = view.getUint32(at, true);
    rest -= 4 + length * size;
    if (at + 4 + length * size > view.byteLength)
      throw new RangeError(`${length} members at byte ${start + at}, beyond its end`);
    if (rest < 0) throw new RangeError('offsets lead to the same bytes over and over');
    return { at: at + 4, length };
  };
  const text = new TextDecoder('utf-8');
  const tableAt = (at: number): FlatTable => {
    const fields = at - view.getInt32(at, true);
    const size = view.getUint16(fields, true);
    const placeOf = (field: number): number | undefined => {
      const slot = 4 + 2 * field;
      const offset = slot + 2 <= size ? view.getUint16(fields + slot, true) : 0;
      return offset === 0 ? undefined : at + offset;
    };
    const scalar =
      <T>(read: (place: number) => T) =>
      (field: number, fallback: T): T => {
        const place = placeOf(field);
        return place === undefined ? fallback : read(place);
      };
    const byte = scalar((place) => view.getUint8(place));
    const short = scalar((place) => view.getUint16(place, true));
    const int = scalar((place) => view.getInt32(place, true));
    const long = scalar((place) => view.getBigUint64(place, true));
    const vector = (field: number, width: number) => {
      const place = placeOf(field);
      return place === undefined ? undefined : vectorAt(follow(place), width);
    };
    return {
      byte: (field, fallback = 0) => byte(field, fallback),
      short: (field, fallback = 0) => short(field, fallback),
      int: (field, fallback = 0) => int(field, fallback),
      long: (field) => long(field, 0n),
      text(field) {
        const found = vector(field, 1);
        return found && text.decode(new Uint8Array(view.buffer, view.byteOffset + found.at, found.length));
      },
      vector,
      tables(field) {
        const found = vector(field, 4);
        return Array.from({ length: found?.length ?? 0 }, (_, i) => tableAt(follow(found!.at + 4 * i)));
      },
      inner(field) {
        const place = placeOf(field);
        return place === undefined ? undefined : tableAt(follow(place));
      },
    };
  };
  return { view, table: (at) => tableAt(follow(at)) };
}
