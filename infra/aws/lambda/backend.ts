/** AWS Lambda as a backend: a task is a call of a function, its result an object in the store. */
import { hash } from 'node:crypto';
import { TaskError } from '../../../core/errors.ts';
import type { Backend, Bill, Reply, RunOptions, Task, Usage } from '../../../core/job.ts';
import type { BucketStore } from '../store.ts';
import { answers } from './answers.ts';
import { batches } from './batch.ts';
import { type Invoker, payloadLimits } from './invoke.ts';
import { ramp } from './ramp.ts';
import { rungFor } from './rung.ts';
import { lost, verdictOf } from './verdict.ts';
import { type Call, callKey, wire } from './wire.ts';

export type LambdaOptions = {
  readonly invoker: Invoker;
  /** Name of the function of so many MB. */
  readonly functionName: (megabytes: number) => string;
  /** Sizes of functions that there are, MB, ascending. */
  readonly ladder: readonly number[];
  /** Where workers put results, and its address as they are told it. */
  readonly store: BucketStore;
  readonly storeUri: string;
  /** Calls in flight at most. */
  readonly calls: number;
  /** Tasks that one call may carry. */
  readonly pack?: number;
  /** Names the run, for calls that nobody waits for. */
  readonly run: string;
  /** Calls are handed over and their answers looked up in the store, so that no connection is held; done by itself above 1,000 calls. */
  readonly late?: boolean;
};

/** Calls up to which a connection each is held. */
export const mostHeld = 1000;
/** Seconds that a function may take (Lambda quotas), and what a call may wait besides. */
const [longest, grace] = [900_000, 60_000];

/**
 * A task takes the smallest function that has what its plan says, after `oom` one of twice the size. What Lambda refuses is `throttled`, what ends without an
 * answer `lost`, `timeout` or `oom`; retries are the engine's: the stack sets Lambda's own to none.
 */
