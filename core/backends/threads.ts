/** Worker threads of this process: the default backend. */
import { Worker as Thread } from 'node:worker_threads';
import type { Backend, Store } from '../job.ts';
import { pool } from './pool.ts';
import type { Answer, Request, Setup } from './serve.ts';

export type PoolOptions = {
  /** A module that calls `serve`. */
  readonly entry: URL;
  readonly count: number;
  /** URI of the store that workers write to; `memory` instead keeps all blobs in the driver. */
  readonly store: string | Store;
  /** Jobs to load before the first task comes. */
  readonly preload?: readonly string[];
  /** MiB of JavaScript heap a worker may use before its task fails as `oom` (default 1024). */
  readonly heap?: number;
};

/** `count` warm threads started from `entry`. */
export function threads({ entry, count, store, preload = [], heap = 1024 }: PoolOptions): Backend {
  const setup: Setup = { preload, ...(typeof store === 'string' ? { store } : {}) };
  return pool(
    'threads',
    (scale, heard, died) => {
      const thread = new Thread(entry, {
        workerData: setup,
        resourceLimits: { maxOldGenerationSizeMb: heap * scale },
        // Standard output is the driver's alone.
        stdout: true,
      });
      let last: { oom: boolean; message: string } | undefined;
      thread.on('message', (message: Answer) => heard(message));
      thread.on('error', (error: NodeJS.ErrnoException) => {
        last = { oom: error.code === 'ERR_WORKER_OUT_OF_MEMORY', message: error.message };
      });
      let killed = false;
      thread.on('exit', (code) => {
        if (killed) return;
        const limit = `${heap * scale} MiB of heap`;
        if (last?.oom) died('oom', `worker ran out of memory: more than ${limit}`);
        else died('lost', `worker ended with code ${code}${last ? `: ${last.message}` : ''}`);
      });
      return {
        post: (request: Request, transfer = []) => thread.postMessage(request, [...transfer]),
        async kill() {
          killed = true;
          await thread.terminate();
        },
      };
    },
    count,
    typeof store === 'string' ? undefined : store,
  );
}
