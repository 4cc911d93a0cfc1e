/** Polygons of GeoJSON, in the units in which they stand. Sources: RFC 7946, which wants degrees; GeoJSON 2008, by which a file may name another system. */
import { BadInput, messageOf } from '../../core/errors.ts';
import type { PolygonFeature, PolygonFile, Polygons } from './polygons.ts';

const mostBytes = 256 * 1024 * 1024;

/**
 * Features in their order; geometries without a feature are features without properties.
 * @throws BadInput for what is no GeoJSON, or a ring of fewer than three places or of what are no numbers
 */
export function parseGeoJson(bytes: Uint8Array, uri: string): PolygonFile {
  const fail = (text: string): never => {
    throw new BadInput(
      `GeoJSON: ${text} in ${uri}, expected polygons; write them as Polygon or MultiPolygon`,
    );
  };
  if (bytes.length > mostBytes) fail(`${bytes.length} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(bytes));
  } catch (error) {
    // Without the piece of the file that V8 adds, which may be anything.
    const reason = messageOf(error)
      .replace(/, (\.\.\.)?".*$/s, '')
      .replace(/\p{Cc}/gu, '?');
    throw new BadInput(
      `GeoJSON: no JSON in ${uri} (${reason}), expected polygons; write them as GeoJSON, FlatGeobuf or GeoPackage, say with ogr2ogr`,
      { cause: error },
    );
  }
  const features: PolygonFeature[] = [];
  const columns = new Set<string>();
  let others = 0;
  let count = 0;
  const broken = (): never => fail(`ring ${count} of too few places, or of other things`);
  const ringOf = (ring: unknown): Float64Array => {
    if (!Array.isArray(ring) || ring.length < 3) return broken();
    const out = new Float64Array(2 * ring.length);
    for (const [i, place] of (ring as unknown[]).entries()) {
      if (!Array.isArray(place) || !Number.isFinite(place[0]) || !Number.isFinite(place[1])) return broken();
      out[2 * i] = place[0] as number;
      out[2 * i + 1] = place[1] as number;
    }
    count++;
    return out;
  };
  const polygonOf = (rings: unknown): Float64Array[] => (Array.isArray(rings) ? rings.map(ringOf) : broken());
  /** Undefined for what has no area. */
  const polygonsOf = (found: unknown, depth: number): Polygons | undefined => {
    if (depth > deepest) fail(`geometries in geometries, more than ${deepest} deep,`);
    const { type, geometries, coordinates } = (found ?? {}) as { [name: string]: unknown };
    if (type === 'GeometryCollection' && Array.isArray(geometries)) {
      const within = geometries.map((geometry) => polygonsOf(geometry, depth + 1));
      return within.length > 0 && within.every((one) => one === undefined)
        ? undefined
        : within.flatMap((one) => one ?? []);
    }
    if (!Array.isArray(coordinates)) return undefined;
    const polygons =
      type === 'Polygon' ? [polygonOf(coordinates)] : type === 'MultiPolygon' && coordinates.map(polygonOf);
    return polygons ? polygons.filter((rings) => rings.length > 0) : undefined;
  };
  const take = (found: unknown, depth = 0): void => {
    const { type, geometry, properties, features: all } = (found ?? {}) as { [name: string]: unknown };
    if (depth > deepest) fail(`collections in collections, more than ${deepest} deep,`);
    if (type === 'FeatureCollection' && Array.isArray(all)) return all.forEach((one) => take(one, depth + 1));
    const isFeature = type === 'Feature';
    const shape = isFeature ? (geometry ?? null) : found;
    const polygons = isFeature && shape === null ? [] : polygonsOf(shape, 0);
    if (!polygons) {
      others++;
      return;
    }
    const own = isFeature && isObject(properties) ? properties : {};
    for (const column of Object.keys(own)) columns.add(column);
    features.push({ properties: own, polygons, geometry: shape });
  };
  take(value);
  const { crs } = (value ?? {}) as { crs?: { properties?: { name?: unknown } } };
  const name = crs?.properties?.name;
  if (typeof name !== 'string') return { features, columns: [...columns], others };
  const code = /\bEPSG[:/](?:[^:/]*[:/])?(\d+)$/i.exec(name)?.[1];
  const epsg = /CRS:?84$/.test(name) ? 4326 : code === undefined ? undefined : Number(code);
  return { features, columns: [...columns], others, crs: { name, ...(epsg === undefined ? {} : { epsg }) } };
}

const deepest = 32;
const isObject = (value: unknown): value is PolygonFeature['properties'] =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
