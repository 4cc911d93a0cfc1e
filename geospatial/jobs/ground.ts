/** lidar/ground: which points lie on the bare earth. Lowest heights by cell first; then the ground below them (lidar/earth); then every point (lidar/classify). With --noise points first, tile by tile (lidar/outliers, lidar/distant), and lowest heights of the others (lidar/lowest). */
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { lazUrl } from '../kernels/modules.ts';
import { type BinPart, binMemory, binParts, binRun, binWeight } from '../lidar/binning.ts';
import { openFull } from '../lidar/clouds.ts';
import { checkCells, groundParams, noiseSeenBy, seenBy } from '../lidar/ground.ts';
import { lookOf } from '../lidar/noise.ts';
import type { Surface } from '../lidar/surface.ts';
import { mergeSurfaces, surfaceCodec } from '../lidar/surface.ts';
import { earth } from './earth.ts';
import { outliers } from './outliers.ts';

type Inputs = { points: readonly Dataset[] };

export const ground = define<Inputs, typeof groundParams, BinPart, Surface>({
  name: 'lidar/ground',
  version: 1,
  doc: 'classifies ground points (2) and others (1) by SMRF; every point is kept, in its order, in one LAZ file of format 6, 7 or 8',
  examples: [
    '--points a.laz --method smrf --out ground.laz',
    '--points a.las b.las --window 30 --slope 0.2 --out ground.laz',
  ],
  inputs: {
    points: { doc: 'point clouds of one CRS: LAS, LAZ, COPC', formats: ['laz', 'las'], many: true },
  },
  params: groundParams,
  split: 1_000_000,
  unit: 'points',
  counts: 'points',
  output: 'file',
  result: surfaceCodec,
  modules: { laz: lazUrl },

  async partition({ points }, given, split, planning) {
    if (given.noise === 'none')
      return checkCells(await binParts(points, given.cell, split, planning, seenBy(given)));
    const { cell } = lookOf(await openFull(points, planning), given);
    return binParts(points, cell, split, planning, noiseSeenBy(given));
  },
  weight: binWeight,
  pace: 6e6,
  memory: (part) => binMemory(part, 1),

  kernel: (part, { points }, given, context) =>
    given.noise === 'none'
      ? binRun(part, points, [{ stat: 'min', value: 'z' }], seenBy(given), context)
      : binRun(part, points, [{ stat: 'spots', value: 'z' }], noiseSeenBy(given), context),

  merge: mergeSurfaces,
  records: ({ points }) => points,

  next: (result, { grid }, { points }, params) => ({
    job: params.noise === 'none' ? earth : outliers,
    inputs: { surface: [result], points },
    params: { ...params, grid },
  }),
});
