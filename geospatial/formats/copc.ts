/** Cloud-Optimized Point Clouds: what a COPC file has besides LAZ. Source: COPC 1.0. */
import type { NodeKey, Cube } from '../kernels/octree.ts';
import { voxels } from '../kernels/octree.ts';
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import type { Las, Triple, Vlr } from './las.ts';

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

/** What the info record of a COPC file says. */
export type CopcInfo = {
  readonly center: Triple;
  readonly halfsize: number;
  readonly spacing: number;
  /** Where the root page of the hierarchy stands, and its bytes. */
  readonly page: { readonly start: number; readonly bytes: number };
  readonly times: readonly [number, number];
  /** Eleven numbers that are to be 0. */
  readonly reserved: readonly bigint[];
};

/** The info record; undefined for a file without one. */
export function infoOf({ records }: Las): CopcInfo | undefined {
  const bytes = records.find(({ user, id }) => user === 'copc' && id === 1)?.bytes;
  if (!bytes || bytes.length < infoBytes) return undefined;
  const at = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const number = (i: number): number => at.getFloat64(8 * i, true);
  return {
    center: [number(0), number(1), number(2)],
    halfsize: number(3),
    spacing: number(4),
    page: { start: Number(at.getBigUint64(40, true)), bytes: Number(at.getBigUint64(48, true)) },
    times: [number(7), number(8)],
    reserved: Array.from({ length: 11 }, (_, i) => at.getBigUint64(72 + 8 * i, true)),
  };
}

/** An entry of a page as it stands there: -1 points for another page. */
export type RawEntry = Entry & { readonly page: number };

const mostEntries = 2 ** 24;

/**
 * The entries of a hierarchy page.
 * @throws BadInput for a page outside of the file, or of no whole entries
 */
export async function readPage(
  source: Source,
  name: string,
  start: number,
  bytes: number,
): Promise<RawEntry[]> {
  if (bytes % entryBytes !== 0 || bytes > mostEntries * entryBytes)
    throw new BadInput(
      `COPC: hierarchy page of ${bytes} bytes at byte ${start} of ${name}, expected a multiple of ${entryBytes}`,
    );
  if (!(start >= 0 && start + bytes <= source.size))
    throw new BadInput(
      `COPC: hierarchy page from byte ${start} to ${start + bytes} of ${name}, expected it within ${source.size} bytes; get the file again`,
    );
  const page = await source.read(start, start + bytes);
  const at = new DataView(page.buffer, page.byteOffset, page.byteLength);
  return Array.from({ length: bytes / entryBytes }, (_, i): RawEntry => {
    const p = i * entryBytes;
    const key = [0, 4, 8, 12].map((k) => at.getInt32(p + k, true)) as unknown as NodeKey;
    return {
      key,
      offset: Number(at.getBigUint64(p + 16, true)),
      bytes: at.getInt32(p + 24, true),
      points: at.getInt32(p + 28, true),
      page: start,
    };
  });
}

/**
 * All entries, page by page from the root on; `wanted` says which pages below a key are read, all unless told.
 * @throws BadInput as readPage, and for pages that lead back to one another
 */
export async function readHierarchy(
  source: Source,
  name: string,
  { page }: CopcInfo,
  wanted: (key: NodeKey) => boolean = () => true,
): Promise<Entry[]> {
  const out: Entry[] = [];
  const seen = new Set<number>();
  const pages = [{ start: page.start, bytes: page.bytes }];
  for (let next = pages.pop(); next; next = pages.pop()) {
    if (seen.has(next.start))
      throw new BadInput(
        `COPC: the hierarchy of ${name} comes back to its page at byte ${next.start}; get the file again`,
      );
    seen.add(next.start);
    for (const entry of await readPage(source, name, next.start, next.bytes)) {
      if (entry.points !== -1) out.push(entry);
      else if (wanted(entry.key)) pages.push({ start: entry.offset, bytes: entry.bytes });
    }
  }
  return out;
}
