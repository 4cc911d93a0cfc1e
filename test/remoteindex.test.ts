/** satellite/index of a box of remote bands: the requests and bytes that its tiles cost, counted by the server. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Catalog } from '../core/job.ts';
import type { Json } from '../core/json.ts';
import { resolve, type Spec } from '../core/params.ts';
import { heldSource, hold, joinHeld } from '../core/sources/held.ts';
import { memorySource } from './memorysource.ts';
import { encodeTile, writeCog } from '../geospatial/formats/cog.ts';
import { readTiff } from '../geospatial/formats/directories.ts';
import { bandIndex } from '../geospatial/jobs/bandindex.ts';
import { fetch } from '../geospatial/jobs/fetch.ts';
import { landcover } from '../geospatial/jobs/landcover.ts';
import { levels } from '../geospatial/kernels/pyramid.ts';
import { catalog as all } from '../pipelines/catalog.ts';
import { describe as describeUri } from '../pipelines/storage.ts';
import { filesOf, hostOf, sameFiles } from './laws.ts';
import { type Site, startSite } from './site.ts';

const work = mkdtempSync(join(tmpdir(), 'remoteindex-'));
const pathOf = (name: string): string => join(work, `${name}.tif`);
const [size, side] = [3000, 512];
const catalog: Catalog = {
  names: all.names,
  load: async (name) => (name === fetch.name ? fetch : all.load(name)),
};
let site: Site;
beforeAll(async () => {
  site = await startSite();
  site.etag = '"v1"';
  for (const [name, bands] of [
    ['red', 1],
    ['nir', 1],
    ['both', 2],
  ] as const) {
    writeFileSync(pathOf(name), await cog(bands, name.length));
    site.files.set(`/${name}.tif`, readFileSync(pathOf(name)));
  }
}, 120_000);
afterAll(async () => {
  await site.close();
  rmSync(work, { recursive: true });
});

/** Noise of 10 bits in tiles that differ from their neighbours. */
async function cog(bands: number, seed: number): Promise<Uint8Array> {
  const raster = {
    width: size,
    height: size,
    type: 'Uint16',
    side,
    bands: Array.from({ length: bands }, () => ({})),
    nodata: 0,
    transform: [10, 0, 600_000, 0, -10, 5_100_000],
  } as const;
  const kinds = Array.from({ length: 5 }, (_, kind) => {
    let state = 1 + 7 * kind + 100 * seed;
    const next = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0) >>> 22;
    return encodeTile(
      Uint16Array.from({ length: side * side * bands }, () => 1 + next()),
      { side, bands },
    );
  });
  const tileAt = (index: number): Uint8Array => kinds[(index + Math.floor(index / 6)) % kinds.length]!;
  const sizes = levels(raster, side).map(({ columns, rows }) =>
    Uint32Array.from({ length: columns * rows }, (_, index) => tileAt(index).length),
  );
  const blocks: Uint8Array[] = [];
  const sink = { write: async (bytes: Uint8Array) => void blocks.push(bytes) };
  await writeCog(sink, raster, sizes, async (_, index) => tileAt(index));
  return Buffer.concat(blocks);
}

type Box = readonly [left: number, top: number, right: number, bottom: number];

/** Bytes of the tiles of a file that a box of columns and rows meets, and their rows. */
async function tilesOf(name: string, [left, top, right, bottom]: Box) {
  const tiff = await readTiff(memorySource(readFileSync(pathOf(name))), name);
  const sizes = (await tiff.numbers(tiff.directories[0]!, 325))!;
  let bytes = 0;
  const [first, end] = [Math.floor(top / side), Math.ceil(bottom / side)];
  for (let row = first; row < end; row++)
    for (let column = Math.floor(left / side); column < Math.ceil(right / side); column++)
      bytes += sizes[row * Math.ceil(size / side) + column]!;
  return { bytes, rows: end - first };
}

// Few cells are not 0: deflating noise would take most of the time.
const index = '(red > 1000) + 2 * (nir > 1000)';

type Cost = { requests: number; bytes: number };

