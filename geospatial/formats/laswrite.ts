/** The head of a LAS 1.4 file, compressed or not, and what stands behind its points. Source: ASPRS LAS 1.4 R15, "Public Header Block"; LASzip's VLR 22204. */
import type { Las, Triple, Vlr } from './las.ts';

/** What a header says that is not counted from the points. */
export type Head = {
  readonly pdrf: 6 | 7 | 8;
  /** Bytes of a point behind those of its format. */
  readonly extra: number;
  readonly scale: Triple;
  readonly offset: Triple;
  /** The bits of `global encoding`. */
  readonly encoding: number;
  readonly vlrs: readonly Vlr[];
  /** Who made the points: `system identifier`. */
  readonly system: string;
  /** Day of the year and year of the file's creation, 0 for not said. */
  readonly created: readonly [number, number];
  /** Of LAZ: points of every chunk but the last, 0xffffffff where they vary; undefined for plain records. */
  readonly chunk?: number;
};

/** What is counted: points by return number 1 to 15, and bounds in raw units. */
export type Counts = {
  readonly points: number;
  /** By return number, 0 to 15. */
  readonly byReturn: ArrayLike<number>;
  readonly min: ArrayLike<number>;
  readonly max: ArrayLike<number>;
};

const headerBytes = 375;
const vlrHeader = 54;
const evlrHeader = 60;
export const bareLengths: { readonly [pdrf: number]: number } = { 6: 30, 7: 36, 8: 38 };

const text = (value: string, room: number): Uint8Array => new TextEncoder().encode(value).subarray(0, room);

/** Bytes before the first point; of LAZ, before the offset of the chunk table. */
export const headLength = (head: Head): number =>
  recordsOf(head).reduce((sum, { bytes }) => sum + vlrHeader + bytes.length, headerBytes);

/** Header and VLRs. `behind`: where the extended records stand, and how many. */
export function encodeHead(
  head: Head,
  { points, byReturn, min, max }: Counts,
  behind: { readonly start: number; readonly count: number } = { start: 0, count: 0 },
): Uint8Array {
  const { pdrf, extra, scale, offset, encoding, system, created, chunk } = head;
  const records = recordsOf(head);
  const out = new Uint8Array(headLength(head));
  const at = new DataView(out.buffer);
  out.set(text('LASF', 4));
  at.setUint16(6, encoding, true);
  out.set([1, 4], 24);
  out.set(text(system, 32), 26);
  out.set(text('servermix', 32), 58);
  at.setUint16(90, created[0], true);
  at.setUint16(92, created[1], true);
  at.setUint16(94, headerBytes, true);
  at.setUint32(96, out.length, true);
  at.setUint32(100, records.length, true);
  out[104] = pdrf | (chunk === undefined ? 0 : 0x80);
  at.setUint16(105, bareLengths[pdrf]! + extra, true);
  for (const i of [0, 1, 2] as const) {
    at.setFloat64(131 + 8 * i, scale[i], true);
    at.setFloat64(155 + 8 * i, offset[i], true);
    if (points === 0) continue;
    at.setFloat64(179 + 16 * i, max[i]! * scale[i] + offset[i], true);
    at.setFloat64(187 + 16 * i, min[i]! * scale[i] + offset[i], true);
  }
  at.setBigUint64(235, BigInt(behind.start), true);
  at.setUint32(243, behind.count, true);
  at.setBigUint64(247, BigInt(points), true);
  for (let i = 1; i <= 15; i++) at.setBigUint64(247 + 8 * i, BigInt(byReturn[i]!), true);
  let end = headerBytes;
  for (const record of records) {
    out.set(text(record.user, 16), end + 2);
    at.setUint16(end + 18, record.id, true);
    at.setUint16(end + 20, record.bytes.length, true);
    out.set(text(record.description, 32), end + 22);
    out.set(record.bytes, end + vlrHeader);
    end += vlrHeader + record.bytes.length;
  }
  return out;
}

