/** The backend for debugging: tasks run in this thread, one at a time, and exceptions keep their stacks. */
import { failureOf, messageOf, TaskError } from '../errors.ts';
import type { Backend } from '../job.ts';
import { runTask, type Runtime } from '../task.ts';

export function inline(runtime: Runtime): Backend {
  return {
    name: 'inline',
    concurrency: 1,
    async run(task, { signal }) {
      signal.throwIfAborted();
      try {
        return await runTask(task, runtime, signal);
      } catch (error) {
        if (error instanceof TaskError) throw error;
        throw new TaskError(failureOf(error), task.key, messageOf(error), { cause: error });
      }
    },
    share: (name, module) => void runtime.modules.set(name, Promise.resolve(module)),
    close: async () => {},
  };
}
