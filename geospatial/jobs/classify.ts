/** lidar/classify: every point as ground or not, in the order of the files, encoded anew. The last third of lidar/ground. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { headOf } from '../formats/laswrite.ts';
import { readRun, roomOf } from '../formats/points.ts';
import {
  aim,
  encode,
  encodeBound,
  fields,
  makeRoom,
  outputOf,
  type Points,
  reclass,
  returnCodec,
  takeCodec,
} from '../kernels/codec.ts';
import type { Grid } from '../kernels/grid.ts';
import { lazUrl } from '../kernels/modules.ts';
import { startTally, tallyPlaces } from '../kernels/tally.ts';
import { noGrid, plain } from '../rasters/cell.ts';
import { headersOf, openFull } from '../lidar/clouds.ts';
import type { Shape } from '../lidar/shape.ts';
import { shapeOf, stepsOf } from '../lidar/shape.ts';
import { chunkPoints, cutSlices, pointsAt, readSlice, type Slice, sliceMemory } from '../lidar/slices.ts';
import { type Earth, groundParams } from '../lidar/ground.ts';
import { markerOf, markPoints, wholeGround } from '../lidar/marking.ts';
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
  version: 2,
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
    const tally = startTally();
    const waiting = startWaiting();
    const room = encodeBound(chunkPoints, shape.extra);
    if (isWhole(slice, shape) && given.grid.width * given.grid.height <= mostCells) {
      const ground = await wholeGround(given, context);
      const mark = await markerOf(shape, given, noise, context, ground);
      const [{ file, run }] = slice.pieces as [Slice['pieces'][0]];
      makeRoom(codec, { ...roomOf(run), output: room });
      const wanted = fields.z | fields.class;
      const take = (points: Points, _first: number, bytes: number): void => {
        mark(points);
        tallyPlaces(tally, points);
        const size = reclass(codec, shape.pdrf, bytes, points.count, 0);
        keepChunk(waiting, outputOf(codec, 0, size).slice(), points.count);
      };
      const source = await context.open(files[file]!);
      for await (const _ of readRun(source, run, files[file]!.uri, codec, wanted, take))
        context.signal.throwIfAborted();
    } else {
      const first = await readSlice(slice, files, shape, codec, room, context);
      const all = pointsAt(codec, first, first + slice.points);
      await markPoints(all, shape, given, noise, context);
      tallyPlaces(tally, all);
      for (let from = 0; from < slice.points; from += chunkPoints) {
        context.signal.throwIfAborted();
        const count = Math.min(chunkPoints, slice.points - from);
        aim(codec, 1, first + from);
        const bytes = encode(codec, shape.pdrf, count, 0);
        keepChunk(waiting, outputOf(codec, 0, bytes).slice(), count);
      }
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

// Of a raster that is read as a whole: 8 bytes each.
const mostCells = 2 ** 22;

/** Whether the chunks of a slice are those of its file: then all of their layers but the classes stay as they are. */
function isWhole({ pieces, points }: Slice, shape: Shape): boolean {
  const [{ run, skip }] = pieces as [Slice['pieces'][0]];
  const { format, chunks } = run;
  if (pieces.length > 1 || skip > 0 || !chunks || run.points !== points) return false;
  if (format.pdrf !== shape.pdrf || format.isV4 || format.extra !== shape.extra) return false;
  if (stepsOf({ ...run, name: '' }, shape).some(({ by, add }) => by !== 1 || add !== 0)) return false;
  return chunks.points.every((n, i) => n === Math.min(chunkPoints, points - i * chunkPoints));
}
