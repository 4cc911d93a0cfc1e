/** Polygons of GeoJSON, FlatGeobuf and GeoPackage: what GDAL wrote reads back, and what is broken is told in a line. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { BadInput } from '../core/errors.ts';
import { type PolygonFile, readPolygons } from '../geospatial/formats/polygons.ts';
import { pendingNote } from '../geospatial/formats/geopackage.ts';
import { openSqlite } from '../geospatial/formats/sqlite.ts';
import { columnsOf } from '../geospatial/formats/sqlitecolumns.ts';
import { polygonsOfWkb, wkbOf } from '../geospatial/formats/wkb.ts';
import { gdal, gdalMissing } from './gdal.ts';
import { random } from './lasfile.ts';

const work = mkdtempSync(join(tmpdir(), 'polygons-'));
afterAll(() => rmSync(work, { recursive: true }));

const read = (bytes: Uint8Array): Promise<PolygonFile> =>
  readPolygons({ size: bytes.length, read: async (start, end) => bytes.subarray(start, end) }, { uri: 'x' });
/** As they stand, place by place, so that files compare. */
const plain = ({ features, crs, others }: PolygonFile) => ({
  crs: crs?.epsg,
  others,
  rows: features.map(({ properties, polygons }) => ({
    ...properties,
    polygons: polygons.map((rings) => rings.map((ring) => [...ring])),
  })),
});

const square = (x: number, y: number, side: number, z?: number): number[][] =>
  [
    [x, y],
    [x + side, y],
    [x + side, y + side],
    [x, y + side],
    [x, y],
  ].map((place) => (z === undefined ? place : [...place, z]));
const geometries = [
  { type: 'Polygon', coordinates: [square(0, 0, 10), square(2, 2, 3).toReversed(), square(6, 6, 1)] },
  { type: 'MultiPolygon', coordinates: [[square(20, 0, 4), square(21, 1, 1)], [square(30, 0, 4)]] },
  { type: 'Polygon', coordinates: [square(40, 0, 5, 7)] },
  null,
  { type: 'Polygon', coordinates: [square(50, 0, 5).toReversed()] },
];
const collection = {
  type: 'FeatureCollection',
  crs: { type: 'name', properties: { name: 'urn:ogc:def:crs:EPSG::32633' } },
  features: geometries.map((geometry, i) => ({
    type: 'Feature',
    properties: {
      name: i === 2 ? null : `field "${i}", é`,
      kind: i - 2,
      size: i * 1.5,
      big: 3_000_000_000 * i,
    },
    geometry,
  })),
};
const made = join(work, 'made.geojson');
writeFileSync(made, JSON.stringify(collection));

/** What GDAL makes of them. */
const written: { readonly [name: string]: readonly [format: string, options: readonly string[]] } = {
  'index.fgb': [
    'FlatGeobuf',
    ['-lco', 'SPATIAL_INDEX=YES', '-nlt', 'MULTIPOLYGON25D', '-where', 'kind <> 1'],
  ],
  'plain.fgb': ['FlatGeobuf', ['-lco', 'SPATIAL_INDEX=NO']],
  'plain.gpkg': ['GPKG', []],
  'promoted.gpkg': [
    'GPKG',
    ['-nlt', 'MULTIPOLYGON', '-lco', 'GEOMETRY_NAME=the "place"', '-lco', 'SPATIAL_INDEX=NO'],
  ],
};
const bytesOf = (name: string): Buffer => {
  const [format, options] = written[name]!;
  const path = join(work, name);
  const run = spawnSync('ogr2ogr', ['-f', format, ...options, path, made], { encoding: 'utf8' });
  expect(run.status, run.stderr).toBe(0);
  return readFileSync(path);
};

