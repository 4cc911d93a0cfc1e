/** Where a job's results go: files that appear whole or not at all, or standard output. */
import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { access, mkdir, open, readdir, readlink, realpath, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { BadUsage } from './errors.ts';
import type { Sink, Target } from './job.ts';

/** A finished file: its path as the user wrote it, and its size in bytes. */
export type OutputFile = { readonly path: string; readonly bytes: number };

export type FileOutput = Target & {
  /** Makes all files appear, in the order they were opened; none of them does when it throws. What went to standard output is not listed. */
  commit(): Promise<readonly OutputFile[]>;
  /** Removes everything unfinished. Does nothing after `commit`, or a second time. */
  abort(): Promise<void>;
};

/** A file under its temporary name. `target` is where it goes: `path`, or what that links to. */
type Draft = {
  readonly path: string;
  readonly target: string;
  readonly temporary: string;
  readonly handle: FileHandle;
  readonly write: (bytes: Uint8Array) => Promise<void>;
  /** Forgets what was written behind byte `to`. */
  readonly rewind: (to: number) => Promise<void>;
  /** Writes out what is buffered and closes; gives the file's size. */
  readonly finish: () => Promise<number>;
};

const bufferSize = 256 << 10;

/** What a file is called: `a` and `.tif` make `a.tif`; in a folder, `a/` and `.dsm.tif` make `a/dsm.tif`. */
export const fileName = (path: string, suffix: string): string =>
  path.endsWith('/') ? path + suffix.replace(/^\./, '') : path + suffix;

/**
 * Files at `path` followed by their suffixes (`fileName`), each written beside its place under a hidden name and renamed by `commit`. Missing folders are made.
 * Without a `path` the file of no suffix is held in memory (text results are small) and goes to `stdout` at `commit`; a closed pipe there is no error.
 * Writes may overlap: their bytes come in the order of the calls.
 * @throws BadUsage where the path cannot be written; Error when the disk is full; one line, naming the path
 */
export function fileOutput(
  path: string | undefined,
  { stdout = process.stdout }: { stdout?: Writable } = {},
): FileOutput {
  if (path === undefined) return streamOutput(stdout);
  const drafts = new Map<string, Promise<Draft>>();
  let over = false;

  const discard = async (): Promise<void> => {
    for (const settled of await Promise.allSettled(drafts.values())) {
      if (settled.status === 'rejected') continue;
      await settled.value.handle.close().catch(() => {});
      await rm(settled.value.temporary, { force: true });
    }
  };

  return {
    async file(suffix = '') {
      if (over) throw new Error(`output: ${path}${suffix} was asked for after the end`);
      if (drafts.has(suffix)) throw new Error(`output: ${path}${suffix} was asked for twice, expected once`);
      const draft = openDraft(fileName(path, suffix));
      drafts.set(suffix, draft);
      const { write, rewind } = await draft;
      return { write, rewind };
    },
    async commit() {
      if (over) throw new Error(`output: ${path} is over, expected one commit`);
      over = true;
      const renamed: string[] = [];
      let at = path;
      try {
        const ready: Draft[] = [];
        const files: OutputFile[] = [];
        for (const draft of await Promise.all(drafts.values())) {
          at = draft.path;
          files.push({ path: at, bytes: await draft.finish() });
          await checkTarget(at, draft.target);
          ready.push(draft);
        }
        for (const draft of ready) {
          at = draft.path;
          await rename(draft.temporary, draft.target);
          renamed.push(draft.target);
        }
        return files;
      } catch (error) {
        for (const target of renamed) await rm(target, { force: true });
        await discard();
        throw explain(at, error);
      }
    },
    async abort() {
      if (over) return;
      over = true;
      await discard();
    },
  };
}

/**
 * To be called before any work: nothing but the disk's space can then keep the output from being written. Creates nothing.
 * With `prefix`, files of several suffixes start with `path`, which may then be a folder's name as well.
 * @throws BadUsage with one line that names the path and says what to do
 */
export async function checkWritable(
  path: string,
  { prefix = false }: { prefix?: boolean } = {},
): Promise<void> {
  checkName(path);
  try {
    const target = prefix ? path : await follow(path);
    if (!prefix) await checkTarget(path, target);
    for (let folder = dirname(resolve(target)); ; folder = dirname(folder)) {
      try {
        await access(folder, constants.W_OK | constants.X_OK);
      } catch (error) {
        if (codeOf(error) === 'ENOENT' && folder !== dirname(folder)) continue;
        throw error;
      }
      if ((await stat(folder)).isDirectory()) return;
      throw new BadUsage(
        `output: ${path} cannot be written, ${folder} is a file, expected a folder; give another --out`,
      );
    }
  } catch (error) {
    throw explain(path, error);
  }
}

const draftName = `.servermix-${hostname().replace(/[^\w.-]/g, '_')}-`;

/** Removes what processes of this host that were killed left unfinished. */
async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const pid = name.startsWith(draftName) ? Number.parseInt(name.slice(draftName.length), 10) : NaN;
    if (Number.isNaN(pid) || isAlive(pid)) continue;
    await rm(join(folder, name), { force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

async function openDraft(path: string): Promise<Draft> {
  checkName(path);
  try {
    const target = await follow(path);
    await checkTarget(path, target);
    const folder = dirname(target);
    await mkdir(folder, { recursive: true });
    await sweep(folder);
    const temporary = join(folder, `${draftName}${process.pid}-${randomBytes(6).toString('hex')}`);
    const handle = await open(temporary, 'wx');
    return { path, target, temporary, handle, ...bufferedWrites(path, handle) };
  } catch (error) {
    throw explain(path, error);
  }
}

/** Writes of at least `bufferSize` bytes, but the last one. */
function bufferedWrites(path: string, handle: FileHandle): Pick<Draft, 'write' | 'rewind' | 'finish'> {
  const buffer = new Uint8Array(bufferSize);
  let filled = 0;
  let total = 0;
  // Bytes that are in the file.
  let flushed = 0;
  let last: Promise<void> = Promise.resolve();

  const writeAll = async (bytes: Uint8Array): Promise<void> => {
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await handle.write(bytes, at, bytes.length - at, flushed);
      at += bytesWritten;
      flushed += bytesWritten;
    }
  };
  const append = async (bytes: Uint8Array): Promise<void> => {
    total += bytes.length;
    let rest = bytes;
    if (filled > 0) {
      const head = rest.subarray(0, bufferSize - filled);
      buffer.set(head, filled);
      filled += head.length;
      rest = rest.subarray(head.length);
      if (filled < bufferSize) return;
      await writeAll(buffer);
      filled = 0;
    }
    if (rest.length >= bufferSize) return writeAll(rest);
    buffer.set(rest);
    filled = rest.length;
  };
  const inOrder = (act: () => Promise<void>): Promise<void> => {
    last = last.then(act).catch((error: unknown) => {
      throw explain(path, error);
    });
    return last;
  };
  return {
    write: (bytes) => inOrder(() => append(bytes)),
    rewind: (to) =>
      inOrder(async () => {
        await writeAll(buffer.subarray(0, filled));
        filled = 0;
        await handle.truncate(to);
        total = to;
        flushed = to;
      }),
    async finish() {
      await last;
      await writeAll(buffer.subarray(0, filled));
      // Some network file systems report a full disk only here.
      await handle.close();
      return total;
    },
  };
}

function streamOutput(stdout: Writable): FileOutput {
  let held: Uint8Array[] | undefined;
  const sink: Sink = {
    async write(bytes) {
      held!.push(new Uint8Array(bytes));
    },
  };
  return {
    async file(suffix = '') {
      if (suffix !== '')
        throw new BadUsage(`output: *${suffix} does not fit standard output; give a path with --out`);
      if (held) throw new Error('output: standard output was asked for twice, expected once');
      held = [];
      return sink;
    },
    async commit() {
      for (const bytes of held ?? []) if (!(await writeStream(stdout, bytes))) break;
      held = [];
      return [];
    },
    async abort() {
      held = [];
    },
  };
}

/** Resolves when the stream has taken the bytes; false when its reader is gone. */
function writeStream(stream: Writable, bytes: Uint8Array): Promise<boolean> {
  return new Promise((done, fail) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      if (['EPIPE', 'ERR_STREAM_DESTROYED'].includes(error.code ?? '')) done(false);
      else fail(explain('standard output', error));
    };
    // Stays after a failure: the event comes after the callback, and nobody else may be listening.
    stream.once('error', failed);
    stream.write(bytes, (error) => {
      if (error) return failed(error);
      stream.removeListener('error', failed);
      done(true);
    });
  });
}

