/** satellite/index of a box of remote bands: the requests and bytes that its tiles cost, counted by the server. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memorySource } from '../core/sources/memory.ts';
import type { Json } from '../core/json.ts';
import { resolve, type Spec } from '../core/params.ts';
import { plan } from '../core/plan.ts';
import { readTiff } from '../geospatial/formats/directories.ts';
import { bandIndex } from '../geospatial/jobs/bandindex.ts';
import { catalog } from '../pipelines/catalog.ts';
import { describe as describeUri } from '../pipelines/storage.ts';
import { filesOf, hostOf, sameFiles } from './laws.ts';
import { type Site, startSite } from './site.ts';
import { generate } from './generate.ts';

const work = mkdtempSync(join(tmpdir(), 'remoteindex-'));
const paths = ['red', 'nir'].map((name) => join(work, 'scenes', `20240401_${name}.tif`));
const size = 3000;
let site: Site;
beforeAll(async () => {
  site = await startSite();
  site.etag = '"v1"';
  await generate('synthetic/scenes', join(work, 'scenes'), { size, scenes: 1, seed: 2 });
  for (const path of paths) site.files.set(`/${basename(path)}`, readFileSync(path));
}, 120_000);
afterAll(async () => {
  await site.close();
  rmSync(work, { recursive: true });
});

/** Bytes of the tiles that columns `[left, right)` and rows `[top, bottom)` of both files lie in, and their number in one. */
async function tilesOf(left: number, top: number, right: number, bottom: number) {
  let bytes = 0;
  let count = 0;
  for (const path of paths) {
    const file = readFileSync(path);
    const tiff = await readTiff(memorySource(file), path);
    const sizes = (await tiff.numbers(tiff.directories[0]!, 325))!;
    const across = Math.ceil(size / 512);
    count = 0;
    for (let row = Math.floor(top / 512); row < Math.ceil(bottom / 512); row++)
      for (let column = Math.floor(left / 512); column < Math.ceil(right / 512); column++) {
        bytes += sizes[row * across + column]!;
        count++;
      }
  }
  return { bytes, count };
}

/** Runs the job over both servers; gives what the remote files cost. */
async function costOf(bbox: string, split: number) {
  const scenes = [{ id: 'a', layers: { red: { file: 0, band: 0 }, nir: { file: 1, band: 0 } } }];
  const params = resolve(bandIndex.params as Spec, { bbox, scenes: scenes as unknown as Json });
  const stageOf = async (uris: readonly string[]) => ({
    job: bandIndex,
    inputs: { bands: await Promise.all(uris.map((uri) => describeUri(uri))) },
    params,
  });
  const remote = await stageOf(paths.map((path) => new URL(basename(path), site.address).href));
  const expected = await filesOf(await stageOf(paths), hostOf(catalog), { split });
  const host = hostOf(catalog);
  const { parts } = await plan(await stageOf(paths), host.planning, { split });
  await host.runtime.open.close();
  site.sent.length = 0;
  sameFiles(await filesOf(remote, hostOf(catalog), { split }), expected, 'remote');
  const gets = site.sent.filter(({ method }) => method === 'GET');
  return { parts, requests: gets.length, bytes: gets.reduce((sum, one) => sum + one.bytes, 0) };
}

const boxOf = (left: number, top: number, right: number, bottom: number): string =>
  [600_000 + 10 * left, 5_100_000 - 10 * bottom, 600_000 + 10 * right, 5_100_000 - 10 * top].join(',');

test('a box of 2 x 2 tiles costs a request a part and band, and the bytes of its tiles', async () => {
  const box = [1024, 512, 2048, 1536] as const;
  const tiles = await tilesOf(...box);
  const cost = await costOf(boxOf(...box), 1);
  expect([cost.parts, tiles.count]).toEqual([4, 4]);
  expect(cost.bytes / tiles.bytes).toBeLessThanOrEqual(1.1);
  expect(cost.requests).toBeLessThanOrEqual(2 * cost.parts + 4);
});

test('a box that cuts tiles, read in one part, costs the bytes of the tiles that it meets', async () => {
  const box = [700, 900, 1700, 1800] as const;
  const tiles = await tilesOf(...box);
  const cost = await costOf(boxOf(...box), 64);
  expect(cost.parts).toBe(1);
  expect(cost.bytes / tiles.bytes).toBeLessThanOrEqual(1.1);
});

test('of parts that cut tiles, each reads those that it meets', async () => {
  const box = [700, 900, 1700, 1800] as const;
  const tiles = await tilesOf(...box);
  const cost = await costOf(boxOf(...box), 1);
  expect(cost.parts).toBe(4);
  expect(cost.bytes).toBeLessThan(4.4 * tiles.bytes);
});
