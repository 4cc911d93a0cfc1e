/** Objects of S3 as sources: ranged reads bound to one version of the content. */
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { BadInput } from '../../core/errors.ts';
import type { Access, Dataset, Source } from '../../core/job.ts';
import { checkRange, placeFor } from '../../core/sources/range.ts';
import { resume } from '../../core/sources/resume.ts';
import { parseAddress } from './address.ts';
import { s3 } from './client.ts';
import { ask, explain, isPrecondition, persistence, type Persisting, type Sending } from './faults.ts';
import { fill, getBody, payer } from './object.ts';

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
    (sending) =>
      s3(access).send(new HeadObjectCommand({ Bucket: bucket, Key: key, ...payer(access) }), sending),
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
  const input = { Bucket: bucket, Key: key, IfMatch: etag, ...payer(access) };
  const get = async (start: number, end: number, sending: Sending): Promise<AsyncIterable<Uint8Array>> => {
    try {
      return (await getBody(s3(access), input, start, end, sending)).body;
    } catch (error) {
      if (!isPrecondition(error)) throw error;
      throw new BadInput(
        `s3: ${uri} changed since it was planned, found another ETag than ${etag}; run again to plan it anew`,
        { cause: error },
      );
    }
  };
  return {
    size,
    async read(start, end, into) {
      checkRange('s3', uri, size, start, end);
      const bytes = placeFor(into, end - start);
      if (start < end) await ask(uri, async (sending) => fill(bytes, await get(start, end, sending)), how);
      return bytes;
    },
    stream(start, end) {
      checkRange('s3', uri, size, start, end);
      const open = (from: number, to: number, abortSignal: AbortSignal): Promise<AsyncIterable<Uint8Array>> =>
        get(from, to, { abortSignal });
      const pieces = resume(start, end, open, persistence(uri, how));
      return {
        [Symbol.asyncIterator]() {
          return this;
        },
        async next() {
          try {
            return await pieces.next();
          } catch (error) {
            throw explain(uri, error, how);
          }
        },
        // At once, also while a piece is waited for.
        return: () => pieces.return!(),
      } satisfies AsyncIterableIterator<Uint8Array>;
    },
  };
}
