/** How rasters are cut: blocks of tiles, and the pieces that lie in them. */
import type { Stored } from '../../core/job.ts';
import { type Grid } from '../kernels/grid.ts';
import { pyramidOver } from '../kernels/pyramid.ts';
import { topOf } from '../rasters/blocks.ts';
import type { Layout, Made } from './products.ts';
import type { Surface } from './surface.ts';

/** Column and row of a tile, number of the blob, start and end there, scale and offset of raw values. */
export type BlockPiece = readonly [number, number, number, number, number, number, number];

/** The tiles below one tile of level `top` of a product, and of products that are made of them alone their pieces, those of a tile together. Plain JSON. */
export type Block = {
  readonly product: number;
  readonly top: number;
  readonly column: number;
  readonly row: number;
  readonly blobs: readonly Stored[];
  readonly pieces: readonly BlockPiece[];
};

const mostTiles = 256;

/** Whether pieces are handed to the part that makes the tile; other products find them themselves, around tiles, too. */
export const isOfPieces = ({ kind }: Made): boolean => kind === 'cells';

/** Blocks of about `split` tiles, and how many pieces they are made of. At least one block. */
export function blocksOf(
  { blobs, pieces }: Surface,
  { products }: Layout,
  grid: Grid,
  split: number,
): { parts: Block[]; records: number } {
  const pyramid = pyramidOver(grid, { type: 'Float32', empty: 0 });
  const top = topOf(pyramid, split);
  const { columns, rows } = pyramid.levels[0]!;
  const across = Math.ceil(columns / 2 ** top);
  const parts: Block[] = [];
  let records = 0;
  for (const [product, made] of products.entries()) {
    if (!isOfPieces(made)) continue;
    const found = new Map<number, number[]>();
    for (const [i, row] of pieces.row.entries()) {
      if (pieces.product[i] !== made.layer) continue;
      records++;
      const block = (row >> top) * across + (pieces.column[i]! >> top);
      const numbers = found.get(block);
      if (numbers) numbers.push(i);
      else found.set(block, [i]);
    }
    for (const [block, numbers] of [...found].sort(([a], [b]) => a - b)) {
      const used = [...new Set(numbers.map((i) => pieces.blob[i]!))].sort((a, b) => a - b);
      const number = new Map(used.map((blob, i) => [blob, i]));
      const own = numbers.map((i): BlockPiece => [
        ...([pieces.column[i]!, pieces.row[i]!, number.get(pieces.blob[i]!)!] as const),
        ...([pieces.start[i]!, pieces.end[i]!, pieces.scale[i]!, pieces.offset[i]!] as const),
      ]);
      parts.push({
        product,
        top,
        column: block % across,
        row: Math.floor(block / across),
        blobs: used.map((i) => blobs[i]!),
        pieces: own.sort(byTile),
      });
    }
  }
  // A tile of the others is much work: a part each, unless there are many.
  const peak = Math.min(top, columns * rows > mostTiles ? 1 : 0);
  const [wide, high] = [Math.ceil(columns / 2 ** peak), Math.ceil(rows / 2 ** peak)];
  for (const [product, made] of products.entries())
    for (let block = 0; !isOfPieces(made) && block < wide * high; block++)
      parts.push({
        product,
        top: peak,
        column: block % wide,
        row: Math.floor(block / wide),
        blobs: [],
        pieces: [],
      });
  // No point that counts: nothing but cells without one.
  if (parts.length === 0) parts.push({ product: 0, top, column: 0, row: 0, blobs: [], pieces: [] });
  return { parts, records };
}

/** As `build` comes by the tiles (NW, NE, SW, SE), then as `addPiece` wants them, then as they lie. */
function byTile(a: BlockPiece, b: BlockPiece): number {
  const order = quadOrder(a) - quadOrder(b);
  if (order !== 0) return order;
  for (const i of [5, 6, 2, 3] as const) if (a[i] !== b[i]) return a[i] - b[i];
  return 0;
}

/** Bits of column and row within a block, interleaved. */
const quadOrder = ([column, row]: BlockPiece): number =>
  ((row & 2) << 2) | ((column & 2) << 1) | ((row & 1) << 1) | (column & 1);
