/** lidar/tile: point clouds of any overlap to the half-open tiles of one global grid. Points go to their tiles first; lidar/tiles writes each. */
import { columns } from '../../core/codec.ts';
import { BadInput } from '../../core/errors.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { lazUrl } from '../kernels/modules.ts';
import { openFull } from '../lidar/clouds.ts';
import { shapeOf } from '../lidar/shape.ts';
import type { Spilled, SpillPart } from '../lidar/spill.ts';
import { mergeSpilled, spillMemory, spillParts, spillRun } from '../lidar/spill.ts';
import { assignTiles, tilingParams } from '../lidar/tiling.ts';
import { tiles } from './tiles.ts';

type Inputs = { points: readonly Dataset[] };

export const tile = define<Inputs, typeof tilingParams, SpillPart, Spilled>({
  name: 'lidar/tile',
  version: 2,
  doc: 'cuts point clouds into square tiles, each a LAZ file: every point in exactly one, sorted by time',
  examples: [
    '--points a.laz b.laz --length 250 --out tiles/area',
    '--points a.copc.laz --length 1000 --buffer 20 --out tiles/area',
  ],
  inputs: {
    points: { doc: 'point clouds: LAS, LAZ, COPC', formats: ['laz', 'las'], many: true },
  },
  params: tilingParams,
  split: 1_000_000,
  unit: 'points',
  counts: 'points',
  output: 'prefix',
  result: columns<Spilled>(),
  modules: { laz: lazUrl },

  async partition({ points }, { length, buffer }, split, planning) {
    if (buffer > length / 2)
      throw new BadInput(
        `LAS: a buffer of ${buffer} around tiles of ${length}, expected at most half of it; give a smaller --buffer`,
      );
    const clouds = await openFull(points, planning);
    const shape = shapeOf(clouds.map(({ las }) => las));
    return {
      parts: await spillParts(clouds, shape, split, planning),
      records: clouds.reduce((sum, { las }) => sum + las.count, 0),
    };
  },
  weight: ({ run }) => run.points,
  pace: 2e6,
  memory: (part, { buffer }) => spillMemory(part, buffer > 0 ? 4 : 1),

  kernel: (part, { points }, { length, buffer }, context) =>
    spillRun(
      part,
      points,
      buffer > 0 ? 4 : 1,
      (found, shape) => assignTiles(found, shape, length, buffer),
      context,
    ),

  merge: mergeSpilled,
  records: ({ points }) => points,

  next: (result, _value, { points }, params) => ({
    job: tiles,
    inputs: { spilled: [result], points },
    params: { ...params, whole: false },
  }),
});
