/** From flags to a backend and the driver's side of a run. */
import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { threads, type PoolOptions } from '../core/backends/threads.ts';
import { BadUsage } from '../core/errors.ts';
import type { Backend } from '../core/job.ts';
import type { Host } from '../core/run.ts';
import { memoryStore } from '../core/stores/memory.ts';
import { opener, type Runtime } from '../core/task.ts';
import type { Globals } from './arguments.ts';
import { catalog } from './catalog.ts';
import { open, planning, store as openStore, storeFolder } from './storage.ts';
import { entry } from './worker.ts';

/** Starts the backend that the flags ask for; workers boot while the driver goes on to plan. */
export async function startHost(
  { on, store, workers }: Globals,
  job: string,
  signal: AbortSignal,
): Promise<Host> {
  await checkStore(store);
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

/** Makes the store's folder now: a worker that finds out later could only fail its task. @throws BadUsage */
async function checkStore(uri: string): Promise<void> {
  const folder = storeFolder(uri);
  if (folder === undefined) return;
  try {
    await access(await nearest(folder), constants.W_OK | constants.X_OK);
    await mkdir(folder, { recursive: true });
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new BadUsage(
      `--store ${uri}: cannot be used (${code}), expected a folder that may be written; give another one`,
      { cause: error },
    );
  }
}

/** The folder, or the nearest one above it that exists. */
async function nearest(folder: string): Promise<string> {
  const exists = await stat(folder).then(
    () => true,
    () => false,
  );
  return exists || folder === dirname(folder) ? folder : nearest(dirname(folder));
}

/** Bytes that running tasks may plan to use unless told otherwise: three quarters of the machine. */
export const defaultMemory = (): number => totalmem() * 0.75;
