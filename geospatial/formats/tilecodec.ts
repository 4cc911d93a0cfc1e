/** The bytes of a tile of a TIFF to its cells, whatever they were compressed by. Sources: TIFF 6.0; TIFF Technical Notes 1 to 3; Esri's LERC; libtiff's ZSTD. */
import { messageOf } from '../../core/errors.ts';
import { inflateInPlace, inflateZlib } from '../../core/inflate.ts';
import { gatherPlanes, sumsOf } from './predictor.ts';
import { type Cells, cellArrays } from '../kernels/pyramid.ts';
import { decodeLzw, decodePackBits, swapBytes, unpackBits, widenFloats } from '../kernels/unpack.ts';
import { compressions, type Layout } from './imagelayout.ts';

/** Gives the cells of a tile of `rows` rows, those of its samples side by side, good until anything is decoded or compressed; throws an Error that says what is wrong. */
export type TileDecoder = (bytes: Uint8Array, rows: number) => Promise<Cells> | Cells;

/** Loads what the image's compression needs. */
export async function tileDecoder(layout: Layout): Promise<TileDecoder> {
  const { tileWidth, bands, isPlanar, bits, isReversed } = layout;
  const samples = isPlanar ? 1 : bands;
  const stride = Math.ceil((tileWidth * samples * bits) / 8);
  const inflate = await inflater(layout);
  return (given, rows) => {
    const expected = stride * rows;
    const finish = (bytes: Uint8Array): Cells => {
      if (bytes.length < expected) throw new Error(`${bytes.length} bytes of ${expected}`);
      return cellsOf(bytes.subarray(0, expected), layout, samples, rows);
    };
    const found = inflate(isReversed ? reversed(given) : given, expected, rows);
    return found instanceof Promise ? found.then(finish) : finish(found);
  };
}

type Inflate = (bytes: Uint8Array, length: number, rows: number) => Promise<Uint8Array> | Uint8Array;

async function inflater(layout: Layout): Promise<Inflate> {
  const { compression, tables, tileWidth, tileHeight, bands, isPlanar, bits, lerc } = layout;
  const samples = isPlanar ? 1 : bands;
  // The last strip is shorter, but may have been written in full.
  const full = Math.ceil((tileWidth * samples * bits) / 8) * tileHeight;
  switch (compression) {
    case compressions.none:
      return (bytes) => bytes;
    case compressions.lzw:
      return decodeLzw;
    case compressions.packBits:
      return decodePackBits;
    case compressions.deflate:
    case compressions.oldDeflate:
      return (bytes) => inflateInPlace(bytes, full);
    case compressions.zstd:
      return unzstd();
    case compressions.jpeg: {
      const { getDecoder } = await import('geotiff');
      const given = { tileWidth, tileHeight, planarConfiguration: 1, bitsPerSample: [8], predictor: 1 };
      return async (bytes, _length, rows) => {
        checkJpeg(bytes, tileWidth, Math.max(rows, tileHeight), samples);
        // One a tile: it keeps what it found.
        const decoder = await getDecoder(compressions.jpeg, {
          ...given,
          ...(tables === undefined ? {} : { JPEGTables: Buffer.from(tables, 'base64') }),
        } as never);
        return new Uint8Array(await decoder.decodeBlock(new Uint8Array(bytes).buffer as ArrayBuffer));
      };
    }
    default: {
      const { getDecoder } = await import('geotiff');
      const decoder = await getDecoder(compressions.lerc, {
        tileWidth,
        tileHeight,
        bitsPerSample: [8],
        predictor: 1,
        planarConfiguration: 1,
        LercParameters: [4, 0],
      } as never);
      const first = lerc === 2 ? await unzstd() : undefined;
      return async (bytes, _length, rows) => {
        const most = full + 2 ** 16;
        const blob = lerc === 1 ? inflateZlib(bytes, most) : first ? await first(bytes, most, rows) : bytes;
        checkLerc(blob, tileWidth * Math.max(rows, tileHeight));
        return new Uint8Array(await decoder.decodeBlock(new Uint8Array(blob).buffer as ArrayBuffer));
      };
    }
  }
}

async function unzstd(): Promise<Inflate> {
  const { ZSTDDecoder } = await import('zstddec');
  const decoder = new ZSTDDecoder();
  await decoder.init();
  return (bytes, length) => decoder.decode(bytes, length);
}

