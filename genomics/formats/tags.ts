/** The tags of an alignment record (SAM spec 4.2.4). */
import { field } from './record.ts';

/** The two letters of a tag as one number. */
export const tagCode = (name: string): number => name.charCodeAt(0) | (name.charCodeAt(1) << 8);

/** Bytes of a value by the type's letter; 0 for text, arrays and unknown types. */
const sizes = new Uint8Array(256);
for (const [type, size] of Object.entries({ A: 1, c: 1, C: 1, s: 2, S: 2, i: 4, I: 4, f: 4, d: 8 }))
  sizes[type.charCodeAt(0)] = size;
const [text, hex, array] = ['Z', 'H', 'B'].map((type) => type.charCodeAt(0)) as [number, number, number];

/** Where the tags of the record at a byte begin. */
export function tagsAt(view: DataView, at: number): number {
  const length = view.getInt32(at + field.seqLength, true);
  const cigar = at + field.name + view.getUint8(at + field.nameLength);
  return cigar + 4 * view.getUint16(at + field.cigarLength, true) + ((length + 1) >>> 1) + length;
}

/**
 * Looks for tags in one pass. `slots[tagCode]` is one more than the place in `found` of a tag that is looked for, 0 for others. Of each it
 * puts where the type's letter is, of the first one that has the name, or -1. Ends with a tag that is damaged.
 */
export function findTags(
  bytes: Uint8Array,
  start: number,
  end: number,
  slots: Uint8Array,
  found: Int32Array,
): void {
  found.fill(-1);
  let at = start;
  while (at + 3 < end) {
    const slot = slots[bytes[at]! | (bytes[at + 1]! << 8)]!;
    const type = bytes[at + 2]!;
    const value = at + 3;
    const size = sizes[type]!;
    if (size > 0) at = value + size;
    else if (type === text || type === hex) {
      at = value;
      while (at < end && bytes[at] !== 0) at++;
      at++;
    } else if (type === array && value + 5 <= end) {
      const count =
        bytes[value + 1]! +
        (bytes[value + 2]! << 8) +
        (bytes[value + 3]! << 16) +
        bytes[value + 4]! * 2 ** 24;
      const item = sizes[bytes[value]!]!;
      if (item === 0) return;
      at = value + 5 + item * count;
    } else return;
    if (at > end) return;
    if (slot > 0 && found[slot - 1]! < 0) found[slot - 1] = value - 1;
  }
}

/** The whole number of a tag whose type is at `at`; 0 for other types. */
export function tagInteger(view: DataView, at: number): number {
  switch (String.fromCharCode(view.getUint8(at))) {
    case 'c':
      return view.getInt8(at + 1);
    case 'C':
      return view.getUint8(at + 1);
    case 's':
      return view.getInt16(at + 1, true);
    case 'S':
      return view.getUint16(at + 1, true);
    case 'i':
      return view.getInt32(at + 1, true);
    case 'I':
      return view.getUint32(at + 1, true);
    default:
      return 0;
  }
}

/** Where the text of a tag whose type is at `at` ends; -1 when it is none. */
export function tagTextEnd(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== text && bytes[at] !== hex) return -1;
  let end = at + 1;
  while (end < bytes.length && bytes[end] !== 0) end++;
  return end;
}
