/** GeoTIFFs, Cloud-Optimized or not: what they hold, where it lies, and their cells by windows. Sources: TIFF 6.0; OGC GeoTIFF 1.1; GDAL's tags 42112 and 42113. */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { type Cells, cellArrays, type CellType, isFloat } from '../kernels/pyramid.ts';
import type { Window } from '../kernels/window.ts';
import type { Transform } from './cog.ts';
import { crsOf } from './crs.ts';
import type { Directory, Tiff } from './directories.ts';
import { openTiff } from './directories.ts';
import { type BandNote, decodeFacts, decodeGdalMetadata } from './gdalmetadata.ts';
import type { GeoKeys } from './geokeys.ts';
import { type Layout, layoutOf } from './imagelayout.ts';
import { planReading, type Reading, readWindow } from './reading.ts';

/** A raster, opened: of its file's first image, with the overviews and masks that belong to it. */
export type RasterFile = {
  readonly width: number;
  readonly height: number;
  /** Of one type. A value is `scale * cell + offset`. */
  readonly bands: readonly (BandNote & { readonly scale: number; readonly offset: number })[];
  readonly type: CellType;
  /** Cells of this value are none; NaN never is one. */
  readonly nodata?: number;
  /** Null for a raster that lies nowhere. */
  readonly transform: Transform | null;
  readonly crs: GeoKeys | null;
  /** What the user should know of the place; empty for nothing. */
  readonly note: string;
  /** The full one first, then the overviews. */
  readonly levels: readonly Layout[];
  /** Whether the file itself says which cells are none: by a mask, or by alpha. */
  readonly hasMask: boolean;
  /** Colours of the cells 0, 1, ...: red, green and blue from 0 to 255. */
  readonly palette?: readonly (readonly [number, number, number])[];
  /** The first bands are red, green and blue. */
  readonly isColor: boolean;
  /** The band, from 0, that is alpha. */
  readonly alpha?: number;
  /** What else the file tells of itself: tag 306 as `TIFFTAG_DATETIME`, and GDAL's own, by names in capital letters. */
  readonly facts: ReadonlyMap<string, string>;
  /** What it takes to read a window of bands, from 0. */
  plan(bands: readonly number[], window: Window, level?: number): Promise<Reading>;
  /** Cells `[left, left + width)` by `[top, top + height)` of bands, from 0: one array a band, row by row; the window lies within the level. */
  read(
    bands: readonly number[],
    left: number,
    top: number,
    width: number,
    height: number,
    level?: number,
  ): Promise<Cells[]>;
  /** What it takes to read the mask of a window, a number a cell, 0 where the file says that there is none; undefined without a mask. */
  planMask(window: Window, level?: number): Promise<Reading | undefined>;
  /** A number a cell, 0 where the file says that there is none; undefined without a mask. */
  mask(left: number, top: number, width: number, height: number, level?: number): Promise<Cells | undefined>;
};

const pixelIsPoint = 2;

/**
 * Opens a raster.
 * @throws BadInput for what is no TIFF, or one whose samples or compression are not read
 */
export async function openRaster(source: Source, name: string): Promise<RasterFile> {
  const tiff = await openTiff(source, name);
  const kinds = await Promise.all(tiff.directories.map((directory) => kindOf(tiff, directory)));
  const main = tiff.directories[0];
  if (!main) throw new BadInput(`GeoTIFF: no image in ${name}, expected one; get the file again`);
  const full = await layoutOf(tiff, main, name);
  const overviews: { directory: Directory; layout: Layout }[] = [{ directory: main, layout: full }];
  const masks: { directory: Directory; layout: Layout }[] = [];
  for (const [i, directory] of tiff.directories.entries()) {
    if (i === 0 || kinds[i] === 'other') continue;
    const layout = await layoutOf(tiff, directory, name);
    if (kinds[i] === 'mask') masks.push({ directory, layout });
    else if (layout.width < full.width && layout.bands === full.bands && layout.type === full.type)
      overviews.push({ directory, layout });
  }
  overviews.sort((a, b) => b.layout.width - a.layout.width);
  const extras = await tiff.numbers(main, 338);
  const alphaAt = extras ? extras.findIndex((value) => value === 1 || value === 2) : -1;
  const alpha = alphaAt < 0 ? undefined : full.bands - extras!.length + alphaAt;
  const nodata = nodataOf(await tiff.text(main, 42_113), full.type);
  const xml = await tiff.text(main, 42_112);
  const notes = decodeGdalMetadata(xml ?? '', full.bands);
  const { transform, crs, note } = await placeOf(tiff, main);
  const facts = decodeFacts(xml ?? '');
  const made = await tiff.text(main, 306);
  if (made !== undefined) facts.set('TIFFTAG_DATETIME', made);
  const photometric = full.photometric;
  const colors = photometric === 3 ? await tiff.numbers(main, 320) : undefined;
  const maskOf = ({ width, height }: Layout) =>
    masks.find(({ layout }) => layout.width === width && layout.height === height);
  const at = (level: number) => overviews[level] ?? overviews[0]!;
  const plan = async (bands: readonly number[], window: Window, level = 0): Promise<Reading> => {
    const { directory, layout } = at(level);
    return planReading(tiff, directory, layout, bands, window, source.size, name);
  };
  const planMask = async (window: Window, level = 0): Promise<Reading | undefined> => {
    const mask = maskOf(at(level).layout);
    if (mask) return planReading(tiff, mask.directory, mask.layout, [0], window, source.size, name);
    return alpha === undefined ? undefined : plan([alpha], window, level);
  };
  return {
    width: full.width,
    height: full.height,
    bands: notes.map(({ scale = 1, offset = 0, ...rest }) => ({ ...rest, scale, offset })),
    type: full.type,
    ...(nodata === undefined ? {} : { nodata }),
    transform,
    crs,
    note,
    levels: overviews.map(({ layout }) => layout),
    hasMask: masks.length > 0 || alpha !== undefined,
    isColor: (photometric === 2 || photometric === 6) && (notes[0]?.color ?? 'Red') === 'Red',
    ...(alpha === undefined ? {} : { alpha }),
    ...(colors ? { palette: paletteOf(colors) } : {}),
    facts,
    plan,
    read: async (bands, left, top, width, height, level = 0) =>
      readWindow(source, await plan(bands, { left, top, width, height }, level), nodata ?? 0, name),
    planMask,
    async mask(left, top, width, height, level = 0) {
      const reading = await planMask({ left, top, width, height }, level);
      return reading && (await readWindow(source, reading, 0, name))[0];
    },
  };
}

