/** Elevation models: one band of a GeoTIFF on a north-up grid of square cells, read by windows through geotiff.js. */
import type { GeoTIFFImage } from 'geotiff';
import { BadInput, messageOf } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import type { Grid } from '../kernels/grid.ts';
import type { GeoKeys } from './geokeys.ts';
import { crsOf } from './crs.ts';

/** A raster of heights, opened. */
export type Dem = {
  readonly grid: Grid;
  readonly crs: GeoKeys | null;
  /** What the user should know of the CRS; empty for nothing. */
  readonly note: string;
  /** Cells `[left, left + width)` by `[top, top + height)`, row by row, within the raster; NaN where there is none. */
  read(left: number, top: number, width: number, height: number): Promise<Float32Array>;
};

const pixelIsPoint = 2;

/**
 * Opens the first band of a raster.
 * @throws BadInput for what is no GeoTIFF, lies turned, or has cells that are not square
 */
export async function openDem(source: Source, name: string): Promise<Dem> {
  const fail = (text: string): never => {
    throw new BadInput(`GeoTIFF: ${text} in ${name}; write it as a north-up GeoTIFF of square cells`);
  };
  const image = await open(source, name);
  const directory = image.fileDirectory;
  if (directory.hasTag('ModelTransformation')) fail('found a turned raster, expected a north-up one');
  const [width, height] = [image.getWidth(), image.getHeight()];
  let [west, north, cell, down] = [0, 0, 0, 0];
  try {
    [west, north] = image.getOrigin() as [number, number];
    [cell, down] = image.getResolution() as [number, number];
  } catch {
    fail('found no place on the ground');
  }
  // Some writers round: a hundredth of a cell over the whole raster shows nowhere.
  if (!(cell > 0 && down < 0 && Math.abs(cell + down) * Math.max(width, height) <= 0.01 * cell))
    fail(`found cells of ${cell} by ${-down}, expected square ones`);
  const keys = image.getGeoKeys();
  if (keys?.GTRasterTypeGeoKey === pixelIsPoint) [west, north] = [west - cell / 2, north + cell / 2];
  const nodata = image.getGDALNoData();
  const { keys: crs, reason } = crsOf({
    wktBit: false,
    ...(directory.hasTag('GeoKeyDirectory')
      ? {
          keys: {
            directory: Uint16Array.from((await directory.loadValue('GeoKeyDirectory')) as ArrayLike<number>),
            doubles: Float64Array.from(
              ((await directory.loadValue('GeoDoubleParams')) ?? []) as ArrayLike<number>,
            ),
            ascii: ((await directory.loadValue('GeoAsciiParams')) as string | undefined) ?? '',
          },
        }
      : {}),
  });
  return {
    grid: { west, north, cell, width, height },
    crs: crs ?? null,
    note: reason ?? '',
    async read(left, top, columns, rows) {
      const found = await attempt(name, () =>
        image.readRasters({ window: [left, top, left + columns, top + rows], samples: [0] }),
      );
      const [band] = found as unknown as [ArrayLike<number>];
      const out = new Float32Array(columns * rows);
      for (let i = 0; i < out.length; i++) out[i] = band[i] === nodata ? NaN : band[i]!;
      return out;
    },
  };
}

type Slice = { readonly offset: number; readonly length: number };

async function open(source: Source, name: string): Promise<GeoTIFFImage> {
  const { size } = source;
  // What geotiff.js reads through; it asks for more than there is at a file's end.
  const through = {
    fileSize: size,
    fetch: (slices: readonly Slice[]) =>
      Promise.all(
        slices.map(async ({ offset, length }) => {
          const start = Math.min(offset, size);
          const bytes = await source.read(start, Math.min(size, offset + length));
          return new Uint8Array(bytes).buffer;
        }),
      ),
  };
  // Only who reads rasters pays for loading it.
  const { GeoTIFF } = await import('geotiff');
  return attempt(name, async () => (await GeoTIFF.fromSource(through as never)).getImage(0));
}

/** What geotiff.js trips over is the file's fault. */
async function attempt<T>(name: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof BadInput) throw error;
    throw new BadInput(
      `GeoTIFF: ${name} cannot be read (${messageOf(error).split('\n')[0]}), expected a GeoTIFF; get the file again`,
      {
        cause: error,
      },
    );
  }
}
