/** Put-if-absent on servers without If-None-Match: writers of one object take turns. */
import {
  DeleteObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type PutObjectCommandInput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAbsent } from './faults.ts';

/** Milliseconds between looks at the queue, and after which a mark that stays is a dead writer's. */
const [pause, lease] = [50, 30_000];

/**
 * Lamport's bakery (A New Solution of Dijkstra's Concurrent Programming Problem, 1974) with small objects as its registers, which needs no more than
 * reads after writes and listings that are consistent: a writer says that it chooses, takes the number after the highest, and writes
 * when nobody chooses and nobody before it is left; whoever finds the object there leaves it. A mark that a waiting writer has seen for 30 s is a dead one's, and passed over.
 */
export async function putInTurn(
  client: S3Client,
  input: PutObjectCommandInput,
  { signal, poll = pause }: { signal?: AbortSignal | undefined; poll?: number } = {},
): Promise<void> {
  const { Bucket, Key } = input;
  if (await isThere(client, Bucket, Key)) return;
  const folder = `${Key}.turn/`;
  const me = crypto.randomUUID();
  const mark = (name: string): Promise<unknown> =>
    client.send(new PutObjectCommand({ Bucket, Key: folder + name, Body: '1' }));
  const unmark = (name: string): Promise<unknown> =>
    client.send(new DeleteObjectCommand({ Bucket, Key: folder + name })).catch(() => {});

  const choosing = `choosing-${me}`;
  let mine: string | undefined;
  try {
    await mark(choosing);
    const highest = (await marks(client, Bucket, folder)).reduce(
      (most, name) => Math.max(most, Number(name.slice(0, 10)) || 0),
      0,
    );
    mine = `${String(highest + 1).padStart(10, '0')}-${me}`;
    await mark(mine);
    await unmark(choosing);
    const seen = new Map<string, number>();
    for (;;) {
      signal?.throwIfAborted();
      if (await isThere(client, Bucket, Key)) return;
      const now = performance.now();
      const before = (await marks(client, Bucket, folder)).filter((name) => {
        if (name.includes(me)) return false;
        seen.set(name, seen.get(name) ?? now);
        return (name.startsWith('choosing-') || name < mine!) && now - seen.get(name)! < lease;
      });
      if (before.length === 0) break;
      await sleep(poll, undefined, signal ? { signal } : {});
    }
    if (!(await isThere(client, Bucket, Key))) await client.send(new PutObjectCommand(input));
  } finally {
    await unmark(choosing);
    if (mine !== undefined) await unmark(mine);
  }
}

async function isThere(
  client: S3Client,
  Bucket: string | undefined,
  Key: string | undefined,
): Promise<boolean> {
  try {
    await client.send(new HeadObjectCommand({ Bucket, Key }));
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

/** The names of those who stand there. */
async function marks(client: S3Client, Bucket: string | undefined, folder: string): Promise<string[]> {
  const out: string[] = [];
  let token: string | undefined;
  do {
    const page = await client.send(
      new ListObjectsV2Command({ Bucket, Prefix: folder, ...(token ? { ContinuationToken: token } : {}) }),
    );
    for (const { Key } of page.Contents ?? []) out.push(Key!.slice(folder.length));
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return out;
}
