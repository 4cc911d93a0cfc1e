/** The levels of a raster above its blocks, made where the file is written. */
import { type Encoded, tileEncoder } from '../formats/tilecoding.ts';
import type { Window } from '../kernels/window.ts';
import { isSmooth, type Smoothing } from '../kernels/overview.ts';
import {
  areEmpty,
  build,
  type Cells,
  cellArrays,
  emptyCells,
  type Node,
  type Pyramid,
  type Quarter,
} from '../kernels/pyramid.ts';
import { marginOf, smooth, widenedBy } from '../kernels/smoothing.ts';
import { type Layers, type Mosaic, storeTiles, type Tiles } from './manifest.ts';
import { type Blobs, shelfBytes } from './shelves.ts';
import { copyCells, halfOf, tileOf } from './windows.ts';

/** The tiles of the levels above the blocks, stored some MiB at a time. */
export async function buildTop(
  mosaic: Mosaic,
  pyramid: Pyramid,
  shelf: Blobs,
  signal: AbortSignal,
): Promise<Layers[]> {
  const { rests } = mosaic;
  if (rests.level.length === 0) return [];
  const bottom = rests.level[0]!;
  const encode = await tileEncoder(pyramid);
  const out: Layers[] = [];
  let tiles: Tiles = [];
  let size = 0;
  const flush = async (): Promise<void> => {
    out.push(await storeTiles(tiles, 0, undefined, shelf));
    [tiles, size] = [[], 0];
  };
  const emit = async (node: Node, values: Cells): Promise<void> => {
    signal.throwIfAborted();
    const encoded: Encoded = encode(values);
    tiles.push({ ...node, ...encoded });
    size += encoded.bytes.length + (encoded.mask?.length ?? 0);
    if (size >= shelfBytes) await flush();
  };
  if (isSmooth(pyramid.overview))
    await buildSmooth(restsIn(mosaic, pyramid), bottom, pyramid, pyramid.overview, shelf, emit);
  else {
    const root = { level: pyramid.levels.length - 1, column: 0, row: 0 };
    const rest = readerOf(restsIn(mosaic, pyramid), bottom, pyramid, shelf);
    await build(root, bottom, pyramid, ({ column, row }) => rest(column, row), emit);
  }
  if (tiles.length > 0) await flush();
  return out;
}

/** A tile's cells halved, and where they lie. */
type Rest = {
  readonly blob: Mosaic['blobs'][number];
  readonly start: number;
  readonly width: number;
  readonly height: number;
};
/** Those of a level by `row * columns + column`. */
type Rests = ReadonlyMap<number, Rest>;

function restsIn({ rests, blobs }: Mosaic, { levels }: Pyramid): Rests {
  const found = new Map<number, Rest>();
  for (const [i, level] of rests.level.entries())
    found.set(rests.row[i]! * levels[level]!.columns + rests.column[i]!, {
      blob: blobs[rests.blob[i]!]!,
      start: rests.start[i]!,
      width: rests.width[i]!,
      height: rests.height[i]!,
    });
  return found;
}

type Reader = (column: number, row: number) => Promise<Quarter | undefined>;

function readerOf(rests: Rests, level: number, { levels, bands, type }: Pyramid, shelf: Blobs): Reader {
  return async (column, row) => {
    const rest = rests.get(row * levels[level]!.columns + column);
    if (!rest) return undefined;
    const { blob, start, width, height } = rest;
    const count = width * height * bands;
    const bytes = await shelf.get(blob, start, start + cellArrays[type].BYTES_PER_ELEMENT * count);
    const { buffer } = new Uint8Array(bytes);
    return { values: new cellArrays[type](buffer, 0, count), width, height };
  };
}

// Quarters around a tile, and some of those that the next one needs too.
const mostHeld = 24;

/** The last `mostHeld` that were read. */
function holding(read: Reader): Reader {
  const held = new Map<string, Promise<Quarter | undefined>>();
  return (column, row) => {
    const place = `${column},${row}`;
    const found = held.get(place) ?? read(column, row);
    held.delete(place);
    held.set(place, found);
    if (held.size > mostHeld) held.delete(held.keys().next().value!);
    return found;
  };
}

/** Level by level, row by row: a tile is made of quarters, and halved with the cells around it. */
async function buildSmooth(
  rests: Rests,
  bottom: number,
  pyramid: Pyramid,
  smoothing: Smoothing,
  shelf: Blobs,
  emit: (node: Node, values: Cells) => Promise<void>,
): Promise<void> {
  const { side, levels } = pyramid;
  let below = rests;
  for (let level = bottom + 1; level < levels.length; level++) {
    const size = levels[level]!;
    const quarter = holding(readerOf(below, level - 1, pyramid, shelf));
    const above = new Map<number, Rest>();
    for (let row = 0; row < size.rows; row++)
      for (let column = 0; column < size.columns; column++) {
        const node = { level, column, row };
        const own = tileOf(node, pyramid);
        const window = widenedBy(own, marginOf(smoothing, 1), size);
        const values = await gather(window, quarter, pyramid);
        const tile = emptyCells(side * side, pyramid);
        copyCells(values, window, tile, { ...own, width: side, height: side }, pyramid.bands);
        if (!areEmpty(tile, pyramid)) await emit(node, tile);
        if (level === levels.length - 1) continue;
        const half = halfOf(own);
        const halved = smooth(values, window, size, half, smoothing, pyramid);
        if (areEmpty(halved, pyramid)) continue;
        const { width, height } = half;
        const blob = await shelf.put(new Uint8Array(halved.buffer, 0, halved.byteLength));
        above.set(row * size.columns + column, { blob, start: 0, width, height });
      }
    below = above;
  }
}

/** The cells of a window of a level from quarters, the tiles of the level below halved. */
async function gather(window: Window, quarter: Reader, pyramid: Pyramid): Promise<Cells> {
  const half = pyramid.side / 2;
  const out = emptyCells(window.width * window.height, pyramid);
  const [right, bottom] = [window.left + window.width, window.top + window.height];
  for (let row = Math.floor(window.top / half); row * half < bottom; row++)
    for (let column = Math.floor(window.left / half); column * half < right; column++) {
      const found = await quarter(column, row);
      if (!found) continue;
      const { width, height } = found;
      const from = { left: column * half, top: row * half, width, height };
      copyCells(found.values, from, out, window, pyramid.bands);
    }
  return out;
}
