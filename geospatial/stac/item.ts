/** Items of STAC 1.1.0: a feature for what lies in one place at one time. Sources: the STAC item specification; its projection extension 2.0.0. */
import type { Json } from '../../core/json.ts';
import type { GeoKeys } from '../formats/geokeys.ts';
import { toLonLat } from '../formats/lonlat.ts';
import type { Bounds } from '../kernels/grid.ts';

export type Fields = { readonly [name: string]: Json };

/** Where something lies: in its own CRS, and on the Earth where that can be told. */
export type Footprint = Fields & { readonly geometry: Json; readonly properties: Fields };

/** Of an item: what it is called, where it lies, when it was taken, what is in it. `extensions` beside that of projections. */
export type Item = {
  readonly id: string;
  readonly footprint: Footprint;
  readonly time: Fields;
  readonly properties: Fields;
  readonly assets: { readonly [name: string]: Fields };
  readonly links?: readonly Fields[];
  readonly extensions: readonly string[];
};

const extension = (name: string, version: string): string =>
  `https://stac-extensions.github.io/${name}/v${version}/schema.json`;
const projection = extension('projection', '2.0.0');
export const extensions = {
  pointcloud: extension('pointcloud', '2.0.0'),
  raster: extension('raster', '2.0.0'),
} as const;

// Points along a side: parallels and meridians bend.
const steps = 16;

/** Footprint of bounds; its geometry is null, without a `bbox`, where the CRS does not say where on Earth that is. */
export async function footprintOf(
  { minX, minY, maxX, maxY }: Bounds,
  keys: GeoKeys | null | undefined,
): Promise<Footprint> {
  const properties: Fields = {
    'proj:code': keys?.epsg === undefined ? null : `EPSG:${keys.epsg}`,
    'proj:bbox': [minX, minY, maxX, maxY],
  };
  const way = keys ? await toLonLat(keys) : undefined;
  if (!way) return { geometry: null, properties };
  const corners = [
    [minX, minY],
    [maxX, minY],
    [maxX, maxY],
    [minX, maxY],
  ] as const;
  const ring = corners.map(([x, y]) => way(x, y));
  let [west, south, east, north] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const [i, [x, y]] of corners.entries()) {
    const [nextX, nextY] = corners[(i + 1) % 4]!;
    for (let k = 0; k < steps; k++) {
      const [lon, lat] = way(x + ((nextX - x) * k) / steps, y + ((nextY - y) * k) / steps);
      if (!(Math.abs(lon) <= 180 && Math.abs(lat) <= 90)) return { geometry: null, properties };
      [west, south] = [Math.min(west, lon), Math.min(south, lat)];
      [east, north] = [Math.max(east, lon), Math.max(north, lat)];
    }
  }
  return {
    geometry: { type: 'Polygon', coordinates: [[...ring, ring[0]!]] },
    bbox: [west, south, east, north],
    properties,
  };
}

/** The time of an item: an instant (RFC 3339); without one an interval that is sure to hold it. */
export const timeOf = (instant: string | undefined): Fields =>
  instant === undefined
    ? { datetime: null, start_datetime: '0001-01-01T00:00:00Z', end_datetime: '9999-12-31T23:59:59Z' }
    : { datetime: instant };

/** The item as it stands in JSON. */
export function itemOf({ id, footprint, time, properties, assets, links, extensions: own }: Item): Fields {
  const { geometry, properties: placed, ...bbox } = footprint;
  return {
    type: 'Feature',
    stac_version: '1.1.0',
    stac_extensions: [projection, ...own],
    id,
    geometry,
    ...bbox,
    properties: { ...time, ...placed, ...properties },
    links: links ?? [],
    assets,
  };
}

/** A name as an item or a file may have it: letters, digits, `-`, `_` and dots. */
export const plainId = (name: string): string => name.replace(/[^A-Za-z0-9._-]+/g, '_') || '_';

/** JSON as people can read it. */
export const told = (value: Json): string => `${JSON.stringify(value, null, 2)}\n`;
