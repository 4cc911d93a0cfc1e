/** Polygons of a GeoPackage. Source: OGC 12-128r19 (GeoPackage 1.4), clauses 1.1.2, 2.1.3 and 2.1.5. */
import { BadInput } from '../../core/errors.ts';
import type { Dataset, Planning } from '../../core/job.ts';
import type { PolygonCrs, PolygonFeature, PolygonFile, Polygons } from './polygons.ts';
import { isSqlite, openSqlite, type Sqlite, type SqliteTable, type SqliteValue } from './sqlite.ts';
import { polygonsOfWkb } from './wkb.ts';

export const isGeoPackage = isSqlite;

/**
 * Features of the layer of polygons, in the order of their numbers.
 * @throws BadInput for a file that is broken, none of GeoPackage, or has several layers with polygons
 */
export function parseGeoPackage(bytes: Uint8Array, uri: string): PolygonFile {
  let place = 'list of tables';
  const fail = (found: string, expected: string, cause?: unknown): never => {
    throw new BadInput(`GeoPackage: ${found} in ${uri}, expected ${expected}`, { cause });
  };
  try {
    const file = openSqlite(bytes);
    const layers = tableOf(file, 'gpkg_geometry_columns');
    if (!layers) return fail('no table gpkg_geometry_columns', 'a GeoPackage; write it with ogr2ogr -f GPKG');
    place = layers.name;
    const found = [...file.rows(layers)].filter(({ geometry_type_name: kind }) => isAreal(String(kind)));
    const layer = found[0] ?? fail('no layer of polygons', 'one');
    if (found.length > 1)
      fail(
        `${found.length} layers of polygons (${found.map(({ table_name: name }) => name).join(', ')})`,
        'one; take one out with ogr2ogr',
      );
    const table = tableOf(file, String(layer['table_name'])) ?? fail(`no table ${layer['table_name']}`, 'it');
    const geometry = String(layer['column_name']);
    place = 'gpkg_spatial_ref_sys';
    const crs = crsOf(file, layer['srs_id'] ?? null);
    const columns = table.columns.filter(({ name, isRowId }) => name !== geometry && !isRowId);
    const features: PolygonFeature[] = [];
    let others = 0;
    for (const row of file.rows(table)) {
      place = `feature ${features.length + others} of ${table.name}`;
      const polygons = polygonsOf(row[geometry] ?? null);
      if (polygons) {
        const properties = columns.map(({ name }) => [name, plain(row[name]!)] as const);
        features.push({ properties: Object.fromEntries(properties), polygons });
      } else others++;
    }
    return {
      features,
      columns: columns.map(({ name }) => name),
      others,
      ...(crs === undefined ? {} : { crs }),
    };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return fail(`${place} is broken (${error.message})`, 'a whole SQLite file; get it again', error);
  }
}

/** What a person should know of changes that lie beside the file, as in one that another program has open; they are not read. */
export async function pendingNote(
  { uri }: Pick<Dataset, 'uri'>,
  planning: Pick<Planning, 'find'>,
): Promise<readonly string[]> {
  const log = /\.gpkg$/i.test(uri) ? await planning.find(`${uri}-wal`) : undefined;
  return log && log.size > 0
    ? [
        `${log.uri} may have changes that are not in ${uri} yet: close the program that writes it, and run again`,
      ]
    : [];
}

const isAreal = (kind: string): boolean =>
  /^(GEOMETRY|GEOMETRYCOLLECTION|(CURVE|MULTI)?POLYGON|(MULTI)?SURFACE|TIN|TRIANGLE|POLYHEDRALSURFACE)$/i.test(
    kind,
  );
const tableOf = ({ tables }: Sqlite, name: string): SqliteTable | undefined => tables.get(name.toLowerCase());
const plain = (value: SqliteValue): unknown =>
  value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;

/** Null where the file says that places are of no system (-1), undefined for degrees of none (0). */
function crsOf(file: Sqlite, id: SqliteValue): PolygonCrs | null | undefined {
  if (id === -1 || id === null) return null;
  if (id === 0) return undefined;
  const table = tableOf(file, 'gpkg_spatial_ref_sys');
  for (const row of table ? file.rows(table) : []) {
    if (row['srs_id'] !== id) continue;
    const code = row['organization_coordsys_id'];
    const isEpsg = /^EPSG$/i.test(String(row['organization'])) && typeof code === 'number';
    const wkt = typeof row['definition'] === 'string' ? row['definition'] : undefined;
    return {
      name: String(row['srs_name']),
      ...(isEpsg ? { epsg: code } : {}),
      ...(wkt === undefined ? {} : { wkt }),
    };
  }
  throw new RangeError(`no system ${String(id)}`);
}

/** Bytes of envelopes by their kind. */
const envelopes = [0, 32, 48, 48, 64];

/** A blob's header, then WKB. */
function polygonsOf(blob: SqliteValue): Polygons | undefined {
  if (blob === null) return [];
  if (!(blob instanceof Uint8Array) || blob.length < 8 || blob[0] !== 0x47 || blob[1] !== 0x50)
    throw new RangeError('a geometry that does not begin with GP');
  const flags = blob[3]!;
  const envelope = envelopes[(flags >> 1) & 7];
  if (envelope === undefined) throw new RangeError(`an envelope of kind ${(flags >> 1) & 7}`);
  const isEmpty = (flags & 0x10) !== 0;
  const found = polygonsOfWkb(blob.subarray(8 + envelope));
  return found && isEmpty ? [] : found;
}
