/** From scenes, stations and crops to what water the crops use: NDVI, temperature between the stations, and sums by crop. After the water-use case of the CloudButton project. */
import { number, resolve, text } from '../../core/params.ts';
import { readPolygons } from '../../geospatial/formats/polygons.ts';
import { bandIndex } from '../../geospatial/jobs/bandindex.ts';
import { composite } from '../../geospatial/jobs/composite.ts';
import { interpolate } from '../../geospatial/jobs/interpolate.ts';
import { zonal } from '../../geospatial/jobs/zonal.ts';
import { openZoneRaster } from '../../geospatial/rasters/zones.ts';
import { checkPolygons } from '../polygons.ts';
import type { Pipeline, Row, Step } from '../pipeline.ts';
import { tableOf } from '../pipeline.ts';
import { seasonParams, seasonSteps } from '../season.ts';

const stats = 'sum,count,mean';
const round = (value: number): number => Math.round(value * 1000) / 1000;

export const water: Pipeline = {
  name: 'pipelines/water',
  doc: 'scenes, stations and crops to the water that crops use (crops.tsv): NDVI, temperature by inverse distance, evapotranspiration by Blaney and Criddle, sums by crop',
  examples: [
    "--bands 'red=*_red.tif,nir=*_nir.tif,scl=*_scl.tif' --mask scl --stations stations.csv --polygons crops.geojson --crop crop --out use",
  ],
  inputs: {
    bands: composite.inputs.bands,
    stations: interpolate.inputs.stations,
    polygons: zonal.inputs.polygons,
  },
  params: {
    ...seasonParams,
    column: text('column of the stations with the mean temperature, in degrees Celsius', 'temperature'),
    power: interpolate.params.power,
    daylight: number(0.27, 'share of the daytime hours of a year that a day has: p of Blaney and Criddle', {
      unit: 'percent',
      min: 0.1,
      max: 0.5,
    }),
    days: number(1, 'days to sum over', { min: 0 }),
    crop: text('property of the polygons that names the crop', 'crop'),
    rule: zonal.params.rule,
    placing: zonal.params.placing,
  },
  split: composite.split,
  unit: composite.unit,
  counts: composite.counts,
  output: 'folder',
  first: async () => composite,

  check: checkPolygons,

  steps({ bands = [], stations = [], polygons = [] }, given): Step[] {
    const { column, power, daylight, days, rule, placing } = given;
    // A crop's coefficient from its NDVI (Kamble et al. 2013), reference evapotranspiration in mm a day from temperature (FAO 24).
    const use = `max(0, 1.457 * ndvi - 0.1725) * ${daylight as number} * max(0, 0.46 * temperature + 8.13) * ${days as number}`;
    const layers = { ndvi: { file: 0, band: 0 }, temperature: { file: 1, band: 0 } };
    return [
      ...seasonSteps(bands, given, 'ndvi'),
      {
        name: 'temperature.tif',
        reads: { raster: ['index.tif'] },
        stage: {
          job: interpolate,
          inputs: { stations },
          params: resolve(interpolate.params, { column: (column as string) || 'temperature', power: power! }),
        },
      },
      {
        name: 'water.tif',
        reads: { bands: ['index.tif', 'temperature.tif'] },
        stage: {
          job: bandIndex,
          inputs: {},
          params: resolve(bandIndex.params, { index: use, scenes: [{ id: 'water', layers }] }),
        },
      },
      {
        name: 'fields.csv',
        reads: { raster: ['water.tif'] },
        stage: {
          job: zonal,
          inputs: { polygons },
          params: resolve(zonal.params, { rule: rule!, placing: placing!, stats }),
        },
      },
    ];
  },

  async end(done, { crop }, planning) {
    const last = done.at(-1)!;
    const [dataset] = last.stage.inputs['polygons']!;
    const [raster] = last.stage.inputs['raster']!;
    const { features } = await readPolygons(await planning.open(dataset!), dataset!);
    const { transform } = await openZoneRaster(await planning.open(raster!), raster!.uri, [1]);
    const area = Math.abs(transform[0] * transform[4]);
    const { values } = last.finished.value as { values: Float64Array };
    const sums = new Map<string, { fields: number; cells: number; millimetres: number }>();
    for (const [i, { properties }] of features.entries()) {
      const told = properties[(crop as string) || 'crop'];
      const name = typeof told === 'string' ? told : JSON.stringify(told ?? 'unknown');
      const found = sums.get(name) ?? { fields: 0, cells: 0, millimetres: 0 };
      const [sum, cells] = [values[3 * i]!, values[3 * i + 1]!];
      sums.set(name, {
        fields: found.fields + 1,
        cells: found.cells + cells,
        millimetres: found.millimetres + (sum === sum ? sum : 0),
      });
    }
    const rows = [...sums]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, found]): Row => ({
        crop: name,
        fields: found.fields,
        hectares: round((found.cells * area) / 10_000),
        mean_mm: found.cells > 0 ? round(found.millimetres / found.cells) : null,
        cubic_metres: round((found.millimetres * area) / 1000),
      }));
    return { files: { 'crops.tsv': tableOf(rows) }, said: { crops: rows.length } };
  },
};
