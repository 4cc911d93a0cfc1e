/** Pieces: what some points say about the cells of one tile, and how pieces of the same tile become one. */
import { tileCells, tileSide } from './grid.ts';

/** `spots`: the points themselves, for what cannot be told from a cell alone. */
export type Stat = 'max' | 'min' | 'mean' | 'count' | 'spots';

/**
 * A value a cell in each plane. max and min: heights, NaN for none. count: points. mean: sums of raw z, whole numbers and
 * so exact in any order below 2^53, and points; pieces of one scale and offset only belong together.
 */
export type Planes = readonly (Float64Array | Float32Array | Uint32Array)[];

/** Planes of `cells` cells without a point. */
export function emptyPlanes(stat: Stat, cells = tileCells): Planes {
  switch (stat) {
    case 'max':
    case 'min':
      return [new Float32Array(cells).fill(NaN)];
    case 'count':
      return [new Uint32Array(cells)];
    case 'mean':
      return [new Float64Array(cells), new Uint32Array(cells)];
    case 'spots':
      return [];
  }
}

const isEmpty = (plane: Planes[number]): number => (plane instanceof Float32Array ? NaN : 0);

// u16: 1 where cells are listed, then the window: column, row, columns, rows; u32 at 12: cells listed.
const headBytes = 16;

/**
 * The `touched` cells of a tile's planes, as a window or as a list of cells, whichever is smaller; 8 to 16 bytes a cell at most. The length is a multiple of 8:
 * header, planes (widest first), listed cells.
 */
export function encodePiece(planes: Planes, touched: Uint32Array): Uint8Array {
  let [left, top, right, bottom] = [tileSide, tileSide, 0, 0];
  for (const cell of touched) {
    const [column, row] = [cell & (tileSide - 1), cell >>> 9];
    if (column < left) left = column;
    if (column > right) right = column;
    if (row < top) top = row;
    if (row > bottom) bottom = row;
  }
  const [columns, rows] = [right - left + 1, bottom - top + 1];
  const width = planes.reduce((sum, plane) => sum + plane.BYTES_PER_ELEMENT, 0);
  const listed = touched.length * (width + 4) < columns * rows * width;
  const cells = listed ? touched.length : columns * rows;
  const body = cells * (listed ? width + 4 : width);
  const out = new Uint8Array(headBytes + ((body + 7) & ~7));
  new Uint16Array(out.buffer, 0, 5).set([listed ? 1 : 0, left, top, columns, rows]);
  new Uint32Array(out.buffer, 12, 1)[0] = cells;
  let at = headBytes;
  for (const plane of planes) {
    const to = viewLike(plane, out.buffer, at, cells);
    if (listed) for (let i = 0; i < cells; i++) to[i] = plane[touched[i]!]!;
    else {
      to.fill(isEmpty(plane));
      for (const cell of touched)
        to[((cell >>> 9) - top) * columns + (cell & (tileSide - 1)) - left] = plane[cell]!;
    }
    at += to.byteLength;
  }
  if (listed) new Uint32Array(out.buffer, at, cells).set(touched);
  return out;
}

const viewLike = (
  plane: Planes[number],
  buffer: ArrayBufferLike,
  at: number,
  length: number,
): Planes[number] =>
  plane instanceof Float64Array
    ? new Float64Array(buffer, at, length)
    : plane instanceof Float32Array
      ? new Float32Array(buffer, at, length)
      : new Uint32Array(buffer, at, length);

/** Adds a piece to a tile's planes. Any order of pieces gives the same planes. */
export function combinePiece(stat: Stat, planes: Planes, piece: Uint8Array): void {
  // Not by `slice`, which gives a view of a Buffer.
  const bytes = piece.byteOffset % 8 === 0 ? piece : new Uint8Array(piece);
  const [listed, left, top, columns] = new Uint16Array(bytes.buffer, bytes.byteOffset, 4) as unknown as [
    number,
    number,
    number,
    number,
  ];
  const count = new Uint32Array(bytes.buffer, bytes.byteOffset + 12, 1)[0]!;
  let at = bytes.byteOffset + headBytes;
  const sources = planes.map((plane) => {
    const source = viewLike(plane, bytes.buffer, at, count);
    at += source.byteLength;
    return source;
  });
  const cells = listed ? new Uint32Array(bytes.buffer, at, count) : windowCells(left, top, columns, count);
  for (const [i, plane] of planes.entries()) {
    const source = sources[i]!;
    if (stat === 'max') raise(plane, source, cells);
    else if (stat === 'min') lower(plane, source, cells);
    else for (let k = 0; k < count; k++) plane[cells[k]!]! += source[k]!;
  }
}

function windowCells(left: number, top: number, columns: number, count: number): Uint32Array {
  const out = new Uint32Array(count);
  for (let i = 0, start = top * tileSide + left; i < count; start += tileSide)
    for (let column = 0; column < columns; column++) out[i++] = start + column;
  return out;
}

function raise(plane: Planes[number], source: Planes[number], cells: Uint32Array): void {
  for (let k = 0; k < cells.length; k++) {
    const [cell, z] = [cells[k]!, source[k]!];
    // A comparison with NaN is false: an empty cell takes any z, an empty source gives none.
    if (z === z && !(z <= plane[cell]!)) plane[cell] = z;
  }
}

function lower(plane: Planes[number], source: Planes[number], cells: Uint32Array): void {
  for (let k = 0; k < cells.length; k++) {
    const [cell, z] = [cells[k]!, source[k]!];
    if (z === z && !(z >= plane[cell]!)) plane[cell] = z;
  }
}
