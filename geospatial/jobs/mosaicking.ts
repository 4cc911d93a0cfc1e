/** satellite/mosaic: many rasters, of whatever CRS and grid, as one. */
import { columns } from '../../core/codec.ts';
import { define } from '../../core/job.ts';
import { choice } from '../../core/params.ts';
import { seamRules } from '../kernels/seams.ts';
import {
  joinBlock,
  joinInputs,
  type JoinInputs,
  joinMemory,
  joinParams,
  type JoinPart,
  joinParts,
  writeJoined,
} from '../rasters/joining.ts';
import { mergeProducts, type Products } from '../rasters/mosaics.ts';

const params = {
  ...joinParams,
  seams: choice(
    seamRules,
    'what a cell gets that several rasters have: the value of the first or last one given, the mean, or one weighed by how deep it lies in each raster',
  ),
};

export const mosaicking = define<JoinInputs, typeof params, JoinPart, Products>({
  name: 'satellite/mosaic',
  version: 3,
  doc: 'many rasters, of any CRS and grid, on one grid (gdalwarp, gdal_merge), as a Cloud-Optimized GeoTIFF',
  examples: [
    '--rasters a.tif b.tif --out mosaic.tif',
    "--rasters 'scenes/*.tif' --to EPSG:3857 --resolution 20 --snap --resampling cubic --seams feather --out mosaic.tif",
  ],
  inputs: {
    rasters: { doc: 'GeoTIFFs of the same bands, the topmost first', formats: ['tif', 'tiff'], many: true },
    ...joinInputs,
  },
  params,
  split: 16,
  unit: 'tiles',
  counts: 'tiles',
  output: 'file',
  result: columns<Products>(),

  partition: (inputs, given, split, planning) =>
    joinParts(inputs, given, split, (dataset) => planning.open(dataset)),
  pace: 15,
  memory: joinMemory,
  kernel: (part, inputs, given, context) => joinBlock(part, inputs, given, given.seams, context),
  merge: mergeProducts,
  records: ({ pieces }) => pieces,
  write: (result, output, { inputs, params: given }, context) =>
    writeJoined(result, inputs, given, output, context),
});
