/** LAZ: what the LASzip record promises, and where the chunks stand. Sources: LASzip's specification of the VLR 22204; laz-perf and laz-rs. */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { CodeEnded, startDecoder, startIntegers } from './arithmetic.ts';
import type { Las } from './las.ts';
import { recordLengths } from './las.ts';
import type { PointFormat } from '../kernels/codec.ts';

/** The chunks of a file, in its order: each decodes on its own. */
export type Chunks = {
  /** Byte offset in the file. */
  readonly start: Float64Array;
  /** Compressed bytes; a chunk ends where the next one starts. */
  readonly size: Uint32Array;
  readonly points: Uint32Array;
};

// 4 million chunks of the usual 50,000 points.
const mostChunks = 2 ** 22;
// Two integers of at most 12 bytes each, whatever their models have learnt.
const entryBytes = 24;
const tableHeader = 8;
// As many as the kernel takes; LASzip writes tens at most.
const mostExtra = 4096;

/** `type size version` of every item that a record of the format is made of; layered items have version 3 or 4. */
function itemsOf(pdrf: number, recordLength: number, version: 3 | 4): string[] {
  const extra = recordLength - recordLengths[pdrf]!;
  const some = (isThere: boolean, item: string): string[] => (isThere ? [item] : []);
  if (pdrf >= 6)
    return [
      `10 30 ${version}`,
      ...some(pdrf === 7, `11 6 ${version}`),
      ...some(pdrf === 8 || pdrf === 10, `12 8 ${version}`),
      ...some(pdrf >= 9, `13 29 ${version}`),
      ...some(extra > 0, `14 ${extra} ${version}`),
    ];
  return [
    '6 20 2',
    ...some(pdrf === 1 || pdrf >= 3, '7 8 2'),
    ...some(pdrf === 2 || pdrf === 3 || pdrf === 5, '8 6 2'),
    ...some(pdrf >= 4, '9 29 1'),
    ...some(extra > 0, `0 ${extra} 2`),
  ];
}

/**
 * How the points of a file are stored.
 * @throws BadInput for items that cannot be decoded right (version 1, or not those of the point format), and compression as a whole
 */
export function pointFormatOf(las: Las): PointFormat {
  const { name, pdrf, recordLength } = las;
  const format = { pdrf, recordLength, extra: recordLength - recordLengths[pdrf]!, isV4: false };
  if (!las.laszip) return format;
  const { record } = las.laszip;
  const fail = (text: string): never => {
    throw new BadInput(`LAZ: ${text}`);
  };
  if (record.length < 34) fail(`LASzip record of ${record.length} bytes in ${name}, expected at least 34`);
  if (format.extra > mostExtra)
    fail(`${format.extra} extra bytes a point in ${name}, expected at most ${mostExtra}`);
  const at = view(record);
  const compressor = at.getUint16(0, true);
  if (compressor === 1)
    fail(`${name} is compressed as a whole (compressor 1) and cannot be split; compress it again in chunks`);
  if (compressor !== (pdrf >= 6 ? 3 : 2))
    fail(`compressor ${compressor} in ${name}, expected ${pdrf >= 6 ? 3 : 2} for point format ${pdrf}`);
  if (at.getUint16(2, true) !== 0) fail(`coder ${at.getUint16(2, true)} in ${name}, expected 0 (arithmetic)`);
  const count = at.getUint16(32, true);
  if (34 + 6 * count > record.length)
    fail(
      `${count} items in a LASzip record of ${record.length} bytes in ${name}, expected ${34 + 6 * count}`,
    );
  const items = Array.from({ length: count }, (_, i) =>
    [0, 2, 4].map((k) => at.getUint16(34 + 6 * i + k, true)).join(' '),
  ).join(', ');
  const isV4 = pdrf >= 6 && items === itemsOf(pdrf, recordLength, 4).join(', ');
  const expected = itemsOf(pdrf, recordLength, 3).join(', ');
  if (!isV4 && items !== expected)
    fail(
      `items (type size version) ${items} in ${name}, expected ${expected} for point format ${pdrf} of ${recordLength} bytes; compress it again`,
    );
  return { ...format, isV4 };
}

