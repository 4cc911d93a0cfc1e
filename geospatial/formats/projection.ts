/** Map projections from WKT parameters to GeoTIFF keys. Sources: GeoTIFF 1.1, 7.5 and annex C; GeoTIFF 1.0, 6.3.3.3; GDAL's choice of keys for a method. */
import { BadInput } from '../../core/errors.ts';
import type { KeyValue } from './geokeys.ts';
import { geoKey, userDefined } from './geokeys.ts';
import type { Unit } from './units.ts';
import { convert, degrees, unitOf } from './units.ts';
import type { WktNode } from './wkt.ts';
import { child, nameOf, numberOf, plainName } from './wkt.ts';

type Parameter =
  | 'latitude'
  | 'longitude'
  | 'parallel1'
  | 'parallel2'
  | 'scale'
  | 'easting'
  | 'northing'
  | 'azimuth'
  | 'skew';

// What WKT 1, WKT 2 and Esri call the parameters, in plain names.
const parameterNames: { readonly [P in Parameter]: readonly string[] } = {
  latitude: [
    'latitudeoforigin',
    'latitudeofcenter',
    'latitudeofnaturalorigin',
    'latitudeoffalseorigin',
    'latitudeofprojectioncentre',
  ],
  longitude: [
    'centralmeridian',
    'longitudeofcenter',
    'longitudeoforigin',
    'longitudeofnaturalorigin',
    'longitudeoffalseorigin',
    'longitudeofprojectioncentre',
  ],
  parallel1: ['standardparallel1', 'latitudeof1ststandardparallel', 'latitudeofstandardparallel'],
  parallel2: ['standardparallel2', 'latitudeof2ndstandardparallel'],
  scale: [
    'scalefactor',
    'scalefactoratnaturalorigin',
    'scalefactoroninitialline',
    'scalefactoratprojectioncentre',
  ],
  easting: ['falseeasting', 'eastingatfalseorigin', 'eastingatprojectioncentre'],
  northing: ['falsenorthing', 'northingatfalseorigin', 'northingatprojectioncentre'],
  azimuth: ['azimuth', 'azimuthofinitialline', 'azimuthatprojectioncentre'],
  skew: ['rectifiedgridangle', 'anglefromrectifiedtoskewgrid'],
};
const parameters: ReadonlyMap<string, Parameter> = new Map(
  Object.entries(parameterNames).flatMap(([parameter, names]) =>
    names.map((n) => [n, parameter as Parameter]),
  ),
);

type Method = {
  /** Value of ProjMethodGeoKey. */
  readonly code: number;
  /** Plain names. */
  readonly names: readonly string[];
  /** The key that holds a parameter. */
  readonly keys: { readonly [P in Parameter]?: number };
};
const falseOrigin = { easting: 3082, northing: 3083 };
const naturalOrigin = { latitude: 3081, longitude: 3080, ...falseOrigin };
const center = { latitude: 3089, longitude: 3088, ...falseOrigin };
const oblique = { ...center, azimuth: 3094, skew: 3096, scale: 3093 };

const methods: readonly Method[] = [
  {
    code: 1,
    names: ['transversemercator', 'transversemercatorcomplex', 'gausskruger'],
    keys: { ...naturalOrigin, scale: 3092 },
  },
  {
    code: 27,
    names: ['transversemercatorsouthorientated', 'transversemercatorsouthoriented'],
    keys: { ...naturalOrigin, scale: 3092 },
  },
  { code: 7, names: ['mercator1sp', 'mercatorvarianta'], keys: { ...naturalOrigin, scale: 3092 } },
  {
    code: 7,
    names: ['mercator2sp', 'mercatorvariantb', 'mercator'],
    keys: { ...naturalOrigin, parallel1: 3078 },
  },
  {
    code: 8,
    names: ['lambertconformalconic2sp', 'lambertconicconformal2sp'],
    keys: {
      latitude: 3085,
      longitude: 3084,
      parallel1: 3078,
      parallel2: 3079,
      easting: 3086,
      northing: 3087,
    },
  },
  {
    code: 9,
    names: ['lambertconformalconic1sp', 'lambertconicconformal1sp'],
    keys: { ...naturalOrigin, scale: 3092 },
  },
  {
    code: 10,
    names: ['lambertazimuthalequalarea'],
    keys: center,
  },
  {
    code: 11,
    names: ['albersconicequalarea', 'albersequalarea', 'albers'],
    keys: { ...naturalOrigin, parallel1: 3078, parallel2: 3079 },
  },
  {
    // Variant B keeps its parallel of true scale where variant A keeps the pole: readers tell them apart by that.
    code: 15,
    names: ['polarstereographic', 'polarstereographicvarianta'],
    keys: { ...falseOrigin, latitude: 3081, longitude: 3095, scale: 3092 },
  },
  {
    code: 15,
    names: ['polarstereographicvariantb', 'stereographicnorthpole', 'stereographicsouthpole'],
    keys: { ...falseOrigin, parallel1: 3081, longitude: 3095 },
  },
  {
    code: 16,
    names: ['obliquestereographic', 'doublestereographic'],
    keys: { ...naturalOrigin, scale: 3092 },
  },
  { code: 18, names: ['cassinisoldner', 'cassini'], keys: naturalOrigin },
  {
    code: 3,
    names: [
      'hotineobliquemercator',
      'hotineobliquemercatorvarianta',
      'hotineobliquemercatorazimuthnaturalorigin',
    ],
    keys: oblique,
  },
  {
    code: 9815,
    names: ['hotineobliquemercatorazimuthcenter', 'hotineobliquemercatorvariantb'],
    keys: oblique,
  },
];

