/** satellite/zonal: statistics of the cells of rasters within each of many polygons. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { choice, integer, integers, text, words } from '../../core/params.ts';
import { splitWeighted } from '../../core/partition.ts';
import { pendingNote } from '../formats/geopackage.ts';
import { polygonFormats, polygonsOf } from '../formats/polygons.ts';
import { writeZoneTable, zoneFormats } from '../formats/zonetable.ts';
import { frameOf } from '../kernels/coverage.ts';
import { needsValues, zonePercentile, zoneStats } from '../kernels/zone.ts';
import { placePolygons, placings } from '../rasters/placing.ts';
import {
  bandsOf,
  columnsOfZones,
  layersOf,
  mergeTables,
  orderOf,
  type Table,
  tableOfZones,
} from '../rasters/zonetables.ts';
import { openZoneRaster } from '../rasters/zones.ts';

type Inputs = { raster: readonly Dataset[]; polygons: readonly [Dataset] };
/** Features `[from, to)` of those along a Hilbert curve, the cells that their bounds have, those of the largest, and the bytes of the file of polygons. */
type Part = {
  readonly from: number;
  readonly to: number;
  readonly cells: number;
  readonly largest: number;
  readonly bytes: number;
};

const params = {
  rule: choice(
    ['centre', 'touched', 'fraction'],
    'cells of a polygon: centre, those whose middle lies inside (rasterstats, QGIS); touched, also all that its sides pass through (all_touched); fraction, every one by the share of it that lies inside (exactextract)',
  ),
  stats: words(
    zoneStats,
    'count,nodata,sum,mean,min,max,std,median',
    'what to tell of each polygon; percentiles are p0 to p100, say p5 or p97.5; a histogram counts cells by value, or in --bins',
    zonePercentile,
  ),
  bins: integer(0, 'equal bins of a histogram over --range; 0 for one a value', { min: 0, max: 100_000 }),
  range: text('least and greatest value of the bins', '0,1', /^[^,]+,[^,]+$/),
  band: integers('bands of the rasters, from 1; the first one unless given', { min: 1 }),
  prefix: text('what names of statistics begin with', 'ndvi_'),
  placing: choice(
    placings,
    'what places of polygons are: auto, what their file says; raster, those of the raster; lonlat, degrees',
  ),
  format: choice(
    zoneFormats,
    'as --out ends, else csv, a line a feature with its properties; geojson, the features with more of them; parquet, typed columns with the geometry (GeoParquet)',
  ),
};

export const zonal = define<Inputs, typeof params, Part, Table>({
  name: 'satellite/zonal',
  version: 4,
  doc: 'statistics of rasters in polygons (rasterstats, exactextract), as CSV, GeoJSON or GeoParquet',
  examples: [
    '--raster chm.tif --polygons plots.geojson --out plots.csv',
    '--raster ndvi.tif --polygons fields.gpkg --rule fraction --stats mean,p10,p90 --out fields.geojson',
    '--raster landcover.tif --polygons parcels.fgb --rule touched --stats count,majority,histogram --out parcels.parquet',
    '--raster 2023.tif 2024.tif --band 1,4 --polygons fields.fgb --stats histogram --bins 20 --range 0,1 --out fields.csv',
  ],
  inputs: {
    raster: { doc: 'north-up GeoTIFFs, each on its own grid', formats: ['tif', 'tiff'], many: true },
    polygons: { doc: 'polygons: GeoJSON, FlatGeobuf or GeoPackage', formats: polygonFormats },
  },
  params,
  split: 8_000_000,
  unit: 'cells',
  counts: 'polygons',
  output: 'text',
  result: columns<Table>(),

  async partition({ raster: rasters, polygons: [polygons] }, given, split, planning) {
    layersOf(rasters, given);
    const file = await polygonsOf(polygons, planning);
    const order = orderOf(file);
    const cells = new Float64Array(order.length).fill(1);
    const notes = [...(await pendingNote(polygons, planning))];
    if (file.others > 0)
      notes.push(`${file.others} features of ${polygons.uri} are no polygons and are left out`);
    for (const raster of rasters) {
      const opened = await openZoneRaster(await planning.open(raster), raster.uri, bandsOf(given));
      const placement = await placePolygons(file, opened, given.placing, polygons.uri);
      let beside = 0;
      for (const [i, number] of order.entries()) {
        const rings = placement.ringsOf(file.features[number]!.polygons);
        const { left, right, top, bottom } = frameOf(rings, opened.width, opened.height);
        const met = Math.max(0, right - left) * Math.max(0, bottom - top);
        if (met === 0) beside++;
        cells[i]! += met;
      }
      notes.push(...placement.notes.map((note) => `${raster.uri}: ${note}`));
      if (beside > 0) notes.push(`${beside} of ${order.length} polygons lie beside ${raster.uri}`);
    }
    const parts = splitWeighted(cells, split).map(({ start, end }) => {
      const own = cells.subarray(start, end);
      const [sum, largest] = [own.reduce((a, n) => a + n, 0), own.reduce((a, n) => Math.max(a, n), 0)];
      return { from: start, to: end, cells: sum, largest, bytes: polygons.size };
    });
    return { parts, records: order.length, notes };
  },
  weight: ({ cells }) => cells,
  pace: 2e7,
  // Values and weights of the largest polygon, blocks of the raster, and the file of polygons as text and as numbers.
  memory: ({ largest, bytes }, { stats }) =>
    (stats.split(',').some(needsValues) ? 48 * largest : 0) + 8 * bytes + 256 * 2 ** 20,

  async kernel({ from, to }, { raster: rasters, polygons: [polygons] }, given, context) {
    const file = await polygonsOf(polygons, context);
    const order = orderOf(file).subarray(from, to);
    const open = async (raster: Dataset) => {
      const opened = await openZoneRaster(await context.open(raster), raster.uri, bandsOf(given));
      return { opened, placement: await placePolygons(file, opened, given.placing, polygons.uri) };
    };
    const opening = rasters.map((raster) => () => open(raster));
    return tableOfZones(file, order, opening, given, polygons.uri, context.signal);
  },
  merge: mergeTables,
  records: ({ features }) => features,

  async write(table, output, { inputs: { raster: rasters, polygons }, params: given }, context) {
    const file = await polygonsOf(polygons[0], context);
    await writeZoneTable(given.format, file, columnsOfZones(rasters, given, table), await output.file());
  },
});
