/** A store in a bucket: one object a blob, put-if-absent, safe for any number of writers. */
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import { BadUsage } from '../../core/errors.ts';
import type { Key, Store } from '../../core/job.ts';
import { type Address, formatAddress, parseAddress } from './address.ts';
import { endpoint, s3 } from './client.ts';
import { ask, isAbsent, isPrecondition, type Persisting, persistence } from './faults.ts';
import { persist } from '../../core/sources/persist.ts';
import { fill, getRange } from './source.ts';
import { putInTurn } from './ticket.ts';

/** A store whose blobs other requests can name. */
export type BucketStore = Store & { locate(key: Key): Address };

/** Asked about fewer keys than this one by one. A page of a listing costs as much as some dozen single questions. */
const worthListing = 13;
const pageSize = 1000;
const look = 32;

/**
 * Blobs as objects `<prefix>/<job>@<version>/<digest>` under `s3://bucket/prefix`. The first of two puts stays: by If-None-Match where the server
 * honours it (which is tried out once a process on servers that are not AWS's), by taking turns where it does not.
 * @throws BadInput for a bucket that is absent or refused; BadUsage without credentials; Error for an absent key; TaskError when the server does not come to itself
 */
export function bucketStore(uri: string, how: Persisting = {}): BucketStore {
  const { bucket, key: prefix } = parseAddress(uri);
  if (prefix.split('/').includes('..'))
    throw new BadUsage(`--store ${uri}: found .., expected a plain prefix`);
  const base = prefix.replace(/\/+$/, '');
  const locate = (key: Key): Address => ({ bucket, key: base ? `${base}/${key}` : key });
  const at = (key: Key): { Bucket: string; Key: string } => ({ Bucket: bucket, Key: locate(key).key });
  const client = s3();

  async function has(key: Key): Promise<boolean> {
    return ask(
      formatAddress(locate(key)),
      async () => {
        try {
          await client.send(new HeadObjectCommand(at(key)));
          return true;
        } catch (error) {
          if (isAbsent(error)) return false;
          throw error;
        }
      },
      how,
    );
  }

  return {
    locate,
    has,
    async hasAll(keys) {
      const found = new Set<Key>();
      const rest = [...keys].sort((a, b) => (a < b ? -1 : 1));
      // Keys of one job are hashes: those that are asked for lie as densely as all others, or the listing is given up.
      while (rest.length >= worthListing) {
        const folder = rest[0]!.slice(0, rest[0]!.indexOf('/', rest[0]!.indexOf('@')) + 1);
        const first = rest[0]!;
        const page = await listAfter(
          client,
          bucket,
          locate(folder as Key).key,
          locate(first).key.slice(0, -1),
          uri,
          how,
        );
        const names = new Set(page.keys);
        const end = page.more ? page.keys.at(-1)! : undefined;
        let passed = 0;
        while (passed < rest.length) {
          const key = rest[passed]!;
          const name = locate(key).key;
          if (!key.startsWith(folder) || (end !== undefined && name > end)) break;
          if (names.has(name)) found.add(key);
          passed++;
        }
        rest.splice(0, passed);
        if (page.more && passed < worthListing) break;
      }
      for (let i = 0; i < rest.length; i += look) {
        const batch = rest.slice(i, i + look);
        const there = await Promise.all(batch.map(has));
        batch.forEach((key, n) => there[n] && found.add(key));
      }
      return found;
    },
    async get(key, start = 0, end) {
      const name = formatAddress(locate(key));
      if (start === end) return new Uint8Array(0);
      return ask(
        name,
        async () => {
          try {
            if (end !== undefined) {
              const bytes = new Uint8Array(end - start);
              await fill(bytes, await getRange(client, at(key), start, end));
              return bytes;
            }
            return await getWhole(client, at(key), start);
          } catch (error) {
            if (isAbsent(error))
              throw new Error(
                `store: no blob ${key} in ${uri}, expected it to be put before; its bucket may have let it expire: remove what is left of the job in the store and run it again`,
                { cause: error },
              );
            throw error;
          }
        },
        how,
      );
    },
    async put(key, bytes) {
      const input = { ...at(key), Body: bytes, ContentMD5: md5(bytes) };
      const name = formatAddress(locate(key));
      if (await isConditional(client, bucket, base, how))
        return ask(name, () => putIfAbsent(client, input), how);
      return ask(name, () => putInTurn(client, input, { ...how }), how);
    },
  };
}

