/** LAS files made in memory, for tests that need to know every byte. */
import type { Source } from '../core/job.ts';

export type Point = { readonly x: number; readonly y: number; readonly z: number };
export type Shape = {
  readonly minor?: number;
  readonly pdrf?: number;
  readonly extra?: number;
  readonly scale?: readonly [number, number, number];
  readonly offset?: readonly [number, number, number];
  /** Said by the header instead of the points' own bounds: minX, maxX, minY, maxY. */
  readonly bounds?: readonly [number, number, number, number];
  /** WKT, in a VLR. */
  readonly wkt?: string;
};

const lengths = [20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67];
const headers = [227, 227, 227, 235, 375];

/** A LAS file of these points; coordinates are rounded to the scale. */
export function lasFile(points: readonly Point[], shape: Shape = {}): Uint8Array {
  const { minor = 2, pdrf = 0, extra = 0, scale = [0.01, 0.01, 0.01], offset = [0, 0, 0], wkt } = shape;
  const record = lengths[pdrf]! + extra;
  const text = new TextEncoder().encode(wkt ?? '');
  const header = headers[minor]!;
  const start = header + (wkt === undefined ? 0 : 54 + text.length);
  const out = new Uint8Array(start + points.length * record);
  const at = new DataView(out.buffer);
  out.set(new TextEncoder().encode('LASF'));
  at.setUint16(6, wkt === undefined ? 0 : 16, true);
  at.setUint8(24, 1);
  at.setUint8(25, minor);
  at.setUint16(94, header, true);
  at.setUint32(96, start, true);
  at.setUint32(100, wkt === undefined ? 0 : 1, true);
  at.setUint8(104, pdrf);
  at.setUint16(105, record, true);
  if (pdrf < 6) at.setUint32(107, points.length, true);
  if (minor === 4) at.setBigUint64(247, BigInt(points.length), true);
  for (const [i, value] of [...scale, ...offset].entries()) at.setFloat64(131 + 8 * i, value, true);
  const [min, max] = [
    [Infinity, Infinity, Infinity],
    [-Infinity, -Infinity, -Infinity],
  ];
  for (const [n, { x, y, z }] of points.entries())
    for (const [i, value] of [x, y, z].entries()) {
      const raw = Math.round((value - offset[i]!) / scale[i]!);
      at.setInt32(start + n * record + 4 * i, raw, true);
      min[i] = Math.min(min[i]!, raw * scale[i]! + offset[i]!);
      max[i] = Math.max(max[i]!, raw * scale[i]! + offset[i]!);
    }
  const { bounds } = shape;
  if (bounds) [min[0], max[0], min[1], max[1]] = bounds;
  for (const i of [0, 1, 2]) {
    at.setFloat64(179 + 16 * i, max[i]!, true);
    at.setFloat64(187 + 16 * i, min[i]!, true);
  }
  if (wkt !== undefined) {
    out.set(new TextEncoder().encode('LASF_Projection'), header + 2);
    at.setUint16(header + 18, 2112, true);
    at.setUint16(header + 20, text.length, true);
    out.set(text, header + 54);
  }
  return out;
}

/** Bytes as a source that notes how it is read, and refuses what lies outside. */
export function sourceOf(bytes: Uint8Array): Source & { readonly reads: [number, number][] } {
  const reads: [number, number][] = [];
  return {
    size: bytes.length,
    reads,
    async read(start, end) {
      if (!(start >= 0 && start <= end && end <= bytes.length))
        throw new RangeError(`bytes ${start} to ${end} of ${bytes.length}`);
      reads.push([start, end]);
      return bytes.subarray(start, end);
    },
  };
}

/** A copy with some bytes changed. */
export function patched(bytes: Uint8Array, change: (at: DataView) => void): Uint8Array {
  const out = new Uint8Array(bytes);
  change(new DataView(out.buffer));
  return out;
}

/** Numbers in [0, 1) that are the same in every run. */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
