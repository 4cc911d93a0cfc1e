/** lidar/distant: the points whose neighbours are farther than those of others, by mean and deviation over all. Part of lidar/ground --noise statistical. */
import type { Dataset, Stored } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import type { Grid } from '../kernels/grid.ts';
import { spreadOf } from '../kernels/moments.ts';
import { eachSpot } from '../kernels/spots.ts';
import { openFull } from '../lidar/clouds.ts';
import { groundParams } from '../lidar/ground.ts';
import { type Found, foundCodec, joinFound, nothingFound, rawOf } from '../lidar/noise.ts';
import { piecesOf } from '../lidar/relief.ts';
import { type Shape, shapeOf } from '../lidar/shape.ts';
import { surfaceOf, windowBytes } from '../lidar/surface.ts';
import { noGrid, plain } from '../rasters/cell.ts';
import { lowest } from './lowest.ts';

type Inputs = {
  surface: readonly [Dataset];
  points: readonly Dataset[];
  found: readonly [Dataset];
};
/** A tile, and the mean distance from which on a point of it is noise. */
type Part = Omit<Found['tiles'][number], 'distances'> & {
  readonly distances: Stored | null;
  readonly least: number;
  readonly shape: Shape;
};
const params = { ...groundParams, grid: plain<Grid>(noGrid, 'grid of the tiles') };

export const distant = define<Inputs, typeof params, Part, Found>({
  name: 'lidar/distant',
  version: 1,
  doc: 'Points that are noise by the distance of their neighbours; part of lidar/ground',
  inputs: {
    surface: { doc: 'result of lidar/ground', formats: ['lidar/ground'] },
    points: { doc: 'its point clouds', formats: ['laz', 'las'], many: true },
    found: { doc: 'result of lidar/outliers', formats: ['lidar/outliers'] },
  },
  params,
  split: 1,
  unit: 'tiles',
  counts: 'points',
  output: 'file',
  result: foundCodec,

  async partition({ points, found: [dataset] }, { multiplier }, _split, planning) {
    const source = await planning.open(dataset);
    const { tiles, moments } = foundCodec.decode(await source.read(0, source.size));
    const shape = shapeOf((await openFull(points, planning)).map(({ las }) => las));
    // No point was looked at: none is noise.
    const nowhere = { column: 0, row: 0, distances: null };
    if (!moments) return { parts: [{ ...nowhere, least: 0, shape }], records: 0 };
    const { mean, deviation } = spreadOf(moments);
    const least = mean + multiplier * deviation;
    return { parts: tiles.map((tile) => ({ ...tile, least, shape })), records: moments.count };
  },
  memory: () => 2 * windowBytes + 16 * 2 ** 20,

  async kernel({ column, row, distances, least, shape }, { surface: [dataset] }, _given, context) {
    if (!distances) return nothingFound;
    const surface = await surfaceOf(dataset, context);
    const bytes = await context.get(distances);
    const far = new Int32Array(new Uint8Array(bytes).buffer);
    const noise: [number[], number[], number[]] = [[], [], []];
    let at = 0;
    const isHere = (c: number, r: number): boolean => c === column && r === row;
    for await (const piece of piecesOf(surface, 0, isHere, context))
      eachSpot(piece, (x, y, z) => {
        if (far[at++]! < least) return;
        for (const [axis, value] of [x, y, z].entries())
          noise[axis]!.push(rawOf(value, axis as 0 | 1 | 2, shape));
      });
    const [x, y, z] = noise.map((column_) => Int32Array.from(column_)) as [
      Int32Array<ArrayBuffer>,
      Int32Array<ArrayBuffer>,
      Int32Array<ArrayBuffer>,
    ];
    return { ...nothingFound, points: far.length, noise: { x, y, z } };
  },

  merge: joinFound,
  records: ({ points }) => points,

  next(result, _value, { points }, given) {
    const { grid: _, ...own } = given;
    return { job: lowest, inputs: { points, noise: [result] }, params: own };
  },
});