/** Runs the job over files here and behind the server; gives its parts, and what each remote file cost. */
async function costOf(names: readonly string[], box: Box, split: number) {
  const layers =
    names.length === 2
      ? { red: { file: 0, band: 0 }, nir: { file: 1, band: 0 } }
      : { red: { file: 0, band: 0 }, nir: { file: 0, band: 1 } };
  const scenes = [{ id: 'a', layers }] as unknown as Json;
  const [left, top, right, bottom] = box.map((at) => 10 * at) as unknown as Box;
  const bbox = [600_000 + left, 5_100_000 - bottom, 600_000 + right, 5_100_000 - top].join(',');
  const params = resolve(bandIndex.params as Spec, { bbox, scenes, index, dtype: 'uint8' });
  const run = async (uris: readonly string[]) => {
    const parts: { [job: string]: number } = {};
    const inputs = { bands: await Promise.all(uris.map((uri) => describeUri(uri))) };
    const planned = (plan: { job: { name: string }; parts: number }) =>
      void (parts[plan.job.name] = plan.parts);
    const files = await filesOf({ job: bandIndex, inputs, params }, hostOf(catalog), { split, planned });
    return { files, parts };
  };
  const expected = await run(names.map(pathOf));
  site.sent.length = 0;
  const found = await run(names.map((name) => new URL(basename(pathOf(name)), site.address).href));
  sameFiles(found.files, expected.files, 'remote');
  const cost = new Map<string, Cost>();
  for (const { method, path, bytes } of site.sent.filter((one) => one.method === 'GET')) {
    const before = cost.get(path) ?? { requests: 0, bytes: 0 };
    expect(method).toBe('GET');
    cost.set(path, { requests: before.requests + 1, bytes: before.bytes + bytes });
  }
  expect(expected.parts['satellite/fetch'], 'nothing is fetched of local files').toBeUndefined();
  return { parts: found.parts, cost };
}

const two = ['red', 'nir'];
const one = ['both'];
const aligned: Box = [1024, 512, 2048, 1536];
const cutting: Box = [700, 900, 1700, 1800];

test.each([
  ['that lies on tiles, in parts of a tile', aligned, 1, [two, one], false],
  ['that cuts tiles, in one part', cutting, 64, [one], false],
  ['that cuts tiles, in parts of a tile', cutting, 1, [two, one], true],
  ['that cuts tiles, in parts of 2 x 2', [40, 300, 1400, 1500] as Box, 4, [two], true],
] as const)(
  'a box %s costs its tiles once, and a request a part',
  async (_, box, split, files, isFetched) => {
    for (const names of files) {
      const { parts, cost } = await costOf(names, box, split);
      expect('satellite/fetch' in parts).toBe(isFetched);
      expect(cost.size).toBe(names.length);
      for (const name of names) {
        const { bytes, requests } = cost.get(`/${name}.tif`)!;
        const tiles = await tilesOf(name, box);
        expect(bytes / tiles.bytes).toBeLessThanOrEqual(1.1);
        expect(requests).toBeLessThanOrEqual(parts['satellite/index']! + 4);
        // One for the directories, one a row of tiles.
        if (isFetched) expect(requests).toBeLessThanOrEqual(tiles.rows + 1);
      }
    }
  },
);

test('satellite/landcover, which reads all in every round, fetches remote files, and these alone', async () => {
  const layers = { red: { file: 0, band: 0 }, nir: { file: 1, band: 0 } };
  const params = resolve(landcover.params as Spec, { scenes: [{ id: 'a', layers }] });
  const uris = [new URL('red.tif', site.address).href, pathOf('nir')];
  const bands = await Promise.all(uris.map((uri) => describeUri(uri)));
  const { planning, runtime } = hostOf(catalog);
  const before = await landcover.before!({ bands }, params as never, 16, planning);
  const { parts } = await fetch.partition({ bands }, before!.params as never, fetch.split, planning);
  expect([before!.job.name, new Set(parts.map(({ file }) => file))]).toEqual([fetch.name, new Set([0])]);
  expect(parts.reduce((sum, { tiles }) => sum + tiles, 0)).toBe(36);
  const local = { bands: [bands[1]!, bands[1]!] };
  expect(await landcover.before!(local, params as never, 16, planning)).toBeUndefined();
  await runtime.open.close();
});

test('bytes that are held and bytes that are not are those of the file', async () => {
  const file = Uint8Array.from({ length: 60 }, (_, i) => i);
  const source = memorySource(file);
  const store = new Map<string, Uint8Array>();
  const put = async (bytes: Uint8Array) => {
    const key = `a@1/${store.size}` as const;
    store.set(key, bytes);
    return { key, size: bytes.length };
  };
  const parts = [
    { file: 0, start: 0, end: 60 },
    { file: 1, start: 5, end: 12 },
    { file: 1, start: 12, end: 20 },
    { file: 1, start: 33, end: 50 },
  ];
  const held = joinHeld(
    await Promise.all(parts.map((part) => hold(source, { ...part, records: 1 }, { put }))),
  );
  expect(held.records).toBe(4);
  const read: [number, number][] = [];
  const counted = {
    size: 60,
    read: async (start: number, end: number) => (read.push([start, end]), source.read(start, end)),
  };
  const get = async ({ key }: { key: string }, start: number, end: number) =>
    store.get(key)!.subarray(start, end);
  const mixed = heldSource(counted, held, 1, get);
  for (let start = 0; start < 60; start++)
    for (let end = start; end <= 60; end++)
      expect([...(await mixed.read(start, end))]).toEqual([...file.subarray(start, end)]);
  read.length = 0;
  await mixed.read(7, 40);
  expect(read).toEqual([[20, 33]]);
  await expect(mixed.read(50, 61)).rejects.toThrow(/bytes \[50, 61\) of file 1 do not exist, expected/);
});
