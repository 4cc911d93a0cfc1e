/** Where polygons lie on a raster: from the system of their file to cells. */
import { BadInput, BadUsage } from '../../core/errors.ts';
import { crsOf } from '../formats/crs.ts';
import type { GeoKeys } from '../formats/geokeys.ts';
import type { PolygonCrs, PolygonFile, Polygons } from '../formats/polygons.ts';
import { epsgKeys, type Move, reprojection } from '../formats/reproject.ts';
import type { Rings } from '../kernels/coverage.ts';
import type { ZoneRaster } from './zones.ts';

/** What places of a file are: what the file says, or those of the raster, or degrees of longitude and latitude. */
export const placings = ['auto', 'raster', 'lonlat'] as const;
export type Placing = (typeof placings)[number];

/** `ringsOf`: all rings of a feature in cells from the raster's corner; none where the raster's system does not reach. `notes`: what a person should know. */
export type Placement = {
  ringsOf(polygons: Polygons): Rings;
  readonly notes: readonly string[];
};

const lonLat = 4326;

/**
 * The way from the places of a file to cells of a raster. A file that names its system is reprojected, vertex by vertex, where the raster has another one; GeoJSON that names none is in degrees (RFC 7946),
 * unless its numbers cannot be, or the raster itself is in degrees.
 * @throws BadInput where places have to be moved, and it is not known how
 */
export async function placePolygons(
  file: PolygonFile,
  raster: ZoneRaster,
  placing: Placing,
  name: string,
): Promise<Placement> {
  const { crs: keys, transform } = raster;
  const notes: string[] = [];
  const epsg = systemOf(file, raster, placing);
  let move: Move | undefined;
  if (epsg !== undefined) {
    const told = typeof epsg === 'number' ? `EPSG:${epsg}` : epsg.name;
    if (keys) {
      const way = await reprojection(await keysOf(epsg, name), keys);
      move = way.forward;
      notes.push(...way.notes);
    } else if (epsg === lonLat && !isGlobe(raster))
      throw new BadInput(
        `polygons: ${name} is in degrees, and the raster's system is none that is known; give polygons in its own with --placing raster`,
      );
    else if (epsg !== lonLat)
      notes.push(`the raster names no system: polygons in ${told} are taken to be in its own`);
  }
  const [cell, , west, , down, north] = transform;
  return {
    notes,
    ringsOf(polygons) {
      const rings = polygons.flat().map((ring) => Float64Array.from(ring));
      for (const ring of rings) {
        move?.(ring);
        for (let i = 0; i < ring.length; i += 2) {
          ring[i] = (ring[i]! - west) / cell;
          ring[i + 1] = (ring[i + 1]! - north) / down;
        }
      }
      return rings.every((ring) => ring.every(Number.isFinite)) ? rings : [];
    },
  };
}

/** The system that places have to be moved from; undefined where they are the raster's own. */
function systemOf(
  file: PolygonFile,
  raster: ZoneRaster,
  placing: Placing,
): PolygonCrs | typeof lonLat | undefined {
  if (placing !== 'auto') return placing === 'lonlat' ? lonLat : undefined;
  const { crs } = file;
  if (crs === null) return undefined;
  if (crs) {
    if (crs.epsg !== undefined && crs.epsg === raster.crs?.epsg) return undefined;
    return crs.epsg === lonLat ? lonLat : crs;
  }
  if (isGlobe(raster)) return undefined;
  const areDegrees = file.features.every(({ polygons }) =>
    polygons.every((rings) =>
      rings.every((ring) => ring.every((value, i) => Math.abs(value) <= (i % 2 === 0 ? 360 : 90))),
    ),
  );
  return areDegrees ? lonLat : undefined;
}

/** Whether a raster looks to be in degrees itself. */
function isGlobe({ width, height, transform: [cell, , west, , down, north] }: ZoneRaster): boolean {
  const [east, south] = [west + width * cell, north + height * down];
  const isWithin =
    west >= -181 && Math.max(north, south) <= 91 && east <= 361 && Math.min(north, south) >= -91;
  return isWithin && cell < 5;
}

async function keysOf(crs: PolygonCrs | typeof lonLat, name: string): Promise<GeoKeys> {
  if (crs === lonLat) return epsgKeys(lonLat);
  try {
    if (crs.epsg !== undefined) return await epsgKeys(crs.epsg);
  } catch (error) {
    if (!(error instanceof BadUsage)) throw error;
  }
  const { keys, reason } = crsOf({ wkt: crs.wkt, wktBit: true });
  if (keys) return keys;
  throw new BadInput(
    `polygons: the system ${JSON.stringify(crs.name.slice(0, 80))} of ${name} is none that is known (${reason}), expected an EPSG code or WKT; reproject them to the raster's, say with ogr2ogr -t_srs, or tell with --placing that they are in it`,
  );
}
