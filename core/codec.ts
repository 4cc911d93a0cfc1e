/** How a result becomes bytes and comes back. */
import type { Json } from './json.ts';
import { canonical } from './json.ts';

/** `encode` is deterministic: equal results, equal bytes. */
export interface Codec<R> {
  encode(result: R): Uint8Array;
  decode(bytes: Uint8Array): R;
}

export function json<T extends Json>(): Codec<T> {
  return {
    encode: (value) => new TextEncoder().encode(canonical(value)),
    decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)) as T,
  };
}

const columnTypes = { Uint8Array, Uint16Array, Uint32Array, Int32Array, Float32Array, Float64Array };
export type Column = InstanceType<(typeof columnTypes)[keyof typeof columnTypes]>;
/** JSON that may hold typed arrays anywhere. */
export type Columns = Json | Column | readonly Columns[] | { readonly [key: string]: Columns };

/**
 * JSON with typed arrays inside: a u32 length, the canonical JSON in which a column is `{"$": [type, byte offset, length]}`,
 * then the columns, each aligned to 8 bytes. Little-endian, as every host that runs this is.
 */
export function columns<T extends Columns>(): Codec<T> {
  return { encode, decode: (bytes) => decode(bytes) as T };
}

const align = (n: number): number => (n + 7) & ~7;

function encode(value: Columns): Uint8Array {
  const found: { column: Column; offset: number }[] = [];
  let end = 0;
  const plain = (v: Columns): Json => {
    if (ArrayBuffer.isView(v)) {
      const column = v as Column;
      const offset = align(end);
      end = offset + column.byteLength;
      found.push({ column, offset });
      return { $: [column.constructor.name, offset, column.length] };
    }
    if (Array.isArray(v)) return v.map(plain);
    if (v !== null && typeof v === 'object') {
      const object = v as { readonly [key: string]: Columns };
      // The order of columns follows the sorted keys, as the text does.
      return Object.fromEntries(
        Object.keys(object)
          .sort()
          .map((k) => [k, plain(object[k]!)]),
      );
    }
    return v as Json;
  };
  const head = new TextEncoder().encode(canonical(plain(value)));
  const body = align(4 + head.length);
  const out = new Uint8Array(body + end);
  new DataView(out.buffer).setUint32(0, head.length, true);
  out.set(head, 4);
  for (const { column, offset } of found)
    out.set(new Uint8Array(column.buffer, column.byteOffset, column.byteLength), body + offset);
  return out;
}

function decode(given: Uint8Array): Columns {
  // A blob may be a view at any offset; columns need theirs aligned.
  // (`slice` of a Buffer would be another view.)
  const bytes = given.byteOffset % 8 === 0 ? given : new Uint8Array(given);
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  const body = bytes.byteOffset + align(4 + length);
  const revive = (_key: string, v: unknown): unknown => {
    if (v === null || typeof v !== 'object' || !Object.hasOwn(v, '$')) return v;
    const [type, offset, count] = (v as { $: [keyof typeof columnTypes, number, number] }).$;
    return new columnTypes[type](bytes.buffer as ArrayBuffer, body + offset, count);
  };
  return JSON.parse(new TextDecoder().decode(bytes.subarray(4, 4 + length)), revive) as Columns;
}