/**
 * Keys of the projection of a PROJCS or PROJCRS node: method, parameters in degrees and in `length`, the unit of the CRS. `angle` is the unit of its base.
 * @throws BadInput naming a method or a parameter that GeoTIFF has no key for
 */
export function projectionKeys(crs: WktNode, length: Unit, angle: Unit): Map<number, KeyValue> {
  // A PROJ string in an extension overrules the projection beside it: spherical Mercator is written so.
  if (child(crs, 'EXTENSION')) throw new BadInput('WKT: GeoTIFF has no key for an EXTENSION');
  const conversion = child(crs, 'CONVERSION') ?? crs;
  const named = child(conversion, 'PROJECTION', 'METHOD');
  if (!named) throw new BadInput(`WKT: ${JSON.stringify(nameOf(crs))} has no projection`);
  const values = readParameters(conversion, length, angle);
  const method = findMethod(nameOf(named), values);
  const keys = new Map<number, KeyValue>([
    [geoKey.projectedType, userDefined],
    [geoKey.projection, userDefined],
    [geoKey.method, method.code],
  ]);
  for (const [parameter, key] of Object.entries(method.keys))
    keys.set(key, [values.get(parameter as Parameter) ?? usual(parameter as Parameter, values)]);
  for (const [parameter, value] of values)
    if (method.keys[parameter] === undefined && !isImplied(parameter, value, values))
      throw new BadInput(`WKT: GeoTIFF has no key for the ${parameter} of ${nameOf(named)}`);
  return keys;
}

const neutral = (parameter: Parameter): number => (parameter === 'scale' ? 1 : 0);

// Esri leaves the skew out, where the grid is turned by the azimuth.
const usual = (parameter: Parameter, values: ReadonlyMap<Parameter, number>): number =>
  (parameter === 'skew' ? values.get('azimuth') : undefined) ?? neutral(parameter);

/** Whether a parameter that the method does not have says nothing more: neutral, the pole, or one parallel at the origin. */
const isImplied = (parameter: Parameter, value: number, values: ReadonlyMap<Parameter, number>): boolean =>
  value === neutral(parameter) ||
  (parameter === 'latitude' && Math.abs(value) === 90) ||
  (parameter === 'parallel1' && value === values.get('latitude'));

function findMethod(name: string, values: ReadonlyMap<Parameter, number>): Method {
  let plain = plainName(name);
  // Esri has one name for both.
  if (plain === 'lambertconformalconic') plain += values.has('parallel2') ? '2sp' : '1sp';
  const method = methods.find(({ names }) => names.includes(plain));
  if (!method) throw new BadInput(`WKT: GeoTIFF has no key for the projection ${JSON.stringify(name)}`);
  return method;
}

function readParameters(conversion: WktNode, length: Unit, angle: Unit): Map<Parameter, number> {
  const values = new Map<Parameter, number>();
  for (const node of conversion.nodes.filter((n) => n.keyword === 'PARAMETER')) {
    const parameter = parameters.get(plainName(nameOf(node)));
    const value = numberOf(node);
    if (parameter === undefined || value === undefined)
      throw new BadInput(`WKT: GeoTIFF has no key for the parameter ${JSON.stringify(nameOf(node))}`);
    // Parameters of WKT 2 carry their units, those of WKT 1 have the ones of the CRS and of its base.
    if (parameter === 'scale') values.set(parameter, value);
    else if (parameter === 'easting' || parameter === 'northing')
      values.set(parameter, convert(value, unitOf(node, 'length') ?? length, length));
    else values.set(parameter, convert(value, unitOf(node, 'angle') ?? angle, degrees));
  }
  return values;
}
