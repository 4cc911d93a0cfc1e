/** satellite/kmeans: one round of satellite/landcover: every cell to its nearest center, and the sums from which the centers follow. */
import { columns } from '../../core/codec.ts';
import type { Dataset, Stage } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { addSums, chanceOf, inSteps, moved, nearest, noSums, type Sums } from '../kernels/kmeans.ts';
import { classPyramid, clusterStage, isSettled, namesOf, roundParams } from '../rasters/clusters.ts';
import { nodesOf } from '../rasters/blocks.ts';
import { readTiles, type SceneBlock, sceneMemory } from '../rasters/scenetiles.ts';
import { classes } from './classes.ts';

type Inputs = { bands: readonly Dataset[] };
type Round = Sums & { readonly tiles: number };

export const kmeans = define<Inputs, typeof roundParams, SceneBlock, Round>({
  ...clusterStage,
  name: 'satellite/kmeans',
  version: 2,
  doc: 'a round of k-means; the middle of satellite/landcover',
  params: roundParams,
  result: columns<Round>(),

  pace: 20,
  memory: sceneMemory,

  async kernel(part, { bands: datasets }, given, context) {
    const { mask, wanted, names } = namesOf(given);
    const { model, round, batch, seed } = given;
    const pyramid = classPyramid(part);
    const open = (dataset: Dataset) => context.open(dataset);
    const tiles = await readTiles(part, pyramid, { names, mask, dilation: given.dilation }, datasets, open);
    const bands = wanted.length;
    const sums = noSums(model.centers.length, bands);
    const cells = new Float64Array(sums.cells.length);
    const low = new Float64Array(sums.low.length);
    const steps = new Float64Array(bands);
    let count = 0;
    for (const node of nodesOf(part, pyramid)) {
      context.signal.throwIfAborted();
      count++;
      tiles.each(node, wanted, (found, from, rows, window) => {
        cells.fill(0);
        low.fill(0);
        for (let i = 0; i < rows * window.width; i++) {
          if (batch < 1) {
            const [row, column] = [
              window.top + from + Math.floor(i / window.width),
              window.left + (i % window.width),
            ];
            if (chanceOf(part.product, row, column, seed + round + 1) >= batch) continue;
          }
          let isValue = true;
          for (let b = 0; b < bands; b++) {
            const value = found[b]![i]!;
            if (value - value !== 0) isValue = false;
            else steps[b] = inSteps(value, model.step);
          }
          if (!isValue) continue;
          const cluster = nearest(steps, 0, model);
          cells[cluster]!++;
          for (let b = 0; b < bands; b++) low[cluster * bands + b]! += steps[b]!;
        }
        addSums(sums, cells, undefined, low);
      });
    }
    return { ...sums, tiles: count };
  },

  merge(rounds) {
    const sums = noSums(rounds[0]!.cells.length, rounds[0]!.low.length / rounds[0]!.cells.length);
    for (const { cells, high, low } of rounds) addSums(sums, cells, high, low);
    return { ...sums, tiles: rounds.reduce((sum, { tiles }) => sum + tiles, 0) };
  },
  records: ({ tiles }) => tiles,

  next(_round, sums, { bands }, params): Stage {
    const model = moved(params.model, sums, params.batch < 1);
    const given = { ...params, model, round: params.round + 1 };
    return {
      job: isSettled(params.model, model, params) ? classes : kmeans,
      inputs: { bands },
      params: given,
    };
  },
});
