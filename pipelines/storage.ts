/** Where URIs lead: the one place that knows every scheme. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BadInput, BadUsage } from '../core/errors.ts';
import type { Dataset, Planning, Source, Store } from '../core/job.ts';
import { describeFile, fileSource } from '../core/sources/file.ts';
import { folderStore } from '../core/stores/folder.ts';

// Loaded by who needs it: most runs, and all of their workers, read files.
const http = () => import('../core/sources/http.ts');
const isHttp = (uri: string): boolean => /^https?:\/\//i.test(uri);

/** The local path that a URI names. */
function pathOf(uri: string): string {
  if (uri.startsWith('file:')) return fileURLToPath(uri);
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(uri)?.[1];
  if (scheme)
    throw new BadUsage(`${uri}: found scheme ${scheme}, expected a path, file://, http:// or https://`);
  return resolve(uri);
}

/** The format that a name's ending tells, in lower case: `reads.bam` is `bam`, `x.copc.laz` is `laz`, `f.bed.gz` is `bed`. */
function formatOf(uri: string): string {
  const name = basename(isHttp(uri) ? new URL(uri).pathname : uri).toLowerCase();
  return /\.([a-z0-9]+)(\.gz)?$/.exec(name)?.[1] ?? '';
}

/**
 * What is at a URI. With `digest` a local file is known by the hash of all its bytes instead of by size, time and a sample.
 * @throws BadInput when there is nothing to read
 */
export async function describe(uri: string, { digest = false } = {}): Promise<Dataset> {
  const described = isHttp(uri)
    ? await (await http()).describeHttp(uri)
    : await describeFile(pathOf(uri), { digest });
  return { ...described, format: formatOf(uri) };
}

/** Opens a dataset as planned; @throws BadInput when it has changed since. */
export async function open(dataset: Dataset): Promise<Source> {
  const { uri, id } = dataset;
  return isHttp(uri) ? (await http()).httpSource(uri, { id }) : fileSource(pathOf(uri), dataset);
}

/** Blobs under a URI; `memory:` is the driver's own and not opened here. */
export const store = (uri: string): Store => folderStore(pathOf(uri));

/** The folder of a store URI, where there is one. */
export const storeFolder = (uri: string): string | undefined => (uri === 'memory:' ? undefined : pathOf(uri));

export const planning = (
  openDataset: (dataset: Dataset) => Promise<Source>,
  signal: AbortSignal,
): Planning => ({
  open: openDataset,
  signal,
  async find(uri) {
    try {
      return await describe(uri);
    } catch (error) {
      if (error instanceof BadInput && !(await exists(uri))) return undefined;
      throw error;
    }
  },
});

/** Whether the file's folder lists it: an unreadable companion is a fault, an absent one is not. */
async function exists(uri: string): Promise<boolean> {
  if (isHttp(uri)) return false;
  const path = pathOf(uri);
  return readdir(dirname(path)).then(
    (names) => names.includes(basename(path)),
    () => false,
  );
}

/** Expands `*` and `?` in the last segment of a path, sorted by name; other URIs stay as they are. */
export async function glob(uri: string): Promise<string[]> {
  const name = basename(uri);
  if (isHttp(uri) || !/[*?]/.test(name)) return [uri];
  const pattern = name
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  const matches = new RegExp(`^${pattern}$`);
  const folder = dirname(pathOf(uri));
  const names = await readdir(folder).catch(() => []);
  const found = names.filter((n) => matches.test(n)).sort();
  if (found.length === 0) throw new BadInput(`${uri}: no file matches; see ls ${folder}`);
  return found.map((n) => join(folder, n));
}
