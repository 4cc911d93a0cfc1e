/** PMTiles 3: a pyramid of map tiles in one file, written in one pass. Source: PMTiles specification, version 3 (protomaps/PMTiles, spec/v3). */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { BadInput } from '../../core/errors.ts';
import type { Sink } from '../../core/job.ts';
import { tileOf, zoomOfId } from '../kernels/hilbert.ts';

/** What an archive says of itself. */
export type Tileset = {
  readonly type: 'png' | 'jpeg' | 'webp';
  /** In degrees of WGS 84: the longitude's two ends, and the latitude's. */
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
  /** Name, attribution and what else the specification has in its chapter 5; written as JSON, in this order. */
  readonly metadata: { readonly [name: string]: unknown };
};

/** Tiles to write, one element a tile (`digest`: four), by ascending number. */
export type TileTable = {
  /** Its number, as `tileId` gives it. */
  readonly id: Float64Array;
  /** Its bytes, 1 or more. */
  readonly length: Uint32Array;
  /** What `digestOf` gives for its bytes. */
  readonly digest: Uint32Array;
};

/** Words of a digest. */
export const digestWords = 4;

/** The first 128 bits of the SHA-256 of a tile's bytes, as four words: tiles of equal digests are stored once. */
export function digestOf(bytes: Uint8Array): Uint32Array<ArrayBuffer> {
  const hash = createHash('sha256').update(bytes).digest();
  return Uint32Array.from({ length: digestWords }, (_, i) => hash.readUInt32LE(4 * i));
}

const headerLength = 127;
/** Header and root directory end before this byte, so that one request has both. */
const firstRequest = 16_384;

/**
 * Streams an archive: header, root directory, metadata, leaf directories, tiles. Tiles of equal bytes are stored once, neighbours among them share
 * an entry. `bytesOf(rows)` gives the bytes of tiles by their rows in the table, which ascend: one a content. Directories and
 * metadata are gzip, tiles as they are; the archive is clustered, its zooms are those of the first and the last tile, its centre is the middle of
 * the bounds. Memory: some 60 bytes a tile, and one tile. The same bytes for the same tiles under one build of zlib.
 * @throws BadInput for no tiles at all, since a directory has at least one entry (4.2)
 * @throws RangeError for numbers that do not ascend, an empty tile, equal digests of unequal lengths, bounds off the Earth, or other tiles than promised
 */
export async function writePmtiles(
  sink: Sink,
  tileset: Tileset,
  tiles: TileTable,
  bytesOf: (rows: Uint32Array) => AsyncIterable<Uint8Array>,
): Promise<void> {
  check(tileset, tiles);
  const { entries, contents, size } = entriesOf(tiles);
  const { root, leaves } = directoriesOf(entries);
  const metadata = compress(new TextEncoder().encode(JSON.stringify(tileset.metadata)));
  const leavesLength = leaves.reduce((sum, leaf) => sum + leaf.length, 0);
  const counts = { addressed: tiles.id.length, entries: entries.count, contents: contents.length };
  const zooms = { min: zoomOfId(tiles.id[0]!), max: zoomOfId(tiles.id.at(-1)!) };
  await sink.write(encodeHeader([root.length, metadata.length, leavesLength, size], counts, zooms, tileset));
  await sink.write(root);
  await sink.write(metadata);
  for (const leaf of leaves) await sink.write(leaf);
  let next = 0;
  for await (const bytes of bytesOf(contents)) {
    const row = contents[next++];
    if (row === undefined) throw new RangeError(`more tiles were given than ${contents.length}`);
    if (bytes.length !== tiles.length[row])
      throw new RangeError(
        `tile ${named(tiles.id[row]!)} has ${bytes.length} bytes, expected ${tiles.length[row]}`,
      );
    await sink.write(bytes);
  }
  if (next !== contents.length) throw new RangeError(`${next} tiles were given, expected ${contents.length}`);
}

const named = (id: number): string => {
  const { z, x, y } = tileOf(id);
  return `${z}/${x}/${y}`;
};

