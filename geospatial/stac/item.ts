/** Items of STAC 1.1.0: a feature for what lies in one place at one time. Sources: the STAC item specification; its projection extension 2.0.0. */
import type { Json } from '../../core/json.ts';
import type { GeoKeys } from '../formats/geokeys.ts';
import { toLonLat } from '../formats/lonlat.ts';
import type { Bounds } from '../kernels/grid.ts';
import { outlineOf, type Place } from './outline.ts';

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
  /** The collection that it belongs to; a link to it is then among the others. */
  readonly collection?: string;
  readonly extensions: readonly string[];
};

const extension = (name: string, version: string): string =>
  `https://stac-extensions.github.io/${name}/v${version}/schema.json`;
const projection = extension('projection', '2.0.0');
export const extensions = {
  pointcloud: extension('pointcloud', '2.0.0'),
  raster: extension('raster', '2.0.0'),
  eo: extension('eo', '2.0.0'),
  processing: extension('processing', '1.2.0'),
} as const;

/** Footprint of bounds; its geometry is null, without a `bbox`, where the CRS does not say where on Earth that is. */
export function footprintOf(
  { minX, minY, maxX, maxY }: Bounds,
  keys: GeoKeys | null | undefined,
): Promise<Footprint> {
  const corners = [
    [minX, minY],
    [maxX, minY],
    [maxX, maxY],
    [minX, maxY],
  ] as const;
  return footprintOfCorners(corners, keys);
}

/** Footprint of a four-sided place, by its corners in turn. */
export async function footprintOfCorners(
  corners: readonly Place[],
  keys: GeoKeys | null | undefined,
): Promise<Footprint> {
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  const properties: Fields = {
    'proj:code': keys?.epsg === undefined ? null : `EPSG:${keys.epsg}`,
    'proj:bbox': [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)],
  };
  const way = keys ? await toLonLat(keys) : undefined;
  const outline = way && outlineOf(corners, way);
  return outline ? { ...outline, properties } : { geometry: null, properties };
}

// STAC wants a time of every item: this one says nothing.
const everTime = { start_datetime: '0001-01-01T00:00:00Z', end_datetime: '9999-12-31T23:59:59Z' };
/** Whether an interval is that of an item without a time. */
export const isEver = (start: string | undefined, end: string | undefined): boolean =>
  start === everTime.start_datetime && end === everTime.end_datetime;

/** The time of an item: an instant (RFC 3339), in UTC as STAC wants it; without one an interval that is sure to hold it. */
export const timeOf = (instant: string | undefined): Fields =>
  instant === undefined
    ? { datetime: null, ...everTime }
    : { datetime: instant.endsWith('Z') ? instant : new Date(instant).toISOString().replace('.000Z', 'Z') };

/** The item as it stands in JSON. */
export function itemOf(item: Item): Fields {
  const { id, footprint, time, properties, assets, links, collection, extensions: own } = item;
  const { geometry, properties: placed, ...bbox } = footprint;
  return {
    type: 'Feature',
    stac_version: '1.1.0',
    stac_extensions: [projection, ...own],
    id,
    geometry,
    ...bbox,
    properties: { ...time, ...placed, ...properties },
    ...(collection === undefined ? {} : { collection }),
    links: links ?? [],
    assets,
  };
}

/** A name as an item or a file may have it: letters, digits, `-`, `_` and dots. */
export const plainId = (name: string): string => name.replace(/[^A-Za-z0-9._-]+/g, '_') || '_';

/** JSON as people can read it. */
export const told = (value: Json): string => `${JSON.stringify(value, null, 2)}\n`;
