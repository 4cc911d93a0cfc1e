/** lidar/classify: every point as ground or not, in the order of the files, encoded anew. The last third of lidar/ground. */
import { columns } from '../../core/codec.ts';
import type { Context, Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { headOf } from '../formats/laswrite.ts';
import { aim, encode, encodeBound, outputOf, type Points, returnCodec, takeCodec } from '../kernels/codec.ts';
import type { Grid } from '../kernels/grid.ts';
import type { Ground } from '../kernels/ground.ts';
import { classify as mark } from '../kernels/ground.ts';
import { lazUrl } from '../kernels/modules.ts';
import type { PointSet } from '../kernels/outliers.ts';
import { startTally, tallyPoints } from '../kernels/tally.ts';
import { noGrid, plain } from '../rasters/cell.ts';
import { headersOf, openFull } from '../lidar/clouds.ts';
import type { Shape } from '../lidar/shape.ts';
import { shapeOf } from '../lidar/shape.ts';
import { chunkPoints, cutSlices, pointsAt, readSlice, type Slice, sliceMemory } from '../lidar/slices.ts';
import { type Earth, groundParams, marksOf } from '../lidar/ground.ts';
import { noiseOf } from '../lidar/noise.ts';
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
    const set = await noiseOf(noise, context);
    const codec = takeCodec(await context.module('laz'));
    const room = encodeBound(chunkPoints, shape.extra);
    const first = await readSlice(slice, files, shape, codec, room, context);
    const all = pointsAt(codec, first, first + slice.points);
    const ground = await around(all, shape, given.grid, given.earth!, context);
    const { isGroundReturn, isIgnored } = marksOf(given);
    mark(all, shape, given.grid, ground, given, isGroundReturn, isIgnored, given.method === 'pmf');
    if (set) markNoise(all, set, isIgnored);
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

const noiseClass = 7;

/** Gives noise its class, but for what is left alone. */
function markNoise({ x, y, z, classes, count }: Points, set: PointSet, isIgnored: Uint8Array): void {
  for (let i = 0; i < count; i++)
    if (isIgnored[classes[i]!] === 0 && set.has(x[i]!, y[i]!, z[i]!)) classes[i] = noiseClass;
}

/** The rows of the ground that lie around some points, as a raster of its own. */
async function around(
  points: Points,
  { scale, offset }: Shape,
  grid: Grid,
  { heights, slopes }: Earth,
  context: Pick<Context, 'get'>,
): Promise<Ground> {
  const { north, cell, width, height } = grid;
  let [low, high] = [Infinity, -Infinity];
  for (const y of points.y) {
    if (y < low) low = y;
    if (y > high) high = y;
  }
  const rowOf = (raw: number): number => (north - (raw * scale[1] + offset[1])) / cell;
  const top = Math.max(0, Math.min(height - 1, Math.floor(rowOf(high)) - 1));
  const bottom = Math.max(top + 1, Math.min(height, Math.ceil(rowOf(low)) + 2));
  const rows = async (plane: Earth['heights']): Promise<Float32Array> => {
    const bytes = await context.get(plane, 4 * width * top, 4 * width * bottom);
    return new Float32Array(new Uint8Array(bytes).buffer);
  };
  return { top, heights: await rows(heights), slopes: await rows(slopes) };
}
