/** satellite/composite: many scenes of a place to one picture without clouds, cell by cell. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { choice, words } from '../../core/params.ts';
import { percentile } from '../kernels/composite.ts';
import { type Cells, emptyTile, type Node, type Pyramid, pyramidOver } from '../kernels/pyramid.ts';
import { resamplings } from '../kernels/resample.ts';
import { storeRun } from '../kernels/store.ts';
import { type Block, blockMemory, blocksOver, makeBlock, tilesOf, windowOf } from '../rasters/blocks.ts';
import { bandsInput } from '../rasters/clusters.ts';
import { compositeGrid, compositeTile, methods, programOf, scenesIn } from '../rasters/compositing.ts';
import { maskParams } from '../rasters/masking.ts';
import { mergeProducts, type Products, writeProducts } from '../rasters/mosaics.ts';
import { outputParams, pyramidOfOutput } from '../rasters/output.ts';
import type { Lattice, Scene } from '../rasters/scenes.ts';
import { plain } from '../rasters/cell.ts';
import { gridParams } from '../rasters/targetgrid.ts';

type Inputs = { bands: readonly Dataset[]; like?: readonly Dataset[] };
/** A block of the grid, and the numbers of the scenes that may have some of it. */
type Part = Block & { readonly grid: Lattice; readonly numbers: readonly number[] };

const { bbox: _own, ...stored } = outputParams;
const params = {
  method: words(
    methods,
    'median',
    'what a cell becomes: a statistic of the valid values (p1 to p99 are percentiles), or the values of one scene: where NDVI is highest, the latest, the one with the least cloud, or the first',
    percentile,
  ),
  resampling: choice(
    resamplings,
    'how scenes on other grids give values; masks are always taken from the nearest cell',
  ),
  ...maskParams,
  ...gridParams,
  ...stored,
  scenes: plain<readonly Scene[]>([], 'which file and band a name is; --bands says it'),
};

const countPyramid = (grid: Lattice): Pyramid =>
  pyramidOver(grid, { type: 'Uint16', empty: 0, overview: 'nearest' });

export const composite = define<Inputs, typeof params, Part, Products>({
  name: 'satellite/composite',
  version: 3,
  doc: 'many scenes of a place to one: median, mean, percentile or best cell, with the number of valid scenes, as Cloud-Optimized GeoTIFFs',
  examples: [
    "--bands 'red=*_B04.tif,nir=*_B08.tif,scl=*_SCL.tif' --mask scl --out summer",
    "--bands 'red=*_B4.TIF,qa=*_QA.TIF' --mask qa --dilation 3 --method p20 --dtype uint16 --to EPSG:32618 --resolution 30 --snap --out low",
  ],
  inputs: {
    bands: bandsInput,
    like: { doc: 'a raster whose grid to use', formats: ['tif', 'tiff'], optional: true },
  },
  params,
  split: 1,
  unit: 'tiles',
  counts: 'tiles',
  output: 'prefix',
  result: columns<Products>(),

  async partition({ bands, like }, given, split, planning) {
    const open = (dataset: Dataset) => planning.open(dataset);
    const grid = await compositeGrid(bands, like?.[0], given, open);
    const pyramid = countPyramid(grid);
    const parts: Part[] = [];
    for (const block of blocksOver(pyramid, split)) {
      const window = windowOf({ level: block.top, column: block.column, row: block.row }, pyramid);
      parts.push({ ...block, grid, numbers: await scenesIn(window, grid, bands, given, open) });
    }
    return { parts, records: 2 * tilesOf(pyramid), notes: grid.note === '' ? [] : [grid.note] };
  },
  weight: ({ numbers }) => 1 + numbers.length,
  pace: 10,
  memory: ({ top, grid }, given) =>
    blockMemory(top, pyramidOfOutput(grid, given, programOf(given).wanted.length)) + 256 * 2 ** 20,

  async kernel(part, { bands: datasets }, given, context) {
    const { grid, numbers } = part;
    const { wanted } = programOf(given);
    const pyramid = pyramidOfOutput(grid, given, wanted.length);
    const { type, nodata = NaN, side } = pyramid;
    const counted = new Map<string, Cells>();
    const tile = async (node: Node, room: () => Cells): Promise<Cells | undefined> => {
      const window = windowOf(node, pyramid);
      const found = await compositeTile(window, grid, numbers, datasets, given, context);
      if (!found) return undefined;
      const out = room();
      const counts = emptyTile(countPyramid(grid));
      const line = new (out.constructor as new (length: number) => Cells)(window.width);
      for (let row = 0; row < window.height; row++) {
        const [from, to] = [row * window.width, row * side];
        counts.set(found.counts.subarray(from, from + window.width), to);
        for (const [k, band] of found.bands.entries()) {
          storeRun(band.subarray(from), window.width, given.factor, line, 0, type, nodata);
          for (let x = 0; x < window.width; x++) out[(to + x) * wanted.length + k] = line[x]!;
        }
      }
      counted.set(`${node.column},${node.row}`, counts);
      return out;
    };
    const values = await makeBlock(part, pyramid, tile, context);
    const count = async ({ column, row }: Node) => counted.get(`${column},${row}`);
    return mergeProducts([
      values,
      await makeBlock({ ...part, product: 1 }, countPyramid(grid), count, context),
    ]);
  },

  merge: mergeProducts,
  records: ({ pieces }) => pieces,

  async write(result, output, { inputs: { bands, like }, params: given }, context) {
    const grid = await compositeGrid(bands, like?.[0], given, (dataset) => context.open(dataset));
    const { wanted } = programOf(given);
    const place = { transform: grid.transform, ...(grid.crs ? { crs: grid.crs } : {}) };
    const scale = given.factor === 1 ? {} : { scale: 1 / given.factor };
    const named = wanted.map((name) => ({ name, ...scale }));
    const rasters = [
      { name: given.method, pyramid: pyramidOfOutput(grid, given, wanted.length), bands: named, ...place },
      { name: 'count', pyramid: countPyramid(grid), ...place },
    ];
    await writeProducts(result, rasters, output, context);
  },
});
