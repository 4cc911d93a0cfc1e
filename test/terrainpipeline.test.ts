/** pipelines/terrain: what it writes is what its jobs write one by one, catalogued, and done again from what is there. */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { servermix } from './command.ts';
import { gdalMissing, validateCogs } from './gdal.ts';
import { schemaErrors } from './schemas.ts';
import { shared } from './shared.ts';
import { generate } from './generate.ts';

const folder = await mkdtemp(join(tmpdir(), 'servermix-terrain-'));
afterAll(() => rm(folder, { recursive: true }));
mkdirSync(join(folder, 'made'));
await generate('synthetic/terrain', join(folder, 'made'), { points: 60_000 });
const points = readdirSync(join(folder, 'made')).find((name) => name.endsWith('.las'))!;
const read = (path: string): Buffer => readFileSync(join(folder, path));
const args = ['pipelines/terrain', '--points', `made/${points}`, '--interval', '2'];
const run = (...more: string[]) => servermix(['run', ...args, ...more], folder);
const rasters = ['chm', 'density', 'dsm', 'dtm', 'hillshade', 'intensity', 'slope'];

test('a folder of rasters, lines and points, the same as job by job', async () => {
  const plan = await servermix(['plan', ...args], folder);
  expect(plan.stdout).toMatch(
    /^ground\.laz\t.*about .*\nrasters\t.*about .*\nrelief\treads dtm\.tif: .*\ncontours\.geojson\treads dtm\.tif: .*\n2 of 4, .*\n$/,
  );
  const done = await run('--out', 'area');
  expect(done).toMatchObject({ code: 0, stdout: '' });
  expect(done.stderr).toMatch(/\n4 done; wrote area\/item\.json area\/catalog\.json\n$/);
  const names = [...rasters.map((name) => `${name}.tif`), 'catalog.json', 'contours.geojson'];
  expect(readdirSync(join(folder, 'area')).sort()).toEqual([...names, 'ground.laz', 'item.json'].sort());
  const alone: string[][] = [
    ['lidar/ground', '--points', `made/${points}`, '--out', 'one/ground.laz'],
    ['lidar/raster', '--points', 'one/ground.laz', '--product', 'dtm', '--out', 'one/dtm.tif'],
    ['lidar/raster', '--points', 'one/ground.laz', '--product', 'chm', '--out', 'one/chm.tif'],
    ['terrain/relief', '--dem', 'one/dtm.tif', '--product', 'slope', '--out', 'one/slope.tif'],
    ['terrain/contours', '--dem', 'one/dtm.tif', '--interval', '2', '--out', 'one/contours.geojson'],
  ];
  for (const [job, ...rest] of alone)
    expect([job, await servermix(['run', job!, ...rest, '--store', 'memory:'], folder)]).toMatchObject([
      job,
      { code: 0 },
    ]);
  for (const name of readdirSync(join(folder, 'one')))
    expect([name, read(`area/${name}`).equals(read(`one/${name}`))]).toEqual([name, true]);
});

test.skipIf(gdalMissing)('its rasters are Cloud-Optimized GeoTIFFs', () => {
  for (const verdict of validateCogs(rasters.map((name) => join(folder, `area/${name}.tif`))))
    expect(verdict).toMatch(/is a valid/);
});

test('the catalogue names every file, and is valid', () => {
  const item = JSON.parse(read('area/item.json').toString()) as {
    assets: { [name: string]: { href: string } };
    links: { href: string }[];
  };
  const catalog = JSON.parse(read('area/catalog.json').toString()) as typeof item;
  const named = [...Object.values(item.assets), ...item.links, ...catalog.links].map(({ href }) => href);
  expect([...new Set(named)].sort()).toEqual(
    readdirSync(join(folder, 'area'))
      .map((name) => `./${name}`)
      .sort(),
  );
  if (!shared()) return console.warn('skipped: no schemas of STAC, they are shared data');
  expect(schemaErrors(item, 'item')).toEqual([]);
  expect(schemaErrors(catalog, 'catalog')).toEqual([]);
  return undefined;
});

test('again: nothing is done twice, though files of steps were written anew; another split is the same', async () => {
  const again = await run('--out', 'area', '--json');
  const { runs } = JSON.parse(again.stdout) as { runs: { ran: number }[] };
  expect(runs.map(({ ran }) => ran)).toEqual([0, 0, 0, 0]);
  expect(await run('--out', 'cut', '--split', '7000', '--store', 'memory:')).toMatchObject({ code: 0 });
  for (const name of readdirSync(join(folder, 'area')))
    expect([name, read(`area/${name}`).equals(read(`cut/${name}`))]).toEqual([name, true]);
});

test('points that are classified are taken as they are; bad ones are one line, and nothing is catalogued', async () => {
  const given = [
    'run',
    'pipelines/terrain',
    '--points',
    'area/ground.laz',
    '--classified',
    '--interval',
    '2',
  ];
  expect(await servermix([...given, '--out', 'known'], folder)).toMatchObject({ code: 0 });
  for (const name of ['dtm.tif', 'contours.geojson'])
    expect([name, read(`area/${name}`).equals(read(`known/${name}`))]).toEqual([name, true]);
  expect(readdirSync(join(folder, 'known'))).not.toContain('ground.laz');
  const bad = await servermix(
    ['run', ...args.slice(0, 1), '--points', 'area/dtm.tif', '--out', 'bad'],
    folder,
  );
  expect(bad.code).toBe(3);
  expect(bad.stderr).toMatch(/^servermix: LAS: .*area\/dtm\.tif.*\n$/m);
});