/** @throws Error where a JPEG says that it is larger than its tile, before memory is taken for it */
function checkJpeg(bytes: Uint8Array, width: number, height: number, samples: number): void {
  const at = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let i = 2; i + 10 < bytes.length;) {
    if (bytes[i] !== 0xff) return;
    const marker = bytes[i + 1]!;
    if (marker === 0xff) {
      i++;
      continue;
    }
    if (marker === 0xda) return;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) {
      const [high, wide, parts] = [at.getUint16(i + 5), at.getUint16(i + 7), bytes[i + 9]!];
      if (high > height || wide !== width || parts !== samples)
        throw new Error(`a JPEG of ${wide} x ${high} x ${parts}, expected ${width} x ${height} x ${samples}`);
      return;
    }
    i += 2 + at.getUint16(i + 2);
  }
}

/** @throws Error where LERC says that it is larger than its tile */
function checkLerc(bytes: Uint8Array, cells: number): void {
  const at = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = Buffer.from(bytes.subarray(0, 6)).toString('latin1');
  if (magic !== 'Lerc2 ') return;
  const rows = at.getInt32(6) === 0 ? 0 : at.getInt32(at.getInt32(6, true) >= 3 ? 14 : 10, true);
  const columns = at.getInt32(at.getInt32(6, true) >= 3 ? 18 : 14, true);
  if (!(rows >= 0 && columns >= 0 && rows * columns <= cells))
    throw new Error(`LERC of ${columns} x ${rows} cells, expected ${cells} at most`);
}

const turned = Uint8Array.from({ length: 256 }, (_, byte) => {
  let out = 0;
  for (let i = 0; i < 8; i++) out |= ((byte >> i) & 1) << (7 - i);
  return out;
});
const reversed = (bytes: Uint8Array): Uint8Array => bytes.map((byte) => turned[byte]!);

function cellsOf(given: Uint8Array, layout: Layout, samples: number, rows: number): Cells {
  const { tileWidth, bits, sample, type, compression, predictor, photometric, isLittle } = layout;
  const line = tileWidth * samples;
  const make = cellArrays[type];
  if (![8, 16, 24, 32, 64].includes(bits) || (bits === 24 && sample !== 'float')) {
    const out = new make(line * rows);
    unpackBits(given, bits, line, out, sample === 'signed');
    return out;
  }
  const size = bits / 8;
  // Values must lie at multiples of their size, and what was read may belong to others.
  const isOwn = compression !== compressions.none && given.byteOffset % 8 === 0;
  let bytes = isOwn ? given : new Uint8Array(given);
  // Planes of bytes have no order, LERC has one of its own.
  if (!isLittle && size > 1 && predictor !== 3 && compression !== compressions.lerc) swapBytes(bytes, size);
  if (predictor === 3) bytes = gatherPlanes(bytes, tileWidth, samples, size);
  const count = line * rows;
  if (predictor === 2) {
    if (bits === 24) throw new Error(`differences of ${bits} bits, expected 8, 16, 32 or 64`);
    bytes = sumsOf(bytes, tileWidth, samples, size);
  }
  if (bits === 64 && sample !== 'float') return wide(bytes, sample === 'signed');
  if (sample === 'float' && (bits === 16 || bits === 24)) return widenFloats(bytes, bits);
  const cells = new make(bytes.buffer as ArrayBuffer, bytes.byteOffset, count);
  if (compression === compressions.jpeg && photometric === 6 && samples === 3) toRgb(cells);
  return cells;
}

/** Whole numbers of 64 bits, as floats: exact up to 2^53. */
function wide(bytes: Uint8Array, isSigned: boolean): Float64Array {
  const values = new BigUint64Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 8);
  const signed = new BigInt64Array(values.buffer, values.byteOffset, values.length);
  return Float64Array.from({ length: values.length }, (_, i) => Number(isSigned ? signed[i]! : values[i]!));
}

/** YCbCr of JFIF to red, green and blue, in place, as libjpeg rounds (ITU-T T.871, 7). */
function toRgb(cells: Cells): void {
  const bound = (value: number): number => Math.max(0, Math.min(255, value));
  for (let i = 0; i + 2 < cells.length; i += 3) {
    const [y, cb, cr] = [cells[i]!, cells[i + 1]! - 128, cells[i + 2]! - 128];
    cells[i] = bound(y + Math.floor((91_881 * cr + 32_768) / 65_536));
    cells[i + 1] = bound(y + Math.floor((-22_554 * cb - 46_802 * cr + 32_768) / 65_536));
    cells[i + 2] = bound(y + Math.floor((116_130 * cb + 32_768) / 65_536));
  }
}

/** What went wrong with a tile, in a few words. */
export const faultOf = (error: unknown): string => messageOf(error).split('\n')[0]!;
