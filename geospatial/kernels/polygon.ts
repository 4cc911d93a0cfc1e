/** Areas with holes, and which points lie in them: by the parity of the sides that a ray to the east meets. A point on a western or southern side is inside, on an eastern or northern one it is not. */

/** Bounds, and sides as x, y of one end and of the other, those of all rings of all polygons. */
export type Area = {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
  readonly sides: Float64Array;
};

/** The area of rings, each of at least three places; the last one may repeat the first. Rings within rings are holes, whichever way they turn. */
export function areaOf(rings: readonly (readonly (readonly number[])[])[]): Area {
  const sides: number[] = [];
  let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const ring of rings)
    for (const [i, [x = NaN, y = NaN]] of ring.entries()) {
      const [toX = NaN, toY = NaN] = ring[(i + 1) % ring.length]!;
      [minX, minY, maxX, maxY] = [Math.min(minX, x), Math.min(minY, y), Math.max(maxX, x), Math.max(maxY, y)];
      if (y !== toY) sides.push(x, y, toX, toY);
    }
  return { minX, minY, maxX, maxY, sides: Float64Array.from(sides) };
}

/** Whether a point lies in an area. */
export function isInside({ minX, minY, maxX, maxY, sides }: Area, x: number, y: number): boolean {
  if (!(x >= minX && x <= maxX && y >= minY && y <= maxY)) return false;
  let inside = false;
  for (let i = 0; i < sides.length; i += 4) {
    const [ay, by] = [sides[i + 1]!, sides[i + 3]!];
    // The lower end of a side belongs to it, the upper one does not.
    if (ay <= y === by <= y) continue;
    const [ax, bx] = [sides[i]!, sides[i + 2]!];
    if (x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
  }
  return inside;
}
