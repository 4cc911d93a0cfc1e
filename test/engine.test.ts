/** The engine against a backend that fails to order: what runs how often, when, and what it leaves behind. */
import { expect, test } from 'vitest';
import { random } from '../datasets/random.ts';
import { execute, type Clock, type EngineOptions } from '../core/engine.ts';
import { TaskError, type Failure } from '../core/errors.ts';
import type { Happening } from '../core/events.ts';
import type { Backend, RunOptions, Task, Usage } from '../core/job.ts';
import { resolve } from '../core/params.ts';
import { plan, type Plan } from '../core/plan.ts';
import { backoff, defaultBudgets } from '../core/retry.ts';
import { memoryStore } from '../core/stores/memory.ts';
import { catalogOf, hostOf } from './laws.ts';
import { noop, sum } from './toys.ts';

const catalog = catalogOf(sum, noop);

const planSum = (split: number, upto = 1000): Promise<Plan> =>
  plan({ job: sum, inputs: {}, params: resolve(sum.params, { upto }) }, hostOf(catalog).planning, { split });

/** Time that stands still: waits end at once, and are noted. */
function still(): Clock & { readonly waits: number[] } {
  const waits: number[] = [];
  return {
    waits,
    now: () => 0,
    wait(ms, wake) {
      waits.push(ms);
      let live = true;
      queueMicrotask(() => live && wake());
      return () => void (live = false);
    },
  };
}

/** Fails as `fates` says: attempt n of the kernel whose part starts at `start` meets fates(start)[n]. */
function fateful(fates: (start: number) => readonly (Failure | 'ok')[], concurrency = 1) {
  const store = memoryStore();
  const { backend: real } = hostOf(catalog, store);
  const calls: { start: number; options: RunOptions }[] = [];
  const seen = new Map<string, number>();
  const backend: Backend = {
    name: 'fateful',
    concurrency,
    close: async () => {},
    async run(task, options) {
      const start = task.op === 'kernel' ? (task.part as { start: number }).start : -1;
      calls.push({ start, options });
      const n = seen.get(task.key) ?? 0;
      seen.set(task.key, n + 1);
      const fate = start < 0 ? 'ok' : (fates(start)[n] ?? 'ok');
      if (fate !== 'ok') throw new TaskError(fate, task.key, `fate: ${fate}`);
      return real.run(task, options);
    },
  };
  return { store, backend, calls, seen };
}

const times = (n: number, kind: Failure): Failure[] => Array.from({ length: n }, () => kind);
const run = (p: Plan, f: ReturnType<typeof fateful>, options: EngineOptions = {}): Promise<void> =>
  execute(p, f.backend, f.store, { clock: still(), random: () => 0.5, ...options });

test.each(['oom', 'timeout', 'lost', 'throttled'] as const)(
  '%s is tried again as often as its budget says, and no more',
  async (kind) => {
    const budget = defaultBudgets[kind];
    const enough = fateful((start) => (start === 300 ? times(budget, kind) : []));
    const p = await planSum(100);
    await run(p, enough);
    expect(enough.calls.filter(({ start }) => start === 300)).toHaveLength(budget + 1);
    expect(enough.calls.filter(({ start }) => start === 0)).toHaveLength(1);

    const short = fateful((start) => (start === 300 ? times(budget + 1, kind) : []));
    await expect(run(p, short)).rejects.toMatchObject({ kind, message: `fate: ${kind}` });
    expect(short.calls.filter(({ start }) => start === 300)).toHaveLength(budget + 1);
  },
);

test.each(['user', 'bad-input'] as const)('%s is an answer: one attempt', async (kind) => {
  const f = fateful((start) => (start === 300 ? [kind] : []));
  await expect(run(await planSum(100), f)).rejects.toMatchObject({ kind });
  expect(f.calls.filter(({ start }) => start === 300)).toHaveLength(1);
});

