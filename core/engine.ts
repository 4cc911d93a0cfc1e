/** Runs a plan: only what is missing, longest part first, retried by kind of failure, each result exactly once. */
import PQueue from 'p-queue';
import { admission, checkFits } from './admission.ts';
import { failureOf, messageOf, TaskError, type Failure } from './errors.ts';
import type { Happening } from './events.ts';
import type { Backend, Bill, Key, Store, Task } from './job.ts';
import type { Plan } from './plan.ts';
import { backoff, capacity, defaultBudgets, type Budgets } from './retry.ts';
import { stragglers } from './straggler.ts';

/** Time, replaceable in tests. */
export type Clock = { now(): number; wait(ms: number, wake: () => void): () => void };
export const clock: Clock = {
  now: () => performance.now(),
  wait(ms, wake) {
    const timer = setTimeout(wake, ms);
    return () => clearTimeout(timer);
  },
};

export type EngineOptions = {
  readonly signal?: AbortSignal;
  /** Begins no more tasks once aborted; what runs is waited for, then its reason is thrown unless all is done. */
  readonly drain?: AbortSignal;
  readonly on?: (event: Happening) => void;
  readonly budgets?: Partial<Budgets>;
  /** Most tasks started a second. */
  readonly rate?: number;
  /** Milliseconds a task may take; doubled after a timeout. */
  readonly timeout?: number;
  /** Bytes that the kernels in flight may plan to use together. */
  readonly memory?: number;
  /** Start a second copy of a straggler (default true). */
  readonly copies?: boolean;
  readonly clock?: Clock;
  readonly random?: () => number;
};

// Merges free what waits for them, retries what was begun; copies come last. Plain kernels keep their order at 0.
const priority = { merge: 2, retry: 1, kernel: 0, copy: -1 } as const;
/** Milliseconds between looks for stragglers. */
const look = 100;
/** Store look-ups in flight while the missing tasks are found. */
const lookups = 64;

type Node = {
  readonly task: Task;
  /** Missing parts of a merge. */
  waiting: number;
  readonly parents: Node[];
  /** Failures so far by kind; absent before the first one. */
  failures: Partial<Record<Failure, number>> | undefined;
  attempt: number;
  scale: number;
  timeout: number | undefined;
  /** When the attempt that runs began, and how to give up each copy of it. */
  began: number;
  running: readonly AbortController[];
  /** A copy of it was ordered. */
  copied: boolean;
  done: boolean;
};
// Shared by all nodes at rest, so that a node of a large plan costs little.
const none: readonly AbortController[] = [];

/**
 * Makes `plan.root` exist in `store`. A key that exists is never computed again and its subtree is not even looked at, so
 * to resume is to execute again.
 * @throws TaskError for the first failure whose budget is spent; the reason of `signal` when aborted. What has begun is
 * stopped first; what is finished stays.
 */
