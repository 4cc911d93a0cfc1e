/** Outputs in a bucket: objects that appear whole or not at all, blobs of the store joined to them by the server itself. */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  type CompletedPart,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type MultipartUpload,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3';
import { BadUsage } from '../../core/errors.ts';
import type { FileSink, Stored, Target } from '../../core/job.ts';
import { fileName, type OutputFile } from '../../core/output.ts';
import { unlessStopped } from '../../core/stopped.ts';
import { mebibyte } from '../../core/units.ts';
import { copySource, formatAddress, parseAddress } from './address.ts';
import { s3 } from './client.ts';
import { ask, explain, isAbsent, type Persisting, type Sending } from './faults.ts';
import { md5, nameOf, parting, type Place, removeObject, writeObject } from './object.ts';
import type { BucketStore } from './store.ts';

/** Least size of a part that is not the last (S3 user guide, multipart upload limits). */
const least = 5 * mebibyte;
/** Bytes of the first parts; twice as many after each thousand parts, so that 10,000 parts reach 5 TiB. */
const usual = 8 * mebibyte;
/** Parts of one file under way at once, and blobs that are read at once to be glued. */
const [flying, abreast] = [4, 16];
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
export function bucketOutput(uri: string, store?: BucketStore, persisting: Persisting = {}): BucketOutput {
  const { Bucket, Key } = targetOf(uri);
  const how: Persisting = { ...persisting, isOwn: true };
  const files = new Map<string, Draft>();
  let over = false;
  return {
    async file(suffix = '') {
      const file = draft({ Bucket, Key: fileName(Key, suffix) }, store, how);
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
        throw explain(uri, error, how);
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
 * @throws BadUsage with one line; TaskError when the server does not come to itself
 */
export async function checkBucketWritable(uri: string, persisting: Persisting = {}): Promise<void> {
  const at = targetOf(uri);
  const how: Persisting = { ...persisting, isOwn: true };
  try {
    const UploadId = await createUpload(at, how);
    await abortUpload(at, UploadId, how);
  } catch (error) {
    if (!(error instanceof BadUsage)) throw error;
    throw new BadUsage(`output: ${uri} cannot be written: ${error.message}`, { cause: error });
  }
}

/** @throws BadUsage for what names no object */
function targetOf(uri: string): Place {
  const { bucket, key } = parseAddress(uri);
  if (key === '' || key.endsWith('/'))
    throw new BadUsage(`output: ${uri} names no object; add a name to --out`);
  return { Bucket: bucket, Key: key };
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

type Numbered = { readonly UploadId: string; readonly PartNumber: number };

function draft(at: Place, store: BucketStore | undefined, how: Persisting): Draft {
  const client = s3();
  const uri = nameOf(at);
  let upload: Promise<string> | undefined;
  const parts: Promise<CompletedPart>[] = [];
  // Blobs that are still being read have their place already.
  let [held, heldBytes, total] = [[] as Promise<Uint8Array>[], 0, 0];
  const reading: Promise<Uint8Array>[] = [];
  const body = async (): Promise<Uint8Array> => Buffer.concat(await Promise.all(held));
  let last: Promise<void> = Promise.resolve();
  const goal = (): number => usual * 2 ** Math.floor(parts.length / 1000);
  // Not ended by the run's signal: an upload that was begun must be known to be given up.
  const begin = (): Promise<string> =>
    (upload ??= beginUpload(at, { attempts: how.attempts, wait: how.wait, isOwn: true }));

  /** Adds a part once fewer than `flying` are under way; their order is that of the calls. */
  async function add(what: string, send: (where: Numbered, sending: Sending) => Promise<string | undefined>) {
    const UploadId = await unlessStopped(begin(), how.signal);
    if (parts.length >= flying) await parts[parts.length - flying];
    const PartNumber = parts.length + 1;
    const part = ask(what, (sending) => send({ UploadId, PartNumber }, sending), how).then((ETag) => ({
      ETag,
      PartNumber,
    }));
    // Thrown where it is awaited.
    part.catch(() => {});
    parts.push(part);
  }
  async function flush(): Promise<void> {
    const Body = await body();
    [held, heldBytes] = [[], 0];
    const ContentMD5 = md5(Body);
    await add(uri, async (where, sending) => {
      const input = { ...at, ...where, Body, ContentMD5 };
      const sent = await client.send(new UploadPartCommand(input), sending);
      return sent.ETag;
    });
  }
  async function hold(bytes: Promise<Uint8Array>, length: number): Promise<void> {
    held.push(bytes);
    heldBytes += length;
    if (heldBytes >= goal()) await flush();
  }
  async function glue({ key }: Stored, start: number, end: number): Promise<void> {
    if (reading.length >= abreast) await reading.shift();
    const bytes = store!.get(key, start, end);
    // Thrown where it is awaited.
    bytes.catch(() => {});
    reading.push(bytes);
    await hold(bytes, end - start);
  }
  async function append(stored: Stored, start: number, end: number): Promise<void> {
    // What is held must first be a part of its own.
    const gap = heldBytes === 0 ? 0 : Math.max(0, least - heldBytes);
    if (end - start - gap < Math.max(least, goal() / 2)) return glue(stored, start, end);
    if (gap > 0) await glue(stored, start, start + gap);
    if (heldBytes > 0) await flush();
    // At most 5 GiB by one copy; blobs are some MiB.
    const from = store!.locate(stored.key);
    const input = {
      ...at,
      CopySource: copySource(from),
      CopySourceRange: `bytes=${start + gap}-${end - 1}`,
    };
    await add(formatAddress(from), async (where, sending) => {
      const copied = await client.send(new UploadPartCopyCommand({ ...input, ...where }), sending);
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
      // The caller may use its bytes again; a Buffer's own slice would be no copy.
      write: (bytes) =>
        inOrder(bytes.length, () => hold(Promise.resolve(new Uint8Array(bytes)), bytes.length)),
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
      await Promise.all(held);
      await Promise.all(parts);
    },
    async appear() {
      if (upload) await completeUpload(at, await upload, await Promise.all(parts), total, how);
      else await writeObject(at, await body(), how);
      return total;
    },
    async discard(appeared) {
      await last.catch(() => {});
      await Promise.allSettled(parts);
      if (appeared) await removeObject(at);
      else if (upload) {
        const given = upload.then((id) => abortUpload(at, id, parting()));
        await unlessStopped(given, parting().signal).catch(() => {});
      }
    },
  };
}

async function createUpload(at: Place, how: Persisting): Promise<string> {
  const { UploadId } = await ask(
    nameOf(at),
    (sending) => s3().send(new CreateMultipartUploadCommand(at), sending),
    how,
  );
  return UploadId!;
}

async function abortUpload(at: Place, UploadId: string, how: Persisting): Promise<void> {
  await ask(
    nameOf(at),
    (sending) => s3().send(new AbortMultipartUploadCommand({ ...at, UploadId }), sending),
    how,
  );
}

/** Makes the object of `size` bytes appear. */
async function completeUpload(
  at: Place,
  UploadId: string,
  Parts: CompletedPart[],
  size: number,
  how: Persisting,
): Promise<void> {
  let attempts = 0;
  await ask(
    nameOf(at),
    async (sending) => {
      attempts += 1;
      try {
        await s3().send(
          new CompleteMultipartUploadCommand({ ...at, UploadId, MultipartUpload: { Parts } }),
          sending,
        );
      } catch (error) {
        if (!isAbsent(error) || attempts === 1) throw error;
        // The upload is gone: an earlier attempt ended it, and its answer was lost.
        const { ContentLength, ETag } = await s3().send(new HeadObjectCommand(at), sending);
        if (ContentLength !== size || !ETag?.endsWith(`-${Parts.length}"`)) throw error;
      }
    },
    how,
  );
}

/** Begins an upload, and ends those to the same object that somebody left long ago. */
async function beginUpload(at: Place, how: Persisting): Promise<string> {
  const UploadId = await createUpload(at, how);
  // A right that one may not have; the bucket's own rules may see to it as well.
  const { Uploads = [] } = await ask(
    nameOf(at),
    (sending) => s3().send(new ListMultipartUploadsCommand({ Bucket: at.Bucket, Prefix: at.Key }), sending),
    { ...how, attempts: 2 },
  ).catch(() => ({ Uploads: undefined }));
  for (const old of leftUploads(Uploads, at.Key, Date.now()))
    await abortUpload(at, old, parting()).catch(() => {});
  return UploadId;
}

/** Those of `uploads` to `key` that were begun more than a day before `now`: whoever began them has died. */
export const leftUploads = (uploads: readonly MultipartUpload[], key: string, now: number): string[] =>
  uploads.flatMap(({ Key, UploadId, Initiated }) =>
    Key === key && UploadId && Initiated && now - Initiated.getTime() > abandoned ? [UploadId] : [],
  );
