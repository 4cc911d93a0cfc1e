/** The bucket of a stack as its commands need it: code goes in, and in the end all of it goes away. */
import {
  AbortMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type ListMultipartUploadsCommandInput,
  type ListMultipartUploadsCommandOutput,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { type Archive, codeKey } from './archive.ts';
import type { Watching } from './formation.ts';
import { refusal } from './refusal.ts';

// Said on standard error otherwise.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

export type Bucket = {
  /** Brings the code there unless it is there; whether it was brought. */
  upload(code: Archive): Promise<boolean>;
  /** Removes everything and the bucket itself; how many objects that were. Goes on where an earlier one stopped. */
  remove(): Promise<number>;
  close(): void;
};

const isAbsent = (error: unknown): boolean =>
  /^(NotFound|NoSuchKey|NoSuchBucket|NoSuchUpload)$/.test((error as Error | undefined)?.name ?? '');

export function openBucket(name: string, region: string, { signal, progress }: Watching): Bucket {
  const own = process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL'];
  // Stores that are not Amazon's have no host name for each bucket, and do not know the newer checksums.
  const client = new S3Client({
    region,
    ...(own === undefined
      ? {}
      : { forcePathStyle: true, requestChecksumCalculation: 'WHEN_REQUIRED' as const }),
  });
  const options = { abortSignal: signal };
  const Bucket = name;
  async function ask<T>(call: () => Promise<T>): Promise<T>;
  async function ask<T>(call: () => Promise<T>, absent: 'may be absent'): Promise<T | undefined>;
  async function ask<T>(call: () => Promise<T>, absent?: string): Promise<T | undefined> {
    try {
      return await call();
    } catch (error) {
      signal.throwIfAborted();
      if (absent !== undefined && isAbsent(error)) return undefined;
      throw refusal(error, `s3://${name}`);
    }
  }

  async function abortUploads(): Promise<void> {
    let after: Pick<ListMultipartUploadsCommandInput, 'KeyMarker' | 'UploadIdMarker'> = {};
    for (;;) {
      const page: ListMultipartUploadsCommandOutput | undefined = await ask(
        () => client.send(new ListMultipartUploadsCommand({ Bucket, ...after }), options),
        'may be absent',
      );
      for (const { Key, UploadId } of page?.Uploads ?? [])
        await ask(
          () => client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId }), options),
          'may be absent',
        );
      if (!page?.IsTruncated) return;
      after = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
    }
  }

  async function removeObjects(): Promise<number> {
    let removed = 0;
    for (let next: string | undefined, pages = 1; ; pages++) {
      const page = await ask(
        () =>
          client.send(
            new ListObjectsV2Command({ Bucket, ...(next === undefined ? {} : { ContinuationToken: next }) }),
            options,
          ),
        'may be absent',
      );
      const keys = (page?.Contents ?? []).map(({ Key }) => ({ Key: Key! }));
      if (keys.length > 0) {
        const answer = await ask(() =>
          client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys, Quiet: true } }), options),
        );
        const [failed] = answer.Errors ?? [];
        if (failed)
          throw new Error(
            `s3://${name}/${failed.Key}: not removed (${failed.Code}: ${failed.Message}); give the same command again`,
          );
        removed += keys.length;
        if (pages % 10 === 0) progress(`bucket ${name}: ${removed} objects removed`);
      }
      next = page?.NextContinuationToken;
      if (next === undefined) return removed;
    }
  }

  return {
    async upload(code) {
      const Key = codeKey(code);
      if (await ask(() => client.send(new HeadObjectCommand({ Bucket, Key }), options), 'may be absent'))
        return false;
      await ask(() =>
        client.send(
          new PutObjectCommand({
            Bucket,
            Key,
            Body: code.bytes,
            ContentType: 'application/zip',
            ChecksumSHA256: Buffer.from(code.digest, 'hex').toString('base64'),
          }),
          options,
        ),
      );
      return true;
    },
    async remove() {
      await abortUploads();
      const removed = await removeObjects();
      await ask(() => client.send(new DeleteBucketCommand({ Bucket }), options), 'may be absent');
      return removed;
    },
    close: () => client.destroy(),
  };
}
