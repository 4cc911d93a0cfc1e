/** The first steps of pipelines over scenes: one picture of a season without clouds, and an index of it. */
import type { Dataset } from '../core/job.ts';
import type { Options } from '../core/json.ts';
import { resolve } from '../core/params.ts';
import { bandIndex } from '../geospatial/jobs/bandindex.ts';
import { composite } from '../geospatial/jobs/composite.ts';
import { programOf } from '../geospatial/rasters/compositing.ts';
import type { Step } from './pipeline.ts';

const { method, mask, dilation, to, from, resolution, bbox, snap, scenes } = composite.params;
/** Options of the composite. */
export const seasonParams = { method, mask, dilation, to, from, resolution, bbox, snap, scenes };

/** The composite, named by its method, and `index.tif`. */
export function seasonSteps(bands: readonly Dataset[], given: Options, index: string): Step[] {
  const own = Object.fromEntries(Object.keys(seasonParams).map((name) => [name, given[name]!]));
  const made = resolve(composite.params, own);
  // Where the composite keeps each band.
  const { wanted } = programOf(made);
  const layers = Object.fromEntries(wanted.map((name, band) => [name, { file: 0, band }]));
  return [
    { name: 'composite', out: '', stage: { job: composite, inputs: { bands }, params: made } },
    {
      name: 'index.tif',
      reads: { bands: [`${made.method}.tif`] },
      stage: {
        job: bandIndex,
        inputs: {},
        params: resolve(bandIndex.params, { index, scenes: [{ id: 'composite', layers }] }),
      },
    },
  ];
}
