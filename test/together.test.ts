/** The driver's own thread beside workers: who gets which task. */
import { expect, test } from 'vitest';
import { together } from '../core/backends/together.ts';
import type { Backend, RunOptions, Task, Usage } from '../core/job.ts';

const usage: Usage = { wall: 0, busy: 0, bytes: 0, reads: 0, rss: 0 };
const task: Task = { op: 'kernel', key: 'test/x@1/0', job: 'test/x@1', inputs: {}, params: {}, part: 0 };
const options: RunOptions = { signal: new AbortController().signal };

function backend(name: string, concurrency: number, log: string[]) {
  const ends: { resolve(usage: Usage): void; reject(error: Error): void }[] = [];
  const made: Backend = {
    name,
    concurrency,
    run: () => {
      log.push(name);
      return new Promise<Usage>((resolve, reject) => ends.push({ resolve, reject }));
    },
    share: (module) => void log.push(`${name} has ${module}`),
    close: async () => void log.push(`${name} closed`),
  };
  return { made, ends };
}

test('the driver takes a task whenever it has none, also after one that failed', async () => {
  const log: string[] = [];
  const [here, workers] = [backend('inline', 1, log), backend('threads', 2, log)];
  const both = together(here.made, workers.made);
  expect([both.name, both.concurrency]).toEqual(['threads', 3]);
  const runs = [0, 1, 2].map(() => both.run(task, options));
  expect(log).toEqual(['inline', 'threads', 'threads']);
  here.ends[0]!.reject(new Error('bad'));
  await expect(runs[0]).rejects.toThrow('bad');
  runs.push(both.run(task, options));
  expect(log.at(-1)).toBe('inline');
  here.ends[1]!.resolve(usage);
  for (const end of workers.ends) end.resolve(usage);
  await Promise.all(runs.slice(1));
});

test('what needs a guard goes to a worker; modules and the end concern both', async () => {
  const log: string[] = [];
  const both = together(backend('inline', 1, log).made, backend('threads', 1, log).made);
  void both.run(task, { ...options, timeout: 1000 });
  void both.run(task, { ...options, scale: 2 });
  both.share!('scan', undefined as unknown as WebAssembly.Module);
  await both.close();
  expect(log).toEqual([
    'threads',
    'threads',
    'inline has scan',
    'threads has scan',
    'inline closed',
    'threads closed',
  ]);
});
