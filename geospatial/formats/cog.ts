/** Cloud-Optimized GeoTIFF, written in one pass. Sources: OGC COG 1.0 (21-026); GDAL's COG driver page, "Header ghost area" and "Tile data leader and trailer". */
import { deflateRoom } from '../../core/deflate.ts';
import type { Sink } from '../../core/job.ts';
import { predict } from './predictor.ts';
import type { Cells, CellType, Coding, Level } from '../kernels/pyramid.ts';
import { cellArrays, isFloat, levels } from '../kernels/pyramid.ts';
import { type Grid, tileSide } from '../kernels/grid.ts';
import { deflateTile } from './deflate.ts';
import type { GeoKeys } from './geokeys.ts';
import { type BandNote, encodeGdalMetadata } from './gdalmetadata.ts';
import { compressions } from './imagelayout.ts';
import type { Field } from './tiff.ts';
import { asciiValues, directoryLength, encodeDirectory, encodeHeader, headerLength } from './tiff.ts';

/** Where cells lie: x = t[0] * column + t[1] * row + t[2], y = t[3] * column + t[4] * row + t[5], of cell corners and in units of the CRS; STAC's `proj:transform`. */
export type Transform = readonly [number, number, number, number, number, number];

/** A north-up grid of square cells as such. */
export const transformOf = ({ west, north, cell }: Grid): Transform => [cell, 0, west, 0, -cell, north];

/** A raster on a regular grid. */
export type Raster = {
  readonly width: number;
  readonly height: number;
  readonly type: CellType;
  /** Cells along the side of a tile: a multiple of 16. */
  readonly side: number;
  /** Side by side in the file's tiles. */
  readonly bands: readonly BandNote[];
  readonly nodata?: number;
  readonly transform?: Transform;
  readonly crs?: GeoKeys;
  /** The first three bands are red, green and blue. */
  readonly isColor?: boolean;
  /** The last band is alpha: 0 where there is nothing. */
  readonly hasAlpha?: boolean;
  /** Colours of the cells 0, 1, ...: red, green and blue from 0 to 255. */
  readonly palette?: readonly (readonly [number, number, number])[];
  /** A mask beside the bands says which places hold something. */
  readonly masked?: boolean;
  /** How tiles of the image are coded: DEFLATE with a predictor unless told. Those of masks are DEFLATE without one. */
  readonly coding?: Coding;
};

/**
 * One tile as it stands in the file: predictor 3 (floats) or 2 (whole numbers), then zlib DEFLATE. `values` holds side x side places of `bands` values,
 * row-major, padded by the caller with nodata; it is left as it is. The same bytes for the same cells everywhere.
 * @throws RangeError for another number of cells
 */
export function encodeTile(
  values: Cells,
  { side, bands }: { readonly side: number; readonly bands: number } = { side: tileSide, bands: 1 },
): Uint8Array {
  const expected = side * side * bands;
  if (values.length !== expected)
    throw new RangeError(`tile of ${values.length} cells, expected ${expected}`);
  return deflateTile(predict(values, side, bands, deflateRoom(values.byteLength)));
}

const promises = [
  'LAYOUT=IFDS_BEFORE_DATA',
  'BLOCK_ORDER=ROW_MAJOR',
  'BLOCK_LEADER=SIZE_AS_UINT4',
  'BLOCK_TRAILER=LAST_4_BYTES_REPEATED',
  'KNOWN_INCOMPATIBLE_EDITION=NO',
  // An editor that breaks the layout turns NO into YES: the blank makes room for it.
  ' ',
].join('\n');
// The blanks fill the place up to where a directory may stand.
const promiseOfMasks = 'MASK_INTERLEAVED_WITH_IMAGERY=YES\n       ';
/** GDAL's "Header ghost area": what readers may count on. */
function ghostOf({ masked }: Raster): Uint8Array {
  const said = masked ? promises + promiseOfMasks : promises;
  return new TextEncoder().encode(
    `GDAL_STRUCTURAL_METADATA_SIZE=${String(said.length).padStart(6, '0')} bytes\n${said}`,
  );
}
// A tile's size before it, its last four bytes again after it.
const leader = 4;
const trailer = 4;

