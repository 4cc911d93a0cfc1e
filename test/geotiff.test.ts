/** Rasters as GDAL reads them: every shared file, band for band. */
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { memorySource } from './memorysource.ts';
import { openRaster } from '../geospatial/formats/geotiff.ts';
import type { Cells } from '../geospatial/kernels/pyramid.ts';
import { gdal, gdalMissing } from './gdal.ts';
import { shared } from './shared.ts';

const root = shared();
const folder = root === undefined ? undefined : join(root, 'data/geospatial');
if (!folder) console.warn('skipped: no shared data; rasters are not compared with GDAL');
const files = folder
  ? readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => /\.(tif|tiff)$/i.test(name))
      .toSorted()
  : [];

type Seen = {
  size: [number, number, number];
  nodata: number | string | null;
  transform: number[] | null;
  overviews: [number, number][];
  scales: [number, number][];
  /** CRC-32 of each band, NaN told as -12345. */
  digests: number[];
};

const script = `
def digest(a):
    import zlib
    if a.dtype.kind == 'f': a = np.where(np.isnan(a), a.dtype.type(-12345), a)
    return zlib.crc32(np.ascontiguousarray(a).tobytes())
out = []
gdal.PushErrorHandler('CPLQuietErrorHandler')
for path in given:
    try:
        ds = gdal.Open(path)
        t = ds.GetGeoTransform(can_return_null=True)
        b1 = ds.GetRasterBand(1)
        nd = b1.GetNoDataValue()
        out.append(dict(size=[ds.RasterXSize, ds.RasterYSize, ds.RasterCount],
          nodata=None if nd is None else 'nan' if nd != nd else nd,
          transform=None if t is None else [t[1], t[2], t[0], t[4], t[5], t[3]],
          overviews=[[b1.GetOverview(i).XSize, b1.GetOverview(i).YSize] for i in range(b1.GetOverviewCount())],
          scales=[[ds.GetRasterBand(i+1).GetScale() or 1, ds.GetRasterBand(i+1).GetOffset() or 0] for i in range(ds.RasterCount)],
          digests=[digest(ds.GetRasterBand(i+1).ReadAsArray()) for i in range(ds.RasterCount)]))
    except Exception as e:
        out.append(dict(error=str(e)))
print(json.dumps(out))
`;

function digest(cells: Cells): number {
  if (cells instanceof Float32Array || cells instanceof Float64Array)
    for (let i = 0; i < cells.length; i++) if (cells[i] !== cells[i]) cells[i] = -12345;
  return crc32(Buffer.from(cells.buffer, cells.byteOffset, cells.byteLength));
}
/** What is not read as GDAL reads it, and why. */
const exceptions: { readonly [name: string]: RegExp } = {
  // No decoder of WebP for Node without native code.
  'cogeotiff-rgba8_strip.tiff': /compression WebP/,
  'riocogeo-image_webp.tif': /compression WebP/,
  // Cut short: GDAL cannot read it either.
  'rasterio-corrupt.tif': /tile 3 from byte 260000/,
};
/** Another inverse cosine transform: cells may be off by a step or two. */
const jpeg = new Set(['cogeotiff-be_cog.tiff']);
/** GDAL also counts overviews that are as large as the raster. */
const withEqualOverview = new Set(['riocogeo-image_dec.tif']);

const name = (value: number | string | null | undefined): string =>
  value === undefined || value === null ? 'none' : String(value).toLowerCase();

describe.skipIf(!folder || gdalMissing !== undefined)('every shared raster', () => {
  const seen =
    folder && gdalMissing === undefined
      ? gdal<Seen[]>(
          script,
          files.map((file) => join(folder, file)),
        )
      : [];

  test.each(files.map((file, i) => [file, seen[i]!] as const))('%s', async (file, theirs) => {
    const bytes = readFileSync(join(folder!, file));
    const act = async () => {
      const raster = await openRaster(memorySource(bytes), basename(file));
      const all = raster.bands.map((_, i) => i);
      return { raster, cells: await raster.read(all, 0, 0, raster.width, raster.height) };
    };
    const exception = exceptions[basename(file)];
    if (exception) return expect(act()).rejects.toThrow(exception);
    const { raster, cells } = await act();
    expect([raster.width, raster.height, raster.bands.length]).toEqual(theirs.size);
    expect(raster.transform).toEqual(theirs.transform);
    expect(name(raster.nodata)).toBe(name(theirs.nodata));
    expect(raster.bands.map(({ scale, offset }) => [scale, offset])).toEqual(theirs.scales);
    if (!withEqualOverview.has(basename(file)))
      expect(raster.levels.slice(1).map(({ width, height }) => [width, height])).toEqual(theirs.overviews);
    if (!jpeg.has(basename(file))) expect(cells.map(digest)).toEqual(theirs.digests);
  });
});
