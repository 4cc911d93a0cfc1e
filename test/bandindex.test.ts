/** satellite/index: NDVI as others computed it, masks grown as discs, boxes as cuts of the whole, and one line for what cannot be. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BadInput, BadUsage } from '../core/errors.ts';
import type { Json, Options } from '../core/json.ts';
import { resolve, type Spec } from '../core/params.ts';
import { bandIndex } from '../geospatial/jobs/bandindex.ts';
import { imageCatalog } from '../geospatial/jobs/imagecatalog.ts';
import { parseExpression } from '../geospatial/kernels/expression.ts';
import { indices, masks } from '../geospatial/kernels/indices.ts';
import { parseArguments } from '../pipelines/arguments.ts';
import { catalog } from '../pipelines/catalog.ts';
import { describe as describeUri } from '../pipelines/storage.ts';
import { type Bands, differences, readRasters, runScenes } from './bandfiles.ts';
import { gdalMissing, validateCog, validateCogs } from './gdal.ts';
import { filesOf, hostOf, sameFiles } from './laws.ts';
import { shared } from './shared.ts';
import { generate } from './generate.ts';
import { tiffFile } from './tiffile.ts';

const work = mkdtempSync(join(tmpdir(), 'bandindex-'));
afterAll(() => rmSync(work, { recursive: true }));
const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
const geospatial = join(folder ?? '', 'data/geospatial');
const satellite = (name: string): string => join(geospatial, 'satellite', name);
const golden = (name: string): string => join(geospatial, 'expected/ndvi', name);

const size = 560;
const scene: Bands = Object.fromEntries(
  ['red', 'green', 'nir', 'scl'].map((name) => [name, [join(work, `scenes/20240401_${name}.tif`)]]),
);
beforeAll(async () => {
  await generate('synthetic/scenes', join(work, 'scenes'), { size, scenes: 1, clouds: 0.2, seed: 5 });
});

/** Writes what the job gives under a name of its own; gives the path. */
let runs = 0;
async function run(bands: Bands, given: { readonly [name: string]: Json }, split = 16): Promise<string> {
  const files = await runScenes(bandIndex, [bands], given, { split });
  const path = join(work, `${runs++}.tif`);
  writeFileSync(path, files.get('')!);
  return path;
}

describe.skipIf(gdalMissing || !folder)('what others computed', () => {
  test('Landsat 5: numpy, to the last bit', async () => {
    const path = await run(
      {
        red: [satellite('landsat5_lbg/LS5_NBAR_19920323_B30.tif')],
        nir: [satellite('landsat5_lbg/LS5_NBAR_19920323_B40.tif')],
      },
      {},
    );
    const sources = [
      satellite('landsat5_lbg/LS5_NBAR_19920323_B30.tif'),
      satellite('landsat5_lbg/LS5_NBAR_19920323_B40.tif'),
    ];
    const [own, theirs, red, nir] = readRasters([path, golden('LS5_ndvi.tif'), ...sources]);
    expect(differences(own!.bands[0]!, theirs!.bands[0]!)).toBe('');
    const none = own!.bands[0]!.filter((value) => value !== value).length;
    const without = red!.bands[0]!.filter((value, i) => value === -999 || nir!.bands[0]![i] === -999).length;
    expect([none, without]).toEqual([11_577, 11_577]);
    expect({ ...own, bands: 0, nodata: 0 }).toEqual({ ...theirs, bands: 0, nodata: 0 });
    expect(validateCog(path)).toContain('is a valid cloud optimized GeoTIFF');
  });

  test('Sentinel-2: numpy, but for the 22 cells in which a band has none', async () => {
    const file = satellite('sentinel2/S2_L2A_sample.tif');
    const path = await run({ red: [file, 1], nir: [file, 4] }, {});
    const [own, theirs, source] = readRasters([path, golden('S2_L2A_sample_ndvi.tif'), file]);
    const [red, nir] = [source!.bands[0]!, source!.bands[3]!];
    const expected = theirs!.bands[0]!.map((value, i) => (red[i] === 0 || nir[i] === 0 ? NaN : value));
    expect(differences(own!.bands[0]!, expected)).toBe('');
    expect(differences(own!.bands[0]!, theirs!.bands[0]!)).toMatch(/^22 differ/);
    expect([own!.transform, own!.epsg]).toEqual([source!.transform, source!.epsg]);
  });

  test("sen2r's NDVI and MSAVI2, in 10,000ths to the last digit", async () => {
    const named = (name: string): string =>
      satellite(`sentinel2/barbellino/S2A2A_20190723_022_Barbellino_${name}_10.tif`);
    const bands: Bands = { red: [named('BOA'), 4], nir: [named('BOA'), 8] };
    const given = { dtype: 'int16', factor: 10_000 };
    const paths = [
      await run(bands, { ...given, index: 'ndvi' }),
      await run(bands, { ...given, index: 'msavi2', scale: 0.0001 }),
    ];
    const [ndvi, msavi2, theirs, others] = readRasters([...paths, named('NDVI'), named('MSAVI2')]);
    expect(differences(ndvi!.bands[0]!, theirs!.bands[0]!)).toBe('');
    expect(differences(msavi2!.bands[0]!, others!.bands[0]!)).toBe('');
    expect([ndvi!.types, ndvi!.nodata]).toEqual([['Int16'], [-32_768]]);
  });
});

