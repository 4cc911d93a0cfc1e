/** What rasters have within polygons. */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import type { Transform } from '../formats/cog.ts';
import type { GeoKeys } from '../formats/geokeys.ts';
import { openRaster } from '../formats/geotiff.ts';
import type { Layout } from '../formats/imagelayout.ts';
import { type Frame, frameOf, type Rings, type Rule, weigher, type Weights } from '../kernels/coverage.ts';
import type { Cells } from '../kernels/pyramid.ts';
import { clearZone, growZone, type Zone } from '../kernels/zone.ts';

/** Bands of a raster whose rows go east and columns south or north, opened. */
export type ZoneRaster = {
  readonly width: number;
  readonly height: number;
  readonly transform: Transform;
  readonly crs: GeoKeys | null;
  /** Columns and rows that are best read together: whole tiles of the file, or strips. */
  readonly block: { readonly width: number; readonly height: number };
  /** Of each band, cells `[left, left + width)` by `[top, top + height)`, row by row, within the raster. */
  read(left: number, top: number, width: number, height: number): Promise<ZoneCells[]>;
};

/** Cells as the file has them: those that are not `none`, nor 0 in `mask`, have the value `cell * scale + offset`. */
type ZoneCells = {
  readonly cells: Cells;
  readonly mask: Cells | undefined;
  readonly none: number;
  readonly scale: number;
  readonly offset: number;
};

/**
 * Opens bands by number, from 1.
 * @throws BadInput for a raster that lies nowhere, is turned, or has no such band
 */
export async function openZoneRaster(
  source: Source,
  name: string,
  bands: readonly number[],
): Promise<ZoneRaster> {
  const raster = await openRaster(source, name);
  const { width, height, transform, crs, nodata } = raster;
  const fail = (found: string, expected: string): never => {
    throw new BadInput(`GeoTIFF: found ${found} in ${name}, expected ${expected}`);
  };
  if (!transform) return fail('no place on the ground', 'one; write it with gdal_translate -a_ullr');
  if (transform[1] !== 0 || transform[3] !== 0)
    fail('a turned raster', 'a north-up one; write it with satellite/warp');
  const told = bands.map(
    (band) =>
      raster.bands[band - 1] ??
      fail(`${raster.bands.length} bands`, `band ${band}; give another with --band`),
  );
  const numbers = bands.map((band) => band - 1);
  return {
    width,
    height,
    transform,
    crs,
    block: blockOf(raster.levels[0]!),
    async read(left, top, columns, rows) {
      const read = await raster.read(numbers, left, top, columns, rows);
      const mask = raster.hasMask ? await raster.mask(left, top, columns, rows) : undefined;
      return read.map((cells, k) => {
        const { scale, offset } = told[k]!;
        const own = raster.alpha === numbers[k] ? undefined : mask;
        return { cells, mask: own, none: nodata ?? NaN, scale, offset };
      });
    },
  };
}

const [usualSide, usualCells, mostCells] = [512, 2 ** 18, 2 ** 22];

/** Whole tiles up to some 2^18 cells, or one that is larger; of tiles beyond 2^22 cells some rows. */
function blockOf({ width, height, tileWidth, tileHeight }: Layout): ZoneRaster['block'] {
  const wide = Math.min(width, tileWidth * Math.max(1, Math.floor(usualSide / tileWidth)));
  const high = tileHeight * Math.max(1, Math.floor(usualCells / wide / tileHeight));
  return { width: wide, height: Math.min(height, high, Math.max(1, Math.floor(mostCells / wide))) };
}

// Cells of blocks that are kept, each band for itself: 100 MB where they are doubles.
const cellsKept = 48 * usualCells;

/**
 * Fills zones, one for each band of a raster, with the cells of a polygon: block by block, those of a block row by row. The raster is read by blocks, of which the last ones are kept; what they hold and the
 * order of cells hang on the raster and the polygon alone.
 */
export function zoneReader(raster: ZoneRaster): (rings: Rings, rule: Rule, zones: Zone[]) => Promise<void> {
  const { width: wide, height: high } = raster.block;
  const most = Math.max(2, Math.floor(cellsKept / (wide * high)));
  const blocks = new Map<number, Promise<ZoneCells[]>>();
  const across = Math.ceil(raster.width / wide);
  const blockAt = (column: number, row: number): Promise<ZoneCells[]> => {
    const key = row * across + column;
    const [left, top] = [column * wide, row * high];
    const found =
      blocks.get(key) ??
      raster.read(left, top, Math.min(wide, raster.width - left), Math.min(high, raster.height - top));
    blocks.delete(key);
    blocks.set(key, found);
    if (blocks.size > most) blocks.delete(blocks.keys().next().value!);
    return found;
  };
  const values = new Float64Array(wide * high);
  const shares = new Float32Array(wide * high);
  return async (rings, rule, zones) => {
    zones.forEach(clearZone);
    const whole = frameOf(rings, raster.width, raster.height);
    if (whole.right <= whole.left || whole.bottom <= whole.top) return;
    const weigh = weigher(rings, rule);
    for (let row = Math.floor(whole.top / high); row * high < whole.bottom; row++)
      for (let column = Math.floor(whole.left / wide); column * wide < whole.right; column++) {
        const [left, top] = [column * wide, row * high];
        const frame = {
          left: Math.max(whole.left, left),
          top: Math.max(whole.top, top),
          right: Math.min(whole.right, left + wide),
          bottom: Math.min(whole.bottom, top + high),
        };
        const weights = weigh(frame);
        const stride = Math.min(wide, raster.width - left);
        const start = (frame.top - top) * stride + frame.left - left;
        for (const [k, cells] of (await blockAt(column, row)).entries()) {
          const zone = zones[k]!;
          const length = gather(cells, start, stride, frame, weights, zone, values, shares);
          growZone(zone, values, rule === 'fraction' ? shares : undefined, length);
        }
      }
  };
}

/** Takes the values of cells that have a weight, counts those without a value, and gives how many there are. */
function gather(
  { cells, mask, none, scale, offset }: ZoneCells,
  start: number,
  stride: number,
  { left, top, right, bottom }: Frame,
  weights: Weights,
  zone: Zone,
  values: Float64Array,
  shares: Float32Array,
): number {
  const width = right - left;
  const isShared = weights instanceof Float32Array;
  let length = 0;
  for (let row = 0; row < bottom - top; row++)
    for (let i = row * width, at = start + row * stride; i < (row + 1) * width; i++, at++) {
      const weight = weights[i]!;
      if (weight === 0) continue;
      const cell = cells[at]!;
      if (cell === none || cell !== cell || (mask && mask[at] === 0)) zone.nodata++;
      else {
        if (isShared) shares[length] = weight;
        values[length++] = cell * scale + offset;
      }
    }
  return length;
}
