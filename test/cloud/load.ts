/** A driver with nothing to do but calls, in a process of its own: what it takes in time, processor and memory is theirs alone. */
import { fork } from 'node:child_process';
import { once, setMaxListeners } from 'node:events';
import { Agent, request } from 'node:http';
import { fileURLToPath } from 'node:url';
import { execute } from '../../core/engine.ts';
import type { Happening } from '../../core/events.ts';
import { resolve } from '../../core/params.ts';
import { plan } from '../../core/plan.ts';
import { memoryStore } from '../../core/stores/memory.ts';
import { lambda } from '../../infra/aws/lambda/backend.ts';
import { invoker } from '../../infra/aws/lambda/invoke.ts';
import { type Call, wire } from '../../infra/aws/lambda/wire.ts';
import { bucketStore } from '../../infra/aws/store.ts';
import { hostOf } from '../laws.ts';
import { noop, toyCatalog } from '../toys.ts';

export type LoadOptions = {
  /** Of the Invoke API. */
  readonly endpoint: string;
  /** No-op tasks, and one more that joins them. */
  readonly tasks: number;
  readonly flying: number;
  readonly functionName: string;
  /** Where the functions put their results; a store in memory, which nobody puts into, where it is not given. */
  readonly storeUri?: string;
  /** The same tasks without an engine, by the plainest of clients, which neither signs nor reads, or by ours: what the far side and the machine take. */
  readonly bare?: 'plain' | 'signed';
};

export type Load = {
  /** Milliseconds, to the end, and until nine tenths of the tasks were done. */
  readonly wall: number;
  readonly most: number;
  /** Processor time of a task, milliseconds. */
  readonly cpu: number;
  /** MiB resident at the end. */
  readonly rss: number;
};

const role = 'servermix-load';

/** Does it once in a new process, which takes a first round of a tenth to warm up. @throws Error when a task fails */
export async function load(options: LoadOptions): Promise<Load> {
  const child = fork(fileURLToPath(import.meta.url), [role, JSON.stringify(options)]);
  const exit = once(child, 'exit');
  const [result] = (await Promise.race([once(child, 'message'), exit])) as [Load | number | null];
  await exit;
  if (result === null || typeof result === 'number') throw new Error(`load: ended with code ${result}`);
  return result;
}

async function perform(options: LoadOptions, tasks: number, name: string): Promise<Load> {
  const { endpoint, flying, functionName, bare } = options;
  const storeUri = `${options.storeUri ?? 's3://bucket/store'}/${name}`;
  const store = options.storeUri === undefined ? { ...memoryStore(), locate } : bucketStore(storeUri);
  const credentials = async () => ({ accessKeyId: 'AK', secretAccessKey: 'SK' });
  const calls = invoker({ region: 'us-east-1', connections: flying, endpoint, credentials });
  const backend = lambda({
    invoker: calls,
    functionName: () => functionName,
    ladder: [1769],
    store,
    storeUri,
    calls: flying,
    run: name,
  });
  const params = resolve(noop.params, { count: tasks });
  const planned = await plan({ job: noop, inputs: {}, params }, hostOf(toyCatalog).planning, {
    arity: tasks,
  });
  const kernels = [...planned.tasks.values()].filter(({ op }) => op === 'kernel');
  const payloads = kernels.map((task) =>
    JSON.stringify({ wire, store: storeUri, tasks: [task] } satisfies Call),
  );
  const signal = new AbortController().signal;
  setMaxListeners(0, signal);
  const signed = (payload: string) =>
    calls.invoke(functionName, payload, { type: 'RequestResponse', signal });
  const [began, before] = [performance.now(), process.cpuUsage()];
  let [done, most] = [0, 0];
  const count = (): void => {
    if (++done === Math.ceil(tasks * 0.9)) most = performance.now() - began;
  };
  const on = ({ event }: Happening): void => {
    if (event === 'done') count();
  };
  if (bare === 'plain') await plainly(options, payloads, count);
  else if (bare === 'signed') await pooled(flying, payloads, signed, count);
  if (bare === undefined) await execute(planned, backend, store, { copies: false, on });
  const { user, system } = process.cpuUsage(before);
  const wall = performance.now() - began;
  await backend.close();
  return {
    wall,
    most,
    cpu: (user + system) / 1000 / planned.tasks.size,
    rss: process.memoryUsage.rss() / 2 ** 20,
  };
}

const locate = () => ({ bucket: 'bucket', key: 'key' });

async function plainly(
  { endpoint, flying, functionName }: LoadOptions,
  payloads: readonly string[],
  count: () => void,
): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: flying });
  const url = `${endpoint}/2015-03-31/functions/${functionName}/invocations`;
  const call = (payload: string): Promise<void> =>
    new Promise((done, fail) => {
      const headers = { 'content-length': Buffer.byteLength(payload) };
      request(url, { agent, method: 'POST', headers }, (answer) => answer.resume().on('end', done))
        .on('error', fail)
        .end(payload);
    });
  await pooled(flying, payloads, call, count);
  agent.destroy();
}

async function pooled<T>(
  size: number,
  items: readonly T[],
  work: (item: T) => Promise<unknown>,
  count: () => void,
): Promise<void> {
  let next = 0;
  const go = async (): Promise<void> => {
    while (next < items.length) await work(items[next++]!).then(count);
  };
  await Promise.all(Array.from({ length: size }, go));
}

if (process.argv[2] === role) {
  const options = JSON.parse(process.argv[3]!) as LoadOptions;
  await perform(options, Math.ceil(options.tasks / 10), 'warm');
  process.send!(await perform(options, options.tasks, 'measured'), () => process.disconnect());
}
