/** Files and memory as sources: exact bytes, ids that name content, and one-line errors. */
import { execFileSync } from 'node:child_process';
import {
  mkdtempSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  copyFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { BadInput } from '../core/errors.ts';
import { counting } from '../core/sources/counting.ts';
import { describeFile, fileSource } from '../core/sources/file.ts';
import { memorySource } from './memorysource.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-sources-'));
afterAll(() => rmSync(folder, { recursive: true }));

const pattern = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (Math.imul(i, 2654435761) >>> 13) & 255);
const content = pattern(20_000);
const write = (name: string, bytes: Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
};

/** One line that names the path and a next step. */
async function expectBadInput(act: Promise<unknown>, ...words: readonly string[]): Promise<void> {
  const error = await act.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(BadInput);
  const { message } = error as Error;
  expect(message).not.toContain('\n');
  expect(message).toContain('; ');
  for (const word of words) expect(message).toContain(word);
}

describe('fileSource', () => {
  test('gives exact bytes of its own, and none for an empty range', async () => {
    const source = await fileSource(write('plain', content));
    expect(source.size).toBe(20_000);
    expect(await source.read(0, 20_000)).toEqual(content);
    expect(await source.read(19_999, 20_000)).toEqual(content.subarray(19_999));
    expect(await source.read(20_000, 20_000)).toEqual(new Uint8Array(0));
    const some = await source.read(5, 9);
    expect(some.buffer.byteLength).toBe(4);
    await source.close!();
  });

  test('refuses ranges that do not exist before taking memory', async () => {
    const path = write('short', content);
    const source = await fileSource(path);
    for (const [start, end] of [
      [0, 20_001],
      [20_000, 20_001],
      [-1, 4],
      [9, 5],
      [0, 2 ** 52],
      [0, NaN],
      [0.5, 2],
    ] as const)
      await expectBadInput(source.read(start, end), path, '20000 bytes');
    await source.close!();
  });

  test('a file that shrinks while it is open throws', async () => {
    const path = write('shrinking', content);
    const source = await fileSource(path);
    truncateSync(path, 10_000);
    expect(await source.read(0, 10_000)).toEqual(content.subarray(0, 10_000));
    await expectBadInput(source.read(9_990, 10_010), path, 'shrank', 'byte 10000', '20000');
    await source.close!();
  });

  test('missing files, folders, pipes and paths through files throw', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expectBadInput(fileSource(join(folder, 'none')), join(folder, 'none'), 'does not exist');
    await expectBadInput(fileSource(join(write('file', content), 'x')), 'does not exist');
    await expectBadInput(fileSource(folder), folder, 'is a folder');
    await expectBadInput(fileSource(pipe), pipe, 'pipe');
    await expectBadInput(describeFile(join(folder, 'none')), 'does not exist');
    symlinkSync('loop', join(folder, 'loop'));
    await expectBadInput(fileSource(join(folder, 'loop')), 'ELOOP');
  });

  test('a file without read permission throws', async ({ skip }) => {
    if (process.getuid?.() === 0) skip('root may read everything');
    const path = write('locked', content);
    execFileSync('chmod', ['000', path]);
    await expectBadInput(fileSource(path), path, 'may not be read');
  });

  test('a file that changed since it was planned is refused', async () => {
    const path = write('planned', content);
    utimesSync(path, 1000, 1000.5);
    const planned = await describeFile(path);
    await (
      await fileSource(path, planned)
    ).close!();
    utimesSync(path, 1000, 1000.25);
    await expectBadInput(fileSource(path, planned), path, 'changed since it was planned', 'run again');
    truncateSync(path, 19_999);
    await expectBadInput(fileSource(path, planned), 'found 19999 bytes, expected 20000');
    await (
      await fileSource(path)
    ).close!();
  });

  test('a planned digest survives a new time, not a change after planning', async () => {
    const path = write('digested', content);
    const before = await describeFile(path, { digest: true });
    utimesSync(path, 1000, 1000);
    const planned = await describeFile(path, { digest: true });
    expect(planned.id).toBe(before.id);
    await (
      await fileSource(path, planned)
    ).close!();
    await expectBadInput(fileSource(path, before), path, 'changed since it was planned', 'run again');
    truncateSync(path, 19_999);
    await expectBadInput(fileSource(path, planned), 'found 19999 bytes, expected 20000');
  });
});

describe('describeFile', () => {
  test('the id has size, time and a sample of both ends', async () => {
    const path = write('sampled', content);
    utimesSync(path, 1000, 1000.5);
    const { uri, id, size } = await describeFile(path);
    expect([uri, size]).toEqual([path, 20_000]);
    expect(id).toMatch(/^20000-1000500000000-[0-9a-f]{16}$/);
    const idAfter = async (at: number): Promise<string> => {
      writeFileSync(
        path,
        content.map((b, i) => (i === at ? b ^ 1 : b)),
      );
      utimesSync(path, 1000, 1000.5);
      return (await describeFile(path)).id;
    };
    for (const at of [0, 4095, 20_000 - 4096, 19_999]) expect(await idAfter(at)).not.toBe(id);
    for (const at of [4096, 20_000 - 4097]) expect(await idAfter(at)).toBe(id);
  });

  test.each([0, 1, 4096, 4097, 8192])('%i bytes have an id', async (length) => {
    const { id, size } = await describeFile(write(`length${length}`, pattern(length)));
    expect(size).toBe(length);
    expect(id).toMatch(new RegExp(`^${length}-\\d+-[0-9a-f]{16}$`));
  });

  test('a digest is that of sha256sum, and survives a copy', async () => {
    const path = write('long', pattern((3 << 20) + 5));
    const copy = join(folder, 'copy');
    copyFileSync(path, copy);
    const { id } = await describeFile(path, { digest: true });
    expect(id).toBe(`sha256-${execFileSync('sha256sum', [path], { encoding: 'utf8' }).slice(0, 64)}`);
    expect((await describeFile(copy, { digest: true })).id).toBe(id);
  });
});

describe('memorySource', () => {
  test('gives copies, and throws past the end', async () => {
    const source = memorySource(content);
    (await source.read(0, 10)).fill(0);
    expect(await source.read(0, 20_000)).toEqual(content);
    await expectBadInput(source.read(0, 20_001));
  });
});

describe('counting', () => {
  test('counts reads when asked for and bytes when delivered', async () => {
    const tally = { bytes: 0, reads: 0 };
    const source = counting(memorySource(content), tally);
    await Promise.all([source.read(0, 10), source.read(5, 25)]);
    await expectBadInput(source.read(0, 20_001));
    expect(tally).toEqual({ bytes: 30, reads: 3 });
  });
});
