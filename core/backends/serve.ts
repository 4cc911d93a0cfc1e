/** The worker's side of a pool: answers tasks that come over its port. */
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { answer, opener, type Runtime } from '../task.ts';
import type { Catalog, Dataset, Key, Reply, Source, Store, Task } from '../job.ts';

/** Driver to worker. */
export type Request =
  | { readonly op: 'task'; readonly task: Task }
  | { readonly op: 'module'; readonly name: string; readonly module: WebAssembly.Module }
  | {
      readonly op: 'store';
      readonly id: number;
      readonly value?: boolean | Uint8Array;
      readonly error?: string;
    };
/** Worker to driver. */
export type Answer =
  | { readonly op: 'ready' }
  | { readonly op: 'reply'; readonly reply: Reply }
  | { readonly op: 'put'; readonly key: Key; readonly bytes: Uint8Array }
  | {
      readonly op: 'store';
      readonly id: number;
      readonly call: 'has' | 'get';
      readonly key: Key;
      readonly start?: number;
      readonly end?: number;
    };
/** How a worker is told what to be, before its first task. `store` absent: the driver keeps the blobs. */
export type Setup = { readonly store?: string; readonly preload: readonly string[] };

/** What the composition root brings into every worker. */
export type Services = {
  readonly catalog: Catalog;
  readonly open: (dataset: Dataset) => Promise<Source>;
  readonly store: (uri: string) => Store | Promise<Store>;
  /** Priced requests that this worker has made so far. */
  readonly requests?: () => { readonly gets: number; readonly puts: number };
};
type Port = {
  readonly setup: Setup;
  post(message: Answer, transfer?: readonly ArrayBuffer[]): void;
  listen(heard: (message: Request) => void): void;
};

/** Environment variable in which a worker process finds its setup as JSON. */
export const setupVariable = 'SERVERMIX_WORKER';

/** The port to the driver, where this is a worker's thread or process. */
function portHere(): Port | undefined {
  const setup = process.env[setupVariable];
  if (!isMainThread && parentPort) {
    const port = parentPort;
    return {
      setup: workerData as Setup,
      post: (message, transfer = []) => port.postMessage(message, [...transfer]),
      listen: (heard) => void port.on('message', heard),
    };
  }
  if (setup === undefined || !process.send) return undefined;
  // Ctrl-C reaches the whole process group: the driver decides what happens then.
  process.on('SIGINT', () => {});
  process.on('disconnect', () => process.exit());
  return {
    setup: JSON.parse(setup) as Setup,
    post: (message) => void process.send!(message),
    listen: (heard) => void process.on('message', (message) => heard(message as Request)),
  };
}

/** Serves the driver until the worker ends; does nothing where there is no driver, so that an entry may also be imported. */
export async function serve(services: Services): Promise<void> {
  const port = portHere();
  if (!port) return;
  const { store, preload } = port.setup;
  const remote = store === undefined ? driverStore(port) : undefined;
  const blobs = remote ? remote.store : await services.store(store!);
  const runtime: Runtime = {
    catalog: services.catalog,
    store: blobs,
    open: opener(blobs, (dataset) => services.open(dataset)),
    modules: new Map(),
    ...(services.requests ? { requests: services.requests } : {}),
  };
  const never = new AbortController().signal;
  const heard = async (request: Request): Promise<void> => {
    if (request.op === 'task') port.post({ op: 'reply', reply: await answer(request.task, runtime, never) });
    else if (request.op === 'module') runtime.modules.set(request.name, Promise.resolve(request.module));
    else remote?.heard(request);
  };
  port.listen((request) => void heard(request));
  port.post({ op: 'ready' });
  // Loading a job while the driver still plans takes it off the first task's time.
  await Promise.all(preload.map((name) => services.catalog.load(name)));
}

/** A store that lives in the driver; blobs that are put are moved there, not copied. */
function driverStore(port: Port): { store: Store; heard(reply: Extract<Request, { op: 'store' }>): void } {
  const asked = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let next = 0;
  type Call = Omit<Extract<Answer, { op: 'store' }>, 'op' | 'id'>;
  const ask = <T>(call: Call): Promise<T> =>
    new Promise<T>((resolve, reject) => {
      const id = next++;
      asked.set(id, { resolve: resolve as (value: unknown) => void, reject });
      port.post({ op: 'store', id, ...call });
    });
  return {
    store: {
      has: (key) => ask({ call: 'has', key }),
      get: (key, start, end) =>
        ask({
          call: 'get',
          key,
          ...(start === undefined ? {} : { start }),
          ...(end === undefined ? {} : { end }),
        }),
      put(key, bytes) {
        // Only a buffer that is all ours can be moved.
        const whole = bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
        // No answer is waited for: messages keep their order, so the blob is there before the task's reply is.
        port.post({ op: 'put', key, bytes: whole }, [whole.buffer as ArrayBuffer]);
        return Promise.resolve();
      },
    },
    heard({ id, value, error }) {
      const call = asked.get(id);
      asked.delete(id);
      if (error === undefined) call?.resolve(value);
      else call?.reject(new Error(error));
    },
  };
}
