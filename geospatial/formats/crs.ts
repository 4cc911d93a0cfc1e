/** The coordinate reference system of a LAS file as GeoTIFF keys. Sources: LAS 1.4 R16, "Coordinate Reference System Information"; OGC GeoTIFF 1.1. */
import { BadInput } from '../../core/errors.ts';
import { geodeticKeys } from './datum.ts';
import type { GeoKeys, KeyValue } from './geokeys.ts';
import { decodeKeys, encodeKeys, geoKey, isCode, model, userDefined } from './geokeys.ts';
import { projectionKeys } from './projection.ts';
import type { Unit } from './units.ts';
import { degrees, metre, unitOf } from './units.ts';
import type { WktNode } from './wkt.ts';
import { child, epsgOf, nameOf, parseWkt, plainName } from './wkt.ts';

export type { GeoKeys } from './geokeys.ts';

/** What a LAS file says about its CRS: the payloads of its VLRs. */
export type CrsRecords = {
  /** OGC WKT (record 2112), 1 or 2. */
  readonly wkt?: string | undefined;
  /** GeoKeyDirectoryTag (34735), GeoDoubleParamsTag (34736), GeoAsciiParamsTag (34737, one character a byte). */
  readonly keys?:
    | { readonly directory: Uint16Array; readonly doubles: Float64Array; readonly ascii: string }
    | undefined;
  /** The WKT bit of the header's global encoding: WKT is the one that holds. */
  readonly wktBit: boolean;
};

/** The CRS as GeoTIFF keys; a reason, one line for the user to see, where they are missing or say less than the file. */
export type Crs = { readonly keys?: GeoKeys; readonly reason?: string };

/** `partial` keys hold a name and no position on Earth. */
type Found = Crs & { readonly partial?: boolean };

/**
 * The CRS of a LAS file: of its WKT if the WKT bit is set, else of its GeoTIFF keys; of the other one where that is missing or broken.
 * Never throws: points are worth reading without a CRS.
 */
export function crsOf({ wkt, keys, wktBit }: CrsRecords): Crs {
  const text = () => (wkt === undefined || /^[\s\0]*$/.test(wkt) ? undefined : fromWkt(wkt));
  const tags = () => keys && fromKeys(keys);
  const reasons: string[] = [];
  let partial: GeoKeys | undefined;
  for (const way of wktBit ? [text, tags] : [tags, text]) {
    const found = attempt(way);
    if (found?.reason !== undefined) reasons.push(found.reason);
    if (found?.partial) partial ??= found.keys;
    else if (found?.keys) return answer(found.keys, reasons);
  }
  return answer(partial, reasons.length > 0 ? reasons : ['no CRS: neither WKT nor GeoTIFF keys']);
}

const answer = (keys: GeoKeys | undefined, reasons: readonly string[]): Crs => ({
  ...(keys ? { keys } : {}),
  ...(reasons.length > 0 ? { reason: reasons.join('; ') } : {}),
});

function attempt(way: () => Found | undefined): Found | undefined {
  try {
    return way();
  } catch (error) {
    if (error instanceof BadInput) return { reason: error.message };
    throw error;
  }
}

/** Keys as they are, but ascending, without what is void, and for cells that are areas. */
function fromKeys({ directory, doubles, ascii }: NonNullable<CrsRecords['keys']>): Found {
  const { values, minor, lost } = decodeKeys(directory, doubles, ascii);
  const isProjected = values.has(geoKey.projectedType) || values.has(geoKey.method);
  if (!isProjected && !values.has(geoKey.geographicType))
    return { reason: 'GeoTIFF keys: no key names a CRS' };
  values.set(geoKey.rasterType, pixelIsArea);
  // Some writers leave the model to be guessed.
  if (!values.get(geoKey.modelType))
    values.set(geoKey.modelType, isProjected ? model.projected : model.geographic);
  return {
    keys: encodeKeys(values, minor),
    ...(lost.length > 0 ? { reason: `GeoTIFF keys: text of key ${lost.join(', ')} is missing` } : {}),
  };
}

const pixelIsArea = 1;

const kinds = {
  compound: ['COMPD_CS', 'COMPOUNDCRS'],
  projected: ['PROJCS', 'PROJCRS', 'PROJECTEDCRS'],
  geographic: ['GEOGCS', 'GEOGCRS', 'GEOGRAPHICCRS'],
  geodetic: ['GEODCRS', 'GEODETICCRS'],
  geocentric: ['GEOCCS'],
  vertical: ['VERT_CS', 'VERTCS', 'VERTCRS', 'VERTICALCRS'],
  base: ['GEOGCS', 'BASEGEOGCRS', 'BASEGEODCRS', 'GEOGCRS', 'GEODCRS'],
} as const;
const horizontals: readonly string[] = [
  ...kinds.projected,
  ...kinds.geographic,
  ...kinds.geodetic,
  ...kinds.geocentric,
];
const is = (node: WktNode, kind: keyof typeof kinds): boolean =>
  (kinds[kind] as readonly string[]).includes(node.keyword);

