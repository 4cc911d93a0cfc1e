/** Threads and processes beyond the conformance suite: what is an answer, what ends them, and who keeps the blobs. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { processes } from '../core/backends/processes.ts';
import { threads, type PoolOptions } from '../core/backends/threads.ts';
import { execute, type EngineOptions } from '../core/engine.ts';
import type { Happening } from '../core/events.ts';
import type { Backend, Store } from '../core/job.ts';
import { resolve } from '../core/params.ts';
import { plan } from '../core/plan.ts';
import { folderStore } from '../core/stores/folder.ts';
import { memoryStore } from '../core/stores/memory.ts';
import { hostOf } from './laws.ts';
import { noop, sum, toyCatalog, type accidents } from './toys.ts';
import { entry } from './toyworker.ts';

const folder = await mkdtemp(join(tmpdir(), 'servermix-backends-'));
afterAll(() => rm(folder, { recursive: true }));
let made = 0;
const fresh = (): string => join(folder, `${made++}`);

type Made = (options: PoolOptions) => Backend;
const kinds: readonly (readonly [string, Made])[] = [
  ['threads', threads],
  ['processes', processes],
];

async function suffer(
  make: Made,
  accident: (typeof accidents)[number],
  options: EngineOptions & { inMemory?: boolean } = {},
): Promise<{ events: Happening[]; result: unknown }> {
  const path = fresh();
  const store: Store = options.inMemory ? memoryStore() : folderStore(path);
  const backend = make({ entry, count: 2, store: options.inMemory ? store : path });
  const events: Happening[] = [];
  try {
    const params = resolve(sum.params, { upto: 1000, accident, marker: join(folder, `marker${made++}`) });
    const tasks = await plan({ job: sum, inputs: {}, params }, hostOf(toyCatalog).planning, { split: 50 });
    await execute(tasks, backend, store, { ...options, on: (e) => events.push(e) });
    return { events, result: sum.result.decode(await store.get(tasks.root)) };
  } finally {
    await backend.close();
  }
}
const answer = { sum: 499_500, numbers: 1000 };
const retries = (events: readonly Happening[]): unknown[] =>
  events.flatMap((e) => (e.event === 'retry' ? [e.kind] : []));

describe.each(kinds)('%s', (name, make) => {
  test('an array that cannot be had is out of memory too', async () => {
    const { events, result } = await suffer(make, 'buffer');
    expect(result).toEqual(answer);
    expect(retries(events)).toEqual(['oom']);
  });
  test('an exception is an answer', async () => {
    await expect(suffer(make, 'throw')).rejects.toMatchObject({
      kind: 'user',
      message: 'part 300 is unlucky',
    });
  });
  test('bad input is an answer of its own', async () => {
    await expect(suffer(make, 'bad-input')).rejects.toMatchObject({
      kind: 'bad-input',
      message: 'numbers.txt: line 300: found x, expected a number; mend it',
    });
  });
  test('abort ends a worker that hangs', async () => {
    const stop = new AbortController();
    const hung = suffer(make, 'hang', { signal: stop.signal, copies: false, on: () => {} });
    const marker = join(folder, `marker${made - 1}`);
    while (!existsSync(marker)) await new Promise(setImmediate);
    stop.abort(new Error('enough'));
    await expect(hung).rejects.toThrow('enough');
  });
  test('a driver may keep the blobs itself', async () => {
    expect((await suffer(make, 'none', { inMemory: true })).result).toEqual(answer);
  });
  test('a module that cannot start says so and does not start for ever', async () => {
    const path = fresh();
    const backend = make({ entry: new URL('./absent.js', import.meta.url), count: 2, store: path });
    const tasks = await plan(
      { job: noop, inputs: {}, params: resolve(noop.params, { count: 4 }) },
      hostOf(toyCatalog).planning,
    );
    await expect(execute(tasks, backend, folderStore(path))).rejects.toThrow(/worker ended|could not start/);
    await backend.close();
    expect(backend.name).toBe(name);
  });
});

test('a worker process that exits by itself is replaced, its task tried again', async () => {
  const { events, result } = await suffer(processes, 'exit');
  expect(result).toEqual(answer);
  expect(retries(events)).toEqual(['lost']);
  expect(events.find((e) => e.event === 'retry')).toMatchObject({ message: 'worker ended with code 7' });
});
