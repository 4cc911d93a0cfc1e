/** LAS: the header of a point cloud and the records that say how to read it. Source: ASPRS LAS 1.4 R15, and 1.0 to 1.3 before it. */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import type { CrsRecords } from './crs.ts';

/** x, y, z. */
export type Triple = readonly [number, number, number];

/** What a header says. Coordinates are `raw * scale + offset`, in f64, in the units of the CRS. */
export type Las = {
  /** The file's name, for messages. */
  readonly name: string;
  /** Bytes of the file. */
  readonly size: number;
  /** Minor version, 0 to 4. */
  readonly minor: number;
  /** Point data record format, 0 to 10. */
  readonly pdrf: number;
  /** Bytes of an uncompressed point, extra bytes included. */
  readonly recordLength: number;
  /** The variable length records before the points, in order. */
  readonly records: readonly Vlr[];
  /** Offset of the first point; of a LAZ file, of the 8 bytes that point at its chunk table. */
  readonly pointsOffset: number;
  readonly count: number;
  /** Points by return number, from 1 on, as the header has them; undefined at 0. */
  readonly byReturn: readonly (number | undefined)[];
  readonly scale: Triple;
  readonly offset: Triple;
  /** Bounds as the header has them, both ends inside; writers round them. */
  readonly min: Triple;
  readonly max: Triple;
  /** The bits of `global encoding`. */
  readonly encoding: number;
  /** Who made the points, and with what; day of the year and year. */
  readonly system: string;
  readonly software: string;
  readonly created: readonly [number, number];
  readonly crs: CrsRecords;
  /** Of a compressed file. */
  readonly laszip?: {
    /** Payload of the VLR `laszip encoded` 22204. */
    readonly record: Uint8Array;
    /** Offset of the chunk table as stored at `pointsOffset`: -1 where the writer could not go back to fill it in. */
    readonly table: number;
  };
};

/** Bytes of a record of each format without extra bytes (LAS 1.4 R15, "Point Data Record"). */
export const recordLengths: readonly number[] = [20, 28, 26, 34, 57, 63, 30, 36, 38, 59, 67];
const headerSizes = [227, 227, 227, 235, 375];
const vlrHeader = 54;
const evlrHeader = 60;
// Most files have all that comes before the points in here: one read.
const guess = 64 * 1024;
// 256 records of the longest kind; what is larger is no header.
const longestHead = 16 * 1024 * 1024;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const viewOf = (b: Uint8Array): DataView => new DataView(b.buffer, b.byteOffset, b.byteLength);

/**
 * Header and records of a LAS or LAZ file, in one or two reads, and a few more where its CRS stands after the points.
 * @throws BadInput for what is no LAS 1.0 to 1.4, sizes and counts that the file cannot hold, and a scale, an offset or bounds that are no
 * numbers
 */
