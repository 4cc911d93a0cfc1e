/** Local files as sources, and the names of their content. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { open } from 'node:fs/promises';
import { BadInput } from '../errors.ts';
import type { Dataset, Source } from '../job.ts';
import { checkRange, placeFor } from './range.ts';
import { readAhead } from './readahead.ts';

const sample = 4096;
// One read(2) moves less than 2 GiB.
const longest = 1 << 30;

type Opened = { readonly handle: FileHandle; readonly size: number; readonly mtime: bigint };

/** A dataset as it was planned. */
type Expected = Partial<Pick<Dataset, 'id' | 'size' | 'written'>>;

/**
 * Ranged reads through one open handle; the caller closes it.
 * `expected` is the dataset as it was planned: an id by `describeFile` must still match the file's size and time, of a digest `size` and `written`.
 * @throws BadInput when the file is missing, unreadable, no regular file or changed; by `read` past the end or when the file has shrunk
 */
export async function fileSource(path: string, expected: Expected = {}): Promise<Source> {
  const opened = await openFile(path);
  try {
    checkUnchanged(path, opened, expected);
  } catch (error) {
    await opened.handle.close();
    throw error;
  }
  return sourceOf(path, opened);
}

/**
 * Where a file is, how long, and what names its content: `<size>-<mtime in ns>-<sha256 of its first and last 4 KiB, 16 hex digits>`.
 * With `digest` the id is `sha256-<64 hex digits>` of all of it, which survives copies and new times.
 * @throws BadInput when the file is missing, unreadable, no regular file, or changes meanwhile
 */
export async function describeFile(
  path: string,
  { digest = false }: { digest?: boolean } = {},
): Promise<Pick<Dataset, 'uri' | 'id' | 'size' | 'written'>> {
  const opened = await openFile(path);
  const { handle, size, mtime } = opened;
  try {
    const source = sourceOf(path, opened);
    const hash = createHash('sha256');
    if (digest) {
      for await (const bytes of readAhead(source, 0, size)) hash.update(bytes);
    } else {
      hash.update(await source.read(0, Math.min(sample, size)));
      hash.update(await source.read(Math.max(0, size - sample), size));
    }
    const after = await handle.stat({ bigint: true });
    if (after.size !== BigInt(size) || after.mtimeNs !== mtime)
      throw new BadInput(
        `file: ${path} changed while it was read, expected a finished file; wait for its writer`,
      );
    const hex = hash.digest('hex');
    return digest
      ? { uri: path, id: `sha256-${hex}`, size, written: `${mtime}` }
      : { uri: path, id: `${size}-${mtime}-${hex.slice(0, 16)}`, size };
  } finally {
    await handle.close();
  }
}

function sourceOf(path: string, { handle, size }: Opened): Source {
  return {
    size,
    async read(start, end, into) {
      checkRange('file', path, size, start, end);
      const bytes = placeFor(into, end - start);
      for (let at = 0; at < bytes.length;) {
        const length = Math.min(bytes.length - at, longest);
        const { bytesRead } = await handle
          .read(bytes, at, length, start + at)
          .catch((error: NodeJS.ErrnoException) => {
            throw new BadInput(
              `file: bytes [${start}, ${end}) of ${path} cannot be read (${error.code}); check the disk`,
              { cause: error },
            );
          });
        if (bytesRead === 0)
          throw new BadInput(
            `file: ${path} shrank, found an end at byte ${start + at}, expected ${size} bytes; wait for its writer, then run again`,
          );
        at += bytesRead;
      }
      return bytes;
    },
    close: () => handle.close(),
  };
}

async function openFile(path: string): Promise<Opened> {
  let handle: FileHandle;
  try {
    // Without O_NONBLOCK a pipe would hold the call until it gets a writer.
    handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  } catch (error) {
    throw explain(path, error as NodeJS.ErrnoException);
  }
  try {
    const stat = await handle.stat({ bigint: true });
    if (stat.isDirectory())
      throw new BadInput(`file: ${path} is a folder, expected a file; name a file inside it`);
    if (!stat.isFile())
      throw new BadInput(
        `file: ${path} is a pipe or a device, expected a regular file; save its content to a file first`,
      );
    return { handle, size: Number(stat.size), mtime: stat.mtimeNs };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function checkUnchanged(
  path: string,
  { size, mtime }: Opened,
  { id, size: planned, written }: Expected,
): void {
  const named = id === undefined ? null : /^(\d+)-(\d+)-[0-9a-f]{16}$/.exec(id);
  const advice = 'run again to plan it anew';
  const wanted = named ? Number(named[1]) : planned;
  if (wanted !== undefined && wanted !== size)
    throw new BadInput(
      `file: ${path} changed since it was planned, found ${size} bytes, expected ${wanted}; ${advice}`,
    );
  const time = named?.[2] ?? written;
  if (time !== undefined && BigInt(time) !== mtime)
    throw new BadInput(
      `file: ${path} changed since it was planned, found modification time ${mtime} ns, expected ${time}; ${advice}`,
    );
}

function explain(path: string, error: NodeJS.ErrnoException): Error {
  const cause = { cause: error };
  switch (error.code ?? '') {
    case 'ENOENT':
    case 'ENOTDIR':
      return new BadInput(`file: ${path} does not exist, expected a file; check the path`, cause);
    case 'EISDIR':
      return new BadInput(`file: ${path} is a folder, expected a file; name a file inside it`, cause);
    case 'EACCES':
    case 'EPERM':
      return new BadInput(
        `file: ${path} may not be read (${error.code}), expected permission to; change its mode or run as its owner`,
        cause,
      );
    case 'EMFILE':
    case 'ENFILE':
      // The file is not at fault.
      return new Error(
        `file: ${path} cannot be opened, too many files are (${error.code}); raise ulimit -n or use fewer workers`,
        cause,
      );
    default:
      return new BadInput(
        `file: ${path} cannot be opened (${error.code ?? error.message}), expected a readable file; check the path and the disk`,
        cause,
      );
  }
}
