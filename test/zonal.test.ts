/** satellite/zonal: statistics as rasterstats has them, the same for any cut; and pipelines/biomass, which ends in them. */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { afterAll, describe, expect, test } from 'vitest';
import { encodeTile, writeCog, type Raster } from '../geospatial/formats/cog.ts';
import { levels } from '../geospatial/kernels/pyramid.ts';
import { zonal } from '../geospatial/jobs/zonal.ts';
import type { Rule } from '../geospatial/kernels/coverage.ts';
import { parseArguments } from '../pipelines/arguments.ts';
import { servermix } from './command.ts';
import { gdal, gdalMissing } from './gdal.ts';
import { shared } from './shared.ts';
import { dataset, runJob } from './stage.ts';
import { generate } from './generate.ts';
import { stars } from './stars.ts';

const work = mkdtempSync(join(tmpdir(), 'zonal-'));
afterAll(() => rmSync(work, { recursive: true }));
const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
const geospatial = join(folder ?? '', 'data/geospatial');

/** A raster of 1200 by 700 cells of 2 with gaps, and polygons over it, some of them beside it. */
async function scene(): Promise<{ raster: string; polygons: string }> {
  const raster: Raster = {
    width: 1200,
    height: 700,
    transform: [2, 0, 5000, 0, -2, 9000],
    side: 512,
    bands: [{}],
    type: 'Float32',
    nodata: -9999,
  };
  const tiles = levels(raster).map(({ columns, rows }, level) =>
    Array.from({ length: columns * rows }, (_, k) => {
      const tile = new Float32Array(512 * 512).fill(-9999);
      if (level === 0)
        for (let i = 0; i < tile.length; i++) {
          const [x, y] = [
            (k % columns) * 512 + (i % 512),
            Math.floor(k / columns) * 512 + Math.floor(i / 512),
          ];
          if (x < 1200 && y < 700 && (x * 7 + y) % 50 !== 0)
            tile[i] = Math.fround(Math.sin(x / 30) * 20 + y / 10);
        }
      return encodeTile(tile);
    }),
  );
  const blocks: Uint8Array[] = [];
  await writeCog(
    { write: async (bytes) => void blocks.push(bytes) },
    raster,
    tiles.map((some) => Uint32Array.from(some, ({ length }) => length)),
    async (level, index) => tiles[level]![index]!,
  );
  const path = join(work, 'scene.tif');
  writeFileSync(path, Buffer.concat(blocks));
  const features = stars(70, 11).map((ring, i) => ({
    type: 'Feature',
    properties: { name: `plot "${i}", a`, kind: i % 3 },
    geometry: { type: 'Polygon', coordinates: [ring.map(([x, y]) => [5000 + 12 * x, 9000 - 7 * y])] },
  }));
  const polygons = join(work, 'scene.geojson');
  writeFileSync(polygons, JSON.stringify({ type: 'FeatureCollection', features }));
  return { raster: path, polygons };
}

