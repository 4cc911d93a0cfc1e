/** Scenes: items of any version and place become the same plain scenes; what is broken or endless is refused. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { addressOf } from '../geospatial/stac/address.ts';
import { mixesBaselines } from '../geospatial/stac/baselines.ts';
import { stacFacts } from '../geospatial/stac/facts.ts';
import { readScenes, type Scene, type SceneOptions } from '../geospatial/stac/scenes.ts';
import { shared } from './shared.ts';

type Documents = { readonly [address: string]: unknown };

/** Reads documents by address; tells what was asked for. */
async function read(documents: Documents, address = Object.keys(documents)[0]!, options?: SceneOptions) {
  const asked: string[] = [];
  const open = async (uri: string): Promise<Uint8Array> => {
    asked.push(uri);
    if (!Object.hasOwn(documents, uri)) throw new Error(`nothing at ${uri}`);
    return Buffer.from(JSON.stringify(documents[uri]));
  };
  return { ...(await readScenes(address, open, options)), asked };
}

const item = (id: string, more: object = {}, properties: object = {}): object => ({
  type: 'Feature',
  stac_version: '1.0.0',
  id,
  geometry: null,
  properties: { datetime: '2024-05-01T10:00:00Z', ...properties },
  assets: {},
  links: [],
  ...more,
});
const collection = (...features: object[]): object => ({ type: 'FeatureCollection', features });
const catalog = (...links: (readonly [rel: string, href: string])[]): object => ({
  type: 'Catalog',
  stac_version: '1.1.0',
  id: 'c',
  description: 'c',
  links: links.map(([rel, href]) => ({ rel, href })),
});

test('bands have all their names, in old items and in new ones', async () => {
  const assets = {
    visual: {
      href: 'TCI.tif',
      roles: ['visual'],
      bands: [{ 'eo:common_name': 'red' }, { 'eo:common_name': 'green' }],
    },
    image: {
      href: 'https://h/image.tif',
      bands: [{ name: 'x' }, { name: 'y', 'eo:common_name': 'blue', nodata: 7 }],
    },
    B04: {
      href: './B04.tif',
      'eo:bands': [{ name: 'B04', common_name: 'red' }],
      'raster:bands': [{ scale: 0.0001, offset: -0.1, nodata: 0 }],
    },
    'B04-again': { href: './again.tif', 'eo:bands': [{ name: 'B04', common_name: 'red' }] },
    nir: {
      href: 'nir.tif',
      nodata: -9999,
      'raster:scale': 2,
      bands: [{ name: 'B08', 'eo:common_name': 'nir' }],
    },
    broken: { title: 'no href' },
    plain: { href: '/abs/plain.tif' },
  };
  const { scenes } = await read({ '/data/items.json': collection(item('a', { assets })) }, undefined, {
    bands: 'near=B08, third=image:3,none=gone',
  });
  const found = scenes[0]!.assets;
  const b04 = { href: '/data/B04.tif', scale: 0.0001, offset: -0.1, nodata: 0 };
  const nir = { href: '/data/nir.tif', scale: 2, nodata: -9999 };
  expect(found).toEqual({
    visual: { href: '/data/TCI.tif', band: 0 },
    image: { href: 'https://h/image.tif', band: 0 },
    x: { href: 'https://h/image.tif', band: 0 },
    y: { href: 'https://h/image.tif', band: 1, nodata: 7 },
    blue: { href: 'https://h/image.tif', band: 1, nodata: 7 },
    B04: b04,
    red: b04,
    'B04-again': { href: '/data/again.tif' },
    green: { href: '/data/TCI.tif', band: 1 },
    nir,
    B08: nir,
    near: nir,
    third: { href: 'https://h/image.tif', band: 2 },
    plain: { href: '/abs/plain.tif' },
  });
  await expect(read({ x: collection() }, 'x', { bands: 'red' })).rejects.toThrow(
    /bands: found red, expected NAME=ASSET/,
  );
});

test('references lead from where a document lies; items within another file say where they lie', async () => {
  for (const [href, base, found] of [
    ['./b.tif', '/data/items.json', '/data/b.tif'],
    ['../b c.tif', 'data/x/items.json', 'data/b c.tif'],
    ['b.tif', 'items.json', 'b.tif'],
    ['./b.tif', 'https://h/c/items.json?x=1', 'https://h/c/b.tif'],
    ['/b.tif', 'https://h/c/items.json', 'https://h/b.tif'],
    ['../b?c.tif', 's3://bucket/c/d/items.json', 's3://bucket/c/b?c.tif'],
    ['s3://other/x', 'https://h/c/items.json', 's3://other/x'],
    ['/abs', 's3://bucket/c/items.json', 's3://bucket/abs'],
    ['./b.tif', 'file:///c/items.json', 'file:///c/b.tif'],
  ] as const)
    expect(addressOf(href, base)).toBe(found);
  const a = item('a', {
    assets: { B: { href: './B.tif' } },
    links: [{ rel: 'self', href: 'https://h/c/a.json' }],
  });
  const within = await read({ '/data/items.json': collection(a) });
  expect(within.scenes[0]!.assets['B']!.href).toBe('https://h/c/B.tif');
  const itself = await read({ '/data/a.json': a });
  expect(itself.scenes[0]!.assets['B']!.href).toBe('/data/B.tif');
});

