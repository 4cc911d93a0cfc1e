/** Cloud-Optimized Point Clouds: what a COPC file has besides LAZ. Source: COPC 1.0. */
import type { NodeKey, Cube } from '../kernels/octree.ts';
import { voxels } from '../kernels/octree.ts';
import type { Vlr } from './las.ts';

/** A node that has points: where its chunk stands in the file, and how many there are. */
export type Entry = {
  readonly key: NodeKey;
  readonly offset: number;
  readonly bytes: number;
  readonly points: number;
};

export const infoBytes = 160;
export const entryBytes = 32;
/** Header of an extended record, behind which the hierarchy stands. */
const evlrHeader = 60;

/** The record that comes first: cube, spacing of the root's points, where the root page of the hierarchy stands, least and greatest GPS time. */
export function infoVlr(
  { min, side }: Cube,
  page: { readonly start: number; readonly entries: number },
  times: ArrayLike<number>,
): Vlr {
  const bytes = new Uint8Array(infoBytes);
  const at = new DataView(bytes.buffer);
  const half = side / 2;
  for (const i of [0, 1, 2] as const) at.setFloat64(8 * i, min[i] + half, true);
  at.setFloat64(24, half, true);
  at.setFloat64(32, side / voxels, true);
  at.setBigUint64(40, BigInt(page.start + evlrHeader), true);
  at.setBigUint64(48, BigInt(page.entries * entryBytes), true);
  // No point has a time: both are 0.
  const [first, last] = [times[0]!, times[1]!];
  at.setFloat64(56, first <= last ? first : 0, true);
  at.setFloat64(64, first <= last ? last : 0, true);
  return { user: 'copc', id: 1, description: 'COPC info', bytes };
}

/** The hierarchy as one page. */
export function hierarchyVlr(entries: readonly Entry[]): Vlr {
  const bytes = new Uint8Array(entries.length * entryBytes);
  const at = new DataView(bytes.buffer);
  for (const [i, { key, offset, bytes: size, points }] of entries.entries()) {
    for (const [k, value] of key.entries()) at.setInt32(entryBytes * i + 4 * k, value, true);
    at.setBigUint64(entryBytes * i + 16, BigInt(offset), true);
    at.setInt32(entryBytes * i + 24, size, true);
    at.setInt32(entryBytes * i + 28, points, true);
  }
  return { user: 'copc', id: 1000, description: 'EPT hierarchy', bytes };
}

/** Order of nodes in a file: by level, then along z, y, x. */
export function compareKeys(a: NodeKey, b: NodeKey): number {
  return a[0] - b[0] || a[3] - b[3] || a[2] - b[2] || a[1] - b[1];
}