/** An extended record, header and payload. */
export function encodeEvlr({ user, id, description, bytes }: Vlr): Uint8Array {
  const out = new Uint8Array(evlrHeader + bytes.length);
  const at = new DataView(out.buffer);
  out.set(text(user, 16), 2);
  at.setUint16(18, id, true);
  at.setBigUint64(20, BigInt(bytes.length), true);
  out.set(text(description, 32), 28);
  out.set(bytes, evlrHeader);
  return out;
}

/** The VLRs with that of LASzip, which comes last. */
function recordsOf({ vlrs, pdrf, extra, chunk }: Head): readonly Vlr[] {
  if (chunk === undefined) return vlrs;
  const items = [
    [10, 30],
    ...(pdrf === 7 ? [[11, 6]] : []),
    ...(pdrf === 8 ? [[12, 8]] : []),
    ...(extra > 0 ? [[14, extra]] : []),
  ];
  const bytes = new Uint8Array(34 + 6 * items.length);
  const at = new DataView(bytes.buffer);
  // Layered chunks, arithmetic coder; the first version of LASzip that had them.
  at.setUint16(0, 3, true);
  bytes.set([3, 4], 4);
  at.setUint16(6, 3, true);
  at.setUint32(12, chunk, true);
  at.setBigInt64(16, -1n, true);
  at.setBigInt64(24, -1n, true);
  at.setUint16(32, items.length, true);
  for (const [i, [type, size]] of items.entries())
    for (const [k, value] of [type!, size!, 3].entries()) at.setUint16(34 + 6 * i + 2 * k, value, true);
  return [...vlrs, { user: 'laszip encoded', id: 22204, description: 'by servermix', bytes }];
}

/** The chunk table of LAZ: version, number of chunks, and their code. */
export function encodeChunkTable(chunks: number, code: Uint8Array): Uint8Array {
  const out = new Uint8Array(8 + code.length);
  new DataView(out.buffer).setUint32(4, chunks, true);
  out.set(code, 8);
  return out;
}

/** GPS time is adjusted standard time, and WKT says what the CRS is: the bits of `global encoding` that a rewritten file keeps. */
const [standardTime, synthetic, wktBit] = [1, 8, 16];
const isOf =
  (user: string, ...ids: readonly number[]) =>
  (record: Vlr): boolean =>
    record.user === user && (ids.length === 0 || ids.includes(record.id));
const isKey = isOf('LASF_Projection', 34735, 34736, 34737);
const isWkt = isOf('LASF_Projection', 2112);
// Of the old file's layout: chunks, octree, wave packets.
const isLayout = (record: Vlr): boolean =>
  isOf('laszip encoded')(record) ||
  isOf('copc')(record) ||
  (record.user === 'LASF_Spec' && record.id >= 100 && record.id < 355) ||
  isOf('LASF_Spec', 65535)(record);

/**
 * The head of a file whose points come from these: the records of the first one that do not speak of its layout. Its WKT becomes a VLR wherever it stood. The format is
 * 6 without colours, 7 with them, 8 with infrared.
 */
export function headOf(first: Las, shape: Pick<Head, 'pdrf' | 'extra' | 'scale' | 'offset'>): Head {
  const kept = first.records.filter((record) => !isLayout(record) && !isWkt(record));
  const { wkt } = first.crs;
  const bytes = wkt === undefined ? undefined : new TextEncoder().encode(`${wkt}\0`);
  const hasWkt = bytes !== undefined && bytes.length <= 65535;
  const vlrs = hasWkt
    ? [
        { user: 'LASF_Projection', id: 2112, description: 'OGC WKT', bytes },
        ...kept.filter((record) => !isKey(record)),
      ]
    : kept;
  const encoding = (first.encoding & (standardTime | synthetic)) | (hasWkt ? wktBit : 0);
  return { ...shape, encoding, vlrs, system: first.system, created: first.created };
}
