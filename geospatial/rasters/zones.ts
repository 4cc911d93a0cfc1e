/** Polygons on the cells of a raster, and what the raster has there. */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import type { Transform } from '../formats/cog.ts';
import type { GeoKeys } from '../formats/geokeys.ts';
import type { PolygonFeature, PolygonFile } from '../formats/geojson.ts';
import { fromLonLat } from '../formats/lonlat.ts';
import type { Frame, Rings, Rule } from '../kernels/coverage.ts';
import { frameOf, weightsOf } from '../kernels/coverage.ts';
import { openRaster } from '../formats/geotiff.ts';
import { tileSide } from '../kernels/grid.ts';
import type { Zone } from '../kernels/zone.ts';

/** What places of a file are: those of the raster, degrees of longitude and latitude, or whichever the file says or its numbers allow. */
export const placings = ['auto', 'raster', 'lonlat'] as const;

/** A band of a raster whose rows go east and columns south or north, opened. */
export type ZoneRaster = {
  readonly width: number;
  readonly height: number;
  readonly transform: Transform;
  readonly crs: GeoKeys | null;
  /** Values of cells `[left, left + width)` by `[top, top + height)`, row by row, within the raster; NaN where there is none. */
  read(left: number, top: number, width: number, height: number): Promise<Float64Array>;
};

/**
 * Opens band number `band`, from 1.
 * @throws BadInput for a raster that lies nowhere, is turned, or has no such band
 */
export async function openZoneRaster(source: Source, name: string, band: number): Promise<ZoneRaster> {
  const raster = await openRaster(source, name);
  const { width, height, transform, crs, nodata } = raster;
  const fail = (found: string, expected: string): never => {
    throw new BadInput(`GeoTIFF: found ${found} in ${name}, expected ${expected}`);
  };
  if (!transform) return fail('no place on the ground', 'one; write it with gdal_translate -a_ullr');
  if (transform[1] !== 0 || transform[3] !== 0)
    fail('a turned raster', 'a north-up one; write it with satellite/warp');
  const told =
    raster.bands[band - 1] ?? fail(`${raster.bands.length} bands`, `band ${band}; give another with --band`);
  return {
    width,
    height,
    transform,
    crs,
    async read(left, top, columns, rows) {
      const [cells] = await raster.read([band - 1], left, top, columns, rows);
      const mask = raster.alpha === band - 1 ? undefined : await raster.mask(left, top, columns, rows);
      const out = new Float64Array(columns * rows);
      for (let i = 0; i < out.length; i++)
        out[i] = cells![i] === nodata || mask?.[i] === 0 ? NaN : cells![i]! * told.scale + told.offset;
      return out;
    },
  };
}

/**
 * The rings of features `[from, to)` in cells of a raster. Polygons are in degrees as RFC 7946 has it, unless the file names the raster's system, has other numbers, or the raster itself is in degrees.
 * @throws BadInput where they are in degrees, and nobody knows where the raster lies
 */
export async function ringsOnGrid(
  { features, crs }: PolygonFile,
  { width, height, transform, crs: keys }: ZoneRaster,
  placing: (typeof placings)[number],
  name: string,
  from = 0,
  to = features.length,
): Promise<Rings[]> {
  const [cell, , west, , down, north] = transform;
  const isDegrees =
    placing === 'lonlat' ||
    (placing === 'auto' &&
      areDegrees(features, crs, keys?.epsg, {
        west,
        north,
        east: west + width * cell,
        south: north + height * down,
        cell,
      }));
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
        out[2 * i + 1] = (y - north) / down;
      }
      return out;
    }),
  );
}

function areDegrees(
  features: readonly PolygonFeature[],
  crs: string | undefined,
  epsg: number | undefined,
  {
    west,
    north,
    east,
    south,
    cell,
  }: { readonly [edge in 'west' | 'north' | 'east' | 'south' | 'cell']: number },
): boolean {
  const named = /EPSG:+(\d+)$/.exec(crs ?? '')?.[1];
  if (named !== undefined && epsg !== undefined && Number(named) === epsg) return false;
  const isGlobe =
    west >= -181 && Math.max(north, south) <= 91 && east <= 361 && Math.min(north, south) >= -91;
  if (isGlobe && cell < 5) return false;
  return features.every(({ rings }) =>
    rings.every((ring) => ring.every(([x = NaN, y = NaN]) => Math.abs(x) <= 360 && Math.abs(y) <= 90)),
  );
}

const blocksKept = 48;
// Rows of a zone that are weighed at once.
const cellsAtOnce = 2 ** 22;

/** Gives zones of a raster, which is read by blocks, those of the last zones being kept. */
export function zoneReader(raster: ZoneRaster): (rings: Rings, rule: Rule) => Promise<Zone> {
  const blocks = new Map<string, Promise<Float64Array>>();
  const sizeOf = (at: number, whole: number): number => Math.min(tileSide, whole - at * tileSide);
  const block = (column: number, row: number): Promise<Float64Array> => {
    const key = `${column},${row}`;
    const found = blocks.get(key);
    if (found) {
      blocks.delete(key);
      blocks.set(key, found);
      return found;
    }
    const [width, height] = [sizeOf(column, raster.width), sizeOf(row, raster.height)];
    const made = raster.read(column * tileSide, row * tileSide, width, height);
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
        const wide = sizeOf(column, raster.width);
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
    const whole = frameOf(rings, raster.width, raster.height);
    const rows = Math.max(1, Math.floor(cellsAtOnce / Math.max(1, whole.right - whole.left)));
    for (let top = whole.top; top < whole.bottom; top += rows) {
      const frame = { ...whole, top, bottom: Math.min(whole.bottom, top + rows) };
      if (frame.right > frame.left) await take(zone, frame, weightsOf(rings, frame, rule));
    }
    return zone;
  };
}
