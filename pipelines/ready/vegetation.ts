/** From scenes of a season to a table of fields: one picture without clouds, its NDVI, and what that is within each polygon. */
import { resolve, words } from '../../core/params.ts';
import { bandIndex } from '../../geospatial/jobs/bandindex.ts';
import { composite } from '../../geospatial/jobs/composite.ts';
import { imageCatalog } from '../../geospatial/jobs/imagecatalog.ts';
import { webTiles } from '../../geospatial/jobs/webtiles.ts';
import { zonal } from '../../geospatial/jobs/zonal.ts';
import { zonePercentile, zoneStats } from '../../geospatial/kernels/zone.ts';
import { checkPolygons } from '../polygons.ts';
import type { Pipeline, Step } from '../pipeline.ts';
import { seasonParams, seasonSteps } from '../season.ts';

export const vegetation: Pipeline = {
  name: 'pipelines/vegetation',
  doc: 'scenes and fields to a table of NDVI by field (fields.csv), with the composite, its NDVI and the number of clear scenes as GeoTIFFs, the NDVI as map tiles, and a STAC catalogue',
  examples: [
    "--bands 'red=*_red.tif,nir=*_nir.tif,scl=*_scl.tif' --mask scl --polygons fields.geojson --out season",
  ],
  inputs: { bands: composite.inputs.bands, polygons: zonal.inputs.polygons },
  params: {
    ...seasonParams,
    index: bandIndex.params.index,
    rule: zonal.params.rule,
    placing: zonal.params.placing,
    stats: words(
      zoneStats,
      'count,nodata,mean,std,min,p10,median,p90,max',
      'what to tell of each field; percentiles are p1 to p99',
      zonePercentile,
    ),
  },
  split: composite.split,
  unit: composite.unit,
  counts: composite.counts,
  output: 'folder',
  first: async () => composite,

  check: checkPolygons,

  steps({ bands = [], polygons = [] }, given): Step[] {
    const { index, rule, placing, stats, method } = given;
    const picture = { ramp: 'ndvi', min: '-0.2', max: '0.9' };
    return [
      ...seasonSteps(bands, given, index as string),
      {
        name: 'fields.csv',
        reads: { raster: ['index.tif'] },
        stage: {
          job: zonal,
          inputs: { polygons },
          params: resolve(zonal.params, { rule: rule!, placing: placing!, stats: stats! }),
        },
      },
      {
        name: 'index.pmtiles',
        reads: { raster: ['index.tif'] },
        stage: { job: webTiles, inputs: {}, params: resolve(webTiles.params, picture) },
      },
      {
        name: 'items.json',
        reads: { rasters: [`${method as string}.tif`, 'index.tif'] },
        stage: { job: imageCatalog, inputs: {}, params: resolve(imageCatalog.params, { base: './' }) },
      },
    ];
  },

  end: async (done) => ({
    files: {},
    said: {
      fields: (done.find(({ name }) => name === 'fields.csv')!.finished.value as { features: number })
        .features,
    },
  }),
};
