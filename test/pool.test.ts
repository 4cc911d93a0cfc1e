/** The pool over workers made up for the purpose: what they must survive that real ones do rarely. */
import { expect, test } from 'vitest';
import { pool, type Spawn } from '../core/backends/pool.ts';
import type { Task } from '../core/job.ts';

const task: Task = { op: 'kernel', key: 'test/x@1/abc', job: 'test/x@1', inputs: {}, params: {}, part: 0 };
const usage = { wall: 0, busy: 0, bytes: 0, reads: 0, rss: 0 };
const never = new AbortController().signal;
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Answers every task, and dies on order. */
function docile(): { spawn: Spawn; living: () => number } {
  let living = 0;
  return {
    living: () => living,
    spawn(_scale, heard) {
      living++;
      heard({ op: 'ready' });
      return {
        post(request) {
          if (request.op === 'task') queueMicrotask(() => heard({ op: 'reply', reply: { ok: true, usage } }));
        },
        async kill() {
          await turn();
          living--;
        },
      };
    },
  };
}

test('workers that all die before the first task: it is refused, not left waiting', async () => {
  const backend = pool(
    'test',
    (_scale, _heard, died) => {
      setImmediate(() => died('lost', 'cannot boot'));
      return { post() {}, kill: async () => {} };
    },
    2,
  );
  await turn();
  await turn();
  await turn();
  await expect(backend.run(task, { signal: never })).rejects.toMatchObject({
    kind: 'user',
    message: 'cannot boot',
  });
});

test('an abort while a larger worker is made is heard', async () => {
  const { spawn } = docile();
  const backend = pool('test', spawn, 1);
  const stop = new AbortController();
  const run = backend.run(task, { signal: stop.signal, scale: 2 });
  stop.abort(new Error('enough'));
  await expect(run).rejects.toThrow('enough');
  await expect(backend.run(task, { signal: never })).resolves.toEqual(usage);
  await backend.close();
});

test('a pool that is closed while it makes a worker leaves none behind', async () => {
  const { spawn, living } = docile();
  const backend = pool('test', spawn, 1);
  const run = backend.run(task, { signal: never, scale: 2 }).catch(() => {});
  await backend.close();
  await run;
  await turn();
  expect(living()).toBe(0);
});

test('a time limit longer than timers go is a time limit', async () => {
  const { spawn } = docile();
  const backend = pool('test', spawn, 1);
  await expect(backend.run(task, { signal: never, timeout: 1e12 })).resolves.toEqual(usage);
  await backend.close();
});