test('catalogues are walked down, around loops, each document once', async () => {
  const documents = {
    'https://h/catalog.json': catalog(
      ['self', 'https://h/catalog.json'],
      ['item', './x.json'],
      ['child', './sub/catalog.json'],
      ['child', './sub/collection.json'],
    ),
    'https://h/x.json': item('x'),
    'https://h/sub/catalog.json': catalog(
      ['parent', '../catalog.json'],
      ['child', '../catalog.json'],
      ['child', 'catalog.json'],
      ['item', 'y.json'],
      ['item', '../x.json'],
    ),
    'https://h/sub/collection.json': {
      ...catalog(['item', 'y.json'], ['item', 'z.json']),
      type: 'Collection',
    },
    'https://h/sub/y.json': item('y'),
    'https://h/sub/z.json': item('z'),
  };
  for (const atOnce of [1, 16]) {
    const { scenes, asked } = await read(documents, undefined, { atOnce });
    expect(scenes.map(({ id }) => id)).toEqual(['x', 'y', 'z']);
    expect(asked).toHaveLength(6);
  }
  await expect(
    read({ ...documents, 'https://h/sub/z.json': catalog(['item', 'gone.json']) }),
  ).rejects.toThrow('nothing at');
});

test('depth, number of items and links have bounds', async () => {
  let count = 0;
  const open = async (uri: string): Promise<Uint8Array> => {
    count += 1;
    return Buffer.from(JSON.stringify(catalog(['child', `${uri}x`])));
  };
  await expect(readScenes('https://h/', open)).rejects.toThrow(/33 catalogues below .*, expected 32 at most/);
  expect(count).toBe(33);
  const many = { type: 'FeatureCollection', features: Array.from({ length: 100_001 }, () => item('a')) };
  await expect(read({ x: many })).rejects.toThrow(/more than 100000 items/);
  const links = Array.from({ length: 200_001 }, (_, i) => ({ rel: 'item', href: `${i}.json` }));
  const wide = { ...catalog(), links };
  await expect(read({ x: wide })).rejects.toThrow(/more than 200000 links/);
});

test.each([
  [{ type: 'Nothing' }, /of type "Nothing", expected Feature/],
  [[1], /no JSON object/],
  [{}, /of type none/],
  [{ type: 'FeatureCollection' }, /no features/],
  [collection({ type: 'Point' }), /feature 0 of x is no Feature/],
  [collection(item('')), /found id ""/],
  [collection(item('a', { assets: null })), /no assets/],
  [collection(item('a', { properties: [] })), /no properties/],
  [collection(item('a', { bbox: [1, 2, 3] })), /bbox \[1,2,3\], expected 4 or 6 numbers/],
  [collection(item('a', {}, { datetime: 'yesterday' })), /datetime "yesterday", expected a time/],
  [collection(item('a', {}, { 'eo:cloud_cover': -1 })), /eo:cloud_cover -1, expected 0 to 100/],
  [catalog(['items', './items'], ['self', 'x']), /belongs to an API.*servermix scenes/],
] as const)('what is no STAC is refused: %#', async (document, message) => {
  await expect(read({ x: document })).rejects.toThrow(message);
});

test('hostile documents are refused, or harmless', async () => {
  await expect(readScenes('x', async () => Buffer.from('{"type":'))).rejects.toThrow(/x is no JSON/);
  await expect(read({ 'https://h/c.json': catalog(['item', 'file:///etc/passwd']) })).rejects.toThrow(
    /leads to file:/,
  );
  const odd = JSON.parse(
    '{"__proto__": {"href": "p.tif", "bands": [{"name": "__proto__", "__proto__": {"name": "q"}}]}, "constructor": {"href": "c.tif"}, "n": 5}',
  ) as object;
  const { scenes } = await read({
    x: collection(item('a', { assets: odd, links: [null, { rel: 1 }, 'x'] })),
  });
  expect(Object.keys(scenes[0]!.assets).toSorted()).toEqual(['__proto__', 'constructor']);
  expect(Object.getPrototypeOf(scenes[0]!.assets)).toBe(Object.prototype);
});

