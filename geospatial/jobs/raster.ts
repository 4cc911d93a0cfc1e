/** lidar/raster: what the points of every cell come to (highest, lowest, mean, number, ...), from point clouds to Cloud-Optimized GeoTIFFs. */
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { integers, number } from '../../core/params.ts';
import { lazUrl } from '../kernels/modules.ts';
import { type BinPart, binMemory, binParts, binRun, binWeight } from '../lidar/binning.ts';
import { cell } from '../rasters/cell.ts';
import { layersOf, productParam } from '../lidar/products.ts';
import { areaOfInput, polygonInput, selection } from '../lidar/select.ts';
import type { Surface } from '../lidar/surface.ts';
import { mergeSurfaces, surfaceCodec } from '../lidar/surface.ts';
import { mosaic } from './mosaic.ts';

type Inputs = { points: readonly Dataset[]; polygon?: readonly Dataset[] };

const params = {
  product: productParam,
  cell,
  ...selection,
  ground: { ...integers('classes whose points are the ground, of dtm and chm', { min: 0 }), default: [2] },
  gap: number(50, 'radius of the largest circle without ground that dtm and chm are drawn across', {
    unit: 'CRS units',
    min: 0,
  }),
};

export const raster = define<Inputs, typeof params, BinPart, Surface>({
  name: 'lidar/raster',
  version: 1,
  doc: 'rasters of point clouds (surface, ground, canopy, lowest, mean, number, density, intensity) as Cloud-Optimized GeoTIFFs',
  examples: [
    '--points a.laz b.laz --product dsm --cell 1 --out dsm.tif',
    '--points ground.laz --product dtm --cell 1 --out dtm.tif',
    '--points a.copc.laz --product dsm,dtm,chm,density --cell 5 --out area',
  ],
  inputs: {
    points: { doc: 'point clouds of one CRS: LAS, LAZ, COPC', formats: ['laz', 'las'], many: true },
    polygon: polygonInput,
  },
  params,
  split: 1_000_000,
  unit: 'points',
  counts: 'points',
  output: 'prefix',
  result: surfaceCodec,
  modules: { laz: lazUrl },

  partition: ({ points }, given, split, planning) => binParts(points, given.cell, split, planning, given),
  weight: binWeight,
  pace: 12e6,
  memory: (part, { product, ground }) => binMemory(part, layersOf(product, ground).length),

  async kernel(part, { points, polygon }, given, context) {
    const area = await areaOfInput(polygon, context);
    return binRun(part, points, layersOf(given.product, given.ground), given, context, area);
  },

  merge: mergeSurfaces,
  records: ({ points }) => points,

  next: (result, { grid, crs, note }, _inputs, { product, gap }) => ({
    job: mosaic,
    inputs: { surface: [result] },
    params: { grid, crs, note, product, gap },
  }),
});
