/** STAC: items are valid by the published schemas, and lie where PROJ says. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { crsOf } from '../geospatial/formats/crs.ts';
import type { GeoKeys } from '../geospatial/formats/geokeys.ts';
import { toLonLat } from '../geospatial/formats/lonlat.ts';
import { catalog } from '../geospatial/jobs/catalog.ts';
import { footprintOf } from '../geospatial/stac/item.ts';
import { onlyFile } from './cloudjobs.ts';
import { gdal, gdalMissing } from './gdal.ts';
import { lasFile } from './lasfile.ts';
import { schemaErrors } from './schemas.ts';
import { shared } from './shared.ts';

const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
const geospatial = join(folder ?? '', 'data/geospatial');

type Feature = {
  id: string;
  geometry: null | { coordinates: [number, number][][] };
  bbox?: number[];
  properties: { [name: string]: unknown };
  assets: { data: { href: string } };
};
type Clouds = { [name: string]: Uint8Array };
const featuresOf = async (clouds: Clouds, params = {}): Promise<Feature[]> => {
  const text = Buffer.from(await onlyFile(catalog, clouds, params)).toString();
  return (JSON.parse(text) as { features: Feature[] }).features;
};

const points = [0, 5, 10].map((at) => ({ x: at, y: at, z: 1 }));

test('headers say when; names are told apart; hrefs begin with the base', async () => {
  const some = lasFile(points, { minor: 4, pdrf: 7 });
  const dated = (day: number, year: number): Uint8Array => {
    const bytes = Buffer.from(some);
    bytes.writeUInt16LE(day, 90);
    bytes.writeUInt16LE(year, 92);
    return bytes;
  };
  const clouds = { 'a b.las': dated(60, 2024), 'a_b.las': dated(60, 2023), 'c.las': dated(0, 0) };
  const given = { base: '.', datetime: '2001-02-03T04:05:06Z' };
  const told = await featuresOf(clouds, given);
  const parts = await onlyFile(catalog, clouds, given, { split: 1 });
  expect(Buffer.compare(parts, await onlyFile(catalog, clouds, given))).toBe(0);
  expect(told.map(({ id }) => id)).toEqual(['a_b', 'a_b-2', 'c']);
  expect(told.map(({ assets }) => assets.data.href)).toEqual(['./a b.las', './a_b.las', './c.las']);
  expect(told.map(({ properties }) => properties['datetime'])).toEqual([
    '2024-02-29T00:00:00Z',
    '2023-03-01T00:00:00Z',
    '2001-02-03T04:05:06Z',
  ]);
  const [unsaid] = await featuresOf({ 'c.las': dated(0, 0) });
  expect(unsaid!.properties).toMatchObject({
    datetime: null,
    start_datetime: '0001-01-01T00:00:00Z',
    end_datetime: '9999-12-31T23:59:59Z',
    'pc:count': 3,
    'pc:density': 0.03,
  });
  expect(unsaid!.geometry).toBeNull();
  expect(unsaid).not.toHaveProperty('bbox');
});

const keysOf = (epsg: number, isGeographic = false): GeoKeys => {
  const [model, type] = isGeographic ? [2, 2048] : [1, 3072];
  const directory = Uint16Array.of(1, 1, 0, 3, 1024, 0, 1, model, 1025, 0, 1, 1, type, 0, 1, epsg);
  return crsOf({ wktBit: false, keys: { directory, doubles: new Float64Array(), ascii: '' } }).keys!;
};

test.skipIf(gdalMissing)('PROJ puts places of many systems where we do, old datums aside', async () => {
  const codes = [
    2154, 2180, 2193, 2263, 2903, 2949, 2991, 3005, 3006, 3031, 3035, 3067, 3346, 3395, 3413, 3857, 5514,
    6339, 6580, 25829, 25832, 26917, 27700, 28355, 28992, 31370, 31467, 32633, 32733,
  ];
  // The middle of each system's area, and how far PROJ's places are there.
  type Place = { x: number; y: number; lon: number; lat: number };
  const places = gdal<Place[]>(
    `out = []
for code in given:
    s = osr.SpatialReference(); s.ImportFromEPSG(code); s.SetAxisMappingStrategy(0)
    w = osr.SpatialReference(); w.ImportFromEPSG(4326); w.SetAxisMappingStrategy(0)
    a = s.GetAreaOfUse()
    lon, lat = (a.west_lon_degree + a.east_lon_degree) / 2, (a.south_lat_degree + a.north_lat_degree) / 2
    x, y, _ = osr.CoordinateTransformation(w, s).TransformPoint(lon, lat)
    lon, lat, _ = osr.CoordinateTransformation(s, w).TransformPoint(x, y)
    out.append(dict(x=x, y=y, lon=lon, lat=lat))
print(json.dumps(out))`,
    codes,
  );
  for (const [i, code] of codes.entries()) {
    const { x, y, lon, lat } = places[i]!;
    const way = await toLonLat(keysOf(code));
    const [ownLon, ownLat] = way!(x, y);
    const apart = 111_000 * Math.hypot((ownLon - lon) * Math.cos((lat * Math.PI) / 180), ownLat - lat);
    const isOld = [5514, 27700, 28992, 31370, 31467].includes(code);
    expect([code, apart < (isOld ? 200 : 2) ? 'near' : apart]).toEqual([code, 'near']);
  }
});

test('a box that is nowhere on Earth, or of a system nobody knows, has no geometry', async () => {
  const box = { minX: 515_368, minY: 4_918_340, maxX: 515_401, maxY: 4_918_381 };
  const degrees = keysOf(4326, true);
  expect((await footprintOf(box, degrees)).geometry).toBeNull();
  expect((await footprintOf(box, keysOf(1025))).geometry).toBeNull();
  expect((await footprintOf(box, null)).properties).toMatchObject({ 'proj:code': null });
  const ring = { minX: 5, minY: 50, maxX: 6, maxY: 51 };
  expect(await footprintOf(ring, degrees)).toMatchObject({
    bbox: [5, 50, 6, 51],
    geometry: {
      coordinates: [
        [
          [5, 50],
          [6, 50],
          [6, 51],
          [5, 51],
          [5, 50],
        ],
      ],
    },
  });
});

describe.skipIf(!folder)('real clouds', () => {
  const lidar = join(geospatial, 'lidar');
  const read = (path: string): Uint8Array => readFileSync(join(lidar, path));

  test('every readable one is a valid item', async () => {
    const paths = (readdirSync(lidar, { recursive: true }) as string[]).filter(
      (path) => /\.la[sz]$/.test(path) && !path.startsWith('corrupt'),
    );
    expect(paths.length).toBeGreaterThan(30);
    const clouds = Object.fromEntries(paths.map((path) => [path.replaceAll('/', '-'), read(path)]));
    const told = await featuresOf(clouds);
    expect(told).toHaveLength(paths.length);
    for (const item of told) expect([item.id, schemaErrors(item, 'item')]).toEqual([item.id, []]);
    // A planted fault is seen.
    const { datetime: _, ...rest } = told[0]!.properties;
    const planted = [rest, { ...told[0]!.properties, 'pc:count': -1 }, { ...rest, 'proj:bbox': [1] }];
    for (const properties of planted)
      expect(schemaErrors({ ...told[0]!, properties }, 'item')).not.toEqual([]);
  }, 60_000);

  test('the virtual cloud that PDAL wrote has the same places, counts and dimensions', async () => {
    const names = ['bcts_1', 'bcts_2'];
    const own = await featuresOf(
      Object.fromEntries(names.map((name) => [`${name}.laz`, read(`bcts/${name}.laz`)])),
    );
    const theirs = (JSON.parse(Buffer.from(read('bcts/bcts.vpc')).toString()) as { features: Feature[] })
      .features;
    for (const [i, { id, properties, geometry }] of own.entries()) {
      const other = theirs.find((one) => one.id === names[i])!;
      expect(id).toBe(other.id);
      for (const name of ['pc:count', 'pc:schemas']) expect(properties[name]).toEqual(other.properties[name]);
      const corners = other.geometry!.coordinates[0]!.map(([lon, lat]) => [lon, lat]);
      for (const corner of geometry!.coordinates[0]!) {
        const near = corners.filter(
          ([lon, lat]) => Math.abs(lon! - corner[0]) < 2e-9 && Math.abs(lat! - corner[1]) < 2e-9,
        );
        expect(near.length).toBeGreaterThan(0);
      }
    }
  });
});