/** Bytes of tiles by level and by `row * columns + column`; 0 for one that is left out. */
type Sizes = readonly Uint32Array[];

/**
 * Streams a valid COG: ghost area, directories (the full level first), then the tiles, the smallest overview first, row by row, each between its
 * 4-byte size and its last 4 bytes repeated. `sizes[level][row * columns + column]` is the number of bytes of a tile, 0 for a tile without
 * any data: such a tile is left out (offset and count 0) and reads as nodata, or as 0 where there is none (geotiff 3.0.5 reads 0 for a nodata
 * of NaN, too). `tile(level, index)` is called in the order of the file, never for a tile left out. Of a raster with a mask, `masks` are the sizes of
 * its tiles, 0 where that of the image is: `tile` is called for the image and then for the mask, which follows it in the file. BigTIFF when the file would pass
 * 4 GiB. Memory: 24 bytes a tile, and two tiles.
 * @throws RangeError for sizes that are not those of the raster's levels, a nodata value that the cell type cannot hold, or a tile of another size than promised
 */
export async function writeCog(
  sink: Sink,
  raster: Raster,
  sizes: Sizes,
  tile: (level: number, index: number) => Promise<Uint8Array>,
  masks?: Sizes,
): Promise<void> {
  const shape = levels(raster, raster.side);
  // A raster that has no tiles has none of its mask.
  const sizesOfMasks =
    masks ?? (raster.masked ? sizes.map(({ length }) => new Uint32Array(length)) : undefined);
  check(raster, shape, sizes, sizesOfMasks);
  const layout = place(raster, shape, sizes, sizesOfMasks);
  const start = new Uint8Array(layout.starts[0]!);
  start.set(encodeHeader(layout.starts[0]!, layout.big));
  start.set(ghostOf(raster), headerLength(layout.big));
  await sink.write(start);
  for (const [i, fields] of layout.directories.entries())
    await sink.write(encodeDirectory(fields, layout.starts[i]!, layout.starts[i + 1] ?? 0, layout.big));
  // A tile is read while the one before is written.
  let written: Promise<void> | undefined;
  const put = async (level: number, index: number, size: number): Promise<void> => {
    const bytes = await tile(level, index);
    if (bytes.length !== size)
      throw new RangeError(`tile ${index} of level ${level} has ${bytes.length} bytes, expected ${size}`);
    const block = new Uint8Array(leader + size + trailer);
    new DataView(block.buffer).setUint32(0, size, true);
    block.set(bytes, leader);
    // A zlib stream has at least 8 bytes: 2 of header, 2 of data, 4 of checksum; a frame of Zstandard has 9.
    block.copyWithin(leader + size, size, leader + size);
    await written;
    written = sink.write(block);
    // Whoever waits for it hears of what went wrong; should a tile fail before, that is what matters.
    written.catch(() => {});
  };
  for (const { level, index, size, mask } of inOrder(sizes, sizesOfMasks)) {
    await put(level, index, size);
    if (mask > 0) await put(level, index, mask);
  }
  await written;
}

/** Tiles that are there in the order of the file, and the bytes of their masks, 0 without one. */
function* inOrder(sizes: Sizes, masks: Sizes | undefined) {
  for (let level = sizes.length - 1; level >= 0; level--)
    for (const [index, size] of sizes[level]!.entries())
      if (size > 0) yield { level, index, size, mask: masks?.[level]![index] ?? 0 };
}

