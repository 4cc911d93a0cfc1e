/** Compressed tiles of a raster in the store, and the one file that they become. */
import type { Context, FileSink, Output } from '../../core/job.ts';
import type { Raster } from '../formats/cog.ts';
import { transformOf, writeCog } from '../formats/cog.ts';
import type { GeoKeys } from '../formats/geokeys.ts';
import { type ExactMoments, mergeBands, statisticsOf } from '../kernels/exactmoments.ts';
import type { Grid } from '../kernels/grid.ts';
import type { Pyramid } from '../kernels/pyramid.ts';
import { type Layers, mergeMosaics, type Mosaic, noMosaic } from './manifest.ts';
import { type Place, readPlaces, shelve } from './shelves.ts';
import { buildTop } from './tops.ts';

/** Makes the levels above the blocks, then streams all tiles into a Cloud-Optimized GeoTIFF. Memory: some bytes a tile, and a few tiles. */
async function writeMosaic(
  blocks: Layers,
  raster: Raster,
  pyramid: Pyramid,
  file: FileSink,
  context: Context,
): Promise<void> {
  const shelf = shelve(context);
  const all = [blocks, ...(await buildTop(blocks.mosaic, pyramid, shelf, context.signal))];
  const image = mergeMosaics(all.map(({ mosaic }) => mosaic));
  const { sizes, numbers } = inPlaces(image, pyramid);
  const masks = all.flatMap(({ mask }) => mask ?? []);
  const mask = masks.length > 0 ? mergeMosaics(masks) : undefined;
  const placeOf = ({ tiles, blobs }: Mosaic, i: number): Place => ({
    stored: blobs[tiles.blob[i]!]!,
    start: tiles.start[i]!,
    end: tiles.end[i]!,
  });
  function* inOrder(): Generator<Place> {
    for (let level = sizes.length - 1; level >= 0; level--)
      for (const [index, size] of sizes[level]!.entries()) {
        if (size === 0) continue;
        yield placeOf(image, numbers[level]![index]!);
        if (mask) yield placeOf(mask, numbers[level]![index]!);
      }
  }
  const bytes = readPlaces(inOrder(), shelf);
  const tile = async () => (await bytes.next()).value!;
  await writeCog(file, raster, sizes, tile, mask && inPlaces(mask, pyramid).sizes);
}

/** Bytes of tiles by level, row and column, and their numbers in the mosaic. */
function inPlaces({ tiles }: Mosaic, { levels }: Pyramid): { sizes: Uint32Array[]; numbers: Uint32Array[] } {
  const sizes = levels.map(({ columns, rows }) => new Uint32Array(columns * rows));
  const numbers = sizes.map(({ length }) => new Uint32Array(length));
  for (const [i, level] of tiles.level.entries()) {
    const index = tiles.row[i]! * levels[level]!.columns + tiles.column[i]!;
    sizes[level]![index] = tiles.end[i]! - tiles.start[i]!;
    numbers[level]![index] = i;
  }
  return { sizes, numbers };
}

/** The mosaics of some products, in their order, and the values of their bands where a job was asked for statistics. */
export type Products = {
  readonly pieces: number;
  readonly products: readonly ({
    readonly product: number;
    readonly moments?: readonly ExactMoments[];
  } & Layers)[];
};

export function mergeProducts(results: readonly Products[]): Products {
  const found = results.flatMap(({ products }) => products);
  const numbers = [...new Set(found.map(({ product }) => product))];
  return {
    pieces: results.reduce((sum, { pieces }) => sum + pieces, 0),
    products: numbers.map((product) => {
      const same = found.filter((one) => one.product === product);
      const masks = same.flatMap(({ mask }) => mask ?? []);
      const moments = same.flatMap((one) => (one.moments ? [one.moments] : []));
      return {
        product,
        mosaic: mergeMosaics(same.map(({ mosaic }) => mosaic)),
        ...(masks.length > 0 ? { mask: mergeMosaics(masks) } : {}),
        ...(moments.length > 0 ? { moments: mergeBands(moments) } : {}),
      };
    }),
  };
}

/** A raster to write: its cells, and what the file tells of them and of the place. */
export type Told = Pick<Raster, 'transform' | 'crs' | 'isColor' | 'hasAlpha' | 'palette'> & {
  readonly name: string;
  readonly pyramid: Pyramid;
  /** What is told of bands; their names unless given. */
  readonly bands?: Raster['bands'];
};

/** Writes a file a product; several are told apart by their names. */
export async function writeProducts(
  { products }: Products,
  rasters: readonly Told[],
  output: Output,
  context: Context,
): Promise<void> {
  for (const [i, { name, pyramid, bands = [{ name }], ...place }] of rasters.entries()) {
    const { width, height } = pyramid.levels[0]!;
    const { type, side, nodata, masked, coding } = pyramid;
    const found = products.find((one) => one.product === i);
    const moments = found?.moments;
    const raster: Raster = {
      ...place,
      width,
      height,
      type,
      side,
      bands: moments
        ? bands.map((band, k) => ({ ...band, statistics: statisticsOf(moments[k]!, width * height) }))
        : bands,
      ...(nodata === undefined ? {} : { nodata }),
      ...(masked ? { masked } : {}),
      ...(coding ? { coding } : {}),
    };
    const file = await output.file(rasters.length === 1 ? '' : `.${name}.tif`);
    await writeMosaic(found ?? { mosaic: noMosaic() }, raster, pyramid, file, context);
  }
}

/** What a file tells of its place: of a grid of square cells, its CRS, and after `name` what the user should know of that. */
export const toldOf = (
  name: string,
  pyramid: Pyramid,
  { grid, crs, note }: { readonly grid: Grid; readonly crs: GeoKeys | null; readonly note: string },
): Told => ({
  name,
  pyramid,
  bands: [{ name: note === '' ? name : `${name}; ${note}` }],
  transform: transformOf(grid),
  ...(crs ? { crs } : {}),
});
