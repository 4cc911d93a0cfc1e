/** satellite/catalog: items are valid by the published schemas, and lie, and hold, what GDAL says. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { inline } from '../core/backends/inline.ts';
import type { Catalog, Dataset } from '../core/job.ts';
import type { Json } from '../core/json.ts';
import { resolve } from '../core/params.ts';
import { memorySource } from './memorysource.ts';
import { memoryStore } from '../core/stores/memory.ts';
import { opener } from '../core/task.ts';
import { openRaster } from '../geospatial/formats/geotiff.ts';
import { imageCatalog } from '../geospatial/jobs/imagecatalog.ts';
import { rasterFacts } from '../geospatial/rasters/facts.ts';
import type { Place } from '../geospatial/stac/outline.ts';
import { readScenes } from '../geospatial/stac/scenes.ts';
import { gdal, gdalMissing } from './gdal.ts';
import { lasFile } from './lasfile.ts';
import { type Files, filesOf } from './laws.ts';
import { schemaErrors } from './schemas.ts';
import { shared } from './shared.ts';
import { tiffFile } from './tiffile.ts';

const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
const satellite = join(folder ?? '', 'data/geospatial/satellite');

type Named = { readonly [uri: string]: Uint8Array };
const catalog: Catalog = { names: [imageCatalog.name], load: async () => imageCatalog };

async function run(
  files: Named,
  given: { readonly [name: string]: Json } = {},
  cut: { split?: number; arity?: number } = {},
): Promise<Files> {
  const datasets = Object.entries(files).map(([uri, bytes]): Dataset => ({
    uri,
    format: /\.la[sz]$/.test(uri) ? 'las' : 'tif',
    id: `${uri} ${bytes.length}`,
    size: bytes.length,
  }));
  const rasters = datasets.filter(({ format }) => format === 'tif');
  const points = datasets.filter(({ format }) => format === 'las');
  const inputs = { ...(rasters.length > 0 && { rasters }), ...(points.length > 0 && { points }) };
  const store = memoryStore();
  const open = opener(store, async ({ uri }) => memorySource(files[uri]!));
  const runtime = { catalog, store, open, modules: new Map() };
  const planning = { open, find: async () => undefined, signal: new AbortController().signal };
  const host = { backend: inline(runtime), runtime, planning };
  const stage = { job: imageCatalog, inputs, params: resolve(imageCatalog.params, given) };
  return filesOf(stage, host, cut);
}

type Asset = { href: string; type: string; bands: { [name: string]: Json }[] } & { [name: string]: Json };
type Feature = {
  id: string;
  bbox?: number[];
  geometry: null | { type: string; coordinates: number[][][] };
  properties: { [name: string]: Json };
  assets: { [name: string]: Asset };
  stac_extensions: string[];
  links: { rel: string; href: string }[];
};
const parsed = <T>(bytes: Uint8Array | undefined): T => JSON.parse(Buffer.from(bytes!).toString()) as T;
const itemsOf = async (...args: Parameters<typeof run>): Promise<Feature[]> =>
  parsed<{ features: Feature[] }>((await run(...args)).get('')).features;

// The schemas of these two are not among the shared ones: what can be checked without them is.
const withoutSchema = /\/(eo|processing)\//;
const errorsOf = (item: Feature): string[] =>
  schemaErrors(
    { ...item, stac_extensions: item.stac_extensions.filter((name) => !withoutSchema.test(name)) },
    'item',
  );

const cells = Uint16Array.from({ length: 12 }, (_, i) => i);
const small = { width: 4, height: 3, cells };
const utm = { ...small, grid: [500_000, 5_000_000, 10] as const, epsg: 32_632 };

test('bands of a scene are one item; other files are items of their own; clouds follow', async () => {
  const scene = '/data/a/LC08_L1TP_013032_20180131';
  const files = {
    [`${scene}_B4.TIF`]: tiffFile(utm),
    [`${scene}_B8.TIF`]: tiffFile({
      ...utm,
      width: 12,
      cells: new Uint16Array(36),
      datetime: '2020:01:01 00:00:00',
    }),
    [`${scene}_BQA.TIF`]: tiffFile(utm),
    '/data/b/LC08_L1TP_013032_20180131_B4.TIF': tiffFile(utm),
    '/data/a/S2A_36QWD_20200701_0_L2A/B04.tif': tiffFile({ ...utm, nodata: '0' }),
    '/data/a/S2A_36QWD_20200701_0_L2A/B8A.tif': tiffFile({
      ...utm,
      metadata:
        '<GDALMetadata><Item name="SCALE" sample="0" role="scale">0.0001</Item><Item name="OFFSET" sample="0" role="offset">-0.1</Item></GDALMetadata>',
    }),
    '/data/dem.tif': tiffFile({
      ...small,
      cells: new Float32Array(12),
      nodata: 'nan',
      datetime: '2001:02:03 04:05:06',
    }),
    '/data/dem.las': lasFile([{ x: 1, y: 2, z: 3 }]),
  };
  const items = await itemsOf(files, { base: './' });
  expect(items.map(({ id }) => id)).toEqual([
    'LC08_L1TP_013032_20180131',
    'LC08_L1TP_013032_20180131-2',
    'S2A_36QWD_20200701_0_L2A',
    'dem',
    'dem-2',
  ]);
  const [landsat, , sentinel, dem] = items;
  expect(Object.keys(landsat!.assets)).toEqual(['B4', 'B8', 'BQA']);
  expect(landsat!.properties).toMatchObject({
    datetime: '2018-01-31T00:00:00Z',
    platform: 'landsat-8',
    'proj:code': 'EPSG:32632',
    // That of B8, which is the widest.
    'proj:bbox': [500_000, 4_999_970, 500_120, 5_000_000],
  });
  expect(landsat!.assets['B4']).toMatchObject({
    href: './a/LC08_L1TP_013032_20180131_B4.TIF',
    type: 'image/tiff; application=geotiff',
    'proj:shape': [3, 4],
    'proj:transform': [10, 0, 500_000, 0, -10, 5_000_000],
    'raster:spatial_resolution': 10,
    bands: [{ name: 'B4', 'eo:common_name': 'red', data_type: 'uint16' }],
  });
  expect(landsat!.assets['BQA']!.bands[0]).not.toHaveProperty('eo:common_name');
  expect(sentinel!.assets['B04']!.bands).toEqual([
    { name: 'B04', 'eo:common_name': 'red', data_type: 'uint16', nodata: 0 },
  ]);
  expect(sentinel!.assets['B8A']!.bands[0]).toMatchObject({
    'eo:common_name': 'nir08',
    'raster:scale': 0.0001,
    'raster:offset': -0.1,
  });
  expect(dem).toMatchObject({
    geometry: null,
    properties: { datetime: '2001-02-03T04:05:06Z', 'proj:code': null },
    assets: { data: { bands: [{ data_type: 'float32', nodata: 'nan' }] } },
  });
  const apart = await itemsOf(files, { items: 'file' });
  expect(apart).toHaveLength(Object.keys(files).length);
  if (folder)
    for (const item of [...items, ...apart]) expect([item.id, errorsOf(item)]).toEqual([item.id, []]);
});

test('a folder is a collection whose links lead to its items and back, the same for any split', async () => {
  const files = Object.fromEntries(
    ['a', 'b', 'collection'].map((name, i) => [
      `/data/${name}_2020010${i + 1}.tif`,
      tiffFile({ ...utm, grid: [500_000 + 1000 * i, 5_000_000, 10] }),
    ]),
  );
  const given = { layout: 'folder', collection: 'fields', license: 'CC0-1.0', base: 'https://host/x' };
  const whole = await run({ ...files, '/data/collection.tif': tiffFile(small) }, given);
  for (const split of [1, 2])
    expect([...(await run({ ...files, '/data/collection.tif': tiffFile(small) }, given, { split }))]).toEqual(
      [...whole],
    );
  type Collection = { links: { rel: string; href: string }[]; extent: { [of: string]: Json } };
  const collection = parsed<Collection>(whole.get('/collection.json'));
  expect(collection.extent).toMatchObject({ temporal: { interval: [[null, null]] } });
  const hrefs = collection.links.filter(({ rel }) => rel === 'item').map(({ href }) => href);
  expect(hrefs.at(-1)).toBe('./collection-2.json');
  expect(whole.size).toBe(1 + hrefs.length);
  for (const href of hrefs) {
    const item = parsed<Feature>(whole.get(href.slice(1)));
    for (const { href: back } of item.links) expect(whole.has(back.slice(1))).toBe(true);
    expect(item).toHaveProperty('collection', 'fields');
    if (folder) expect(errorsOf(item)).toEqual([]);
  }
  const dated = parsed<Collection>((await run(files, given)).get('/collection.json'));
  expect(dated.extent).toMatchObject({
    temporal: { interval: [['2020-01-01T00:00:00Z', '2020-01-03T00:00:00Z']] },
  });
  if (!folder) return;
  expect(schemaErrors(dated, 'collection')).toEqual([]);
  // Planted faults are seen.
  expect(
    schemaErrors({ ...dated, extent: { ...dated.extent, spatial: { bbox: [[1, 2]] } } }, 'collection'),
  ).not.toEqual([]);
});

test('scenes are read back from both layouts, by names of bands', async () => {
  const files = {
    '/data/LC08_L1TP_013032_20180131_B4.TIF': tiffFile({ ...utm, nodata: '0' }),
    '/data/LC08_L1TP_013032_20180131_B5.TIF': tiffFile(utm),
    '/data/rgb.tif': tiffFile({ ...utm, cells: new Uint8Array(36), bands: 3, photometric: 2 }),
  };
  const read = async (layout: string) => {
    const written = await run(files, { layout, base: layout === 'folder' ? '..' : './' });
    const address = layout === 'folder' ? '/data/cat/collection.json' : '/data/cat';
    return readScenes(address, async (uri) => written.get(uri.slice('/data/cat'.length))!);
  };
  const { scenes } = await read('file');
  expect((await read('folder')).scenes.map(({ id, assets }) => [id, assets])).toEqual(
    scenes.map(({ id, assets }) => [id, assets]),
  );
  const [landsat, rgb] = scenes;
  const red = { href: '/data/LC08_L1TP_013032_20180131_B4.TIF', nodata: 0 };
  expect(landsat!.assets).toMatchObject({ B4: red, red, nir08: { href: red.href.replace('B4', 'B5') } });
  expect(landsat).toMatchObject({ datetime: '2018-01-31T00:00:00Z', properties: { platform: 'landsat-8' } });
  expect(rgb!.assets).toMatchObject({ green: { href: '/data/rgb.tif', band: 1 } });
});

test('times come from facts of the sensor, then names, then tags; metadata without an end is passed over', async () => {
  const fact = (name: string, value: string): string =>
    `<GDALMetadata><Item name="${name}" domain="IMAGERY">${value}</Item></GDALMetadata>`;
  const tags = { ...utm, datetime: '2022:03:04 05:06:07' };
  const metadata = fact('AcquisitionDateTime', '2018-01-02T03:04:05.5Z');
  const given = { datetime: '2001-01-01T01:00:00+01:00' };
  const items = await itemsOf(
    {
      '/a_20190101.tif': tiffFile({ ...tags, metadata }),
      '/b_20190101.tif': tiffFile(tags),
      '/c.tif': tiffFile({ ...tags, metadata: fact('DATETIME', 'last summer') }),
      '/d.tif': tiffFile({ ...utm, metadata: '<Item '.repeat(200_000) }),
      '/e.tif': tiffFile({ ...utm, metadata: fact('x', 'y').replace('name', 'n'.repeat(200_000)) }),
    },
    given,
  );
  expect(items.map(({ properties }) => properties['datetime'])).toEqual([
    '2018-01-02T03:04:05.5Z',
    '2019-01-01T00:00:00Z',
    '2022-03-04T05:06:07Z',
    '2001-01-01T00:00:00Z',
    '2001-01-01T00:00:00Z',
  ]);
});

test('facts of a raster are those of its header', async () => {
  const metadata =
    '<GDALMetadata><Item name="DESCRIPTION" sample="0" role="description">height</Item><Item name="SCALE" sample="0" role="scale">0.1</Item></GDALMetadata>';
  const bytes = tiffFile({ ...utm, metadata, nodata: '9', datetime: '2020:01:02 03:04:05' });
  const facts = await rasterFacts(await openRaster(memorySource(bytes), 'x.tif'));
  expect(facts).toMatchObject({
    format: 'GeoTIFF',
    size: '4 x 3',
    bands: ['1 height: value = 0.1 * cell + 0'],
    type: 'Uint16',
    nodata: '9',
    mask: 'none',
    cell: [10, 10],
    bounds: [500_000, 4_999_970, 500_040, 5_000_000],
    made: '2020-01-02T03:04:05Z',
    compression: 'none',
    blocks: 'strips of 3 rows',
    overviews: 'none',
  });
  expect(facts['crs']).toMatch(/^EPSG:32632/);
  expect(facts).not.toHaveProperty('transform');
});

test('rasters that lie askew have their own corners', async () => {
  const matrix = [3, 4, 0, 500_000, 4, -3, 0, 5_000_000, 0, 0, 0, 0, 0, 0, 0, 1];
  const [item] = await itemsOf({ '/askew.tif': tiffFile({ ...small, matrix, epsg: 32_632 }) });
  expect(item!.properties['proj:bbox']).toEqual([500_000, 4_999_991, 500_024, 5_000_016]);
  expect(item!.assets['data']).toMatchObject({
    'proj:transform': [3, 4, 500_000, 4, -3, 5_000_000],
    'raster:spatial_resolution': 5,
  });
  expect(item!.geometry!.coordinates[0]).toHaveLength(5);
});

describe.skipIf(!folder)('real rasters', () => {
  // What is not read, and says so.
  const unread = /image_webp|rgba8_strip/;
  const paths = folder
    ? (readdirSync(satellite, { recursive: true }) as string[])
        .filter((path) => /\.tiff?$/i.test(path) && !unread.test(path) && !path.startsWith('large'))
        .map((path) => join(satellite, path))
    : [];
  const files = (): Named => Object.fromEntries(paths.map((path) => [path, readFileSync(path)]));

  test('every one is part of a valid item', async () => {
    expect(paths.length).toBeGreaterThan(100);
    const items = await itemsOf(files());
    expect(items.flatMap(({ assets }) => Object.keys(assets))).toHaveLength(paths.length);
    const scenes = items.filter(({ id }) => id.startsWith('LC08_'));
    expect(scenes.length).toBeGreaterThan(10);
    for (const { assets } of scenes) expect(Object.keys(assets)).toEqual(['B2', 'B3', 'B4', 'B5', 'BQA']);
    for (const item of items) expect([item.id, errorsOf(item)]).toEqual([item.id, []]);
    const [first] = items;
    const asset = Object.values(first!.assets)[0]!;
    expect(errorsOf({ ...first!, assets: { data: { ...asset, 'proj:shape': [1.5] } } })).not.toEqual([]);
  });

  test.skipIf(gdalMissing)('GDAL says the same of sizes, places and types', async () => {
    const some = paths.filter((path) => /cog\/|dem\/|naip\/|sentinel2\//.test(path));
    type Told = {
      size: [number, number];
      transform: number[];
      code: string | null;
      types: string[];
      ring: Place[] | null;
    };
    const told = gdal<Told[]>(
      `out = []
for path in given:
    d = gdal.Open(path)
    t = d.GetGeoTransform(can_return_null=True)
    s = d.GetSpatialRef()
    code, ring = None, None
    if s is not None and t is not None:
        code = s.GetAuthorityCode(None)
        s.SetAxisMappingStrategy(0)
        w = osr.SpatialReference(); w.ImportFromEPSG(4326); w.SetAxisMappingStrategy(0)
        x = osr.CoordinateTransformation(s, w)
        at = lambda c, r: x.TransformPoint(t[0] + t[1] * c + t[2] * r, t[3] + t[4] * c + t[5] * r)[:2]
        ring = [at(0, d.RasterYSize), at(d.RasterXSize, d.RasterYSize), at(d.RasterXSize, 0), at(0, 0)]
    out.append(dict(size=[d.RasterYSize, d.RasterXSize], transform=t and list(t), code=code and 'EPSG:' + code, ring=ring,
        types=[gdal.GetDataTypeName(d.GetRasterBand(i + 1).DataType) for i in range(d.RasterCount)]))
print(json.dumps(out))`,
      some,
    );
    const items = await itemsOf(Object.fromEntries(some.map((path) => [path, readFileSync(path)])), {
      items: 'file',
    });
    let placed = 0;
    for (const [i, item] of items.entries()) {
      const { size, transform, code, types, ring } = told[i]!;
      const { data } = item.assets as { data: Asset };
      const name = basename(some[i]!);
      expect([name, data['proj:shape']]).toEqual([name, size]);
      const own = data['proj:transform'] as number[] | undefined;
      if (transform) {
        const [c, a, b, f, d, e] = transform;
        for (const [k, value] of [a, b, c, d, e, f].entries()) expect(own![k]).toBeCloseTo(value!, 9);
      }
      if (code) expect([name, item.properties['proj:code']]).toEqual([name, code]);
      const kinds: { [name: string]: string } = { Byte: 'uint8' };
      expect(data.bands.map((band) => band['data_type'])).toEqual(
        types.map((type) => kinds[type] ?? type.toLowerCase()),
      );
      if (!item.geometry || !ring || item.geometry.type !== 'Polygon') continue;
      placed += 1;
      for (const [lon, lat] of ring) {
        const nearest = Math.min(
          ...item.geometry.coordinates[0]!.map(([x, y]) => Math.hypot((x! - lon) % 360, y! - lat)),
        );
        expect([name, nearest < 2e-5 ? 'near' : nearest]).toEqual([name, 'near']);
      }
    }
    expect(placed).toBeGreaterThan(15);
  });

  test.skipIf(gdalMissing)('statistics are those of GDAL', async () => {
    const some = [
      'cog/riotiler-cog_nodata_nan.tif',
      'cog/riotiler-cog_scale.tif',
      'dem/srtm_oetztal.tif',
      'cog/riocogeo-image_rgb_mask.tif',
      'l8ny18/LC08_L1TP_013032_20180131_B4.TIF',
    ].map((path) => join(satellite, path));
    const told = gdal<[number, number, number, number][][]>(
      `out = []
for path in given:
    d = gdal.Open(path)
    bands = [d.GetRasterBand(i + 1) for i in range(d.RasterCount)]
    values = [b.ReadAsArray()[b.GetMaskBand().ReadAsArray() != 0].astype('f8') for b in bands]
    values = [v[~np.isnan(v)] for v in values]
    out.append([[v.min(), v.max(), v.mean(), v.std()] for v in values])
print(json.dumps(out))`,
      some,
    );
    const read = Object.fromEntries(some.map((path) => [path, readFileSync(path)]));
    const items = await itemsOf(read, { items: 'file', statistics: true });
    for (const [i, item] of items.entries()) {
      const bands = Object.values(item.assets)[0]!.bands.map(
        ({ statistics }) => statistics as { [name: string]: number },
      );
      for (const [k, { minimum, maximum, mean, stddev }] of bands.entries()) {
        const [min, max, middle, deviation] = told[i]![k]!;
        expect([minimum, maximum]).toEqual([min, max]);
        expect(mean! / middle).toBeCloseTo(1, 9);
        expect(stddev! / deviation).toBeCloseTo(1, 9);
      }
      expect(errorsOf(item)).toEqual([]);
    }
  });
});
