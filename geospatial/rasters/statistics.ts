/** Statistics of all bands of a raster, read once from end to end. */
import type { RasterFile } from '../formats/geotiff.ts';
import { joinSpreads, noSpread, type Spread, spreadOfCells } from '../kernels/spread.ts';

// Cells of all bands that are held at once; tiles of more are read one by one.
const mostCells = 2 ** 22;

/** Of each band: values that are neither nodata nor masked, as cells hold them. The same numbers each time: pieces follow the file's tiles. */
export async function statisticsOf(raster: RasterFile, signal: AbortSignal): Promise<Spread[]> {
  const { width, height, bands, nodata, hasMask } = raster;
  const { tileWidth, tileHeight } = raster.levels[0]!;
  const numbers = bands.map((_, i) => i);
  const found = bands.map(() => noSpread);
  // Whole rows of tiles where they fit, otherwise as many tiles side by side as do.
  const room = Math.floor(mostCells / bands.length);
  const high = Math.min(height, tileHeight * Math.max(1, Math.floor(room / (width * tileHeight))));
  const wide = Math.min(width, tileWidth * Math.max(1, Math.floor(room / (high * tileWidth))));
  for (let top = 0; top < height; top += high)
    for (let left = 0; left < width; left += wide) {
      signal.throwIfAborted();
      const window = [left, top, Math.min(wide, width - left), Math.min(high, height - top)] as const;
      const mask = hasMask ? await raster.mask(...window) : undefined;
      for (const [i, cells] of (await raster.read(numbers, ...window)).entries())
        found[i] = joinSpreads(
          found[i]!,
          spreadOfCells(cells, nodata, i === raster.alpha ? undefined : mask),
        );
    }
  return found;
}
