/** CRS texts and the look into GeoTIFF keys that the tests of CRSs share. */
import type { GeoKeys } from '../geospatial/formats/crs.ts';

/** Keys by id, with doubles and texts in place. */
export function valuesOf({ directory, doubles, ascii }: GeoKeys): {
  [key: number]: number | number[] | string;
} {
  const out: { [key: number]: number | number[] | string } = {};
  for (let at = 4; at < directory.length; at += 4) {
    const [key, tag, count, place] = directory.slice(at, at + 4) as [number, number, number, number];
    if (tag === 0) out[key] = place;
    else if (tag === 34736) out[key] = doubles.slice(place, place + count);
    else out[key] = ascii.slice(place, place + count);
  }
  return out;
}

const nad83 = `GEOGCS["NAD83",DATUM["North_American_Datum_1983",SPHEROID["GRS 1980",6378137,298.257222101]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433]]`;
/** BC Albers without a code; `end` is its unit, and whatever should follow. */
export const albers = (end: string, projection = 'Albers_Conic_Equal_Area'): string =>
  `PROJCS["NAD83 / BC Albers",${nad83},PROJECTION["${projection}"],PARAMETER["standard_parallel_1",50],PARAMETER["standard_parallel_2",58.5],PARAMETER["latitude_of_center",45],PARAMETER["longitude_of_center",-126],PARAMETER["false_easting",1000000],PARAMETER["false_northing",0],${end}]`;
export const metres = 'UNIT["metre",1,AUTHORITY["EPSG","9001"]]';
