/** satellite/warp, satellite/mosaic: places by PROJ, grids and cells by gdalwarp with exact places, seams by hand, and the same bytes for any split. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { inline } from '../core/backends/inline.ts';
import { BadInput, BadUsage } from '../core/errors.ts';
import type { AnyJob, Dataset } from '../core/job.ts';
import type { Json } from '../core/json.ts';
import { resolve } from '../core/params.ts';
import { memorySource } from './memorysource.ts';
import { memoryStore } from '../core/stores/memory.ts';
import { opener } from '../core/task.ts';
import { openRaster } from '../geospatial/formats/geotiff.ts';
import { epsgKeys, reprojection } from '../geospatial/formats/reproject.ts';
import { mosaicking } from '../geospatial/jobs/mosaicking.ts';
import { warp } from '../geospatial/jobs/warp.ts';
import { catalog } from '../pipelines/catalog.ts';
import { gdal, gdalMissing } from './gdal.ts';
import { filesOf } from './laws.ts';
import { shared } from './shared.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-warp-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a job over files of the folder; gives what it writes. */
async function run(
  job: AnyJob,
  paths: readonly string[],
  given: { readonly [name: string]: Json } = {},
  split = 16,
): Promise<Uint8Array> {
  const datasets = paths.map((uri): Dataset => {
    const { length } = readFileSync(uri);
    return { uri, format: 'tif', id: `${uri} ${length}`, size: length };
  });
  const store = memoryStore();
  const open = opener(store, async ({ uri }) => memorySource(readFileSync(uri)));
  const runtime = { catalog, store, open, modules: new Map() };
  const planning = { open, find: async () => undefined, signal: new AbortController().signal };
  const inputs = job === warp ? { raster: datasets } : { rasters: datasets };
  const stage = { job, inputs, params: resolve(job.params, given) };
  return (await filesOf(stage, { backend: inline(runtime), runtime, planning }, { split })).get('')!;
}

// Smooth hills and noise in which every cell differs; a corner and a disc without data where `nodata` is given.
const makeScenes = `
for s in given['scenes']:
    w, h, bands = s['width'], s['height'], s.get('bands', 1)
    d = gdal.GetDriverByName('GTiff').Create(s['path'], w, h, bands, gdal.GetDataTypeByName(s['type']), ['COMPRESS=DEFLATE'])
    d.SetGeoTransform(s['transform'])
    if s.get('epsg'):
        r = osr.SpatialReference(); r.ImportFromEPSG(s['epsg']); d.SetProjection(r.ExportToWkt())
    y, x = np.mgrid[0:h, 0:w]
    for b in range(bands):
        a = 90 + 60 * np.sin(x / 17 + b) * np.cos(y / 23) + ((x * 7919 + y * 104729 + b * 31) % 37)
        a = a * s.get('factor', 1) + s.get('shift', 0)
        if s['type'] != 'Float32': a = np.round(a)
        if 'nodata' in s:
            a[(x - 0.4 * w) ** 2 + (y - 0.5 * h) ** 2 < (0.12 * w) ** 2] = s['nodata']
            a[: h // 6, : w // 5] = s['nodata']
            d.GetRasterBand(b + 1).SetNoDataValue(s['nodata'])
        d.GetRasterBand(b + 1).WriteArray(a)
    d = None
print('0')
`;
type Scene = {
  readonly path: string;
  readonly width: number;
  readonly height: number;
  readonly type: string;
  readonly transform: readonly number[];
  readonly epsg?: number;
  readonly bands?: number;
  readonly factor?: number;
  readonly shift?: number;
  readonly nodata?: number;
};
const scene = (name: string, rest: Omit<Scene, 'path'>): Scene => ({ path: join(folder, name), ...rest });
const scenes = {
  utm: scene('utm.tif', {
    width: 320,
    height: 280,
    type: 'UInt16',
    transform: [600_000, 30, 0, 5_000_000, 0, -30],
    epsg: 32632,
    bands: 2,
    factor: 40,
  }),
  degrees: scene('degrees.tif', {
    width: 210,
    height: 173,
    type: 'Int16',
    transform: [10.2, 0.0008, 0, 46.4, 0, -0.0006],
    epsg: 4326,
    nodata: -999,
    shift: -100,
  }),
  heights: scene('heights.tif', {
    width: 200,
    height: 180,
    type: 'Float32',
    transform: [4_300_000, 25, 0, 2_700_000, 0, -25],
    epsg: 3035,
    nodata: -9999,
  }),
  bytes: scene('bytes.tif', {
    width: 157,
    height: 181,
    type: 'Byte',
    // South up.
    transform: [1_200_000, 40, 0, 5_800_000, 0, 40],
    epsg: 3857,
  }),
  neighbour: scene('neighbour.tif', {
    width: 240,
    height: 250,
    type: 'UInt16',
    transform: [132_000, 30, 0, 5_010_000, 0, -30],
    epsg: 32633,
    bands: 2,
    factor: 38,
  }),
  nowhere: scene('nowhere.tif', { width: 20, height: 20, type: 'Byte', transform: [5, 1, 0, 9, 0, -1] }),
};

