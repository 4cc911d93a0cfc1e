/** A way to a backend and back on which tasks and answers are lost, doubled, held up and refused. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TaskError } from '../core/errors.ts';
import type { Backend } from '../core/job.ts';
import { random } from '../datasets/random.ts';

/** The share of the deliveries that meet each. `lose`: the answer, after the work was done. `refuse`: before. `fail`: nobody knows when. */
export const mishaps = { none: 0, lose: 0.1, double: 0.2, delay: 0.5, refuse: 0.2, fail: 0.1 } as const;
export type Mishap = keyof typeof mishaps;

/** Longest delay, in ms. */
const longest = 30;

/** The same backend, reached by that way. Which delivery meets the mishap follows from the seed and its number; `met` says how many did. */
export function behind(
  backend: Backend,
  mishap: Mishap,
  seed: number,
): { readonly backend: Backend; readonly met: () => number } {
  let [n, met] = [0, 0];
  return {
    met: () => met,
    backend: {
      name: backend.name,
      get concurrency() {
        return backend.concurrency;
      },
      async run(task, options) {
        const chance = random(seed, mishap, n++);
        if (!chance.chance(mishaps[mishap])) return backend.run(task, options);
        met++;
        switch (mishap) {
          case 'none':
            break;
          case 'lose':
            await backend.run(task, options);
            throw new TaskError('lost', task.key, 'the answer was lost');
          case 'double': {
            const [, second] = await Promise.all([backend.run(task, options), backend.run(task, options)]);
            return second;
          }
          case 'delay': {
            await sleep(chance.below(longest));
            const usage = await backend.run(task, options);
            await sleep(chance.below(longest));
            return usage;
          }
          case 'refuse':
            throw new TaskError('throttled', task.key, 'slow down');
          case 'fail':
            if (chance.chance(0.5)) await sleep(chance.below(longest));
            throw new TaskError('lost', task.key, 'status 503');
        }
        return backend.run(task, options);
      },
      close: () => backend.close(),
    },
  };
}
