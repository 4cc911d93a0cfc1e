/** Small named objects beside the blobs of a store: how runs are, and what people tell them. */
import {
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { formatAddress, parseAddress } from './address.ts';
import { s3 } from './client.ts';
import { ask, isAbsent, isPrecondition } from './faults.ts';
import { md5 } from './store.ts';

function at(
  store: string,
  name: string,
): { readonly where: { Bucket: string; Key: string }; readonly uri: string } {
  const { bucket, key } = parseAddress(store);
  const base = key.replace(/\/+$/, '');
  const full = base ? `${base}/${name}` : name;
  return { where: { Bucket: bucket, Key: full }, uri: formatAddress({ bucket, key: full }) };
}

/** The text under a name; undefined where there is none. */
export async function readNote(store: string, name: string): Promise<string | undefined> {
  const { where, uri } = at(store, name);
  return ask(uri, async () => {
    try {
      const { Body } = await s3().send(new GetObjectCommand(where));
      return await Body!.transformToString();
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  });
}

/** Writes a note, over an older one. */
export async function writeNote(store: string, name: string, text: string | Uint8Array): Promise<void> {
  const { where, uri } = at(store, name);
  const Body = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  await ask(uri, () => s3().send(new PutObjectCommand({ ...where, Body, ContentMD5: md5(Body) })));
}

/** Writes a note that nobody has written before; whether it was the first. Where the server lacks If-None-Match all are. */
export async function claimNote(store: string, name: string, text: string): Promise<boolean> {
  const { where, uri } = at(store, name);
  return ask(uri, async () => {
    try {
      await s3().send(new PutObjectCommand({ ...where, Body: text, IfNoneMatch: '*' }));
      return true;
    } catch (error) {
      if (isPrecondition(error)) return (await readNote(store, name)) === text;
      throw error;
    }
  });
}

export async function exists(store: string, name: string): Promise<boolean> {
  const { where, uri } = at(store, name);
  return ask(uri, async () => {
    try {
      await s3().send(new HeadObjectCommand(where));
      return true;
    } catch (error) {
      if (isAbsent(error)) return false;
      throw error;
    }
  });
}

/** Names of runs that a store has notes of, sorted, which is the order of time. */
export async function listRuns(store: string): Promise<string[]> {
  const { where, uri } = at(store, 'runs/');
  const runs: string[] = [];
  let token: string | undefined;
  do {
    const page = await ask(uri, () =>
      s3().send(
        new ListObjectsV2Command({
          Bucket: where.Bucket,
          Prefix: where.Key,
          Delimiter: '/',
          ...(token ? { ContinuationToken: token } : {}),
        }),
      ),
    );
    for (const { Prefix } of page.CommonPrefixes ?? []) runs.push(Prefix!.slice(where.Key.length, -1));
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return runs.sort((a, b) => (a < b ? -1 : 1));
}
