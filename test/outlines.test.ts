/** Outlines of rasters on the globe: over the antimeridian, around a pole, the right way round. */
import { expect, test } from 'vitest';
import { outlineOf, type Place } from '../geospatial/stac/outline.ts';

const square = (west: number, south: number, east: number, north: number): Place[] => [
  [west, south],
  [east, south],
  [east, north],
  [west, north],
];
const plain = (x: number, y: number): Place => [x, y];
const rings = (outline: ReturnType<typeof outlineOf>): Place[][] => {
  const { type, coordinates } = outline!.geometry as { type: string; coordinates: Place[][] | Place[][][] };
  return type === 'Polygon'
    ? [(coordinates as Place[][])[0]!]
    : (coordinates as Place[][][]).map(([ring]) => ring!);
};
const areaOf = (ring: Place[]): number =>
  ring.slice(1).reduce((sum, [x, y], i) => sum + (ring[i]![0] * y - x * ring[i]![1]) / 2, 0);

test.each([
  [179, 181, [179, -1, -179, 1], 2],
  [-181, -179, [179, -1, -179, 1], 2],
  [190, 200, [-170, -1, -160, 1], 1],
  [-180, 180, [-180, -1, 180, 1], 1],
  [-180.5, 179.5, [-180, -1, 180, 1], 2],
  [0, 359, [0, -1, -1, 1], 2],
  [170, 180, [170, -1, 180, 1], 1],
])('longitudes %s to %s', (west, east, bbox, parts) => {
  const outline = outlineOf(square(west, -1, east, 1), plain)!;
  expect(outline.bbox).toEqual(bbox);
  expect(rings(outline)).toHaveLength(parts);
  for (const ring of rings(outline)) {
    expect(ring[0]).toEqual(ring.at(-1));
    expect(ring.every(([lon]) => Math.abs(lon) <= 180)).toBe(true);
    expect(areaOf(ring)).toBeGreaterThan(0);
  }
  expect(rings(outline).reduce((sum, ring) => sum + areaOf(ring), 0)).toBeCloseTo(2 * (east - west), 6);
});

test('the other way round is turned; around a pole reaches it; elsewhere is nowhere', () => {
  expect(areaOf(rings(outlineOf(square(0, 0, 1, 1).toReversed(), plain))[0]!)).toBe(1);
  // Some stereographic plane.
  const polar = (x: number, y: number): Place => [(Math.atan2(x, -y) * 180) / Math.PI, 90 - Math.hypot(x, y)];
  for (const ring of [square(-10, -10, 10, 10), square(-10, -10, 10, 10).toReversed()]) {
    const around = outlineOf(ring, polar)!;
    expect(around.bbox[0]).toBe(-180);
    expect(around.bbox.slice(2)).toEqual([180, 90]);
    expect(around.bbox[1]).toBeCloseTo(90 - Math.hypot(10, 10), 6);
    const area = rings(around).reduce((sum, one) => sum + areaOf(one), 0);
    expect(area).toBeGreaterThan(360 * 10);
    expect(area).toBeLessThan(360 * 14.2);
  }
  expect(outlineOf(square(5, 5, 15, 15), polar)!.bbox[3]).toBeLessThan(90);
  expect(outlineOf(square(0, 0, 1, 91), plain)).toBeUndefined();
  expect(outlineOf(square(0, 0, NaN, 1), plain)).toBeUndefined();
});
