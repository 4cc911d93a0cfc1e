/** satellite/warp: a raster in another CRS, on another grid. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import {
  joinBlock,
  joinMemory,
  joinParams,
  type JoinPart,
  joinParts,
  writeJoined,
} from '../rasters/joining.ts';
import { mergeProducts, type Products } from '../rasters/mosaics.ts';

type Inputs = { raster: readonly [Dataset]; like?: readonly Dataset[] };

export const warp = define<Inputs, typeof joinParams, JoinPart, Products>({
  name: 'satellite/warp',
  version: 2,
  doc: 'a raster in another CRS and on another grid (gdalwarp), as a Cloud-Optimized GeoTIFF',
  examples: [
    '--raster scene.tif --to EPSG:3857 --resampling bilinear --out web.tif',
    '--raster scene.tif --to EPSG:3035 --resolution 20 --snap --resampling average --out area.tif',
    '--raster classes.tif --like scene.tif --out classes.on.scene.tif',
  ],
  inputs: {
    raster: { doc: 'a GeoTIFF', formats: ['tif', 'tiff'] },
    like: { doc: 'a raster whose grid to use', formats: ['tif', 'tiff'], optional: true },
  },
  params: joinParams,
  split: 16,
  unit: 'tiles',
  counts: 'tiles',
  output: 'file',
  result: columns<Products>(),

  partition: ({ raster, like }, given, split, planning) =>
    joinParts(raster, like?.[0], given, split, (dataset) => planning.open(dataset)),
  pace: 20,
  memory: joinMemory,
  kernel: (part, { raster }, given, context) => joinBlock(part, raster, given, 'first', context),
  merge: mergeProducts,
  records: ({ pieces }) => pieces,
  write: (result, output, { inputs: { raster, like }, params }, context) =>
    writeJoined(result, raster, like?.[0], params, output, context),
});
