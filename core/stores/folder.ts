/** A store in a folder: one file a blob, safe for many processes at once. */
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fstatSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { BadUsage } from '../errors.ts';
import type { Key, Store } from '../job.ts';

// No segment starts with a dot: keys never reach `..`, nor the folder of temporaries.
const keyForm = /^((?:\w[\w.-]*\/)*\w[\w.-]*@\d+)\/(\w{2})(\w[\w.-]*)$/;
const temporaries = '.tmp';
const stale = 24 * 3600e3;
// One read(2) or write(2) moves less than 2 GiB.
const longest = 1 << 30;

export type FolderOptions = {
  /** Makes a second name for a file and fails with EEXIST where there is one; link(2) unless given. */
  readonly link?: (from: string, to: string) => void;
};

/**
 * Blobs as files `<path>/<job>@<version>/<2 hex digits>/<the rest>`; folders are made when needed. Calls are synchronous inside:
 * a blob takes some tens of microseconds, less than a trip through the thread pool.
 * A blob is written under a temporary name in `<path>/.tmp` and linked to its own, so that it is there whole or not at all whenever a process
 * is killed, and the first of two puts stays. `get` gives bytes of their own at offset 0 of their buffer.
 * @throws Error for an absent key or range, a malformed key, or a full disk; BadUsage where `path` cannot be a store
 */
export function folderStore(path: string, { link = linkSync }: FolderOptions = {}): Store {
  const mine = `${process.pid}-${randomBytes(6).toString('hex')}`;
  let written = 0;

  /** The temporary's name; the file is closed. */
  const stage = (bytes: Uint8Array): string => {
    const name = join(path, temporaries, `${mine}-${written++}`);
    if (written === 1) sweep(join(path, temporaries));
    const fd = withFolder(name, () => openSync(name, 'wx'));
    try {
      try {
        for (let at = 0; at < bytes.length;)
          at += writeSync(fd, bytes, at, Math.min(bytes.length - at, longest));
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      rmSync(name, { force: true });
      throw error;
    }
    return name;
  };

  const place = (temporary: string, name: string): void => {
    try {
      link(temporary, name);
    } catch (error) {
      const code = codeOf(error);
      // An empty one is what a power cut left of it.
      if (code === 'EEXIST' && isThere(name)) return;
      // FAT, some network and FUSE file systems have no links. A rename replaces a blob by the same bytes.
      if (!['EEXIST', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(code ?? '')) throw error;
      renameSync(temporary, name);
    }
  };

  return {
    async has(key) {
      return isThere(fileOf(path, key));
    },
    async get(key, start = 0, end) {
      const name = fileOf(path, key);
      let fd: number;
      try {
        fd = openSync(name, 'r');
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw explain(path, error);
        throw new Error(
          `store: no blob ${key} in ${path}, expected it to be put before; remove ${join(path, key.slice(0, key.indexOf('/', key.indexOf('@'))))} and run the job again`,
          { cause: error },
        );
      }
      try {
        const { size } = fstatSync(fd);
        const stop = end ?? size;
        if (!(start >= 0 && start <= stop && stop <= size))
          throw new Error(
            `store: bytes [${start}, ${stop}) of ${key} in ${path} do not exist, expected a range within its ${size} bytes`,
          );
        return readExactly(fd, start, stop, `${key} in ${path}`);
      } finally {
        closeSync(fd);
      }
    },
    async put(key, bytes) {
      const name = fileOf(path, key);
      if (isThere(name)) return;
      try {
        const temporary = stage(bytes);
        try {
          withFolder(name, () => place(temporary, name));
        } finally {
          remove(temporary);
        }
      } catch (error) {
        throw explain(path, error);
      }
    },
  };
}

/** No result is empty: a file without bytes was never finished. */
function isThere(name: string): boolean {
  try {
    return (statSync(name, { throwIfNoEntry: false })?.size ?? 0) > 0;
  } catch {
    // A file where a folder should be; `put` says so.
    return false;
  }
}

function fileOf(path: string, key: Key): string {
  const [, job, shard, rest] = keyForm.exec(key) ?? [];
  if (job === undefined)
    throw new Error(
      `store: malformed key ${JSON.stringify(key)} for ${path}, expected <job>@<version>/<digest>`,
    );
  return join(path, job, shard!, rest!);
}

/** Does what needs the folder of `name`, making it when it is missing. */
function withFolder<T>(name: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    mkdirSync(dirname(name), { recursive: true });
    return act();
  }
}

/** A renamed temporary is gone already. */
function remove(temporary: string): void {
  try {
    unlinkSync(temporary);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

/** Temporaries of killed processes; a live one's is younger. Another process may be sweeping too. */
function sweep(folder: string): void {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return;
  }
  for (const name of names) {
    const file = join(folder, name);
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat && Date.now() - stat.mtimeMs > stale) rmSync(file, { force: true });
  }
}

function readExactly(fd: number, start: number, end: number, name: string): Uint8Array {
  const bytes = new Uint8Array(end - start);
  for (let at = 0; at < bytes.length;) {
    const got = readSync(fd, bytes, at, Math.min(bytes.length - at, longest), start + at);
    if (got === 0) throw new Error(`store: ${name} ends at byte ${start + at}, expected ${end} bytes`);
    at += got;
  }
  return bytes;
}

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

function explain(path: string, error: unknown): Error {
  const code = codeOf(error);
  const cause = { cause: error };
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return new Error(
        `store: no space left in ${path} (${code}); free some and run again, finished work is kept, or give a roomier folder with --store`,
        cause,
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return new BadUsage(
        `store: ${path} cannot be used (${code}), expected a folder that may be read and written; give another with --store`,
        cause,
      );
    case 'ENOTDIR':
    case 'EEXIST':
      return new BadUsage(
        `store: ${path} is not a folder or lies inside a file (${code}); give a folder with --store`,
        cause,
      );
    case undefined:
      return error as Error;
    default:
      return new Error(
        `store: ${path} failed (${code}); check the disk or give another folder with --store`,
        cause,
      );
  }
}
