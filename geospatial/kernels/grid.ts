/** The grid of a surface: square cells, aligned to multiples of their size, row 0 in the north. */

/** `(west, north)` is the outer corner of the top-left cell; units of the CRS. Plain JSON. */
export type Grid = {
  readonly west: number;
  readonly north: number;
  readonly cell: number;
  readonly width: number;
  readonly height: number;
};

/** Cells along the side of a tile, the unit in which cells are kept and written. */
export const tileSide = 512;
export const tileCells = tileSide * tileSide;

/** Tiles along the width of a grid. */
export const tileColumns = ({ width }: Grid): number => Math.ceil(width / tileSide);

// 4 million tiles.
const mostCells = 2 ** 40;
const longest = 2 ** 31 - 1;

/** Bounds of points, both ends inside. */
export type Bounds = {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
};

/**
 * The grid that holds every point within `bounds`: a point on the last edge has a cell of its own. Cell (column, row) of a point is
 * `floor((x - west) / cell)`, `floor((north - y) / cell)`. Undefined where that is more than 2^40 cells, or 2^31 - 1 one way.
 */
export function gridOver({ minX, minY, maxX, maxY }: Bounds, cell: number): Grid | undefined {
  const west = Math.floor(minX / cell) * cell;
  const north = Math.ceil(maxY / cell) * cell;
  const width = Math.floor((maxX - west) / cell) + 1;
  const height = Math.floor((north - minY) / cell) + 1;
  const fits =
    width >= 1 && height >= 1 && width <= longest && height <= longest && width * height <= mostCells;
  return fits ? { west, north, cell, width, height } : undefined;
}
