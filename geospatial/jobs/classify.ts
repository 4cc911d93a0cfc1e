/** lidar/classify: every point as ground or not, in the order of the files, encoded anew. The last third of lidar/ground. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { headOf } from '../formats/laswrite.ts';
import { aim, encode, encodeBound, outputOf, returnCodec, takeCodec } from '../kernels/codec.ts';
import type { Grid } from '../kernels/grid.ts';
import { lazUrl } from '../kernels/modules.ts';
import { startTally, tallyPoints } from '../kernels/tally.ts';
import { noGrid, plain } from '../rasters/cell.ts';
import { headersOf, openFull } from '../lidar/clouds.ts';
import type { Shape } from '../lidar/shape.ts';
import { shapeOf } from '../lidar/shape.ts';
import { chunkPoints, cutSlices, pointsAt, readSlice, type Slice, sliceMemory } from '../lidar/slices.ts';
import { type Earth, groundParams } from '../lidar/ground.ts';
import { markPoints } from '../lidar/marking.ts';
import type { Written } from '../lidar/written.ts';
import { chunksOf, keepChunk, mergeWritten, startWaiting, storeChunks, writeLaz } from '../lidar/written.ts';

type Inputs = { points: readonly Dataset[]; noise?: readonly Dataset[] };
type Part = { readonly slice: Slice; readonly shape: Shape };

const params = {
  ...groundParams,
  grid: plain<Grid>(noGrid, 'grid of the ground'),
  earth: plain<Earth | null>(null, 'the ground'),
};

export const classify = define<Inputs, typeof params, Part, Written>({
  name: 'lidar/classify',
  version: 1,
  doc: 'Points on the ground and others; the last third of lidar/ground',
  inputs: {
    points: { doc: 'point clouds', formats: ['laz', 'las'], many: true },
    noise: { doc: 'points that are noise', formats: ['lidar/outliers'], optional: true },
  },
  params,
  split: 500_000,
  unit: 'points',
  counts: 'points',
  output: 'file',
  result: columns<Written>(),
  modules: { laz: lazUrl },

  async partition({ points }, _given, split, planning) {
    const full = await openFull(points, planning);
    const shape = shapeOf(full.map(({ las }) => las));
    const slices = await cutSlices(full, split, planning);
    return {
      parts: slices.map((slice) => ({ slice, shape })),
      records: full.reduce((sum, { las }) => sum + las.count, 0),
    };
  },
  weight: ({ slice }) => slice.points,
  pace: 2e6,
  memory: ({ slice, shape }) => sliceMemory(slice, shape) + 64 * 2 ** 20,

  async kernel({ slice, shape }, { points: files, noise }, given, context) {
    const codec = takeCodec(await context.module('laz'));
    const room = encodeBound(chunkPoints, shape.extra);
    const first = await readSlice(slice, files, shape, codec, room, context);
    const all = pointsAt(codec, first, first + slice.points);
    await markPoints(all, shape, given, noise, context);
    const tally = startTally();
    tallyPoints(tally, all);
    const waiting = startWaiting();
    for (let from = 0; from < slice.points; from += chunkPoints) {
      context.signal.throwIfAborted();
      const count = Math.min(chunkPoints, slice.points - from);
      aim(codec, 1, first + from);
      const bytes = encode(codec, shape.pdrf, count, 0);
      keepChunk(waiting, outputOf(codec, 0, bytes).slice(), count);
    }
    returnCodec(codec);
    return storeChunks(waiting, tally, context);
  },

  merge: mergeWritten,
  records: ({ tally }) => tally.points,

  async write(result, output, { inputs: { points } }, context) {
    const full = await headersOf(points, context);
    const head = { ...headOf(full[0]!, shapeOf(full)), chunk: chunkPoints };
    await writeLaz(await output.file(), () => head, chunksOf(result), context);
  },
});
