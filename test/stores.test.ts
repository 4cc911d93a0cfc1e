/** Stores: put-if-absent, ranges, hostile keys, full disks and killed writers. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { BadUsage } from '../core/errors.ts';
import type { Key, Store } from '../core/job.ts';
import { folderStore } from '../core/stores/folder.ts';
import { memoryStore } from '../core/stores/memory.ts';

const root = mkdtempSync(join(tmpdir(), 'servermix-stores-'));
afterAll(() => rmSync(root, { recursive: true }));
const fresh = (): string => mkdtempSync(join(root, 'store-'));
const moduleUrl = new URL('../core/stores/folder.js', import.meta.url).href;

const keyOf = (name: string, job = 'genomics/flagstat@1'): Key =>
  `${job}/${createHash('sha256').update(name).digest('hex')}` as Key;
const key = keyOf('a');
const bytes = Uint8Array.from({ length: 1000 }, (_, i) => (i * 7) & 255);

/** Files below a folder, without the folders. */
const filesIn = (path: string): string[] =>
  readdirSync(path, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

async function messageFrom(act: () => Promise<unknown>): Promise<string> {
  const error = await act().then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(Error);
  expect((error as Error).message).not.toContain('\n');
  return (error as Error).message;
}

const noLinks = (code: string) => (): never => {
  throw Object.assign(new Error('no links'), { code });
};
const stores: [string, () => Store][] = [
  ['memory', memoryStore],
  ['folder', () => folderStore(fresh())],
  ['folder without links (FAT)', () => folderStore(fresh(), { link: noLinks('EPERM') })],
  ['folder without links (FUSE)', () => folderStore(fresh(), { link: noLinks('ENOTSUP') })],
];

describe.each(stores)('%s', (_name, make) => {
  test('what was put can be had, whole and in ranges', async () => {
    const store = make();
    expect(await store.has(key)).toBe(false);
    await store.put(key, bytes);
    expect(await store.has(key)).toBe(true);
    expect(await store.get(key)).toEqual(bytes);
    expect(await store.get(key, 10, 20)).toEqual(bytes.slice(10, 20));
    expect(await store.get(key, 990)).toEqual(bytes.slice(990));
    expect(await store.get(key, 5, 5)).toEqual(new Uint8Array(0));
    const piece: Key = `${key}.0`;
    await store.put(piece, new Uint8Array(0));
    expect(await store.get(piece)).toEqual(new Uint8Array(0));
    expect(await store.has(`${key}.1`)).toBe(false);
  });

  test('the first of two puts stays', async () => {
    const store = make();
    await store.put(key, bytes);
    await store.put(key, bytes.slice(0, 3));
    expect(await store.get(key)).toEqual(bytes);
  });

  test('blobs are plain, aligned, and apart from the store', async () => {
    const store = make();
    const mine = bytes.slice();
    await store.put(key, mine.subarray(8));
    mine.fill(0);
    const got = await store.get(key, 3, 100);
    expect(got.constructor).toBe(Uint8Array);
    expect([got.byteOffset % 8, got.buffer.byteLength]).toEqual([0, 97]);
    got.fill(0);
    expect(await store.get(key)).toEqual(bytes.slice(8));
  });

  test('an absent key or range throws and names it', async () => {
    const store = make();
    expect(await messageFrom(() => store.get(key))).toContain(key);
    await store.put(key, bytes);
    for (const [start, end] of [
      [0, 1001],
      [-1, 4],
      [9, 5],
      [1001, undefined],
    ] as const)
      expect(await messageFrom(() => store.get(key, start, end))).toContain('1000 bytes');
  });
});

describe('folderStore', () => {
  test('one file a blob, by job and the first two digits, and no temporary stays', async () => {
    const path = fresh();
    const store = folderStore(path);
    await store.put(key, bytes);
    await store.put(key, bytes);
    const digest = key.split('/').at(-1)!;
    const name = join(path, 'genomics', 'flagstat@1', digest.slice(0, 2), digest.slice(2));
    expect(filesIn(path)).toEqual([name]);
    expect(new Uint8Array(readFileSync(name))).toEqual(bytes);
  });

  test('no temporary stays without links either', async () => {
    const path = fresh();
    await folderStore(path, { link: noLinks('EPERM') }).put(key, bytes);
    expect(filesIn(path).length).toBe(1);
  });

  test('a blob that another process puts meanwhile stays', async () => {
    const path = fresh();
    const other = folderStore(path);
    const store = folderStore(path, {
      link(from, to) {
        // The other one is done between this one's look and its link.
        mkdirSync(join(to, '..'), { recursive: true });
        writeFileSync(to, 'first');
        linkSync(from, to);
      },
    });
    await store.put(key, bytes);
    expect(Buffer.from(await other.get(key)).toString()).toBe('first');
    expect(filesIn(path).length).toBe(1);
  });

  test.each([
    '../escape@1/abcdef',
    'a/../b@1/abcdef',
    '/etc/a@1/abcdef',
    'a@1/../../abcdef',
    'a@1/..',
    'a@1/ab/cdef',
    'a@1/.abcdef',
    '.tmp/a@1/abcdef',
    'a@x/abcdef',
    'a@1/',
    'a@1/abc\0',
    'a@1/abcdef\n',
    'a\\b@1/abcdef',
    '',
  ])('key %j is refused', async (bad) => {
    const path = fresh();
    const store = folderStore(path);
    for (const act of [
      () => store.has(bad as Key),
      () => store.get(bad as Key),
      () => store.put(bad as Key, bytes),
    ])
      expect(await messageFrom(act)).toContain('malformed key');
    expect(readdirSync(path)).toEqual([]);
  });

  test('a path that is no folder, or lies in a file, is bad usage', async () => {
    const file = join(fresh(), 'file');
    writeFileSync(file, '');
    for (const path of [file, join(file, 'store')]) {
      const act = folderStore(path).put(key, bytes);
      await expect(act).rejects.toBeInstanceOf(BadUsage);
      await expect(act).rejects.toThrow(path);
      await expect(act).rejects.toThrow('--store');
      expect(await folderStore(path).has(key)).toBe(false);
    }
  });

  test('temporaries of killed writers are no blobs, and go after a day', async () => {
    const path = fresh();
    const [old, young] = [join(path, '.tmp', '1-dead-0'), join(path, '.tmp', '2-alive-0')];
    mkdirSync(join(path, '.tmp'));
    writeFileSync(old, 'half');
    writeFileSync(young, 'half');
    const yesterday = Date.now() / 1000 - 25 * 3600;
    utimesSync(old, yesterday, yesterday);
    await folderStore(path).put(key, bytes);
    expect(filesIn(path).filter((name) => name.includes('.tmp'))).toEqual([young]);
  });

  /** Puts 1 MB blobs a, b, ... until it fails; prints what was thrown. */
  const filler = `
    const { folderStore } = await import(${JSON.stringify(moduleUrl)});
    const store = folderStore(process.argv[1]);
    try {
      for (let i = 0; i < 64; i++) await store.put('fill@1/aa' + String(i).padStart(4, '0'), new Uint8Array((i + 1) << 13).fill(i));
    } catch (error) {
      process.stdout.write(error.message);
      process.exit(9);
    }`;
  const checkFull = (path: string, message: string): void => {
    expect(message).toMatch(/^store: no space left in \S+ \((ENOSPC|EFBIG)\); .*--store$/);
    expect(message).toContain(path);
    const files = filesIn(path);
    expect(files.length).toBeGreaterThan(0);
    // Each blob that is there is whole.
    for (const name of files) {
      const i = Number(name.slice(-4));
      expect(readFileSync(name).equals(Buffer.alloc((i + 1) << 13, i))).toBe(true);
    }
  };

  test('a limit on file sizes is one line, and leaves whole blobs only', () => {
    const path = fresh();
    const { stdout } = spawnSync(
      'sh',
      ['-c', 'ulimit -f 200; exec "$0" --input-type=module -e "$1" "$2"', process.execPath, filler, path],
      { encoding: 'utf8' },
    );
    checkFull(path, stdout);
  });

  test('a full disk is one line, and leaves whole blobs only', ({ skip }) => {
    const mount = 'mount -t tmpfs -o size=512k none "$2" 2>/dev/null';
    const script = `${mount} || exit 77; "$0" --input-type=module -e "$1" "$2"; cp -a "$2/." "$3"; exit 0`;
    const [path, copy] = [fresh(), fresh()];
    const run = spawnSync('unshare', ['-rm', 'sh', '-c', script, process.execPath, filler, path, copy], {
      encoding: 'utf8',
    });
    if (run.error || run.status !== 0) skip('no private mount can be made here');
    expect(run.stdout).toContain(path);
    checkFull(copy, run.stdout.replace(path, copy));
  });

  test('a writer killed at any moment leaves whole blobs only', async () => {
    const path = fresh();
    const script = `
      const { folderStore } = await import(${JSON.stringify(moduleUrl)});
      const store = folderStore(process.argv[1]);
      process.stdout.write('go');
      for (let i = 0; ; i++) await store.put('kill@1/aa' + process.argv[2] + 'x' + i, new Uint8Array(300_000).fill(i));`;
    for (let round = 0; round < 5; round++) {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, path, String(round)]);
      await new Promise((done) => child.stdout.once('data', done));
      await new Promise((done) => setTimeout(done, 5 + 7 * round));
      const gone = new Promise((done) => child.once('exit', done));
      child.kill('SIGKILL');
      await gone;
    }
    const blobs = filesIn(path).filter((name) => !name.includes('.tmp'));
    expect(blobs.length).toBeGreaterThan(0);
    for (const name of blobs) expect(statSync(name).size).toBe(300_000);
    const store = folderStore(path);
    expect(await store.has('kill@1/aa9x9' as Key)).toBe(false);
  });

  test('many processes may put the same blobs at once', () => {
    const path = fresh();
    const script = `
      const { folderStore } = await import(${JSON.stringify(moduleUrl)});
      const store = folderStore(process.argv[1]);
      for (let i = 0; i < 300; i++) await store.put('race@1/aa' + i, new Uint8Array(100).fill(i));`;
    const one = `"$0" --input-type=module -e "$1" "$2" & a=$!;`;
    execFileSync('sh', [
      '-c',
      `${one} ${one.replace('a=', 'b=')} wait $a && wait $b`,
      process.execPath,
      script,
      path,
    ]);
    const files = filesIn(path);
    expect(files.length).toBe(300);
    for (const name of files) expect(statSync(name).size).toBe(100);
  });
});
