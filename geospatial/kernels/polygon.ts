/** Areas with holes, and which points lie in them: by the parity of the sides that a ray to the east meets. A point on a western or southern side is inside, on an eastern or northern one it is not. */
import { boundsOf } from './coverage.ts';

/** Bounds, and sides as x, y of one end and of the other, those of all rings of all polygons. */
export type Area = {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
  readonly sides: Float64Array;
};

/** The area of rings, each of at least three places as x, y, x, y, ...; the last one may repeat the first. Rings within rings are holes, whichever way they turn. */
export function areaOf(rings: readonly Float64Array[]): Area {
  const sides: number[] = [];
  const { minX, minY, maxX, maxY } = boundsOf(rings);
  for (const ring of rings)
    for (let i = 0; i < ring.length; i += 2) {
      const k = i + 2 < ring.length ? i + 2 : 0;
      if (ring[i + 1] !== ring[k + 1]) sides.push(ring[i]!, ring[i + 1]!, ring[k]!, ring[k + 1]!);
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
