/** Image file directories of TIFF and BigTIFF in both byte orders, read by few ranges. Sources: TIFF 6.0, section 2; BigTIFF design (libtiff). */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import { originOf } from '../../core/sources/origin.ts';

/** Where the values of a field lie, and what they are. */
export type Entry = {
  /** The code of the type: 3 is SHORT, 4 LONG, 16 LONG8. */
  readonly type: number;
  /** Values, not bytes. */
  readonly count: number;
  /** Byte of the file of the first value: within the entry itself where all of them fit there. */
  readonly at: number;
};

/** A directory: its fields by tag, values read where they lie when asked for. */
export type Directory = {
  /** Byte of the file. */
  readonly at: number;
  readonly little: boolean;
  readonly big: boolean;
  readonly fields: ReadonlyMap<number, Entry>;
};

/** The directories of a file. What was asked for once is not read again. */
export type Tiff = {
  readonly little: boolean;
  readonly big: boolean;
  /** The main chain, in its order; directories below a directory (SubIFDs) are not followed. */
  readonly directories: readonly Directory[];
  /**
   * Numbers of a field, `[from, to)` of them, cut to what there is; undefined where the field is missing. Fractions are divided.
   * @throws BadInput for a field of no numbers, whole numbers past 2^53, or more than 256 MiB at once
   */
  numbers(directory: Directory, tag: number, from?: number, to?: number): Promise<Float64Array | undefined>;
  /**
   * The bytes of a field of any type as they stand in the file; undefined where the field is missing. They are not to be changed.
   * @throws BadInput for more than 256 MiB
   */
  bytes(directory: Directory, tag: number): Promise<Uint8Array | undefined>;
  /**
   * A text without the 0 bytes at its end; undefined where the field is missing.
   * @throws BadInput for values of more than a byte each
   */
  text(directory: Directory, tag: number): Promise<string | undefined>;
};

// The bytes of a value, by the code of its type; 14 and 15 are not given out.
const valueBytes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];

// The directories of most COGs of up to some thousand tiles.
const firstBytes = 16_384;
// A directory of some 20 fields with the values behind it.
const leastBytes = 4096;
const mostAhead = 2 ** 20;
const mostKept = 2 ** 24;
const mostAsked = 2 ** 28;
// Bytes of files that are known, besides the one that was asked for last.
const mostKnown = 2 ** 25;
const mostDirectories = 1024;
// As many as libtiff takes.
const mostFields = 4096;

type Known = { readonly tiff: Promise<Tiff>; readonly kept: Kept };
const known = new Map<Source, Known>();

/** As `readTiff`, but of a source that was opened a short time ago, by another part of a job, nothing is read again. */
export function openTiff(source: Source, name: string): Promise<Tiff> {
  const origin = originOf(source);
  const kept = { bytes: 0 };
  const found = known.get(origin) ?? { tiff: readTiff(source, name, kept), kept };
  // The last one asked for stands last.
  known.delete(origin);
  known.set(origin, found);
  found.tiff.catch(() => known.delete(origin));
  let bytes = 0;
  for (const one of known.values()) bytes += one.kept.bytes;
  for (const [old, one] of known) {
    if (bytes <= mostKnown || old === origin) break;
    known.delete(old);
    bytes -= one.kept.bytes;
  }
  return found.tiff;
}

/** Bytes that are held. */
type Kept = { bytes: number };

/**
 * Opens a TIFF and reads all directories of its main chain, no values. The first request brings 16 KiB; directories that follow one another's
 * values, as in a COG, come by one or two more. Fields of unknown types are stepped over (TIFF 6.0, section 2); of a tag that comes twice
 * the first field counts.
 * @throws BadInput for what is no TIFF, and for directories in a circle, without fields or with more than 4,096, outside of the file or with values there; for more than 1,024 of them
 */
