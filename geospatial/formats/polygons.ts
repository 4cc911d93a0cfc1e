/** Features with polygons, from a file of any format that is read here: by its first bytes FlatGeobuf or GeoPackage, else GeoJSON. */
import { BadInput } from '../../core/errors.ts';
import type { Context, Dataset, Source } from '../../core/job.ts';
import { type Area, areaOf } from '../kernels/polygon.ts';
import { isFlatGeobuf, parseFlatGeobuf } from './flatgeobufpolygons.ts';
import { parseGeoJson } from './geojson.ts';
import { isGeoPackage, parseGeoPackage } from './geopackage.ts';

/** Polygons, each its outer ring and then its holes; a ring is x, y, x, y, ... Heights and measures are left out. */
export type Polygons = readonly (readonly Float64Array[])[];

/** A feature that has polygons, or no geometry at all: then it has none of them. */
export type PolygonFeature = {
  readonly properties: { readonly [name: string]: unknown };
  readonly polygons: Polygons;
  /** As GeoJSON has it, where the file is such. */
  readonly geometry?: unknown;
};

/** A system by what the file says of it: a code of EPSG, OGC WKT, or a name alone. */
export type PolygonCrs = { readonly name: string; readonly epsg?: number; readonly wkt?: string };

/** `crs`: null where the file says that it has none, undefined where it says nothing. `others`: features that are left out, being points or lines. */
export type PolygonFile = {
  readonly features: readonly PolygonFeature[];
  /** Names of properties, in the order of the file. */
  readonly columns: readonly string[];
  readonly crs?: PolygonCrs | null;
  readonly others: number;
};

/** Formats as files end on them. */
export const polygonFormats = ['geojson', 'json', 'fgb', 'gpkg'] as const;

const mostBytes = 512 * 1024 * 1024;

/**
 * The features of a file that have polygons, or no geometry, in its order.
 * @throws BadInput for a file of none of the formats, one that is broken, has no polygon, or more than 512 MiB
 */
export async function readPolygons(source: Source, { uri }: Pick<Dataset, 'uri'>): Promise<PolygonFile> {
  if (source.size > mostBytes)
    throw new BadInput(
      `polygons: ${source.size} bytes in ${uri}, expected ${mostBytes} at most; cut it, say with ogr2ogr -spat`,
    );
  const bytes = await source.read(0, source.size);
  const parse = isFlatGeobuf(bytes) ? parseFlatGeobuf : isGeoPackage(bytes) ? parseGeoPackage : parseGeoJson;
  const file = parse(bytes, uri);
  if (!file.features.some(({ polygons }) => polygons.length > 0))
    throw new BadInput(
      `polygons: none in ${uri}, found ${file.features.length + file.others} features without; expected Polygon or MultiPolygon`,
    );
  return file;
}

/**
 * All polygons of a file, with their holes.
 * @throws BadInput as readPolygons
 */
export async function readArea(source: Source, dataset: Pick<Dataset, 'uri'>): Promise<Area> {
  const { features } = await readPolygons(source, dataset);
  return areaOf(features.flatMap(({ polygons }) => polygons.flat()));
}

let last: { readonly id: string; readonly file: Promise<PolygonFile> } | undefined;

/** As `readPolygons`; the last file stays in memory, since the parts of a run come to it one after the other. */
export function polygonsOf(dataset: Dataset, host: Pick<Context, 'open'>): Promise<PolygonFile> {
  const id = `${dataset.uri}#${dataset.id}`;
  if (last?.id === id) return last.file;
  const file = host.open(dataset).then((source) => readPolygons(source, dataset));
  last = { id, file };
  file.catch(() => {
    if (last?.file === file) last = undefined;
  });
  return file;
}
