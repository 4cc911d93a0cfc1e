/** synthetic/scenes: satellite scenes of fields through a season, with clouds, and the fields as polygons. */
import { canonical } from '../core/json.ts';
import { integer, number, type Values } from '../core/params.ts';
import { epsgKeys } from '../geospatial/formats/reproject.ts';
import { defineGenerator } from './generator.ts';
import { mix, scatter } from './random.ts';
import { writeRaster } from './rasterfile.ts';
import { type Release, release } from './release.ts';

/** North-western corner, in metres of EPSG:32632. */
const WEST = 600_000;
const NORTH = 5_100_000;
const EPSG = 32_632;
/** Sides of cells: of bands, and of the scene classification, which is coarser as that of Sentinel-2. */
const CELL = 10;
const CLASS_CELL = 20;
/** Cells of a field with its border. */
const FIELD = 60;
const DAYS = 12;
/** Classes of Sentinel-2 Level-2A. */
const VEGETATION = 4;
const SHADOW = 3;
const CLOUD = 9;

const params = {
  size: integer(1200, 'cells along a side of each scene', { min: 64, max: 16_384 }),
  scenes: integer(4, `scenes, ${DAYS} days apart`, { min: 1, max: 24 }),
  clouds: number(0.25, 'share of a scene that is cloud, about', { min: 0, max: 0.9 }),
  seed: integer(1, 'what everything is drawn from', { min: 0 }),
};

/** Writes DATE_red.tif, DATE_green.tif, DATE_nir.tif (reflectance times 10,000) and DATE_scl.tif a scene, fields.geojson and truth.json. */
export const scenes = defineGenerator({
  name: 'synthetic/scenes',
  doc: 'Satellite scenes of fields through a season: red, green, near infrared and a classification with clouds as GeoTIFFs, and the fields as polygons',
  params,
  async make(folder, values, report) {
    return release(folder, (files) => simulate(files, values, report));
  },
});

/** From 0 to 1, smooth over `reach` cells. */
function noise(seed: number, x: number, y: number, reach: number): number {
  const [u, v] = [x / reach, y / reach];
  const [i, k] = [Math.floor(u), Math.floor(v)];
  const at = (dx: number, dy: number): number => scatter(mix(seed, i + dx, k + dy)) / 2 ** 32;
  const [p, q] = [u - i, v - k];
  const [a, b] = [p * p * (3 - 2 * p), q * q * (3 - 2 * q)];
  const top = at(0, 0) * (1 - a) + at(1, 0) * a;
  return top * (1 - b) + (at(0, 1) * (1 - a) + at(1, 1) * a) * b;
}

/** How green a field is on a day, from 0 to 1: each has its own crop and time. */
function greenness(seed: number, column: number, row: number, turn: number): number {
  const peak = 1 + (scatter(mix(seed, column, 1000 + row)) / 2 ** 32) * 4;
  const away = (turn - peak) / 2.5;
  return 0.15 + 0.75 / (1 + away * away);
}

async function simulate(
  files: Release,
  { size, scenes: count, clouds, seed }: Values<typeof params>,
  report: (done: number) => void,
): Promise<void> {
  const crs = await epsgKeys(EPSG);
  const place = (cell: number, width: number) => ({
    width,
    height: width,
    transform: [cell, 0, WEST, 0, -cell, NORTH] as const,
    side: 512,
    crs,
  });
  const dates: string[] = [];
  const wide = Math.ceil((size * CELL) / CLASS_CELL);
  for (let turn = 0; turn < count; turn++) {
    const date = new Date(Date.UTC(2024, 3, 1 + DAYS * turn)).toISOString().slice(0, 10).replaceAll('-', '');
    dates.push(date);
    const isCloud = (x: number, y: number): boolean =>
      0.7 * noise(seed + 7 * turn, x, y, 160) + 0.3 * noise(seed + 7 * turn + 1, x, y, 40) <
      0.2 + 0.55 * clouds - (clouds === 0 ? 1 : 0);
    const bands = {
      red: new Uint16Array(size * size),
      green: new Uint16Array(size * size),
      nir: new Uint16Array(size * size),
    };
    for (let y = 0, at = 0; y < size; y++)
      for (let x = 0; x < size; x++, at++) {
        const isBorder = x % FIELD < 2 || y % FIELD < 2;
        const green = isBorder ? 0.3 : greenness(seed, Math.floor(x / FIELD), Math.floor(y / FIELD), turn);
        const grain = (scatter(mix(seed + turn, x, y)) % 1000) / 1000 - 0.5 + noise(seed, x, y, 25);
        const cloud = isCloud(x, y) ? 5000 : 0;
        bands.red[at] = Math.round(2200 - 1800 * green + 150 * grain + cloud);
        bands.green[at] = Math.round(1500 - 700 * green + 120 * grain + cloud);
        bands.nir[at] = Math.round(1800 + 2600 * green + 250 * grain + cloud);
      }
    const scl = Uint8Array.from({ length: wide * wide }, (_, i) => {
      const [x, y] = [2 * (i % wide), 2 * Math.floor(i / wide)];
      return isCloud(x, y) ? CLOUD : isCloud(x - 12, y - 12) ? SHADOW : VEGETATION;
    });
    for (const [name, values] of Object.entries(bands))
      await writeRaster(
        await files.file(`${date}_${name}.tif`),
        { ...place(CELL, size), type: 'Uint16', nodata: 0, bands: [{ name }] },
        values,
      );
    await writeRaster(
      await files.file(`${date}_scl.tif`),
      { ...place(CLASS_CELL, wide), type: 'Uint8', nodata: 0, bands: [{ name: 'scl' }] },
      scl,
    );
    report((turn + 1) / (count + 1));
  }
  const across = Math.floor(size / FIELD);
  const features = Array.from({ length: across * across }, (_, i) => {
    const [column, row] = [i % across, Math.floor(i / across)];
    const [west, north] = [WEST + (column * FIELD + 2) * CELL, NORTH - (row * FIELD + 2) * CELL];
    const side = (FIELD - 2) * CELL;
    const ring = [
      [west, north - side],
      [west + side, north - side],
      [west + side, north],
      [west, north],
      [west, north - side],
    ];
    return { type: 'Feature', properties: { field: i }, geometry: { type: 'Polygon', coordinates: [ring] } };
  });
  const named = { type: 'name', properties: { name: `urn:ogc:def:crs:EPSG::${EPSG}` } };
  const text = (value: object): Uint8Array => new TextEncoder().encode(`${JSON.stringify(value)}\n`);
  await (await files.file('fields.geojson')).write(text({ type: 'FeatureCollection', crs: named, features }));
  const truth = {
    generator: 'synthetic/scenes',
    params: { size, scenes: count, clouds, seed },
    crs: `EPSG:${EPSG}`,
    dates,
  };
  await (await files.file('truth.json')).write(new TextEncoder().encode(`${canonical(truth)}\n`));
  report(1);
}
