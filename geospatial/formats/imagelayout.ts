/** How an image of a TIFF is cut into tiles or strips, and how these are coded. Sources: TIFF 6.0; TIFF Technical Notes 2 (JPEG) and 3; GDAL's GeoTIFF driver page. */
import { BadInput } from '../../core/errors.ts';
import type { CellType } from '../kernels/pyramid.ts';
import type { Directory, Tiff } from './directories.ts';

/** Plain JSON: what a worker needs to know of an image besides where the bytes of its tiles lie. */
export type Layout = {
  readonly width: number;
  readonly height: number;
  /** A strip is a tile as wide as the image. */
  readonly tileWidth: number;
  readonly tileHeight: number;
  readonly isTiled: boolean;
  /** Samples of a place; those of one tile are as many, or one where each band has tiles of its own. */
  readonly bands: number;
  readonly isPlanar: boolean;
  readonly bits: number;
  /** What samples are in the file, and what cells become. */
  readonly sample: 'unsigned' | 'signed' | 'float';
  readonly type: CellType;
  readonly compression: number;
  readonly predictor: number;
  readonly photometric: number;
  readonly isLittle: boolean;
  /** Bits of a byte come the least significant first. */
  readonly isReversed: boolean;
  /** Tables of JPEG, base64. */
  readonly tables?: string;
  /** What LERC's bytes went through after: 0 nothing, 1 DEFLATE, 2 ZSTD. */
  readonly lerc?: number;
};

const advice = 'write it anew, say with gdal_translate -co COMPRESS=DEFLATE';
const known: { readonly [code: number]: string } = {
  2: 'CCITT RLE',
  3: 'CCITT fax 3',
  4: 'CCITT fax 4',
  6: 'old JPEG',
  34712: 'JPEG 2000',
  34925: 'LZMA',
  50001: 'WebP',
  50002: 'JPEG XL',
  52546: 'JPEG XL',
};
export const compressions = {
  none: 1,
  lzw: 5,
  jpeg: 7,
  deflate: 8,
  packBits: 32_773,
  oldDeflate: 32_946,
  lerc: 34_887,
  zstd: 50_000,
} as const;
const read = new Set<number>(Object.values(compressions));

// GDAL, and whatever is built on it, counts cells in signed 32-bit integers.
const longest = 2 ** 31 - 1;
/** Bytes of a decoded tile. */
const mostTileBytes = 2 ** 30;
const mostBands = 65_535;

/**
 * @throws BadInput for sizes, samples and compressions that are not read, naming them
 */
