/** Tiles of rasters that need the ground around them: the ground itself, and heights above it. */
import type { Context } from '../../core/job.ts';
import { levels } from '../formats/cog.ts';
import type { Grid } from '../kernels/grid.ts';
import { tileCells, tileSide } from '../kernels/grid.ts';
import { eachSpot } from '../kernels/spots.ts';
import { heightsOn, type Spots, startThinning, triangulate, type Window } from '../kernels/tin.ts';
import { noHeight } from '../kernels/tile.ts';
import { readPieces, type Surface } from './surface.ts';

/** Cells around a tile from which points are taken at first. */
const firstReach = 48;

/** Where the points of products lie: the ones of tiles, by product. */
export type Relief = {
  readonly surface: Surface;
  readonly grid: Grid;
  /** Number of the product whose points are the ground. */
  readonly ground: number;
  /** Largest radius of a circle without ground that is drawn across, in units of the CRS. */
  readonly gap: number;
};

/** Heights of the ground in the cells of a tile, and `margin` cells around, NaN where there is none. */
async function groundOf(
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
  const { left, top } = around;
  const tileOf = (at: number): number => Math.floor(at / tileSide);
  const [right, bottom] = [left + around.width - 1, top + around.height - 1];
  const isNear = (column: number, row: number): boolean =>
    column >= tileOf(left) && column <= tileOf(right) && row >= tileOf(top) && row <= tileOf(bottom);
  const thinning = startThinning(around);
  for await (const piece of piecesOf(surface, product, isNear, context))
    eachSpot(piece, (x, y, z) => thinning.add(x, y, z));
  return thinning.spots();
}

function piecesOf(
  { pieces, blobs }: Surface,
  product: number,
  isWanted: (column: number, row: number) => boolean,
  context: Pick<Context, 'get'>,
): AsyncGenerator<Uint8Array, undefined> {
  const places = [];
  for (let i = 0; i < pieces.row.length; i++)
    if (pieces.product[i] === product && isWanted(pieces.column[i]!, pieces.row[i]!))
      places.push({ blob: pieces.blob[i]!, start: pieces.start[i]!, end: pieces.end[i]! });
  return readPieces(places, blobs, context);
}

/** The ground in a tile's cells; undefined where there is none. */
export async function groundTile(
  relief: Relief,
  column: number,
  row: number,
  context: Pick<Context, 'get'>,
): Promise<Float32Array | undefined> {
  const { heights } = await groundOf(relief, column, row, 0, context);
  return finished(heights);
}

/** How high the highest point of product `product` in each cell stands above the ground, at least 0; undefined where there is none. */
export async function canopyTile(
  relief: Relief,
  product: number,
  column: number,
  row: number,
  context: Pick<Context, 'get'>,
): Promise<Float32Array | undefined> {
  const margin = 1;
  const { window, heights } = await groundOf(relief, column, row, margin, context);
  const { west, north, cell, left, top, width } = window;
  const out = new Float32Array(tileCells).fill(NaN);
  const isHere = (c: number, r: number): boolean => c === column && r === row;
  for await (const piece of piecesOf(relief.surface, product, isHere, context))
    eachSpot(piece, (x, y, z) => {
      const atX = (x - west) / cell - left - 0.5;
      const atY = (north - y) / cell - top - 0.5;
      const [c, r] = [Math.floor(atX), Math.floor(atY)];
      const [across, down] = [atX - c, atY - r];
      let [sum, weight] = [0, 0];
      const add = (column: number, row: number, by: number): void => {
        if (!(by > 0 && column >= 0 && column < width && row >= 0 && row < width)) return;
        const height = heights[row * width + column]!;
        if (height !== height) return;
        sum += by * height;
        weight += by;
      };
      // Of the four middles around those that have a ground.
      add(c, r, (1 - across) * (1 - down));
      add(c + 1, r, across * (1 - down));
      add(c, r + 1, (1 - across) * down);
      add(c + 1, r + 1, across * down);
      if (weight === 0) return;
      const ground = sum / weight;
      // Points on the raster's edge count in its last cell.
      const inTile = (at: number): number =>
        Math.max(0, Math.min(tileSide - 1, Math.floor(at + 0.5) - margin));
      const cellAt = inTile(atY) * tileSide + inTile(atX);
      const above = Math.max(0, z - ground);
      if (!(above <= out[cellAt]!)) out[cellAt] = above;
    });
  return finished(out);
}

/** NaN as the raster has it; undefined for nothing else. */
function finished(heights: Float32Array): Float32Array | undefined {
  let isEmpty = true;
  for (let i = 0; i < heights.length; i++)
    if (heights[i] !== heights[i]) heights[i] = noHeight;
    else isEmpty = false;
  return isEmpty ? undefined : heights;
}
