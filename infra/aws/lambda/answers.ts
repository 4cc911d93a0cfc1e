/** Answers of calls that nobody waits for: small objects in the store, looked for by listing, read once and removed. */
import { DeleteObjectsCommand, GetObjectCommand, ListObjectsV2Command } from '@aws-sdk/client-s3';
import { parseAddress } from '../address.ts';
import { s3 } from '../client.ts';
import { ask } from '../faults.ts';
import { type Answer, runNames } from './wire.ts';

/** Milliseconds between looks: short while answers come, longer while none does. */
const [soonest, slowest] = [200, 2000];
/** Answers read at once. */
const abreast = 64;

export type Inbox = {
  /** The answer of a call, or undefined when there is none after `limit` ms. @throws the signal's reason; what S3 does */
  expect(call: string, limit: number, signal: AbortSignal): Promise<Answer | undefined>;
  forget(call: string): void;
  close(): Promise<void>;
};

type Waiting = {
  readonly resolve: (answer: Answer | undefined) => void;
  readonly reject: (error: unknown) => void;
  readonly until: number;
};

/** Looks while something is expected, one listing a thousand answers. */
export function answers(storeUri: string, run: string): Inbox {
  const { bucket, key: prefix } = parseAddress(storeUri);
  const folder = `${prefix ? `${prefix.replace(/\/+$/, '')}/` : ''}${runNames(run).answers}`;
  const waiting = new Map<string, Waiting>();
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let pause = soonest;
  let closed = false;

  const schedule = (): void => {
    if (closed || timer || looking || waiting.size === 0) return;
    timer = setTimeout(() => {
      timer = undefined;
      looking = look()
        .then(
          (found) => {
            pause = found > 0 ? soonest : Math.min(slowest, pause * 1.5);
          },
          (error: unknown) => {
            for (const { reject } of waiting.values()) reject(error);
            waiting.clear();
          },
        )
        .finally(() => {
          looking = undefined;
          schedule();
        });
    }, pause);
  };

  async function look(): Promise<number> {
    const client = s3();
    const page = await ask(`s3://${bucket}/${folder}`, () =>
      client.send(new ListObjectsV2Command({ Bucket: bucket, Prefix: folder })),
    );
    const keys = (page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
    for (let i = 0; i < keys.length; i += abreast)
      await Promise.all(keys.slice(i, i + abreast).map((key) => take(key)));
    if (keys.length > 0)
      await ask(`s3://${bucket}/${folder}`, () =>
        client.send(
          new DeleteObjectsCommand({
            Bucket: bucket,
            Delete: { Objects: keys.map((Key) => ({ Key })), Quiet: true },
            // This one request must have a checksum (S3 API reference, DeleteObjects); which one is the SDK's choice.
          }),
        ),
      ).catch(() => {});
    const now = performance.now();
    for (const [call, { until, resolve }] of waiting)
      if (now > until) {
        waiting.delete(call);
        resolve(undefined);
      }
    return keys.length;
  }

  async function take(key: string): Promise<void> {
    const call = key.slice(folder.length);
    const asker = waiting.get(call);
    // A second delivery's, or one whose task was given up.
    if (!asker) return;
    const text = await ask(`s3://${bucket}/${key}`, async () => {
      const { Body } = await s3().send(new GetObjectCommand({ Bucket: bucket, Key: key }));
      return Body!.transformToString();
    });
    waiting.delete(call);
    asker.resolve(JSON.parse(text) as Answer);
  }

  return {
    expect(call, limit, signal) {
      return new Promise((resolve, reject) => {
        const stop = (): void => {
          waiting.delete(call);
          reject(signal.reason as Error);
        };
        signal.addEventListener('abort', stop, { once: true });
        const settled =
          <T>(finish: (value: T) => void) =>
          (value: T): void => {
            signal.removeEventListener('abort', stop);
            finish(value);
          };
        waiting.set(call, {
          resolve: settled(resolve),
          reject: settled(reject),
          until: performance.now() + limit,
        });
        schedule();
      });
    },
    forget: (call) => void waiting.delete(call),
    async close() {
      closed = true;
      clearTimeout(timer);
      await looking;
    },
  };
}
