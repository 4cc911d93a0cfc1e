/** satellite/cog: what GDAL reads in the copy is what it reads in the source, of rasters of many makes; and each copy is a COG without a fault. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BadInput, BadUsage } from '../core/errors.ts';
import type { Json } from '../core/json.ts';
import { cog } from '../geospatial/jobs/cog.ts';
import { gdal, gdalMissing } from './gdal.ts';
import { shared } from './shared.ts';
import { dataset, runJob } from './stage.ts';

const work = mkdtempSync(join(tmpdir(), 'cogjob-'));
afterAll(() => rmSync(work, { recursive: true }));
const folder = shared();
if (!folder) console.warn('skipped: no folder of shared test data');
const satellite = (name: string): string => join(folder ?? '', 'data/geospatial/satellite', name);

let runs = 0;
async function run(path: string, given: { readonly [name: string]: Json } = {}, split = 16): Promise<string> {
  const { files } = await runJob(cog, { raster: [await dataset(path, 'tif')] }, given, { split });
  const out = join(work, `${runs++}.tif`);
  writeFileSync(out, files.get('')!);
  return out;
}

/** The copy by parts of 1, 4 and 16 tiles, joined in different orders. */
async function cutAnyhow(path: string, given: { readonly [name: string]: Json }): Promise<Buffer[]> {
  const raster = [await dataset(path, 'tif')];
  const out: Buffer[] = [];
  for (const [split, arity] of [
    [1, 'left'],
    [4, 3],
    [97, 'right'],
  ] as const) {
    const { files } = await runJob(cog, { raster }, given, { split, arity });
    out.push(Buffer.from(files.get('')!));
  }
  return out;
}

/** What GDAL says of two rasters that are to be one, by name, and what its full check of the copy as a COG complains of. */
const compare = `
def facts(d):
    s = d.GetSpatialRef()
    out = dict(size=[d.RasterXSize, d.RasterYSize], transform=list(d.GetGeoTransform()), crs=s.ExportToProj4() if s else '')
    for i in range(d.RasterCount):
        b = d.GetRasterBand(i + 1)
        t = b.GetColorTable()
        n = b.GetNoDataValue()
        out[f'band {i + 1}'] = dict(type=gdal.GetDataTypeName(b.DataType), nodata=repr(n), scale=b.GetScale() or 1, offset=b.GetOffset() or 0,
            unit=b.GetUnitType(), name=b.GetDescription(), colors=t and [t.GetColorEntry(k) for k in range(t.GetCount())])
    return out
a, b = gdal.Open(given['source']), gdal.Open(given['copy'])
x, y = facts(a), facts(b)
wrong = [[k, x[k], y.get(k)] for k in x if x[k] != y.get(k)]
masked = 0
for i in range(a.RasterCount):
    p, q = a.GetRasterBand(i + 1).ReadAsArray(), b.GetRasterBand(i + 1).ReadAsArray()
    m = a.GetRasterBand(i + 1).GetMaskBand().ReadAsArray() != 0
    n = b.GetRasterBand(i + 1).GetMaskBand().ReadAsArray() != 0
    masked += int((~m).sum())
    if (m != n).any(): wrong.append([f'mask {i + 1}', int((m != n).sum())])
    same = (p == q) | (np.isnan(p.astype('f8')) & np.isnan(q.astype('f8')))
    if not given['masked']: m = np.ones_like(m)
    if (~same & m).any(): wrong.append([f'cells {i + 1}', int((~same & m).sum())])
from osgeo_utils.samples import validate_cloud_optimized_geotiff as validator
warnings, errors, _ = validator.validate(given['copy'], full_check=True)
wrong += warnings + errors
print(json.dumps(dict(wrong=wrong, bands=[a.RasterCount, b.RasterCount], masked=masked)))`;
type Compared = {
  readonly wrong: readonly unknown[];
  readonly bands: readonly [number, number];
  readonly masked: number;
};
/** Of a source with a mask, only cells that it leaves are compared where `masked` is true. */
const compared = (source: string, copy: string, masked = false): Compared =>
  gdal<Compared>(compare, { source, copy, masked });