export async function layoutOf(tiff: Tiff, directory: Directory, name: string): Promise<Layout> {
  const fail = (found: string, expected: string, advice = 'get the file again'): never => {
    throw new BadInput(
      `GeoTIFF: ${name}, directory at byte ${directory.at}: found ${found}, expected ${expected}; ${advice}`,
    );
  };
  const one = async (tag: number, fallback: number): Promise<number> =>
    (await tiff.numbers(directory, tag, 0, 1))?.[0] ?? fallback;
  const whole = async (tag: number, what: string, fallback: number, most: number): Promise<number> => {
    const value = await one(tag, fallback);
    if (!(Number.isInteger(value) && value >= 1 && value <= most)) fail(`${what} ${value}`, `1 to ${most}`);
    return value;
  };
  const width = await whole(256, 'width', NaN, longest);
  const height = await whole(257, 'height', NaN, longest);
  const bands = await whole(277, 'samples of a place', 1, mostBands);
  const isTiled = directory.fields.has(322);
  const tileWidth = isTiled ? await whole(322, 'tile width', NaN, longest) : width;
  const rows = isTiled ? await whole(323, 'tile height', NaN, longest) : await one(278, height);
  // 2^32 - 1 and more stand for one strip.
  const tileHeight = isTiled ? rows : Math.min(height, rows);
  if (!(Number.isInteger(tileHeight) && tileHeight >= 1)) fail(`rows of a strip ${rows}`, '1 or more');
  const planar = await one(284, 1);
  if (planar !== 1 && planar !== 2) fail(`planar configuration ${planar}`, '1 or 2');
  const isPlanar = planar === 2 && bands > 1;
  const bits = await same(258, 'bits of samples', 1);
  const code = await same(339, 'format of samples', 1);
  const compression = await one(259, 1);
  if (!read.has(compression))
    fail(
      `compression ${known[compression] ?? compression}`,
      'none, LZW, JPEG, DEFLATE, PackBits, LERC or ZSTD',
      advice,
    );
  const predictor = await one(317, 1);
  const photometric = await one(262, 1);
  if (photometric === 6 && compression !== compressions.jpeg)
    fail('YCbCr without JPEG', 'samples side by side', advice);
  const sample = code === 3 ? 'float' : code === 2 ? 'signed' : 'unsigned';
  if (code === 5 || code === 6) fail('complex samples', 'real ones', 'give its parts as bands of their own');
  if (![1, 2, 3, 4].includes(code)) fail(`format of samples ${code}`, '1 to 4');
  const type = typeOf(sample, bits) ?? fail(`${sample} samples of ${bits} bits`, '1 to 64 bits', advice);
  const isBytes = bits === 8 || bits === 16 || bits === 32 || bits === 64 || (bits === 24 && code === 3);
  const coded = compression === compressions.jpeg || compression === compressions.lerc;
  if (coded && !(isBytes && (compression !== compressions.jpeg || bits === 8)))
    fail(`${bits} bits in ${compression === compressions.jpeg ? 'JPEG' : 'LERC'}`, '8', advice);
  // What GDAL ignores: predictors belong to LZW, DEFLATE and ZSTD.
  const isPredicted = compression !== compressions.none && compression !== compressions.packBits && !coded;
  if (isPredicted && ![1, 2, 3].includes(predictor)) fail(`predictor ${predictor}`, '1, 2 or 3', advice);
  if (isPredicted && predictor > 1 && !isBytes) fail(`predictor with ${bits} bits`, 'whole bytes', advice);
  if (isPredicted && predictor === 3 && sample !== 'float') fail('predictor 3 of whole numbers', '1 or 2');
  const bytes = Math.ceil((tileWidth * (isPlanar ? 1 : bands) * bits) / 8) * tileHeight;
  if (bytes > mostTileBytes)
    fail(
      `tiles of ${tileWidth} x ${tileHeight} with ${bytes} bytes`,
      `${mostTileBytes} at most`,
      'write it anew, say with gdal_translate -of COG',
    );
  const tables = compression === compressions.jpeg ? await tiff.bytes(directory, 347) : undefined;
  const lerc =
    compression === compressions.lerc ? ((await tiff.numbers(directory, 50_674))?.[1] ?? 0) : undefined;
  return {
    width,
    height,
    tileWidth,
    tileHeight,
    isTiled,
    bands,
    isPlanar,
    bits,
    sample,
    type,
    compression,
    predictor: isPredicted ? predictor : 1,
    photometric,
    isLittle: tiff.little,
    isReversed: (await one(266, 1)) === 2,
    ...(tables ? { tables: Buffer.from(tables).toString('base64') } : {}),
    ...(lerc === undefined ? {} : { lerc }),
  };

  /** A value that all samples share; some writers name it once for all. */
  async function same(tag: number, what: string, fallback: number): Promise<number> {
    const values = (await tiff.numbers(directory, tag)) ?? [fallback];
    const [first = fallback] = values;
    if (!values.every((value) => value === first))
      fail(`${what} ${values.slice(0, 8).join(', ')}`, 'the same for all bands', advice);
    return first;
  }
}

function typeOf(sample: Layout['sample'], bits: number): CellType | undefined {
  if (!(Number.isInteger(bits) && bits >= 1 && bits <= 64)) return undefined;
  if (sample === 'float')
    return bits === 64 ? 'Float64' : bits === 16 || bits === 24 || bits === 32 ? 'Float32' : undefined;
  const isSigned = sample === 'signed';
  if (bits <= 8) return isSigned && bits === 8 ? 'Int8' : 'Uint8';
  if (bits <= 16) return isSigned ? 'Int16' : 'Uint16';
  if (bits <= 32) return isSigned ? 'Int32' : 'Uint32';
  return bits === 64 ? 'Float64' : undefined;
}

/** Tiles across and down, and of all bands. */
export function tilesIn({ width, height, tileWidth, tileHeight, isPlanar, bands }: Layout): {
  readonly columns: number;
  readonly rows: number;
  readonly planes: number;
} {
  return {
    columns: Math.ceil(width / tileWidth),
    rows: Math.ceil(height / tileHeight),
    planes: isPlanar ? bands : 1,
  };
}
