/** What remote inputs cost: the requests and the bytes of whole jobs, counted by the server that answers them. */
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AnyJob, Inputs, Stage } from '../core/job.ts';
import type { Json } from '../core/json.ts';
import { resolve, type Spec } from '../core/params.ts';
import { plan } from '../core/plan.ts';
import { mosaic } from '../geospatial/jobs/mosaic.ts';
import { catalog } from '../pipelines/catalog.ts';
import { describe as describeUri } from '../pipelines/storage.ts';
import type { Files } from './laws.ts';
import { catalogOf, filesOf, hostOf, sameFiles } from './laws.ts';
import { shared } from './shared.ts';
import type { Answer, Site } from './site.ts';
import { startSite } from './site.ts';
import { generate } from './generate.ts';

let site: Site;
let folder: string;

beforeAll(async () => {
  site = await startSite();
  site.etag = '"v1"';
  folder = await mkdtemp(join(tmpdir(), 'servermix-requests-'));
  await generate('synthetic/reads', folder, { mb: 5, depth: 8, contigs: 1, seed: 3 });
  await generate('synthetic/terrain', folder, { points: 400_000, seed: 3 });
}, 120_000);
beforeEach(() => {
  site.files.clear();
  site.sent.length = 0;
});
afterAll(async () => {
  await site.close();
  await rm(folder, { recursive: true });
});

/** Serves files of this machine under their names. */
async function serveFiles(...paths: readonly string[]): Promise<string[]> {
  for (const path of paths) site.files.set(`/${basename(path)}`, await readFile(path));
  return paths.map((path) => new URL(basename(path), site.address).href);
}

type Cost = { readonly gets: number; readonly bytes: number };
const costOf = (uri: string): Cost => {
  const gets = site.sent.filter(({ method, path }) => method === 'GET' && uri.endsWith(path));
  return { gets: gets.length, bytes: gets.reduce((sum, { bytes }) => sum + bytes, 0) };
};

type Work = {
  readonly job: string;
  readonly input: string;
  readonly local: readonly string[];
  /** The same files by their addresses. */
  readonly remote: readonly string[];
  /** All of it, in units of the job's split. */
  readonly total: number;
  readonly params?: { readonly [name: string]: Json };
};

// Law 1 says that the split does not matter.
const results = new Map<string, Files>();

/** Runs a job on remote inputs in about `parts` parts, and gives their number; the files must be those that local inputs give. */
async function runRemote(
  work: Work,
  parts: number,
  { faults = [], ...replaced }: { readonly faults?: readonly Answer[]; readonly job?: AnyJob } = {},
): Promise<number> {
  const usual = await catalog.load(work.job);
  const job = replaced.job ?? usual;
  const params = resolve(job.params as Spec, work.params ?? {});
  const inputsOf = async (uris: readonly string[]): Promise<Inputs> => ({
    [work.input]: await Promise.all(uris.map((uri) => describeUri(uri))),
  });
  const split = work.total / parts;
  const local: Stage = { job: usual, inputs: await inputsOf(work.local), params };
  const host = hostOf(catalog);
  const count = (await plan(local, host.planning, { split })).parts;
  const key = `${usual.name} ${work.local.join()}`;
  const expected = results.get(key) ?? (await filesOf(local, host));
  results.set(key, expected);
  await host.runtime.open.close();

  const remote: Stage = { job, inputs: await inputsOf(work.remote), params };
  const jobs = catalogOf(job, ...(job.next ? [mosaic] : []));
  site.sent.length = 0;
  site.faults = [...faults];
  sameFiles(await filesOf(remote, hostOf(jobs), { split }), expected, `${job.name} in ${count} parts`);
  return count;
}

const manyParts = [1, 4, 16];

async function readsOf(job: string): Promise<Work> {
  const bam = join(folder, 'reads.bam');
  const remote = (await serveFiles(bam, `${bam}.bai`)).slice(0, 1);
  return { job, input: 'reads', local: [bam], remote, total: sizeOf(bam) };
}
const sizeOf = (path: string): number => site.files.get(`/${basename(path)}`)!.length;

