/** Geodetic base of a CRS, from WKT to GeoTIFF keys: datum, ellipsoid, prime meridian. Sources: GeoTIFF 1.1, 7.2 to 7.4; EPSG dataset. */
import { BadInput } from '../../core/errors.ts';
import type { KeyValue } from './geokeys.ts';
import { geoKey, isCode, userDefined } from './geokeys.ts';
import { convert, degrees, metre, unitOf } from './units.ts';
import type { WktNode } from './wkt.ts';
import { child, epsgOf, nameOf, numberOf, plainName } from './wkt.ts';

// Datums that WKT without identifiers names, as EPSG, GDAL and Esri (less its D_) write them.
const datums: { readonly [code: number]: readonly string[] } = {
  1043: ['China 2000'],
  1116: [
    'NAD83(2011)',
    'NAD_1983_2011',
    'NAD83 (National Spatial Reference System 2011)',
    'NAD83 National Spatial Reference System 2011',
  ],
  1128: ['JGD2011', 'JGD_2011', 'Japanese Geodetic Datum 2011'],
  1168: ['GDA2020', 'Geocentric Datum of Australia 2020'],
  6140: ['NAD83(CSRS)', 'NAD83 Canadian Spatial Reference System', 'North American 1983 CSRS'],
  6149: ['CH1903'],
  6150: ['CH1903+'],
  6152: [
    'NAD83(HARN)',
    'North American 1983 HARN',
    'NAD83 High Accuracy Reference Network',
    'NAD83 High Accuracy Regional Network',
  ],
  6156: ['S-JTSK', 'System of the Unified Trigonometrical Cadastral Network'],
  6167: ['NZGD2000', 'NZGD_2000', 'New Zealand Geodetic Datum 2000'],
  6171: [
    'RGF93',
    'RGF93 v1',
    'RGF_1993',
    'Reseau Geodesique Francais 1993',
    'Reseau Geodesique Francais 1993 v1',
  ],
  6230: ['ED50', 'European Datum 1950', 'European 1950'],
  6258: [
    'ETRS89',
    'ETRS_1989',
    'European Terrestrial Reference System 1989',
    'European Terrestrial Reference System 1989 ensemble',
  ],
  6265: ['Monte Mario'],
  6267: ['NAD27', 'North American Datum 1927', 'North American 1927'],
  6269: ['NAD83', 'North American Datum 1983', 'North American 1983'],
  6277: ['OSGB36', 'OSGB 1936', 'Ordnance Survey of Great Britain 1936'],
  6283: ['GDA94', 'GDA_1994', 'Geocentric Datum of Australia 1994'],
  6289: ['Amersfoort'],
  6312: ['MGI', 'Militar-Geographische Institut'],
  6313: ['BD72', 'Belge 1972', 'Reseau National Belge 1972'],
  6314: ['DHDN', 'Deutsches Hauptdreiecksnetz'],
  6322: ['WGS 72', 'World Geodetic System 1972'],
  6326: ['WGS 84', 'World Geodetic System 1984', 'World Geodetic System 1984 ensemble'],
  6612: ['JGD2000', 'JGD_2000', 'Japanese Geodetic Datum 2000'],
  6619: ['SWEREF99'],
  6674: ['SIRGAS 2000'],
  6759: [
    'NAD83(NSRS2007)',
    'NAD_1983_NSRS2007',
    'NAD83 (National Spatial Reference System 2007)',
    'NAD83 National Spatial Reference System 2007',
  ],
};
const codes: ReadonlyMap<string, number> = new Map(
  Object.entries(datums).flatMap(([code, names]) => names.map((name) => [plainName(name), Number(code)])),
);

/**
 * Keys of a geographic or geocentric CRS, whole or as the base of a projected one: by its EPSG code, else by datum, ellipsoid and prime meridian.
 * @throws BadInput where the text has no code and no datum
 */
export function geodeticKeys(crs: WktNode): Map<number, KeyValue> {
  const keys = new Map<number, KeyValue>();
  const code = epsgOf(crs);
  if (isCode(code)) {
    keys.set(geoKey.geographicType, code);
    keys.set(geoKey.geographicCitation, nameOf(crs));
    return keys;
  }
  const datum = child(crs, 'DATUM', 'GEODETICDATUM', 'TRF', 'ENSEMBLE');
  const ellipsoid = datum && child(datum, 'SPHEROID', 'ELLIPSOID');
  const [axis, flattening] = [ellipsoid?.values[1], ellipsoid?.values[2]];
  if (!datum || !ellipsoid || typeof axis !== 'number' || typeof flattening !== 'number')
    throw new BadInput(`WKT: ${JSON.stringify(nameOf(crs))} has no datum with an ellipsoid`);
  const length = unitOf(ellipsoid, 'length') ?? metre;
  const radius = convert(axis, length, metre);
  const meridian = child(crs, 'PRIMEM', 'PRIMEMERIDIAN');
  const angle = (meridian && unitOf(meridian, 'angle')) ?? unitOf(crs, 'angle') ?? degrees;
  const longitude = (meridian && numberOf(meridian)) ?? 0;
  const meridianName = meridian ? nameOf(meridian) : 'Greenwich';
  keys.set(geoKey.geographicType, userDefined);
  // GDAL finds the names of what has no code in here.
  keys.set(
    geoKey.geographicCitation,
    `GCS Name = ${nameOf(crs)}|Datum = ${nameOf(datum)}|Ellipsoid = ${nameOf(ellipsoid)}|Primem = ${meridianName}|`,
  );
  keys.set(geoKey.datum, datumCode(datum));
  const [ellipsoidCode, meridianCode] = [epsgOf(ellipsoid), meridian && epsgOf(meridian)];
  keys.set(geoKey.ellipsoid, isCode(ellipsoidCode) ? ellipsoidCode : userDefined);
  keys.set(geoKey.semiMajorAxis, [radius]);
  // A sphere: WKT writes 0 for its infinite inverse flattening.
  if (flattening === 0) keys.set(geoKey.semiMinorAxis, [radius]);
  else keys.set(geoKey.inverseFlattening, [flattening]);
  keys.set(
    geoKey.primeMeridian,
    isCode(meridianCode) ? meridianCode : longitude === 0 ? greenwich : userDefined,
  );
  keys.set(geoKey.primeMeridianLongitude, [convert(longitude, angle, degrees)]);
  const shift = child(datum, 'TOWGS84')?.values.filter((v) => typeof v === 'number') ?? [];
  if ((shift.length === 3 || shift.length === 7) && shift.some((v) => v !== 0))
    keys.set(geoKey.toWgs84, shift);
  return keys;
}

const greenwich = 8901;

function datumCode(datum: WktNode): number {
  const code = epsgOf(datum);
  if (isCode(code)) return code;
  const name = nameOf(datum);
  return codes.get(plainName(name)) ?? codes.get(plainName(name.replace(/^D_/, ''))) ?? userDefined;
}