export async function execute(
  plan: Plan,
  backend: Backend,
  store: Store,
  options: EngineOptions = {},
): Promise<void> {
  const {
    on = () => {},
    memory = Infinity,
    copies = true,
    clock: time = clock,
    random = Math.random,
  } = options;
  const budgets = { ...defaultBudgets, ...options.budgets };
  const need = (task: Task): number =>
    task.op === 'kernel' ? (plan.job.memory?.(task.part, task.params) ?? 0) : 0;

  const missing = await findMissing(plan, store, options.timeout);
  on({
    event: 'plan',
    job: plan.job.name,
    root: plan.root,
    parts: plan.parts,
    tasks: plan.tasks.size,
    cached: plan.tasks.size - missing.size,
    ...(plan.records === undefined ? {} : { records: plan.records }),
  });
  if (missing.size === 0) return;
  for (const { task } of missing.values()) checkFits(need(task), memory, plan.job.name);

  const pace = capacity();
  const room = (): number => Math.min(pace.limit, backend.concurrency);
  const gate = admission(memory);
  const late = stragglers(missing.size);
  const queue = new PQueue({
    concurrency: backend.concurrency,
    ...(options.rate ? pacing(options.rate) : {}),
  });
  const kernels = longestFirst(plan, missing);
  const active = new Set<Node>();
  const delayed = new Set<() => void>();
  // An attempt's controller serves the next one: a new one a task is most of what a large run would allocate.
  const spare: AbortController[] = [];
  let left = missing.size;
  let next = 0;

  await new Promise<void>((resolve, reject) => {
    let failed = false;
    const fail = (error: unknown): void => {
      if (failed) return;
      failed = true;
      cleanUp();
      queue.clear();
      for (const { running } of active) for (const attempt of running) attempt.abort(error);
      // Rejects only when nothing runs any more, so that a worker never outlives the run.
      queue.onIdle().then(() => reject(error), reject);
    };
    const abort = (): void => fail(options.signal!.reason);
    const isDraining = (): boolean => options.drain?.aborted === true;
    const drained = (): void => {
      if (isDraining() && active.size === 0 && left > 0) fail(options.drain!.reason);
    };
    const lookout = setInterval(() => {
      // A backend may grow while it runs.
      makeRoom();
      copyStragglers();
    }, look);
    lookout.unref();
    const cleanUp = (): void => {
      clearInterval(lookout);
      options.signal?.removeEventListener('abort', abort);
      options.drain?.removeEventListener('abort', drained);
      for (const cancel of delayed) cancel();
    };

    const makeRoom = (): void => {
      const now = room();
      if (now === queue.concurrency) return;
      const more = now > queue.concurrency;
      queue.concurrency = now;
      if (more) feed();
    };
    const enqueue = (node: Node, order: number, copy = false): void => {
      void queue.add(() => attempt(node, copy), { priority: order }).catch(fail);
    };
    // The queue holds little more than what runs: a plan of any size costs no promise per waiting task.
    const feed = (): void => {
      while (!failed && !isDraining() && next < kernels.length && queue.size < 2 * queue.concurrency)
        enqueue(kernels[next++]!, priority.kernel);
    };

    async function attempt(node: Node, copy: boolean): Promise<void> {
      if (failed || node.done || isDraining()) return;
      const { task } = node;
      const bytes = need(task);
      await gate.acquire(bytes);
      const cancel = spare.pop() ?? new AbortController();
      try {
        if (failed || node.done || isDraining()) return;
        if (!copy) node.began = time.now();
        node.running = [...node.running, cancel];
        active.add(node);
        on({
          event: 'start',
          key: task.key,
          attempt: node.attempt,
          ...(task.op === 'kernel' ? { part: task.part } : { parts: task.parts }),
          ...(copy ? { copy } : {}),
        });
        const usage = await backend.run(task, {
          signal: cancel.signal,
          scale: node.scale,
          memory: bytes,
          ...(node.timeout === undefined ? {} : { timeout: node.timeout }),
        });
        if (failed || node.done) charge(usage.bill);
        succeed(node, cancel, () => on({ event: 'done', key: task.key, attempt: node.attempt, usage }));
      } catch (error) {
        ended(node, cancel);
        // A copy that loses, fails or is stopped costs nothing while the other one lives.
        if (!failed && !node.done && node.running.length === 0) retry(node, error);
        else charge((error as Partial<TaskError>).bill);
      } finally {
        gate.release(bytes);
        if (!cancel.signal.aborted) spare.push(cancel);
        if (node.running.length === 0) active.delete(node);
        drained();
        feed();
      }
    }

    /** What was paid for nothing. */
    function charge(bill: Bill | undefined): void {
      if (bill) on({ event: 'bill', bill });
    }

    function ended(node: Node, attempt: AbortController): void {
      node.running = node.running.length === 1 ? none : node.running.filter((other) => other !== attempt);
    }

    function succeed(node: Node, winner: AbortController, tell: () => void): void {
      ended(node, winner);
      if (failed || node.done) return;
      node.done = true;
      tell();
      for (const loser of node.running) loser.abort();
      late.finished(time.now() - node.began);
      pace.succeeded(backend.concurrency);
      makeRoom();
      for (const parent of node.parents) if (--parent.waiting === 0) enqueue(parent, priority.merge);
      if (--left > 0) return;
      cleanUp();
      resolve();
    }

    function retry(node: Node, error: unknown): void {
      const kind = failureOf(error);
      const failures = (node.failures?.[kind] ?? 0) + 1;
      node.failures = { ...node.failures, [kind]: failures };
      const delay = backoff(kind, failures, budgets, random);
      const [key, message] = [node.task.key, messageOf(error)];
      const bill = error instanceof TaskError && error.bill ? { bill: error.bill } : {};
      if (delay === undefined) {
        on({ event: 'failed', key, kind, message, ...bill });
        return fail(error instanceof TaskError ? error : new TaskError(kind, key, message, { cause: error }));
      }
      on({ event: 'retry', key, attempt: node.attempt, kind, message, delay, ...bill });
      node.attempt++;
      if (kind === 'oom') node.scale *= 2;
      if (kind === 'timeout' && node.timeout !== undefined) node.timeout *= 2;
      if (kind === 'throttled') {
        pace.throttled(queue.pending - 1);
        makeRoom();
      }
      const cancel = time.wait(delay, () => {
        delayed.delete(cancel);
        if (!failed) enqueue(node, priority.retry);
      });
      delayed.add(cancel);
    }

    function copyStragglers(): void {
      if (!copies || failed || isDraining() || next < kernels.length || queue.size > 0) return;
      for (const node of active) {
        if (queue.pending >= queue.concurrency) return;
        if (node.copied || !late.isLate(time.now() - node.began)) continue;
        node.copied = true;
        late.started();
        enqueue(node, priority.copy, true);
      }
    }

    if (options.signal?.aborted) return abort();
    options.signal?.addEventListener('abort', abort);
    options.drain?.addEventListener('abort', drained);
    if (isDraining()) return drained();
    for (const node of missing.values())
      if (node.task.op === 'merge' && node.waiting === 0) enqueue(node, priority.merge);
    feed();
  });
}

