/** From point clouds to a table of plots: the ground among the points, the canopy above it, and what the canopy is within each polygon. */
import { choice, resolve, words } from '../../core/params.ts';
import { ground } from '../../geospatial/jobs/ground.ts';
import { raster } from '../../geospatial/jobs/raster.ts';
import { zonal } from '../../geospatial/jobs/zonal.ts';
import { zonePercentile, zoneStats } from '../../geospatial/kernels/zone.ts';
import { cell } from '../../geospatial/rasters/cell.ts';
import { groundOptions, groundStep } from '../groundstep.ts';
import { checkPolygons } from '../polygons.ts';
import type { Pipeline, Step } from '../pipeline.ts';

export const biomass: Pipeline = {
  name: 'pipelines/biomass',
  doc: 'point clouds and polygons to a table of canopy heights by plot (plots.csv), with the canopy as a GeoTIFF and the classified points',
  examples: ["--points 'tiles/*.laz' --polygons plots.geojson --out stand"],
  inputs: { points: ground.inputs.points, polygons: zonal.inputs.polygons },
  params: {
    cell,
    canopy: choice(
      ['chm', 'pitfree'],
      'the highest point of each cell above the ground, or the same without pits',
    ),
    rule: zonal.params.rule,
    stats: words(
      zoneStats,
      'count,nodata,mean,max,std,p25,p50,p75,p95',
      'what to tell of each polygon; percentiles are p1 to p99',
      zonePercentile,
    ),
    placing: zonal.params.placing,
    ...groundOptions,
  },
  split: ground.split,
  unit: ground.unit,
  counts: ground.counts,
  output: 'folder',
  first: async () => ground,

  check: checkPolygons,

  steps({ points = [], polygons = [] }, given): Step[] {
    const { cell: side, canopy, rule, stats, placing } = given;
    const heights = { product: canopy!, cell: side! };
    const table = { rule: rule!, stats: stats!, placing: placing! };
    return [
      groundStep(points, given),
      {
        name: 'canopy.tif',
        reads: { points: ['ground.laz'] },
        stage: { job: raster, inputs: { points }, params: resolve(raster.params, heights) },
      },
      {
        name: 'plots.csv',
        reads: { raster: ['canopy.tif'] },
        stage: { job: zonal, inputs: { polygons }, params: resolve(zonal.params, table) },
      },
    ];
  },

  end: async (done) => ({
    files: {},
    said: { plots: (done.at(-1)!.finished.value as { features: number }).features },
  }),
};
