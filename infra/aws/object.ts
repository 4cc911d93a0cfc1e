/** Requests about objects, each repeated until it is answered: what store, notes, turns and outputs are made of. */
import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { createHash } from 'node:crypto';
import type { Access } from '../../core/job.ts';
import { Broken } from '../../core/sources/persist.ts';
import { type Address, formatAddress } from './address.ts';
import { s3 } from './client.ts';
import { ask, isAbsent, isPrecondition, type Persisting, type Sending } from './faults.ts';

/** An object as the SDK names it. */
export type Place = { readonly Bucket: string; readonly Key: string };

export const placeOf = ({ bucket, key }: Address): Place => ({ Bucket: bucket, Key: key });
export const nameOf = ({ Bucket, Key }: Place): string => formatAddress({ bucket: Bucket, key: Key });

/** Milliseconds that tidying up may take: it goes on when the run is stopped, and nobody waits long for it then. */
const tidying = 1500;

/** The persistence of what is done at the end of things, whatever ended them. */
export const parting = (): Persisting => ({ attempts: 4, signal: AbortSignal.timeout(tidying) });

/** base64 of the MD5, which AWS, Ceph, MinIO and Swift all check before they take an object (RFC 1864). */
export const md5 = (bytes: Uint8Array): string => createHash('md5').update(bytes).digest('base64');

/** The header with which whoever reads agrees to pay. */
export const payer = ({ requesterPays }: Access): { RequestPayer?: 'requester' } =>
  requesterPays ? { RequestPayer: 'requester' } : {};

/** What an attempt gives; undefined where there is no such object. */
function found<T>(
  at: Place,
  attempt: (sending: Sending) => Promise<T>,
  how?: Persisting,
): Promise<T | undefined> {
  return ask(
    nameOf(at),
    async (sending) => {
      try {
        return await attempt(sending);
      } catch (error) {
        if (isAbsent(error)) return undefined;
        throw error;
      }
    },
    how,
  );
}

export const isThere = async (at: Place, how?: Persisting): Promise<boolean> =>
  (await found(at, (sending) => s3().send(new HeadObjectCommand(at), sending), how)) !== undefined;

/** The whole object, or its bytes `[start, end)`; undefined where there is none. @throws as `ask` */
export async function readObject(
  at: Place,
  how?: Persisting,
  start = 0,
  end?: number,
): Promise<Uint8Array | undefined> {
  return found(
    at,
    async (sending) => {
      const { length, body } = await getBody(s3(), at, start, end, sending);
      const bytes = new Uint8Array(length);
      await fill(bytes, body);
      return bytes;
    },
    how,
  );
}

/** Writes an object, over an older one. */
export async function writeObject(at: Place, bytes: Uint8Array, how?: Persisting): Promise<void> {
  const input = { ...at, Body: bytes, ContentMD5: md5(bytes) };
  await ask(nameOf(at), (sending) => s3().send(new PutObjectCommand(input), sending), how);
}

/**
 * Writes an object where there is none, on servers that honour If-None-Match; others write over. False when there is one, which
 * may be this call's own, whose answer was lost.
 */
export async function claimObject(at: Place, bytes: Uint8Array, how?: Persisting): Promise<boolean> {
  const input = { ...at, Body: bytes, ContentMD5: md5(bytes), IfNoneMatch: '*' };
  return ask(
    nameOf(at),
    async (sending) => {
      try {
        await s3().send(new PutObjectCommand(input), sending);
        return true;
      } catch (error) {
        if (isPrecondition(error)) return false;
        throw error;
      }
    },
    how,
  );
}

/** Removes an object, as far as that goes in a second and a half. */
export async function removeObject(at: Place): Promise<void> {
  await ask(nameOf(at), (sending) => s3().send(new DeleteObjectCommand(at), sending), parting()).catch(
    () => {},
  );
}

/** A part of a listing: names, folders where a delimiter was given, and what to ask on with. */
export type Page = {
  readonly keys: readonly string[];
  readonly folders: readonly string[];
  readonly next: string | undefined;
};

/** One page of a listing, at most 1,000 names; those that do not start as was asked for are not in it. */
export async function listPage(
  input: ListObjectsV2CommandInput,
  access: Access = {},
  how?: Persisting,
): Promise<Page> {
  const { Bucket = '', Prefix = '' } = input;
  const page = await ask(
    nameOf({ Bucket, Key: Prefix }),
    (sending) => s3(access).send(new ListObjectsV2Command({ ...input, ...payer(access) }), sending),
    how,
  );
  const fitting = (names: readonly (string | undefined)[]): string[] =>
    names.filter((name): name is string => name !== undefined && name.startsWith(Prefix));
  return {
    keys: fitting((page.Contents ?? []).map(({ Key }) => Key)),
    folders: fitting((page.CommonPrefixes ?? []).map((one) => one.Prefix)),
    next: page.IsTruncated ? page.NextContinuationToken : undefined,
  };
}

/** A listing page by page. @throws Error where the server sends round in circles */
export async function* listPages(
  input: ListObjectsV2CommandInput,
  access: Access = {},
  how?: Persisting,
): AsyncGenerator<Page, void, undefined> {
  let token: string | undefined;
  do {
    const page = await listPage({ ...input, ...(token ? { ContinuationToken: token } : {}) }, access, how);
    yield page;
    if (page.next !== undefined && page.next === token)
      throw new Error(
        `s3: the listing of s3://${input.Bucket}/${input.Prefix ?? ''} repeats a page; check the endpoint`,
      );
    token = page.next;
  } while (token !== undefined);
}

/** The body of an object, or of its bytes `[start, end)`, in pieces, and its length. @throws Broken where that is not as asked for */
export async function getBody(
  client: S3Client,
  input: GetObjectCommandInput,
  start: number,
  end: number | undefined,
  sending: Sending,
): Promise<{ readonly length: number; readonly body: AsyncIterable<Uint8Array> }> {
  const isWhole = start === 0 && end === undefined;
  const { Body, ContentLength } = await client.send(
    new GetObjectCommand(
      isWhole ? input : { ...input, Range: `bytes=${start}-${end === undefined ? '' : end - 1}` },
    ),
    sending,
  );
  const body = Body as unknown as AsyncIterable<Uint8Array> & { destroy(): void };
  if (ContentLength === undefined || (end !== undefined && ContentLength !== end - start)) {
    // Left unread, it would hold its connection.
    body.destroy();
    throw new Broken(
      `${ContentLength ?? 'no'} bytes announced, expected ${end === undefined ? 'their number' : end - start}`,
    );
  }
  return { length: ContentLength, body };
}

/** All of `bytes` from a body of that length. @throws Broken when it ends early or late */
export async function fill(bytes: Uint8Array, body: AsyncIterable<Uint8Array>): Promise<void> {
  let at = 0;
  for await (const piece of body) {
    if (at + piece.length > bytes.length) throw new Broken(`a body of more than ${bytes.length} bytes`);
    bytes.set(piece, at);
    at += piece.length;
  }
  if (at < bytes.length) throw new Broken(`a body of ${at} bytes, expected ${bytes.length}`);
}
