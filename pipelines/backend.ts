/** From flags to a backend and the driver's side of a run. */
import { availableParallelism, totalmem } from 'node:os';
import { threads, type PoolOptions } from '../core/backends/threads.ts';
import type { Backend } from '../core/job.ts';
import type { Host } from '../core/run.ts';
import { memoryStore } from '../core/stores/memory.ts';
import { opener, type Runtime } from '../core/task.ts';
import type { Globals } from './arguments.ts';
import { catalog } from './catalog.ts';
import { open, planning, store as openStore } from './storage.ts';
import { entry } from './worker.ts';

/** Starts the backend that the flags ask for; workers boot while the driver goes on to plan. */
export async function startHost(
  { on, store, workers }: Globals,
  job: string,
  signal: AbortSignal,
): Promise<Host> {
  const blobs = store === 'memory:' ? memoryStore() : openStore(store);
  const runtime: Runtime = { catalog, store: blobs, open: opener(blobs, open), modules: new Map() };
  const pool: PoolOptions = {
    entry,
    count: workers ?? availableParallelism(),
    store: store === 'memory:' ? blobs : store,
    preload: [job],
  };
  return { backend: await start(on, pool, runtime), runtime, planning: planning(runtime.open, signal) };
}

async function start(on: Globals['on'], pool: PoolOptions, runtime: Runtime): Promise<Backend> {
  switch (on) {
    case 'threads':
      return threads(pool);
    case 'processes':
      return (await import('../core/backends/processes.ts')).processes(pool);
    case 'inline':
      return (await import('../core/backends/inline.ts')).inline(runtime);
  }
}

/** Bytes that running tasks may plan to use unless told otherwise: three quarters of the machine. */
export const defaultMemory = (): number => totalmem() * 0.75;
