/** A store in a bucket: one object a blob, put-if-absent, safe for any number of writers. */
import { HeadBucketCommand } from '@aws-sdk/client-s3';
import { BadUsage, messageOf } from '../../core/errors.ts';
import type { Key, Store } from '../../core/job.ts';
import { type Address, parseAddress } from './address.ts';
import { endpoint, s3 } from './client.ts';
import { ask, isUnsupported, type Persisting } from './faults.ts';
import { claimObject, isThere, listPage, type Place, placeOf, readObject, removeObject } from './object.ts';
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
 * @throws BadUsage for a bucket that is absent or refused, and without credentials; Error for an absent key; TaskError when the server does not come to itself
 */
export function bucketStore(uri: string, persisting: Persisting = {}): BucketStore {
  const { bucket, base } = baseOf(uri);
  const how: Persisting = { ...persisting, isOwn: true };
  const locate = (key: Key): Address => ({ bucket, key: base ? `${base}/${key}` : key });
  const place = (key: Key): Place => placeOf(locate(key));
  const has = (key: Key): Promise<boolean> => isThere(place(key), how);

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
        const page = await listPage(
          {
            Bucket: bucket,
            Prefix: locate(folder as Key).key,
            StartAfter: locate(first).key.slice(0, -1),
            MaxKeys: pageSize,
          },
          {},
          how,
        );
        const names = new Set(page.keys);
        const more = page.next !== undefined;
        // Of what comes after the page nothing is known.
        const end = more ? (page.keys.at(-1) ?? '') : undefined;
        let passed = 0;
        while (passed < rest.length) {
          const key = rest[passed]!;
          const name = locate(key).key;
          if (!key.startsWith(folder) || (end !== undefined && name > end)) break;
          if (names.has(name)) found.add(key);
          passed++;
        }
        rest.splice(0, passed);
        if (more && passed < worthListing) break;
      }
      for (let i = 0; i < rest.length; i += look) {
        const batch = rest.slice(i, i + look);
        const there = await Promise.all(batch.map(has));
        batch.forEach((key, n) => there[n] && found.add(key));
      }
      return found;
    },
    async get(key, start = 0, end) {
      if (start === end) return new Uint8Array(0);
      const bytes = await readObject(place(key), how, start, end);
      if (bytes) return bytes;
      throw new Error(
        `store: no blob ${key} in ${uri}, expected it to be put before; its bucket may have let it expire: remove what is left of the job in the store and run it again`,
      );
    },
    async put(key, bytes) {
      if (await isConditional(bucket, base, how)) await claimObject(place(key), bytes, how);
      else await putInTurn(place(key), bytes, how);
    },
  };
}

function baseOf(uri: string): { readonly bucket: string; readonly base: string } {
  const { bucket, key } = parseAddress(uri);
  if (key.split('/').includes('..')) throw new BadUsage(`--store ${uri}: found .., expected a plain prefix`);
  return { bucket, base: key.replace(/\/+$/, '') };
}

/** Whether the bucket is there and may be used, by one request before any work. @throws BadUsage; TaskError */
export async function checkStoreBucket(uri: string, how: Persisting = {}): Promise<void> {
  const { bucket } = baseOf(uri);
  await ask(`s3://${bucket}`, (sending) => s3().send(new HeadBucketCommand({ Bucket: bucket }), sending), {
    ...how,
    isOwn: true,
  }).catch((error: unknown) => {
    if (!(error instanceof BadUsage)) throw error;
    throw new BadUsage(`--store ${uri}: ${messageOf(error)}`, { cause: error });
  });
}

const conditional = new Map<string, Promise<boolean>>();

/** Whether the server honours If-None-Match: AWS does; another one is tried with two puts of one small object. */
function isConditional(bucket: string, base: string, how: Persisting): Promise<boolean> {
  const server = endpoint();
  if (server === undefined) return Promise.resolve(true);
  const id = `${server} ${bucket}`;
  let known = conditional.get(id);
  if (!known) {
    known = tryOut({ Bucket: bucket, Key: `${base ? `${base}/` : ''}probe/${crypto.randomUUID()}` }, how);
    conditional.set(id, known);
    known.catch(() => conditional.delete(id));
  }
  return known;
}

async function tryOut(at: Place, how: Persisting): Promise<boolean> {
  const bytes = new Uint8Array([1]);
  try {
    // A first answer that was lost makes the second put the one that is refused.
    await claimObject(at, bytes, how);
    return !(await claimObject(at, bytes, how));
  } catch (error) {
    if (isUnsupported((error as Error).cause)) return false;
    throw error;
  } finally {
    await removeObject(at);
  }
}
