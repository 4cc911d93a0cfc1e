/** synthetic/terrain: airborne laser points of a simulated landscape, classified, with its bare earth as the truth. */
import { canonical } from '../core/json.ts';
import { integer, number } from '../core/params.ts';
import type { Values } from '../core/params.ts';
import type { Raster } from '../geospatial/formats/cog.ts';
import { encodeTile, writeCog } from '../geospatial/formats/cog.ts';
import { crsOf } from '../geospatial/formats/crs.ts';
import { tileSide } from '../geospatial/kernels/grid.ts';
import { levels } from '../geospatial/kernels/pyramid.ts';
import { defineGenerator } from './generator.ts';
import type { Landscape } from './landscape.ts';
import { createLandscape } from './landscape.ts';
import type { LasWriter } from './las.ts';
import { createLasWriter } from './las.ts';
import { quantity } from './quantity.ts';
import type { Draft, Release } from './release.ts';
import { release } from './release.ts';
import { SCALE, classes, survey } from './survey.ts';

/** South-western corner, in the metres of the CRS. */
const WEST = 450_000;
const SOUTH = 4_600_000;
/** The CRS: EPSG:25830. */
const WKT =
  'PROJCS["ETRS89 / UTM zone 30N",GEOGCS["ETRS89",DATUM["European_Terrestrial_Reference_System_1989",SPHEROID["GRS 1980",6378137,298.257222101,AUTHORITY["EPSG","7019"]],AUTHORITY["EPSG","6258"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AUTHORITY["EPSG","4258"]],PROJECTION["Transverse_Mercator"],PARAMETER["latitude_of_origin",0],PARAMETER["central_meridian",-3],PARAMETER["scale_factor",0.9996],PARAMETER["false_easting",500000],PARAMETER["false_northing",0],UNIT["metre",1,AUTHORITY["EPSG","9001"]],AXIS["Easting",EAST],AXIS["Northing",NORTH],AUTHORITY["EPSG","25830"]]';
/** Cell of the truth's raster, in metres. */
const CELL = 1;
/** Pulses of scan lines between two reports. */
const REPORT = 64;

const params = {
  points: quantity(1_000_000, 'points of all files together', { min: 1000, max: 20_000_000_000 }),
  density: number(8, 'points over an area', { unit: 'points/m2', min: 0.1, max: 200 }),
  tiles: integer(1, 'files, each a rectangle of the area', { min: 1, max: 400 }),
  seed: integer(1, 'what everything is drawn from', { min: 0 }),
};

/** Writes terrain.las, or terrain_COLUMN_ROW.las for several tiles, ground.tif and truth.json. Memory does not grow with the points. */
export const terrain = defineGenerator({
  name: 'synthetic/terrain',
  doc: 'Classified airborne laser points of a simulated landscape: LAS 1.4 files, true bare earth as GeoTIFF, and counts',
  params,
  async make(folder, values, report) {
    return release(folder, (files) => simulate(files, values, report));
  },
});

async function simulate(
  files: Release,
  { points, density, tiles, seed }: Values<typeof params>,
  report: (done: number) => void,
): Promise<void> {
  const side = Math.ceil(Math.sqrt(points / density));
  const land = createLandscape(seed);
  const [columns, rows] = gridOf(tiles);
  const names = Array.from({ length: tiles }, (_, i) =>
    tiles === 1 ? 'terrain.las' : `terrain_${i % columns}_${Math.floor(i / columns)}.las`,
  );
  const grid = { scale: SCALE, offset: [WEST, SOUTH, 0] as const };
  const writers: LasWriter[] = [];
  for (const name of names) writers.push(await createLasWriter(await files.file(name), grid, WKT));

  const steps = side / SCALE;
  const counts = new Float64Array(16);
  const returns = new Float64Array(16);
  const full = new Set<LasWriter>();
  const lines = survey({ seed, side, points }, land, (point) => {
    counts[point.classification]!++;
    returns[point.return]!++;
    const column = Math.floor((point.x * columns) / steps);
    const writer = writers[Math.floor((point.y * rows) / steps) * columns + column]!;
    if (writer.add(point)) full.add(writer);
  });
  let line = 0;
  for (const done of lines) {
    for (const writer of full) await writer.flush();
    full.clear();
    if (++line % REPORT === 0) report((0.95 * done) / points);
  }
  const sizes: number[] = [];
  for (const writer of writers) sizes.push(await writer.finish());
  await writeTruth(await files.file('ground.tif'), land, side);
  const json = await files.file('truth.json');
  const truth = {
    generator: 'synthetic/terrain',
    params: { points, density, tiles, seed },
    crs: 'EPSG:25830',
    bounds: [WEST, SOUTH, WEST + side, SOUTH + side],
    files: Object.fromEntries(names.map((name, i) => [name, sizes[i]!])),
    classes: Object.fromEntries(Object.values(classes).map((code) => [String(code), counts[code]!])),
    returns: Array.from(returns.subarray(1, 5)),
  };
  await json.write(new TextEncoder().encode(`${canonical(truth)}\n`));
  report(1);
}

/** Columns and rows of `n` rectangles, as near to squares as n's divisors let them be. */
function gridOf(n: number): [number, number] {
  let rows = Math.floor(Math.sqrt(n));
  while (n % rows !== 0) rows--;
  return [n / rows, rows];
}

/** The bare earth at the middle of every cell, and at those of the overviews' cells. Tiles are made twice, once for their sizes, so that none is kept. */
async function writeTruth(file: Draft, land: Landscape, side: number): Promise<void> {
  const crs = crsOf({ wkt: WKT, wktBit: true }).keys;
  const raster: Raster = {
    width: side / CELL,
    height: side / CELL,
    transform: [CELL, 0, WEST, 0, -CELL, SOUTH + side],
    side: tileSide,
    type: 'Float32',
    nodata: -9999,
    ...(crs ? { crs } : {}),
    bands: [{ name: 'ground' }],
  };
  const shape = levels(raster);
  const values = new Float32Array(tileSide * tileSide);
  const make = (level: number, index: number): Uint8Array => {
    const { width, height, columns } = shape[level]!;
    const cell = CELL * 2 ** level;
    const [left, top] = [(index % columns) * tileSide, Math.floor(index / columns) * tileSide];
    values.fill(-9999);
    for (let r = 0; r < Math.min(tileSide, height - top); r++)
      for (let c = 0; c < Math.min(tileSide, width - left); c++)
        values[r * tileSide + c] = land.ground((left + c + 0.5) * cell, side - (top + r + 0.5) * cell);
    return encodeTile(values);
  };
  const sizes = shape.map(({ columns, rows }, level) =>
    Uint32Array.from({ length: columns * rows }, (_, index) => make(level, index).length),
  );
  await writeCog(file, raster, sizes, async (level, index) => make(level, index));
}
