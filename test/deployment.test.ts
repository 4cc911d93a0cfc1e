/** What is written down of a deployment, and the archive of its code. */
import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { BadUsage } from '../core/errors.ts';
import { archive } from '../infra/aws/archive.ts';
import {
  driverName,
  forgetDeployment,
  functionName,
  keepDeployment,
  ladder,
  readDeployment,
} from '../infra/aws/deployment.ts';

const folder = await mkdtemp(join(tmpdir(), 'servermix-deployment-'));
const before = process.cwd();
beforeAll(() => process.chdir(folder));
afterAll(async () => {
  process.chdir(before);
  await rm(folder, { recursive: true });
});
const deployment = { stack: 'trial-1', region: 'eu-central-1', bucket: 'b', ladder: [...ladder] };
const file = '.servermix/stacks/trial-1.json';

test('names', () => {
  expect([functionName('trial', 1769), driverName('trial')]).toEqual(['trial-1769', 'trial-driver']);
  expect([...ladder]).toEqual([...ladder].toSorted((a, b) => a - b));
});
test('is read as it was kept, and forgotten', async () => {
  expect(await readDeployment('trial-1')).toBeUndefined();
  await keepDeployment(deployment);
  expect(await readDeployment('trial-1')).toEqual(deployment);
  await forgetDeployment('trial-1');
  expect(await readDeployment('trial-1')).toBeUndefined();
  await forgetDeployment('trial-1');
});
test.each([
  ['cut off', '{"stack": "trial-1", "reg'],
  ['null', 'null'],
  ['without a bucket', JSON.stringify({ ...deployment, bucket: undefined })],
  ['with an empty region', JSON.stringify({ ...deployment, region: '' })],
  ['without sizes', JSON.stringify({ ...deployment, ladder: [] })],
  ['with sizes that fall', JSON.stringify({ ...deployment, ladder: [2, 1] })],
  ['with sizes that are texts', JSON.stringify({ ...deployment, ladder: ['1'] })],
  ['of another stack', JSON.stringify({ ...deployment, stack: 'trial-2' })],
])('one %s is refused in one line', async (_name, text) => {
  mkdirSync('.servermix/stacks', { recursive: true });
  writeFileSync(file, text);
  const refused = readDeployment('trial-1');
  await expect(refused).rejects.toThrow(BadUsage);
  await expect(refused).rejects.toThrow(
    /^\.servermix\/stacks\/trial-1\.json: found no deployment of trial-1, expected [^\n]*$/,
  );
});
test.each(['', 'A', '1a', '-a', 'a_b', 'a'.repeat(41), '../a'])('no stack is called %j', async (name) => {
  await expect(readDeployment(name)).rejects.toThrow(BadUsage);
  await expect(keepDeployment({ ...deployment, stack: name })).rejects.toThrow(BadUsage);
});

test('an archive depends on names and contents alone', async () => {
  const write = (at: string, names: readonly string[]): string => {
    mkdirSync(join(at, 'b'), { recursive: true });
    for (const name of names) writeFileSync(join(at, name), `// ${name}\n`.repeat(100));
    return at;
  };
  const names = ['index.mjs', 'b/z.wasm', 'B.mjs', 'b.mjs'];
  const [one, two] = [write('one', names), write('two', names.toReversed())];
  utimesSync(join(two, 'index.mjs'), 1, 1);
  const [a, b] = [await archive(one), await archive(two)];
  expect(a.files).toEqual(['B.mjs', 'b.mjs', 'b/z.wasm', 'index.mjs']);
  expect(Buffer.from(a.bytes).equals(b.bytes)).toBe(true);
  expect(a.digest).toMatch(/^[0-9a-f]{64}$/);
  const files = unzipSync(a.bytes);
  for (const name of names) expect(Buffer.from(files[name]!).toString()).toBe(`// ${name}\n`.repeat(100));
  // Central directory: made by Unix, and every file may be read by everyone.
  const central = Buffer.from(a.bytes).indexOf('PK\u0001\u0002');
  expect(a.bytes[central + 5]).toBe(3);
  expect(Buffer.from(a.bytes).readUInt16LE(central + 40)).toBe(0o100644);
  writeFileSync(join(two, 'b.mjs'), '// other\n');
  expect((await archive(two)).digest).not.toBe(a.digest);
});
test('a folder without an entry is refused', async () => {
  await expect(archive('nowhere')).rejects.toThrow(/^nowhere: found no index\.mjs/);
});
