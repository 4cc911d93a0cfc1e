/** satellite/zonal: statistics of a raster's cells within each of many polygons. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { choice, integer, words } from '../../core/params.ts';
import { splitWeighted } from '../../core/partition.ts';
import { readPolygons } from '../formats/geojson.ts';
import { frameOf } from '../kernels/coverage.ts';
import { zonePercentile, zoneStat, zoneStats } from '../kernels/zone.ts';
import { openZoneRaster, placings, ringsOnGrid, zoneReader } from '../rasters/zones.ts';

type Inputs = { raster: readonly [Dataset]; polygons: readonly [Dataset] };
/** Features `[from, to)`, and the cells that their bounds have. */
type Part = { readonly from: number; readonly to: number; readonly cells: number };
/** A row a feature, a column a statistic; NaN for none. */
type Table = { readonly features: number; readonly values: Float64Array<ArrayBuffer> };

const params = {
  rule: choice(
    ['centre', 'touched', 'fraction'],
    'cells of a polygon: those whose centre lies inside, also all that its sides touch, or every one by the share of it that lies inside',
  ),
  stats: words(
    zoneStats,
    'count,nodata,sum,mean,min,max,std,median',
    'what to tell of each polygon; percentiles are p1 to p99',
    zonePercentile,
  ),
  band: integer(1, 'band of the raster', { min: 1 }),
  placing: choice(placings, 'what places of polygons are: raster, those of the raster; lonlat, degrees'),
  format: choice(
    ['csv', 'geojson'],
    'a line a feature with its properties, or the features with more of them',
  ),
};

export const zonal = define<Inputs, typeof params, Part, Table>({
  name: 'satellite/zonal',
  version: 2,
  doc: 'statistics of a raster in polygons (rasterstats), as CSV or GeoJSON',
  examples: [
    '--raster chm.tif --polygons plots.geojson --out plots.csv',
    '--raster ndvi.tif --polygons fields.geojson --rule fraction --stats mean,p10,p90 --format geojson --out fields.geojson',
  ],
  inputs: {
    raster: { doc: 'a north-up GeoTIFF', formats: ['tif', 'tiff'] },
    polygons: { doc: 'polygons: GeoJSON', formats: ['geojson', 'json'] },
  },
  params,
  split: 4_000_000,
  unit: 'cells',
  counts: 'polygons',
  output: 'text',
  result: columns<Table>(),

  async partition({ raster: [raster], polygons: [polygons] }, { placing, band }, split, planning) {
    const opened = await openZoneRaster(await planning.open(raster), raster.uri, band);
    const file = await readPolygons(await planning.open(polygons), polygons);
    const { width, height } = opened;
    const cells = (await ringsOnGrid(file, opened, placing, polygons.uri)).map((rings) => {
      const { left, right, top, bottom } = frameOf(rings, width, height);
      return 1 + Math.max(0, right - left) * Math.max(0, bottom - top);
    });
    const sum = (from: number, to: number): number => cells.slice(from, to).reduce((a, b) => a + b, 0);
    const parts = splitWeighted(cells, split).map(({ start, end }) => ({
      from: start,
      to: end,
      cells: sum(start, end),
    }));
    const beside = cells.filter((n) => n === 1).length;
    const notes = beside > 0 ? [`${beside} of ${cells.length} polygons lie beside ${raster.uri}`] : [];
    return { parts, records: cells.length, notes };
  },
  weight: ({ cells }) => cells,
  pace: 5e6,
  // Values and weights of the largest polygon, blocks of the raster, and the file of polygons.
  memory: ({ cells }) => 32 * cells + 256 * 2 ** 20,

  async kernel(
    { from, to },
    { raster: [raster], polygons: [polygons] },
    { rule, stats, placing, band },
    context,
  ) {
    const opened = await openZoneRaster(await context.open(raster), raster.uri, band);
    const file = await readPolygons(await context.open(polygons), polygons);
    const names = stats.split(',');
    const values = new Float64Array(names.length * (to - from));
    const read = zoneReader(opened);
    const all = await ringsOnGrid(file, opened, placing, polygons.uri, from, to);
    for (const [i, rings] of all.entries()) {
      context.signal.throwIfAborted();
      const zone = await read(rings, rule);
      for (const [k, name] of names.entries()) values[i * names.length + k] = zoneStat(name, zone) ?? NaN;
    }
    return { features: to - from, values };
  },

  merge(tables) {
    const values = new Float64Array(tables.reduce((sum, table) => sum + table.values.length, 0));
    let at = 0;
    for (const table of tables) {
      values.set(table.values, at);
      at += table.values.length;
    }
    return { features: tables.reduce((sum, { features }) => sum + features, 0), values };
  },
  records: ({ features }) => features,

  async write({ values }, output, { inputs, params: { stats, format } }, context) {
    const [dataset] = inputs.polygons;
    const source = await context.open(dataset);
    const names = stats.split(',');
    const found = (i: number): { [name: string]: number | null } =>
      Object.fromEntries(
        names.map((name, k) => {
          const value = values[i * names.length + k]!;
          return [name, value !== value ? null : value];
        }),
      );
    const file = await output.file();
    const { features } = await readPolygons(source, dataset);
    if (format === 'geojson') {
      const told = features.map(({ properties, geometry }, i) => ({
        type: 'Feature',
        properties: { ...properties, ...found(i) },
        geometry,
      }));
      return file.write(Buffer.from(`${JSON.stringify({ type: 'FeatureCollection', features: told })}\n`));
    }
    const own = [...new Set(features.flatMap(({ properties }) => Object.keys(properties)))];
    const rows = features.map(({ properties }, i) => [
      ...own.map((name) => properties[name]),
      ...names.map((name) => found(i)[name]),
    ]);
    const lines = [['feature', ...own, ...names], ...rows.map((row, i) => [i, ...row])];
    return file.write(Buffer.from(lines.map((line) => `${line.map(cell).join(',')}\n`).join('')));
  },
});

/** A value as CSV has it (RFC 4180). */
function cell(value: unknown): string {
  const text = typeof value === 'string' ? value : value === null ? '' : (JSON.stringify(value) ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