describe.skipIf(gdalMissing)('as GDAL writes them', () => {
  test('holes, several parts, heights, rings of any turn, no geometry, and properties', async () => {
    const expected = plain(await read(readFileSync(made)));
    expect(expected).toMatchObject({ crs: 32633, others: 0 });
    expect(expected.rows).toHaveLength(5);
    expect(expected.rows[3]!.polygons).toEqual([]);
    for (const name of ['plain.fgb', 'plain.gpkg', 'promoted.gpkg']) {
      const found = plain(await read(bytesOf(name)));
      // FlatGeobuf has no entry for what is null, and GDAL no row there without a geometry.
      const isFlat = name.endsWith('fgb');
      for (const row of found.rows) if (!('name' in row)) Object.assign(row, { name: null });
      const rows = expected.rows.filter(({ polygons }) => !isFlat || polygons.length > 0);
      expect([name, found]).toEqual([name, { ...expected, rows }]);
    }
    const indexed = plain(await read(bytesOf('index.fgb')));
    expect(
      indexed.rows.map((row) => (row as unknown as { kind: number }).kind).toSorted((a, b) => a - b),
    ).toEqual([-2, -1, 0, 2]);
  });

  test('many features: pages of a tree, long records, columns added later', async () => {
    const many = gdal<number[]>(
      `from osgeo import ogr
import sqlite3
s = osr.SpatialReference(); s.ImportFromEPSG(25832)
path = given['work'] + '/many.gpkg'
d = ogr.GetDriverByName('GPKG').CreateDataSource(path)
l = d.CreateLayer('p', s, ogr.wkbPolygon); l.CreateField(ogr.FieldDefn('note', ogr.OFTString))
d.StartTransaction()
for i in range(3000):
    n = 4 if i % 500 else 2000
    w = ','.join(f'{i + np.cos(k / n * 2 * np.pi)!r} {np.sin(k / n * 2 * np.pi)!r}' for k in range(n))
    f = ogr.Feature(l.GetLayerDefn()); f.SetField(0, 'é' * (i % 40))
    g = ogr.CreateGeometryFromWkt('POLYGON((' + w + '))'); g.CloseRings(); f.SetGeometry(g); l.CreateFeature(f)
d.CommitTransaction(); d = None
c = sqlite3.connect(path); c.execute("ALTER TABLE p ADD COLUMN late INTEGER DEFAULT 5"); c.execute("DELETE FROM p WHERE fid % 7 = 0"); c.commit(); c.close()
d = ogr.Open(path); out = [f.GetFID() for f in d.GetLayer()]
print(json.dumps(out))`,
      { work },
    );
    const { features, crs, columns } = await read(readFileSync(join(work, 'many.gpkg')));
    expect(crs).toMatchObject({ epsg: 25832 });
    expect(columns).toEqual(['note', 'late']);
    expect(features).toHaveLength(many.length);
    for (const [k, fid] of many.entries()) {
      const i = fid - 1;
      const { properties, polygons } = features[k]!;
      expect(properties).toEqual({ note: 'é'.repeat(i % 40), late: 5 });
      expect(polygons[0]![0]!.length).toBe(2 * (i % 500 ? 5 : 2001));
      expect(polygons[0]![0]![0]).toBe(i + 1);
    }
  });

  test('a file cut short anywhere, or changed, is one line', async () => {
    const next = random(5);
    for (const name of ['plain.fgb', 'index.fgb', 'plain.gpkg']) {
      const whole = Buffer.from(bytesOf(name));
      const fails = async (bytes: Uint8Array, mustFail: boolean): Promise<number> => {
        try {
          await read(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(BadInput);
          expect((error as Error).message).toMatch(
            /^(FlatGeobuf|GeoPackage|GeoJSON|polygons): [^\n]* in x[^\n]*$/,
          );
          return 1;
        }
        expect([name, bytes.length, mustFail]).toEqual([name, bytes.length, false]);
        return 0;
      };
      const isTable = name.endsWith('gpkg');
      for (let end = 0; end < whole.length; end += isTable ? 997 : 1) {
        // Pages behind the last one that is looked at may be gone.
        await fails(whole.subarray(0, end), !isTable);
      }
      let told = 0;
      for (let n = 0; n < 300; n++) {
        const bytes = Buffer.from(whole);
        const from = isTable && n % 2 === 0 ? 8192 * Math.floor(next() * (whole.length / 8192)) : 0;
        for (let k = 0; k < 1 + (n % 3); k++)
          bytes[from + Math.floor(next() * (whole.length - from))] = Math.floor(256 * next());
        told += await fails(bytes, false);
      }
      expect(told).toBeGreaterThan(isTable ? 3 : 50);
    }
  });
});

test('columns of tables as people write them', () => {
  expect(
    columnsOf(
      `CREATE TABLE "a ""b""" (/* id */ fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, -- the key, really
       [geom] BLOB, \`x,y\` DECIMAL(10, 2) DEFAULT -1.5, "t" TEXT(20) DEFAULT 'it''s', flag BOOLEAN CHECK (flag IN (0, 1)), CONSTRAINT k UNIQUE (geom, t))`,
    ),
  ).toEqual([
    { name: 'fid', isRowId: true, otherwise: null },
    { name: 'geom', isRowId: false, otherwise: null },
    { name: 'x,y', isRowId: false, otherwise: -1.5 },
    { name: 't', isRowId: false, otherwise: "it's" },
    { name: 'flag', isRowId: false, otherwise: null },
  ]);
  const [a, b] = columnsOf('CREATE TABLE t(a TEXT, "b" INTEGER, PRIMARY KEY("b" AUTOINCREMENT))');
  expect([a!.isRowId, b!.isRowId]).toEqual([false, true]);
});

test('well-known binary: there and back, big-endian, heights, and what has no area', () => {
  const polygons = [
    [Float64Array.of(0, 0, 4, 0, 4, 4), Float64Array.of(1, 1, 2, 1, 2, 2)],
    [Float64Array.of(9, 9, 8, 9, 8, 8)],
  ];
  for (const some of [polygons, polygons.slice(1)]) expect(polygonsOfWkb(wkbOf(some))).toEqual(some);
  const point = Buffer.from('0101000000000000000000f03f0000000000000040', 'hex');
  expect(polygonsOfWkb(point)).toBeUndefined();
  const head = Buffer.from('010700000002000000', 'hex');
  expect(polygonsOfWkb(Buffer.concat([head, point, wkbOf(polygons.slice(1))]))).toEqual(polygons.slice(1));
  const big = Buffer.alloc(9 + 4 + 3 * 24);
  big.writeUInt32BE(1003, 1);
  big.writeUInt32BE(1, 5);
  big.writeUInt32BE(3, 9);
  [0, 0, 7, 4, 0, 7, 4, 4, 7].forEach((value, i) => big.writeDoubleBE(value, 13 + 8 * i));
  expect(polygonsOfWkb(big)).toEqual([[Float64Array.of(0, 0, 4, 0, 4, 4)]]);
  expect(() => polygonsOfWkb(big.subarray(0, 60))).toThrow(RangeError);
});

test('tables that are made to take long, or much memory', async () => {
  const begin = performance.now();
  for (const text of ['[', '/*', '"'])
    expect(() => columnsOf(`CREATE TABLE t(${text.repeat(2 ** 17)}`)).toThrow(RangeError);
  const columns = (count: number): string => Array.from({ length: count }, (_, i) => `c${i}`).join(',');
  expect(() => columnsOf(`CREATE TABLE t(${columns(2001)})`)).toThrow('a table of 2001 columns');
  expect(() => columnsOf(`CREATE TABLE t(${' '.repeat(2 ** 18)}a)`)).toThrow(/characters$/);
  expect(performance.now() - begin).toBeLessThan(5000);
  expect(
    columnsOf(
      'CREATE TABLE t(a, b INT GENERATED ALWAYS AS (a + 1) VIRTUAL, c AS (a), d INT AS (a) STORED, e DEFAULT (CAST(1 AS INT)))',
    ).map(({ name }) => name),
  ).toEqual(['a', 'd', 'e']);
});

test.skipIf(gdalMissing)('rows that have far fewer values than their table has columns', () => {
  const path = gdal<string>(
    `import sqlite3
path = given + '/wide.sqlite'
c = sqlite3.connect(path); c.execute('CREATE TABLE t(a)'); c.executemany('INSERT INTO t VALUES (?)', [(1,)] * 3000); c.commit()
c.execute('PRAGMA writable_schema=ON'); c.execute("UPDATE sqlite_master SET sql = ?", ['CREATE TABLE t(' + ','.join(f'c{i}' for i in range(1900)) + ')']); c.commit(); c.close()
print(json.dumps(path))`,
    work,
  );
  const file = openSqlite(readFileSync(path));
  expect(() => [...file.rows(file.tables.get('t')!)]).toThrow('rows of 1 values for 1900');
});

test('no JSON: why, in one line', async () => {
  for (const [text, reason] of [
    ['{"type":\n"FeatureCollection",\n}', 'Expected double-quoted property name'],
    ['PK\u0003\n\u001b', "Unexpected token 'P'"],
  ])
    await expect(read(Buffer.from(text!))).rejects.toThrow(
      new RegExp(`^GeoJSON: no JSON in x \\(${reason}[^\n"]*\\), expected polygons; write them as `),
    );
});

test('changes beside a GeoPackage that another program has open are told', async () => {
  const finding = (size: number) => ({ find: async (uri: string) => ({ uri, size, id: '', format: '' }) });
  expect(await pendingNote({ uri: 'a.gpkg' }, finding(4152))).toEqual([
    expect.stringMatching(/^a.gpkg-wal may have changes that are not in a.gpkg yet: /),
  ]);
  expect(await pendingNote({ uri: 'a.gpkg' }, finding(0))).toEqual([]);
  expect(await pendingNote({ uri: 'a.fgb' }, finding(9))).toEqual([]);
});
