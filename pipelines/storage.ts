/** Where URIs lead: the one place that knows every scheme. */
import { readdir } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BadInput, BadUsage } from '../core/errors.ts';
import type { Access, Dataset, Planning, Source, Store } from '../core/job.ts';
import { checkWritable, fileOutput, type FileOutput } from '../core/output.ts';
import { describeFile, fileSource } from '../core/sources/file.ts';
import { folderStore } from '../core/stores/folder.ts';
import { isS3 } from '../infra/aws/address.ts';

/** How inputs are described. With `digest` a local file is known by the hash of all its bytes instead of by size, time and a sample. */
export type Describing = Stopping & { readonly digest?: boolean; readonly access?: Access };
/** What ends requests, for who may be stopped. */
type Stopping = { readonly signal?: AbortSignal };

/** What a scheme of URIs can do. */
type Scheme = {
  describe(uri: string, how: Describing): Promise<Omit<Dataset, 'format'>>;
  open(dataset: Dataset, how: Stopping): Promise<Source>;
  /** Whether something lies there, however unreadable. */
  exists(uri: string): Promise<boolean>;
  /** What matches `*` and `?` in the last segment, sorted by name; undefined where the scheme has no listings. */
  readonly list?: (uri: string, matches: RegExp, how: Describing) => Promise<string[]>;
};

// Loaded by who needs them: most runs, and all of their workers, read files.
const http = () => import('../core/sources/http.ts');
const s3 = {
  source: () => import('../infra/aws/source.ts'),
  store: () => import('../infra/aws/store.ts'),
  upload: () => import('../infra/aws/upload.ts'),
  listing: () => import('../infra/aws/listing.ts'),
};

const never = async (): Promise<boolean> => false;
const schemes: { readonly [name in 'file' | 'http' | 's3']: Scheme } = {
  file: {
    describe: (uri, how) => describeFile(pathOf(uri), how),
    open: (dataset) => fileSource(pathOf(dataset.uri), dataset),
    // An unreadable companion is a fault, an absent one is not.
    async exists(uri) {
      const path = pathOf(uri);
      return readdir(dirname(path)).then(
        (names) => names.includes(basename(path)),
        () => false,
      );
    },
    async list(uri, matches) {
      const folder = dirname(pathOf(uri));
      const names = await readdir(folder).catch(() => []);
      const found = names.filter((n) => matches.test(n)).sort();
      if (found.length === 0) throw new BadInput(`${uri}: no file matches; see ls ${folder}`);
      return found.map((n) => join(folder, n));
    },
  },
  http: {
    describe: async (uri, { signal }) => (await http()).describeHttp(uri, signal ? { signal } : {}),
    open: async ({ uri, id }, how) => (await http()).httpSource(uri, { id, ...how }),
    exists: never,
  },
  s3: {
    describe: async (uri, { access, signal }) =>
      (await s3.source()).describeObject(uri, access, signal ? { signal } : {}),
    open: async (dataset, how) => (await s3.source()).objectSource(dataset, how),
    exists: never,
    list: async (uri, matches, { access, signal }) =>
      (await s3.listing()).listObjects(uri, matches, access, signal ? { signal } : {}),
  },
};

const isHttp = (uri: string): boolean => /^https?:\/\//i.test(uri);
const schemeOf = (uri: string): Scheme => schemes[isHttp(uri) ? 'http' : isS3(uri) ? 's3' : 'file'];

/** Whether workers elsewhere can reach it. */
export const isRemote = (uri: string): boolean => isHttp(uri) || isS3(uri);

/** The local path that a URI names. */
function pathOf(uri: string): string {
  if (uri.startsWith('file:')) return fileURLToPath(uri);
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(uri)?.[1];
  if (scheme)
    throw new BadUsage(
      `${uri}: found scheme ${scheme}, expected a path, file://, s3://, http:// or https://`,
    );
  return resolve(uri);
}

/** The format that a name's ending tells, in lower case: `reads.bam` is `bam`, `x.copc.laz` is `laz`, `f.bed.gz` is `bed`. */
function formatOf(uri: string): string {
  const name = basename(isHttp(uri) ? new URL(uri).pathname : uri).toLowerCase();
  return /\.([a-z0-9]+)(\.gz)?$/.exec(name)?.[1] ?? '';
}

/**
 * What is at a URI.
 * @throws BadInput when there is nothing to read
 */
export async function describe(uri: string, how: Describing = {}): Promise<Dataset> {
  return { ...(await schemeOf(uri).describe(uri, how)), format: formatOf(uri) };
}

/** Opens a dataset as planned; @throws BadInput when it has changed since. */
export const open = (dataset: Dataset, how: Stopping = {}): Promise<Source> =>
  schemeOf(dataset.uri).open(dataset, how);

/** Blobs under a URI; `memory:` is the driver's own and not opened here. */
export const store = async (uri: string, how: Stopping = {}): Promise<Store> =>
  isS3(uri) ? (await s3.store()).bucketStore(uri, how) : folderStore(pathOf(uri));

/** Whether the bucket of a store is there, before any work; folders are made. @throws BadUsage */
export async function checkBucket(uri: string, how: Stopping = {}): Promise<void> {
  if (isS3(uri)) await (await s3.store()).checkStoreBucket(uri, how);
}

/** The folder of a store URI, where there is one. */
export const storeFolder = (uri: string): string | undefined =>
  uri === 'memory:' || isS3(uri) ? undefined : pathOf(uri);

/** Files at `out` followed by suffixes, or standard output; blobs of a store beside them are joined where they lie. */
export async function output(
  out: string | undefined,
  storeUri: string,
  how: Stopping = {},
): Promise<FileOutput> {
  if (out === undefined || !isS3(out)) return fileOutput(out);
  const [{ bucketOutput }, { bucketStore }] = [await s3.upload(), await s3.store()];
  return bucketOutput(out, isS3(storeUri) ? bucketStore(storeUri, how) : undefined, how);
}

/** Whether files can be written there, before any work. @throws BadUsage */
export async function checkOutput(out: string, how: { prefix: boolean }): Promise<void> {
  if (isS3(out)) return (await s3.upload()).checkBucketWritable(out);
  if (out === '-' || /^[a-z][a-z0-9+.-]+:\/\//i.test(out))
    throw new BadUsage(`--out ${out}: expected a path of this machine or s3://bucket/key`);
  return checkWritable(out, how);
}

export const planning = (
  openDataset: (dataset: Dataset) => Promise<Source>,
  signal: AbortSignal,
  access: Access = {},
): Planning => ({
  open: openDataset,
  signal,
  async find(uri) {
    try {
      return await describe(uri, { access, signal });
    } catch (error) {
      if (error instanceof BadInput && !(await schemeOf(uri).exists(uri))) return undefined;
      throw error;
    }
  },
});

/** Expands `*` and `?` in the last segment of a path or an object's name, sorted by name; other URIs stay as they are. */
export async function glob(uri: string, how: Describing = {}): Promise<string[]> {
  const { list } = schemeOf(uri);
  const name = uri.slice(uri.lastIndexOf('/') + 1);
  if (!list || !/[*?]/.test(name)) return [uri];
  const pattern = name
    .replace(/[.+^${}()|[\]\\]/g, '\\$&')
    .replace(/\*/g, '.*')
    .replace(/\?/g, '.');
  return list(uri, new RegExp(`^${pattern}$`), how);
}
