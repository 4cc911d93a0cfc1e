/** Objects of S3 as sources: ranged reads bound to one version of the content. */
import { GetObjectCommand, HeadObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { BadInput } from '../../core/errors.ts';
import type { Access, Dataset, Source } from '../../core/job.ts';
import { Broken } from '../../core/sources/persist.ts';
import { checkRange } from '../../core/sources/range.ts';
import { resume } from '../../core/sources/resume.ts';
import { formatAddress, parseAddress } from './address.ts';
import { s3 } from './client.ts';
import { ask, explain, isPrecondition, persistence, type Persisting } from './faults.ts';

const payer = ({ requesterPays }: Access): { RequestPayer?: 'requester' } =>
  requesterPays ? { RequestPayer: 'requester' } : {};

/**
 * Address, size and id (`<size>-<ETag>`) of an object, by one HEAD.
 * @throws BadInput when it is absent or refused; BadUsage without credentials; TaskError when the server does not come to itself
 */
export async function describeObject(
  uri: string,
  access: Access = {},
  how?: Persisting,
): Promise<Pick<Dataset, 'uri' | 'id' | 'size' | 'access'>> {
  const { bucket, key } = parseAddress(uri);
  if (key === '' || key.endsWith('/'))
    throw new BadInput(
      `s3: ${uri} names no object, expected s3://bucket/key; a * in the last part lists them`,
    );
  const head = await ask(
    uri,
    () => s3(access).send(new HeadObjectCommand({ Bucket: bucket, Key: key, ...payer(access) })),
    how,
  );
  if (head.ContentLength === undefined || !head.ETag)
    throw new BadInput(`s3: ${uri} has no size or no ETag; download it and give the file`);
  return {
    uri,
    id: `${head.ContentLength}-${head.ETag}`,
    size: head.ContentLength,
    ...(access.unsigned || access.requesterPays ? { access } : {}),
  };
}

/**
 * Ranged reads of the object as it was described, one GET each, `If-Match` on its ETag; `stream` goes on where a connection broke.
 * @throws BadInput by reads of an object that changed, is gone or refused; TaskError when the attempts are used up
 */
export function objectSource({ uri, id, size, access = {} }: Dataset, how: Persisting = {}): Source {
  const { bucket, key } = parseAddress(uri);
  const etag = id.slice(id.indexOf('-') + 1);
  const get = (start: number, end: number, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> =>
    getRange(s3(access), { Bucket: bucket, Key: key, IfMatch: etag, ...payer(access) }, start, end, signal);
  const fail = (error: unknown): Error =>
    isPrecondition(error)
      ? new BadInput(
          `s3: ${uri} changed since it was planned, found another ETag than ${etag}; run again to plan it anew`,
          { cause: error },
        )
      : explain(uri, error);
  return {
    size,
    async read(start, end, into) {
      checkRange('s3', uri, size, start, end);
      const bytes =
        into && into.length >= end - start ? into.subarray(0, end - start) : new Uint8Array(end - start);
      try {
        if (start < end) await ask(uri, async () => fill(bytes, await get(start, end)), how);
        return bytes;
      } catch (error) {
        throw fail(error);
      }
    },
    stream(start, end) {
      checkRange('s3', uri, size, start, end);
      return translated(resume(start, end, get, persistence(uri, how)), fail);
    },
  };
}

/** The body of bytes `[start, end)` of an object, in pieces. */
export async function getRange(
  client: S3Client,
  input: ConstructorParameters<typeof GetObjectCommand>[0],
  start: number,
  end: number,
  signal?: AbortSignal,
): Promise<AsyncIterable<Uint8Array>> {
  const { Body, ContentLength } = await client.send(
    new GetObjectCommand({ ...input, Range: `bytes=${start}-${end - 1}` }),
    signal ? { abortSignal: signal } : {},
  );
  if (ContentLength !== end - start)
    throw new Broken(`${ContentLength ?? 'no'} bytes announced, expected ${end - start}`);
  return Body as unknown as AsyncIterable<Uint8Array>;
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

async function* translated(
  pieces: AsyncIterable<Uint8Array>,
  fail: (error: unknown) => Error,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* pieces;
  } catch (error) {
    throw fail(error);
  }
}

export const nameOf = (bucket: string, key: string): string => formatAddress({ bucket, key });
