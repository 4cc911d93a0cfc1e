/** From point clouds to a catalogued folder of rasters: the ground among the points, heights of ground, surface and canopy, what the ground looks like, and contours. */
import { flag, number, resolve } from '../../core/params.ts';
import { ground } from '../../geospatial/jobs/ground.ts';
import { contours } from '../../geospatial/jobs/contours.ts';
import { raster } from '../../geospatial/jobs/raster.ts';
import { relief } from '../../geospatial/jobs/relief.ts';
import type { GeoKeys } from '../../geospatial/formats/geokeys.ts';
import type { Grid } from '../../geospatial/kernels/grid.ts';
import { headersOf } from '../../geospatial/lidar/clouds.ts';
import { productsOf, pyramidOf } from '../../geospatial/lidar/products.ts';
import { cell } from '../../geospatial/rasters/cell.ts';
import { timeOfClouds } from '../../geospatial/stac/cloud.ts';
import type { Fields } from '../../geospatial/stac/item.ts';
import { told } from '../../geospatial/stac/item.ts';
import { folderCatalog, rasterAsset } from '../../geospatial/stac/rasters.ts';
import { pyramidOfRelief, reliefNames } from '../../geospatial/terrain/products.ts';
import { groundOptions, groundStep } from '../groundstep.ts';
import type { Pipeline, Step } from '../pipeline.ts';

const products = 'dtm,dsm,chm,density,intensity';
const shapes = 'hillshade,slope';

export const terrain: Pipeline = {
  name: 'pipelines/terrain',
  doc: 'point clouds to a folder of rasters with a STAC catalogue: ground, surface, canopy, density, intensity, hillshade, slope, contours',
  examples: [
    "--points 'tiles/*.laz' --out area",
    '--points a.laz --cell 0.5 --interval 1 --out area',
    '--points classified.laz --classified --out area',
  ],
  inputs: ground.inputs,
  params: {
    cell,
    interval: number(5, 'between two contour lines', { unit: 'units of height', min: 1e-6 }),
    classified: flag('the ground points (class 2) are known: classify none'),
    ...groundOptions,
  },
  split: ground.split,
  unit: ground.unit,
  counts: ground.counts,
  output: 'folder',
  first: async () => ground,

  steps({ points = [] }, given) {
    const { cell: side, interval, classified } = given;
    const inputs = { points };
    const classify = groundStep(points, given);
    const rasters: Step = {
      name: 'rasters',
      out: '',
      stage: { job: raster, inputs, params: resolve(raster.params, { product: products, cell: side! }) },
    };
    const dem = { reads: { dem: ['dtm.tif'] } };
    return [
      ...(classified ? [rasters] : [classify, { ...rasters, reads: { points: [classify.name] } }]),
      {
        name: 'relief',
        out: '',
        ...dem,
        stage: { job: relief, inputs: {}, params: resolve(relief.params, { product: shapes }) },
      },
      {
        name: 'contours.geojson',
        ...dem,
        stage: { job: contours, inputs: {}, params: resolve(contours.params, { interval: interval! }) },
      },
    ];
  },

  async end(done, { classified }, planning) {
    const rasters = done.find(({ name }) => name === 'rasters')!;
    const { grid, crs } = rasters.finished.params as unknown as { grid: Grid; crs: GeoKeys | null };
    const files = await headersOf(rasters.stage.inputs['points']!, planning);
    const assets: { [name: string]: Fields } = {};
    for (const name of productsOf(products))
      assets[name] = rasterAsset(`./${name}.tif`, name, grid, pyramidOf(grid, name));
    for (const name of reliefNames(shapes))
      assets[name] = rasterAsset(`./${name}.tif`, name, grid, pyramidOfRelief(grid, name));
    assets['contours'] = { href: './contours.geojson', type: 'application/geo+json', roles: ['data'] };
    if (!classified)
      assets['ground'] = { href: './ground.laz', type: 'application/vnd.laszip', roles: ['data'] };
    const { item, catalog } = await folderCatalog(
      'terrain',
      'Rasters of point clouds: ground, surface, canopy, and what is drawn from them',
      grid,
      crs,
      timeOfClouds(files),
      assets,
    );
    return { files: { 'item.json': told(item), 'catalog.json': told(catalog) }, said: { item } };
  },
};
