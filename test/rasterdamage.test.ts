/** Damaged GeoTIFFs: cells or one line, in bounded time and memory, whatever is changed or cut. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { BadInput } from '../core/errors.ts';
import { memorySource } from './memorysource.ts';
import { random } from '../datasets/random.ts';
import { readTiff } from '../geospatial/formats/directories.ts';
import { openRaster } from '../geospatial/formats/geotiff.ts';
import { gdal, gdalMissing } from './gdal.ts';
import { isLong, shared } from './shared.ts';

vi.setConfig({ testTimeout: 600_000 });

const work = mkdtempSync(join(tmpdir(), 'rasterdamage-'));
afterAll(() => rmSync(work, { recursive: true }));
const home = shared();
const folders = ['cog', 'raster', 'sentinel2/barbellino', 'l8ny18', 'mosaic', 'dem'];
const most = 120_000;
const given = home
  ? folders.flatMap((name) => {
      const folder = join(home, 'data/geospatial/satellite', name);
      const all = readdirSync(folder)
        .filter((file) => /\.tiff?$/i.test(file))
        .map((file) => join(folder, file));
      return all.filter((file) => statSync(file).size <= most).slice(0, 12);
    })
  : [];
/** One of each kind that GDAL writes: bytes or floats, bands, and what it is told. */
const tiled = ['TILED=YES', 'BLOCKXSIZE=32', 'BLOCKYSIZE=32'];
const kinds: readonly (readonly [
  type: 'Byte' | 'UInt16' | 'Float32',
  bands: number,
  options: readonly string[],
])[] = [
  ['Byte', 3, ['BLOCKYSIZE=7']],
  ['Byte', 3, [...tiled, 'INTERLEAVE=BAND']],
  ['Byte', 1, ['COMPRESS=PACKBITS', 'BIGTIFF=YES']],
  ['Byte', 1, [...tiled, 'COMPRESS=DEFLATE', 'NBITS=1']],
  ['Byte', 3, [...tiled, 'COMPRESS=JPEG', 'PHOTOMETRIC=YCBCR']],
  ['Byte', 1, ['COMPRESS=JPEG', 'JPEGTABLESMODE=0']],
  ['Byte', 2, [...tiled, 'COMPRESS=DEFLATE', 'MASK']],
  ['UInt16', 2, [...tiled, 'COMPRESS=LZW', 'PREDICTOR=2', 'INTERLEAVE=BAND']],
  ['UInt16', 1, [...tiled, 'COMPRESS=LZW', 'NBITS=12']],
  ['UInt16', 2, [...tiled, 'COMPRESS=ZSTD', 'BIGTIFF=YES', 'ENDIANNESS=BIG']],
  ['UInt16', 1, [...tiled, 'COMPRESS=LERC_DEFLATE']],
  ['Float32', 2, [...tiled, 'COMPRESS=DEFLATE', 'PREDICTOR=3']],
  ['Float32', 1, ['COMPRESS=ZSTD', 'PREDICTOR=3']],
  ['Float32', 1, [...tiled, 'COMPRESS=LERC']],
  ['Float32', 1, ['COMPRESS=LERC_ZSTD']],
  ['Float32', 1, [...tiled, 'COMPRESS=DEFLATE', 'NBITS=16']],
];
const made = gdalMissing
  ? []
  : gdal<string[]>(
      `import os
gdal.SetConfigOption('GDAL_TIFF_INTERNAL_MASK', 'YES')
out = []
y, x = np.mgrid[0:90, 0:110]
for i, (kind, bands, options) in enumerate(given['kinds']):
    path = os.path.join(given['work'], f'{i}.tif'); out.append(path)
    d = gdal.GetDriverByName('GTiff').Create(path, 110, 90, bands, getattr(gdal, 'GDT_' + kind), [o for o in options if o != 'MASK'])
    d.SetGeoTransform((500000, 10, 0, 5000000, 0, -10))
    for band in range(1, bands + 1): d.GetRasterBand(band).WriteArray((100 + 50 * np.sin(x / 9 + band) + 40 * np.cos(y / 7)) % (2 if 'NBITS=1' in options else 255))
    if 'MASK' in options:
        d.CreateMaskBand(gdal.GMF_PER_DATASET); d.GetRasterBand(1).GetMaskBand().WriteArray((x > 20) * 255)
    d = None
print(json.dumps(out))`,
      { kinds, work },
    );
const files = [...made, ...given];
if (files.length === 0) console.warn('skipped: no shared data, no GDAL; no damaged rasters');

/** Reads what jobs read: a window of all bands, and the mask. */
async function look(bytes: Uint8Array): Promise<'read' | 'refused'> {
  try {
    const raster = await openRaster(memorySource(bytes), 'x.tif');
    const [width, height] = [Math.min(300, raster.width), Math.min(300, raster.height)];
    const bands = raster.bands.map((_, i) => i).slice(0, 4);
    const cells = await raster.read(bands, 0, 0, width, height);
    for (const band of cells) expect(band.length).toBe(width * height);
    await raster.mask(0, 0, width, height);
    return 'read';
  } catch (error) {
    if (!(error instanceof BadInput)) throw error;
    expect(error.message.split('\n')).toHaveLength(1);
    return 'refused';
  } finally {
    // Of this process so far, in KiB.
    expect(process.resourceUsage().maxRSS).toBeLessThan(600 * 1024);
  }
}

describe.skipIf(files.length === 0)('damage', () => {
  const turns = isLong ? 3000 : 300;
  test(`${turns} changes of some bytes`, async () => {
    const rng = random(1, 'rasters');
    const seen = { read: 0, refused: 0 };
    for (let turn = 0; turn < turns; turn++) {
      const bytes = Uint8Array.from(readFileSync(files[rng.below(files.length)]!));
      // Half of the changes hit directories, which mostly lie at an end.
      for (let change = rng.below(4); change >= 0; change--) {
        const near = Math.min(bytes.length, 600);
        const at = [rng.below(near), bytes.length - 1 - rng.below(near), rng.below(bytes.length)][
          rng.below(3)
        ]!;
        bytes[at] = [0, 255, rng.below(256), bytes[at]! ^ (1 << rng.below(8))][rng.below(4)]!;
      }
      seen[await look(bytes)]++;
    }
    expect(seen.read).toBeGreaterThan(turns / 10);
    expect(seen.refused).toBeGreaterThan(turns / 10);
  });

  test('cut at every edge of a tile', async () => {
    for (const file of isLong ? files : files.slice(0, 20)) {
      const bytes = readFileSync(file);
      const tiff = await readTiff(memorySource(bytes), file);
      const edges = new Set<number>();
      for (const directory of tiff.directories)
        for (const [offsetTag, sizeTag] of [
          [273, 279],
          [324, 325],
        ] as const) {
          const offsets = await tiff.numbers(directory, offsetTag, 0, 40);
          const sizes = await tiff.numbers(directory, sizeTag, 0, 40);
          for (const [i, offset] of offsets?.entries() ?? [])
            edges.add(offset).add(offset + (sizes?.[i] ?? 0) - 1);
        }
      for (const edge of edges) if (edge > 0 && edge < bytes.length) await look(bytes.subarray(0, edge));
    }
  });
});
