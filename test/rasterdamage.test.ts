/** Damaged GeoTIFFs: cells or one line, in bounded time, whatever is changed or cut. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { BadInput } from '../core/errors.ts';
import { memorySource } from './memorysource.ts';
import { random } from '../datasets/random.ts';
import { readTiff } from '../geospatial/formats/directories.ts';
import { openRaster } from '../geospatial/formats/geotiff.ts';
import { isLong, shared } from './shared.ts';

vi.setConfig({ testTimeout: 600_000 });

const home = shared();
const folders = ['cog', 'raster', 'sentinel2/barbellino', 'l8ny18', 'mosaic', 'dem'];
const most = 120_000;
const files = home
  ? folders.flatMap((name) => {
      const folder = join(home, 'data/geospatial/satellite', name);
      const all = readdirSync(folder)
        .filter((file) => /\.tiff?$/i.test(file))
        .map((file) => join(folder, file));
      return all.filter((file) => statSync(file).size <= most).slice(0, 12);
    })
  : [];
if (files.length === 0) console.warn('skipped: no shared data; no damaged rasters');

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
