/** satellite/mosaic: many rasters, of whatever CRS and grid, as one. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { choice } from '../../core/params.ts';
import { seamRules } from '../kernels/seams.ts';
import {
  joinBlock,
  joinMemory,
  joinParams,
  type JoinPart,
  joinParts,
  writeJoined,
} from '../rasters/joining.ts';
import { mergeProducts, type Products } from '../rasters/mosaics.ts';

type Inputs = { rasters: readonly Dataset[]; like?: readonly Dataset[] };

const params = {
  ...joinParams,
  seams: choice(
    seamRules,
    'what a cell gets that several rasters have: the value of the first or last one given, the mean, or one weighed by how deep it lies in each raster',
  ),
};

export const mosaicking = define<Inputs, typeof params, JoinPart, Products>({
  name: 'satellite/mosaic',
  version: 2,
  doc: 'many rasters, of any CRS and grid, on one grid (gdalwarp, gdal_merge), as a Cloud-Optimized GeoTIFF',
  examples: [
    '--rasters a.tif b.tif --out mosaic.tif',
    "--rasters 'scenes/*.tif' --to EPSG:3857 --resolution 20 --snap --resampling cubic --seams feather --out mosaic.tif",
  ],
  inputs: {
    rasters: { doc: 'GeoTIFFs of the same bands, the topmost first', formats: ['tif', 'tiff'], many: true },
    like: { doc: 'a raster whose grid to use', formats: ['tif', 'tiff'], optional: true },
  },
  params,
  split: 16,
  unit: 'tiles',
  counts: 'tiles',
  output: 'file',
  result: columns<Products>(),

  partition: ({ rasters, like }, given, split, planning) =>
    joinParts(rasters, like?.[0], given, split, (dataset) => planning.open(dataset)),
  pace: 15,
  memory: joinMemory,
  kernel: (part, { rasters }, given, context) => joinBlock(part, rasters, given, given.seams, context),
  merge: mergeProducts,
  records: ({ pieces }) => pieces,
  write: (result, output, { inputs: { rasters, like }, params: given }, context) =>
    writeJoined(result, rasters, like?.[0], given, output, context),
});
