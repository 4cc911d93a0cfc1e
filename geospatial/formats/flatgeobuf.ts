/** Lines as FlatGeobuf, with its index: a map reads only what it shows. Source: flatgeobuf.org, specification and schemas 3.0 (header.fbs, feature.fbs); nodes of the packed Hilbert R-tree as described there. */
import { Builder } from 'flatbuffers';
import type { Sink } from '../../core/job.ts';
import type { Lines } from '../kernels/contours.ts';
import type { Grid } from '../kernels/grid.ts';

const magic = Uint8Array.of(0x66, 0x67, 0x62, 3, 0x66, 0x67, 0x62, 0);
const lineString = 2;
const [int, double] = [5, 10];
const nodeSize = 16;
const nodeBytes = 40;
const batch = 1 << 20;

type Box = readonly [minX: number, minY: number, maxX: number, maxY: number];
type Feature = { readonly box: Box; readonly bytes: Uint8Array; readonly order: number };

/** Writes lines, a feature each with its number and its height (`elev`), along a Hilbert curve through the middles of their boxes, as the index wants them. */
export async function writeFlatGeobuf(
  sink: Sink,
  lines: Lines,
  { west, north, cell }: Grid,
  epsg?: number,
): Promise<void> {
  const places: { box: Box; xy: Float64Array }[] = [];
  for (let i = 0, at = 0; i < lines.level.length; at += lines.vertices[i++]!) {
    const xy = new Float64Array(2 * lines.vertices[i]!);
    for (let k = 0; k < lines.vertices[i]!; k++) {
      xy[2 * k] = west + lines.x[at + k]! * cell;
      xy[2 * k + 1] = north - lines.y[at + k]! * cell;
    }
    places.push({ xy, box: boxOf(xy) });
  }
  const whole = union(places.map(({ box }) => box));
  const features = places
    .map(({ box, xy }, i): Feature => ({
      box,
      bytes: encodeFeature(xy, i, lines.level[i]!),
      order: hilbertOf(box, whole),
    }))
    .toSorted((a, b) => b.order - a.order);
  await sink.write(magic);
  await sink.write(encodeHeader(features.length, whole, epsg));
  if (features.length > 0) await sink.write(encodeIndex(features));
  for (let from = 0, to = 0, size = 0; from < features.length; from = to, size = 0) {
    while (to < features.length && size < batch) size += features[to++]!.bytes.length;
    await sink.write(Buffer.concat(features.slice(from, to).map(({ bytes }) => bytes)));
  }
}

function boxOf(xy: Float64Array): Box {
  let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let k = 0; k < xy.length; k += 2) {
    [minX, maxX] = [Math.min(minX, xy[k]!), Math.max(maxX, xy[k]!)];
    [minY, maxY] = [Math.min(minY, xy[k + 1]!), Math.max(maxY, xy[k + 1]!)];
  }
  return [minX, minY, maxX, maxY];
}

const union = (boxes: readonly Box[]): Box =>
  boxes.reduce(
    ([a, b, c, d], box) => [
      Math.min(a, box[0]),
      Math.min(b, box[1]),
      Math.max(c, box[2]),
      Math.max(d, box[3]),
    ],
    [Infinity, Infinity, -Infinity, -Infinity] as Box,
  );

/** A table of the schema, its fields by number. */
function table(builder: Builder, fields: number, fill: () => void): number {
  builder.startObject(fields);
  fill();
  return builder.endObject();
}

function doubles(builder: Builder, values: ArrayLike<number>): number {
  builder.startVector(8, values.length, 8);
  for (let i = values.length - 1; i >= 0; i--) builder.addFloat64(values[i]!);
  return builder.endVector();
}