/** Points of every chunk but the last; undefined where the table counts each chunk's points, as in COPC. */
function chunkSizeOf(las: Las): number | undefined {
  const size = view(las.laszip!.record).getUint32(12, true);
  // Some COPC writers say 0 where the specification wants the highest number.
  return size === 0xffffffff || size === 0 ? undefined : size;
}

/**
 * Reads the chunk table of a compressed file; no chunks for no points.
 * @throws BadInput as pointFormatOf, and for a table that is missing or cut off, or does not end with the chunks, or counts other points than the header
 */
export async function readChunks(source: Source, las: Las): Promise<Chunks> {
  const { name, count, pointsOffset, recordLength, size } = las;
  pointFormatOf(las);
  const each = chunkSizeOf(las);
  if (count === 0) return { start: new Float64Array(), size: new Uint32Array(), points: new Uint32Array() };
  const fail = (text: string): never => {
    throw new BadInput(`LAZ: ${text}; get the file again, or compress it again`);
  };
  const first = pointsOffset + 8;
  let table = las.laszip!.table;
  if (table === -1 && size >= first + 8)
    table = Number(view(await source.read(size - 8, size)).getBigInt64(0, true));
  if (!(table >= first && table + tableHeader <= size))
    fail(`chunk table at byte ${table} of ${name}, expected it from ${first} to ${size - tableHeader}`);
  const bytes = await source.read(table, Math.min(size, table + 64 * 1024));
  const [version, chunks] = [view(bytes).getUint32(0, true), view(bytes).getUint32(4, true)];
  if (version !== 0) fail(`chunk table of version ${version} in ${name}, expected 0`);
  // A chunk starts with a whole record.
  const most = Math.min(mostChunks, Math.floor((table - first) / recordLength));
  const right = each === undefined ? chunks : Math.ceil(count / each);
  if (chunks > most || chunks !== right)
    fail(
      `${chunks} chunks for ${count} points in ${name}, expected ${chunks === right ? `at most ${most}` : right}`,
    );
  const end = Math.min(size, table + tableHeader + 64 + entryBytes * chunks);
  const code = end - table > bytes.length ? await source.read(table, end) : bytes;
  return decodeTable(code.subarray(tableHeader), chunks, each, { las, first, table, fail });
}

const view = (b: Uint8Array): DataView => new DataView(b.buffer, b.byteOffset, b.byteLength);

function decodeTable(
  code: Uint8Array,
  chunks: number,
  each: number | undefined,
  { las, first, table, fail }: { las: Las; first: number; table: number; fail: (text: string) => never },
): Chunks {
  const out = {
    start: new Float64Array(chunks),
    size: new Uint32Array(chunks),
    points: new Uint32Array(chunks),
  };
  let [offset, done, points, size] = [first, 0, 0, 0];
  try {
    const integer = startIntegers(startDecoder(code), 2);
    for (let i = 0; i < chunks; i++) {
      // Context 0 has the points, context 1 the bytes; each is predicted by the chunk before.
      points = each === undefined ? integer(0, points) : Math.min(each, las.count - done);
      size = integer(1, size);
      if (points < 0 || size < 0 || (points > 0 && size < las.recordLength) || offset + size > table)
        fail(
          `chunk ${i} of ${las.name} has ${points} points in ${size} bytes from byte ${offset}, expected it before the table at ${table}`,
        );
      out.start[i] = offset;
      out.size[i] = size;
      out.points[i] = points;
      offset += size;
      done += points;
    }
  } catch (error) {
    if (error instanceof CodeEnded) fail(`chunk table cut off at byte ${table} of ${las.name}`);
    throw error;
  }
  if (done !== las.count)
    fail(`chunks of ${done} points in ${las.name}, expected ${las.count} as in the header`);
  if (offset !== table)
    fail(`chunks end at byte ${offset} of ${las.name}, expected ${table}, where the table starts`);
  return out;
}