export async function readTiff(source: Source, name: string, kept: Kept = { bytes: 0 }): Promise<Tiff> {
  const fail = (found: string, expected: string): never => {
    throw new BadInput(`GeoTIFF: ${found}, expected ${expected}; get the file again`);
  };
  const { size } = source;
  const read = remembering(source, kept);
  const start = view(await read(0, Math.min(size, 16), firstBytes));
  const order = start.byteLength < 8 ? 0 : start.getUint16(0);
  const little = order === 0x4949;
  const version = little || order === 0x4d4d ? start.getUint16(2, little) : 0;
  const big = version === 43;
  if ((version !== 42 && !big) || (big && start.byteLength < 16))
    fail(`${name} of ${size} bytes has no header of a TIFF`, 'II or MM, then 42 or 43');
  if (big && (start.getUint16(4, little) !== 8 || start.getUint16(6, little) !== 0))
    fail(`offsets of ${start.getUint16(4, little)} bytes in the header of ${name}`, '8 in a BigTIFF');
  const layout = big ? { count: 8, entry: 20, offset: 8 } : { count: 2, entry: 12, offset: 4 };
  const word = (at: DataView, place: number): number =>
    big ? Number(at.getBigUint64(place, little)) : at.getUint32(place, little);

  const directories: Directory[] = [];
  const seen = new Set<number>();
  let ahead = leastBytes;
  for (let at = word(start, big ? 8 : 4); at !== 0 || directories.length === 0;) {
    const place = `directory at byte ${at} of ${name}`;
    if (seen.has(at)) fail(`${place} comes again`, 'an end of the directories');
    seen.add(at);
    if (directories.length === mostDirectories)
      fail(`more than ${mostDirectories} directories in ${name}`, `${mostDirectories} at most`);
    if (at < (big ? 16 : 8) || at + layout.count > size)
      fail(place, `one behind the header and within ${size} bytes`);
    const head = view(await read(at, at + layout.count, ahead));
    const count = big ? word(head, 0) : head.getUint16(0, little);
    if (count === 0 || count > mostFields) fail(`${place} has ${count} fields`, `1 to ${mostFields}`);
    const end = at + layout.count + layout.entry * count + layout.offset;
    if (end > size) fail(`${place} of ${count} fields ends at byte ${end}`, `an end within ${size} bytes`);
    const entries = view(await read(at + layout.count, end, leastBytes));
    const fields = new Map<number, Entry>();
    let behind = end;
    for (let i = 0; i < count; i++) {
      const p = i * layout.entry;
      const [tag, type] = [entries.getUint16(p, little), entries.getUint16(p + 2, little)];
      const values = word(entries, p + 4);
      const bytes = values * (valueBytes[type] ?? 0);
      if (!valueBytes[type] || fields.has(tag)) continue;
      const inside = bytes <= layout.offset;
      const slot = p + 4 + layout.offset;
      const first = inside ? at + layout.count + slot : word(entries, slot);
      if (first + bytes > size)
        fail(
          `${place} has ${values} values of tag ${tag} from byte ${first} to ${first + bytes}`,
          `values within ${size} bytes`,
        );
      fields.set(tag, { type, count: values, at: first });
      if (first >= at) behind = Math.max(behind, first + bytes);
    }
    directories.push({ at, little, big, fields });
    const next = word(entries, count * layout.entry);
    // Levels of a pyramid: where one follows the values of the other, all the smaller ones together take a third of its room.
    const isClose = next >= end && next - behind < leastBytes;
    ahead = isClose ? Math.min(mostAhead, Math.max(leastBytes, (next - at) >> 1)) : leastBytes;
    at = next;
  }

  /** Bytes of the values `[from, to)` of a field. */
  async function values(directory: Directory, tag: number, entry: Entry, from: number, to: number) {
    const each = valueBytes[entry.type]!;
    if ((to - from) * each > mostAsked)
      fail(
        `directory at byte ${directory.at} of ${name} has ${to - from} values of tag ${tag}`,
        `${mostAsked / each} at most`,
      );
    return read(entry.at + from * each, entry.at + to * each, leastBytes);
  }
  const wrongType = ({ at }: Directory, tag: number, { type }: Entry, expected: string): never =>
    fail(`directory at byte ${at} of ${name} has tag ${tag} of type ${type}`, expected);

  return {
    little,
    big,
    directories,
    async numbers(directory, tag, from = 0, to = Infinity) {
      const entry = directory.fields.get(tag);
      if (!entry) return undefined;
      const number = readers[entry.type];
      if (!number) return wrongType(directory, tag, entry, 'numbers');
      const first = Math.min(from, entry.count);
      const last = Math.max(first, Math.min(to, entry.count));
      const at = view(await values(directory, tag, entry, first, last));
      const each = valueBytes[entry.type]!;
      const isWide = entry.type >= 16;
      const out = new Float64Array(last - first);
      for (let i = 0; i < out.length; i++) {
        out[i] = number(at, i * each, little);
        if (isWide && !Number.isSafeInteger(out[i]))
          fail(
            `directory at byte ${directory.at} of ${name} has a value of ${out[i]} of tag ${tag}`,
            'less than 2^53',
          );
      }
      return out;
    },
    async bytes(directory, tag) {
      const entry = directory.fields.get(tag);
      return entry && values(directory, tag, entry, 0, entry.count);
    },
    async text(directory, tag) {
      const entry = directory.fields.get(tag);
      if (!entry) return undefined;
      if (valueBytes[entry.type] !== 1) wrongType(directory, tag, entry, 'a text (2)');
      const bytes = await values(directory, tag, entry, 0, entry.count);
      const end = bytes.findLastIndex((byte) => byte !== 0) + 1;
      return new TextDecoder().decode(bytes.subarray(0, end));
    },
  };
}

