/** Cells of polygons as GDAL burns them, shares as areas, statistics of cells. */
import { describe, expect, test } from 'vitest';
import { parseGeoJson } from '../geospatial/formats/geojson.ts';
import type { PolygonFile } from '../geospatial/formats/polygons.ts';
import { epsgKeys } from '../geospatial/formats/reproject.ts';
import { writeZoneTable } from '../geospatial/formats/zonetable.ts';
import { frameOf, type Rule, weightsOf } from '../geospatial/kernels/coverage.ts';
import { emptyZone, growZone, histogramOfZone, statisticsOfZone } from '../geospatial/kernels/zone.ts';
import { placePolygons } from '../geospatial/rasters/placing.ts';
import { orderOf } from '../geospatial/rasters/zonetables.ts';
import { gdal, gdalMissing } from './gdal.ts';
import { random } from './lasfile.ts';
import { flat, type Ring, stars } from './stars.ts';

describe('cells', () => {
  /** Of a grid of 200 by 200. */
  const cellsOf = (ring: Ring, rule: Rule): number[] => {
    const frame = frameOf([flat(ring)], 200, 200);
    const width = frame.right - frame.left;
    return [...weightsOf([flat(ring)], frame, rule).entries()].flatMap(([i, weight]) =>
      weight > 0 ? [(frame.top + Math.floor(i / width)) * 200 + frame.left + (i % width)] : [],
    );
  };
  const burned = (rings: readonly Ring[], rule: Rule): number[][] =>
    gdal<number[][]>(
      `from osgeo import ogr
out = []
for ring in given['rings']:
    m = gdal.GetDriverByName('MEM').Create('', 200, 200, 1); m.SetGeoTransform((0, 1, 0, 0, 0, 1))
    v = ogr.GetDriverByName('Memory').CreateDataSource('x'); s = osr.SpatialReference(); s.ImportFromEPSG(32633); m.SetProjection(s.ExportToWkt())
    l = v.CreateLayer('p', s); f = ogr.Feature(l.GetLayerDefn())
    f.SetGeometry(ogr.CreateGeometryFromWkt('POLYGON((' + ','.join(f'{x!r} {y!r}' for x, y in ring) + '))')); l.CreateFeature(f)
    gdal.RasterizeLayer(m, [1], l, burn_values=[1], options=given['options'])
    out.append([int(i) for i in m.ReadAsArray().ravel().nonzero()[0]])
print(json.dumps(out))`,
      { rings, options: rule === 'touched' ? ['ALL_TOUCHED=TRUE'] : [] },
    );
  test.skipIf(gdalMissing).each(['centre', 'touched'] as const)('%s: those that GDAL burns', (rule) => {
    const rings = stars(250, 4);
    const own = rings.map((ring) => cellsOf(ring, rule));
    const theirs = burned(rings, rule);
    expect(own.reduce((sum, cells) => sum + cells.length, 0)).toBeGreaterThan(20_000);
    for (const [i, cells] of own.entries()) expect([i, cells]).toEqual([i, theirs[i]]);
  });

  test.skipIf(gdalMissing)('a side along a border of cells touches none of them', () => {
    const next = random(3);
    const some = (most: number): number => 1 + Math.floor(next() * most);
    // An L, or a rectangle; after a reprojection places are not quite whole.
    const rings = Array.from({ length: 60 }, (_, i): Ring => {
      const [x, y, w, h] = [some(90), some(90), some(40), some(40)];
      const near = (value: number): number => value + (i % 3 === 0 ? (next() - 0.5) * 1e-7 : 0);
      const ring = [
        [x, y],
        [x + 2 * w, y],
        [x + 2 * w, y + h],
        [x + w, y + h],
        [x + w, y + 2 * h],
        [x, y + 2 * h],
      ] as const;
      return (i % 2 === 0 ? ring : [ring[0], ring[1], ring[2], [x, y + h]]).map(([a, b]) => [
        near(a),
        near(b),
      ]);
    });
    const theirs = burned(rings, 'touched');
    for (const [i, ring] of rings.entries()) {
      expect([i, cellsOf(ring, 'touched')]).toEqual([i, theirs[i]]);
      expect([i, cellsOf(ring, 'touched')]).toEqual([i, cellsOf(ring, 'centre')]);
    }
  });

  test('shares sum to the area, and each is what many places in its cell say; holes count once, however rings turn', () => {
    const next = random(9);
    for (const [k, ring] of stars(60, 7).entries()) {
      const hole: Ring = [
        [90.5, 90.5],
        [92, 90.5],
        [91.5, 92.5],
      ];
      const square: Ring = [
        [80, 80],
        [110, 80],
        [110, 110],
        [80, 110],
      ];
      const rings = k % 3 === 0 ? [square, hole] : [ring];
      const turned = rings.map((one, i) => flat((k + i) % 2 === 0 ? one : one.toReversed()));
      const frame = frameOf(turned, 200, 200);
      const width = frame.right - frame.left;
      const shares = Float32Array.from(weightsOf(turned, frame, 'fraction'));
      const isIn = (x: number, y: number): boolean => {
        let inside = false;
        for (const one of rings)
          for (const [i, [ax, ay]] of one.entries()) {
            const [bx, by] = one[(i + 1) % one.length]!;
            if (ay <= y !== by <= y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
          }
        return inside;
      };
      for (let i = 0; i < shares.length; i += 1 + Math.floor(shares.length / 40)) {
        const [column, row] = [frame.left + (i % width), frame.top + Math.floor(i / width)];
        let hits = 0;
        for (let n = 0; n < 400; n++)
          if (isIn(column + ((n % 20) + next()) / 20, row + (Math.floor(n / 20) + next()) / 20)) hits++;
        expect(Math.abs(shares[i]! - hits / 400)).toBeLessThan(0.09);
      }
      const isWithin = rings.every((one) => one.every(([x, y]) => x > 0 && y > 0 && x < 200 && y < 200));
      if (!isWithin) continue;
      const area = rings.reduce((sum, one, i) => {
        const own = one.reduce((s, [ax, ay], n) => {
          const [bx, by] = one[(n + 1) % one.length]!;
          return s + (ax * by - bx * ay) / 2;
        }, 0);
        return sum + (i === 0 ? 1 : -1) * Math.abs(own);
      }, 0);
      expect(shares.reduce((a, b) => a + b, 0) / area).toBeCloseTo(1, 5);
    }
  });
});

test('a hole that touches the ring around it by a corner, or by half of its places, is a hole', () => {
  const square = Float64Array.of(0, 0, 8, 0, 8, 8, 0, 8);
  const frame = { left: 0, top: 0, right: 8, bottom: 8 };
  for (const hole of [
    [0, 4, 4, 2, 4, 6],
    [8, 8, 2, 7, 4, 4, 7, 2],
    [4, 0, 6, 3, 2, 3],
  ]) {
    const area = (ring: ArrayLike<number>): number => {
      let sum = 0;
      for (let i = 0; i < ring.length; i += 2) {
        const k = (i + 2) % ring.length;
        sum += (ring[i]! * ring[k + 1]! - ring[k]! * ring[i + 1]!) / 2;
      }
      return Math.abs(sum);
    };
    const shares = Float32Array.from(weightsOf([square, Float64Array.from(hole)], frame, 'fraction'));
    expect(shares.reduce((a, b) => a + b, 0)).toBeCloseTo(64 - area(hole), 5);
  }
});

test('statistics of few cells, of weighted ones, in pieces or at once, and of none', () => {
  const zoneOf = (stats: string, pieces: readonly (readonly number[])[], weights?: readonly number[]) => {
    const zone = emptyZone(stats.split(','));
    let at = 0;
    for (const piece of pieces) {
      const own = weights && Float32Array.from(weights.slice(at, (at += piece.length)));
      growZone(zone, Float64Array.from(piece), own, piece.length);
    }
    return statisticsOfZone(zone, stats.split(','));
  };
  const all = 'count,nodata,sum,mean,min,max,range,median,p25,majority,minority,variety,p0,p100,p97.5';
  for (const pieces of [[[4, 1, 1, 9]], [[4], [], [1, 1], [9]]]) {
    const found = zoneOf(`${all},std`, pieces);
    expect(found.slice(0, -1)).toEqual([4, 0, 15, 3.75, 1, 9, 8, 2.5, 1, 1, 4, 3, 1, 9, 8.625]);
    expect(found.at(-1)).toBeCloseTo(3.2691742, 6);
    expect(zoneOf('std,sum', pieces)).toEqual([found.at(-1), 15]);
  }
  for (const pieces of [[[1, 2, 3]], [[1], [2, 3]]])
    expect(zoneOf('count,mean,median,p95', pieces, [0.25, 0.5, 0.25])).toEqual([1, 2, 2, 3]);
  expect(zoneOf('median,p25,p80', [[5, 1, 3, 2]], [1, 0.5, 1, 0.25])).toEqual([3, 2, 5]);
  expect(zoneOf('count,nodata,mean,median,variety,histogram', [])).toEqual([0, 0, NaN, NaN, NaN, NaN]);
});

test('histograms: values as they are, and bins as numpy has them', () => {
  const values = [3, -2, 3, 0.1, 0.3, 0.7, 1, 0, 1.5, -0];
  const of = (weights?: Float32Array, bins?: { from: number; to: number; count: number }): unknown => {
    const zone = emptyZone(['histogram'], bins);
    growZone(zone, Float64Array.from(values), weights, values.length);
    return histogramOfZone(zone);
  };
  expect(of()).toBe('{"-2":1,"0":2,"0.1":1,"0.3":1,"0.7":1,"1":1,"1.5":1,"3":2}');
  expect(of(new Float32Array(10).fill(0.5))).toMatch(/^\{"-2":0.5,"0":1,/);
  // 0.3 and 0.7 lie a bit before the edges that steps of 0.1 make.
  expect(JSON.parse(of(undefined, { from: 0, to: 1, count: 10 }) as string)).toEqual({
    from: 0,
    to: 1,
    counts: [2, 1, 1, 0, 0, 0, 1, 0, 0, 1],
    below: 1,
    above: 3,
  });
});

test('systems that nobody knows, places beyond all bounds, names that every object has', async () => {
  const ring = (x: number, y: number, size = 50) => [
    [x, y],
    [x + size, y],
    [x + size, y - size],
    [x, y - size],
    [x, y],
  ];
  const fileOf = (name: string | undefined, ...rings: number[][][]) =>
    parseGeoJson(
      Buffer.from(
        JSON.stringify({
          type: 'FeatureCollection',
          ...(name === undefined ? {} : { crs: { type: 'name', properties: { name } } }),
          features: rings.map((one, i) => ({
            type: 'Feature',
            properties: i === 0 ? { constructor: 1, toString: null } : i === 1 ? 'text' : {},
            geometry: { type: 'Polygon', coordinates: [one] },
          })),
        }),
      ),
      'x.geojson',
    );
  const raster = {
    width: 100,
    height: 100,
    transform: [10, 0, 500_000, 0, -10, 5_000_000],
    crs: await epsgKeys(32633),
  };
  const place = (file: PolygonFile, placing: 'auto' | 'lonlat' = 'auto') =>
    placePolygons(file, raster as never, placing, 'x.geojson');
  for (const name of ['ESRI:54009', 'local', `urn:ogc:def:crs:EPSG::${'9'.repeat(400)}`])
    await expect(place(fileOf(name, ring(500_100, 4_999_900)))).rejects.toThrow(
      /^polygons: the system ".{1,90}" of x.geojson is none that is known .* or tell with --placing/,
    );
  // Metres are no degrees.
  const metres = fileOf(undefined, ring(500_100, 4_999_900));
  const { polygons } = metres.features[0]!;
  expect((await place(metres, 'lonlat')).ringsOf(polygons)).toEqual([]);
  expect((await place(metres)).ringsOf(polygons)).toHaveLength(1);
  const wide = fileOf(undefined, ring(0, 0), ring(1e306, 5), ring(3, 3), ring(9, 9));
  for (const file of [wide, fileOf(undefined, ring(-1.7e308, 0), ring(0, 0), ring(1.7e308, 5), ring(9, 9))])
    expect([...orderOf(file)].toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3]);
  const lines: string[] = [];
  await writeZoneTable('csv', wide, [], {
    write: async (bytes) => void lines.push(Buffer.from(bytes).toString()),
  });
  expect(lines.join('')).toBe('feature,constructor,toString\n0,1,\n1,,\n2,,\n3,,\n');
});
