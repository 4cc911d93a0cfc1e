/** Blocks of tiles whose overviews look beyond the block: made of a window that has a margin around it. */
import type { Context } from '../../core/job.ts';
import type { Window } from '../kernels/window.ts';
import { tileEncoder } from '../formats/tilecoding.ts';
import type { Smoothing } from '../kernels/overview.ts';
import { areEmpty, type Cells, emptyCells, type Node, type Pyramid } from '../kernels/pyramid.ts';
import { marginOf, smooth, widenedBy } from '../kernels/smoothing.ts';
import { type Block, windowOf } from './blocks.ts';
import { storeTiles, type Tiles } from './manifest.ts';
import type { Products } from './mosaics.ts';
import { copyCells, halfOf, tileOf } from './windows.ts';

/** The cells of the full level that a block is made of, and those around it that its overviews depend on. */
export const readingOf = ({ top, column, row }: Block, pyramid: Pyramid, smoothing: Smoothing): Window =>
  widenedBy(windowOf({ level: top, column, row }, pyramid), marginOf(smoothing, top + 1), pyramid.levels[0]!);

/**
 * Makes a block of `cells`, those of `readingOf`, bands side by side. Each level is the one below, smoothed, with as much around the block as those above it need: what
 * a cell is does not depend on where blocks were cut.
 */
export async function makeSmoothBlock(
  { product, top, column, row }: Block,
  pyramid: Pyramid,
  smoothing: Smoothing,
  cells: Cells,
  context: Context,
): Promise<Products> {
  const { side, levels, bands } = pyramid;
  const encode = await tileEncoder(pyramid);
  const tiles: Tiles = [];
  let window = readingOf({ product, top, column, row }, pyramid, smoothing);
  let own = windowOf({ level: top, column, row }, pyramid);
  let pieces = 0;
  let values = cells;
  for (let level = 0; level <= top; level++) {
    for (const node of nodesWithin(own, level, side)) {
      context.signal.throwIfAborted();
      const tile = emptyCells(side * side, pyramid);
      copyCells(values, window, tile, { ...tileOf(node, pyramid), width: side, height: side }, bands);
      if (level === 0) pieces++;
      if (!areEmpty(tile, pyramid)) tiles.push({ ...node, ...encode(tile) });
    }
    if (level === levels.length - 1) break;
    const half = halfOf(own);
    const next = widenedBy(half, marginOf(smoothing, top - level), levels[level + 1]!);
    values = smooth(values, window, levels[level]!, next, smoothing, pyramid);
    [own, window] = [half, next];
  }
  const isPart = top < levels.length - 1 && !areEmpty(values, pyramid);
  const { width, height } = own;
  const rest = isPart ? { level: top, column, row, values, width, height } : undefined;
  return { pieces, products: [{ product, ...(await storeTiles(tiles, pieces, rest, context)) }] };
}

/** The tiles of a level that a window of it has. */
function* nodesWithin({ left, top, width, height }: Window, level: number, side: number): Generator<Node> {
  for (let row = top / side; row * side < top + height; row++)
    for (let column = left / side; column * side < left + width; column++) yield { level, column, row };
}
