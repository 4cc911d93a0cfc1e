/** lidar/lowest: lowest heights by cell of the points that are no noise. Part of lidar/ground --noise, in place of its first third. */
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { lazUrl } from '../kernels/modules.ts';
import { type BinPart, binMemory, binParts, binRun, binWeight } from '../lidar/binning.ts';
import { openFull } from '../lidar/clouds.ts';
import { checkCells, groundParams, seenBy } from '../lidar/ground.ts';
import { noiseOf } from '../lidar/noise.ts';
import { type Shape, shapeOf, stepsOf } from '../lidar/shape.ts';
import type { Surface } from '../lidar/surface.ts';
import { mergeSurfaces, surfaceCodec } from '../lidar/surface.ts';
import { earth } from './earth.ts';

type Inputs = { points: readonly Dataset[]; noise: readonly [Dataset] };
type Part = BinPart & { readonly shape: Shape };

export const lowest = define<Inputs, typeof groundParams, Part, Surface>({
  name: 'lidar/lowest',
  version: 1,
  doc: 'Lowest heights of points that are no noise; part of lidar/ground',
  inputs: {
    points: { doc: 'point clouds', formats: ['laz', 'las'], many: true },
    noise: { doc: 'result of lidar/outliers or lidar/distant', formats: ['lidar/outliers'] },
  },
  params: groundParams,
  split: 1_000_000,
  unit: 'points',
  counts: 'points',
  output: 'file',
  result: surfaceCodec,
  modules: { laz: lazUrl },

  async partition({ points }, given, split, planning) {
    const shape = shapeOf((await openFull(points, planning)).map(({ las }) => las));
    const found = checkCells(await binParts(points, given.cell, split, planning, seenBy(given)));
    return { ...found, parts: found.parts.map((part) => ({ ...part, shape })) };
  },
  weight: binWeight,
  pace: 5e6,
  memory: (part) => binMemory(part, 1) + 64 * 2 ** 20,

  async kernel(part, { points, noise }, given, context) {
    const set = await noiseOf(noise, context);
    const { file, run, shape } = part;
    const [x, y, z] = stepsOf({ ...run, name: points[file]!.uri }, shape) as [Step, Step, Step];
    const isNoise = (a: number, b: number, c: number): boolean =>
      set!.has(a * x.by + x.add, b * y.by + y.add, c * z.by + z.add);
    const layers = [{ stat: 'min', value: 'z' }] as const;
    return binRun(part, points, layers, seenBy(given), context, undefined, set && isNoise);
  },

  merge: mergeSurfaces,
  records: ({ points }) => points,

  next: (result, { grid }, { points, noise }, given) => ({
    job: earth,
    inputs: { surface: [result], points, noise },
    params: { ...given, grid },
  }),
});

type Step = { readonly by: number; readonly add: number };
