/** Rasters that are held whole, as Cloud-Optimized GeoTIFFs. */
import type { Sink } from '../core/job.ts';
import { encodeTile, type Raster, writeCog } from '../geospatial/formats/cog.ts';
import { halve } from '../geospatial/kernels/overview.ts';
import { type Cells, cellArrays, levels } from '../geospatial/kernels/pyramid.ts';

/** Writes `values`, row by row, one band, with overviews. */
export async function writeRaster(file: Sink, raster: Raster, values: Cells): Promise<void> {
  const { side, nodata, type } = raster;
  const shape = levels(raster, side);
  const tiles: Uint8Array[][] = [];
  let cells = values;
  for (const { width, height, columns, rows } of shape) {
    tiles.push(
      Array.from({ length: columns * rows }, (_, index) => {
        const tile = new cellArrays[type](side * side).fill(nodata ?? 0);
        const [left, top] = [(index % columns) * side, Math.floor(index / columns) * side];
        for (let y = top; y < Math.min(height, top + side); y++)
          tile.set(
            cells.subarray(y * width + left, y * width + Math.min(width, left + side)),
            (y - top) * side,
          );
        return encodeTile(tile, { side, bands: 1 });
      }),
    );
    cells = halve(cells, width, height, { nodata });
  }
  const sizes = tiles.map((level) => Uint32Array.from(level, (tile) => tile.length));
  await writeCog(file, raster, sizes, async (level, index) => tiles[level]![index]!);
}