describe.skipIf(gdalMissing || !folder)('rasters of many makes', () => {
  test.each([
    ['cog/riocogeo-image_colormap.tif', { overview: 'mode' }],
    ['cog/riocogeo-image_nan.tif', {}],
    ['cog/riotiler-cog_nodata_nan.tif', {}],
    ['cog/riotiler-cog_scale.tif', {}],
    ['cog/riocogeo-image_with_offsets.tif', {}],
    ['cog/cogeotiff-big.endian.tiff', {}],
    ['cog/riotiler-inverted_lat.tif', {}],
    ['raster/rasterio-RGBA.uint16.tif', {}],
    ['raster/rasterio-RGB.byte.tif', { block: '256' }],
    ['raster/rasterio-rgb_lzw.tif', { block: '128' }],
    ['raster/rasterio-float_nan.tif', {}],
    ['raster/rasterio-rotated.tif', {}],
    ['landsat_timeseries/1985.tif', {}],
    ['lidar_rasters/dsm.tif', {}],
  ] as const)('%s', async (name, given) => {
    const copy = await run(satellite(name), given, 4);
    const { wrong, bands } = compared(satellite(name), copy);
    expect(wrong).toEqual([]);
    expect(bands[1]).toBe(bands[0]);
  });

  test('numbers of colours have no mean', async () => {
    const source = satellite('cog/riocogeo-image_colormap.tif');
    const [usual, nearest] = [await run(source), await run(source, { overview: 'nearest' })];
    expect(Buffer.compare(readFileSync(usual), readFileSync(nearest))).toBe(0);
    const error = await run(source, { overview: 'average' }).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(BadUsage);
    expect((error as Error).message).toMatch(/found average, expected nearest or mode for the palette of /);
  });

  test('WebP is one line', async () => {
    const error = await run(satellite('cog/cogeotiff-rgba8_strip.tiff')).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(BadInput);
    expect((error as Error).message).toMatch(/^GeoTIFF: .*found compression WebP.*; write it anew.*$/);
  });

  test.each(['cog/riotiler-cog_rgb_mask.tif', 'cog/riocogeo-image_rgb_mask.tif'])(
    'a mask of colours stays one, or becomes their opacity: %s',
    async (name) => {
      const kept = compared(satellite(name), await run(satellite(name)));
      expect([kept.wrong, kept.bands]).toEqual([[], [3, 3]]);
      const copy = await run(satellite(name), { mask: 'alpha' });
      const { wrong, bands, masked } = compared(satellite(name), copy, true);
      expect([wrong, bands]).toEqual([[], [3, 4]]);
      expect(masked).toBeGreaterThan(0);
    },
  );
});

describe.skipIf(gdalMissing)('what GDAL writes', () => {
  /** Writes a raster of noise with everything that a band can say. */
  const make = (options: readonly string[], type = 'Int16', bits = 0): string => {
    const path = join(work, `source-${runs++}.tif`);
    gdal(
      `
r = np.random.default_rng(4)
w, h = 600, 520
d = gdal.GetDriverByName('GTiff').Create(given['path'], w, h, 2, gdal.GetDataTypeByName(given['type']), given['options'])
d.SetGeoTransform([500000, 10, 0, 5000000, 0, -10])
s = osr.SpatialReference(); s.ImportFromEPSG(32632); d.SetProjection(s.ExportToWkt())
for i in range(2):
    b = d.GetRasterBand(i + 1)
    a = r.integers(0, 2 ** given['bits'] if given['bits'] else 100, (h, w)) + (0.5 if given['type'].startswith('Float') else 0)
    b.WriteArray(a)
    if not given['bits']: b.SetNoDataValue(7.5 if given['type'].startswith('Float') else 7)
    b.SetScale(0.01 * (i + 1)); b.SetOffset(-3 - i); b.SetDescription(f'band <{i}> & more'); b.SetUnitType('W/m² & <sr>')
d = None
print('0')`,
      { path, options, type, bits },
    );
    return path;
  };
  test.each([
    ['planes of strips', ['INTERLEAVE=BAND', 'COMPRESS=LZW', 'PREDICTOR=2'], 'Int16'],
    ['tiles of pixels, big endian', ['TILED=YES', 'ENDIANNESS=BIG', 'COMPRESS=DEFLATE'], 'UInt16'],
    ['BigTIFF of floats with a predictor', ['BIGTIFF=YES', 'COMPRESS=DEFLATE', 'PREDICTOR=3'], 'Float32'],
    ['doubles, packed bits', ['COMPRESS=PACKBITS', 'TILED=YES', 'BLOCKXSIZE=64', 'BLOCKYSIZE=32'], 'Float64'],
    ['whole numbers of 32 bits, Zstandard', ['COMPRESS=ZSTD'], 'Int32'],
  ] as const)('%s', async (_, options, type) => {
    const source = make(options, type);
    const [copy, other] = [await run(source, {}, 1), await run(source, {}, 16)];
    const { wrong, masked } = compared(source, copy);
    expect(wrong).toEqual([]);
    expect(masked).toBeGreaterThan(0);
    expect(Buffer.compare(readFileSync(copy), readFileSync(other))).toBe(0);
  });
  test('single bits, as bytes', async () => {
    const source = make(['NBITS=1', 'INTERLEAVE=BAND'], 'Byte', 1);
    const copy = await run(source);
    expect(compared(source, copy).wrong).toEqual([]);
  });
  test('some of the bands, in another order; a nodata value that is told', async () => {
    const source = make([]);
    const copy = await run(source, { bands: [2, 1, 2], nodata: '9' });
    const told = gdal<unknown[]>(
      `a, b = gdal.Open(given[0]), gdal.Open(given[1])
print(json.dumps([[bool((a.GetRasterBand(k).ReadAsArray() == b.GetRasterBand(i + 1).ReadAsArray()).all()), b.GetRasterBand(i + 1).GetDescription(),
    b.GetRasterBand(i + 1).GetOffset(), b.GetRasterBand(i + 1).GetNoDataValue()] for i, k in enumerate([2, 1, 2])]))`,
      [source, copy],
    );
    expect(told).toEqual([
      [true, 'band <1> & more', -4, 9],
      [true, 'band <0> & more', -3, 9],
      [true, 'band <1> & more', -4, 9],
    ]);
  });
  test.each([
    [{ bands: [3] }, 'option bands: found 3, expected 1 to 2'],
    [{ nodata: '40000' }, 'option nodata: found 40000'],
    [{ nodata: '1.5' }, 'option nodata: found 1.5'],
  ])('one line for %j', async (given, words) => {
    const error = await run(make([]), given).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(BadUsage);
    expect((error as Error).message).toContain(words);
    expect((error as Error).message).not.toContain('\n');
  });
});