function check(raster: Raster, shape: readonly Level[], sizes: Sizes, masks: Sizes | undefined): void {
  const expected = shape.map(({ columns, rows }) => columns * rows).join(', ');
  for (const all of masks ? [sizes, masks] : [sizes]) {
    const found = all.map((s) => s.length).join(', ');
    if (found !== expected) throw new RangeError(`tiles of the levels: found ${found}, expected ${expected}`);
    for (const level of all)
      for (const size of level)
        if (size > 0 && size < 8)
          throw new RangeError(`tile of ${size} bytes, expected a compressed one or 0`);
  }
  for (const [level, own] of (masks ?? []).entries())
    for (const [index, size] of own.entries())
      if (size > 0 !== sizes[level]![index]! > 0)
        throw new RangeError(
          `tile ${index} of level ${level}: found a mask or an image, expected both or none`,
        );
  const { type, nodata } = raster;
  if (nodata === undefined) return;
  const held = cellArrays[type].of(nodata)[0]!;
  if (!Object.is(held, nodata) && held !== nodata)
    throw new RangeError(`nodata ${nodata}, expected a value that ${type} holds`);
}

/** Where everything stands: `starts[i]` of each directory, and the directories with their tiles' offsets. */
function place(raster: Raster, shape: readonly Level[], sizes: Sizes, masks: Sizes | undefined) {
  const offsets = sizes.map((s) => new Float64Array(s.length));
  const offsetsOfMasks = (masks ?? []).map((s) => new Float64Array(s.length));
  const describe = (big: boolean): Field[][] => {
    const images = shape.map((level, i) => fieldsOf(raster, level, i > 0, offsets[i]!, sizes[i]!, big));
    const ofMasks = offsetsOfMasks.map((own, i) =>
      maskFields(raster, shape[i]!, i > 0, own, masks![i]!, big),
    );
    // As GDAL has it: the mask of the full level behind that, those of overviews behind these.
    return [...images.slice(0, 1), ...ofMasks.slice(0, 1), ...images.slice(1), ...ofMasks.slice(1)];
  };
  const measure = (big: boolean) => {
    const directories = describe(big);
    const starts: number[] = [];
    // BigTIFF wants directories at multiples of 8.
    let end = Math.ceil((headerLength(big) + ghostOf(raster).length) / 8) * 8;
    for (const fields of directories) {
      starts.push(end);
      end += directoryLength(fields, big);
    }
    const data = end;
    for (const { size, mask } of inOrder(sizes, masks)) end += framed(size) + framed(mask);
    return { big, directories, starts, data, end };
  };
  const classic = measure(false);
  const layout = classic.end < 2 ** 32 ? classic : measure(true);
  let at = layout.data;
  for (const { level, index, size, mask } of inOrder(sizes, masks)) {
    offsets[level]![index] = at + leader;
    at += framed(size);
    if (mask > 0) offsetsOfMasks[level]![index] = at + leader;
    at += framed(mask);
  }
  return layout;
}

/** Bytes of a tile with its frame. */
const framed = (size: number): number => (size > 0 ? leader + size + trailer : 0);

/** A mask's directory: one bit a cell, 1 where there is something (TIFF 6.0, NewSubfileType). */
function maskFields(
  { side }: Raster,
  level: Level,
  overview: boolean,
  offsets: Float64Array,
  sizes: Uint32Array,
  big: boolean,
): Field[] {
  return [
    { tag: 254, type: 'long', values: [overview ? 5 : 4] },
    { tag: 256, type: 'long', values: [level.width] },
    { tag: 257, type: 'long', values: [level.height] },
    { tag: 258, type: 'short', values: [1] },
    { tag: 259, type: 'short', values: [compressions.deflate] },
    // A transparency mask.
    { tag: 262, type: 'short', values: [4] },
    { tag: 277, type: 'short', values: [1] },
    { tag: 284, type: 'short', values: [1] },
    { tag: 322, type: 'long', values: [side] },
    { tag: 323, type: 'long', values: [side] },
    { tag: 324, type: big ? 'long8' : 'long', values: offsets },
    { tag: 325, type: 'long', values: sizes },
  ];
}

