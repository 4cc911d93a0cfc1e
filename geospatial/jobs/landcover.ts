/** satellite/landcover: cells of scenes by what is alike in their bands, by k-means; this stage draws the first centers. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { chanceOf, firstModel } from '../kernels/kmeans.ts';
import { classPyramid, clusterStage, clusterParams, namesOf, tooFew } from '../rasters/clusters.ts';
import { nodesOf } from '../rasters/blocks.ts';
import { fetchingFor } from '../rasters/fetching.ts';
import { readTiles, type SceneBlock, sceneMemory } from '../rasters/scenetiles.ts';
import { fetch } from './fetch.ts';
import { kmeans } from './kmeans.ts';

type Inputs = { bands: readonly Dataset[] };
/** Cells drawn by chance: where they are, which gives them an order, and the values of their bands side by side. */
type Sample = {
  readonly tiles: number;
  readonly scene: Uint32Array<ArrayBuffer>;
  readonly row: Uint32Array<ArrayBuffer>;
  readonly column: Uint32Array<ArrayBuffer>;
  readonly values: Float64Array<ArrayBuffer>;
};

// Enough for first centers; all cells of small scenes.
const sampleCells = 20_000;

export const landcover = define<Inputs, typeof clusterParams, SceneBlock, Sample>({
  ...clusterStage,
  name: 'satellite/landcover',
  version: 2,
  doc: 'classes of cells that are alike in their bands (k-means), over one scene or many, as Cloud-Optimized GeoTIFFs',
  examples: [
    '--bands red=B04.tif,green=B03.tif,nir=B08.tif --clusters 8 --out classes.tif',
    "--bands 'red=*_B4.TIF,nir=*_B5.TIF,qa=*_QA.TIF' --mask qa --batch 0.1 --out classes",
  ],
  params: clusterParams,
  result: columns<Sample>(),

  async before({ bands }, given, _split, planning) {
    const { scenes, dilation: halo } = given;
    const stage = await fetchingFor(bands, { scenes, names: namesOf(given).names, bbox: '', halo }, planning);
    return stage && { job: fetch, ...stage };
  },
  pace: 60,
  memory: sceneMemory,

  async kernel(part, { bands }, given, context) {
    const { mask, wanted, names } = namesOf(given);
    const pyramid = classPyramid(part);
    const open = (dataset: Dataset) => context.open(dataset);
    const reading = { names, mask, dilation: given.dilation };
    const tiles = await readTiles(part, pyramid, reading, bands, open);
    const share = sampleCells / (part.width * part.height * given.scenes.length);
    const [rows, columnsOf, values]: [number[], number[], number[]] = [[], [], []];
    let count = 0;
    for (const node of nodesOf(part, pyramid)) {
      count++;
      tiles.each(node, wanted, (found, from, height, window) => {
        for (let i = 0; i < height * window.width; i++) {
          const row = window.top + from + Math.floor(i / window.width);
          const column = window.left + (i % window.width);
          if (chanceOf(part.product, row, column, given.seed) >= share) continue;
          if (!found.every((own) => Number.isFinite(own[i]!))) continue;
          rows.push(row);
          columnsOf.push(column);
          for (const own of found) values.push(own[i]!);
        }
      });
    }
    return {
      tiles: count,
      scene: new Uint32Array(rows.length).fill(part.product),
      row: Uint32Array.from(rows),
      column: Uint32Array.from(columnsOf),
      values: Float64Array.from(values),
    };
  },

  merge: (samples) => ({
    tiles: samples.reduce((sum, { tiles }) => sum + tiles, 0),
    scene: Uint32Array.from(samples.flatMap(({ scene }) => [...scene])),
    row: Uint32Array.from(samples.flatMap(({ row }) => [...row])),
    column: Uint32Array.from(samples.flatMap(({ column }) => [...column])),
    values: Float64Array.from(samples.flatMap(({ values }) => [...values])),
  }),
  records: ({ tiles }) => tiles,

  next(_sample, { scene, row, column, values }, { bands }, params) {
    const width = values.length / Math.max(1, row.length);
    // By place: blocks come in another order for another split.
    const order = Array.from(row.keys()).sort(
      (a, b) => scene[a]! - scene[b]! || row[a]! - row[b]! || column[a]! - column[b]!,
    );
    const sorted = Float64Array.from(order.flatMap((i) => [...values.subarray(i * width, (i + 1) * width)]));
    const model =
      firstModel(sorted, width || 1, params.clusters, params.seed, params.weigh === 'spread') ??
      tooFew(params.clusters);
    return { job: kmeans, inputs: { bands }, params: { ...params, model, round: 0 } };
  },
});