test('budgets are separate: one kind does not use up another', async () => {
  const fates = [...times(2, 'oom'), ...times(2, 'timeout'), ...times(6, 'lost')];
  const f = fateful((start) => (start === 300 ? fates : []));
  await run(await planSum(100), f);
  expect(f.calls.filter(({ start }) => start === 300)).toHaveLength(fates.length + 1);
});

test('oom asks for twice the memory, a timeout for twice the time', async () => {
  const f = fateful((start) => (start === 300 ? ['oom', 'timeout', 'oom', 'timeout'] : []));
  await run(await planSum(100), f, { timeout: 1000 });
  const asked = f.calls.filter(({ start }) => start === 300).map(({ options: o }) => [o.scale, o.timeout]);
  expect(asked).toEqual([
    [1, 1000],
    [2, 1000],
    [2, 2000],
    [4, 2000],
    [4, 4000],
  ]);
});

test('a retry starts at once: it does not wait for the rest of the wave', async () => {
  const order: string[] = [];
  let letGo = (): void => {};
  const held = new Promise<void>((go) => (letGo = go));
  const f = fateful((start) => (start === 0 ? ['lost'] : []), 2);
  const inner: Backend['run'] = (task, how) => f.backend.run(task, how);
  const backend: Backend = {
    ...f.backend,
    async run(task, options) {
      const start = task.op === 'kernel' ? (task.part as { start: number }).start : -1;
      order.push(`${start}`);
      // Part 100 is held until part 0 has been tried again.
      if (start === 0 && order.filter((s) => s === '0').length === 2) letGo();
      if (start === 100) await held;
      return inner(task, options);
    },
  };
  await execute(await planSum(100), backend, f.store, { clock: still() });
  expect(order.filter((s) => s === '0')).toHaveLength(2);
});

/** A backend that refuses what `refuse` says, given how many run. */
function grudging(size: number, refuse: (flying: number, done: number) => boolean) {
  const f = fateful(() => [], size);
  const seen = { flying: [] as number[], refused: 0 };
  let [flying, done] = [0, 0];
  const backend: Backend = {
    ...f.backend,
    async run(task, options) {
      if (refuse(flying, done)) {
        seen.refused++;
        throw new TaskError('throttled', task.key, 'slow down');
      }
      seen.flying.push(++flying);
      for (let i = 0; i < 4; i++) await new Promise(setImmediate);
      flying--;
      done++;
      return f.backend.run(task, options);
    },
  };
  return { ...f, backend, seen };
}

test('a backend that takes only so much is not asked for much more, and used again in full later', async () => {
  const { backend, store, seen } = grudging(8, (flying, done) => flying >= (done < 150 ? 3 : 8));
  await execute(await planSum(1, 400), backend, store, { clock: still() });
  expect(Math.max(...seen.flying.slice(0, 140))).toBe(3);
  expect(seen.refused).toBeLessThan(100);
  expect(Math.max(...seen.flying.slice(300))).toBe(8);
});

test('a tenth refused at random does not slow the rest down', async () => {
  const chance = random(3, 'refusals');
  const { backend, store, seen } = grudging(64, () => chance.fraction() < 0.1);
  await execute(await planSum(1, 3000), backend, store, { clock: still() });
  const late = seen.flying.slice(1000, 2500);
  expect(late.reduce((a, b) => a + b, 0) / late.length).toBeGreaterThan(48);
  expect(seen.refused).toBeGreaterThan(200);
});

test('backoff is full jitter over a doubling bound', () => {
  const one = (n: number): number | undefined => backoff('throttled', n, defaultBudgets, () => 1);
  expect([1, 2, 3, 4].map(one)).toEqual([100, 200, 400, 800]);
  expect(one(20)).toBe(20_000);
  expect(one(21)).toBeUndefined();
  expect(backoff('throttled', 5, defaultBudgets, () => 0)).toBe(0);
});

