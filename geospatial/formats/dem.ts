/** Elevation models: one band of a GeoTIFF on a north-up grid of square cells, read by windows. */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import type { Grid } from '../kernels/grid.ts';
import type { GeoKeys } from './geokeys.ts';
import { openRaster } from './geotiff.ts';

/** A raster of heights, opened. */
export type Dem = {
  readonly grid: Grid;
  readonly crs: GeoKeys | null;
  /** What the user should know of the CRS; empty for nothing. */
  readonly note: string;
  /** Cells `[left, left + width)` by `[top, top + height)`, row by row, within the raster; NaN where there is none. */
  read(left: number, top: number, width: number, height: number): Promise<Float32Array>;
};

/**
 * Opens the first band of a raster.
 * @throws BadInput for what is no GeoTIFF, lies turned, or has cells that are not square
 */
export async function openDem(source: Source, name: string): Promise<Dem> {
  const fail = (text: string): never => {
    throw new BadInput(`GeoTIFF: ${text} in ${name}; write it as a north-up GeoTIFF of square cells`);
  };
  const raster = await openRaster(source, name);
  const { width, height, transform, crs, note, bands, nodata } = raster;
  if (!transform) return fail('found no place on the ground');
  const [cell, turn, west, lean, down, north] = transform;
  if (turn !== 0 || lean !== 0) fail('found a turned raster, expected a north-up one');
  // Some writers round: a hundredth of a cell over the whole raster shows nowhere.
  if (!(cell > 0 && down < 0 && Math.abs(cell + down) * Math.max(width, height) <= 0.01 * cell))
    fail(`found cells of ${cell} by ${-down}, expected square ones`);
  const { scale, offset } = bands[0]!;
  return {
    grid: { west, north, cell, width, height },
    crs,
    note,
    async read(left, top, columns, rows) {
      const [band] = await raster.read([0], left, top, columns, rows);
      const out = new Float32Array(columns * rows);
      for (let i = 0; i < out.length; i++) out[i] = band![i] === nodata ? NaN : band![i]! * scale + offset;
      return out;
    },
  };
}