describe('the job', () => {
  const table = async (given: { [name: string]: string }, how = {}): Promise<string> => {
    const { raster, polygons } = await scene();
    const inputs = { raster: [await dataset(raster)], polygons: [await dataset(polygons)] };
    return Buffer.from((await runJob(zonal, inputs, given, how)).files.get('')!).toString();
  };

  test.each(['centre', 'touched', 'fraction'] as const)('%s: any cut, the same text', async (rule: Rule) => {
    const stats = 'count,nodata,mean,median,p90,std,majority';
    const whole = await table({ rule, stats });
    for (const how of [{ split: 1, arity: 2 }, { split: 20_000 }])
      expect(await table({ rule, stats }, how)).toBe(whole);
    const [head, first, ...rest] = whole.trimEnd().split('\n');
    expect(head).toBe('feature,name,kind,count,nodata,mean,median,p90,std,majority');
    expect(first).toMatch(/^0,"plot ""0"", a",0,[\d.]+,\d+,/);
    expect(rest).toHaveLength(69);
    // Features keep their geometry and get numbers.
    const { features } = JSON.parse(await table({ rule, stats, format: 'geojson' })) as {
      features: { properties: { [name: string]: number }; geometry: { type: string } }[];
    };
    expect(String(features[0]!.properties['mean'])).toBe(
      /,([^,]*),[^,]*,[^,]*,[^,]*,[^,]*$/.exec(first!)![1],
    );
    expect(features[0]!.geometry.type).toBe('Polygon');
  });

  test('rasters and bands beside each other, as CSV, GeoJSON and Parquet', async () => {
    const { raster, polygons } = await scene();
    const twin = join(work, 'twin.tif');
    copyFileSync(raster, twin);
    const inputs = {
      raster: [await dataset(raster), await dataset(twin)],
      polygons: [await dataset(polygons)],
    };
    const given = { stats: 'count,mean,histogram', bins: 4, range: '-20,90', prefix: 'z_', rule: 'touched' };
    const bytes = async (more: object, how = {}): Promise<Buffer> =>
      Buffer.from((await runJob(zonal, inputs, { ...given, ...more }, how)).files.get('')!);
    const parquet = await bytes({ format: 'parquet' });
    expect(await bytes({ format: 'parquet' }, { split: 30_000 })).toEqual(parquet);
    const file = parquet.buffer.slice(parquet.byteOffset, parquet.byteOffset + parquet.length) as ArrayBuffer;
    const names = [
      'feature',
      'name',
      'kind',
      'z_scene_count',
      'z_scene_mean',
      'z_scene_histogram',
      'z_twin_count',
      'z_twin_mean',
      'z_twin_histogram',
      'geometry',
    ];
    const { schema, key_value_metadata: notes } = parquetMetadata(file);
    expect(schema.slice(1).map(({ name }) => name)).toEqual(names);
    expect(schema.slice(1).map(({ type }) => type)).toEqual(
      'INT64 BYTE_ARRAY INT64 INT64 DOUBLE BYTE_ARRAY INT64 DOUBLE BYTE_ARRAY BYTE_ARRAY'.split(' '),
    );
    expect(JSON.parse(notes!.find(({ key }) => key === 'geo')!.value!)).toMatchObject({
      version: '1.1.0',
      primary_column: 'geometry',
      columns: { geometry: { encoding: 'WKB', geometry_types: ['Polygon'] } },
    });
    const rows = await parquetReadObjects({ file });
    const { features } = JSON.parse((await bytes({ format: 'geojson' })).toString()) as {
      features: { properties: { [name: string]: unknown }; geometry: { coordinates: number[][][] } }[];
    };
    const csv = (await bytes({ format: 'csv' })).toString().trimEnd().split('\n');
    expect(csv[0]).toBe(names.slice(0, -1).join(','));
    type Histogram = { counts: number[]; below: number; above: number };
    for (const [i, { properties, geometry }] of features.entries()) {
      const { feature, geometry: own, ...row } = rows[i]!;
      expect([i, Number(feature)]).toEqual([i, i]);
      for (const [name, value] of Object.entries(row))
        expect([i, name, typeof value === 'bigint' ? Number(value) : value]).toEqual([
          i,
          name,
          properties[name],
        ]);
      expect((own as { coordinates: unknown }).coordinates).toEqual(geometry.coordinates);
      const { counts, below, above } = properties['z_scene_histogram'] as Histogram;
      expect(counts.reduce((a, b) => a + b, below + above)).toBe(properties['z_scene_count']);
      expect(properties['z_twin_mean']).toBe(properties['z_scene_mean']);
      expect(
        csv[i + 1]!.startsWith(`${i},"plot ""${i}"", a",${i % 3},${String(properties['z_scene_count'])},`),
      ).toBe(true);
    }
    await expect(bytes({ band: [1, 2] })).rejects.toThrow(/^GeoTIFF: found 1 bands in .*, expected band 2; /);
    await expect(bytes({ range: '' })).rejects.toThrow(
      /^--bins 4 --range nothing: expected a count and a range/,
    );
    await expect(bytes({ bins: 0, range: '' })).rejects.toThrow(
      /^histogram: feature \d+ of .* has \d+ values, expected 1000 at most; give bins, /,
    );
  });

  test.skipIf(gdalMissing)(
    "polygons of another system are brought to the raster's, whatever file they come in",
    async () => {
      // No middle of a cell lies on a side.
      const square = [
        [500_103.1, 5_000_101.7],
        [500_907.3, 5_000_153.9],
        [500_851.7, 5_000_808.3],
        [500_121.9, 5_000_767.1],
      ];
      const made = gdal<number>(
        `from osgeo import ogr
w = given['work']
s = osr.SpatialReference(); s.ImportFromEPSG(32633)
d = gdal.GetDriverByName('GTiff').Create(w + '/utm.tif', 100, 100, 2, gdal.GDT_Int16, ['INTERLEAVE=PIXEL'])
d.SetGeoTransform((500000, 10, 0, 5001000, 0, -10)); d.SetProjection(s.ExportToWkt())
a = np.arange(10000).reshape(100, 100) % 7
d.GetRasterBand(1).WriteArray(a); d.GetRasterBand(2).WriteArray(-a); d = None
m = ogr.GetDriverByName('FlatGeobuf').CreateDataSource(w + '/utm.fgb'); l = m.CreateLayer('p', s, ogr.wkbPolygon)
ring = given['square'] + given['square'][:1]
f = ogr.Feature(l.GetLayerDefn()); f.SetGeometry(ogr.CreateGeometryFromWkt('POLYGON((' + ','.join(f'{x} {y}' for x, y in ring) + '))')); l.CreateFeature(f)
m = None
for name, format, code in (('laea.gpkg', 'GPKG', 3035), ('near.fgb', 'FlatGeobuf', 32632), ('degrees.geojson', 'GeoJSON', 4326), ('mercator.geojson', 'GeoJSON', 3857)):
    gdal.VectorTranslate(w + '/' + name, w + '/utm.fgb', format=format, dstSRS=f'EPSG:{code}', reproject=True, layerCreationOptions=['COORDINATE_PRECISION=12'] if format == 'GeoJSON' else [])
print(1)`,
        { work, square },
      );
      expect(made).toBe(1);
      const found = async (name: string): Promise<string[]> => {
        const inputs = {
          raster: [await dataset(join(work, 'utm.tif'))],
          polygons: [await dataset(join(work, name))],
        };
        const given = { stats: 'count,sum,histogram', band: [1, 2] };
        const { files } = await runJob(zonal, inputs, given);
        return Buffer.from(files.get('')!).toString().trimEnd().split('\n');
      };
      const own = await found('utm.fgb');
      expect(own[0]).toBe('feature,b1_count,b1_sum,b1_histogram,b2_count,b2_sum,b2_histogram');
      const [, count, sum] = own[1]!.split(',').map(Number) as [number, number, number];
      expect(count).toBeGreaterThan(4500);
      expect(own[1]).toMatch(
        new RegExp(`^0,${count},${sum},"\\{""0"":\\d+,.*""6"":\\d+\\}",${count},-${sum},"\\{""-6""`),
      );
      for (const name of ['laea.gpkg', 'near.fgb', 'degrees.geojson', 'mercator.geojson'])
        expect([name, (await found(name))[1]]).toEqual([name, own[1]]);
    },
  );

  test('what is in degrees and cannot be placed is refused in a line', async () => {
    await expect(table({ placing: 'lonlat' })).rejects.toThrow(
      /^polygons: .* is in degrees, and the raster's system is none that is known; .*--placing raster$/,
    );
  });
});

