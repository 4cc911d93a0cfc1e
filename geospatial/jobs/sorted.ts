/** lidar/sorted: every point as ground or not, on the way to an order that is the points' own. In place of lidar/classify with lidar/ground --order own; lidar/tiles writes the file. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import type { Grid } from '../kernels/grid.ts';
import { lazUrl } from '../kernels/modules.ts';
import { commonBounds, openFull } from '../lidar/clouds.ts';
import { type Earth, groundParams } from '../lidar/ground.ts';
import { markPoints } from '../lidar/marking.ts';
import { shapeOf } from '../lidar/shape.ts';
import type { Spilled, SpillPart } from '../lidar/spill.ts';
import { mergeSpilled, spillMemory, spillParts, spillRun } from '../lidar/spill.ts';
import { assignTiles } from '../lidar/tiling.ts';
import { noGrid, plain } from '../rasters/cell.ts';
import { tiles } from './tiles.ts';

type Inputs = { points: readonly Dataset[]; noise?: readonly Dataset[] };
type Part = SpillPart & { readonly length: number };
type Result = Spilled & { readonly length: number };

const params = {
  ...groundParams,
  grid: plain<Grid>(noGrid, 'grid of the ground'),
  earth: plain<Earth | null>(null, 'the ground'),
};

// Points of a square that is sorted at once, if they are spread evenly.
const squarePoints = 2 ** 18;

export const sorted = define<Inputs, typeof params, Part, Result>({
  name: 'lidar/sorted',
  version: 1,
  doc: 'Points on the ground and others, in squares; part of lidar/ground --order own',
  inputs: {
    points: { doc: 'point clouds', formats: ['laz', 'las'], many: true },
    noise: { doc: 'points that are noise', formats: ['lidar/outliers'], optional: true },
  },
  params,
  split: 1_000_000,
  unit: 'points',
  counts: 'points',
  output: 'file',
  result: columns<Result>(),
  modules: { laz: lazUrl },

  async partition({ points }, _given, split, planning) {
    const clouds = await openFull(points, planning);
    const files = clouds.map(({ las }) => las);
    const { min, max } = commonBounds(files);
    const records = files.reduce((sum, { count }) => sum + count, 0);
    const area = Math.max(max[0] - min[0], 1e-6) * Math.max(max[1] - min[1], 1e-6);
    const length = 2 ** Math.round(Math.log2(Math.sqrt((squarePoints * area) / records)));
    const parts = await spillParts(clouds, shapeOf(files), split, planning);
    return { parts: parts.map((part) => ({ ...part, length })), records };
  },
  weight: ({ run }) => run.points,
  pace: 1.5e6,
  memory: (part) => spillMemory(part, 1) + 64 * 2 ** 20,

  async kernel(part, { points, noise }, given, context) {
    const { length } = part;
    const spilled = await spillRun(
      part,
      points,
      1,
      async (found, shape) => {
        await markPoints(found, shape, given, noise, context);
        return assignTiles(found, shape, length, 0);
      },
      context,
    );
    return { ...spilled, length };
  },

  merge: (all) => ({ ...mergeSpilled(all), length: all[0]!.length }),
  records: ({ points }) => points,

  next: (result, { length }, { points }) => ({
    job: tiles,
    inputs: { spilled: [result], points },
    params: { length, buffer: 0, format: 'laz', whole: true },
  }),
});