type Question = {
  readonly ours: string;
  readonly paths: readonly string[];
  readonly options: string;
  readonly slack: number;
};

/** What gdalwarp with exact places gives, beside ours: whether grids are the same, and the share of cells of all bands that differ by no more than `slack`; of theirs, the share that has a value. */
const compare = (questions: readonly Question[]) =>
  gdal<{ isSameGrid: boolean; share: number; edges: number; valid: number }[]>(
    `
found = []
for q in given:
    theirs = gdal.Warp('', q['paths'], options='-of MEM -et 0 ' + q['options'])
    mine = gdal.Open(q['ours'])
    t, m = theirs.GetGeoTransform(), mine.GetGeoTransform()
    same = theirs.RasterXSize == mine.RasterXSize and theirs.RasterYSize == mine.RasterYSize and max(abs(a - b) for a, b in zip(t, m)) < 1e-3 * t[1]
    out = dict(isSameGrid=same, share=0, edges=0, valid=0)
    if same:
        a, b = theirs.ReadAsArray().astype(float), mine.ReadAsArray().astype(float)
        n = theirs.GetRasterBand(1).GetNoDataValue() or 0
        out.update(share=float((np.abs(a - b) <= q['slack']).mean()), edges=int(((a == n) != (b == n)).sum()), valid=float((a != n).mean()))
    found.append(out)
print(json.dumps(found))
`,
    questions,
  );

async function written(name: string, ...args: Parameters<typeof run>): Promise<string> {
  const path = join(folder, name);
  writeFileSync(path, await run(...args));
  return path;
}

