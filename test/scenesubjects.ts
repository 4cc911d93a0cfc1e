/** Cases of the jobs on scenes of red, green, near infrared and classes: one of three by three tiles, and three dates of two by two. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dataset } from '../core/job.ts';
import { describe } from '../pipelines/storage.ts';
import { generate } from './generate.ts';
import type { AddSubject, Subject } from './laws.ts';

export async function sceneSubjects(
  folder: string,
  { dem, fields }: { readonly dem: Dataset; readonly fields: Dataset },
  add: AddSubject,
): Promise<Subject[]> {
  const { bands, scenes } = await scenesOf(join(folder, 'scene'), 1060, 1);
  const season = await scenesOf(join(folder, 'season'), 540, 3);
  const table = join(folder, 'stations.csv');
  await writeFile(table, 'x,y,temperature\n600500,5099000,21\n606000,5094000,25\n609000,5098000,19.5\n');
  const stations = await describe(table);
  const tilesIn = [16, 4, 1];
  return [
    await add(
      'default',
      'satellite/catalog',
      { rasters: bands, points: [] },
      { statistics: true },
      [64, 4, 1],
    ),
    await add('default', 'satellite/cog', { raster: [bands[0]!] }, { overview: 'nearest' }, tilesIn),
    await add(
      'clouds',
      'satellite/composite',
      { bands: season.bands },
      { scenes: season.scenes, mask: 'scl', dilation: 3 },
      tilesIn,
    ),
    await add(
      'greenest, another CRS',
      'satellite/composite',
      { bands: season.bands },
      {
        scenes: season.scenes,
        method: 'greenest',
        mask: 'scl',
        dtype: 'uint16',
        to: 'EPSG:3857',
        resolution: 15,
      },
      tilesIn,
    ),
    await add(
      'temperature',
      'satellite/interpolate',
      { raster: [bands[0]!], stations: [stations] },
      { column: 'temperature' },
      tilesIn,
    ),
    await add('ndvi', 'satellite/index', { bands }, { scenes, mask: 'scl', dilation: 2 }, tilesIn),
    await add(
      'scenes',
      'satellite/landcover',
      { bands: season.bands },
      { scenes: season.scenes, clusters: 4, rounds: 3, mask: 'scl' },
      tilesIn,
    ),
    await add(
      'reds',
      'satellite/mosaic',
      { rasters: [season.bands[0]!, season.bands[4]!] },
      { to: 'EPSG:25832', resolution: 7, seams: 'feather' },
      tilesIn,
    ),
    await add(
      'reds',
      'satellite/tiles',
      { raster: [bands[0]!] },
      { min: '0', max: '6000', ramp: 'viridis' },
      [64, 16, 4, 1],
    ),
    await add(
      'bilinear',
      'satellite/warp',
      { raster: [bands[0]!] },
      { to: 'EPSG:3857', resampling: 'bilinear' },
      tilesIn,
    ),
    await add(
      'fields',
      'satellite/zonal',
      { raster: [dem], polygons: [fields] },
      { rule: 'fraction', stats: 'count,mean,p90' },
      [3000, 1500, 429, 97, 31],
    ),
  ];
}

/** Bands of scenes, and where they are. */
async function scenesOf(folder: string, size: number, count: number) {
  await generate('synthetic/scenes', folder, { size, scenes: count, seed: 7 });
  const names = ['red', 'green', 'nir', 'scl'];
  const dates = ['20240401', '20240413', '20240425'].slice(0, count);
  const paths = dates.flatMap((date) => names.map((name) => join(folder, `${date}_${name}.tif`)));
  const bands = await Promise.all(paths.map((path) => describe(path)));
  const scenes = dates.map((datetime, i) => ({
    id: datetime,
    datetime,
    layers: Object.fromEntries(names.map((name, k) => [name, { file: 4 * i + k, band: 0 }])),
  }));
  return { bands, scenes };
}
