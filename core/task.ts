/** One task executed: the only code path that runs kernels and merges, on every backend. */
import { hash } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { noBill } from './bill.ts';
import { failureOf, messageOf, TaskError } from './errors.ts';
import type {
  AnyJob,
  Bill,
  Catalog,
  Context,
  Dataset,
  Key,
  Reply,
  Source,
  Store,
  Task,
  Usage,
} from './job.ts';
import { jobId } from './plan.ts';
import { counting } from './sources/counting.ts';
import { heldCodec, heldSource } from './sources/held.ts';

/** What a worker works with: made once, used for every task. */
export type Runtime = {
  readonly catalog: Catalog;
  readonly store: Store;
  /** Opens a dataset; called once a dataset, the source is shared by all tasks of the worker. */
  readonly open: Opener;
  /** Modules handed over by the driver; what is not here is compiled on first use. */
  readonly modules: Map<string, Promise<WebAssembly.Module>>;
  /** Priced requests that this process has made so far, where a task's share is to be told by its worker. */
  readonly requests?: () => Requests;
};
type Requests = Pick<Bill, 'gets' | 'puts'>;

/** Runs one task, puts its result into the store under the task's key, and says what that took. */
export async function runTask(task: Task, runtime: Runtime, signal: AbortSignal): Promise<Usage> {
  const [began, idle] = [performance.now(), performance.eventLoopUtilization()];
  const tally = { bytes: 0, reads: 0 };
  const before = runtime.requests?.();
  const job = await runtime.catalog.load(task.job.slice(0, task.job.lastIndexOf('@')));
  if (jobId(job) !== task.job)
    throw new TaskError('user', task.key, `worker has ${jobId(job)}, the task wants ${task.job}`);
  const context = contextOf(task.key, job, runtime, tally, signal);
  const result =
    task.op === 'kernel'
      ? await job.kernel(task.part, task.inputs, task.params, context)
      : await job.merge(
          await Promise.all(task.parts.map(async (key) => job.result.decode(await runtime.store.get(key)))),
          task.params,
          context,
        );
  await runtime.store.put(task.key, job.result.encode(result));
  return {
    wall: performance.now() - began,
    busy: performance.eventLoopUtilization(idle).active,
    ...tally,
    rss: residentBytes(),
    ...billOf(before, runtime.requests?.()),
  };
}

/** What a task's requests come to; nothing where there were none. */
function billOf(before: Requests | undefined, after: Requests | undefined): { bill?: Bill } {
  if (!before || !after) return {};
  const [gets, puts] = [after.gets - before.gets, after.puts - before.puts];
  return gets + puts > 0 ? { bill: { ...noBill, gets, puts } } : {};
}

let [resident, sampled] = [0, -Infinity];
/** Resident bytes of this process, read at most every 20 ms: reading them costs as much as a small task. */
function residentBytes(): number {
  const now = performance.now();
  if (now - sampled > 20) [resident, sampled] = [process.memoryUsage.rss(), now];
  return resident;
}

/**
 * What a kernel may touch. `key` names the blobs that it puts, with their number and content: an attempt that was cut off under
 * another zlib cannot leave a blob that a later one takes for its own.
 */
export function contextOf(
  key: Key,
  job: AnyJob,
  { store, open, modules }: Runtime,
  tally: { bytes: number; reads: number },
  signal: AbortSignal,
): Context {
  let blobs = 0;
  return {
    signal,
    open: async (dataset) => counting(await open(dataset), tally),
    async put(bytes) {
      const digest = hash('sha256', bytes).slice(0, 16);
      const stored = { key: `${key}.${blobs++}-${digest}` as Key, size: bytes.length };
      await store.put(stored.key, bytes);
      return stored;
    },
    get: ({ key: from }, start, end) => store.get(from, start, end),
    module(name) {
      const url = job.modules?.[name];
      if (!url) throw new RangeError(`${job.name} declares no module ${name}`);
      let module = modules.get(name);
      if (!module) modules.set(name, (module = compile(url())));
      return module;
    },
  };
}

const compiled = new Map<string, Promise<WebAssembly.Module>>();

/** Compiles the WebAssembly file at `url`, once a process: what use has made fast stays so for the next job. */
export function compile(url: URL): Promise<WebAssembly.Module> {
  let module = compiled.get(url.href);
  if (!module) {
    module = read(url);
    compiled.set(url.href, module);
    module.catch(() => compiled.delete(url.href));
  }
  return module;
}

async function read(url: URL): Promise<WebAssembly.Module> {
  const { readFile } = await import('node:fs/promises');
  return WebAssembly.compile(await readFile(url));
}

/** Runs one task and answers; never throws. Shared by every worker entry: thread, process, function. */
export async function answer(task: Task, runtime: Runtime, signal: AbortSignal): Promise<Reply> {
  try {
    return { ok: true, usage: await runTask(task, runtime, signal) };
  } catch (error) {
    const stack = error instanceof Error ? error.stack : undefined;
    return {
      ok: false,
      kind: failureOf(error),
      message: messageOf(error),
      ...(stack === undefined ? {} : { stack }),
    };
  }
}

/** Opens datasets; `close` ends what is open. */
export type Opener = ((dataset: Dataset) => Promise<Source>) & { close(): Promise<void> };

/** Opens each dataset once: later callers share the source. Results of earlier jobs (`store:<key>`), and what they hold of others, come from the store. */
export function opener(store: Store, open: (dataset: Dataset) => Promise<Source>): Opener {
  const opened = new Map<string, Promise<Source>>();
  const once = (id: string, make: () => Promise<Source>): Promise<Source> => {
    let source = opened.get(id);
    if (!source) {
      source = make();
      opened.set(id, source);
      // A failure is not kept: the next attempt may find the file.
      source.catch(() => opened.delete(id));
    }
    return source;
  };
  const openOnce = async (dataset: Dataset): Promise<Source> => {
    const { uri, size, held } = dataset;
    if (uri.startsWith('store:')) {
      const key = uri.slice('store:'.length) as Key;
      return { size, read: (start, end) => store.get(key, start, end) };
    }
    const id = `${uri}#${dataset.id}`;
    const whole = once(id, () => open(dataset));
    if (!held) return whole;
    return once(`${id}#${held.by.id}`, async () => {
      const pieces = heldCodec.decode(await store.get(held.by.id as Key));
      return heldSource(await whole, pieces, held.file, ({ key }, start, end) => store.get(key, start, end));
    });
  };
  const close = async (): Promise<void> => {
    for (const source of await Promise.allSettled(opened.values()))
      if (source.status === 'fulfilled') await source.value.close?.();
    opened.clear();
  };
  return Object.assign(openOnce, { close });
}
