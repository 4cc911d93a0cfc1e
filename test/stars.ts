/** Polygons that look like stars, for the tests of zones. */
import { random } from './lasfile.ts';

export type Ring = [number, number][];
/** Stars of some places around a middle, some of them beside a raster of 200 by 200 cells; closed. */
export function stars(count: number, seed: number): Ring[] {
  const next = random(seed);
  return Array.from({ length: count }, () => {
    const [x, y, radius] = [210 * next() - 5, 210 * next() - 5, 0.3 + 40 * next() ** 2];
    const angles = Array.from({ length: 3 + Math.floor(30 * next()) }, () => 2 * Math.PI * next()).toSorted(
      (a, b) => a - b,
    );
    const ring = angles.map((angle): [number, number] => {
      const far = radius * (0.3 + 0.7 * next());
      return [x + far * Math.cos(angle), y + far * Math.sin(angle)];
    });
    return [...ring, ring[0]!];
  });
}
export const flat = (ring: Ring): Float64Array => Float64Array.from(ring.flat());
