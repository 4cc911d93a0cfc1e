/** Output: files appear whole, together or not at all, and every failure is one line. */
import { spawnSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { Writable } from 'node:stream';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { BadUsage } from '../core/errors.ts';
import { checkWritable, fileOutput } from '../core/output.ts';

const root = mkdtempSync(join(tmpdir(), 'servermix-output-'));
afterAll(() => rmSync(root, { recursive: true }));
const fresh = (): string => mkdtempSync(join(root, 'out-'));
const moduleUrl = new URL('../core/output.js', import.meta.url).href;
const text = (s: string): Uint8Array => new TextEncoder().encode(s);

async function expectBadUsage(act: Promise<unknown>, ...words: readonly string[]): Promise<void> {
  const error = await act.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(BadUsage);
  const { message } = error as Error;
  expect(message).not.toContain('\n');
  expect(message).toContain('--out');
  for (const word of words) expect(message).toContain(word);
}

describe('files', () => {
  test('appear together at commit, in folders that are made', async () => {
    const folder = fresh();
    const path = join(folder, 'new', 'er', 'sample');
    const output = fileOutput(path);
    const bed = await output.file('.bed');
    const summary = await output.file('.txt');
    await bed.write(text('chr20\t0\t1\n'));
    await summary.write(text('one'));
    const hidden = readdirSync(join(folder, 'new', 'er'));
    expect(hidden.length).toBe(2);
    for (const name of hidden) expect(name).toMatch(new RegExp(`^\\..*${process.pid}-[0-9a-f]{12}$`));
    expect(await output.commit()).toEqual([
      { path: `${path}.bed`, bytes: 10 },
      { path: `${path}.txt`, bytes: 3 },
    ]);
    expect(readdirSync(join(folder, 'new', 'er')).sort()).toEqual(['sample.bed', 'sample.txt']);
    expect(readFileSync(`${path}.bed`, 'utf8')).toBe('chr20\t0\t1\n');
    await output.abort();
    expect(existsSync(`${path}.bed`)).toBe(true);
  });

  test('an earlier file stays until commit, and after an abort', async () => {
    const path = join(fresh(), 'out.txt');
    writeFileSync(path, 'old');
    const output = fileOutput(path);
    await (await output.file()).write(text('new'));
    expect(readFileSync(path, 'utf8')).toBe('old');
    await output.abort();
    await output.abort();
    expect(readdirSync(join(path, '..'))).toEqual(['out.txt']);
    expect(readFileSync(path, 'utf8')).toBe('old');
    const again = fileOutput(path);
    await (await again.file()).write(text('new'));
    await again.commit();
    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  test('any writes, awaited or not, give their bytes in order', async () => {
    const sizes = fc.array(
      fc.oneof(fc.nat(50), fc.integer({ min: 262_000, max: 262_300 }), fc.integer({ min: 1, max: 600_000 })),
      { maxLength: 8 },
    );
    const folder = fresh();
    await fc.assert(
      fc.asyncProperty(sizes, fc.boolean(), async (lengths, patient) => {
        const path = join(folder, 'any');
        const output = fileOutput(path);
        const sink = await output.file();
        const pieces = lengths.map((length, i) => Buffer.alloc(length, i + 1));
        const writing: Promise<void>[] = [];
        for (const piece of pieces) {
          const written = sink.write(piece);
          if (patient) await written;
          writing.push(written);
        }
        await Promise.all(writing);
        const [file] = await output.commit();
        expect(readFileSync(path).equals(Buffer.concat(pieces))).toBe(true);
        expect(file!.bytes).toBe(statSync(path).size);
      }),
      { numRuns: 25 },
    );
  });

  test('small writes are joined into large ones', ({ skip }) => {
    const script = `
      const { fileOutput } = await import(${JSON.stringify(moduleUrl)});
      const output = fileOutput(process.argv[1]);
      const sink = await output.file();
      for (let i = 0; i < 10_000; i++) await sink.write(new Uint8Array(100));
      await output.commit();`;
    const path = join(fresh(), 'joined');
    const trace = join(fresh(), 'trace');
    const run = spawnSync(
      'strace',
      [
        '-f',
        '-y',
        '-e',
        'trace=write,pwrite64',
        '-o',
        trace,
        process.execPath,
        '--input-type=module',
        '-e',
        script,
        path,
      ],
      { encoding: 'utf8' },
    );
    if (run.error || run.status !== 0) skip('strace is not installed');
    const writes = readFileSync(trace, 'utf8').match(/write.*\.servermix-.*/g) ?? [];
    expect(writes.length).toBe(Math.ceil(1_000_000 / (256 << 10)));
  });

  test('a link stays one, also a dangling one', async () => {
    const folder = fresh();
    mkdirSync(join(folder, 'far'));
    for (const name of ['there', 'dangling']) {
      const [link, target] = [join(folder, name), join(folder, 'far', name)];
      if (name === 'there') writeFileSync(target, 'old');
      symlinkSync(join('far', name), link);
      const output = fileOutput(link);
      await (await output.file()).write(text('new'));
      expect(await output.commit()).toEqual([{ path: link, bytes: 3 }]);
      expect(lstatSync(link).isSymbolicLink()).toBe(true);
      expect(readFileSync(target, 'utf8')).toBe('new');
    }
  });

  test('a place that is taken meanwhile keeps all from appearing, and earlier files stay', async () => {
    const folder = fresh();
    writeFileSync(join(folder, 'x.a'), 'old');
    const output = fileOutput(join(folder, 'x'));
    for (const suffix of ['.a', '.b', '.c']) await (await output.file(suffix)).write(text(suffix));
    mkdirSync(join(folder, 'x.b'));
    await expectBadUsage(output.commit(), join(folder, 'x.b'), 'is a folder');
    expect(readdirSync(folder).sort()).toEqual(['x.a', 'x.b']);
    expect(readFileSync(join(folder, 'x.a'), 'utf8')).toBe('old');
  });

  test('if one cannot appear, none does', async () => {
    const folder = fresh();
    const output = fileOutput(join(folder, 'x'));
    await (await output.file('.a')).write(text('a'));
    const [first] = readdirSync(folder);
    await (await output.file('.b')).write(text('b'));
    for (const name of readdirSync(folder)) if (name !== first) rmSync(join(folder, name));
    await expect(output.commit()).rejects.toThrow(
      `output: ${join(folder, 'x.b')} cannot be written (ENOENT)`,
    );
    expect(readdirSync(folder)).toEqual([]);
  });

  test('a second file of one suffix, and use after the end, are errors', async () => {
    const folder = fresh();
    const output = fileOutput(join(folder, 'x'));
    const sink = await output.file();
    await expect(output.file()).rejects.toThrow('twice');
    await output.abort();
    await expect(output.file('.b')).rejects.toThrow('after the end');
    await expect(sink.write(new Uint8Array(1 << 20))).rejects.toThrow(join(folder, 'x'));
    await expect(output.commit()).rejects.toThrow('is over');
    expect(readdirSync(folder)).toEqual([]);
  });

  test('an abort while a file is being opened removes it', async () => {
    const folder = fresh();
    const output = fileOutput(join(folder, 'x'));
    const opening = output.file();
    await output.abort();
    await opening;
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('paths that cannot be written', () => {
  const folder = fresh();
  const file = join(folder, 'file');
  writeFileSync(file, 'old');
  mkdirSync(join(folder, 'folder'));
  test.each([
    ['a folder', join(folder, 'folder'), 'is a folder'],
    ['a trailing slash', `${join(folder, 'new')}/`, 'names no file'],
    ['nothing', '', 'names no file'],
    ['below a file', join(file, 'x'), file],
    ['deep below a file', join(file, 'x', 'y'), file],
    ['a device', '/dev/null', 'device'],
    ['a name too long', join(folder, 'x'.repeat(300)), 'ENAMETOOLONG'],
  ])('%s', async (_name, path, words) => {
    await expectBadUsage(checkWritable(path), words, path === '' ? 'empty path' : path);
    if (path.length < 300) await expectBadUsage(fileOutput(path).file(), path === '' ? 'empty path' : path);
    expect(readdirSync(folder).sort()).toEqual(['file', 'folder']);
    expect(readFileSync(file, 'utf8')).toBe('old');
    expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true);
  });

  test('a name too long fails when it is opened or at commit, and leaves nothing', async () => {
    const output = fileOutput(join(folder, 'x'.repeat(300)));
    await expectBadUsage(
      output.file().then(() => output.commit()),
      'ENAMETOOLONG',
    );
    expect(readdirSync(folder).sort()).toEqual(['file', 'folder']);
  });

  test('a folder without permission', async ({ skip }) => {
    if (process.getuid?.() === 0) skip('root may write everywhere');
    const locked = fresh();
    spawnSync('chmod', ['555', locked]);
    await expectBadUsage(checkWritable(join(locked, 'x')), 'EACCES');
    await expectBadUsage(fileOutput(join(locked, 'x')).file(), 'EACCES');
  });

  test('what can be written passes, and nothing is made', async () => {
    await checkWritable(file);
    await checkWritable(join(folder, 'new', 'er', 'x'));
    await checkWritable(relative(process.cwd(), join(folder, 'x.txt')));
    await checkWritable(join(folder, 'folder'), { prefix: true });
    expect(readdirSync(folder).sort()).toEqual(['file', 'folder']);
  });
});

describe('a full disk', () => {
  const script = `
    const { fileOutput } = await import(${JSON.stringify(moduleUrl)});
    const output = fileOutput(process.argv[1]);
    const small = await output.file('.small');
    await small.write(new Uint8Array(10));
    const large = await output.file('.large');
    try {
      for (let i = 0; i < 100; i++) await large.write(new Uint8Array(100_000));
      await output.commit();
    } catch (error) {
      process.stdout.write(error.name + ': ' + error.message);
      await output.abort();
    }`;
  const form = /^Error: output: no space left for \S+\.large \((ENOSPC|EFBIG)\); .*--out.*$/;

  test('a limit on file sizes is one line, and leaves nothing', () => {
    const folder = fresh();
    const { stdout } = spawnSync(
      'sh',
      [
        '-c',
        'ulimit -f 600; exec "$0" --input-type=module -e "$1" "$2"',
        process.execPath,
        script,
        join(folder, 'x'),
      ],
      { encoding: 'utf8' },
    );
    expect(stdout).toMatch(form);
    expect(readdirSync(folder)).toEqual([]);
  });

  test('no space left is one line, and leaves nothing', ({ skip }) => {
    const folder = fresh();
    const shell = `mount -t tmpfs -o size=512k none "$2" 2>/dev/null || exit 77; "$0" --input-type=module -e "$1" "$2/x"; ls -A "$2"`;
    const run = spawnSync('unshare', ['-rm', 'sh', '-c', shell, process.execPath, script, folder], {
      encoding: 'utf8',
    });
    if (run.error || run.status !== 0) skip('no private mount can be made here');
    expect(run.stdout).toMatch(form);
    expect(run.stdout).toContain('ENOSPC');
  });
});

describe('standard output', () => {
  /** Takes `room` bytes at a time, slowly. */
  const slow = (): Writable & { taken: Buffer[] } => {
    const taken: Buffer[] = [];
    const stream = new Writable({
      highWaterMark: 16,
      write(chunk: Buffer, _encoding, done) {
        setTimeout(() => {
          taken.push(Buffer.from(chunk));
          done();
        }, 2);
      },
    });
    return Object.assign(stream, { taken });
  };

  test('gets everything at commit, and nothing before or after an abort', async () => {
    const stdout = slow();
    const output = fileOutput(undefined, { stdout });
    const sink = await output.file();
    const piece = text('first ');
    await sink.write(piece);
    piece.fill(0);
    await sink.write(text('second'));
    expect(stdout.taken.length).toBe(0);
    expect(await output.commit()).toEqual([]);
    expect(Buffer.concat(stdout.taken).toString()).toBe('first second');
    const aborted = fileOutput(undefined, { stdout });
    await (await aborted.file()).write(text('never'));
    await aborted.abort();
    expect(await aborted.commit()).toEqual([]);
    expect(Buffer.concat(stdout.taken).toString()).toBe('first second');
    expect(stdout.listenerCount('error')).toBe(0);
  });

  test('has no place for suffixes, nor for two files', async () => {
    const output = fileOutput(undefined, { stdout: slow() });
    await expectBadUsage(output.file('.bed'), '.bed');
    await output.file();
    await expect(output.file()).rejects.toThrow('twice');
  });

  test('a large text arrives whole through a pipe; a reader that leaves is no error', () => {
    const script = `
      const { fileOutput } = await import(${JSON.stringify(moduleUrl)});
      const output = fileOutput(undefined);
      const sink = await output.file();
      for (let i = 0; i < 100; i++) await sink.write(new Uint8Array(50_000).fill(65));
      await output.commit();
      process.stderr.write('done');`;
    const pipe = (reader: string): ReturnType<typeof spawnSync> =>
      spawnSync('sh', ['-c', `"$0" --input-type=module -e "$1" | ${reader}`, process.execPath, script], {
        encoding: 'utf8',
      });
    const whole = pipe('wc -c');
    expect([String(whole.stdout).trim(), whole.stderr]).toEqual(['5000000', 'done']);
    const head = pipe('head -c 5');
    expect([head.stdout, head.stderr]).toEqual(['AAAAA', 'done']);
  });

  test('another failure is one line', async () => {
    const stdout = new Writable({
      write: (_chunk, _encoding, done) => done(Object.assign(new Error('no space'), { code: 'ENOSPC' })),
    });
    const output = fileOutput(undefined, { stdout });
    await (await output.file()).write(text('x'));
    await expect(output.commit()).rejects.toThrow('no space left for standard output');
  });
});
