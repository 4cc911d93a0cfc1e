/** satellite/index: an expression over the bands of a scene, cell by cell. */
import { columns } from '../../core/codec.ts';
import { BadUsage } from '../../core/errors.ts';
import type { Dataset, Source } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { number, text } from '../../core/params.ts';
import { parseExpression } from '../kernels/expression.ts';
import { indices } from '../kernels/indices.ts';
import { type Cells, type Node } from '../kernels/pyramid.ts';
import { storeRun } from '../kernels/store.ts';
import { blockMemory, makeBlock, tilesOf } from '../rasters/blocks.ts';
import { plain } from '../rasters/cell.ts';
import { fetchingFor } from '../rasters/fetching.ts';
import { maskOf, maskParams } from '../rasters/masking.ts';
import { mergeProducts, type Products, writeProducts } from '../rasters/mosaics.ts';
import { croppedTo, outputParams, pyramidOfOutput } from '../rasters/output.ts';
import { openScene, type Scene } from '../rasters/scenes.ts';
import { namesIn, readTiles, type SceneBlock, sceneBlocks, sceneMemory } from '../rasters/scenetiles.ts';
import { fetch } from './fetch.ts';

type Inputs = { bands: readonly Dataset[] };
const listed = Object.entries(indices).map(
  ([name, { formula, source }]) => `${name} = ${formula} (${source})`,
);

const params = {
  index: text(
    `an expression over the names of --bands, say '(nir - red) / (nir + red)', or by name: ${listed.join('; ')}`,
    'ndvi',
  ),
  scale: number(
    1,
    'cells of bands times this are what the expression gets, beside what the files say: 0.0001 for reflectance of Sentinel-2',
  ),
  shift: number(0, 'added to cells of bands before: -1000 for Sentinel-2 since baseline 04.00'),
  ...maskParams,
  ...outputParams,
  scenes: plain<readonly Scene[]>([], 'which file and band a name is; --bands says it'),
};
type Given = { readonly index: string; readonly mask: string; readonly scenes: readonly Scene[] };

/** The expression, the mask, and all bands that they name. */
function programOf({ index, mask, scenes }: Given) {
  if (scenes.length !== 1)
    throw new BadUsage(
      `--bands: found ${scenes.length} scenes, expected one, say an item of a catalogue; satellite/composite takes many`,
    );
  const expression = parseExpression(indices[index || 'ndvi']?.formula ?? index);
  const left = maskOf(mask);
  if (expression.names.length === 0) throw new BadUsage(`--index: found no band in ${index}, expected one`);
  return { scene: scenes[0]!, expression, mask: left, names: namesIn([expression, left]) };
}

const opened = async (
  { bands }: Inputs,
  given: Given & { readonly bbox: string },
  open: (dataset: Dataset) => Promise<Source>,
) => {
  const { scene, names } = programOf(given);
  const found = await openScene(scene, names, bands, open);
  return { found, lattice: croppedTo(found.lattice, given.bbox) };
};

export const bandIndex = define<Inputs, typeof params, SceneBlock, Products>({
  name: 'satellite/index',
  version: 3,
  doc: 'a spectral index or any expression over bands (gdal_calc), masked, as a Cloud-Optimized GeoTIFF',
  examples: [
    '--bands red=B04.tif,nir=B08.tif --index ndvi --out ndvi.tif',
    "--bands red=scene.tif#1,nir=scene.tif#4,scl=scene.tif#5 --index '(nir-red)/(nir+red)' --mask scl --dtype int16 --factor 10000 --out ndvi.tif",
  ],
  inputs: {
    bands: {
      doc: 'bands by name: name=file.tif,name=file.tif#2, ...; #2 is the second band of a file',
      formats: ['tif', 'tiff'],
      many: true,
      named: 'scenes',
    },
  },
  params,
  split: 16,
  unit: 'tiles',
  counts: 'tiles',
  output: 'file',
  result: columns<Products>(),

  async before(inputs, given, split, planning) {
    const { names } = programOf(given);
    const { scenes, bbox, dilation: halo } = given;
    const parts = async () => (await bandIndex.partition(inputs, given, split, planning)).parts;
    const stage = await fetchingFor(inputs.bands, { scenes, names, bbox, halo }, planning, parts);
    return stage && { job: fetch, ...stage };
  },
  async partition(inputs, given, split, planning) {
    const { found, lattice } = await opened(inputs, given, (dataset) => planning.open(dataset));
    const pyramid = pyramidOfOutput(lattice, given);
    const parts = await sceneBlocks(found, lattice, pyramid, { split, halo: given.dilation });
    const notes = lattice.note === '' ? [] : [lattice.note];
    return { parts, records: tilesOf(pyramid), notes };
  },
  pace: 30,
  memory: (part, given) => blockMemory(part.top, pyramidOfOutput(part, given)) + sceneMemory(part),

  async kernel(part, { bands: datasets }, given, context) {
    const { expression, mask, names } = programOf(given);
    const { scale, shift, factor, dilation } = given;
    const pyramid = pyramidOfOutput(part, given);
    const { type, nodata = NaN, side } = pyramid;
    const open = (dataset: Dataset) => context.open(dataset);
    const tiles = await readTiles(part, pyramid, { names, mask, dilation }, datasets, open);
    const tile = async (node: Node, room: () => Cells): Promise<Cells | undefined> => {
      const out = room();
      let found = 0;
      tiles.each(node, expression.names, (values, row, rows, { width }) => {
        const count = rows * width;
        if (scale !== 1 || shift !== 0)
          for (const own of values) for (let i = 0; i < count; i++) own[i] = (own[i]! + shift) * scale;
        const results = expression.run(values, count);
        for (let r = 0; r < rows; r++)
          found += storeRun(results.subarray(r * width), width, factor, out, (row + r) * side, type, nodata);
      });
      return found > 0 ? out : undefined;
    };
    return makeBlock(part, pyramid, tile, context);
  },

  merge: mergeProducts,
  records: ({ pieces }) => pieces,

  async write(result, output, { inputs, params: given }, context) {
    const { lattice } = await opened(inputs, given, (dataset) => context.open(dataset));
    const { transform, crs } = lattice;
    const name = given.index || 'ndvi';
    const pyramid = pyramidOfOutput(lattice, given);
    const bands = [given.factor === 1 ? { name } : { name, scale: 1 / given.factor }];
    await writeProducts(
      result,
      [{ name, pyramid, transform, bands, ...(crs ? { crs } : {}) }],
      output,
      context,
    );
  },
});