function checkName(path: string): void {
  if (path === '' || /[/\\]$/.test(path) || basename(path) === '..' || basename(path) === '.')
    throw new BadUsage(`output: ${path || 'an empty path'} names no file; add a file name to --out`);
}

/** Where a rename must go so that a symbolic link stays one, also a dangling one. */
async function follow(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
  const next = await readlink(path).catch(() => undefined);
  return next === undefined ? path : follow(resolve(dirname(path), next));
}

/** A rename onto a device, say /dev/null, would replace it for everybody. */
async function checkTarget(path: string, target: string): Promise<void> {
  const found = await stat(target).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  });
  if (found?.isDirectory())
    throw new BadUsage(`output: ${path} is a folder, expected a file; add a file name to --out`);
  if (found && !found.isFile())
    throw new BadUsage(
      `output: ${path} is a pipe or a device, expected a file or none; for standard output leave --out away`,
    );
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

function explain(path: string, error: unknown): Error {
  const code = codeOf(error);
  const cause = { cause: error };
  switch (code) {
    // Said in words already.
    case undefined:
      return error as Error;
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new Error(
        `output: no space left for ${path} (${code}); free some or give another --out, then run again, finished work is kept`,
        cause,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new BadUsage(
        `output: ${path} may not be written (${code}), expected permission to; give another --out`,
        cause,
      );
    case 'ENOTDIR':
    case 'EEXIST':
      return new BadUsage(`output: ${path} lies inside a file (${code}); give another --out`, cause);
    case 'EISDIR':
      return new BadUsage(`output: ${path} is a folder, expected a file; add a file name to --out`, cause);
    case 'ENAMETOOLONG':
    case 'ELOOP':
      return new BadUsage(`output: ${path} is no usable path (${code}); give another --out`, cause);
    default:
      return new Error(`output: ${path} cannot be written (${code}); check the disk`, cause);
  }
}
