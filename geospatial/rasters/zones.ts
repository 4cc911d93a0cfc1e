/** Polygons on the cells of a raster, and what the raster has there. */
import { BadInput } from '../../core/errors.ts';
import type { Dem } from '../formats/dem.ts';
import type { PolygonFeature, PolygonFile } from '../formats/geojson.ts';
import { fromLonLat } from '../formats/lonlat.ts';
import type { Frame, Rings, Rule } from '../kernels/coverage.ts';
import { frameOf, weightsOf } from '../kernels/coverage.ts';
import { type Grid, tileSide } from '../kernels/grid.ts';
import type { Zone } from '../kernels/zone.ts';

/** What places of a file are: those of the raster, degrees of longitude and latitude, or whichever the file says or its numbers allow. */
export const placings = ['auto', 'raster', 'lonlat'] as const;

/**
 * The rings of features `[from, to)` in cells of a raster. Polygons are in degrees as RFC 7946 has it, unless the file names the raster's system, has other numbers, or the raster itself is in degrees.
 * @throws BadInput where they are in degrees, and nobody knows where the raster lies
 */
export async function ringsOnGrid(
  { features, crs }: PolygonFile,
  { grid, crs: keys }: Pick<Dem, 'grid' | 'crs'>,
  placing: (typeof placings)[number],
  name: string,
  from = 0,
  to = features.length,
): Promise<Rings[]> {
  const { west, north, cell } = grid;
  const isDegrees =
    placing === 'lonlat' || (placing === 'auto' && areDegrees(features, crs, keys?.epsg, grid));
  const way = isDegrees && keys ? await fromLonLat(keys) : undefined;
  if (isDegrees && !way)
    throw new BadInput(
      `GeoJSON: ${name} is in degrees, and the raster's system is none that is known; give polygons in its own with --placing raster`,
    );
  return features.slice(from, to).map(({ rings }) =>
    rings.map((ring) => {
      const out = new Float64Array(2 * ring.length);
      for (const [i, place] of ring.entries()) {
        const [x, y] = way ? way(place[0]!, place[1]!) : [place[0]!, place[1]!];
        out[2 * i] = (x - west) / cell;
        out[2 * i + 1] = (north - y) / cell;
      }
      return out;
    }),
  );
}

function areDegrees(
  features: readonly PolygonFeature[],
  crs: string | undefined,
  epsg: number | undefined,
  { west, north, cell, width, height }: Grid,
): boolean {
  const named = /EPSG:+(\d+)$/.exec(crs ?? '')?.[1];
  if (named !== undefined && epsg !== undefined && Number(named) === epsg) return false;
  const isGlobe = west >= -181 && north <= 91 && west + width * cell <= 361 && north - height * cell >= -91;
  if (isGlobe && cell < 5) return false;
  return features.every(({ rings }) =>
    rings.every((ring) => ring.every(([x = NaN, y = NaN]) => Math.abs(x) <= 360 && Math.abs(y) <= 90)),
  );
}

const blocksKept = 48;
// Rows of a zone that are weighed at once.
const cellsAtOnce = 2 ** 22;

/** Gives zones of a raster, which is read by blocks, those of the last zones being kept. */
export function zoneReader(dem: Dem): (rings: Rings, rule: Rule) => Promise<Zone> {
  const { grid } = dem;
  const blocks = new Map<string, Promise<Float32Array>>();
  const sizeOf = (at: number, whole: number): number => Math.min(tileSide, whole - at * tileSide);
  const block = (column: number, row: number): Promise<Float32Array> => {
    const key = `${column},${row}`;
    const found = blocks.get(key);
    if (found) {
      blocks.delete(key);
      blocks.set(key, found);
      return found;
    }
    const [width, height] = [sizeOf(column, grid.width), sizeOf(row, grid.height)];
    const made = dem.read(column * tileSide, row * tileSide, width, height);
    blocks.set(key, made);
    if (blocks.size > blocksKept) blocks.delete(blocks.keys().next().value!);
    return made;
  };
  const take = async (zone: Zone, frame: Frame, weights: Float32Array): Promise<void> => {
    const width = frame.right - frame.left;
    const [firstColumn, lastColumn] = [frame.left, frame.right - 1].map((c) => Math.floor(c / tileSide));
    for (let row = frame.top; row < frame.bottom; row++)
      for (let column = firstColumn!; column <= lastColumn!; column++) {
        const values = await block(column, Math.floor(row / tileSide));
        const wide = sizeOf(column, grid.width);
        const from = Math.max(frame.left, column * tileSide);
        const to = Math.min(frame.right, column * tileSide + wide);
        const base = (row % tileSide) * wide - column * tileSide;
        for (let c = from; c < to; c++) {
          const weight = weights[(row - frame.top) * width + c - frame.left]!;
          if (weight === 0) continue;
          const value = values[base + c]!;
          if (value !== value) zone.nodata++;
          else {
            zone.values.push(value);
            zone.weights.push(weight);
          }
        }
      }
  };
  return async (rings, rule) => {
    const zone: Zone = { values: [], weights: [], nodata: 0 };
    const whole = frameOf(rings, grid.width, grid.height);
    const rows = Math.max(1, Math.floor(cellsAtOnce / Math.max(1, whole.right - whole.left)));
    for (let top = whole.top; top < whole.bottom; top += rows) {
      const frame = { ...whole, top, bottom: Math.min(whole.bottom, top + rows) };
      if (frame.right > frame.left) await take(zone, frame, weightsOf(rings, frame, rule));
    }
    return zone;
  };
}
