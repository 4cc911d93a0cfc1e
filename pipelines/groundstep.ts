/** The step that pipelines over point clouds begin with: which points are ground. */
import type { Dataset } from '../core/job.ts';
import type { Options } from '../core/json.ts';
import { ground } from '../geospatial/jobs/ground.ts';
import { groundParams } from '../geospatial/lidar/ground.ts';
import type { Step } from './pipeline.ts';

const { cell, ...filter } = groundParams;

/** Options of the filter; a pipeline's own `cell` is that of its rasters. */
export const groundOptions = {
  'ground-cell': { ...cell, doc: 'of the filter: side of a cell of the raster of lowest points' },
  ...filter,
};

/** Writes `ground.laz`. Of a pipeline's options it takes those above. */
export function groundStep(points: readonly Dataset[], given: Options): Step {
  const own = Object.keys(filter).map((name) => [name, given[name]!] as const);
  const params = { ...Object.fromEntries(own), cell: given['ground-cell']! };
  return { name: 'ground.laz', stage: { job: ground, inputs: { points }, params } };
}