describe.skipIf(!folder)('goldens', () => {
  type Row = { [column: string]: string };
  const rowsOf = (text: string): Row[] => {
    const [head, ...lines] = text.trimEnd().split(/\r?\n/);
    return lines.map((line) =>
      Object.fromEntries(line.split(',').map((cell, i) => [head!.split(',')[i]!, cell])),
    );
  };
  const compare = async (raster: string, polygons: string, expected: string): Promise<void> => {
    const golden = rowsOf(readFileSync(join(geospatial, 'expected/zonal', expected), 'utf8'));
    const inputs = { raster: [await dataset(join(geospatial, raster))], polygons: [await dataset(polygons)] };
    for (const [rule, prefix] of [
      ['centre', 'c_'],
      ['touched', 't_'],
    ] as const) {
      const text = Buffer.from(
        (await runJob(zonal, inputs, { rule, format: 'geojson' })).files.get('')!,
      ).toString();
      const { features } = JSON.parse(text) as { features: { properties: { [name: string]: number } }[] };
      expect(features).toHaveLength(golden.length);
      for (const [i, { properties }] of features.entries()) {
        expect([i, properties['count']]).toEqual([i, Number(golden[i]![`${prefix}count`])]);
        for (const name of ['mean', 'min', 'max', 'std', 'sum', 'median']) {
          const value = Number(golden[i]![prefix + name]);
          expect(Math.abs(properties[name]! - value)).toBeLessThan(1e-6 * Math.max(1, Math.abs(value)));
        }
      }
    }
  };

  test('buildings in degrees on a raster in metres', () =>
    compare(
      'satellite/lidar_rasters/hag.tif',
      join(geospatial, 'satellite/lidar_rasters/buildings.geojson'),
      'buildings_hag.csv',
    ));

  const hasOgr = spawnSync('ogr2ogr', ['--version']).status === 0;
  const converted = (path: string): string => {
    const out = join(work, `${path.replaceAll('/', '_')}.geojson`);
    spawnSync('ogr2ogr', ['-f', 'GeoJSON', '-lco', 'COORDINATE_PRECISION=15', out, join(geospatial, path)]);
    return out;
  };
  test.skipIf(!hasOgr)('glaciers on a raster in degrees', () =>
    compare(
      'satellite/dem/srtm_oetztal.tif',
      converted('satellite/dem/rgi_oetztal.shp'),
      'oetztal_glaciers.csv',
    ),
  );
  test.skipIf(!hasOgr)('rasterstats counts 75 cells, mean 14.6600846', async () => {
    const raster = join(geospatial, 'satellite/zonal/rasterstats/slope.tif');
    const polygons = converted('satellite/zonal/rasterstats/polygons.shp');
    const inputs = { raster: [await dataset(raster)], polygons: [await dataset(polygons)] };
    const { files } = await runJob(zonal, inputs, { placing: 'raster', stats: 'count,mean' });
    const [first] = rowsOf(Buffer.from(files.get('')!).toString());
    expect(Number(first!['count'])).toBe(75);
    expect(Number(first!['mean'])).toBeCloseTo(14.660084635416666, 5);
  });
});

