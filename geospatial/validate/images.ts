/** The images of a GeoTIFF and how they belong together: the full one, its overviews, their masks. Sources: TIFF 6.0, sections 8 and 15; GDAL's GTiff driver page. */
import { BadInput } from '../../core/errors.ts';
import type { Directory, Tiff } from '../formats/directories.ts';

/** What a directory says of its image. */
export type Image = {
  /** What it is called where people read of it. */
  readonly name: string;
  readonly directory: Directory;
  /** Cells. */
  readonly width: number;
  readonly height: number;
  readonly samples: number;
  readonly isTiled: boolean;
  /** Cells along the sides of a tile or strip. */
  readonly block: { readonly width: number; readonly height: number };
  /** Blocks side by side. */
  readonly columns: number;
  /** Blocks of a band; of all bands, where a block holds them all. */
  readonly perBand: number;
  /** All of them: band after band, row by row. */
  readonly blocks: number;
  /** The fields that hold their offsets and sizes. */
  readonly tags: { readonly offsets: number; readonly sizes: number };
};

/** A resolution of the raster. */
export type Level = { readonly image: Image; mask?: Image };

const tag = {
  kind: 254,
  width: 256,
  height: 257,
  bits: 258,
  stripOffsets: 273,
  samples: 277,
  rowsPerStrip: 278,
  stripSizes: 279,
  planar: 284,
  tileWidth: 322,
  tileHeight: 323,
  tileOffsets: 324,
  tileSizes: 325,
  format: 339,
} as const;

// Bits of the kind of an image (TIFF 6.0, NewSubfileType).
const reduced = 1;
const masks = 4;

// GDAL, and whatever is built on it, counts cells in signed 32-bit integers.
const longest = 2 ** 31 - 1;

/**
 * The full image, which the first directory holds, and its overviews in the order of their directories, each with its mask where there is
 * one. As GDAL does, it takes for an overview what is a smaller version of as many bands, and for a mask a transparency mask of one byte or
 * bit a cell, of the size of its image, whose directory it follows; other pages are no part of the raster.
 * @throws BadInput for an image without a size, or with fewer offsets than tiles
 */
export async function levelsOf(tiff: Tiff, name: string): Promise<Level[]> {
  const out: Level[] = [];
  for (const [i, directory] of tiff.directories.entries()) {
    const kind = i === 0 ? 0 : await one(tiff, directory, tag.kind, 0);
    const isMask = (kind & masks) !== 0;
    if (i > 0 && !isMask && (kind & reduced) === 0) continue;
    const level = out.length;
    const image = await imageOf(tiff, directory, name, level === 0 ? 'the full image' : `overview ${level}`);
    const [full] = out;
    if (!full) out.push({ image });
    else if (!isMask) {
      if (image.samples === full.image.samples) out.push({ image });
    } else {
      const candidates = (kind & reduced) === 0 ? [full] : out.slice(1);
      const masked = candidates.find(
        ({ image: { width, height }, mask }) => !mask && width === image.width && height === image.height,
      );
      const bits = await one(tiff, directory, tag.bits, 1);
      const isUnsigned = (await one(tiff, directory, tag.format, 1)) === 1;
      if (masked && bits <= 8 && isUnsigned && [1, full.image.samples].includes(image.samples))
        masked.mask = { ...image, name: `the mask of ${masked.image.name}` };
    }
  }
  return out;
}

/** The first number of a field, or what a missing field stands for. */
async function one(tiff: Tiff, directory: Directory, number: number, missing: number): Promise<number> {
  return (await tiff.numbers(directory, number, 0, 1))?.[0] ?? missing;
}

async function imageOf(tiff: Tiff, directory: Directory, name: string, called: string): Promise<Image> {
  const fail = (found: string, expected: string): never => {
    throw new BadInput(
      `GeoTIFF: directory at byte ${directory.at} of ${name} has ${found}, expected ${expected}; get the file again`,
    );
  };
  const value = (number: number, missing = 0): Promise<number> => one(tiff, directory, number, missing);
  const side = (text: string, found: number): number =>
    Number.isInteger(found) && found >= 1 && found <= longest
      ? found
      : fail(`${text} of ${found} cells`, `1 to ${longest}`);
  const width = side('a width', await value(tag.width));
  const height = side('a height', await value(tag.height));
  const samples = await value(tag.samples, 1);
  if (!(samples >= 1 && samples <= 65_535)) fail(`${samples} samples a cell`, '1 to 65535');
  const isTiled = directory.fields.has(tag.tileWidth);
  const block = isTiled
    ? {
        width: side('tiles', await value(tag.tileWidth)),
        height: side('tiles', await value(tag.tileHeight)),
      }
    : { width, height: side('strips', Math.min(height, await value(tag.rowsPerStrip, height))) };
  const columns = Math.ceil(width / block.width);
  const perBand = columns * Math.ceil(height / block.height);
  for (const number of [tag.bits, tag.format]) {
    const values = await tiff.numbers(directory, number, 0, samples);
    if (values?.some((v) => v !== values[0])) fail('samples of different kinds', 'one kind');
  }
  const planar = await value(tag.planar, 1);
  if (planar !== 1 && planar !== 2) fail(`a planar configuration of ${planar}`, '1 or 2');
  const blocks = perBand * (planar === 2 ? samples : 1);
  // libtiff, and so everyone, takes the fields of strips for those of tiles.
  const either = (tile: number, strip: number): number => (directory.fields.has(tile) ? tile : strip);
  const tags = {
    offsets: either(tag.tileOffsets, tag.stripOffsets),
    sizes: either(tag.tileSizes, tag.stripSizes),
  };
  for (const [text, number] of [
    ['offsets', tags.offsets],
    ['sizes', tags.sizes],
  ] as const) {
    const found = directory.fields.get(number)?.count ?? 0;
    if (found < blocks)
      fail(`${found} ${text} of ${isTiled ? 'tiles' : 'strips'}`, `${blocks} for ${width} x ${height} cells`);
  }
  return { name: called, directory, width, height, samples, isTiled, block, columns, perBand, blocks, tags };
}
