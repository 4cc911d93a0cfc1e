/** Tiles of Web Mercator: GDAL puts them where we do, and a rectangle meets the tiles that it overlaps. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deepestZoom } from '../geospatial/kernels/hilbert.ts';
import {
  boxOf,
  halfEquator,
  lonLatOf,
  resolutionOf,
  tilePixels,
  tilesOf,
  zoomOf,
} from '../geospatial/kernels/mercator.ts';
import { gdal, gdalMissing } from './gdal.ts';

const address = (deepest: number) =>
  fc.integer({ min: 0, max: deepest }).chain((z) =>
    fc.record({
      z: fc.constant(z),
      x: fc.integer({ min: 0, max: 2 ** z - 1 }),
      y: fc.integer({ min: 0, max: 2 ** z - 1 }),
    }),
  );

describe.skipIf(gdalMissing)('GDAL', () => {
  test('puts tiles at the same metres and degrees', () => {
    const tiles = [
      [0, 0, 0],
      [1, 1, 0],
      [5, 0, 31],
      [12, 3423, 1763],
      [18, 131_072, 131_071],
      [26, 2 ** 26 - 1, 12_345_678],
    ] as const;
    type Placed = { box: number[]; corner: number[]; resolution: number };
    const found = gdal<Placed[]>(
      `
from osgeo_utils.gdal2tiles import GlobalMercator
m = GlobalMercator()
wgs, web = osr.SpatialReference(), osr.SpatialReference()
wgs.ImportFromEPSG(4326); web.ImportFromEPSG(3857)
for s in (wgs, web): s.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
t = osr.CoordinateTransformation(web, wgs)
out = []
for z, x, y in given:
    box = m.TileBounds(x, 2 ** z - 1 - y, z)
    out.append({"box": box, "corner": t.TransformPoint(box[0], box[3])[:2], "resolution": m.Resolution(z)})
print(json.dumps(out))`,
      tiles,
    );
    for (const [i, [z, x, y]] of tiles.entries()) {
      const { west, south, east, north } = boxOf({ z, x, y });
      const { box, corner, resolution } = found[i]!;
      // gdal2tiles adds up pixels: some nanometres.
      for (const [j, value] of [west, south, east, north].entries()) expect(value).toBeCloseTo(box[j]!, 6);
      for (const [j, value] of lonLatOf(west, north).entries()) expect(value).toBeCloseTo(corner[j]!, 9);
      expect(resolutionOf(z) / resolution).toBeCloseTo(1, 12);
    }
  });
});

describe('tiles', () => {
  test('fill the square without gaps, at all zooms', () => {
    expect(halfEquator).toBe(20_037_508.342_789_244);
    fc.assert(
      fc.property(address(deepestZoom - 1), ({ z, x, y }) => {
        const box = boxOf({ z, x, y });
        const southEast = boxOf({ z: z + 1, x: 2 * x + 1, y: 2 * y + 1 });
        const northWest = boxOf({ z: z + 1, x: 2 * x, y: 2 * y });
        expect({ ...southEast, west: northWest.west, north: northWest.north }).toEqual(box);
        expect([northWest.east, northWest.south]).toEqual([southEast.west, southEast.north]);
        expect((box.east - box.west) / (resolutionOf(z) * tilePixels)).toBeCloseTo(1, 6);
      }),
    );
    expect(boxOf({ z: 0, x: 0, y: 0 })).toEqual({
      west: -halfEquator,
      south: -halfEquator,
      east: halfEquator,
      north: halfEquator,
    });
  });
  test('are met by themselves alone, at any zoom', () => {
    fc.assert(
      fc.property(address(deepestZoom), ({ z, x, y }) => {
        const box = boxOf({ z, x, y });
        expect(tilesOf(box, z)).toEqual({ z, left: x, top: y, right: x + 1, bottom: y + 1 });
      }),
      { numRuns: 500 },
    );
  });
  test('beside them are met by what reaches over by a bit', () => {
    fc.assert(
      fc.property(address(20), ({ z, x, y }) => {
        const { west, south, east, north } = boxOf({ z, x, y });
        const bit = 1e-8;
        const side = 2 ** z;
        expect(
          tilesOf({ west: west - bit, south: south - bit, east: east + bit, north: north + bit }, z),
        ).toEqual({
          z,
          left: Math.max(0, x - 1),
          top: Math.max(0, y - 1),
          right: Math.min(side, x + 2),
          bottom: Math.min(side, y + 2),
        });
        const inside = { west: west + bit, south: south + bit, east: east - bit, north: north - bit };
        expect(tilesOf(inside, z)).toEqual({ z, left: x, top: y, right: x + 1, bottom: y + 1 });
      }),
    );
  });
  test('of a rectangle are those that overlap it', () => {
    const place = fc.double({ min: -1.2 * halfEquator, max: 1.2 * halfEquator, noNaN: true });
    fc.assert(
      fc.property(place, place, place, place, fc.integer({ min: 0, max: 4 }), (a, b, c, d, z) => {
        fc.pre(a !== b && c !== d);
        const [west, east] = [Math.min(a, b), Math.max(a, b)];
        const [south, north] = [Math.min(c, d), Math.max(c, d)];
        const { left, top, right, bottom } = tilesOf({ west, south, east, north }, z);
        for (let y = 0; y < 2 ** z; y++)
          for (let x = 0; x < 2 ** z; x++) {
            const box = boxOf({ z, x, y });
            const overlaps = box.west < east && west < box.east && box.south < north && south < box.north;
            expect(x >= left && x < right && y >= top && y < bottom).toBe(overlaps);
          }
      }),
    );
  });
  test('are none off the square, and all of what holds it', () => {
    const far = { west: halfEquator, south: 0, east: 2 * halfEquator, north: 9 };
    const { left, right } = tilesOf(far, 3);
    expect(right - left).toBe(0);
    const all = { west: -Infinity, south: -Infinity, east: Infinity, north: Infinity };
    expect(tilesOf(all, 3)).toEqual({ z: 3, left: 0, top: 0, right: 8, bottom: 8 });
  });
  test('of no rectangle are refused', () => {
    const box = { west: 0, south: 0, east: 1, north: 1 };
    for (const change of [{ east: 0 }, { north: -1 }, { west: NaN }])
      expect(() => tilesOf({ ...box, ...change }, 3)).toThrow(/^box .* expected west < east/);
  });
});

describe('zooms', () => {
  test('are the first that is not coarser', () => {
    for (let z = 0; z <= deepestZoom; z++) {
      expect(zoomOf(resolutionOf(z))).toBe(z);
      expect(zoomOf(resolutionOf(z) * (1 - 1e-9))).toBe(z);
      expect(zoomOf(resolutionOf(z) * 0.99)).toBe(Math.min(deepestZoom, z + 1));
      expect(zoomOf(resolutionOf(z) * 1.9)).toBe(z);
    }
    expect(zoomOf(10)).toBe(14);
    expect(zoomOf(1e9)).toBe(0);
    expect(zoomOf(1e-9)).toBe(deepestZoom);
    for (const none of [0, -1, NaN]) expect(() => zoomOf(none)).toThrow(RangeError);
  });
});
