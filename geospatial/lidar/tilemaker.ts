/** A tile of a raster of points: put together from its pieces, or drawn from points. */
import type { Context } from '../../core/job.ts';
import type { Grid } from '../kernels/grid.ts';
import type { Stat } from '../kernels/piece.ts';
import type { Cells, Node } from '../kernels/pyramid.ts';
import { addPiece, asStored, finishTile, startTile } from '../kernels/tile.ts';
import type { Block, BlockPiece } from './blocks.ts';
import type { Made } from './products.ts';
import { groundOf } from './relief.ts';
import { canopyTile, pitfreeTile, sampledTile, type Sampling } from './sampled.ts';
import { readPieces } from './surface.ts';

/** The pieces of a block, read in the order in which its tiles are asked for. */
export type Pieces = {
  /** The cells of a tile; undefined where no piece is. */
  tile(node: Node): Promise<Cells | undefined>;
  /** Pieces so far. */
  used(): number;
};

export function startPieces(
  { pieces, blobs }: Block,
  { name, statistic }: Made,
  grid: Grid,
  context: Pick<Context, 'get'>,
): Pieces {
  const places = pieces.map(([, , blob, start, end]) => ({ blob, start, end }));
  const bytes = readPieces(places, blobs, context);
  let at = 0;
  return {
    used: () => at,
    async tile(node) {
      const here = ([c, r]: BlockPiece): boolean => c === node.column && r === node.row;
      if (at === pieces.length || !here(pieces[at]!)) return undefined;
      const draft = startTile(statistic as Stat);
      for (; at < pieces.length && here(pieces[at]!); at++) {
        const [, , , , , scale, offset] = pieces[at]!;
        addPiece(draft, (await bytes.next()).value!, scale, offset);
      }
      const found = finishTile(draft);
      return name === 'density' ? Float32Array.from(found, (n) => n / grid.cell ** 2) : found;
    },
  };
}

/** The cells of a tile that is drawn from points; undefined where none has a value. */
export async function drawnTile(
  how: Sampling,
  made: Made,
  { column, row }: Node,
  context: Pick<Context, 'get' | 'signal'>,
): Promise<Cells | undefined> {
  context.signal.throwIfAborted();
  const draw = {
    cells: sampledTile,
    sampled: sampledTile,
    canopy: canopyTile,
    pitfree: pitfreeTile,
    ground: async () => (await groundOf(how, column, row, 0, context)).heights,
  }[made.kind];
  const found = await draw(how, made, column, row, context);
  if (isEmpty(found, made)) return undefined;
  if (made.name === 'count') return Uint32Array.from(found);
  if (made.name !== 'density') return asStored(found);
  const area = how.radius > 0 ? Math.PI * how.radius ** 2 : how.grid.cell ** 2;
  return found.map((n) => n / area);
}

/** Counts are empty where they are 0, values where they are NaN. */
const isEmpty = (values: Float32Array, { statistic }: Made): boolean =>
  values.every((value) => (statistic === 'count' ? value === 0 : value !== value));
