/** Tiles of a web map in the store, those above them, and the files that they become. */
import { BadInput } from '../../core/errors.ts';
import type { Context, Output, Stored } from '../../core/job.ts';
import { joinPlaces } from '../../core/tables.ts';
import { digestOf, digestWords, type Tileset, type TileTable, writePmtiles } from '../formats/pmtiles.ts';
import { encodePng, leanest } from '../formats/png.ts';
import { descendantsOf, type TileAddress, tileId, tileOf, zoomOfId } from '../kernels/hilbert.ts';
import { tilePixels } from '../kernels/mercator.ts';
import { halvePixels } from '../kernels/pixels.ts';
import { type Blobs, type Place, readPlaces, shelfBytes, shelve } from './shelves.ts';

/** A manifest: where the tiles of subtrees lie, and what the subtrees give to the zooms above them. */
export type WebTiles = {
  /** Tiles of the deepest zoom that were looked at. */
  readonly pieces: number;
  readonly blobs: readonly Stored[];
  /** One element a tile (`digest`: four): its number and digest as PMTiles has them; its blob, and its bytes there. */
  readonly tiles: {
    readonly id: Float64Array<ArrayBuffer>;
    readonly digest: Uint32Array<ArrayBuffer>;
    readonly blob: Uint32Array<ArrayBuffer>;
    readonly start: Float64Array<ArrayBuffer>;
    readonly length: Uint32Array<ArrayBuffer>;
  };
  /** One element a subtree that has a zoom above: the number of its highest tile, whose pixels lie halved in its blob. */
  readonly rests: {
    readonly id: Float64Array<ArrayBuffer>;
    readonly blob: Uint32Array<ArrayBuffer>;
    readonly start: Float64Array<ArrayBuffer>;
  };
};

const quarterSide = tilePixels / 2;
const quarterBytes = 4 * quarterSide * quarterSide;

/** Tiles as PNG that wait to be stored. */
export type MadeTiles = { readonly id: number; readonly png: Uint8Array }[];

/** A tile's pixels as PNG, of the leanest kind. */
export const tilePng = (pixels: Uint8Array): Uint8Array => encodePng(leanest(tilePixels, tilePixels, pixels));

/** Stores tiles by ascending number and what is left of their subtree, if it gives anything to a zoom above, in one blob. */
export async function storeWebTiles(
  tiles: MadeTiles,
  pieces: number,
  rest: { readonly id: number; readonly quarter: Uint8Array } | undefined,
  { put }: Blobs,
): Promise<WebTiles> {
  if (tiles.length === 0 && !rest) return noWebTiles(pieces);
  tiles.sort((a, b) => a.id - b.id);
  const start = new Float64Array(tiles.length);
  const digest = new Uint32Array(digestWords * tiles.length);
  let size = 0;
  for (const [i, { png }] of tiles.entries()) {
    start[i] = size;
    size += png.length;
    digest.set(digestOf(png), digestWords * i);
  }
  const blob = new Uint8Array(size + (rest ? quarterBytes : 0));
  for (const [i, { png }] of tiles.entries()) blob.set(png, start[i]);
  if (rest) blob.set(rest.quarter, size);
  const rests = rest ? [rest] : [];
  return {
    pieces,
    blobs: [await put(blob)],
    tiles: {
      id: Float64Array.from(tiles, ({ id }) => id),
      digest,
      blob: new Uint32Array(tiles.length),
      start,
      length: Uint32Array.from(tiles, ({ png }) => png.length),
    },
    rests: {
      id: Float64Array.from(rests, ({ id }) => id),
      blob: new Uint32Array(rests.length),
      start: Float64Array.from(rests, () => size),
    },
  };
}

const noWebTiles = (pieces: number): WebTiles => ({
  pieces,
  blobs: [],
  tiles: {
    id: new Float64Array(),
    digest: new Uint32Array(),
    blob: new Uint32Array(),
    start: new Float64Array(),
    length: new Uint32Array(),
  },
  rests: { id: new Float64Array(), blob: new Uint32Array(), start: new Float64Array() },
});

/** The tiles of all, of at least one. */
export function mergeWebTiles(results: readonly WebTiles[]): WebTiles {
  const blobs = results.map((result) => result.blobs);
  return {
    pieces: results.reduce((sum, { pieces }) => sum + pieces, 0),
    blobs: blobs.flat(),
    tiles: joinPlaces(
      results.map(({ tiles }) => tiles),
      blobs,
    ),
    rests: joinPlaces(
      results.map(({ rests }) => rests),
      blobs,
    ),
  };
}

/** What tiles are made of, from the bottom up. */
export type Growth = {
  /** The zoom at which `leaf` gives a tile's pixels halved, undefined where it is empty. */
  readonly bottom: number;
  /** Whether there may be anything at a tile or below. */
  has(tile: TileAddress): boolean;
  leaf(tile: TileAddress): Promise<Uint8Array | undefined>;
  /** Takes each tile above the bottom that is not empty. */
  emit(tile: TileAddress, pixels: Uint8Array): Promise<void>;
};