describe.each(['genomics/coverage', 'genomics/flagstat'])('%s of 5 Mb', (job) => {
  test.each(manyParts)('in %i parts: parts + 4 requests, 1.1 times the bytes', async (wanted) => {
    const work = await readsOf(job);
    const parts = await runRemote(work, wanted);
    const [reads, index] = [work.remote[0]!, `${work.remote[0]!}.bai`].map(costOf) as [Cost, Cost];
    expect(parts).toBeGreaterThanOrEqual(0.7 * wanted);
    expect(reads.gets + index.gets).toBeLessThanOrEqual(parts + 4);
    expect(reads.bytes).toBeLessThanOrEqual(1.1 * work.total);
  });
});

type Hinted = {
  readonly spans: readonly { readonly from: readonly [number, number]; readonly to: number }[];
};

test.each([
  ['at the start', (): number => 0],
  ['where the part starts', ([block]: readonly [number, number]): number => block],
  ['in the middle of a block', ([block]: readonly [number, number]): number => block + 123_457],
  ['at the end', (): number => 1e12],
])('a hint that lies %s changes no result', async (_name, wrong) => {
  const work = await readsOf('genomics/coverage');
  const job: AnyJob = await catalog.load(work.job);
  const misled: AnyJob = {
    ...job,
    async partition(...how) {
      const found = await job.partition(...how);
      const parts = (found.parts as readonly Hinted[]).map((part) => ({
        ...part,
        spans: part.spans.map((span) => ({ ...span, to: wrong(span.from) })),
      }));
      return { ...found, parts };
    },
  };
  await runRemote(work, 3, { job: misled });
  await runRemote({ ...work, remote: work.local }, 3, { job: misled });
});

/** Answers as asked, but breaks off after `length` bytes. */
const cut =
  (length: number): Answer =>
  (request, response) => {
    const write = response.end.bind(response);
    response.end = ((bytes: Uint8Array) => {
      response.write(bytes.subarray(0, length), () => response.destroy());
      return response;
    }) as typeof write;
    site.answer(request, response);
  };

test('streams that break off go on, and the result is the same', async () => {
  const work = await readsOf('genomics/flagstat');
  const usual = (): Answer => (request, response) => site.answer(request, response);
  // Header, end-of-file marker, HEAD and GET of the index, what lies behind its records.
  const planning = Array.from({ length: 5 }, usual);
  await runRemote(work, 1, { faults: [...planning, cut(3_000_000), cut(10), cut(5_000_000)] });
  const streams = site.sent.filter(({ path, bytes }) => path === '/reads.bam' && bytes > 1_000_000);
  expect(streams.length).toBe(4);
  expect(streams[2]!.bytes).toBeLessThan(streams[0]!.bytes);
});

test.each(manyParts)('dsm of LAS in %i parts: parts + 4 requests, 1.1 times the bytes', async (wanted) => {
  const las = join(folder, 'terrain.las');
  const remote = await serveFiles(las);
  const work = { job: 'lidar/raster', input: 'points', local: [las], remote, total: 400_000 };
  const parts = await runRemote(work, wanted);
  const { gets, bytes } = costOf(remote[0]!);
  expect(parts).toBeGreaterThanOrEqual(0.7 * wanted);
  expect(gets).toBeLessThanOrEqual(parts + 4);
  expect(bytes).toBeLessThanOrEqual(1.1 * sizeOf(las));
});

const lidar = join(shared() ?? '', 'data/geospatial/lidar/bcts');
const tiles = ['bcts_1.laz', 'bcts_2.laz'].map((name) => join(lidar, name));
test.skipIf(!tiles.every(existsSync))('dsm of LAZ: parts + 4 requests a file', async () => {
  const remote = await serveFiles(...tiles);
  const params = { cell: 5 };
  const work = { job: 'lidar/raster', input: 'points', local: tiles, remote, total: 2e6, params };
  const parts = await runRemote(work, 4);
  const costs = remote.map(costOf);
  expect(parts).toBeGreaterThanOrEqual(2);
  expect(costs.reduce((sum, { gets }) => sum + gets, 0)).toBeLessThanOrEqual(parts + 4 * tiles.length);
  for (const [i, { bytes }] of costs.entries()) expect(bytes).toBeLessThanOrEqual(1.1 * sizeOf(tiles[i]!));
});