/** A CRS bound to a datum shift is the CRS itself. */
const unbind = (node: WktNode): WktNode =>
  node.keyword === 'BOUNDCRS' ? unbind(child(node, 'SOURCECRS')?.nodes[0] ?? { ...node, keyword: '' }) : node;

function fromWkt(text: string): Found {
  const root = unbind(parseWkt(text));
  const members = is(root, 'compound') ? root.nodes.map(unbind) : [root];
  const crs = members.find((n) => horizontals.includes(n.keyword));
  if (!crs)
    throw new BadInput(
      `WKT: ${root.keyword} ${JSON.stringify(nameOf(root))} has no projected or geodetic CRS`,
    );
  // Some writers put the vertical CRS inside of the projected one.
  const vertical = members.find((n) => is(n, 'vertical')) ?? child(crs, ...kinds.vertical);
  const keys = new Map<number, KeyValue>([
    [geoKey.rasterType, pixelIsArea],
    [geoKey.citation, crs === root || !vertical ? nameOf(crs) : `${nameOf(crs)} + ${nameOf(vertical)}`],
  ]);
  if (is(crs, 'projected')) keys.set(geoKey.projectedCitation, nameOf(crs));
  const put = (found: ReadonlyMap<number, KeyValue>): void =>
    found.forEach((value, key) => keys.set(key, value));
  if (vertical) put(verticalKeys(vertical));
  try {
    put(is(crs, 'projected') ? projectedKeys(crs) : geodeticModelKeys(crs));
    return { keys: encodeKeys(keys, geotiff11) };
  } catch (error) {
    if (!(error instanceof BadInput)) throw error;
    keys.set(geoKey.modelType, userDefined);
    put(lengthKeys(unitOf(crs, 'length') ?? metre));
    return {
      keys: encodeKeys(keys, geotiff11),
      reason: `${error.message}: the CRS is known by its name only`,
      partial: true,
    };
  }
}

// GeoTIFF 1.1 gives the vertical keys EPSG codes.
const geotiff11 = 1;

// GeoTIFF has no method for the Mercator of web maps.
const wellKnown: ReadonlyMap<string, number> = new Map([
  ['wgs84pseudomercator', 3857],
  ['wgs1984webmercatorauxiliarysphere', 3857],
]);

function projectedKeys(crs: WktNode): Map<number, KeyValue> {
  const length = unitOf(crs, 'length') ?? metre;
  const keys = new Map<number, KeyValue>([[geoKey.modelType, model.projected], ...lengthKeys(length)]);
  const code = epsgOf(crs) ?? wellKnown.get(plainName(nameOf(crs)));
  if (isCode(code)) return keys.set(geoKey.projectedType, code);
  const base = child(crs, ...kinds.base);
  if (!base) throw new BadInput(`WKT: ${JSON.stringify(nameOf(crs))} has no geographic base`);
  const angle = unitOf(base, 'angle') ?? degrees;
  keys.set(geoKey.angularUnits, degrees.code!);
  for (const found of [geodeticKeys(base), projectionKeys(crs, length, angle)])
    for (const [key, value] of found) keys.set(key, value);
  return keys;
}

function geodeticModelKeys(crs: WktNode): Map<number, KeyValue> {
  const keys = geodeticKeys(crs);
  const system = child(crs, 'CS');
  if (is(crs, 'geocentric') || (system && nameOf(system).toLowerCase() === 'cartesian')) {
    const { code } = unitOf(crs, 'length') ?? metre;
    return keys.set(geoKey.modelType, model.geocentric).set(geoKey.geocentricUnits, code ?? userDefined);
  }
  const { factor, code } = unitOf(crs, 'angle') ?? degrees;
  keys.set(geoKey.modelType, model.geographic);
  if (code === undefined) keys.set(geoKey.angularUnitSize, [factor]);
  return keys.set(geoKey.angularUnits, code ?? userDefined);
}

function lengthKeys({ factor, code }: Unit): Map<number, KeyValue> {
  const keys = new Map<number, KeyValue>([[geoKey.linearUnits, code ?? userDefined]]);
  if (code === undefined) keys.set(geoKey.linearUnitSize, [factor]);
  return keys;
}

function verticalKeys(crs: WktNode): Map<number, KeyValue> {
  const code = epsgOf(crs);
  const datum = child(crs, 'VERT_DATUM', 'VDATUM', 'VERTICALDATUM');
  const datumCode = datum && epsgOf(datum);
  const keys = new Map<number, KeyValue>([
    [geoKey.verticalType, isCode(code) ? code : userDefined],
    [geoKey.verticalCitation, nameOf(crs)],
  ]);
  if (!isCode(code)) keys.set(geoKey.verticalDatum, isCode(datumCode) ? datumCode : userDefined);
  // There is no key for the size of a vertical unit without a code.
  const unit = unitOf(crs, 'length')?.code;
  if (unit !== undefined) keys.set(geoKey.verticalUnits, unit);
  return keys;
}
