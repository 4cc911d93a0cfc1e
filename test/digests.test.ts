/** Golden digests: bytes that change without a new version of the job would poison every store that holds the old ones. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { fromArrayBuffer } from 'geotiff';
import { afterAll, describe, expect, test } from 'vitest';
import type { Stage } from '../core/job.ts';
import { catalog } from '../pipelines/catalog.ts';
import { filesOf, hostOf, type Files } from './laws.ts';
import { root } from './root.ts';
import { makeSubjects } from './subjects.ts';

const path = join(root, 'test/digests.json');
type Digests = { [name: string]: { version: number; digest: string } };
const golden = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Digests) : {};
const found: Digests = {};

const { subjects, remove } = await makeSubjects();
afterAll(async () => {
  await remove();
  if (process.env['SERVERMIX_DIGESTS'] === 'write')
    writeFileSync(path, `${JSON.stringify(found, null, 2)}\n`);
});

/** Digest of what the files say, which another compressor leaves as it is; paths depend on where the inputs lie. */
async function digestOf(files: Files, { inputs }: Stage): Promise<string> {
  const folder = dirname(Object.values(inputs)[0]![0]!.uri);
  const hash = createHash('sha256');
  for (const name of [...files.keys()].toSorted()) {
    const bytes = files.get(name)!;
    if (name.endsWith('.csi')) continue;
    hash.update(name);
    if (bytes[0] === 0x1f) hash.update(gunzipSync(bytes));
    else if (bytes[0] === 0x49 || bytes[0] === 0x4d) await hashTiff(bytes, hash);
    else hash.update(Buffer.from(bytes).toString('latin1').replaceAll(folder, ''), 'latin1');
  }
  return hash.digest('hex');
}

async function hashTiff(bytes: Uint8Array, hash: ReturnType<typeof createHash>): Promise<void> {
  const tiff = await fromArrayBuffer(new Uint8Array(bytes).buffer);
  for (let i = 0; i < (await tiff.getImageCount()); i++) {
    const image = await tiff.getImage(i);
    if (i === 0) hash.update(JSON.stringify([image.getOrigin(), image.getResolution()]));
    const [band] = (await image.readRasters()) as unknown as [Float32Array];
    hash.update(new Uint8Array(band.buffer, band.byteOffset, band.byteLength));
  }
}

// Those on real data are for machines that have it.
const own = subjects.filter(({ name }) => !name.endsWith('LAZ'));
describe.each(own.map((subject) => [subject.name, subject] as const))('%s', (name, { stage }) => {
  test('same version, same result', async () => {
    const digest = await digestOf(await filesOf(stage, hostOf(catalog)), stage);
    const { version } = stage.job;
    found[name] = { version, digest };
    if (process.env['SERVERMIX_DIGESTS'] === 'write') return;
    const known = golden[name];
    expect(known, 'no digest: SERVERMIX_DIGESTS=write npm test').toBeDefined();
    if (known!.version === version)
      expect(digest, `results changed: bump the version of ${stage.job.name}`).toBe(known!.digest);
    else expect(known!.version, 'a new version: SERVERMIX_DIGESTS=write npm test').toBe(version);
  });
});
