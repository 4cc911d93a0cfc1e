/** A process that puts blobs into a store: one of several at once. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Key } from '../../core/job.ts';
import { bucketStore } from '../../infra/aws/store.ts';

const role = 'servermix-writer';

type Order = { readonly uri: string; readonly key: Key; readonly bodies: readonly string[] };

/** Starts a process that waits; `put` puts all bodies under one key at once, and ends it. */
export async function startWriter(order: Order): Promise<{ put(): Promise<void> }> {
  const child = fork(fileURLToPath(import.meta.url), [role, JSON.stringify(order)]);
  await once(child, 'message');
  return {
    async put() {
      child.send('put');
      const [code] = (await once(child, 'exit')) as [number | null];
      if (code !== 0) throw new Error(`a writer ended with ${code}`);
    },
  };
}

async function write({ uri, key, bodies }: Order): Promise<void> {
  const store = bucketStore(uri);
  // The way to the server is known before all begin at once.
  await store.has(key);
  process.send!('ready');
  await once(process, 'message');
  await Promise.all(bodies.map((body) => store.put(key, new TextEncoder().encode(body))));
  process.disconnect();
}

if (process.argv[2] === role) await write(JSON.parse(process.argv[3]!) as Order);