describe.skipIf(gdalMissing)('a scene of fields', () => {
  test('classes of half the resolution mask it, grown by a disc, across the seams of tiles and parts', async () => {
    const paths = [
      await run(scene, { index: 'nir', mask: 'scl', dilation: 5 }, 1),
      await run(scene, { index: 'nir', mask: 'scl', dilation: 0 }, 16),
    ];
    const [grown, plain, scl, nir] = readRasters([...paths, scene['scl']![0], scene['nir']![0]]);
    const isLeftOut = (x: number, y: number): boolean =>
      [0, 1, 3, 8, 9, 10].includes(scl!.bands[0]![Math.floor(y / 2) * scl!.width + Math.floor(x / 2)]!);
    const expected = nir!.bands[0]!.slice();
    for (let y = 0; y < size; y++)
      for (let x = 0; x < size; x++) {
        if (!isLeftOut(x, y)) continue;
        for (let dy = -5; dy <= 5; dy++)
          for (let dx = -5; dx <= 5; dx++) {
            const [u, v] = [x + dx, y + dy];
            if (dx * dx + dy * dy <= 25 && u >= 0 && v >= 0 && u < size && v < size)
              expected[v * size + u] = NaN;
          }
      }
    const masked = expected.filter((value) => value !== value).length;
    expect(masked).toBeGreaterThan(5000);
    expect(masked).toBeLessThan(size * size * 0.9);
    expect(differences(grown!.bands[0]!, expected)).toBe('');
    const alone = nir!.bands[0]!.map((value, i) => (isLeftOut(i % size, Math.floor(i / size)) ? NaN : value));
    expect(differences(plain!.bands[0]!, alone)).toBe('');
  });

  test.each([1, 16])('a box is a cut of the whole, its mask too; split %i', async (split) => {
    const given = { mask: 'scl', dilation: 3 };
    const paths = [
      await run(scene, given),
      await run(scene, { ...given, bbox: '600203.5,5094500,605321,5098770' }, split),
    ];
    const [whole, cut] = readRasters(paths);
    const [left, top, right, bottom] = [20, 123, 533, 550];
    expect([cut!.width, cut!.height]).toEqual([right - left, bottom - top]);
    expect(cut!.transform).toEqual([600_000 + 10 * left, 10, 0, 5_100_000 - 10 * top, 0, -10]);
    const expected: number[] = [];
    for (let y = top; y < bottom; y++)
      expected.push(...whole!.bands[0]!.subarray(y * size + left, y * size + right));
    expect(differences(cut!.bands[0]!, expected)).toBe('');
  });

  test('an expression, a shift and a scale; a valid COG of any type', async () => {
    const index = 'where(green > 0.1, (nir - red) * 2, 0 - green ** 2)';
    const given = { index, shift: -1000, scale: 0.0001 };
    const paths: string[] = [];
    for (const dtype of ['float64', 'int16', 'uint8'])
      paths.push(await run(scene, { ...given, dtype, factor: dtype === 'float64' ? 1 : 100 }));
    for (const verdict of validateCogs(paths))
      expect(verdict).toContain('is a valid cloud optimized GeoTIFF');
    const names = ['red', 'green', 'nir'].map((name) => scene[name]![0]);
    const [whole, int16, uint8, ...sources] = readRasters([...paths, ...names]);
    const [red, green, nir] = sources.map(({ bands }) =>
      bands[0]!.map((value) => (value === 0 ? NaN : (value - 1000) * 0.0001)),
    );
    const expected = red!.map((r, i) => (green![i]! > 0.1 ? (nir![i]! - r) * 2 : 0 - green![i]! ** 2));
    expect(differences(whole!.bands[0]!, expected)).toBe('');
    const rounded = expected.map((value) => Math.sign(value) * Math.floor(Math.abs(value * 100) + 0.5));
    expect(differences(int16!.bands[0]!, rounded)).toBe('');
    const bytes = rounded.map((value) => Math.min(254, Math.max(0, value)));
    expect(differences(uint8!.bands[0]!, bytes)).toBe('');
    expect([whole!.nodata, uint8!.nodata]).toEqual([['nan'], [255]]);
  });
});

