/** satellite/warp: a raster in another CRS, on another grid. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
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

type Inputs = Omit<JoinInputs, 'rasters'> & { readonly raster: readonly [Dataset] };

const rastersOf = ({ raster, ...more }: Inputs): JoinInputs => ({ rasters: raster, ...more });

export const warp = define<Inputs, typeof joinParams, JoinPart, Products>({
  name: 'satellite/warp',
  version: 3,
  doc: 'a raster in another CRS and on another grid (gdalwarp), as a Cloud-Optimized GeoTIFF',
  examples: [
    '--raster scene.tif --to EPSG:3857 --resampling bilinear --out web.tif',
    '--raster scene.tif --to EPSG:3035 --resolution 20 --snap --resampling average --out area.tif',
    '--raster classes.tif --like scene.tif --out classes.on.scene.tif',
    '--raster old.tif --shifts BETA2007.gsb --to EPSG:25832 --out new.tif',
  ],
  inputs: {
    raster: { doc: 'a GeoTIFF', formats: ['tif', 'tiff'] },
    ...joinInputs,
  },
  params: joinParams,
  split: 16,
  unit: 'tiles',
  counts: 'tiles',
  output: 'file',
  result: columns<Products>(),

  partition: (inputs, given, split, planning) =>
    joinParts(rastersOf(inputs), given, split, (dataset) => planning.open(dataset)),
  pace: 20,
  memory: joinMemory,
  kernel: (part, inputs, given, context) => joinBlock(part, rastersOf(inputs), given, 'first', context),
  merge: mergeProducts,
  records: ({ pieces }) => pieces,
  write: (result, output, { inputs, params }, context) =>
    writeJoined(result, rastersOf(inputs), params, output, context),
});