describe.skipIf(gdalMissing)('a raster of 100 tiles with a mask', () => {
  // Hidden cells that hold something, tiles without anything, tiles of valid zeros; holes and dots in the mask; the sides are halved to odd ones last.
  const source = join(work, 'masked.tif');
  const plain = join(work, 'plain.tif');
  beforeAll(() => {
    gdal(
      `
gdal.SetConfigOption('GDAL_TIFF_INTERNAL_MASK', 'YES')
r = np.random.default_rng(8)
h, w = 1184, 1280
y, x = np.mgrid[:h, :w]
a = np.clip(120 + 60 * np.sin(x / 37) + 50 * np.cos(y / 23) + (x < 256) * r.normal(0, 9, (h, w)), 0, 255).astype('u1')
m = ((x - 600) ** 2 + (y - 500) ** 2 < 420 ** 2) & ((x - 590) ** 2 + (y - 480) ** 2 > 60 ** 2) | (r.random((h, w)) < 0.01) & (x > 900)
m[900:1100, :300] = True; a[900:1100, :300] = 0
m[:300, :300] = False; a[:300, :300] = 0
d = gdal.GetDriverByName('GTiff').Create(given[0], w, h, 1, gdal.GDT_Byte, ['TILED=YES', 'COMPRESS=DEFLATE'])
d.CreateMaskBand(gdal.GMF_PER_DATASET)
d.GetRasterBand(1).WriteArray(a)
d.GetRasterBand(1).GetMaskBand().WriteArray((m * 255).astype('u1'))
d = None
d = gdal.GetDriverByName('GTiff').Create(given[1], w, h, 1, gdal.GDT_Float32, ['TILED=YES', 'COMPRESS=DEFLATE'])
d.GetRasterBand(1).SetNoDataValue(-9999)
d.GetRasterBand(1).WriteArray(np.where(m, a * 1.37 - 20, -9999))
d = None
print(0)`,
      [source, plain],
    );
  });

  test.each([
    [{ block: '128', statistics: true }],
    [{ block: '128', overview: 'cubic', compress: 'zstd', predictor: 'none' }],
  ])('%j: one file however it is cut and joined', async (given) => {
    const [first, ...others] = await cutAnyhow(source, given);
    for (const other of others) expect(Buffer.compare(first!, other)).toBe(0);
  });

  test('its overviews are those of gdaladdo, cells and mask, and its statistics those of gdalinfo', async () => {
    const copies: { kind: string; source: string; copy: string }[] = [];
    for (const [kind, path, compress] of [
      ['average', source, 'zstd'],
      ['nearest', source, 'deflate'],
      ['bilinear', source, 'deflate'],
      ['cubic', source, 'deflate'],
      ['cubic', plain, 'zstd'],
    ] as const) {
      const copy = await run(path, { block: '256', overview: kind, compress, statistics: true }, 4);
      copies.push({ kind, source: path, copy });
    }
    const found = gdal<unknown[]>(
      `
import shutil
from osgeo_utils.samples import validate_cloud_optimized_geotiff as validator
wrong = []
for one in given:
    peer = one['copy'] + '.peer.tif'
    shutil.copy(one['source'], peer)
    d = gdal.Open(peer, gdal.GA_Update)
    d.BuildOverviews(one['kind'], [2, 4, 8])
    f = gdal.Open(one['copy'])
    a, b = d.GetRasterBand(1), f.GetRasterBand(1)
    warnings, errors, _ = validator.validate(one['copy'], full_check=True)
    wrong += warnings + errors
    if (a.ReadAsArray() != b.ReadAsArray()).any(): wrong.append([one['kind'], 'cells'])
    for level in range(3):
        p, q = a.GetOverview(level), b.GetOverview(level)
        m, n = p.GetMaskBand().ReadAsArray(), q.GetMaskBand().ReadAsArray()
        x, y = p.ReadAsArray().astype('f8'), q.ReadAsArray().astype('f8')
        if m.shape != n.shape or (m != n).any(): wrong.append([one['kind'], level, 'mask', int((m != n).sum())])
        # Sums of GDAL are f32 in part: a half may fall to the other side.
        elif np.abs(x - y)[m > 0].max() > (1 if a.DataType == gdal.GDT_Byte else 1e-4) or (x != y)[m > 0].mean() > 1e-4: wrong.append([one['kind'], level, 'cells', float((x != y)[m > 0].mean())])
    v = a.ReadAsArray()[a.GetMaskBand().ReadAsArray() > 0].astype('f8')
    t = b.GetMetadata()
    for k, e, digits in [['MINIMUM', v.min(), 13], ['MAXIMUM', v.max(), 13], ['MEAN', v.mean(), 12], ['STDDEV', v.std(), 12], ['VALID_PERCENT', 100 * v.size / (a.XSize * a.YSize), 3]]:
        if abs(float(t['STATISTICS_' + k]) - e) > 10.0 ** -digits * abs(e): wrong.append([k, t['STATISTICS_' + k], float(e)])
print(json.dumps(wrong))`,
      copies,
    );
    expect(found).toEqual([]);
  });

  test('colours that are not seen have no part in means, as in those of gdaladdo', async () => {
    const path = join(work, 'rgba.tif');
    gdal(
      `
r = np.random.default_rng(3)
h, w = 304, 352
y, x = np.mgrid[:h, :w]
d = gdal.GetDriverByName('GTiff').Create(given, w, h, 4, gdal.GDT_Byte, ['TILED=YES', 'ALPHA=YES', 'PHOTOMETRIC=RGB', 'COMPRESS=DEFLATE'])
for b in range(3): d.GetRasterBand(b + 1).WriteArray(((x * (b + 2) + y * 3 + r.integers(0, 60, (h, w))) % 256).astype('u1'))
a = np.where((x // 7 + y // 5) % 3 == 0, 0, np.where(x % 11 == 0, 90, 255)).astype('u1')
d.GetRasterBand(4).WriteArray(a)
d = None
print(0)`,
      path,
    );
    const copy = await run(path, { block: '128' }, 4);
    const found = gdal<{ wrong: number; seen: number }[]>(
      `
import shutil
shutil.copy(given['path'], given['copy'] + '.peer.tif')
d = gdal.Open(given['copy'] + '.peer.tif', gdal.GA_Update)
d.BuildOverviews('average', [2, 4])
f = gdal.Open(given['copy'])
out = []
for level in range(2):
    p, q = [np.stack([r.GetRasterBand(b + 1).GetOverview(level).ReadAsArray() for b in range(4)]) for r in [d, f]]
    out.append(dict(wrong=int((p != q).sum()), seen=float((p[3] > 0).mean())))
print(json.dumps(out))`,
      { path, copy },
    );
    for (const { wrong, seen } of found) {
      expect(wrong).toBe(0);
      expect(seen).toBeGreaterThan(0.5);
      expect(seen).toBeLessThan(1);
    }
  });
});
