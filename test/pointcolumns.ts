/** Points as plain columns, from raw records by the LAS specification alone, and from files by the kernel; for tests to compare. */
import { readFileSync } from 'node:fs';
import { readLas, recordLengths } from '../geospatial/formats/las.ts';
import { cutRuns, readRun } from '../geospatial/formats/points.ts';
import { allFields, createCodec, type Codec } from '../geospatial/kernels/codec.ts';
import { lazUrl } from '../geospatial/kernels/modules.ts';
import { sourceOf } from './lasfile.ts';

export type PlainPoints = { readonly [name: string]: number[] };

export const names = [
  'x',
  'y',
  'z',
  'returns',
  'flags',
  'classes',
  'intensity',
  'angle',
  'user',
  'source',
  'time',
  'red',
  'green',
  'blue',
  'nir',
  'extra',
] as const;

const empty = (): PlainPoints => Object.fromEntries(names.map((name) => [name, []]));

export const lazModule = new WebAssembly.Module(readFileSync(lazUrl()));
export const codec: Codec = createCodec(lazModule);

/** LAS 1.4 R15, tables 7 to 17. */
export function columnsOfRecords(records: Uint8Array, pdrf: number, recordLength: number): PlainPoints {
  const out = empty();
  const at = new DataView(records.buffer, records.byteOffset, records.byteLength);
  const put = (name: (typeof names)[number], value: number): void => void out[name]!.push(value);
  const colorAt = [0, 0, 20, 28, 0, 28, 0, 30, 30, 0, 30][pdrf]!;
  for (let p = 0; p < records.length; p += recordLength) {
    put('x', at.getInt32(p, true));
    put('y', at.getInt32(p + 4, true));
    put('z', at.getInt32(p + 8, true));
    put('intensity', at.getUint16(p + 12, true));
    const [a, b] = [at.getUint8(p + 14), at.getUint8(p + 15)];
    put('returns', pdrf < 6 ? (a & 7) | (((a >> 3) & 7) << 4) : a);
    put('flags', pdrf < 6 ? (b >> 5) | (a & 0xc0) : b);
    put('classes', pdrf < 6 ? b & 31 : at.getUint8(p + 16));
    put('user', at.getUint8(p + 17));
    put('angle', pdrf < 6 ? at.getInt8(p + 16) : at.getInt16(p + 18, true));
    put('source', at.getUint16(p + (pdrf < 6 ? 18 : 20), true));
    if (pdrf >= 6) put('time', at.getFloat64(p + 22, true));
    else put('time', pdrf === 1 || pdrf >= 3 ? at.getFloat64(p + 20, true) : 0);
    if (colorAt > 0) {
      put('red', at.getUint16(p + colorAt, true));
      put('green', at.getUint16(p + colorAt + 2, true));
      put('blue', at.getUint16(p + colorAt + 4, true));
    }
    if (pdrf === 8 || pdrf === 10) put('nir', at.getUint16(p + 36, true));
    for (let k = recordLengths[pdrf]!; k < recordLength; k++) put('extra', at.getUint8(p + k));
  }
  return out;
}

/** All points of a file, in its order; `wanted` as the kernel takes it. */
export async function columnsOfFile(
  bytes: Uint8Array,
  wanted = allFields,
  split = 1e9,
): Promise<PlainPoints> {
  const out = empty();
  const source = sourceOf(bytes);
  const las = await readLas(source, 'x.laz');
  const hasColor = [2, 3, 5, 7, 8, 10].includes(las.pdrf);
  const hasNir = las.pdrf === 8 || las.pdrf === 10;
  for (const run of await cutRuns(source, las, split)) {
    let next = run.first;
    const reading = readRun(source, run, 'x.laz', codec, wanted, (points, first) => {
      if (first !== next) throw new Error(`point ${first}, expected ${next}`);
      next += points.count;
      for (const name of names) {
        if (['red', 'green', 'blue'].includes(name) && !hasColor) continue;
        if (name === 'nir' && !hasNir) continue;
        for (const value of points[name]) out[name]!.push(value);
      }
    });
    for await (const _ of reading);
  }
  return out;
}

/** The records of a LAS file as they stand. */
export async function recordsOf(
  bytes: Uint8Array,
): Promise<{ records: Uint8Array; pdrf: number; recordLength: number }> {
  const { pointsOffset, recordLength, count, pdrf } = await readLas(sourceOf(bytes), 'x.las');
  return { records: bytes.subarray(pointsOffset, pointsOffset + count * recordLength), pdrf, recordLength };
}
