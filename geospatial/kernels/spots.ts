/** Pieces that hold points themselves: scale and offset of x, y, z (six f64), then raw x, y, z, a column of i32 each. */

import { tileCells, tileSide } from './grid.ts';
import type { Window } from './tin.ts';

/** A coordinate is `raw * scale + offset`. */
type Placement = {
  readonly scale: readonly [number, number, number];
  readonly offset: readonly [number, number, number];
};
const headBytes = 48;

/** A length of a multiple of 8. */
export function encodeSpots([x, y, z]: readonly Int32Array[], { scale, offset }: Placement): Uint8Array {
  const { length } = x!;
  const out = new Uint8Array(headBytes + ((12 * length + 7) & ~7) + 8);
  new Float64Array(out.buffer, 0, 6).set([...scale, ...offset]);
  new Uint32Array(out.buffer, headBytes, 2).set([length, 0]);
  for (const [i, column] of [x!, y!, z!].entries())
    new Int32Array(out.buffer, headBytes + 8 + 4 * length * i, length).set(column);
  return out;
}

/** How many points a piece of so many bytes has, at most one less. */
export const spotsIn = (bytes: number): number => Math.floor((bytes - headBytes - 8) / 12);

/** Hands over the coordinates of every point of a piece. */
export function eachSpot(piece: Uint8Array, take: (x: number, y: number, z: number) => void): void {
  // Not by `slice`, which gives a view of a Buffer.
  const bytes = piece.byteOffset % 8 === 0 ? piece : new Uint8Array(piece);
  const { buffer, byteOffset } = bytes;
  const [sx, sy, sz, ox, oy, oz] = new Float64Array(buffer, byteOffset, 6) as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const length = new Uint32Array(buffer, byteOffset + headBytes, 1)[0]!;
  const column = (i: number): Int32Array =>
    new Int32Array(buffer, byteOffset + headBytes + 8 + 4 * length * i, length);
  const [x, y, z] = [column(0), column(1), column(2)];
  for (let i = 0; i < length; i++) take(x[i]! * sx + ox, y[i]! * sy + oy, z[i]! * sz + oz);
}

/** Scratch for a tile: how far the nearest point of a cell lies from its middle, squared, and its number; and the cells that have one. */
export type Nearest = {
  readonly far: Float64Array;
  readonly number: Int32Array;
  readonly cells: Uint32Array;
};
export const startNearest = (): Nearest => ({
  far: new Float64Array(tileCells).fill(Infinity),
  number: new Int32Array(tileCells),
  cells: new Uint32Array(tileCells),
});

/**
 * Numbers of the points of a tile that are the nearest ones to the middles of their cells, by the same arithmetic and the same rule for equal ones as `startThinning` of tin.ts has: what
 * this leaves out, that would. `cell` is each point's cell in the tile.
 */
export function nearestOf(
  { far, number, cells }: Nearest,
  { west, north, cell: size, left, top }: Omit<Window, 'width' | 'height'>,
  cell: Int32Array,
  [x, y, z]: readonly [Int32Array, Int32Array, Int32Array],
  { scale, offset }: Placement,
): Uint32Array {
  let found = 0;
  for (let i = 0; i < cell.length; i++) {
    const c = cell[i]!;
    const px = x[i]! * scale[0] + offset[0];
    const py = y[i]! * scale[1] + offset[1];
    const dx = px - (west + (left + (c & (tileSide - 1)) + 0.5) * size);
    const dy = py - (north - (top + (c >> 9) + 0.5) * size);
    const square = dx * dx + dy * dy;
    if (far[c] === Infinity) cells[found++] = c;
    else if (square > far[c]!) continue;
    else if (square === far[c]!) {
      const k = number[c]!;
      const isNew = x[i]! < x[k]! || (x[i] === x[k] && (y[i]! < y[k]! || (y[i] === y[k] && z[i]! < z[k]!)));
      if (!isNew) continue;
    }
    far[c] = square;
    number[c] = i;
  }
  const out = new Uint32Array(found);
  for (let k = 0; k < found; k++) {
    const c = cells[k]!;
    out[k] = number[c]!;
    far[c] = Infinity;
  }
  return out;
}