/** p-queue's way to say `rate` a second; timers are too coarse to space more than 20 a second one by one. */
function pacing(rate: number): { interval: number; intervalCap: number } {
  const intervalCap = Math.max(1, Math.round(rate / 20));
  return { interval: (1000 * intervalCap) / rate, intervalCap };
}

/** Walks the tree from the root and stops at keys that are there; gives the rest, linked to their parents. */
async function findMissing(plan: Plan, store: Store, timeout: number | undefined): Promise<Map<Key, Node>> {
  const missing = new Map<Key, Node>();
  const present = new Set<Key>();
  let frontier: { key: Key; parent: Node | undefined }[] = [{ key: plan.root, parent: undefined }];
  while (frontier.length > 0) {
    const below: typeof frontier = [];
    const step = store.hasAll ? frontier.length : lookups;
    for (let i = 0; i < frontier.length; i += step) {
      const batch = frontier.slice(i, i + step);
      const asked = [...new Set(batch.map(({ key }) => key))].filter(
        (key) => !missing.has(key) && !present.has(key),
      );
      for (const key of await lookUp(store, asked)) present.add(key);
      for (const { key, parent } of batch) {
        if (present.has(key)) continue;
        let node = missing.get(key);
        if (!node) {
          node = newNode(plan.tasks.get(key)!, timeout);
          missing.set(key, node);
          if (node.task.op === 'merge')
            for (const part of node.task.parts) below.push({ key: part, parent: node });
        }
        if (parent) {
          node.parents.push(parent);
          parent.waiting++;
        }
      }
    }
    frontier = below;
  }
  return missing;
}

async function lookUp(store: Store, keys: readonly Key[]): Promise<Iterable<Key>> {
  if (store.hasAll) return store.hasAll(keys);
  const there = await Promise.all(keys.map((key) => store.has(key)));
  return keys.filter((_, i) => there[i]);
}

function newNode(task: Task, timeout: number | undefined): Node {
  return {
    task,
    waiting: 0,
    parents: [],
    failures: undefined,
    attempt: 1,
    scale: 1,
    timeout,
    began: 0,
    running: none,
    copied: false,
    done: false,
  };
}

function longestFirst(plan: Plan, missing: ReadonlyMap<Key, Node>): Node[] {
  const kernels: { node: Node; weight: number }[] = [];
  // In plan order, so that equal weights run in the order of the data.
  for (const [key, task] of plan.tasks) {
    const node = missing.get(key);
    if (!node || task.op !== 'kernel') continue;
    kernels.push({ node, weight: plan.job.weight?.(task.part) ?? 1 });
  }
  // Parts of about the same weight run in the order of the data: what is read, and written, is then mostly what comes next.
  const size = (weight: number): number => Math.round(2 * Math.log2(Math.max(1, weight)));
  return kernels.sort((a, b) => size(b.weight) - size(a.weight)).map(({ node }) => node);
}
