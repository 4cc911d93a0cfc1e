/** Writes LAS 1.4 with point data record format 6 (ASPRS LAS 1.4-R15). */
import { roomFor } from '../core/room.ts';
import type { Draft } from './release.ts';

/** How coordinates are stored: `X = round((x - offset) / scale)`. Metres. */
export type Grid = { readonly scale: number; readonly offset: readonly [number, number, number] };

/** One point; the one object is filled anew for each. */
export type Point = {
  /** Stored coordinates: whole steps of the grid. */
  x: number;
  y: number;
  z: number;
  intensity: number;
  /** Which return of how many, from 1. */
  return: number;
  returns: number;
  classification: number;
  isForward: boolean;
  isEdge: boolean;
  /** In 0.006 degrees, positive to the right. */
  scanAngle: number;
  /** The flight line. */
  source: number;
  /** Adjusted standard GPS time: seconds since 1980-01-06 less 10^9. */
  time: number;
};

export type LasWriter = {
  /** Takes a point. True when `flush` should be awaited before many more: until then they are kept. */
  add(point: Point): boolean;
  flush(): Promise<void>;
  /** Writes the rest and the header, whose counts and bounds are those of the points. Gives the number of points. */
  finish(): Promise<number>;
};

const HEADER = 375;
const VLR = 54;
const RECORD = 30;
/** Points that are worth a write. */
const BATCH = 32768;
/** Adjusted standard GPS time, and the coordinate system as WKT (bits 0 and 4). */
const ENCODING = 0b10001;

/** Starts a file in the coordinate system that `wkt` (OGC 01-009) describes. */
export async function createLasWriter(file: Draft, grid: Grid, wkt: string): Promise<LasWriter> {
  const text = new TextEncoder().encode(`${wkt}\0`);
  const start = HEADER + VLR + text.length;
  let buffer = new Uint8Array(2 * BATCH * RECORD);
  let view = new DataView(buffer.buffer);
  const returns = new Float64Array(15);
  const min = [Infinity, Infinity, Infinity];
  const max = [-Infinity, -Infinity, -Infinity];
  let [fill, count] = [0, 0];
  await file.write(new Uint8Array(HEADER));
  await file.write(encodeWkt(text));
  const flush = async (): Promise<void> => {
    const bytes = buffer.subarray(0, fill);
    fill = 0;
    await file.write(bytes);
  };
  const stretch = (axis: number, value: number): void => {
    if (value < min[axis]!) min[axis] = value;
    if (value > max[axis]!) max[axis] = value;
  };
  return {
    add(point) {
      if (fill === buffer.length) {
        buffer = roomFor(buffer, fill + RECORD);
        view = new DataView(buffer.buffer);
      }
      const { x, y, z } = point;
      view.setInt32(fill, x, true);
      view.setInt32(fill + 4, y, true);
      view.setInt32(fill + 8, z, true);
      view.setUint16(fill + 12, point.intensity, true);
      buffer[fill + 14] = point.return | (point.returns << 4);
      buffer[fill + 15] = (point.isForward ? 64 : 0) | (point.isEdge ? 128 : 0);
      buffer[fill + 16] = point.classification;
      buffer[fill + 17] = 0;
      view.setInt16(fill + 18, point.scanAngle, true);
      view.setUint16(fill + 20, point.source, true);
      view.setFloat64(fill + 22, point.time, true);
      stretch(0, x);
      stretch(1, y);
      stretch(2, z);
      returns[point.return - 1]!++;
      count++;
      fill += RECORD;
      return fill >= BATCH * RECORD;
    },
    flush,
    async finish() {
      await flush();
      await file.patch(0, encodeHeader({ grid, start, count, returns, min, max }));
      return count;
    },
  };
}

type Summary = {
  readonly grid: Grid;
  readonly start: number;
  readonly count: number;
  readonly returns: Float64Array;
  readonly min: readonly number[];
  readonly max: readonly number[];
};

/** The public header block (LAS 1.4-R15, 2.4, table 3). */
function encodeHeader({ grid, start, count, returns, min, max }: Summary): Uint8Array {
  const out = new Uint8Array(HEADER);
  const view = new DataView(out.buffer);
  putText(out, 0, 'LASF');
  view.setUint16(6, ENCODING, true);
  out.set([1, 4], 24);
  putText(out, 26, 'SIMULATION');
  putText(out, 58, 'servermix synthetic/terrain');
  // Day and year of creation: fixed, as the bytes follow from the parameters alone.
  view.setUint16(90, 1, true);
  view.setUint16(92, 2024, true);
  view.setUint16(94, HEADER, true);
  view.setUint32(96, start, true);
  view.setUint32(100, 1, true);
  out[104] = 6;
  view.setUint16(105, RECORD, true);
  for (let axis = 0; axis < 3; axis++) {
    const world = (stored: number): number => (count === 0 ? 0 : stored * grid.scale + grid.offset[axis]!);
    view.setFloat64(131 + 8 * axis, grid.scale, true);
    view.setFloat64(155 + 8 * axis, grid.offset[axis]!, true);
    view.setFloat64(179 + 16 * axis, world(max[axis]!), true);
    view.setFloat64(187 + 16 * axis, world(min[axis]!), true);
  }
  view.setBigUint64(247, BigInt(count), true);
  returns.forEach((n, i) => view.setBigUint64(255 + 8 * i, BigInt(n), true));
  return out;
}

/** The variable length record of the coordinate system (LAS 1.4-R15, 3.3). */
function encodeWkt(text: Uint8Array): Uint8Array {
  const out = new Uint8Array(VLR + text.length);
  const view = new DataView(out.buffer);
  putText(out, 2, 'LASF_Projection');
  view.setUint16(18, 2112, true);
  view.setUint16(20, text.length, true);
  putText(out, 22, 'OGC coordinate system WKT');
  out.set(text, VLR);
  return out;
}

const putText = (out: Uint8Array, at: number, text: string): void =>
  out.set(new TextEncoder().encode(text), at);
