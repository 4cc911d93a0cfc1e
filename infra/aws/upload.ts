/** Outputs in a bucket: objects that appear whole or not at all, blobs of the store joined to them by the server itself. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { BadUsage } from '../../core/errors.ts';
import type { FileSink, Stored, Target } from '../../core/job.ts';
import type { OutputFile } from '../../core/output.ts';
import { type Address, copySource, formatAddress, parseAddress } from './address.ts';
import { s3 } from './client.ts';
import { ask, explain, isAbsent, type Persisting } from './faults.ts';
import { type BucketStore, md5 } from './store.ts';

const mebibyte = 1 << 20;
/** Least size of a part that is not the last (S3 user guide, multipart upload limits). */
const least = 5 * mebibyte;
/** Bytes of the first parts; twice as many after each thousand parts, so that 10,000 parts reach 5 TiB. */
const usual = 8 * mebibyte;
/** Parts of one file under way at once. */
const flying = 4;
/** Milliseconds after which an upload that was never ended is somebody's who died. */
const abandoned = 24 * 3600e3;

export type BucketOutput = Target & {
  /** Makes all objects appear, in the order they were opened; none of them does when it throws. */
  commit(): Promise<readonly OutputFile[]>;
  /** Ends all uploads. Does nothing after `commit`, or a second time. */
  abort(): Promise<void>;
};

/**
 * Objects at `uri` followed by their suffixes. Bytes go up in parts while they come; small files by one PUT at `commit`. With `store`, blobs of it
 * that are 5 MiB or longer are copied by the server (UploadPartCopy), and what is shorter is glued in memory; `get` reads it.
 * @throws BadUsage where the address names no object or may not be written; TaskError when the server does not come to itself
 */
export function bucketOutput(uri: string, store?: BucketStore, how: Persisting = {}): BucketOutput {
  const { bucket, key } = parseAddress(uri);
  if (key === '' || key.endsWith('/'))
    throw new BadUsage(`output: ${uri} names no object; add a name to --out`);
  const files = new Map<string, Draft>();
  let over = false;
  return {
    async file(suffix = '') {
      const file = draft({ bucket, key: key + suffix }, store, how);
      files.set(suffix, file);
      return file.sink;
    },
    async commit() {
      over = true;
      const done: Draft[] = [];
      try {
        for (const file of files.values()) await file.finish();
        const out: OutputFile[] = [];
        for (const file of files.values()) {
          out.push({ path: file.uri, bytes: await file.appear() });
          done.push(file);
        }
        return out;
      } catch (error) {
        for (const file of files.values()) await file.discard(done.includes(file));
        throw explain(uri, error);
      }
    },
    async abort() {
      if (over) return;
      over = true;
      for (const file of files.values()) await file.discard(false);
    },
  };
}

/**
 * Whether objects may be written there, by an upload that is begun and given up. To be called before any work.
 * @throws BadUsage with one line
 */
export async function checkBucketWritable(uri: string, how: Persisting = {}): Promise<void> {
  const { bucket, key } = parseAddress(uri);
  if (key === '' || key.endsWith('/'))
    throw new BadUsage(`output: ${uri} names no object; add a name to --out`);
  const at = { Bucket: bucket, Key: key };
  try {
    const { UploadId } = await ask(uri, () => s3().send(new CreateMultipartUploadCommand(at)), how);
    await s3().send(new AbortMultipartUploadCommand({ ...at, UploadId }));
  } catch (error) {
    throw new BadUsage(`output: ${uri} cannot be written: ${(error as Error).message}`, { cause: error });
  }
}

type Draft = {
  readonly uri: string;
  readonly sink: FileSink;
  /** Waits until all bytes are there. */
  finish(): Promise<void>;
  /** Gives the object its name; gives its size. */
  appear(): Promise<number>;
  /** Gives the upload up; with `appeared`, removes the object. */
  discard(appeared: boolean): Promise<void>;
};

