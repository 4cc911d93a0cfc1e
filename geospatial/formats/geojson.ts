/** The polygons of a GeoJSON file as an area, in the units in which they stand. Source: RFC 7946, which wants degrees; here they are those of the data beside. */
import { BadInput } from '../../core/errors.ts';
import type { Dataset, Source } from '../../core/job.ts';
import { type Area, areaOf } from '../kernels/polygon.ts';

type Ring = readonly (readonly number[])[];
const mostBytes = 256 * 1024 * 1024;

/**
 * All polygons of a file, with their holes.
 * @throws BadInput for what is no GeoJSON, has no polygon, or a ring of fewer than three places or of what are no numbers
 */
export async function readArea(source: Source, { uri }: Pick<Dataset, 'uri'>): Promise<Area> {
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
  const rings: Ring[] = [];
  const takeRing = (ring: unknown): void => {
    const isPlace = (place: unknown): boolean =>
      Array.isArray(place) && place.length >= 2 && Number.isFinite(place[0]) && Number.isFinite(place[1]);
    if (!Array.isArray(ring) || ring.length < 3 || !ring.every(isPlace))
      fail(`ring ${rings.length} of too few places, or of other things`);
    rings.push(ring as Ring);
  };
  const take = (found: unknown): void => {
    const { type, geometry, geometries, features, coordinates } = (found ?? {}) as {
      [name: string]: unknown;
    };
    if (type === 'FeatureCollection' && Array.isArray(features)) for (const one of features) take(one);
    else if (type === 'Feature') take(geometry);
    else if (type === 'GeometryCollection' && Array.isArray(geometries))
      for (const one of geometries) take(one);
    else if (type === 'Polygon' && Array.isArray(coordinates)) for (const ring of coordinates) takeRing(ring);
    else if (type === 'MultiPolygon' && Array.isArray(coordinates))
      for (const polygon of coordinates as unknown[]) for (const ring of polygon as unknown[]) takeRing(ring);
  };
  take(value);
  if (rings.length === 0) fail('no polygon');
  return areaOf(rings);
}
