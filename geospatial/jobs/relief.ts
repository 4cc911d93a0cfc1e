/** terrain/relief: what the shape of an elevation model is at every cell: shade, slope, aspect, roughness, ... as Cloud-Optimized GeoTIFFs. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { flag, number } from '../../core/params.ts';
import { openDem } from '../formats/dem.ts';
import { tileSide } from '../kernels/grid.ts';
import type { Node } from '../kernels/pyramid.ts';
import type { Heights } from '../kernels/relief.ts';
import { type Block, blocksOver, makeBlock, tilesOf } from '../rasters/blocks.ts';
import { mergeProducts, type Products, toldOf, writeProducts } from '../rasters/mosaics.ts';
import { formulaOf, pyramidOfRelief, reliefNames, reliefParam, reliefTile } from '../terrain/products.ts';

type Inputs = { dem: readonly [Dataset] };

const params = {
  product: reliefParam,
  azimuth: number(315, 'where the light comes from, clockwise from the north', {
    unit: 'degrees',
    min: 0,
    max: 360,
  }),
  altitude: number(45, 'how high the light stands', { unit: 'degrees', min: 0, max: 90 }),
  'z-factor': number(1, 'what heights are multiplied by', { min: 0 }),
  edges: flag(
    'cells at edges, too: neighbours without height count as the cell, slopes go on beyond the raster',
  ),
};

export const relief = define<Inputs, typeof params, Block, Products>({
  name: 'terrain/relief',
  version: 3,
  doc: 'hillshade, slope, aspect, roughness, TPI, TRI of an elevation model (gdaldem) as Cloud-Optimized GeoTIFFs',
  examples: [
    '--dem dtm.tif --product hillshade --out shade.tif',
    '--dem dtm.tif --product slope,aspect,tri --edges --out terrain',
  ],
  inputs: {
    dem: {
      doc: 'elevation model: a north-up GeoTIFF of square cells, the first band',
      formats: ['tif', 'tiff'],
    },
  },
  params,
  split: 16,
  unit: 'tiles',
  counts: 'tiles',
  output: 'prefix',
  result: columns<Products>(),

  async partition({ dem: [dataset] }, { product }, split, planning) {
    const { grid } = await openDem(await planning.open(dataset), dataset.uri);
    const pyramids = reliefNames(product).map((name) => pyramidOfRelief(grid, name));
    const parts = pyramids.flatMap((pyramid, i) => blocksOver(pyramid, split, i));
    return { parts, records: pyramids.reduce((sum, pyramid) => sum + tilesOf(pyramid), 0) };
  },
  pace: 30,
  memory: ({ top }) => (9 * 4 ** top + 24) * 2 ** 20,

  async kernel(block, { dem: [dataset] }, given, context) {
    const dem = await openDem(await context.open(dataset), dataset.uri);
    const { grid } = dem;
    const name = reliefNames(given.product)[block.product]!;
    const pyramid = pyramidOfRelief(grid, name);
    const formula = formulaOf(name, given, grid.cell);
    // The block and a cell around, as far as the raster goes; at its edge two cells, from which slopes go on.
    const { top, column, row } = block;
    const side = tileSide * 2 ** top;
    const [left, up] = [Math.max(0, column * side - 2), Math.max(0, row * side - 2)];
    const width = Math.min(grid.width, (column + 1) * side + 2) - left;
    const height = Math.min(grid.height, (row + 1) * side + 2) - up;
    const heights: Heights = {
      values: await dem.read(left, up, width, height),
      left,
      top: up,
      width,
      height,
    };
    const tile = async (node: Node) => reliefTile(heights, grid, node, pyramid, formula, given.edges);
    return makeBlock(block, pyramid, tile, context);
  },

  merge: mergeProducts,
  records: ({ pieces }) => pieces,

  async write(
    result,
    output,
    {
      inputs: {
        dem: [dataset],
      },
      params: given,
    },
    context,
  ) {
    const dem = await openDem(await context.open(dataset), dataset.uri);
    const rasters = reliefNames(given.product).map((name) =>
      toldOf(name, pyramidOfRelief(dem.grid, name), dem),
    );
    await writeProducts(result, rasters, output, context);
  },
});
