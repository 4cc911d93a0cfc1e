/** From flags to a backend and the driver's side of a run. */
import { constants } from 'node:fs';
import { access, mkdir, stat } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { dirname } from 'node:path';
import { inline } from '../core/backends/inline.ts';
import { threads, type PoolOptions } from '../core/backends/threads.ts';
import { together } from '../core/backends/together.ts';
import { BadUsage } from '../core/errors.ts';
import type { AnyJob, Backend, Store } from '../core/job.ts';
import type { Host } from '../core/run.ts';
import { memoryStore } from '../core/stores/memory.ts';
import { opener, type Runtime } from '../core/task.ts';
import type { BucketStore } from '../infra/aws/store.ts';
import type { Globals } from './arguments.ts';
import { catalog } from './catalog.ts';
import { checkBucket, open, planning, store as openStore, storeFolder } from './storage.ts';
import { entry } from './worker.ts';

/** Loaded by who asks for functions. */
export const functionsModule = () => import('./functions.ts');

/** Where finished tasks are kept: as the flags say, or as the backend usually does. */
export async function storeUriOf(globals: Globals): Promise<string> {
  if (globals.on !== 'lambda') return globals.store ?? '.servermix';
  const { deploymentOf, storeFor } = await functionsModule();
  return storeFor(globals, await deploymentOf(globals));
}

export const openBlobs = async (uri: string, signal: AbortSignal): Promise<Store> =>
  uri === 'memory:' ? memoryStore() : openStore(uri, { signal });

/** Starts the backend that the flags ask for; workers boot while the driver goes on to plan. `run` names the run. */
export async function startHost(
  globals: Globals,
  storeUri: string,
  job: AnyJob,
  run: string,
  signal: AbortSignal,
): Promise<Host> {
  await checkStore(storeUri, signal);
  const blobs = await openBlobs(storeUri, signal);
  const files = opener(blobs, (dataset) => open(dataset, { signal }));
  const runtime: Runtime = { catalog, store: blobs, open: files, modules: new Map() };
  const backend = await start(globals, runtime, storeUri, job, run);
  return { backend, runtime, planning: planning(runtime.open, signal, globals.access) };
}

async function start(
  globals: Globals,
  runtime: Runtime,
  storeUri: string,
  job: AnyJob,
  run: string,
): Promise<Backend> {
  const count = globals.workers ?? availableParallelism();
  const pool = (workers = count): PoolOptions => ({
    entry,
    count: workers,
    store: storeUri === 'memory:' ? runtime.store : storeUri,
    preload: [job.name],
  });
  switch (globals.on) {
    case 'threads':
      // A worker less: the driver does its share.
      return job.givesWay && count > 1
        ? together(inline(runtime), threads(pool(count - 1)))
        : threads(pool());
    case 'processes':
      return (await import('../core/backends/processes.ts')).processes(pool());
    case 'inline':
      return inline(runtime);
    case 'lambda': {
      const { deploymentOf, functions } = await functionsModule();
      const deployment = await deploymentOf(globals);
      return functions(deployment, globals, runtime.store as BucketStore, storeUri, run);
    }
  }
}

/** Makes the store's folder now, or looks for its bucket: a worker that finds out later could only fail its task. @throws BadUsage */
async function checkStore(uri: string, signal: AbortSignal): Promise<void> {
  const folder = storeFolder(uri);
  if (folder === undefined) return checkBucket(uri, { signal });
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

/** Bytes that running tasks may plan to use unless told otherwise: three quarters of the machine; functions have their own. */
export const defaultMemory = (on: Globals['on']): number => (on === 'lambda' ? Infinity : totalmem() * 0.75);
