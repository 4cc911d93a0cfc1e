/** satellite/interpolate: what stations measured, on the grid of a raster, by inverse distance. */
import { columns } from '../../core/codec.ts';
import type { Dataset, Source } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { choice, number, text } from '../../core/params.ts';
import { fromLonLat } from '../formats/lonlat.ts';
import { readStations } from '../formats/stations.ts';
import { interpolateRow, type Stations } from '../kernels/distance.ts';
import { type Cells, type Node, pyramidOver } from '../kernels/pyramid.ts';
import { type Block, blockMemory, blocksOver, makeBlock, tilesOf, windowOf } from '../rasters/blocks.ts';
import { mergeProducts, type Products, writeProducts } from '../rasters/mosaics.ts';
import { openZoneRaster, type ZoneRaster } from '../rasters/zones.ts';

type Inputs = { raster: readonly [Dataset]; stations: readonly [Dataset] };
type Part = Block & { readonly width: number; readonly height: number };

const params = {
  column: text('column of the table that has the values', 'temperature'),
  power: number(2, 'weights are 1 / distance^power', { min: 0.1, max: 10 }),
  placing: choice(
    ['auto', 'raster', 'lonlat'],
    'what places of stations are: those of the raster, or degrees; auto: degrees where the columns are called lon and lat, or the numbers say so',
  ),
};
type Given = { readonly column: string; readonly placing: string };

const pyramidOf = (size: { readonly width: number; readonly height: number }) =>
  pyramidOver(size, { type: 'Float32', empty: NaN, nodata: NaN });

/** Stations in cells of the raster. */
async function stationsOn(
  { transform, crs }: ZoneRaster,
  source: Source,
  name: string,
  { column, placing }: Given,
): Promise<Stations> {
  const table = await readStations(source, name, column || 'value');
  const [a, , c, , e, f] = transform;
  const isGlobe = Math.abs(a) < 1 && Math.abs(e) < 1;
  const areDegrees = table.x.every((x, i) => Math.abs(x) <= 360 && Math.abs(table.y[i]!) <= 90);
  const isLonLat = placing === 'lonlat' || (placing === 'auto' && areDegrees && !isGlobe);
  const way = isLonLat && crs ? await fromLonLat(crs) : undefined;
  const places = table.x.map((x, i) => (way ? way(x, table.y[i]!) : [x, table.y[i]!]));
  return {
    x: Float64Array.from(places, ([x]) => (x! - c) / a),
    y: Float64Array.from(places, ([, y]) => (y! - f) / e),
    value: Float64Array.from(table.value),
  };
}

export const interpolate = define<Inputs, typeof params, Part, Products>({
  name: 'satellite/interpolate',
  version: 2,
  doc: 'values of stations on the grid of a raster by inverse distance (gdal_grid invdist), as a Cloud-Optimized GeoTIFF',
  examples: ['--raster ndvi.tif --stations stations.csv --column temperature --out temperature.tif'],
  inputs: {
    raster: { doc: 'a GeoTIFF whose grid to use', formats: ['tif', 'tiff'] },
    stations: { doc: 'a table with columns x and y (or lon and lat) and values', formats: ['csv', 'txt'] },
  },
  params,
  split: 16,
  unit: 'tiles',
  counts: 'tiles',
  output: 'file',
  result: columns<Products>(),

  async partition({ raster: [raster], stations: [stations] }, given, split, planning) {
    const grid = await openZoneRaster(await planning.open(raster), raster.uri, [1]);
    await stationsOn(grid, await planning.open(stations), stations.uri, given);
    const { width, height } = grid;
    const pyramid = pyramidOf(grid);
    return {
      parts: blocksOver(pyramid, split).map((block) => ({ ...block, width, height })),
      records: tilesOf(pyramid),
    };
  },
  pace: 10,
  memory: (part) => blockMemory(part.top, pyramidOf(part)),

  async kernel(part, { raster: [raster], stations: [table] }, given, context) {
    const grid = await openZoneRaster(await context.open(raster), raster.uri, [1]);
    const stations = await stationsOn(grid, await context.open(table), table.uri, given);
    const [across, , , , down] = grid.transform;
    const pyramid = pyramidOf(part);
    const tile = async (node: Node, room: () => Cells): Promise<Cells> => {
      const { left, top, width, height } = windowOf(node, pyramid);
      const out = room();
      const line = new Float64Array(width);
      for (let row = 0; row < height; row++) {
        interpolateRow(stations, top + row, left, width, { across, down, power: given.power }, line);
        out.set(line, row * pyramid.side);
      }
      return out;
    };
    return makeBlock(part, pyramid, tile, context);
  },

  merge: mergeProducts,
  records: ({ pieces }) => pieces,

  async write(
    result,
    output,
    {
      inputs: {
        raster: [raster],
      },
      params: { column },
    },
    context,
  ) {
    const grid = await openZoneRaster(await context.open(raster), raster.uri, [1]);
    const { transform, crs } = grid;
    const told = { name: column || 'value', pyramid: pyramidOf(grid), transform, ...(crs ? { crs } : {}) };
    await writeProducts(result, [told], output, context);
  },
});
