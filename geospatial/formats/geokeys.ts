/** GeoTIFF keys: how a TIFF and a LAS file name their coordinate reference system. Source: OGC GeoTIFF 1.1 (19-008r4), clause 7. */
import { BadInput } from '../../core/errors.ts';

/**
 * The keys as three TIFF tags hold them. Plain JSON. `directory` is the whole GeoKeyDirectory with its header, ascending by key; `ascii` is 7-bit.
 * `epsg` and `name` are of the horizontal system, where known.
 */
export type GeoKeys = {
  readonly directory: readonly number[];
  readonly doubles: readonly number[];
  readonly ascii: string;
  readonly epsg?: number;
  readonly name?: string;
};

/** A SHORT, DOUBLEs, or text. */
export type KeyValue = number | readonly number[] | string;

/** Key ids, named as in GeoTIFF 1.0 (1.1 says Geodetic for Geographic and drops the CS of ProjectedCS). */
export const geoKey = {
  modelType: 1024,
  rasterType: 1025,
  citation: 1026,
  geographicType: 2048,
  geographicCitation: 2049,
  datum: 2050,
  primeMeridian: 2051,
  geocentricUnits: 2052,
  angularUnits: 2054,
  angularUnitSize: 2055,
  ellipsoid: 2056,
  semiMajorAxis: 2057,
  semiMinorAxis: 2058,
  inverseFlattening: 2059,
  primeMeridianLongitude: 2061,
  toWgs84: 2062,
  projectedType: 3072,
  projectedCitation: 3073,
  projection: 3074,
  method: 3075,
  linearUnits: 3076,
  linearUnitSize: 3077,
  verticalType: 4096,
  verticalCitation: 4097,
  verticalDatum: 4098,
  verticalUnits: 4099,
} as const;

/** Stands for "defined by the other keys" in any key that holds a code. */
export const userDefined = 32767;

/** Values of the model type key. */
export const model = { projected: 1, geographic: 2, geocentric: 3 } as const;

/** Whether GeoTIFF can hold this EPSG code (GeoTIFF 1.1, 7.1). */
export const isCode = (value: KeyValue | undefined): value is number =>
  typeof value === 'number' && value >= 1024 && value < userDefined;

const doubleParams = 34736;
const asciiParams = 34737;
// A directory from outside may name the same values over and over; what is kept of it stays below the 16 bits of the counts and places.
const mostKeys = 256;
const mostDoubles = 64;
const mostText = 60_000;

/** Keys by id to the three tags. `minor` is the minor revision: 0 for GeoTIFF 1.0, 1 for GeoTIFF 1.1. */
export function encodeKeys(values: ReadonlyMap<number, KeyValue>, minor: number): GeoKeys {
  const entries: number[] = [];
  const doubles: number[] = [];
  let ascii = '';
  for (const [id, value] of [...values].sort(([a], [b]) => a - b)) {
    if (typeof value === 'number') entries.push(id, 0, 1, value);
    else if (typeof value === 'string') {
      const text = `${plainText(value)}|`;
      entries.push(id, asciiParams, text.length, ascii.length);
      ascii += text;
    } else {
      entries.push(id, doubleParams, value.length, doubles.length);
      doubles.push(...value);
    }
  }
  const directory = [1, 1, minor, entries.length / 4, ...entries];
  const code = values.get(typeKey(values) ?? -1);
  const name = [values.get(citationKey(values)), values.get(geoKey.citation)]
    .filter((n) => typeof n === 'string')
    .map(
      (n) =>
        plainText(n)
          .replace(/^(PCS|GCS) Name = /, '')
          .split('|', 1)[0]!,
    )
    .find((n) => n !== '' && !/^(unknown|unnamed)$/i.test(n));
  return {
    directory,
    doubles,
    ascii,
    ...(isCode(code) ? { epsg: code } : {}),
    ...(name === undefined ? {} : { name }),
  };
}

/** The key that holds the code of the horizontal system; undefined for a model of the user's own. */
function typeKey(values: ReadonlyMap<number, KeyValue>): number | undefined {
  const found = values.get(geoKey.modelType);
  if (found === model.projected) return geoKey.projectedType;
  return found === model.geographic || found === model.geocentric ? geoKey.geographicType : undefined;
}

function citationKey(values: ReadonlyMap<number, KeyValue>): number {
  const type = typeKey(values);
  if (type === geoKey.projectedType) return geoKey.projectedCitation;
  return type === geoKey.geographicType ? geoKey.geographicCitation : geoKey.citation;
}

// Citations are ASCII (GeoTIFF 1.1, 7.1.2): letters lose their accents, what is left of the rest shows as a question mark.
const plainText = (text: string): string =>
  text
    .normalize('NFD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[^\x20-\x7e]/g, '?')
    .slice(0, 4000);

/**
 * Keys by id from the payloads of the three tags, in any order; entries of zeros, which some writers leave at the end, are passed over.
 * `lost` names the citations that the text tag does not hold, or beyond 60,000 characters of them: they say nothing about where points lie.
 * @throws BadInput where header, counts or places of other values do not hold
 */
export function decodeKeys(
  directory: ArrayLike<number>,
  doubles: ArrayLike<number>,
  ascii: string,
): { values: Map<number, KeyValue>; minor: number; lost: number[] } {
  if (directory.length < 4)
    throw new BadInput(`GeoTIFF keys: ${directory.length} numbers, expected a header of 4`);
  if (directory[0] !== 1) throw new BadInput(`GeoTIFF keys: version ${directory[0]}, expected 1`);
  const count = directory[3]!;
  const room = Math.floor(directory.length / 4) - 1;
  if (count > room) throw new BadInput(`GeoTIFF keys: header promises ${count} keys, found ${room}`);
  if (count > mostKeys) throw new BadInput(`GeoTIFF keys: ${count} keys, expected at most ${mostKeys}`);
  const values = new Map<number, KeyValue>();
  const lost: number[] = [];
  let kept = 0;
  for (let at = 4; at < 4 + 4 * count; at += 4) {
    const [id, location, length, place] = [
      directory[at]!,
      directory[at + 1]!,
      directory[at + 2]!,
      directory[at + 3]!,
    ];
    if (id === 0 && location === 0 && length === 0 && place === 0) continue;
    const broken = (found: string): BadInput => new BadInput(`GeoTIFF keys: key ${id} ${found}`);
    if (values.has(id)) throw broken('stands twice, expected once');
    const end = place + length;
    if (location === 0) {
      if (length !== 1) throw broken(`has ${length} values in its entry, expected 1`);
      values.set(id, place);
    } else if (location === doubleParams) {
      if (length === 0 || length > mostDoubles || end > doubles.length)
        throw broken(`has ${length} values from ${place} of ${doubles.length} doubles`);
      const numbers = Array.from({ length }, (_, i) => doubles[place + i]!);
      if (!numbers.every(Number.isFinite)) throw broken(`is ${numbers.join(', ')}, expected numbers`);
      values.set(id, numbers);
    } else if (location === asciiParams) {
      kept += length;
      if (end > ascii.length || kept > mostText) lost.push(id);
      else values.set(id, ascii.slice(place, end).replace(/\0.*$/s, '').replace(/\|$/, ''));
    } else throw broken(`lies in tag ${location}, expected 0, ${doubleParams} or ${asciiParams}`);
  }
  return { values, minor: directory[2]!, lost };
}