describe.skipIf(gdalMissing)('beside GDAL', () => {
  beforeAll(() => {
    gdal(makeScenes, { scenes: Object.values(scenes) });
  });

  test('places of systems are those of PROJ', async () => {
    const places: { readonly [code: number]: readonly [number, number] } = {
      3857: [1.3e6, 5.9e6],
      3035: [4.4e6, 2.6e6],
      2154: [7e5, 6.6e6],
      27700: [4e5, 3e5],
      28992: [155_000, 463_000],
      3005: [1.2e6, 5e5],
      32632: [674_990, 5_154_960],
      32733: [4e5, 7e6],
      2193: [1.6e6, 5.5e6],
      3031: [1e6, 1.2e6],
      3413: [-5e5, -2e6],
      6933: [1e6, 5e6],
      2056: [2.6e6, 1.2e6],
      2229: [6_480_000, 1_840_000],
      3021: [1.5e6, 6.6e6],
      31370: [150_000, 170_000],
      5070: [1e6, 1.5e6],
      4258: [10, 50],
    };
    const theirs = gdal<{ [code: string]: [number, number] }>(
      `
out = {}
w = osr.SpatialReference(); w.ImportFromEPSG(4326); w.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
for code, (x, y) in given.items():
    s = osr.SpatialReference(); s.ImportFromEPSG(int(code)); s.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    out[code] = osr.CoordinateTransformation(s, w).TransformPoint(x, y)[:2]
print(json.dumps(out))`,
      places,
    );
    const degrees = await epsgKeys(4326);
    for (const [code, place] of Object.entries(places)) {
      const way = await reprojection(await epsgKeys(Number(code)), degrees);
      const there = Float64Array.from(place);
      way.forward(there);
      const [x, y] = theirs[code]!;
      const metres = Math.hypot((there[0]! - x) * Math.cos((y * Math.PI) / 180), there[1]! - y) * 111_320;
      // By the official parameters of old datums, rounded.
      expect(metres, code).toBeLessThan(0.01);
      way.inverse(there);
      expect(Math.hypot(there[0]! - place[0], there[1]! - place[1]), code).toBeLessThan(0.01);
    }
  });

  const cases: readonly (readonly [keyof typeof scenes, { readonly [name: string]: Json }, string])[] = [
    ['utm', { to: 'EPSG:3857' }, '-t_srs EPSG:3857'],
    ['utm', { to: 'EPSG:4326', resolution: 0.001 }, '-t_srs EPSG:4326 -tr 0.001 0.001'],
    ['utm', { to: 'EPSG:3035', resolution: 70, snap: true }, '-t_srs EPSG:3035 -tr 70 70 -tap'],
    ['degrees', { to: 'EPSG:32632' }, '-t_srs EPSG:32632'],
    ['degrees', { to: 'EPSG:3857' }, '-t_srs EPSG:3857'],
    ['heights', { to: 'EPSG:32632' }, '-t_srs EPSG:32632'],
    ['bytes', { to: 'EPSG:4326' }, '-t_srs EPSG:4326'],
    [
      'heights',
      { to: 'EPSG:25832', resolution: 30, bbox: '555500,5247500,558500,5250200' },
      '-t_srs EPSG:25832 -tr 30 30 -te 555500 5247500 558500 5250200',
    ],
  ];
  for (const resampling of ['near', 'bilinear', 'cubic'] as const)
    test(`${resampling} is that of gdalwarp, on the same grids`, async () => {
      const questions: Question[] = [];
      for (const [i, [name, given, options]] of cases.entries()) {
        const { path } = scenes[name];
        const asked = { ...given, resampling, places: 'exact' };
        const ours = await written(`${resampling}${i}.tif`, warp, [path], asked);
        questions.push({ ours, paths: [path], options: `${options} -r ${resampling}`, slack: 1 });
      }
      for (const [i, found] of compare(questions).entries()) {
        const what = `${cases[i]![0]} ${cases[i]![2]}`;
        expect(found.isSameGrid, what).toBe(true);
        expect(found.share, what).toBeGreaterThan(0.9995);
        expect(found.edges, what).toBeLessThan(20);
        expect(found.valid, what).toBeGreaterThan(0.4);
      }
    });

  test('means and most frequent cells are those of gdalwarp, but at edges, where it takes the nearest cell for cells beside the raster', async () => {
    const paths = [scenes.utm.path];
    const given = { to: 'EPSG:3857', resolution: 90, places: 'exact' };
    const questions: Question[] = [];
    for (const resampling of ['average', 'mode']) {
      const ours = await written(`${resampling}.tif`, warp, paths, { ...given, resampling });
      questions.push({ ours, paths, options: `-t_srs EPSG:3857 -tr 90 90 -r ${resampling}`, slack: 1 });
    }
    for (const found of compare(questions)) {
      expect(found.isSameGrid).toBe(true);
      expect(found.share).toBeGreaterThan(0.96);
    }
  });

  test('a mosaic over two zones has the first raster on top', async () => {
    const paths = [scenes.utm.path, scenes.neighbour.path];
    const box = '10.26,45.06,10.44,45.17';
    const given = { to: 'EPSG:4326', bbox: box, resolution: 0.0004, nodata: '0', places: 'exact' };
    const options = `-t_srs EPSG:4326 -te ${box.replaceAll(',', ' ')} -tr 0.0004 0.0004 -srcnodata 0 -dstnodata 0`;
    const first = await written('first.tif', mosaicking, paths, { ...given, seams: 'first' });
    const last = await written('last.tif', mosaicking, paths, { ...given, seams: 'last' });
    const found = compare([
      { ours: first, paths: paths.toReversed(), options, slack: 0 },
      { ours: last, paths, options, slack: 0 },
      { ours: first, paths, options, slack: 0 },
    ]);
    expect(found.map(({ isSameGrid, valid }) => isSameGrid && valid > 0.3)).toEqual([true, true, true]);
    expect(found[0]!.share).toBeGreaterThan(0.999);
    expect(found[1]!.share).toBeGreaterThan(0.999);
    // One lies on the other.
    expect(found[2]!.share).toBeLessThan(0.9);
  });

  test('no split shows, of any seams and kernel', async () => {
    const paths = [scenes.utm.path, scenes.neighbour.path];
    for (const given of [
      { seams: 'feather', resampling: 'cubic' },
      { seams: 'mean', resampling: 'average' },
      { seams: 'last', resampling: 'near' },
    ]) {
      const asked = { ...given, to: 'EPSG:3035', resolution: 14 };
      const whole = await run(mosaicking, paths, asked, 64);
      expect(Buffer.compare(await run(mosaicking, paths, asked, 1), whole)).toBe(0);
    }
    const turned = { to: 'EPSG:3031', resampling: 'bilinear' };
    const whole = await run(warp, [scenes.degrees.path], turned, 64);
    expect(Buffer.compare(await run(warp, [scenes.degrees.path], turned, 1), whole)).toBe(0);
  });

  test('what cannot be done is told in a line', async () => {
    const { utm, nowhere, bytes } = scenes;
    await expect(run(warp, [nowhere.path], { to: 'EPSG:3857' })).rejects.toThrow(/no CRS.*--from/);
    await expect(run(warp, [utm.path], { to: 'EPSG:1' })).rejects.toThrow(/EPSG/);
    await expect(run(warp, [utm.path], { to: 'EPSG:9999' })).rejects.toThrow(BadUsage);
    await expect(run(warp, [utm.path], { to: 'EPSG:26717' })).rejects.toThrow(/NAD27/);
    await expect(run(warp, [utm.path], { resolution: 1e-9 })).rejects.toThrow(/--resolution/);
    await expect(run(warp, [utm.path], { bbox: '5,5,4,6' })).rejects.toThrow(/west < east/);
    await expect(run(warp, [utm.path], { bands: [3] })).rejects.toThrow(/bands/);
    await expect(run(warp, [bytes.path], { nodata: '300' })).rejects.toThrow(/nodata/);
    await expect(run(mosaicking, [utm.path, bytes.path])).rejects.toThrow(/expected 2 of Uint16/);
  });
});