function check({ west, south, east, north }: Tileset, { id, length, digest }: TileTable): void {
  if (!(west >= -180 && west <= east && east <= 180 && south >= -90 && south <= north && north <= 90))
    throw new RangeError(
      `bounds ${west},${south},${east},${north}, expected degrees from west to east and south to north`,
    );
  if (length.length !== id.length || digest.length !== digestWords * id.length)
    throw new RangeError(
      `${id.length} tiles, ${length.length} lengths, ${digest.length} words of digests, expected a length and ${digestWords} words a tile`,
    );
  if (id.length === 0)
    throw new BadInput(
      'PMTiles: no tiles to write, expected at least one: is there no data, or none within the bounds?',
    );
  // Only tiles that there are lie between a first and a last one that are.
  for (const end of [id[0]!, id.at(-1)!]) tileOf(end);
  for (const [i, number] of id.entries()) {
    if (!Number.isInteger(number) || (i > 0 && number <= id[i - 1]!))
      throw new RangeError(`tile number ${number} follows ${id[i - 1]}, expected whole numbers that ascend`);
    if (length[i] === 0) throw new RangeError(`tile ${named(number)} has no bytes, expected some`);
  }
}

/** Entries of a directory, one element an entry of which the first `count` hold; `run` is 0 for a leaf directory. */
type Entries = {
  readonly count: number;
  readonly id: Float64Array;
  readonly run: Uint32Array;
  readonly length: Uint32Array;
  readonly offset: Float64Array;
};

const room = (entries: number) => ({
  id: new Float64Array(entries),
  run: new Uint32Array(entries),
  length: new Uint32Array(entries),
  offset: new Float64Array(entries),
});

/** An entry for each run of neighbours of equal contents; `contents` are the tiles that are the first with theirs, `size` is the bytes of all of these. */
function entriesOf(tiles: TileTable): { entries: Entries; contents: Uint32Array; size: number } {
  const content = contentsOf(tiles);
  const columns = room(tiles.id.length);
  const { id, run, length, offset } = columns;
  // Where the content of each tile lies that is the first with it.
  const places = new Float64Array(tiles.id.length);
  const contents = new Uint32Array(tiles.id.length);
  let [count, distinct, size] = [0, 0, 0];
  for (const [i, number] of tiles.id.entries()) {
    const first = content[i]!;
    if (first === i) {
      contents[distinct++] = i;
      places[i] = size;
      size += tiles.length[i]!;
    }
    const last = count - 1;
    if (i > 0 && content[i - 1] === first && number === tiles.id[i - 1]! + 1) run[last]!++;
    else {
      id[count] = number;
      run[count] = 1;
      length[count] = tiles.length[i]!;
      offset[count] = places[first]!;
      count++;
    }
  }
  return { entries: { count, ...columns }, contents: contents.subarray(0, distinct), size };
}

/** For each tile the first one of the same digest: a hash table of open addresses, at most half full. */
function contentsOf({ id, length, digest }: TileTable): Uint32Array {
  const out = new Uint32Array(id.length);
  const slots = new Uint32Array(2 ** Math.ceil(Math.log2(2 * id.length)));
  for (let i = 0; i < id.length; i++) {
    let slot = digest[digestWords * i]! % slots.length;
    // Slots hold the tile's row + 1.
    while (slots[slot] !== 0 && !equals(digest, slots[slot]! - 1, i)) slot = (slot + 1) % slots.length;
    slots[slot] ||= i + 1;
    const first = (out[i] = slots[slot]! - 1);
    if (length[first] !== length[i])
      throw new RangeError(
        `tiles ${named(id[first]!)} and ${named(id[i]!)} of one digest have ${length[first]} and ${length[i]} bytes, expected the same`,
      );
  }
  return out;
}

function equals(digest: Uint32Array, a: number, b: number): boolean {
  for (let word = 0; word < digestWords; word++)
    if (digest[digestWords * a + word] !== digest[digestWords * b + word]) return false;
  return true;
}

// More entries than this are not even tried in a root directory.
const rootEntries = 16_384;
// Leaves of some 10 kB; roots of up to some 3,000 leaves.
const leafEntries = 4096;