test('pipelines/biomass: plots of a made wood, the same as job by job', async () => {
  mkdirSync(join(work, 'made'));
  await generate('synthetic/terrain', join(work, 'made'), { points: 40_000 });
  const points = `made/${readdirSync(join(work, 'made')).find((name) => name.endsWith('.las'))!}`;
  const square = (x: number, y: number): number[][] => [
    [x, y],
    [x + 20, y],
    [x + 20, y + 20],
    [x, y + 20],
    [x, y],
  ];
  const geometry = {
    type: 'MultiPolygon',
    coordinates: [[square(450_010, 4_600_010)], [square(450_040, 4_600_040)]],
  };
  writeFileSync(
    join(work, 'plots.geojson'),
    JSON.stringify({ type: 'Feature', properties: { plot: 7 }, geometry }),
  );
  const run = await servermix(
    ['run', 'pipelines/biomass', '--points', points, '--polygons', 'plots.geojson', '--out', 'stand'],
    work,
  );
  expect(run).toMatchObject({ code: 0 });
  expect(run.stderr).toMatch(/\n3 done; in stand\/\n$/);
  expect(readdirSync(join(work, 'stand')).sort()).toEqual(['canopy.tif', 'ground.laz', 'plots.csv']);
  const csv = readFileSync(join(work, 'stand/plots.csv'), 'utf8');
  expect(csv).toMatch(/^feature,plot,count,nodata,mean,max,std,p25,p50,p75,p95\n0,7,\d+,\d+,/);
  const alone = await servermix(
    [
      'run',
      'satellite/zonal',
      '--raster',
      'stand/canopy.tif',
      '--polygons',
      'plots.geojson',
      '--stats',
      'count,nodata,mean,max,std,p25,p50,p75,p95',
    ],
    work,
  );
  expect(alone.stdout).toBe(csv);
  const [, , count, nodata] = csv.split('\n')[1]!.split(',').map(Number) as [number, number, number, number];
  expect(count + nodata).toBe(800);
  // Polygons are the last step's: bad ones are told before the first.
  for (const command of ['run', 'plan']) {
    const args = [command, 'pipelines/biomass', '--points', points, '--polygons', points];
    const bad = await servermix([...args, '--out', 'bad'], work);
    expect(bad).toMatchObject({ code: 3, stdout: '' });
    expect(bad.stderr).toMatch(/^servermix: GeoJSON: no JSON in .*, expected polygons; .*\n$/);
    expect(readdirSync(work)).not.toContain('bad');
  }
});

test('the ending of --out says the format, unless --format does', async () => {
  const formatOf = async (...more: string[]): Promise<unknown> => {
    const given = await parseArguments('run', zonal, ['--raster', 'a.tif', '--polygons', 'b.fgb', ...more]);
    return given!.params['format'];
  };
  expect(await formatOf('--out', 'x.parquet')).toBe('parquet');
  expect(await formatOf('--out', 'x.GeoJSON')).toBe('geojson');
  expect(await formatOf('--out', 'x.parquet', '--format', 'csv')).toBe('csv');
  for (const out of ['x.txt', 'parquet', 'x.parquet/y']) expect(await formatOf('--out', out)).toBe('csv');
});
