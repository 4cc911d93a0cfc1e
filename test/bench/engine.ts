/** What the engine costs by itself: tasks that do nothing. */
import { hash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { threads } from '../../core/backends/threads.ts';
import { execute } from '../../core/engine.ts';
import type { Backend, Key, Task } from '../../core/job.ts';
import { resolve } from '../../core/params.ts';
import { plan, type Plan } from '../../core/plan.ts';
import { folderStore } from '../../core/stores/folder.ts';
import { memoryStore } from '../../core/stores/memory.ts';
import { catalogOf, hostOf } from '../laws.ts';
import { noop } from '../toys.ts';
import { entry } from '../toyworker.ts';
import { median } from './arms.ts';

const ms = (since: number): number => performance.now() - since;

/** Milliseconds, the median, from handing a task to a pool to its answer, one after another. */
async function roundTrip(backend: Backend): Promise<number> {
  const { signal } = new AbortController();
  const trips: number[] = [];
  for (let i = 0; i < 2000; i++) {
    const key: Key = `test/noop@1/${hash('sha256', `${i}`)}`;
    const task: Task = { op: 'kernel', key, job: 'test/noop@1', inputs: {}, params: {}, part: i };
    const began = performance.now();
    await backend.run(task, { signal });
    trips.push(ms(began));
  }
  return median(trips);
}

/** Measures in this process; gives lines of text. */
export async function engine(sizes: readonly number[]): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'servermix-bench-'));
  const lines: string[] = [];
  const planning = hostOf(catalogOf(noop)).planning;
  const planOf = (count: number): Promise<Plan> =>
    plan({ job: noop, inputs: {}, params: resolve(noop.params, { count }) }, planning);
  const backend = threads({ entry, count: 2, store: folder, preload: [noop.name] });
  const store = folderStore(folder);
  try {
    await execute(await planOf(64), backend, store);
    const memory = memoryStore();
    const other = threads({ entry, count: 2, store: memory, preload: [noop.name] });
    await execute(await planOf(64), other, memory);
    const [kept, written] = [await roundTrip(other), await roundTrip(backend)];
    await other.close();
    lines.push(
      `no-op task on a warm thread: p50 ${kept.toFixed(3)} ms, ${written.toFixed(3)} ms with its result in a folder`,
    );
    for (const size of sizes) {
      let began = performance.now();
      const tasks = await planOf(size);
      const planned = ms(began);
      began = performance.now();
      await execute(tasks, backend, store, { on: () => {} });
      const ran = ms(began);
      const rss = process.memoryUsage.rss();
      began = performance.now();
      await execute(await planOf(size), backend, store);
      const parts = [
        `${size} tasks: planned in ${planned.toFixed(0)} ms`,
        `run in ${ran.toFixed(0)} ms`,
        `recognised in ${ms(began).toFixed(0)} ms`,
        `${(rss / 1e6).toFixed(0)} MB resident`,
      ];
      lines.push(parts.join(', '));
    }
  } finally {
    await backend.close();
    rmSync(folder, { recursive: true });
  }
  return lines;
}
