/** AWS Lambda as a backend: a task is a call of a function, its result an object in the store. */
import { hash } from 'node:crypto';
import { BadInput, BadUsage, messageOf, TaskError } from '../../../core/errors.ts';
import type { Backend, Key, Reply, RunOptions, Task, Usage } from '../../../core/job.ts';
import type { BucketStore } from '../store.ts';
import { answers } from './answers.ts';
import { batches } from './batch.ts';
import { type Invoker, payloadLimits } from './invoke.ts';
import { ramp } from './ramp.ts';
import { rungFor } from './rung.ts';
import { type Verdict, verdictOf } from './verdict.ts';
import { type Answer, type Call, callKey, wire } from './wire.ts';

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
const mostHeld = 1000;
/** Milliseconds that a function may take (Lambda quotas), and what a call may take besides. */
const [longest, grace] = [900_000, 60_000];
/** setTimeout takes what is longer for none at all. */
const longestTimer = 2 ** 31 - 1;

type Stop = { readonly signal: AbortSignal; abort(reason: Error): void; release(): void };
type Item = { readonly task: Task; readonly options: RunOptions };

/**
 * A task takes the smallest function that has what its plan says, after `oom` one of twice the size. What Lambda refuses is `throttled`, what ends without an
 * answer `lost`, `timeout` or `oom`; retries are the engine's: the stack sets Lambda's own to none. A task whose call ended without a word of its own goes
 * alone the next time, and is waited for: then it costs no neighbour an attempt, and what ends it is told.
 */
export function lambda(options: LambdaOptions): Backend {
  const { invoker, functionName, ladder, store, storeUri, calls, pack = 1, run } = options;
  const growth = ramp(calls);
  const inbox = (options.late ?? calls > mostHeld) ? answers(storeUri, run) : undefined;
  // A set and not listeners of one signal, which warns of more than ten.
  const open = new Set<Stop>();
  let closed: TaskError | undefined;
  const suspect = new Set<Key>();
  const turns: (() => void)[] = [];
  let flying = 0;

  const payloadOf = async (
    tasks: readonly Task[],
    call: Omit<Call, 'tasks' | 'wire'>,
    limit: number,
  ): Promise<string> => {
    const payload = JSON.stringify({ wire, ...call, tasks } satisfies Call);
    // No letter takes more than three bytes: most payloads need not be measured.
    if (payload.length * 3 < limit || Buffer.byteLength(payload) < limit) return payload;
    const bytes = Buffer.from(JSON.stringify(tasks));
    const key = callKey(tasks[0]!.key, hash('sha256', bytes).slice(0, 16));
    await store.put(key, bytes);
    return JSON.stringify({ wire, ...call, tasks: [], stored: { key, size: bytes.length } } satisfies Call);
  };

  async function send(
    rung: string,
    items: readonly Item[],
    held = inbox === undefined,
  ): Promise<readonly (Usage | Error)[]> {
    const name = functionName(Number(rung));
    const tasks = items.map(({ task }) => task);
    // Tasks that go alone, and batches that are not full, make more calls than the engine knows of.
    if (flying >= growth.limit) await new Promise<void>((go) => turns.push(go));
    flying++;
    const began = performance.now();
    const stop = stopOf(items);
    open.add(stop);
    if (closed) stop.abort(closed);
    let verdict: Verdict;
    try {
      verdict = await (held ? hold : leave)(name, tasks, stop.signal);
    } catch (error) {
      if (closed) throw closed;
      if (error instanceof BadInput || error instanceof BadUsage) return items.map(() => error);
      verdict = { ...interruption(error, stop.signal), ran: true };
    } finally {
      stop.release();
      open.delete(stop);
      flying--;
      turns.shift()?.();
    }
    if ('answer' in verdict) return verdict.answer.replies.map((reply, i) => outcomeOf(tasks[i]!, reply));
    const { failure, message, ran } = verdict;
    if (ran) for (const { key } of tasks) suspect.add(key);
    // One call, one bill, however many tasks went by it.
    const gbSeconds = ((performance.now() - began) / 1000) * (Number(rung) / 1024);
    const bill = { invocations: 1, gbSeconds, gets: 0, puts: 0 };
    return tasks.map(({ key }, i) => new TaskError(failure, key, message, ran && i === 0 ? { bill } : {}));
  }

  function outcomeOf(task: Task, reply: Reply): Usage | TaskError {
    if (reply.ok) {
      suspect.delete(task.key);
      return reply.usage;
    }
    if (reply.kind === 'lost' || reply.kind === 'timeout') suspect.add(task.key);
    const error = new TaskError(reply.kind, task.key, reply.message, reply.bill ? { bill: reply.bill } : {});
    if (reply.stack) error.stack = reply.stack;
    return error;
  }

  async function hold(name: string, tasks: readonly Task[], signal: AbortSignal): Promise<Verdict> {
    const payload = await payloadOf(tasks, { store: storeUri }, payloadLimits.RequestResponse);
    const verdict = verdictOf(await invoker.invoke(name, payload, { type: 'RequestResponse', signal }), name);
    return 'answer' in verdict ? fit(verdict.answer, tasks, name) : verdict;
  }

  async function leave(name: string, tasks: readonly Task[], signal: AbortSignal): Promise<Verdict> {
    const call = crypto.randomUUID();
    const payload = await payloadOf(tasks, { store: storeUri, late: { run, call } }, payloadLimits.Event);
    const coming = inbox!.expect(call, signal);
    coming.catch(() => {});
    try {
      const invoked = await invoker.invoke(name, payload, { type: 'Event', signal });
      if (invoked.status === 202) return fit(await coming, tasks, name);
      const verdict = verdictOf(invoked, name);
      if (!('answer' in verdict)) return verdict;
      const message = `lambda: ${name} answered status ${invoked.status}, expected 202 of a call that nobody waits for`;
      return { failure: 'lost', message, ran: true };
    } catch (error) {
      if (!(signal.reason instanceof TaskError) || closed) throw error;
      // No word in time: what is in the store is done all the same.
      const { kind, message } = signal.reason;
      const there = await Promise.all(tasks.map(({ key }) => store.has(key)));
      const replies = there.map((done): Reply =>
        done ? { ok: true, usage: unknown } : { ok: false, kind, message },
      );
      return { answer: { wire, replies } };
    } finally {
      inbox!.forget(call);
    }
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
      const rung = `${rungFor(how.memory ?? 0, how.scale ?? 1, ladder)}`;
      const item = { task, options: how };
      const alone = suspect.has(task.key);
      if (pack > 1 && !alone) return batch(rung, item);
      const [outcome] = await (alone ? send(rung, [item], true) : send(rung, [item]));
      if (outcome instanceof Error) throw outcome;
      return outcome!;
    },
    async close() {
      closed = new TaskError('lost', '', 'lambda: the run has ended');
      for (const stop of open) stop.abort(closed);
      await inbox?.close();
      invoker.close();
    },
  };
}