/** base64 of the MD5, which AWS, Ceph, MinIO and Swift all check before they take an object (RFC 1864). */
export const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('base64');

async function putIfAbsent(client: S3Client, input: PutObjectCommandInput): Promise<void> {
  try {
    await client.send(new PutObjectCommand({ ...input, IfNoneMatch: '*' }));
  } catch (error) {
    // It is there: another attempt's, or this one's whose answer was lost.
    if (!isPrecondition(error)) throw error;
  }
}

async function getWhole(
  client: S3Client,
  input: { Bucket: string; Key: string },
  start: number,
): Promise<Uint8Array> {
  const { Body, ContentLength } = await client.send(
    new GetObjectCommand({ ...input, ...(start > 0 ? { Range: `bytes=${start}-` } : {}) }),
  );
  const bytes = new Uint8Array(ContentLength ?? 0);
  await fill(bytes, Body as unknown as AsyncIterable<Uint8Array>);
  return bytes;
}

/** A page of names from behind `after` on. */
async function listAfter(
  client: S3Client,
  bucket: string,
  prefix: string,
  after: string,
  uri: string,
  how: Persisting,
): Promise<{ keys: string[]; more: boolean }> {
  const page = await ask(
    uri,
    () =>
      client.send(
        new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix, StartAfter: after, MaxKeys: pageSize }),
      ),
    how,
  );
  return {
    keys: (page.Contents ?? []).flatMap(({ Key: name }) => (name === undefined ? [] : [name])),
    more: page.IsTruncated === true,
  };
}

const conditional = new Map<string, Promise<boolean>>();

/** Whether the server honours If-None-Match: AWS does; another one is tried with two puts of one small object. */
function isConditional(client: S3Client, bucket: string, base: string, how: Persisting): Promise<boolean> {
  const server = endpoint();
  if (server === undefined) return Promise.resolve(true);
  const id = `${server} ${bucket}`;
  let known = conditional.get(id);
  if (!known) {
    known = tryOut(client, bucket, base, how);
    conditional.set(id, known);
    known.catch(() => conditional.delete(id));
  }
  return known;
}

async function tryOut(client: S3Client, bucket: string, base: string, how: Persisting): Promise<boolean> {
  const name = `${base ? `${base}/` : ''}probe/${crypto.randomUUID()}`;
  const body = new Uint8Array([1]);
  const input = { Bucket: bucket, Key: name, Body: body, ContentMD5: md5(body), IfNoneMatch: '*' };
  const put = (): Promise<boolean> =>
    client.send(new PutObjectCommand(input)).then(
      () => true,
      (error: unknown) => {
        if (isPrecondition(error)) return false;
        throw error;
      },
    );
  const what = `${formatAddress({ bucket, key: name })} (a trial)`;
  try {
    // A first answer that was lost makes the second put the one that is refused.
    await ask(what, put, how);
    return !(await persist(put, persistence(what, how)));
  } catch (error) {
    // 501, as Swift has it.
    if ((error as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode === 501)
      return false;
    if (
      ((error as Error).cause as { $metadata?: { httpStatusCode?: number } } | undefined)?.$metadata
        ?.httpStatusCode === 501
    )
      return false;
    throw error;
  } finally {
    await client.send(new DeleteObjectCommand({ Bucket: bucket, Key: name })).catch(() => {});
  }
}