test('old datums are refused by name unless both sides have the one', async () => {
  const keys = await Promise.all([26717, 26718, 4326, 27700].map(epsgKeys));
  await expect(reprojection(keys[0]!, keys[2]!)).rejects.toThrow(BadInput);
  await expect(reprojection(keys[0]!, keys[2]!)).rejects.toThrow(/NAD27/);
  const { forward } = await reprojection(keys[0]!, keys[1]!);
  const place = Float64Array.of(800_000, 4e6);
  forward(place);
  expect(place.every(Number.isFinite)).toBe(true);
  expect((await reprojection(keys[3]!, keys[2]!)).notes).toEqual([expect.stringMatching(/OSGB36.*2 m/)]);
});

const home = shared();
test.skipIf(home === undefined)(
  'real scenes: goldens of gdalwarp, whose places are off by up to 0.125 cells, and ours as much',
  async () => {
    const data = join(home!, 'data', 'geospatial');
    const path = join(data, 'satellite', 'sentinel2', 'S2_L2A_sample.tif');
    for (const resampling of ['near', 'bilinear', 'cubic'] as const) {
      const given = { to: 'EPSG:3857', resolution: 20, snap: true, resampling };
      const ours = await openRaster(memorySource(await run(warp, [path], given)), 'ours');
      const golden = await openRaster(
        memorySource(readFileSync(join(data, 'expected', 'warp', `s2_3857_20m_${resampling}.tif`))),
        'golden',
      );
      expect(ours.transform).toEqual(golden.transform);
      const { width, height } = golden;
      const [mine, theirs] = await Promise.all(
        [ours, golden].map(async (one) => (await one.read([0], 0, 0, width, height))[0]!),
      );
      let same = 0;
      for (let i = 0; i < width * height; i++) if (mine![i] === theirs![i]) same++;
      expect(same / (width * height), resampling).toBeGreaterThan(0.9998);
    }
  },
);