/** Of a task that was done by a call whose answer did not come. */
const unknown: Usage = { wall: 0, busy: 0, bytes: 0, reads: 0, rss: 0 };

/** A reply for each task: a call that is refused as a whole has one for all. */
function fit(answer: Answer, tasks: readonly Task[], name: string): Verdict {
  const { replies } = answer;
  if (replies.length === tasks.length) return { answer };
  const [first] = replies;
  if (replies.length === 1 && !first!.ok)
    return { failure: first!.kind, message: first!.message, ran: false };
  const message = `lambda: ${name} answered ${replies.length} tasks, expected ${tasks.length}; deploy again if that lasts`;
  return { failure: 'lost', message, ran: true };
}

/** Why a call ended that was not answered: it was given up, or the network failed, and nobody knows whether the function ran. */
function interruption(
  error: unknown,
  { aborted, reason }: AbortSignal,
): { failure: TaskError['kind']; message: string } {
  const known = aborted ? reason : error;
  if (known instanceof TaskError) return { failure: known.kind, message: known.message };
  if (aborted) return { failure: 'lost', message: `lambda: the call was given up: ${messageOf(reason)}` };
  const what = messageOf(error) || (error as NodeJS.ErrnoException).code;
  return { failure: 'lost', message: `lambda: no answer: ${what}` };
}

/**
 * Ends a call when all its tasks were given up, with `timeout` when their limits are over, one after the other, and with `lost` when it takes longer than a function
 * may: the other end of a connection can vanish without a word.
 */
function stopOf(items: readonly Item[]): Stop {
  const stop = new AbortController();
  const given = (): void => {
    for (const { options } of items) if (!options.signal.aborted) return;
    stop.abort(items[0]!.options.signal.reason);
  };
  let limit = 0;
  for (const { options } of items) {
    options.signal.addEventListener('abort', given);
    limit = Math.max(limit, (options.timeout ?? Infinity) * items.length);
  }
  const [kind, ms] =
    limit === Infinity ? (['lost', longest + grace] as const) : (['timeout', limit] as const);
  const timer = setTimeout(
    () => stop.abort(new TaskError(kind, '', `lambda: no answer after ${ms} ms`)),
    Math.min(ms, longestTimer),
  );
  // They may have been given up while the call was made ready.
  given();
  return {
    signal: stop.signal,
    abort: (reason) => stop.abort(reason),
    release() {
      clearTimeout(timer);
      for (const { options } of items) options.signal.removeEventListener('abort', given);
    },
  };
}