function encodeHeader(count: number, whole: Box, epsg: number | undefined): Uint8Array {
  const builder = new Builder(1024);
  const column = (name: string, type: number): number => {
    const text = builder.createString(name);
    return table(builder, 11, () => {
      builder.addFieldOffset(0, text, 0);
      builder.addFieldInt8(1, type, 0);
    });
  };
  const columns = [column('id', int), column('elev', double)];
  builder.startVector(4, columns.length, 4);
  for (const offset of columns.toReversed()) builder.addOffset(offset);
  const listed = builder.endVector();
  const org = epsg === undefined ? 0 : builder.createString('EPSG');
  const crs =
    epsg === undefined
      ? 0
      : table(builder, 6, () => {
          builder.addFieldOffset(0, org, 0);
          builder.addFieldInt32(1, epsg, 0);
        });
  const envelope = count > 0 ? doubles(builder, whole) : 0;
  const name = builder.createString('contour');
  const header = table(builder, 14, () => {
    builder.addFieldOffset(0, name, 0);
    builder.addFieldOffset(1, envelope, 0);
    builder.addFieldInt8(2, lineString, 0);
    builder.addFieldOffset(7, listed, 0);
    builder.addFieldInt64(8, BigInt(count), 0n);
    builder.addFieldInt16(9, count > 0 ? nodeSize : 0, nodeSize);
    builder.addFieldOffset(10, crs, 0);
  });
  builder.finishSizePrefixed(header);
  return builder.asUint8Array().slice();
}

function encodeFeature(xy: Float64Array, id: number, level: number): Uint8Array {
  const builder = new Builder(8 * xy.length + 128);
  const values = doubles(builder, xy);
  const geometry = table(builder, 8, () => builder.addFieldOffset(1, values, 0));
  // Number of the column, then its value.
  const properties = new Uint8Array(16);
  const at = new DataView(properties.buffer);
  at.setInt32(2, id, true);
  at.setUint16(6, 1, true);
  at.setFloat64(8, level, true);
  const kept = builder.createByteVector(properties);
  const feature = table(builder, 3, () => {
    builder.addFieldOffset(0, geometry, 0);
    builder.addFieldOffset(1, kept, 0);
  });
  builder.finishSizePrefixed(feature);
  return builder.asUint8Array().slice();
}

/** The tree: levels from the root down, nodes of up to 16 children; a leaf is a feature's box and where it begins behind the tree, another node the number of its first child. */
function encodeIndex(features: readonly Feature[]): Uint8Array {
  const sizes = [features.length];
  // A single feature has a root above its leaf, too.
  do sizes.push(Math.ceil(sizes.at(-1)! / nodeSize));
  while (sizes.at(-1)! > 1);
  const total = sizes.reduce((a, b) => a + b, 0);
  const bytes = new Uint8Array(nodeBytes * total);
  const at = new DataView(bytes.buffer);
  const put = (node: number, box: Box, offset: number): void => {
    for (const [k, value] of box.entries()) at.setFloat64(nodeBytes * node + 8 * k, value, true);
    at.setBigUint64(nodeBytes * node + 32, BigInt(offset), true);
  };
  let boxes: Box[] = features.map(({ box }) => box);
  let first = total - features.length;
  let offset = 0;
  for (const [i, { box, bytes: own }] of features.entries()) {
    put(first + i, box, offset);
    offset += own.length;
  }
  for (const size of sizes.slice(1)) {
    const start = first - size;
    const above = Array.from({ length: size }, (_, i) =>
      union(boxes.slice(i * nodeSize, (i + 1) * nodeSize)),
    );
    for (const [i, box] of above.entries()) put(start + i, box, first + i * nodeSize);
    [boxes, first] = [above, start];
  }
  return bytes;
}

const finest = 2 ** 16 - 1;

/** Where the middle of a box lies on a Hilbert curve of 2^16 by 2^16 steps through `whole`. */
function hilbertOf([minX, minY, maxX, maxY]: Box, [west, south, east, north]: Box): number {
  const step = (value: number, low: number, high: number): number =>
    high > low ? Math.floor((finest * (value - low)) / (high - low)) : 0;
  let [x, y] = [step((minX + maxX) / 2, west, east), step((minY + maxY) / 2, south, north)];
  let out = 0;
  for (let side = 2 ** 15; side > 0; side /= 2) {
    const [right, up] = [x & side ? 1 : 0, y & side ? 1 : 0];
    out += side * side * ((3 * right) ^ up);
    if (up === 0) {
      if (right === 1) [x, y] = [finest - x, finest - y];
      [x, y] = [y, x];
    }
  }
  return out;
}
