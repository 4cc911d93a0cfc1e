/** Worker processes on this host: dearer to start than threads, and proof against anything that takes a process down. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Backend } from '../job.ts';
import { pool } from './pool.ts';
import { setupVariable, type Answer, type Request, type Setup } from './serve.ts';
import type { PoolOptions } from './threads.ts';

/** `count` warm processes started from `entry`. Modules are compiled by each, since they cannot be posted to another process. */
export function processes({ entry, count, store, preload = [], heap = 1024 }: PoolOptions): Backend {
  const setup: Setup = { preload, ...(typeof store === 'string' ? { store } : {}) };
  return pool(
    'processes',
    (scale, heard, died) => {
      const child = fork(fileURLToPath(entry), {
        serialization: 'advanced',
        execArgv: [`--max-old-space-size=${heap * scale}`],
        env: { ...process.env, [setupVariable]: JSON.stringify(setup) },
        // Standard output is the driver's alone; what V8 prints when it dies would bury the one line that helps.
        stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      });
      let killed = false;
      const ended = new Promise<void>((resolve) => {
        child.once('error', (error) => {
          if (!killed) died('lost', `worker could not start: ${error.message}`);
          killed = true;
          resolve();
        });
        child.once('exit', (code, signal) => {
          resolve();
          if (killed) return;
          // V8 aborts when its heap is full.
          if (signal === 'SIGABRT')
            died('oom', `worker ran out of memory: more than ${heap * scale} MiB of heap`);
          else died('lost', `worker ended with ${signal ?? `code ${code}`}`);
        });
      });
      child.on('message', (message) => heard(message as Answer));
      return {
        post(request: Request) {
          // A pipe that breaks now is told by `exit`.
          if (request.op !== 'module' && child.connected) child.send(request, () => {});
        },
        async kill() {
          killed = true;
          child.kill('SIGKILL');
          await ended;
        },
      };
    },
    count,
    typeof store === 'string' ? undefined : store,
  );
}
