/** lidar/mosaic: the pieces of rasters put together, tile by tile, to Cloud-Optimized GeoTIFFs. The second half of lidar/raster. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { flag, text } from '../../core/params.ts';
import type { GeoKeys } from '../formats/geokeys.ts';
import type { Grid } from '../kernels/grid.ts';
import type { Cells, Node } from '../kernels/pyramid.ts';
import { type Block, blocksOf, isOfPieces } from '../lidar/blocks.ts';
import { type Layout, layoutOf, productParams, pyramidOf } from '../lidar/products.ts';
import { surfaceOf, windowBytes } from '../lidar/surface.ts';
import { drawnTile, type Pieces, startPieces } from '../lidar/tilemaker.ts';
import { noGrid, plain } from '../rasters/cell.ts';
import { makeBlock } from '../rasters/blocks.ts';
import { mergeProducts, type Products, toldOf, writeProducts } from '../rasters/mosaics.ts';

type Inputs = { surface: readonly [Dataset] };

const params = {
  grid: plain<Grid>(noGrid, 'grid of the surface'),
  crs: plain<GeoKeys | null>(null, 'CRS of the surface, as GeoTIFF keys'),
  note: text('what to say beside the band', 'text'),
  ...productParams,
  above: flag('heights are those above the ground'),
};

export const mosaic = define<Inputs, typeof params, Block, Products>({
  name: 'lidar/mosaic',
  version: 3,
  doc: 'Pieces of rasters to Cloud-Optimized GeoTIFFs; the second half of lidar/raster',
  inputs: { surface: { doc: 'result of lidar/raster', formats: ['lidar/raster'] } },
  params,
  split: 16,
  unit: 'tiles',
  counts: 'pieces',
  output: 'prefix',
  result: columns<Products>(),

  partition: async ({ surface: [dataset] }, given, split, planning) =>
    blocksOf(await surfaceOf(dataset, planning), layoutOf(given), given.grid, split),

  weight: ({ pieces, blobs }) =>
    blobs.length === 0 ? 2 ** 24 : pieces.reduce((sum, [, , , start, end]) => sum + end - start, 0),
  // A window of pieces, a tile of each level and its planes, and a block's tiles twice.
  memory: ({ top, product }, given) =>
    2 * windowBytes +
    24 * 2 ** 20 +
    3 * 2 ** 20 * 4 ** top +
    (isOfPieces(layoutOf(given).products[product]!) ? 0 : 160 * 2 ** 20),

  async kernel(block, { surface }, given, context) {
    const { grid } = given;
    const layout: Layout = layoutOf(given);
    const made = layout.products[block.product]!;
    const pieces: Pieces | undefined = isOfPieces(made) ? startPieces(block, made, grid, context) : undefined;
    const whole = pieces ? undefined : await surfaceOf(surface[0], context);
    const tile = async (node: Node): Promise<Cells | undefined> =>
      pieces?.tile(node) ??
      drawnTile({ ...given, surface: whole!, ground: layout.ground }, made, node, context);
    const used = (): number => pieces?.used() ?? 0;
    const result = await makeBlock(block, pyramidOf(grid, made.name), tile, context, used);
    if (result.pieces !== block.pieces.length)
      throw new Error(
        `block ${block.column}, ${block.row}: ${result.pieces} pieces of ${block.pieces.length} used`,
      );
    return result;
  },

  merge: mergeProducts,
  records: ({ pieces }) => pieces,

  async write(result, output, { params: given }, context) {
    const rasters = layoutOf(given).products.map(({ name }) =>
      toldOf(name, pyramidOf(given.grid, name), given),
    );
    await writeProducts(result, rasters, output, context);
  },
});
