/** From points to pieces: each point to its cell, the points of a tile together, and one pass over a tile. */
import type { Grid } from './grid.ts';
import { tileCells, tileColumns, tileSide } from './grid.ts';
import type { Planes, Stat } from './piece.ts';
import { emptyPlanes, encodePiece } from './piece.ts';
import { encodeSpots, type Nearest, nearestOf, startNearest } from './spots.ts';

/** A coordinate is `raw * scale + offset`. */
export type Placement = {
  readonly scale: readonly [number, number, number];
  readonly offset: readonly [number, number, number];
};

/** Raw coordinates of points, and the values that their cells are to hold, as if they were z. */
export type Places = {
  readonly x: Int32Array;
  readonly y: Int32Array;
  readonly z: Int32Array | Uint16Array;
};

/** Points on their way to their tiles, in columns; `length` of them so far. */
export type Bins = {
  readonly grid: Grid;
  readonly stat: Stat;
  /** Number of the tile in the grid, row by row. */
  readonly tile: Uint32Array;
  /** Cell within the tile, row by row. */
  readonly cell: Uint32Array;
  /** Raw. */
  readonly z: Int32Array;
  /** Of `spots`, raw. */
  readonly x?: Int32Array;
  readonly y?: Int32Array;
  /** Of `spots` of which one a cell will do. */
  readonly nearest?: Nearest;
  length: number;
  /** Points of each tile of the grid, among these; zero between flushes. */
  readonly points: Uint32Array;
  /** Tiles that have points, in the order of their first one. */
  readonly touched: number[];
  /** One tile's planes, empty between tiles. */
  readonly planes: Planes;
  readonly cells: Uint32Array;
};

/** Room for `capacity` points: 20 bytes each while they are sorted, 4 bytes a tile of the grid, and one tile. */
export const startBins = (grid: Grid, stat: Stat, capacity: number, isThinned = false): Bins => ({
  grid,
  stat,
  length: 0,
  touched: [],
  tile: new Uint32Array(capacity),
  cell: new Uint32Array(capacity),
  z: new Int32Array(capacity),
  ...(stat === 'spots' ? { x: new Int32Array(capacity), y: new Int32Array(capacity) } : {}),
  ...(isThinned ? { nearest: startNearest() } : {}),
  points: new Uint32Array(tileColumns(grid) * Math.ceil(grid.height / tileSide)),
  planes: emptyPlanes(stat),
  cells: new Uint32Array(tileCells),
});

/**
 * Adds `count` points from number `from` on. A point off the grid by no more than its resolution (headers round their bounds) goes to the cell at
 * the edge. Gives the number of the first point that lies further off, and adds nothing after it; -1 where there is none.
 */
export function addPoints(
  bins: Bins,
  points: Places,
  from: number,
  count: number,
  { scale, offset }: Placement,
): number {
  const { tile, cell, z, touched, grid } = bins;
  const perTile = bins.points;
  const { x: keptX, y: keptY } = bins;
  const { west, north, cell: size, width, height } = grid;
  const [scaleX, scaleY] = scale;
  const [offsetX, offsetY] = offset;
  const across = tileColumns(grid);
  const [rawX, rawY, rawZ] = [points.x, points.y, points.z];
  let out = bins.length;
  for (let i = from; i < from + count; i++) {
    const x = rawX[i]! * scaleX + offsetX;
    const y = rawY[i]! * scaleY + offsetY;
    let column = (x - west) / size;
    let row = (north - y) / size;
    if (!(column >= 0 && column < width && row >= 0 && row < height)) {
      column = snap(column, width, slackOf(x, scaleX) / size);
      row = snap(row, height, slackOf(y, scaleY) / size);
      if (column < 0 || row < 0) {
        bins.length = out;
        return i;
      }
    }
    column |= 0;
    row |= 0;
    const t = (row >>> 9) * across + (column >>> 9);
    if (perTile[t]!++ === 0) touched.push(t);
    tile[out] = t;
    cell[out] = ((row & (tileSide - 1)) << 9) | (column & (tileSide - 1));
    if (keptX) {
      keptX[out] = rawX[i]!;
      keptY![out] = rawY[i]!;
    }
    z[out++] = rawZ[i]!;
  }
  bins.length = out;
  return -1;
}

// Some writers keep bounds as f32.
const slackOf = (coordinate: number, scale: number): number =>
  Math.max(scale, Math.abs(coordinate) * 2 ** -23);

/** A position in cells, or that of the edge it is off by no more than `slack`; -1 beyond. */
function snap(position: number, cells: number, slack: number): number {
  if (position >= 0 && position < cells) return position;
  if (position < 0) return position >= -slack ? 0 : -1;
  return position - cells <= slack ? cells - 1 : -1;
}