export async function readLas(source: Source, name: string): Promise<Las> {
  const { size } = source;
  let head = await source.read(0, Math.min(size, guess));
  const fail = (text: string): never => {
    throw new BadInput(`LAS: ${text}`);
  };
  if (size >= 4 && hex(head.subarray(0, 4)) !== '4c415346')
    fail(
      `bad magic ${hex(head.subarray(0, 4))} in ${name}, expected 4c415346 (LASF); is it a LAS or LAZ file?`,
    );
  if (size < headerSizes[0]!)
    fail(
      `header cut off in ${name}: found ${size} bytes, expected at least ${headerSizes[0]}; get the file again`,
    );
  let at = viewOf(head);
  const [major, minor] = [at.getUint8(24), at.getUint8(25)];
  if (major !== 1 || minor > 4)
    fail(`version ${major}.${minor} in ${name}, expected 1.0 to 1.4; write it as 1.4`);
  const headerSize = at.getUint16(94, true);
  if (headerSize < headerSizes[minor]! || headerSize > size)
    fail(
      `header of ${headerSize} bytes in ${name} of ${size}, expected ${headerSizes[minor]} for 1.${minor}`,
    );
  const pointsOffset = at.getUint32(96, true);
  if (pointsOffset < headerSize || pointsOffset > size)
    fail(`points at byte ${pointsOffset} of ${name}, expected ${headerSize} to ${size}; get the file again`);
  if (pointsOffset > longestHead)
    fail(`${pointsOffset} bytes before the points of ${name}, expected at most ${longestHead}`);
  // The two highest bits belong to LASzip.
  const pdrf = at.getUint8(104) & 0x3f;
  const compressed = (at.getUint8(104) & 0xc0) !== 0;
  const end = pointsOffset + (compressed ? 8 : 0);
  if (end > size) fail(`${name} ends at byte ${size}, before its points at ${end}; get the file again`);
  if (head.length < end) {
    head = Buffer.concat([head, await source.read(head.length, end)]);
    at = viewOf(head);
  }
  const expected = recordLengths[pdrf];
  if (expected === undefined)
    fail(`point format ${pdrf} in ${name}, expected 0 to 10; write it as one of these`);
  const recordLength = at.getUint16(105, true);
  if (recordLength < expected!)
    fail(
      `records of ${recordLength} bytes in ${name}, expected at least ${expected} for point format ${pdrf}`,
    );

  const f64 = (offset: number, what: string): number => {
    const value = at.getFloat64(offset, true);
    return Number.isFinite(value) ? value : fail(`${what} ${value} in ${name}, expected a number`);
  };
  const triple = (offset: number, step: number, what: string): Triple => [
    f64(offset, `${what} of x`),
    f64(offset + step, `${what} of y`),
    f64(offset + 2 * step, `${what} of z`),
  ];
  const count = countOf(at, minor, name);
  const scale = triple(131, 8, 'scale');
  const offset = triple(155, 8, 'offset');
  for (const [i, s] of scale.entries()) {
    if (!(s > 0)) fail(`scale ${s} of ${'xyz'[i]} in ${name}, expected a number above 0`);
    // Heights are kept as f32.
    if (s * 2 ** 31 + Math.abs(offset[i]!) > 3.4e38)
      fail(`scale ${s} and offset ${offset[i]} of ${'xyz'[i]} in ${name}, expected coordinates below 3.4e38`);
  }
  // Writers leave anything in the bounds of no points.
  const max = count > 0 ? triple(179, 16, 'maximum') : ([0, 0, 0] as const);
  const min = count > 0 ? triple(187, 16, 'minimum') : ([0, 0, 0] as const);
  for (const i of [0, 1, 2] as const)
    if (min[i] > max[i]) fail(`bounds of ${'xyz'[i]} in ${name}: found ${min[i]} to ${max[i]}, upside down`);

  const records = vlrsOf(head, headerSize, at.getUint32(100, true), pointsOffset, name);
  const encoding = at.getUint16(6, true);
  const wktBit = (encoding & 16) !== 0;
  const found = projection(records);
  if (minor === 4) {
    const missing = wktBit ? found.wkt === undefined : found.wkt === undefined && found.keys === undefined;
    const [start, number] = [Number(at.getBigUint64(235, true)), at.getUint32(243, true)];
    if (number > 0) Object.assign(found, await evlrsOf(source, start, number, missing, name));
  }
  const record = records.find((r) => r.user === 'laszip encoded' && r.id === 22204)?.bytes;
  if (compressed && !record)
    fail(`no record "laszip encoded" 22204 in ${name}, expected one in a compressed file; compress it again`);
  // A compressor of 0 stores plain records.
  const plain = !compressed || (record!.length >= 2 && viewOf(record!).getUint16(0, true) === 0);
  if (plain && pointsOffset + count * recordLength > size)
    fail(
      `${name} is cut off: found ${size} bytes, expected ${pointsOffset + count * recordLength} for ${count} points of ${recordLength} bytes; get the file again`,
    );
  return {
    name,
    size,
    minor,
    pdrf,
    recordLength,
    records,
    pointsOffset,
    count,
    byReturn: byReturnOf(at, minor),
    scale,
    offset,
    min,
    max,
    encoding,
    system: textOf(head.subarray(26, 58)),
    software: textOf(head.subarray(58, 90)),
    created: [at.getUint16(90, true), at.getUint16(92, true)],
    crs: { ...found, wktBit },
    ...(plain ? {} : { laszip: { record: record!, table: Number(at.getBigInt64(pointsOffset, true)) } }),
  };
}

function countOf(at: DataView, minor: number, name: string): number {
  const legacy = at.getUint32(107, true);
  if (minor < 4) return legacy;
  // PDRF 6 and above leave the legacy count 0; some writers fill in only that one.
  const count = Number(at.getBigUint64(247, true)) || legacy;
  if (!Number.isSafeInteger(count))
    throw new BadInput(`LAS: ${count} points in ${name}, expected at most 2^53`);
  return count;
}