test('longest part first', async () => {
  const f = fateful(() => []);
  const weights = new Map([0, 100, 200, 300, 400].map((start, i) => [start, [3, 9, 1, 7, 5][i]!]));
  const job = { ...sum, weight: ({ start }: { start: number }) => weights.get(start)! };
  const p = await plan(
    { job, inputs: {}, params: resolve(sum.params, { upto: 500 }) },
    hostOf(catalog).planning,
    { split: 100 },
  );
  await run(p, f);
  expect(f.calls.map(({ start }) => start)).toEqual([100, 300, 400, 0, 200, -1]);
});

test('planned memory is never exceeded, and a part that cannot fit is refused before anything runs', async () => {
  const job = { ...sum, memory: ({ start }: { start: number }) => (start === 300 ? 80 : 30) };
  const stage = { job, inputs: {}, params: resolve(sum.params) };
  const p = await plan(stage, hostOf(catalog).planning);
  const f = fateful(() => [], 8);
  let [used, most] = [0, 0];
  const inner: Backend['run'] = (task, how) => f.backend.run(task, how);
  const backend: Backend = {
    ...f.backend,
    async run(task, options) {
      const need = task.op === 'kernel' ? job.memory(task.part as { start: number }) : 0;
      used += need;
      most = Math.max(most, used);
      await new Promise(setImmediate);
      used -= need;
      return inner(task, options);
    },
  };
  await execute(p, backend, f.store, { memory: 100, clock: still() });
  expect(most).toBeLessThanOrEqual(100);
  expect(most).toBeGreaterThan(60);

  const refused = fateful(() => []);
  await expect(run(p, refused, { memory: 79 })).rejects.toThrow(/needs .* of memory.*--split/);
  expect(refused.calls).toHaveLength(0);
});

test('a straggler gets one copy; the first answer counts, the other is stopped', async () => {
  let now = 0;
  const clock: Clock = { ...still(), now: () => now };
  const f = fateful(() => [], 2);
  const inner: Backend['run'] = (task, how) => f.backend.run(task, how);
  const events: Happening[] = [];
  let [slow, stopped] = [0, 0];
  const backend: Backend = {
    ...f.backend,
    run(task: Task, options: RunOptions) {
      const late = task.op === 'kernel' && (task.part as { start: number }).start === 0;
      if (!late) now += 10;
      if (!late || ++slow === 2) return inner(task, options);
      return new Promise<Usage>((_, reject) => {
        options.signal.addEventListener('abort', () => {
          stopped++;
          reject(new Error('stopped'));
        });
      });
    },
  };
  const p = await planSum(50);
  await execute(p, backend, f.store, { clock, on: (e) => events.push(e) });
  expect([slow, stopped]).toEqual([2, 1]);
  const first = [...p.tasks.keys()][0]!;
  expect(events.filter((e) => e.event === 'start' && e.key === first && e.copy)).toHaveLength(1);
  expect(events.filter((e) => e.event === 'done' && e.key === first)).toHaveLength(1);
});

test('--rate bounds the tasks started a second', async () => {
  const f = fateful(() => [], 8);
  const began = performance.now();
  await execute(await planSum(100), f.backend, f.store, { rate: 100 });
  // 11 tasks, five in 50 ms.
  expect(performance.now() - began).toBeGreaterThanOrEqual(90);
  const quick = performance.now();
  const g = fateful(() => [], 8);
  await execute(await planSum(1), g.backend, g.store, { rate: 5000 });
  // 1,067 tasks; one timer a task would take over a second.
  expect(performance.now() - quick).toBeLessThan(900);
});