/** The root directory, and the leaf directories where the root cannot hold all entries. Leaves grow until the root fits. */
function directoriesOf(entries: Entries): { root: Uint8Array; leaves: Uint8Array[] } {
  const fits = (root: Uint8Array): boolean => headerLength + root.length <= firstRequest;
  if (entries.count <= rootEntries) {
    const root = encodeDirectory(entries, 0, entries.count);
    if (fits(root)) return { root, leaves: [] };
  }
  for (let size = leafEntries; ; size *= 2) {
    const leaves: Uint8Array[] = [];
    const above = room(Math.ceil(entries.count / size));
    let end = 0;
    for (let start = 0; start < entries.count; start += size) {
      const leaf = encodeDirectory(entries, start, Math.min(start + size, entries.count));
      above.id[leaves.length] = entries.id[start]!;
      above.length[leaves.length] = leaf.length;
      above.offset[leaves.length] = end;
      end += leaf.length;
      leaves.push(leaf);
    }
    const root = encodeDirectory({ count: leaves.length, ...above }, 0, leaves.length);
    if (fits(root)) return { root, leaves };
  }
}

/** Entries `[start, end)` as they stand in the file (4.2). */
function encodeDirectory({ id, run, length, offset }: Entries, start: number, end: number): Uint8Array {
  const writer = varints(4 * (end - start) + 1);
  writer.push(end - start);
  for (let i = start; i < end; i++) writer.push(i === start ? id[i]! : id[i]! - id[i - 1]!);
  for (let i = start; i < end; i++) writer.push(run[i]!);
  for (let i = start; i < end; i++) writer.push(length[i]!);
  for (let i = start; i < end; i++) {
    const follows = i > start && offset[i] === offset[i - 1]! + length[i - 1]!;
    writer.push(follows ? 0 : offset[i]! + 1);
  }
  return compress(writer.bytes());
}

/** Numbers below 2^53 in base 128, the lowest digit first; all but the last one with their high bit set. */
function varints(most: number) {
  const out = new Uint8Array(8 * most);
  let at = 0;
  return {
    push(value: number): void {
      let rest = value;
      // Division, as shifts have 32 bits.
      for (; rest >= 128; rest = Math.floor(rest / 128)) out[at++] = (rest % 128) | 128;
      out[at++] = rest;
    },
    bytes: (): Uint8Array => out.subarray(0, at),
  };
}

/** gzip without a time, and of no operating system (RFC 1952, 2.3.1): zlib would name the one it was built for. */
function compress(bytes: Uint8Array): Uint8Array {
  const out = gzipSync(bytes, { level: 9 });
  out[9] = 255;
  return out;
}

const typeCodes = { png: 2, jpeg: 3, webp: 4 } as const;

/** The header (3.2): `lengths` are those of the root directory, the metadata, the leaf directories and the tiles, which follow it in this order. */
function encodeHeader(
  lengths: readonly [root: number, metadata: number, leaves: number, tiles: number],
  counts: { readonly addressed: number; readonly entries: number; readonly contents: number },
  zooms: { readonly min: number; readonly max: number },
  { type, west, south, east, north }: Tileset,
): Uint8Array {
  const bytes = new Uint8Array(headerLength);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode('PMTiles'));
  bytes[7] = 3;
  let start = headerLength;
  for (const [i, length] of lengths.entries()) {
    view.setBigUint64(8 + 16 * i, BigInt(start), true);
    view.setBigUint64(16 + 16 * i, BigInt(length), true);
    start += length;
  }
  for (const [i, count] of [counts.addressed, counts.entries, counts.contents].entries())
    view.setBigUint64(72 + 8 * i, BigInt(count), true);
  // Clustered; gzip inside, tiles as they are (3.3).
  bytes.set([1, 2, 1, typeCodes[type], zooms.min, zooms.max], 96);
  const position = (at: number, longitude: number, latitude: number): void => {
    view.setInt32(at, Math.round(longitude * 1e7), true);
    view.setInt32(at + 4, Math.round(latitude * 1e7), true);
  };
  position(102, west, south);
  position(110, east, north);
  bytes[118] = zooms.min;
  position(119, (west + east) / 2, (south + north) / 2);
  return bytes;
}
