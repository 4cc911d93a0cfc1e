/** The polygons of a GeoJSON file as an area, in the units in which they stand. Source: RFC 7946, which wants degrees; here they are those of the data beside. */
import { BadInput } from '../../core/errors.ts';
import type { Dataset, Source } from '../../core/job.ts';
import { type Area, areaOf } from '../kernels/polygon.ts';

type Ring = readonly (readonly number[])[];
const mostBytes = 256 * 1024 * 1024;

/** A feature that has polygons: its properties, and all rings of its polygons. */
export type PolygonFeature = {
  readonly properties: { readonly [name: string]: unknown };
  readonly rings: readonly Ring[];
  /** As it stands in the file. */
  readonly geometry: unknown;
};
/** `crs`: what the file calls its system, where it says so. */
export type PolygonFile = { readonly features: readonly PolygonFeature[]; readonly crs?: string };

/**
 * All polygons of a file, with their holes.
 * @throws BadInput as readPolygons
 */
export async function readArea(source: Source, dataset: Pick<Dataset, 'uri'>): Promise<Area> {
  const { features } = await readPolygons(source, dataset);
  return areaOf(features.flatMap(({ rings }) => rings));
}

/**
 * The features of a file that have polygons, in its order; geometries without a feature are features without properties.
 * @throws BadInput for what is no GeoJSON, has no polygon, or a ring of fewer than three places or of what are no numbers
 */
export async function readPolygons(source: Source, { uri }: Pick<Dataset, 'uri'>): Promise<PolygonFile> {
  const fail = (text: string): never => {
    throw new BadInput(
      `GeoJSON: ${text} in ${uri}, expected polygons; write them as Polygon or MultiPolygon`,
    );
  };
  if (source.size > mostBytes) fail(`${source.size} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(await source.read(0, source.size)));
  } catch {
    fail('no JSON');
  }
  const features: PolygonFeature[] = [];
  let count = 0;
  const ringOf = (ring: unknown): Ring => {
    const isPlace = (place: unknown): boolean =>
      Array.isArray(place) && place.length >= 2 && Number.isFinite(place[0]) && Number.isFinite(place[1]);
    if (!Array.isArray(ring) || ring.length < 3 || !ring.every(isPlace))
      fail(`ring ${count} of too few places, or of other things`);
    count++;
    return ring as Ring;
  };
  const ringsOf = (found: unknown): Ring[] => {
    const { type, geometries, coordinates } = (found ?? {}) as { [name: string]: unknown };
    if (type === 'GeometryCollection' && Array.isArray(geometries)) return geometries.flatMap(ringsOf);
    if (type === 'Polygon' && Array.isArray(coordinates)) return coordinates.map(ringOf);
    if (type === 'MultiPolygon' && Array.isArray(coordinates))
      return (coordinates as unknown[]).flatMap((polygon) => (polygon as unknown[]).map(ringOf));
    return [];
  };
  const take = (found: unknown): void => {
    const { type, geometry, properties, features: all } = (found ?? {}) as { [name: string]: unknown };
    if (type === 'FeatureCollection' && Array.isArray(all)) return all.forEach(take);
    const shape = type === 'Feature' ? geometry : found;
    const rings = ringsOf(shape);
    if (rings.length > 0)
      features.push({
        properties: (properties ?? {}) as PolygonFeature['properties'],
        rings,
        geometry: shape,
      });
  };
  take(value);
  if (features.length === 0) fail('no polygon');
  const { crs } = value as { crs?: { properties?: { name?: unknown } } };
  const name = crs?.properties?.name;
  return { features, ...(typeof name === 'string' ? { crs: name } : {}) };
}
