/** The driver's own thread and its workers as one backend: while they work, the driver has little to do. */
import type { Backend } from '../job.ts';

/**
 * `here` runs tasks of jobs that give way; it takes one whenever it has none, so that it begins while the workers still boot. What needs
 * a worker's guard, an attempt with a time limit or with more memory than usual, goes to one.
 */
export function together(here: Backend, workers: Backend): Backend {
  let busy = false;
  return {
    name: workers.name,
    concurrency: here.concurrency + workers.concurrency,
    async run(task, options) {
      if (busy || options.timeout !== undefined || (options.scale ?? 1) > 1)
        return workers.run(task, options);
      busy = true;
      try {
        return await here.run(task, options);
      } finally {
        busy = false;
      }
    },
    share(name, module) {
      here.share?.(name, module);
      workers.share?.(name, module);
    },
    async close() {
      await Promise.all([here.close(), workers.close()]);
    },
  };
}