test('formulas by name are expressions over common names of STAC', () => {
  // https://github.com/stac-extensions/eo, table "Common Band Names".
  const common = ['blue', 'green', 'red', 'nir', 'swir16', 'swir22'];
  for (const { formula, source } of Object.values(indices)) {
    expect(common).toEqual(expect.arrayContaining([...parseExpression(formula).names]));
    expect(source).toMatch(/ \d{4}/);
  }
  expect(Object.values(masks).flatMap(({ formula }) => parseExpression(formula).names)).toEqual([
    'scl',
    'qa',
    'qa',
  ]);
  const [blue, green, red, nir] = [0.05, 0.08, 0.04, 0.4].map((value) => Float64Array.of(value));
  const known = { blue, green, red, nir, swir16: Float64Array.of(0.2), swir22: Float64Array.of(0.1) };
  const valueOf = (name: string): number => {
    const expression = parseExpression(indices[name]!.formula);
    return expression.run(
      expression.names.map((one) => known[one as keyof typeof known]!),
      1,
    )[0]!;
  };
  // Worked by hand.
  expect(valueOf('ndvi')).toBeCloseTo(0.36 / 0.44, 12);
  expect(valueOf('evi')).toBeCloseTo(0.9 / 1.265, 12);
  expect(valueOf('evi2')).toBeCloseTo(0.9 / 1.496, 12);
  expect(valueOf('savi')).toBeCloseTo(0.54 / 0.94, 12);
  expect(valueOf('msavi2')).toBeCloseTo((1.8 - Math.sqrt(0.36)) / 2, 12);
  expect(valueOf('ndsi')).toBeCloseTo(-0.12 / 0.28, 12);
  expect(valueOf('nbr')).toBeCloseTo(0.3 / 0.5, 12);
});

describe('one line for', () => {
  const cells = Uint16Array.from({ length: 64 }, (_, i) => i + 1);
  const write = (name: string, shape: object): string => {
    const path = join(work, name);
    writeFileSync(path, tiffFile({ width: 8, height: 8, cells, grid: [500_000, 5_000_000, 10], ...shape }));
    return path;
  };
  const red: [string] = [write('red.tif', { epsg: 32_632 })];
  const nir: [string] = [write('nir.tif', { epsg: 32_632 })];
  const small = cells.subarray(0, 16);
  const turned = [0, 10, 0, 500_000, 10, 0, 0, 5_000_000, 0, 0, 0, 0, 0, 0, 0, 1];
  const place = { width: 4, height: 4, cells: small };
  const cases: readonly (readonly [string, Bands, { readonly [name: string]: Json }, Function, string])[] = [
    ['an unknown band', { red, nir }, { index: 'ndwi' }, BadUsage, 'no band green in scene 0'],
    ['an unknown band of the mask', { red, nir }, { mask: 'scl' }, BadUsage, 'no band scl'],
    ['a name of all objects', { red, nir }, { index: 'nir + constructor' }, BadUsage, 'no band constructor'],
    ["a band beyond the file's", { red, nir: [nir[0], 2] }, {}, BadInput, 'band 2 of'],
    ['another CRS', { red, nir: [write('utm33.tif', { epsg: 32_633 })] }, {}, BadInput, 'EPSG:32633'],
    [
      'a grid that is turned',
      { red, nir: [write('turned.tif', { ...place, grid: undefined, matrix: turned, epsg: 32_632 })] },
      {},
      BadInput,
      'is turned',
    ],
    [
      'a smaller one that lies nowhere',
      { red, nir: [write('nowhere.tif', { ...place, grid: undefined })] },
      {},
      BadInput,
      'lies nowhere',
    ],
    ['a box beside it', { red, nir }, { bbox: '0,0,10,10' }, BadUsage, 'found 0,0,10,10'],
    ['a box without area', { red, nir }, { bbox: '500010,4999950,500010,4999990' }, BadUsage, 'bbox'],
    ['no expression', { red, nir }, { index: '(nir - red' }, BadUsage, 'found its end, expected )'],
    ['one without bands', { red, nir }, { index: '1 + 1' }, BadUsage, 'found no band'],
    ['one of a letter from elsewhere', { red, nir }, { index: 'nir − red' }, BadUsage, 'found − at'],
  ];
  test.each(cases)('%s', async (_, bands, given, kind, words) => {
    const error = await run(bands, given).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(kind);
    expect((error as Error).message).toContain(words);
    expect((error as Error).message).not.toContain('\n');
  });
  test('two scenes', async () => {
    const error = await runScenes(
      bandIndex,
      [
        { red, nir },
        { red, nir },
      ],
      {},
    ).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(BadUsage);
    expect((error as Error).message).toContain('found 2 scenes');
  });
});

test.each(['red=red,nir=nir', 'red,nir'])('bands of a catalogue, %s', async (bands) => {
  const rasters = await Promise.all(Object.values(scene).map(([path]) => describeUri(path as string)));
  const params = resolve(imageCatalog.params as Spec, {});
  const stage = { job: imageCatalog, inputs: { rasters, points: [] }, params };
  const [catalogued] = (await filesOf(stage, hostOf(catalog))).values();
  const items = join(work, 'items.json');
  writeFileSync(items, catalogued!);
  const line = ['--scenes', items, '--bands', bands, '--out', 'a.tif'];
  const parsed = (await parseArguments('run', bandIndex, line))!;
  const inputs = { bands: await Promise.all(parsed.uris['bands']!.map((uri) => describeUri(uri))) };
  const listed = {
    job: bandIndex,
    inputs,
    params: resolve(bandIndex.params as Spec, parsed.params as Options),
  };
  const expected = await runScenes(
    bandIndex,
    [{ red: scene['red']!, nir: scene['nir']! }],
    {},
    { split: 16 },
  );
  sameFiles(await filesOf(listed, hostOf(catalog)), expected, 'of a catalogue');
});
