/** Steps through the little-endian fields of an index. */
import { BadInput } from '../../core/errors.ts';
import type { Virtual } from './bgzf.ts';

/** A place in the bytes of an index. Reading past the end throws BadInput. */
export type Cursor = {
  readonly kind: 'BAI' | 'CSI' | 'TBI';
  readonly uri: string;
  i32(): number;
  u32(): number;
  /** An unsigned number of 64 bits; not exact above 2^53. */
  u64(): number;
  virtual(): Virtual;
  /** Letters of a byte each. */
  text(bytes: number): string;
  skip(bytes: number): void;
  /** Bytes left. */
  left(): number;
  fail(why: string): BadInput;
};

/** From behind the magic of an index; errors name `kind` and `uri`. */
export function cursorOf(kind: Cursor['kind'], uri: string, bytes: Uint8Array): Cursor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = 4;
  const fail = (why: string): BadInput =>
    new BadInput(
      `${kind}: ${why} in ${uri}; index it again with ${kind === 'TBI' ? 'tabix' : 'samtools index'}`,
    );
  const step = (length: number): number => {
    if (at + length > bytes.length)
      throw fail(`found the end at byte ${bytes.length}, expected ${length} bytes more at ${at}: truncated`);
    at += length;
    return at - length;
  };
  return {
    kind,
    uri,
    fail,
    i32: () => view.getInt32(step(4), true),
    u32: () => view.getUint32(step(4), true),
    u64: () => {
      const start = step(8);
      return view.getUint32(start, true) + view.getUint32(start + 4, true) * 2 ** 32;
    },
    virtual: () => {
      const start = step(8);
      return [
        view.getUint16(start + 2, true) + view.getUint32(start + 4, true) * 65536,
        view.getUint16(start, true),
      ];
    },
    text: (length) => Buffer.from(bytes.buffer, bytes.byteOffset + step(length), length).toString('latin1'),
    skip: (length) => void step(length),
    left: () => bytes.length - at,
  };
}

/** The next field, a count of items of `size` bytes or more, checked against what is left before memory is taken. */
export function readCount(cursor: Cursor, what: string, size: number): number {
  const n = cursor.i32();
  if (n < 0 || n * size > cursor.left())
    throw cursor.fail(`found ${what} = ${n}, expected 0 to ${Math.floor(cursor.left() / size)}`);
  return n;
}