export function lambda(options: LambdaOptions): Backend {
  const { invoker, functionName, ladder, store, storeUri, calls, pack = 1, run } = options;
  const late = options.late ?? calls > mostHeld;
  const growth = ramp(calls);
  const inbox = late ? answers(storeUri, run) : undefined;
  const closed = new AbortController();

  type Item = { readonly task: Task; readonly options: RunOptions };

  const payloadOf = async (
    tasks: readonly Task[],
    call: Omit<Call, 'tasks' | 'wire'>,
    limit: number,
  ): Promise<string> => {
    const payload = JSON.stringify({ wire, ...call, tasks } satisfies Call);
    if (Buffer.byteLength(payload) < limit) return payload;
    const bytes = Buffer.from(JSON.stringify(tasks));
    const key = callKey(tasks[0]!.key, hash('sha256', bytes).slice(0, 16));
    await store.put(key, bytes);
    return JSON.stringify({ wire, ...call, tasks: [], stored: { key, size: bytes.length } } satisfies Call);
  };

  async function send(rung: string, items: readonly Item[]): Promise<readonly (Usage | Error)[]> {
    const name = functionName(Number(rung));
    const tasks = items.map(({ task }) => task);
    const began = performance.now();
    const bill = (): Bill => ({
      invocations: 1,
      gbSeconds: ((performance.now() - began) / 1000) * (Number(rung) / 1024),
      gets: 0,
      puts: 0,
    });
    const stop = stopOf(items, closed.signal);
    try {
      const replies = inbox
        ? await callLate(name, tasks, items, stop.signal)
        : await callNow(name, tasks, stop.signal);
      return replies.map((reply, i) => (reply.ok ? reply.usage : errorOf(tasks[i]!, reply)));
    } catch (error) {
      if (closed.signal.aborted) throw closed.signal.reason;
      // The abort of one task is that task's alone; the call went with it only if it was the last.
      const cause =
        stop.signal.aborted && !(stop.signal.reason instanceof TaskError) ? stop.signal.reason : error;
      const failed = cause instanceof TaskError ? cause : stop.signal.aborted ? cause : lost(cause, '');
      return items.map(({ task }) => {
        if (!(failed instanceof TaskError)) return failed as Error;
        const { kind, message } = failed;
        // What was refused costs nothing.
        return new TaskError(
          kind,
          task.key,
          message,
          kind === 'throttled' || kind === 'user' ? {} : { bill: bill() },
        );
      });
    } finally {
      stop.release();
    }
  }

  async function callNow(
    name: string,
    tasks: readonly Task[],
    signal: AbortSignal,
  ): Promise<readonly Reply[]> {
    const payload = await payloadOf(tasks, { store: storeUri }, payloadLimits.RequestResponse);
    const verdict = verdictOf(await invoker.invoke(name, payload, { type: 'RequestResponse', signal }), name);
    if ('failure' in verdict) throw new TaskError(verdict.failure, '', verdict.message);
    if (verdict.answer.replies.length !== tasks.length)
      throw new TaskError(
        'lost',
        '',
        `lambda: ${name} answered ${verdict.answer.replies.length} tasks of ${tasks.length}`,
      );
    return verdict.answer.replies;
  }

  async function callLate(
    name: string,
    tasks: readonly Task[],
    items: readonly Item[],
    signal: AbortSignal,
  ): Promise<readonly Reply[]> {
    const call = crypto.randomUUID();
    const limit = Math.max(...items.map(({ options: { timeout = longest } }) => timeout)) + grace;
    const waiting = inbox!.expect(call, limit, signal);
    waiting.catch(() => {});
    const payload = await payloadOf(tasks, { store: storeUri, late: { run, call } }, payloadLimits.Event);
    const invoked = await invoker.invoke(name, payload, { type: 'Event', signal });
    if (invoked.status !== 202) {
      inbox!.forget(call);
      const verdict = verdictOf(invoked, name);
      throw 'failure' in verdict
        ? new TaskError(verdict.failure, '', verdict.message)
        : new TaskError(
            'lost',
            '',
            `lambda: ${name} answered status ${invoked.status} to a call that nobody waits for`,
          );
    }
    const answer = await waiting;
    if (answer) return answer.replies;
    // No word in time: what is in the store is done all the same.
    const there = await Promise.all(tasks.map(({ key }) => store.has(key)));
    return there.map((done) =>
      done
        ? { ok: true, usage: { wall: 0, busy: 0, bytes: 0, reads: 0, rss: 0 } }
        : { ok: false, kind: 'lost', message: `lambda: ${name} gave no word in ${limit / 1000} s` },
    );
  }

  const batch = batches<Item, Usage>(pack, send);
  return {
    name: 'lambda',
    get concurrency() {
      return growth.limit * pack;
    },
    async run(task, how) {
      how.signal.throwIfAborted();
      growth.begin();
      return batch(`${rungFor(how.memory ?? 0, how.scale ?? 1, ladder)}`, { task, options: how });
    },
    async close() {
      closed.abort(new TaskError('lost', '', 'lambda: the run has ended'));
      await inbox?.close();
      invoker.close();
    },
  };
}

/** Ends a call when all its tasks were given up, or with `timeout` when the longest of their limits is over. */
function stopOf(
  items: readonly { readonly options: RunOptions }[],
  closed: AbortSignal,
): { readonly signal: AbortSignal; release(): void } {
  const stop = new AbortController();
  const given = (): void => {
    if (items.every(({ options: { signal } }) => signal.aborted)) stop.abort(items[0]!.options.signal.reason);
  };
  const over = (): void => stop.abort(closed.reason);
  for (const { options } of items) options.signal.addEventListener('abort', given);
  closed.addEventListener('abort', over);
  const limits = items.map(({ options: { timeout = Infinity } }) => timeout);
  const limit = Math.max(...limits) * items.length;
  const timer =
    limit < 2 ** 31
      ? setTimeout(
          () => stop.abort(new TaskError('timeout', '', `lambda: no answer after ${limit} ms`)),
          limit,
        )
      : undefined;
  return {
    signal: stop.signal,
    release() {
      clearTimeout(timer);
      closed.removeEventListener('abort', over);
      for (const { options } of items) options.signal.removeEventListener('abort', given);
    },
  };
}

function errorOf(task: Task, reply: Extract<Reply, { ok: false }>): TaskError {
  const error = new TaskError(reply.kind, task.key, reply.message, reply.bill ? { bill: reply.bill } : {});
  if (reply.stack) error.stack = reply.stack;
  return error;
}