/** Makes a tile and all below it down to the bottom; gives its pixels halved. Each pixel depends on the four below it alone: where subtrees were cut does not show. */
export async function grow(tile: TileAddress, growth: Growth): Promise<Uint8Array | undefined> {
  if (!growth.has(tile)) return undefined;
  if (tile.z === growth.bottom) return growth.leaf(tile);
  let pixels: Uint8Array | undefined;
  for (let child = 0; child < 4; child++) {
    const [east, south] = [child & 1, child >> 1];
    const quarter = await grow({ z: tile.z + 1, x: 2 * tile.x + east, y: 2 * tile.y + south }, growth);
    if (!quarter) continue;
    pixels ??= new Uint8Array(4 * quarterBytes);
    const line = 4 * quarterSide;
    for (let row = 0; row < quarterSide; row++)
      pixels.set(
        quarter.subarray(row * line, (row + 1) * line),
        (south * quarterSide + row) * 2 * line + east * line,
      );
  }
  if (!pixels) return undefined;
  await growth.emit(tile, pixels);
  return halvePixels(pixels, tilePixels);
}

/** The tiles of the zooms from `least` to the subtrees, stored some MiB at a time. */
async function growTop(
  { rests, blobs }: WebTiles,
  least: number,
  shelf: Blobs,
  signal: AbortSignal,
): Promise<WebTiles[]> {
  if (rests.id.length === 0) return [];
  const order = Uint32Array.from(rests.id.keys()).sort((a, b) => rests.id[a]! - rests.id[b]!);
  const ids = Float64Array.from(order, (i) => rests.id[i]!);
  const bottom = zoomOfId(ids[0]!);
  const out: WebTiles[] = [];
  const waiting: MadeTiles = [];
  let size = 0;
  const store = async (): Promise<void> => {
    if (waiting.length > 0) out.push(await storeWebTiles(waiting.splice(0), 0, undefined, shelf));
    size = 0;
  };
  const growth: Growth = {
    bottom,
    has(tile) {
      const { first, count } = descendantsOf(tile, bottom);
      const next = ids[lowerBound(ids, first)];
      return next !== undefined && next < first + count;
    },
    async leaf(tile) {
      const i = order[lowerBound(ids, tileId(tile))]!;
      const start = rests.start[i]!;
      return shelf.get(blobs[rests.blob[i]!]!, start, start + quarterBytes);
    },
    async emit(tile, pixels) {
      signal.throwIfAborted();
      const png = tilePng(pixels);
      waiting.push({ id: tileId(tile), png });
      size += png.length;
      if (size > shelfBytes) await store();
    },
  };
  // Tiles of the least zoom that have something below them, along the curve.
  for (let at = 0; at < ids.length;) {
    const below = tileOf(ids[at]!);
    const step = 2 ** (bottom - least);
    const root = { z: least, x: Math.floor(below.x / step), y: Math.floor(below.y / step) };
    await grow(root, growth);
    const { first, count } = descendantsOf(root, bottom);
    at = lowerBound(ids, first + count);
  }
  await store();
  return out;
}

/** The first place in an ascending list whose value is `value` or more. */
function lowerBound(list: Float64Array, value: number): number {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (list[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/**
 * Makes the zooms above the subtrees from `least` on, and writes all tiles: as one archive of PMTiles, or each as a file z/x/y.png. Memory: some 100 bytes a tile, and a few MiB of tiles.
 * @throws BadInput where there is not a single tile
 */
export async function writeWebTiles(
  subtrees: WebTiles,
  least: number,
  layout: 'pmtiles' | 'folder',
  tileset: Tileset,
  output: Output,
  context: Context,
): Promise<void> {
  const shelf = shelve(context);
  const { tiles, blobs } = mergeWebTiles([
    subtrees,
    ...(await growTop(subtrees, least, shelf, context.signal)),
  ]);
  if (tiles.id.length === 0)
    throw new BadInput('raster: no cell has a value, expected some to draw; look at its nodata and its mask');
  const order = Uint32Array.from(tiles.id.keys()).sort((a, b) => tiles.id[a]! - tiles.id[b]!);
  const table: TileTable = {
    id: Float64Array.from(order, (i) => tiles.id[i]!),
    length: Uint32Array.from(order, (i) => tiles.length[i]!),
    digest: Uint32Array.from(
      { length: digestWords * order.length },
      (_, k) => tiles.digest[digestWords * order[Math.floor(k / digestWords)]! + (k % digestWords)]!,
    ),
  };
  function* places(rows: Uint32Array): Generator<Place> {
    for (const row of rows) {
      const i = order[row]!;
      const start = tiles.start[i]!;
      yield { stored: blobs[tiles.blob[i]!]!, start, end: start + tiles.length[i]! };
    }
  }
  const bytesOf = (rows: Uint32Array): AsyncIterable<Uint8Array> => readPlaces(places(rows), shelf);
  if (layout === 'pmtiles') return writePmtiles(await output.file(), tileset, table, bytesOf);
  let row = 0;
  for await (const bytes of bytesOf(Uint32Array.from(order.keys()))) {
    const { z, x, y } = tileOf(table.id[row++]!);
    await (await output.file(`/${z}/${x}/${y}.png`)).write(bytes);
  }
}
