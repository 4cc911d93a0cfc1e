/** Files cut at every block and chunk edge, through whole jobs: bad input, never fewer records. */
import { copyFileSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { AnyJob, Dataset } from '../core/job.ts';
import { BadInput, TaskError } from '../core/errors.ts';
import { resolve, type Spec } from '../core/params.ts';
import { readLas } from '../geospatial/formats/las.ts';
import { readChunks } from '../geospatial/formats/laz.ts';
import { eofMarker } from '../genomics/formats/bgzf.ts';
import { catalog } from '../pipelines/catalog.ts';
import { describe as describeUri, open } from '../pipelines/storage.ts';
import { filesOf, hostOf } from './laws.ts';
import { shared } from './shared.ts';
import { generate } from './generate.ts';

const folder = await mkdtemp(join(tmpdir(), 'servermix-cut-'));
afterAll(() => rm(folder, { recursive: true }));

async function tryJob(name: string, input: string, path: string): Promise<void> {
  const job: AnyJob = await catalog.load(name);
  const dataset: Dataset = await describeUri(path);
  await filesOf(
    { job, inputs: { [input]: [dataset] }, params: resolve(job.params as Spec) },
    hostOf(catalog),
  );
}

/** Must fail as bad input, in one line with the file's name. */
async function mustRefuse(name: string, input: string, path: string, what: string): Promise<void> {
  const error: unknown = await tryJob(name, input, path).then(
    () => undefined,
    (e: unknown) => e,
  );
  const bad = error instanceof BadInput || (error instanceof TaskError && error.kind === 'bad-input');
  expect(bad, `${name} on ${what}: ${error instanceof Error ? error.stack : 'no error'}`).toBe(true);
  expect((error as Error).message).toContain(path);
  expect((error as Error).message).not.toContain('\n');
}

test('BAM', async () => {
  await generate('synthetic/reads', folder, { mb: 0.3, depth: 3, seed: 9 });
  const [whole, cut] = [join(folder, 'reads.bam'), join(folder, 'cut.bam')];
  copyFileSync(`${whole}.bai`, `${cut}.bai`);
  const bytes = readFileSync(whole);
  const edges: number[] = [0];
  for (let at = 0; at < bytes.length; at += bytes.readUInt16LE(at + 16) + 1) edges.push(at);
  expect(edges.length).toBeGreaterThan(8);
  for (const job of ['genomics/flagstat', 'genomics/coverage']) {
    for (const edge of edges) {
      for (const length of [edge - 1, edge, edge + 1]) {
        if (length < 0) continue;
        writeFileSync(cut, bytes.subarray(0, length));
        await mustRefuse(job, 'reads', cut, `${length} of ${bytes.length} bytes`);
      }
      // Cut, and closed as if it were whole: only the count gives it away.
      if (edge === 0 || edge + eofMarker.length >= bytes.length) continue;
      writeFileSync(cut, Buffer.concat([bytes.subarray(0, edge), eofMarker]));
      await mustRefuse(job, 'reads', cut, `${edge} of ${bytes.length} bytes and an end-of-file marker`);
    }
    // One block left out in the middle.
    for (const [i, edge] of edges.entries()) {
      const next = edges[i + 1];
      if (i < 2 || next === undefined) continue;
      writeFileSync(cut, Buffer.concat([bytes.subarray(0, edge), bytes.subarray(next)]));
      await mustRefuse(job, 'reads', cut, `block ${i} left out`);
    }
  }
});

test('LAZ', async () => {
  const dir = shared();
  if (!dir) return console.log('skipped: LAZ cut short, no shared data');
  const [whole, cut] = [join(dir, 'data/geospatial/lidar/formats/autzen_trim.laz'), join(folder, 'cut.laz')];
  const source = await open(await describeUri(whole));
  const chunks = await readChunks(source, await readLas(source, whole));
  await source.close!();
  const edges = [0, 227, ...chunks.start, chunks.start.at(-1)! + chunks.size.at(-1)!];
  expect(edges.length).toBeGreaterThan(4);
  for (const edge of edges) {
    for (const length of [edge - 1, edge, edge + 1]) {
      if (length < 0) continue;
      copyFileSync(whole, cut);
      truncateSync(cut, length);
      await mustRefuse('lidar/raster', 'points', cut, `${length} bytes`);
    }
  }
  await tryJob('lidar/raster', 'points', whole);
});