function draft(address: Address, store: BucketStore | undefined, how: Persisting): Draft {
  const client = s3();
  const uri = formatAddress(address);
  const at = { Bucket: address.bucket, Key: address.key };
  let upload: Promise<string> | undefined;
  const parts: Promise<CompletedPart>[] = [];
  let [held, heldBytes, total] = [[] as Uint8Array[], 0, 0];
  let last: Promise<void> = Promise.resolve();
  const goal = (): number => usual * 2 ** Math.floor(parts.length / 1000);
  const begin = (): Promise<string> => (upload ??= beginUpload(address, how));

  /** Adds a part once fewer than `flying` are under way; their order is that of the calls. */
  async function add(send: (where: { UploadId: string; PartNumber: number }) => Promise<string | undefined>) {
    const UploadId = await begin();
    if (parts.length >= flying) await parts[parts.length - flying];
    const PartNumber = parts.length + 1;
    const part = ask(uri, () => send({ UploadId, PartNumber }), how).then((ETag) => ({ ETag, PartNumber }));
    // Thrown where it is awaited.
    part.catch(() => {});
    parts.push(part);
  }
  async function flush(): Promise<void> {
    const body = Buffer.concat(held);
    [held, heldBytes] = [[], 0];
    const ContentMD5 = md5(body);
    await add(async (where) => {
      const sent = await client.send(new UploadPartCommand({ ...at, ...where, Body: body, ContentMD5 }));
      return sent.ETag;
    });
  }
  async function hold(bytes: Uint8Array): Promise<void> {
    // The caller may use its bytes again.
    held.push(bytes.slice());
    heldBytes += bytes.length;
    if (heldBytes >= goal()) await flush();
  }
  async function append(stored: Stored, start: number, end: number): Promise<void> {
    // What is held must first be a part of its own.
    const gap = heldBytes === 0 ? 0 : Math.max(0, least - heldBytes);
    if (end - start - gap < Math.max(least, goal() / 2))
      return hold(await store!.get(stored.key, start, end));
    if (gap > 0) await hold(await store!.get(stored.key, start, start + gap));
    if (heldBytes > 0) await flush();
    // At most 5 GiB by one copy; blobs are some MiB.
    await add(async (where) => {
      const copied = await client.send(
        new UploadPartCopyCommand({
          ...at,
          ...where,
          CopySource: copySource(store!.locate(stored.key)),
          CopySourceRange: `bytes=${start + gap}-${end - 1}`,
        }),
      );
      return copied.CopyPartResult?.ETag;
    });
  }
  const inOrder = (length: number, act: () => Promise<void>): Promise<void> => {
    total += length;
    last = last.then(act);
    last.catch(() => {});
    return last;
  };

  return {
    uri,
    sink: {
      write: (bytes) => inOrder(bytes.length, () => hold(bytes)),
      ...(store
        ? {
            append: (stored: Stored, start = 0, end = stored.size) =>
              inOrder(end - start, () => append(stored, start, end)),
          }
        : {}),
    } as FileSink,
    async finish() {
      await last;
      if (upload && heldBytes > 0) await flush();
      await Promise.all(parts);
    },
    async appear() {
      if (!upload) {
        const body = Buffer.concat(held);
        const ContentMD5 = md5(body);
        await ask(uri, () => client.send(new PutObjectCommand({ ...at, Body: body, ContentMD5 })), how);
        return total;
      }
      const [UploadId, Parts] = [await upload, await Promise.all(parts)];
      await ask(
        uri,
        async () => {
          try {
            await client.send(
              new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts } }),
            );
          } catch (error) {
            if (!isAbsent(error)) throw error;
            // The upload is gone since an earlier attempt ended it and its answer was lost.
            const { ContentLength } = await client.send(new HeadObjectCommand(at));
            if (ContentLength !== total) throw error;
          }
        },
        how,
      );
      return total;
    },
    async discard(appeared) {
      await last.catch(() => {});
      await Promise.allSettled(parts);
      if (appeared) await client.send(new DeleteObjectCommand(at)).catch(() => {});
      else if (upload)
        await upload
          .then((UploadId) =>
            ask(uri, () => client.send(new AbortMultipartUploadCommand({ ...at, UploadId })), how),
          )
          .catch(() => {});
    },
  };
}

/** Begins an upload, and ends those to the same object that somebody left long ago. */
async function beginUpload({ bucket, key }: Address, how: Persisting): Promise<string> {
  const [client, uri] = [s3(), formatAddress({ bucket, key })];
  const { UploadId } = await ask(
    uri,
    () => client.send(new CreateMultipartUploadCommand({ Bucket: bucket, Key: key })),
    how,
  );
  // A right that one may not have; the bucket's own rules may see to it as well.
  const { Uploads = [] } = await client
    .send(new ListMultipartUploadsCommand({ Bucket: bucket, Prefix: key }))
    .catch(() => ({ Uploads: undefined }));
  for (const old of Uploads)
    if (old.Key === key && Date.now() - (old.Initiated?.getTime() ?? Date.now()) > abandoned)
      await client
        .send(new AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: old.UploadId }))
        .catch(() => {});
  return UploadId!;
}
