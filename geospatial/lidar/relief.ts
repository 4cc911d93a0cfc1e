/** Tiles of rasters that need the ground around them: the ground itself, and heights above it. */
import type { Context } from '../../core/job.ts';
import { levels } from '../kernels/pyramid.ts';
import type { Grid } from '../kernels/grid.ts';
import { tileSide } from '../kernels/grid.ts';
import { eachSpot } from '../kernels/spots.ts';
import { heightsOn, type Spots, startThinning, triangulate, type Window } from '../kernels/tin.ts';
import { type Place, readPieces, type Surface } from './surface.ts';

/** Cells around a tile from which points are taken at first. */
const firstReach = 48;

/** Where the points of layers lie, tile by tile. */
export type Relief = {
  readonly surface: Surface;
  readonly grid: Grid;
  /** Number of the layer whose points are the ground. */
  readonly ground: number;
  /** Largest radius of a circle without ground that is drawn across, in units of the CRS. */
  readonly gap: number;
};

/** Heights of the ground in the cells of a tile, and `margin` cells around, NaN where there is none. */
export async function groundOf(
  { surface, grid, ground, gap }: Relief,
  column: number,
  row: number,
  margin: number,
  context: Pick<Context, 'get'>,
): Promise<{ window: Window; heights: Float32Array }> {
  const { cell } = grid;
  const side = tileSide + 2 * margin;
  const window: Window = {
    west: grid.west,
    north: grid.north,
    cell,
    left: column * tileSide - margin,
    top: row * tileSide - margin,
    width: side,
    height: side,
  };
  const most = Math.ceil((2 * gap) / cell) + 1;
  // At the edge of everything some cells have no ground, which is sure only then.
  const { columns, rows } = levels(grid)[0]!;
  const isEdge = column === 0 || row === 0 || column === columns - 1 || row === rows - 1;
  for (let cells = isEdge ? most : Math.min(most, firstReach); ; cells = most) {
    const spots = await spotsAround(surface, ground, window, cells, context);
    const { heights, isSure } = heightsOn(spots, triangulate(spots), window, gap, cells * cell);
    if (isSure || cells === most) return { window, heights };
  }
}

/** One point a cell of the window and `cells` cells around. */
async function spotsAround(
  surface: Surface,
  product: number,
  window: Window,
  cells: number,
  context: Pick<Context, 'get'>,
): Promise<Spots> {
  const around: Window = {
    ...window,
    left: window.left - cells,
    top: window.top - cells,
    width: window.width + 2 * cells,
    height: window.height + 2 * cells,
  };
  const thinning = startThinning(around);
  for await (const piece of piecesOf(surface, product, meets(around), context))
    eachSpot(piece, (x, y, z) => thinning.add(x, y, z));
  return thinning.spots();
}

/** Whether a tile meets a window. */
export function meets({ left, top, width, height }: Window): (column: number, row: number) => boolean {
  const tileOf = (at: number): number => Math.floor(at / tileSide);
  const [right, bottom] = [tileOf(left + width - 1), tileOf(top + height - 1)];
  return (column, row) => column >= tileOf(left) && column <= right && row >= tileOf(top) && row <= bottom;
}

/** Where the pieces of a layer lie on the tiles that are wanted. */
export function placesOf(
  { pieces }: Surface,
  layer: number,
  isWanted: (column: number, row: number) => boolean,
): Place[] {
  const places: Place[] = [];
  for (let i = 0; i < pieces.row.length; i++)
    if (pieces.product[i] === layer && isWanted(pieces.column[i]!, pieces.row[i]!))
      places.push({ blob: pieces.blob[i]!, start: pieces.start[i]!, end: pieces.end[i]! });
  return places;
}

/** These pieces, one after the other. */
export const piecesOf = (
  surface: Surface,
  layer: number,
  isWanted: (column: number, row: number) => boolean,
  context: Pick<Context, 'get'>,
): AsyncGenerator<Uint8Array, undefined> =>
  readPieces(placesOf(surface, layer, isWanted), surface.blobs, context);

/** How high a place is above the ground of a window, by the four middles of cells around it, as far as they have any; NaN where none has. */
export function aboveGround(
  { west, north, cell, left, top, width, height }: Window,
  heights: Float32Array,
): (x: number, y: number, z: number) => number {
  return (x, y, z) => {
    const atX = (x - west) / cell - left - 0.5;
    const atY = (north - y) / cell - top - 0.5;
    const [c, r] = [Math.floor(atX), Math.floor(atY)];
    const [across, down] = [atX - c, atY - r];
    let [sum, weight] = [0, 0];
    for (let k = 0; k < 4; k++) {
      const [column, row] = [c + (k & 1), r + (k >> 1)];
      const by = (k & 1 ? across : 1 - across) * (k >> 1 ? down : 1 - down);
      if (!(by > 0 && column >= 0 && column < width && row >= 0 && row < height)) continue;
      const ground = heights[row * width + column]!;
      if (ground !== ground) continue;
      sum += by * ground;
      weight += by;
    }
    return z - sum / weight;
  };
}
