/** Units of length and angle as EPSG codes. Source: EPSG dataset, table Unit of Measure; GeoTIFF 1.1, 7.3. */
import type { WktNode } from './wkt.ts';
import { child, epsgOf, numberOf } from './wkt.ts';

/** `factor` is metres or radians; `code` its EPSG code, where it has one. */
export type Unit = { readonly factor: number; readonly code?: number };

const degree = Math.PI / 180;
const lengths: readonly Unit[] = [
  { factor: 1, code: 9001 },
  { factor: 0.3048, code: 9002 },
  // The US survey foot, 2e-6 longer: 0.6 m over the 300 km of a false easting.
  { factor: 1200 / 3937, code: 9003 },
  { factor: 1000, code: 9036 },
];
const angles: readonly Unit[] = [
  { factor: degree, code: 9102 },
  { factor: 1, code: 9101 },
  { factor: Math.PI / 200, code: 9105 },
];
export const metre: Unit = lengths[0]!;
export const degrees: Unit = angles[0]!;

const keywords = { length: ['UNIT', 'LENGTHUNIT'], angle: ['UNIT', 'ANGLEUNIT'] };

/**
 * The unit that a node of WKT states, itself or, as WKT 2 may, in its first axis; undefined where it states none. The factor decides, as
 * names and identifiers contradict it in some files; texts round it to 7 digits and more.
 */
export function unitOf(node: WktNode, kind: 'length' | 'angle'): Unit | undefined {
  const axis = child(node, 'AXIS');
  const unit = child(node, ...keywords[kind]) ?? (axis && child(axis, ...keywords[kind]));
  const factor = unit && numberOf(unit);
  if (unit === undefined || factor === undefined || !(factor > 0)) return undefined;
  const known = (kind === 'length' ? lengths : angles).find((u) => Math.abs(factor / u.factor - 1) < 1e-7);
  if (known) return known;
  const code = epsgOf(unit);
  return code === undefined ? { factor } : { factor, code };
}

/** `value` of unit `from` in unit `to`; unchanged between units that are the same but for the digits of a text. */
export function convert(value: number, from: Unit, to: Unit): number {
  const ratio = from.factor / to.factor;
  return Math.abs(ratio - 1) < 1e-7 ? value : value * ratio;
}
