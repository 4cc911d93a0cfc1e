/** Answers of calls that nobody waits for: small objects in the store, looked for by listing, read once and removed. */
import { setMaxListeners } from 'node:events';
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
  /** The answer of a call; to be asked for before the call is made, since nobody keeps what nobody expects. @throws the signal's reason; what S3 does */
  expect(call: string, signal: AbortSignal): Promise<Answer>;
  /** Its answer is not waited for any more, and never comes. */
  forget(call: string): void;
  /** Stops looking at once. */
  close(): Promise<void>;
};

type Waiting = { readonly resolve: (answer: Answer) => void; readonly reject: (error: unknown) => void };

/** Looks while something is expected, one listing a thousand answers. */
export function answers(storeUri: string, run: string): Inbox {
  const { bucket, key: prefix } = parseAddress(storeUri);
  const folder = `${prefix ? `${prefix.replace(/\/+$/, '')}/` : ''}${runNames(run).answers}`;
  const waiting = new Map<string, Waiting>();
  const closed = new AbortController();
  // Each of the requests in flight listens.
  setMaxListeners(0, closed.signal);
  const how = { signal: closed.signal };
  const sent = { abortSignal: closed.signal };
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let pause = soonest;

  const schedule = (): void => {
    if (closed.signal.aborted || timer || looking || waiting.size === 0) return;
    timer = setTimeout(() => {
      timer = undefined;
      looking = look()
        .then(
          (found) => {
            pause = found > 0 ? soonest : Math.min(slowest, pause * 1.5);
          },
          (error: unknown) => {
            for (const { reject } of waiting.values()) reject(error);
          },
        )
        .finally(() => {
          looking = undefined;
          schedule();
        });
    }, pause);
  };

  async function look(): Promise<number> {
    let found = 0;
    // Page by page: answers that cannot be removed must not hide those behind them.
    for (let after: string | undefined; ;) {
      const page = await ask(
        `s3://${bucket}/${folder}`,
        () =>
          s3().send(
            new ListObjectsV2Command({
              Bucket: bucket,
              Prefix: folder,
              ...(after === undefined ? {} : { StartAfter: after }),
            }),
            sent,
          ),
        how,
      );
      const keys = (page.Contents ?? []).flatMap(({ Key }) => (Key === undefined ? [] : [Key]));
      for (let i = 0; i < keys.length; i += abreast)
        await Promise.all(keys.slice(i, i + abreast).map((key) => take(key)));
      if (keys.length > 0) await remove(keys);
      found += keys.length;
      after = keys.at(-1);
      if (page.IsTruncated !== true || after === undefined) return found;
    }
  }

  async function take(key: string): Promise<void> {
    const call = key.slice(folder.length);
    // Nobody expects a second delivery's, nor one whose task was given up.
    if (!waiting.has(call)) return;
    const text = await ask(
      `s3://${bucket}/${key}`,
      async () => {
        const { Body } = await s3().send(new GetObjectCommand({ Bucket: bucket, Key: key }), sent);
        return Body!.transformToString();
      },
      how,
    );
    waiting.get(call)?.resolve(JSON.parse(text) as Answer);
  }

  async function remove(keys: readonly string[]): Promise<void> {
    // This one request must have a checksum (S3 API reference, DeleteObjects); which one is the SDK's choice.
    const Delete = { Objects: keys.map((Key) => ({ Key })), Quiet: true };
    const removed = ask(
      `s3://${bucket}/${folder}`,
      () => s3().send(new DeleteObjectsCommand({ Bucket: bucket, Delete }), sent),
      how,
    );
    // What stays is read by nobody, and goes with the run.
    await removed.catch(() => {});
  }

  return {
    expect(call, signal) {
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        const settled =
          <T>(finish: (value: T) => void) =>
          (value: T): void => {
            waiting.delete(call);
            signal.removeEventListener('abort', stop);
            finish(value);
          };
        const fail = settled(reject);
        const stop = (): void => fail(signal.reason);
        signal.addEventListener('abort', stop, { once: true });
        waiting.set(call, { resolve: settled(resolve), reject: fail });
        schedule();
      });
    },
    forget(call) {
      waiting.delete(call);
      if (waiting.size > 0) return;
      clearTimeout(timer);
      timer = undefined;
    },
    async close() {
      closed.abort();
      clearTimeout(timer);
      await looking;
    },
  };
}
