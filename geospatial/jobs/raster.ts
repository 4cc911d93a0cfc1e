/** lidar/raster: what the points of every cell come to (highest, lowest, mean, number, ...), from point clouds to Cloud-Optimized GeoTIFFs. */
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { flag, integers, type Values } from '../../core/params.ts';
import { lazUrl } from '../kernels/modules.ts';
import { type BinPart, binMemory, binParts, binRun, binWeight } from '../lidar/binning.ts';
import { cell } from '../rasters/cell.ts';
import { layoutOf, productParams } from '../lidar/products.ts';
import { areaOfInput, polygonInput, selection } from '../lidar/select.ts';
import type { Surface } from '../lidar/surface.ts';
import { mergeSurfaces, surfaceCodec } from '../lidar/surface.ts';
import { mosaic } from './mosaic.ts';

type Inputs = { points: readonly Dataset[]; polygon?: readonly Dataset[] };

const params = {
  ...productParams,
  cell,
  ...selection,
  'above-ground': flag('heights are those above the ground, of all products but dtm and intensity'),
  ground: {
    ...integers('classes whose points are the ground, of dtm, chm, pitfree and --above-ground', { min: 0 }),
    default: [2],
  },
};
type Given = Values<typeof params>;
const layoutFor = ({ product, radius, 'above-ground': above, ground }: Given) =>
  layoutOf({ product, radius, above }, ground);

export const raster = define<Inputs, typeof params, BinPart, Surface>({
  name: 'lidar/raster',
  version: 2,
  doc: 'rasters of point clouds (surface, ground, canopy, lowest, mean, spread, percentiles, number, density, intensity) as Cloud-Optimized GeoTIFFs',
  examples: [
    '--points a.laz b.laz --product dsm --cell 1 --out dsm.tif',
    '--points ground.laz --product dtm --cell 1 --out dtm.tif',
    '--points a.copc.laz --product dsm,dtm,chm,density --cell 5 --out area',
    '--points ground.laz --product p50,p95,stdev --above-ground --cell 10 --out canopy',
    '--points ground.laz --classes 2 --product idw --radius 3 --out dtm.tif',
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
  memory: (part, given) => binMemory(part, layoutFor(given).layers.length),

  async kernel(part, { points, polygon }, given, context) {
    const area = await areaOfInput(polygon, context);
    return binRun(part, points, layoutFor(given).layers, given, context, area);
  },

  merge: mergeSurfaces,
  records: ({ points }) => points,

  next(result, { grid, crs, note }, _inputs, { product, gap, span, radius, power, 'above-ground': above }) {
    const how = { grid, crs, note, product, gap, span, radius, power, above };
    return { job: mosaic, inputs: { surface: [result] }, params: how };
  },
});