/** What a directory beside the first is: bits 0 and 2 of its kind say overview and mask (TIFF 6.0, section 8); 2 was the old way to say overview. */
async function kindOf(tiff: Tiff, directory: Directory): Promise<'overview' | 'mask' | 'other'> {
  const kind = (await tiff.numbers(directory, 254, 0, 1))?.[0] ?? 0;
  if (kind & 4) return 'mask';
  if (kind & 1) return 'overview';
  return (await tiff.numbers(directory, 255, 0, 1))?.[0] === 2 ? 'overview' : 'other';
}

/** The number that GDAL's tag writes out, as cells hold it; undefined for one that no cell can have. */
function nodataOf(text: string | undefined, type: CellType): number | undefined {
  const said = text?.trim();
  if (said === undefined || said === '') return undefined;
  const infinite = /^([+-]?)inf(inity)?$/i.exec(said);
  const value = /^[+-]?nan/i.test(said)
    ? NaN
    : infinite
      ? infinite[1] === '-'
        ? -Infinity
        : Infinity
      : Number(said);
  if (Number.isNaN(value) && !/^[+-]?nan/i.test(said)) return undefined;
  const held = cellArrays[type].of(value)[0]!;
  return isFloat(type) || held === value ? held : undefined;
}

/** Of 16 bits as TIFF has them. */
function paletteOf(colors: Float64Array): [number, number, number][] {
  const count = Math.floor(colors.length / 3);
  return Array.from({ length: count }, (_, i) => {
    const [red, green, blue] = [0, 1, 2].map((part) => Math.floor(colors[part * count + i]! / 256));
    return [red!, green!, blue!];
  });
}

async function placeOf(
  tiff: Tiff,
  directory: Directory,
): Promise<{ transform: Transform | null; crs: GeoKeys | null; note: string }> {
  const keys = await tiff.numbers(directory, 34_735);
  const { keys: crs = null, reason = '' } = crsOf({
    wktBit: false,
    ...(keys
      ? {
          keys: {
            directory: Uint16Array.from(keys),
            doubles: (await tiff.numbers(directory, 34_736)) ?? new Float64Array(),
            ascii: (await tiff.text(directory, 34_737)) ?? '',
          },
        }
      : {}),
  });
  const transform = await transformAt(tiff, directory);
  if (!transform) return { transform: null, crs, note: reason };
  // Key 1025 says that places are those of the middles of cells.
  const isPoint = keys?.some(
    (key, i) => i > 0 && i % 4 === 0 && key === 1025 && keys[i + 3] === pixelIsPoint,
  );
  const [a, b, c, d, e, f] = transform;
  return {
    transform: isPoint ? [a, b, c - (a + b) / 2, d, e, f - (d + e) / 2] : transform,
    crs,
    note: reason,
  };
}

/** Where columns and rows lie: by a matrix, or by one place and the size of cells. Places of several cells alone (ground control points) say no such thing. */
async function transformAt(tiff: Tiff, directory: Directory): Promise<Transform | null> {
  const [scale, tie, matrix] = await Promise.all(
    [33_550, 33_922, 34_264].map((tag) => tiff.numbers(directory, tag)),
  );
  const [sx = 0, sy = 0] = scale ?? [];
  const isFinite = (values: ArrayLike<number>): boolean => Array.from(values).every(Number.isFinite);
  if (sx !== 0 && sy !== 0 && tie && tie.length >= 6 && isFinite([sx, sy, ...tie.subarray(0, 6)])) {
    const [column, row, , x, y] = tie as unknown as number[];
    return [sx, 0, x! - column! * sx, 0, -sy, y! + row! * sy];
  }
  if (!matrix || matrix.length < 8 || !isFinite(matrix)) return null;
  const [a, b, , c, d, e, , f] = matrix as unknown as number[];
  return a! * e! - b! * d! === 0 ? null : [a!, b!, c!, d!, e!, f!];
}