function byReturnOf(at: DataView, minor: number): (number | undefined)[] {
  const of14 = Array.from({ length: 15 }, (_, i) =>
    minor < 4 ? 0 : Number(at.getBigUint64(255 + 8 * i, true)),
  );
  const legacy = Array.from({ length: 5 }, (_, i) => at.getUint32(111 + 4 * i, true));
  return [undefined, ...(minor === 4 && of14.some((n) => n > 0) ? of14 : legacy)];
}

/** A variable length record: who defined it, its number there, what it is for, its payload. */
export type Vlr = {
  readonly user: string;
  readonly id: number;
  readonly description: string;
  readonly bytes: Uint8Array;
};

const textOf = (bytes: Uint8Array): string => {
  const end = bytes.indexOf(0);
  return Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1');
};

function vlrsOf(head: Uint8Array, start: number, count: number, end: number, name: string): Vlr[] {
  const out: Vlr[] = [];
  const at = viewOf(head);
  for (let i = 0, offset = start; i < count; i++) {
    const length = offset + vlrHeader <= end ? at.getUint16(offset + 20, true) : 0;
    const next = offset + vlrHeader + length;
    if (next > end)
      throw new BadInput(
        `LAS: record ${i + 1} of ${count} in ${name} runs from byte ${offset} to ${next}, expected it before the points at ${end}; get the file again`,
      );
    out.push({
      user: textOf(head.subarray(offset + 2, offset + 18)),
      description: textOf(head.subarray(offset + 22, offset + vlrHeader)),
      id: at.getUint16(offset + 18, true),
      bytes: head.subarray(offset + vlrHeader, next),
    });
    offset = next;
  }
  return out;
}

/** Checks the extended records' place; walks through them only for a CRS that is still missing. */
async function evlrsOf(source: Source, start: number, count: number, wanted: boolean, name: string) {
  const { size } = source;
  const fail = (i: number, offset: number, end: number): never => {
    throw new BadInput(
      `LAS: extended record ${i} of ${count} in ${name} runs from byte ${offset} to ${end}, expected it within ${size} bytes; get the file again`,
    );
  };
  if (start + count * evlrHeader > size) fail(count, start, start + count * evlrHeader);
  const records: Vlr[] = [];
  if (!wanted) return {};
  let block = new Uint8Array();
  let from = 0;
  for (let i = 0, offset = start; i < count; i++) {
    if (offset + evlrHeader > size) fail(i + 1, offset, offset + evlrHeader);
    if (offset < from || offset + evlrHeader > from + block.length) {
      from = offset;
      block = (await source.read(from, Math.min(size, from + guess))) as typeof block;
    }
    const header = block.subarray(offset - from, offset - from + evlrHeader);
    const length = Number(viewOf(header).getBigUint64(20, true));
    const next = offset + evlrHeader + length;
    if (next > size) fail(i + 1, offset, next);
    const user = textOf(header.subarray(2, 18));
    if (user === 'LASF_Projection' && length <= longestHead)
      records.push({
        user,
        description: '',
        id: viewOf(header).getUint16(18, true),
        bytes:
          next <= from + block.length
            ? block.subarray(offset + evlrHeader - from, next - from)
            : await source.read(offset + evlrHeader, next),
      });
    offset = next;
  }
  return projection(records);
}

function projection(records: readonly Vlr[]): Pick<CrsRecords, 'wkt' | 'keys'> {
  const find = (id: number): Uint8Array | undefined =>
    records.find((r) => r.user === 'LASF_Projection' && r.id === id)?.bytes;
  const [wkt, directory, doubles, ascii] = [find(2112), find(34735), find(34736), find(34737)];
  return {
    ...(wkt ? { wkt: new TextDecoder().decode(wkt).replace(/\0+$/, '') } : {}),
    ...(directory
      ? {
          keys: {
            directory: new Uint16Array(aligned(directory, 2)),
            doubles: new Float64Array(aligned(doubles ?? new Uint8Array(), 8)),
            ascii: ascii ? Buffer.from(ascii).toString('latin1') : '',
          },
        }
      : {}),
  };
}

// A copy, as wide elements want; not by `slice`, which gives a view of a Buffer.
const aligned = (bytes: Uint8Array, width: number): ArrayBuffer =>
  new Uint8Array(bytes.subarray(0, bytes.length - (bytes.length % width))).buffer;
