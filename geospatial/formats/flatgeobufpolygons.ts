/** Polygons of FlatGeobuf. Source: flatgeobuf.org, specification and schemas 3.0 (header.fbs, feature.fbs). */
import { BadInput } from '../../core/errors.ts';
import type { PolygonCrs, PolygonFeature, PolygonFile, Polygons } from './polygons.ts';
import { type FlatReader, flatReader, type FlatTable } from './flattables.ts';

/** Whether a file begins as FlatGeobuf of version 3 does; its eighth byte is a patch that means nothing to readers. */
export const isFlatGeobuf = (bytes: Uint8Array): boolean =>
  [0x66, 0x67, 0x62, 3, 0x66, 0x67, 0x62].every((byte, i) => bytes[i] === byte);

const magicBytes = 8;
const nodeBytes = 40;
/** Types of geometries, of those that have areas or others within. */
const type = { unknown: 0, polygon: 3, multiPolygon: 6, collection: 7, surfaces: 15, tin: 16, triangle: 17 };
const deepest = 32;

/** Fields of the schema's tables, by number. */
const headerField = { type: 2, columns: 7, count: 8, nodeSize: 9, crs: 10 };
const crsField = { org: 0, code: 1, name: 2, wkt: 4, codeText: 5 };
const geometryField = { ends: 0, xy: 1, type: 6, parts: 7 };

/**
 * Features in the order of the file.
 * @throws BadInput for a file that is cut short or does not keep its own offsets, naming the feature
 */
export function parseFlatGeobuf(bytes: Uint8Array, uri: string): PolygonFile {
  let place = 'header';
  try {
    const sizeAt = (at: number): number => flatReader(bytes, at, at + 4).view.getUint32(0, true);
    const headerEnd = magicBytes + 4 + sizeAt(magicBytes);
    const header = flatReader(bytes, magicBytes + 4, headerEnd).table(0);
    const columns = header.tables(headerField.columns).map(columnOf);
    const names = new Set(columns.map(({ name }) => name));
    const own = header.byte(headerField.type);
    const count = Number(header.long(headerField.count));
    let at = headerEnd + indexBytes(count, header.short(headerField.nodeSize, 16));
    const crs = crsOf(header.inner(headerField.crs));
    const features: PolygonFeature[] = [];
    let [read, others] = [0, 0];
    for (; count > 0 ? read < count : at < bytes.length; read++) {
      place = `feature ${read} at byte ${at}`;
      const end = at + 4 + sizeAt(at);
      const reader = flatReader(bytes, at + 4, end);
      const feature = reader.table(0);
      const geometry = feature.inner(0);
      const polygons = geometry ? polygonsOf(reader, geometry, own) : [];
      if (polygons) {
        const listed = feature.tables(2).map(columnOf);
        for (const { name } of listed) names.add(name);
        const known = listed.length > 0 ? listed : columns;
        features.push({ polygons, properties: propertiesOf(reader, feature.vector(1, 1), known) });
      } else others++;
      at = end;
    }
    if (at < bytes.length) throw new RangeError(`${bytes.length - at} bytes behind the last feature`);
    return { features, columns: [...names], others, crs };
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new BadInput(
      `FlatGeobuf: ${place} is broken in ${uri} (${error.message}), expected what the schema says; get the file again`,
      { cause: error },
    );
  }
}

/** The packed tree before the features: levels of nodes with up to `size` children, up to one root. */
function indexBytes(count: number, size: number): number {
  if (count === 0 || size === 0) return 0;
  if (size < 2) throw new RangeError(`${size} children a node of the index`);
  let [level, nodes] = [count, count];
  // A single feature has a root above its leaf, too.
  do nodes += level = Math.ceil(level / size);
  while (level > 1);
  return nodeBytes * nodes;
}

function crsOf(table: FlatTable | undefined): PolygonCrs | null {
  if (!table) return null;
  const org = table.text(crsField.org) ?? '';
  const code = table.int(crsField.code) || Number(table.text(crsField.codeText) ?? NaN);
  const wkt = table.text(crsField.wkt);
  const isLonLat = org === 'OGC' && table.text(crsField.codeText) === 'CRS84';
  const epsg = isLonLat ? 4326 : (org === '' || org.toUpperCase() === 'EPSG') && code > 0 ? code : undefined;
  const name = table.text(crsField.name) ?? (epsg === undefined ? '' : `EPSG:${epsg}`);
  if (epsg === undefined && !wkt) return null;
  return { name, ...(epsg === undefined ? {} : { epsg }), ...(wkt ? { wkt } : {}) };
}