function fieldsOf(
  raster: Raster,
  level: Level,
  overview: boolean,
  offsets: Float64Array,
  sizes: Uint32Array,
  big: boolean,
): Field[] {
  const { type, side, bands, coding } = raster;
  const { compression, predictor } = coding ?? { compression: 'deflate', predictor: true };
  const each = (value: number): number[] => bands.map(() => value);
  const colors = raster.isColor ? 3 : 1;
  const more = bands.length - colors;
  const float = isFloat(type);
  const fields: Field[] = [
    { tag: 256, type: 'long', values: [level.width] },
    { tag: 257, type: 'long', values: [level.height] },
    { tag: 258, type: 'short', values: each(8 * cellArrays[type].BYTES_PER_ELEMENT) },
    { tag: 259, type: 'short', values: [compressions[compression]] },
    // Black is zero; red, green, blue; a palette.
    { tag: 262, type: 'short', values: [raster.isColor ? 2 : raster.palette ? 3 : 1] },
    { tag: 277, type: 'short', values: [bands.length] },
    { tag: 284, type: 'short', values: [1] },
    { tag: 317, type: 'short', values: [predictor ? (float ? 3 : 2) : 1] },
    { tag: 322, type: 'long', values: [side] },
    { tag: 323, type: 'long', values: [side] },
    { tag: 324, type: big ? 'long8' : 'long', values: offsets },
    { tag: 325, type: 'long', values: sizes },
    { tag: 339, type: 'short', values: each(float ? 3 : type.startsWith('Int') ? 2 : 1) },
  ];
  if (raster.palette) fields.push({ tag: 320, type: 'short', values: paletteOf(raster.palette, type) });
  // Bands that are no colours: alpha, not multiplied into the others, or nothing that is known.
  if (more > 0)
    fields.push({
      tag: 338,
      type: 'short',
      values: Array.from({ length: more }, (_, i) => (raster.hasAlpha && i === more - 1 ? 2 : 0)),
    });
  if (overview) fields.push({ tag: 254, type: 'long', values: [1] });
  else fields.push(...placement(raster));
  if (raster.nodata !== undefined)
    fields.push({ tag: 42113, type: 'ascii', values: asciiValues(numeral(raster.nodata)) });
  return fields.sort((a, b) => a.tag - b.tag);
}

/** All reds, then all greens, then all blues, of every value that a cell can have; 16 bits each (TIFF 6.0, section 5). */
function paletteOf(palette: NonNullable<Raster['palette']>, type: CellType): Uint16Array {
  const size = 256 ** cellArrays[type].BYTES_PER_ELEMENT;
  const out = new Uint16Array(3 * size);
  for (const [i, color] of palette.slice(0, size).entries())
    for (const [k, part] of color.entries()) out[k * size + i] = 257 * part;
  return out;
}

/** The fields that only the full level carries: where the raster lies, and what its bands hold. */
function placement({ transform, crs, bands }: Raster): Field[] {
  const fields: Field[] = [];
  if (transform) {
    const [a, b, c, d, e, f] = transform;
    if (b === 0 && d === 0 && a > 0 && e < 0)
      fields.push(
        { tag: 33550, type: 'double', values: [a, -e, 0] },
        { tag: 33922, type: 'double', values: [0, 0, 0, c, f, 0] },
      );
    else
      fields.push({
        tag: 34264,
        type: 'double',
        values: [a, b, 0, c, d, e, 0, f, 0, 0, 0, 0, 0, 0, 0, 1],
      });
  }
  // Without the keys a cell is an area too (GeoTIFF 1.1, 7.2).
  if (crs) fields.push({ tag: 34735, type: 'short', values: crs.directory });
  if (crs && crs.doubles.length > 0) fields.push({ tag: 34736, type: 'double', values: crs.doubles });
  if (crs && crs.ascii.length > 0) fields.push({ tag: 34737, type: 'ascii', values: asciiValues(crs.ascii) });
  const text = encodeGdalMetadata(bands);
  if (text !== undefined) fields.push({ tag: 42112, type: 'ascii', values: asciiValues(text) });
  return fields;
}

// As C reads and writes the values that are no numbers.
const numeral = (n: number): string =>
  Number.isNaN(n) ? 'nan' : n === Infinity ? 'inf' : n === -Infinity ? '-inf' : String(n);
