/** Rasters by blocks: squares of tiles whose overviews are made with them. */
import type { Context } from '../../core/job.ts';
import { tileEncoder } from '../formats/tilecoding.ts';
import type { Window } from '../kernels/window.ts';
import {
  build,
  type Cells,
  emptied,
  emptyTile,
  halveTile,
  type Node,
  type Pyramid,
  type Quarter,
} from '../kernels/pyramid.ts';
import { storeTiles, type Tiles } from './manifest.ts';
import type { Products } from './mosaics.ts';

/** The tiles below one tile of level `top` of a product. Plain JSON. */
export type Block = {
  readonly product: number;
  readonly top: number;
  readonly column: number;
  readonly row: number;
};

// Blocks of 4 x 4 tiles: a block's tiles, compressed, are held together until they are stored.
const highestTop = 2;

/** The level whose tiles stand for blocks of about `split` tiles. */
export const topOf = ({ levels }: Pyramid, split: number): number =>
  Math.min(levels.length - 1, highestTop, Math.max(0, Math.floor(Math.log2(split) / 2)));

/** Blocks of about `split` tiles that cover a product, row by row. */
export function blocksOver(pyramid: Pyramid, split: number, product = 0): Block[] {
  const top = topOf(pyramid, split);
  const [columns, rows] = [pyramid.levels[0]!.columns, pyramid.levels[0]!.rows];
  const [wide, high] = [Math.ceil(columns / 2 ** top), Math.ceil(rows / 2 ** top)];
  return Array.from({ length: wide * high }, (_, k) => ({
    product,
    top,
    column: k % wide,
    row: Math.floor(k / wide),
  }));
}

/** The tiles of a block, of the full level and within the raster. */
export function* nodesOf({ top, column, row }: Block, { levels: [full] }: Pyramid): Generator<Node> {
  const side = 2 ** top;
  for (let r = row * side; r < Math.min(full!.rows, (row + 1) * side); r++)
    for (let c = column * side; c < Math.min(full!.columns, (column + 1) * side); c++)
      yield { level: 0, column: c, row: r };
}

/** Tiles of a product, of the full level. */
export const tilesOf = ({ levels }: Pyramid): number => levels[0]!.columns * levels[0]!.rows;

/** The cells of a tile of some level, within the raster. */
export function windowOf({ level, column, row }: Node, { levels, side }: Pyramid): Window {
  const { width, height } = levels[0]!;
  const cells = side * 2 ** level;
  const [left, top] = [column * cells, row * cells];
  return {
    left,
    top,
    width: Math.min(width, left + cells) - left,
    height: Math.min(height, top + cells) - top,
  };
}

/** Bytes that the tiles of a block and what is made of them take. */
export const blockMemory = (top: number, { side, bands, type }: Pyramid): number =>
  side * side * bands * (type === 'Float64' ? 8 : 4) * (2 * 4 ** top + 16);

/**
 * Makes a block: `tile` gives the cells of each tile of the full level, undefined for one that is empty; the tiles above follow from them. It may write them into
 * `room()`, empty cells in memory that the next tile has again. All are stored in one blob. `pieces` of what went in, the tiles unless told.
 */
export async function makeBlock(
  { product, top, column, row }: Block,
  pyramid: Pyramid,
  tile: (node: Node, room: () => Cells) => Promise<Cells | undefined>,
  context: Context,
  pieces?: () => number,
): Promise<Products> {
  const tiles: Tiles = [];
  const encode = await tileEncoder(pyramid);
  let count = 0;
  let kept: Cells | undefined;
  const room = (): Cells => (kept ? emptied(kept, pyramid) : (kept = emptyTile(pyramid)));
  const keep = (node: Node, values: Cells): void => {
    context.signal.throwIfAborted();
    tiles.push({ ...node, ...encode(values) });
  };
  const leaf = async (node: Node): Promise<Quarter | undefined> => {
    count++;
    const values = await tile(node, room);
    if (!values) return undefined;
    keep(node, values);
    return halveTile(values, node, pyramid);
  };
  const node = { level: top, column, row };
  const rest = await build(node, 0, pyramid, leaf, async (above, values) => keep(above, values));
  const isPart = top < pyramid.levels.length - 1;
  const used = pieces?.() ?? count;
  const layers = await storeTiles(tiles, used, isPart && rest ? { ...node, ...rest } : undefined, context);
  return { pieces: used, products: [{ product, ...layers }] };
}