/** Undefined for what has no area. */
function polygonsOf(reader: FlatReader, geometry: FlatTable, told: number, depth = 0): Polygons | undefined {
  if (depth > deepest) throw new RangeError(`parts in parts, more than ${deepest} deep`);
  const kind = told === type.unknown ? geometry.byte(geometryField.type) : told;
  if (kind === type.polygon || kind === type.triangle) {
    const rings = ringsOf(reader, geometry);
    return rings.length > 0 ? [rings] : [];
  }
  const holds: { readonly [kind: number]: number } = {
    [type.multiPolygon]: type.polygon,
    [type.collection]: type.unknown,
    [type.surfaces]: type.polygon,
    [type.tin]: type.triangle,
  };
  const within = holds[kind];
  if (within === undefined) return undefined;
  const parts = geometry
    .tables(geometryField.parts)
    .map((part) => polygonsOf(reader, part, within, depth + 1));
  return parts.length > 0 && parts.every((part) => part === undefined)
    ? undefined
    : parts.flatMap((part) => part ?? []);
}

/** `ends` counts the places up to the end of each ring; none: there is one. */
function ringsOf({ view }: FlatReader, geometry: FlatTable): Float64Array[] {
  const xy = geometry.vector(geometryField.xy, 8);
  const places = Math.floor((xy?.length ?? 0) / 2);
  if (!xy || places === 0) return [];
  const ends = geometry.vector(geometryField.ends, 4);
  const rings: Float64Array[] = [];
  let from = 0;
  for (let i = 0; i < Math.max(1, ends?.length ?? 0); i++) {
    const to = ends && ends.length > 0 ? view.getUint32(ends.at + 4 * i, true) : places;
    if (to < from + 3 || to > places)
      throw new RangeError(`ring ${i} from place ${from} to ${to} of ${places}`);
    const ring = new Float64Array(2 * (to - from));
    for (let k = 0; k < ring.length; k++) {
      const value = view.getFloat64(xy.at + 8 * (2 * from + k), true);
      if (!Number.isFinite(value)) throw new RangeError(`place ${from + (k >> 1)} is ${value}`);
      ring[k] = value;
    }
    rings.push(ring);
    from = to;
  }
  if (from !== places) throw new RangeError(`rings end at place ${from} of ${places}`);
  return rings;
}

type Column = { readonly name: string; readonly type: number };
const columnOf = (table: FlatTable): Column => ({ name: table.text(0) ?? '', type: table.byte(1) });

/** Values by types of the schema, with how many bytes they have. */
const scalars: readonly (readonly [bytes: number, read: (view: DataView, at: number) => unknown])[] = [
  [1, (view, at) => view.getInt8(at)],
  [1, (view, at) => view.getUint8(at)],
  [1, (view, at) => view.getUint8(at) !== 0],
  [2, (view, at) => view.getInt16(at, true)],
  [2, (view, at) => view.getUint16(at, true)],
  [4, (view, at) => view.getInt32(at, true)],
  [4, (view, at) => view.getUint32(at, true)],
  [8, (view, at) => Number(view.getBigInt64(at, true))],
  [8, (view, at) => Number(view.getBigUint64(at, true))],
  [4, (view, at) => view.getFloat32(at, true)],
  [8, (view, at) => view.getFloat64(at, true)],
];
const texts = { plain: 11, json: 12, time: 13, binary: 14 };

/** Numbers of columns, each with its value. */
function propertiesOf(
  { view }: FlatReader,
  found: { readonly at: number; readonly length: number } | undefined,
  columns: readonly Column[],
): { [name: string]: unknown } {
  const values = new Map<string, unknown>();
  let at = found?.at ?? 0;
  const end = at + (found?.length ?? 0);
  const step = (bytes: number): number => {
    if (at + bytes > end) throw new RangeError(`properties end at byte ${end}, within a value`);
    at += bytes;
    return at - bytes;
  };
  while (at < end) {
    const number = view.getUint16(step(2), true);
    const column = columns[number];
    if (!column) throw new RangeError(`column ${number} of ${columns.length}`);
    const scalar = scalars[column.type];
    if (scalar) values.set(column.name, scalar[1](view, step(scalar[0])));
    else {
      if (column.type > texts.binary) throw new RangeError(`type ${column.type} of column ${number}`);
      const length = view.getUint32(step(4), true);
      const bytes = new Uint8Array(view.buffer, view.byteOffset + step(length), length);
      values.set(column.name, textOf(bytes, column.type));
    }
  }
  return Object.fromEntries(values);
}

function textOf(bytes: Uint8Array, kind: number): unknown {
  if (kind === texts.binary) return Buffer.from(bytes).toString('base64');
  const text = new TextDecoder().decode(bytes);
  if (kind !== texts.json) return text;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new RangeError('a property is no JSON');
  }
}