/** A piece of the tile at (column, row), counted in tiles. */
export type Piece = { readonly column: number; readonly row: number; readonly bytes: Uint8Array };

/** The points so far as a piece a tile, the tiles row by row; the bins are empty again. */
export function takePieces(bins: Bins, how: Placement): Piece[] {
  const { touched, points, grid } = bins;
  touched.sort((a, b) => a - b);
  const columns = bins.x && bins.y ? [bins.cell, bins.x, bins.y, bins.z] : [bins.cell, bins.z];
  const sorted = sortByTile(bins, columns);
  const across = tileColumns(grid);
  let start = 0;
  const out = touched.map((t): Piece => {
    const end = start + points[t]!;
    const bytes =
      sorted.length === 4
        ? spotPiece(bins, t, sorted.map((column) => column.subarray(start, end)) as Int32Array[], how)
        : planePiece(bins, sorted[0]!.subarray(start, end), sorted[1]!.subarray(start, end), how);
    points[t] = 0;
    start = end;
    return { column: t % across, row: Math.floor(t / across), bytes };
  });
  touched.length = 0;
  bins.length = 0;
  return out;
}

function spotPiece(
  { grid, nearest }: Bins,
  tile: number,
  [cell, x, y, z]: readonly Int32Array[],
  how: Placement,
): Uint8Array {
  if (!nearest) return encodeSpots([x!, y!, z!], how);
  const across = tileColumns(grid);
  const [left, top] = [(tile % across) * tileSide, Math.floor(tile / across) * tileSide];
  const kept = nearestOf(nearest, { ...grid, left, top }, cell!, [x!, y!, z!], how);
  // Not Int32Array.from, which goes through an iterator.
  const pick = (column: Int32Array): Int32Array => {
    const out = new Int32Array(kept.length);
    for (let k = 0; k < out.length; k++) out[k] = column[kept[k]!]!;
    return out;
  };
  return encodeSpots([pick(x!), pick(y!), pick(z!)], how);
}

function planePiece(
  bins: Bins,
  cell: Int32Array | Uint32Array,
  z: Int32Array | Uint32Array,
  how: Placement,
): Uint8Array {
  const cells = gather(bins, cell, z, how);
  const bytes = encodePiece(bins.planes, cells);
  clear(bins.planes, cells);
  return bytes;
}

/** Columns with the points of a tile together, the tiles in the order of `touched`. */
function sortByTile(
  { touched, points, tile, length }: Bins,
  columns: readonly (Int32Array | Uint32Array)[],
): (Int32Array | Uint32Array)[] {
  if (touched.length === 1) return columns.map((column) => column.subarray(0, length));
  // `points` holds each tile's next place while the points move, and its count again after.
  let start = 0;
  for (const t of touched) {
    const count = points[t]!;
    points[t] = start;
    start += count;
  }
  const place = new Uint32Array(length);
  for (let i = 0; i < length; i++) place[i] = points[tile[i]!]!++;
  const out = columns.map((column) => {
    const to = new Int32Array(length);
    for (let i = 0; i < length; i++) to[place[i]!] = column[i]!;
    return to;
  });
  let before = 0;
  for (const t of touched) {
    const end = points[t]!;
    points[t] = end - before;
    before = end;
  }
  return out;
}

/** Fills the planes; gives the cells that have points. */
function gather(
  bins: Bins,
  cell: Int32Array | Uint32Array,
  z: Int32Array | Uint32Array,
  { scale, offset }: Placement,
): Uint32Array {
  const { stat, planes, cells } = bins;
  const [scaleZ, offsetZ] = [scale[2], offset[2]];
  const plane = planes[0]!;
  let found = 0;
  if (stat === 'max' || stat === 'min') {
    const up = stat === 'max';
    for (let i = 0; i < cell.length; i++) {
      const c = cell[i]!;
      const was = plane[c]!;
      // + 0 makes -0 the same as 0: which of them came first must not show.
      const height = Math.fround(z[i]! * scaleZ + offsetZ) + 0;
      if (was !== was) cells[found++] = c;
      else if (up ? height <= was : height >= was) continue;
      plane[c] = height;
    }
  } else {
    const counts = planes.at(-1)!;
    for (let i = 0; i < cell.length; i++) {
      const c = cell[i]!;
      if (counts[c]!++ === 0) cells[found++] = c;
    }
    if (stat === 'mean') for (let i = 0; i < cell.length; i++) plane[cell[i]!]! += z[i]!;
  }
  return cells.subarray(0, found);
}

function clear(planes: Planes, cells: Uint32Array): void {
  for (const plane of planes) {
    const empty = plane instanceof Float32Array ? NaN : 0;
    for (let i = 0; i < cells.length; i++) plane[cells[i]!] = empty;
  }
}
