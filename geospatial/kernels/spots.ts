/** Pieces that hold points themselves: scale and offset of x, y, z (six f64), then raw x, y, z, a column of i32 each. */

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
