/** Polygons with what was found in them, as CSV, GeoJSON or Parquet. Sources: RFC 4180; RFC 7946; GeoParquet 1.1. */
import type { Sink } from '../../core/job.ts';
import { boundsOf } from '../kernels/coverage.ts';
import type { PolygonFeature, PolygonFile, Polygons } from './polygons.ts';
import { wkbOf } from './wkb.ts';

/** A column of what was found, a value a feature: numbers, NaN for none, or JSON. `isCount`: all are whole. */
export type FoundColumn = { readonly name: string } & (
  | { readonly kind: 'number'; readonly isCount: boolean; readonly values: Float64Array }
  | { readonly kind: 'json'; readonly values: readonly string[] }
);
export const zoneFormats = ['csv', 'geojson', 'parquet'] as const;

/** Names that the table itself takes, before properties and what was found. */
const [numberName, geometryName] = ['feature', 'geometry'];
const batch = 1 << 20;

/** Writes a table: all properties of the polygons, then what was found. A column whose name is taken gets a number behind it. */
export async function writeZoneTable(
  format: (typeof zoneFormats)[number],
  file: PolygonFile,
  found: readonly FoundColumn[],
  sink: Sink,
): Promise<void> {
  if (format === 'parquet') return writeParquet(file, found, sink);
  const names = found.map(freshNames(file.columns));
  const isCsv = format === 'csv';
  const ends = isCsv
    ? { open: csvLine([numberName, ...file.columns, ...names]), close: '' }
    : geoJsonEnds(file);
  let text = ends.open;
  for (const [i, feature] of file.features.entries()) {
    if (isCsv) {
      const own = file.columns.map((name) => propertyOf(feature, name));
      text += csvLine([i, ...own, ...found.map((column) => valueAt(column, i))]);
    } else {
      const more = found.map((column, k) => [
        names[k]!,
        column.kind === 'json' ? (JSON.parse(column.values[i]!) as unknown) : valueAt(column, i),
      ]);
      const properties = { ...feature.properties, ...Object.fromEntries(more) };
      const { geometry = geometryOf(feature.polygons) } = feature;
      text += `${i === 0 ? '\n' : ',\n'}${JSON.stringify({ type: 'Feature', properties, geometry })}`;
    }
    if (text.length < batch) continue;
    await sink.write(Buffer.from(text));
    text = '';
  }
  await sink.write(Buffer.from(text + ends.close));
}

/** Gives a column a name that none before it has. */
function freshNames(before: readonly string[]): (column: { readonly name: string }) => string {
  const taken = new Set(before);
  return ({ name }) => {
    let fresh = name;
    for (let i = 1; taken.has(fresh); i++) fresh = `${name}_${i}`;
    taken.add(fresh);
    return fresh;
  };
}

/** Not what every object has, as `constructor`. */
const propertyOf = ({ properties }: PolygonFeature, name: string): unknown =>
  Object.hasOwn(properties, name) ? properties[name] : undefined;

const valueAt = (column: FoundColumn, i: number): string | number | null => {
  const value = column.values[i]!;
  return value !== value ? null : value;
};

const csvLine = (cells: readonly unknown[]): string => `${cells.map(csvCell).join(',')}\n`;

function csvCell(value: unknown): string {
  if (value === null || value === undefined) return '';
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value as string | number | boolean);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A system other than that of RFC 7946 is told as GDAL tells and reads it. */
function geoJsonEnds({ crs }: PolygonFile): { open: string; close: string } {
  const name = crs?.epsg === undefined ? '' : `urn:ogc:def:crs:EPSG::${crs.epsg}`;
  const told = crs?.epsg === 4326 || name === '' ? {} : { crs: { type: 'name', properties: { name } } };
  const head = JSON.stringify({ type: 'FeatureCollection', ...told });
  return { open: `${head.slice(0, -1)},"features":[`, close: '\n]}\n' };
}

function geometryOf(polygons: Polygons): unknown {
  const places = (ring: Float64Array): number[][] =>
    Array.from({ length: ring.length / 2 }, (_, i) => [ring[2 * i]!, ring[2 * i + 1]!]);
  const all = polygons.map((rings) => rings.map(places));
  if (all.length === 0) return null;
  return all.length === 1
    ? { type: 'Polygon', coordinates: all[0] }
    : { type: 'MultiPolygon', coordinates: all };
}

async function writeParquet(file: PolygonFile, found: readonly FoundColumn[], sink: Sink): Promise<void> {
  const { parquetWriteBuffer } = await import('hyparquet-writer');
  const fresh = freshNames([numberName, geometryName]);
  const number = { name: numberName, type: 'INT64' as const, data: file.features.map((_, i) => BigInt(i)) };
  const own = file.columns.map((name) => ({
    name: fresh({ name }),
    ...typedColumn(file.features.map((feature) => propertyOf(feature, name) ?? null)),
  }));
  const more = found.map((column) => ({ name: fresh(column), ...foundColumn(column) }));
  const geometry = {
    name: geometryName,
    type: 'BYTE_ARRAY' as const,
    statistics: false,
    data: file.features.map(({ polygons }) => (polygons.length > 0 ? wkbOf(polygons) : null)),
  };
  const bytes = parquetWriteBuffer({
    columnData: [number, ...own, ...more, geometry],
    kvMetadata: [{ key: 'geo', value: JSON.stringify(geoOf(file)) }],
    createdBy: 'servermix',
  });
  await sink.write(new Uint8Array(bytes));
}

/** What GeoParquet tells of the geometry; without a system it is degrees of longitude and latitude, null is one that is not told. */
function geoOf({ features, crs }: PolygonFile): unknown {
  const { minX, minY, maxX, maxY } = boundsOf(features.flatMap(({ polygons }) => polygons.flat()));
  const types = new Set(
    features.flatMap(({ polygons }) =>
      polygons.length === 0 ? [] : polygons.length === 1 ? ['Polygon'] : ['MultiPolygon'],
    ),
  );
  const isLonLat = crs === undefined || crs?.epsg === 4326;
  const column = {
    encoding: 'WKB',
    geometry_types: [...types].sort(),
    bbox: [minX, minY, maxX, maxY],
    ...(isLonLat ? {} : { crs: null }),
  };
  return { version: '1.1.0', primary_column: geometryName, columns: { [geometryName]: column } };
}

function foundColumn(column: FoundColumn) {
  if (column.kind === 'json')
    return { type: 'JSON' as const, data: column.values.map((text) => JSON.parse(text) as unknown) };
  const data = Array.from(column.values, (value) => (value !== value ? null : value));
  return column.isCount
    ? { type: 'INT64' as const, data: data.map((value) => (value === null ? null : BigInt(value))) }
    : { type: 'DOUBLE' as const, data };
}

/** The narrowest type that all values of a property have. */
function typedColumn(values: readonly unknown[]) {
  const are = (test: (value: unknown) => boolean): boolean =>
    values.every((value) => value === null || test(value));
  if (are((value) => typeof value === 'boolean')) return { type: 'BOOLEAN' as const, data: [...values] };
  if (are((value) => Number.isSafeInteger(value)))
    return {
      type: 'INT64' as const,
      data: values.map((value) => (value === null ? null : BigInt(value as number))),
    };
  if (are((value) => typeof value === 'number')) return { type: 'DOUBLE' as const, data: [...values] };
  if (are((value) => typeof value === 'string')) return { type: 'STRING' as const, data: [...values] };
  return { type: 'JSON' as const, data: [...values] };
}