test('copies stay within a tenth of the tasks, one of each', async () => {
  let now = 0;
  const clock: Clock = { ...still(), now: () => now };
  const f = fateful(() => [], 16);
  const inner: Backend['run'] = (task, how) => f.backend.run(task, how);
  const copies = new Map<string, number>();
  let held: (() => void)[] = [];
  const backend: Backend = {
    ...f.backend,
    async run(task, options) {
      const slow = task.op === 'kernel' && (task.part as { start: number }).start >= 320;
      if (slow) await new Promise<void>((go) => held.push(go));
      else now += 10;
      return inner(task, options);
    },
  };
  const on = (e: Happening): void => {
    if (e.event === 'start' && e.copy) copies.set(e.key, (copies.get(e.key) ?? 0) + 1);
  };
  // 40 parts, 8 of them slow: four copies at most.
  const running = execute(await planSum(10, 400), backend, f.store, { clock, on });
  while (copies.size < 4) {
    now += 100;
    await new Promise((wake) => setTimeout(wake, 10));
  }
  await new Promise((wake) => setTimeout(wake, 250));
  for (const go of held) go();
  held = [];
  await running;
  expect([...copies.values()]).toEqual([1, 1, 1, 1]);
});

test('a copy that came too late, and a task that is given up, are paid for all the same', async () => {
  const bill = { invocations: 1, gbSeconds: 1, gets: 0, puts: 0 };
  const suffer = async (stop: AbortController, deed: () => void): Promise<Happening[]> => {
    const f = fateful(() => [], 4);
    const inner: Backend['run'] = (task, how) => f.backend.run(task, how);
    let held = false;
    const backend: Backend = {
      ...f.backend,
      async run(task, options) {
        if (held || task.op !== 'kernel' || (task.part as { start: number }).start < 190)
          return inner(task, options);
        held = true;
        deed();
        await new Promise((go) => options.signal.addEventListener('abort', go));
        throw new TaskError('lost', task.key, 'given up', { bill });
      },
    };
    const events: Happening[] = [];
    const how = { signal: stop.signal, on: (e: Happening) => void events.push(e) };
    await execute(await planSum(10, 200), backend, f.store, how).catch(() => {});
    await new Promise(setImmediate);
    return events;
  };
  const copied = await suffer(new AbortController(), () => {});
  expect(copied.filter((e) => e.event === 'start' && e.copy)).toHaveLength(1);
  const stop = new AbortController();
  const stopped = await suffer(stop, () => setImmediate(() => stop.abort(new Error('enough'))));
  for (const events of [copied, stopped])
    expect(events.filter((e) => e.event === 'bill')).toEqual([{ event: 'bill', bill }]);
});

test('abort stops what runs, starts nothing more, and keeps what is finished', async () => {
  const stop = new AbortController();
  const f = fateful(() => [], 2);
  const inner: Backend['run'] = (task, how) => f.backend.run(task, how);
  let aborted = 0;
  const backend: Backend = {
    ...f.backend,
    async run(task, options) {
      if (f.calls.length === 3) {
        options.signal.addEventListener('abort', () => aborted++);
        stop.abort(new Error('enough'));
        throw options.signal.reason;
      }
      return inner(task, options);
    },
  };
  const p = await planSum(100);
  await expect(execute(p, backend, f.store, { signal: stop.signal })).rejects.toThrow('enough');
  expect(f.calls.length).toBeLessThanOrEqual(4);
  const kept = f.store.blobs.size;
  expect(kept).toBeGreaterThanOrEqual(2);
  await execute(p, f.backend, f.store);
  expect([...f.seen.values()].every((n) => n === 1)).toBe(true);
  await expect(
    execute(await planSum(10), f.backend, f.store, { signal: AbortSignal.abort(new Error('before')) }),
  ).rejects.toThrow('before');
});

test('equal parts are one task', async () => {
  const job = {
    ...noop,
    partition: async () => ({ parts: [1, 1, 1, 2], records: 4 }),
  };
  const stage = { job, inputs: {}, params: resolve(noop.params) };
  const store = memoryStore();
  const host = hostOf(catalogOf(job as never), store);
  const p = await plan(stage, host.planning);
  expect(p.tasks.size).toBe(3);
  await execute(p, host.backend, store);
  expect(job.result.decode(await store.get(p.root))).toBe(4);
});