test('times, clouds and boxes', async () => {
  const { scenes, notes } = await read({
    x: {
      ...collection(
        item('a', { bbox: [1, 2, 0, 3, 4, 9] }, { 'eo:cloud_cover': 12.5 }),
        item(
          'b',
          { bbox: [179, 0, -179, 1] },
          { datetime: null, start_datetime: '2023-01-01T00:00:00Z', end_datetime: '2023-12-31T00:00:00Z' },
        ),
      ),
      links: [{ rel: 'next', href: 'https://h/search?page=2' }],
    },
  });
  expect(scenes[0]).toMatchObject({ bbox: [1, 2, 3, 4], cloud: 12.5, datetime: '2024-05-01T10:00:00Z' });
  expect(scenes[1]).toMatchObject({ interval: ['2023-01-01T00:00:00Z', '2023-12-31T00:00:00Z'] });
  expect(scenes[1]).not.toHaveProperty('datetime');
  expect(notes).toEqual(['x is one page of more: servermix scenes brings all of them']);
  const facts = stacFacts(
    Buffer.from(
      JSON.stringify(
        collection(
          item('a', { bbox: [1, 2, 3, 4] }),
          item('b', { assets: { B: { href: 'b' } } }, { 'eo:cloud_cover': 3 }),
        ),
      ),
    ),
    'x',
  );
  expect(facts).toEqual({
    format: 'STAC FeatureCollection',
    items: 2,
    dates: '2024-05-01 to 2024-05-01',
    cloud: '3 to 3 %',
    bbox: [1, 2, 3, 4],
    assets: ['B (1 items)'],
  });
  expect(stacFacts(Buffer.from(JSON.stringify(catalog(['item', 'a'], ['item', 'b']))), 'x')).toEqual({
    format: 'STAC Catalog 1.1.0',
    id: 'c',
    links: { item: 2 },
  });
});

describe('baselines of Sentinel-2', () => {
  const scene = async (
    baseline: string | undefined,
    more: { offset?: number; applied?: boolean; datetime?: string; platform?: string } = {},
  ): Promise<Scene> => {
    const { offset, applied, datetime = '2021-01-01T00:00:00Z', platform = 'sentinel-2a' } = more;
    const properties = {
      datetime,
      platform,
      ...(baseline === undefined ? {} : { 's2:processing_baseline': baseline }),
      ...(applied === undefined ? {} : { 'earthsearch:boa_offset_applied': applied }),
    };
    const assets = {
      red: {
        href: 'r.tif',
        'raster:bands': [{ scale: 0.0001, ...(offset === undefined ? {} : { offset }) }],
      },
    };
    return (await read({ x: item(`S2_${baseline}`, { assets }, properties) })).scenes[0]!;
  };
  test('a shift that nothing takes out is not to be mixed with others', async () => {
    const [old, shifted] = [await scene('02.13'), await scene('04.00')];
    expect(mixesBaselines([old, shifted])).toMatch(
      /cells of S2_04.00 \(1 such\) hold 1,000 more than those of S2_02.13/,
    );
    expect(mixesBaselines([shifted, await scene('05.10', { offset: -0.1 })])).toMatch(/mixed/);
    expect(mixesBaselines([old, await scene(undefined, { datetime: '2022-02-01T00:00:00Z' })])).toMatch(
      /mixed/,
    );
    expect(mixesBaselines([old, await scene('05.00', { applied: false })])).toMatch(/mixed/);
  });
  test('what is accounted for, or all of one kind, is not mixed', async () => {
    const old = await scene('02.13');
    expect(mixesBaselines([])).toBeUndefined();
    expect(mixesBaselines([old, old])).toBeUndefined();
    expect(mixesBaselines([await scene('04.00'), await scene('05.10')])).toBeUndefined();
    expect(mixesBaselines([old, await scene('05.10', { offset: -0.1 })])).toBeUndefined();
    const applied = await scene('05.10', { applied: true, offset: -0.1 });
    expect(applied.assets['red']).toEqual({ href: 'r.tif', scale: 0.0001, offset: 0 });
    expect(mixesBaselines([old, applied])).toBeUndefined();
    expect(mixesBaselines([old, await scene('05.00', { platform: 'landsat-8' })])).toBeUndefined();
  });
  test('software may tell, too', async () => {
    const properties = {
      platform: 'Sentinel-2B',
      'processing:software': { 'Sentinel-2 processing baseline': '05.09' },
    };
    const { scenes } = await read({ x: item('a', {}, properties) });
    expect(scenes[0]!.properties).toEqual({ platform: 'Sentinel-2B', baseline: '05.09' });
  });
});

const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
test.skipIf(!folder)('the item collection that PDAL wrote', async () => {
  const path = join(folder!, 'data/geospatial/lidar/bcts/bcts.vpc');
  const { scenes } = await readScenes(path, async (uri) => readFileSync(uri));
  expect(scenes).toHaveLength(4);
  for (const { assets } of scenes)
    expect(assets['data']!.href).toMatch(/data\/geospatial\/lidar\/bcts\/.*laz$/);
});