type Reader = (at: DataView, place: number, little: boolean) => number;

/** How a number of a type is read; types that hold none (texts, undefined bytes) are missing. */
const readers: { readonly [type: number]: Reader } = {
  1: (at, p) => at.getUint8(p),
  3: (at, p, little) => at.getUint16(p, little),
  4: (at, p, little) => at.getUint32(p, little),
  5: (at, p, little) => at.getUint32(p, little) / at.getUint32(p + 4, little),
  6: (at, p) => at.getInt8(p),
  8: (at, p, little) => at.getInt16(p, little),
  9: (at, p, little) => at.getInt32(p, little),
  10: (at, p, little) => at.getInt32(p, little) / at.getInt32(p + 4, little),
  11: (at, p, little) => at.getFloat32(p, little),
  12: (at, p, little) => at.getFloat64(p, little),
  13: (at, p, little) => at.getUint32(p, little),
  // Two halves: a number past 2^53 is refused whichever way it is rounded, and a BigInt a value takes longer.
  16: (at, p, little) =>
    at.getUint32(p + (little ? 4 : 0), little) * 2 ** 32 + at.getUint32(p + (little ? 0 : 4), little),
  17: (at, p, little) =>
    at.getInt32(p + (little ? 4 : 0), little) * 2 ** 32 + at.getUint32(p + (little ? 0 : 4), little),
  18: (at, p, little) =>
    at.getUint32(p + (little ? 4 : 0), little) * 2 ** 32 + at.getUint32(p + (little ? 0 : 4), little),
};

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/**
 * Reads `[start, end)` through what was read before, of which it keeps the last 16 MiB; a request takes `least` bytes where there are as
 * many that it does not have.
 */
function remembering(
  source: Source,
  total: Kept,
): (start: number, end: number, least: number) => Promise<Uint8Array> {
  const kept: { readonly start: number; readonly end: number; readonly bytes: Uint8Array }[] = [];
  const pieceAt = async (at: number, end: number, least: number) => {
    const found = kept.find((piece) => piece.start <= at && at < piece.end);
    if (found) return found;
    let until = Math.min(source.size, Math.max(end, at + least));
    for (const piece of kept) if (piece.start > at) until = Math.min(until, piece.start);
    const piece = { start: at, end: until, bytes: await source.read(at, until) };
    kept.push(piece);
    total.bytes += until - at;
    // What came first, the header and what is near, stays.
    while (total.bytes > mostKept && kept.length > 2) {
      const [old] = kept.splice(1, 1);
      total.bytes -= old!.end - old!.start;
    }
    return piece;
  };
  return async (start, end, least) => {
    if (start === end) return new Uint8Array(0);
    const first = await pieceAt(start, end, least);
    if (end <= first.end) return first.bytes.subarray(start - first.start, end - first.start);
    const out = new Uint8Array(end - start);
    for (let at = start; at < end;) {
      const piece = await pieceAt(at, end, least);
      const until = Math.min(end, piece.end);
      out.set(piece.bytes.subarray(at - piece.start, until - piece.start), at - start);
      at = until;
    }
    return out;
  };
}
