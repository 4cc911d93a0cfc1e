/** terrain/relief: what the shape of an elevation model is at every cell: shade, slope, aspect, roughness, ... as Cloud-Optimized GeoTIFFs. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { flag, number } from '../../core/params.ts';
import { encodeTile, levels } from '../formats/cog.ts';
import { openDem } from '../formats/dem.ts';
import { tileSide } from '../kernels/grid.ts';
import type { Cells, Node, Quarter } from '../kernels/pyramid.ts';
import { build, halveTile } from '../kernels/pyramid.ts';
import type { Heights } from '../kernels/relief.ts';
import { mergeProducts, type Products, storeTiles, type Tiles, writeProducts } from '../rasters/mosaics.ts';
import { formulaOf, pyramidOfRelief, reliefNames, reliefParam, reliefTile } from '../terrain/products.ts';

type Inputs = { dem: readonly [Dataset] };
/** The tiles below one tile of level `top` of a product. */
type Part = { readonly product: number; readonly top: number; readonly column: number; readonly row: number };

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

const highestTop = 2;

export const relief = define<Inputs, typeof params, Part, Products>({
  name: 'terrain/relief',
  version: 1,
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
    const shape = levels(grid);
    const top = Math.min(shape.length - 1, highestTop, Math.max(0, Math.floor(Math.log2(split) / 2)));
    const [wide, high] = [shape[0]!.columns, shape[0]!.rows].map((n) => Math.ceil(n / 2 ** top)) as [
      number,
      number,
    ];
    const parts = reliefNames(product).flatMap((_, i) =>
      Array.from({ length: wide * high }, (_block, k): Part => ({
        product: i,
        top,
        column: k % wide,
        row: Math.floor(k / wide),
      })),
    );
    return { parts, records: reliefNames(product).length * shape[0]!.columns * shape[0]!.rows };
  },
  pace: 30,
  memory: ({ top }) => (9 * 4 ** top + 24) * 2 ** 20,

  async kernel({ product, top, column, row }, { dem: [dataset] }, given, context) {
    const dem = await openDem(await context.open(dataset), dataset.uri);
    const { grid } = dem;
    const name = reliefNames(given.product)[product]!;
    const pyramid = pyramidOfRelief(grid, name);
    const formula = formulaOf(name, given, grid.cell);
    // The block and a cell around, as far as the raster goes; at its edge two cells, from which slopes go on.
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
    const tiles: Tiles = [];
    let count = 0;
    const keep = (node: Node, values: Cells): Quarter => {
      context.signal.throwIfAborted();
      tiles.push({ ...node, bytes: encodeTile(values) });
      return halveTile(values, node, pyramid);
    };
    const leaf = async (node: Node): Promise<Quarter | undefined> => {
      count++;
      const values = reliefTile(heights, grid, node, pyramid, formula, given.edges);
      return values && keep(node, values);
    };
    const node = { level: top, column, row };
    const rest = await build(node, 0, pyramid, leaf, async (above, values) => void keep(above, values));
    const isPart = top < pyramid.levels.length - 1;
    const mosaic = await storeTiles(tiles, count, isPart && rest ? { ...node, ...rest } : undefined, context);
    return { pieces: count, products: [{ product, mosaic }] };
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
    const { grid, crs, note } = await openDem(await context.open(dataset), dataset.uri);
    const names = reliefNames(given.product);
    const rasters = names.map((name) => ({ name, pyramid: pyramidOfRelief(grid, name) }));
    await writeProducts(result, rasters, { grid, crs, note }, output, context);
  },
});
