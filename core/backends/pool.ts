/** A pool of warm workers, whatever they are made of: hands out tasks, ends what hangs, replaces what dies. */
import { TaskError, type Failure } from '../errors.ts';
import type { Backend, Reply, RunOptions, Store, Task, Usage } from '../job.ts';
import type { Answer, Request } from './serve.ts';

/** One worker, seen from the driver. */
export interface Worker {
  post(request: Request, transfer?: readonly ArrayBuffer[]): void;
  /** Ends it at once, in the middle of whatever it does. */
  kill(): Promise<void>;
}
/** Starts a worker; `scale` times the usual memory. `died` is called once, unless it was killed. */
export type Spawn = (
  scale: number,
  heard: (message: Answer) => void,
  died: (kind: Failure, why: string) => void,
) => Worker;

type Member = {
  worker: Worker;
  scale: number;
  ready: boolean;
  task: { readonly done: (reply: Reply) => void; readonly failed: (error: TaskError) => void } | undefined;
};

/** Deaths in a row before the first sign of life that mean a worker cannot start at all. */
const stillborn = 3;

/** setTimeout takes what is longer for none at all. */
const longestTimer = 2 ** 31 - 1;

/**
 * A backend over `count` workers, started at once. `memory` serves workers that have no store of their own: results come
 * to it over the port, typed arrays moved and not copied.
 */
export function pool(name: string, spawn: Spawn, count: number, memory?: Store): Backend {
  if (!(count >= 1)) throw new RangeError(`a pool needs a worker, found ${count}`);
  const idle: Member[] = [];
  const all = new Set<Member>();
  const waiting: { readonly give: (member: Member) => void; readonly fail: (error: TaskError) => void }[] =
    [];
  const modules: { name: string; module: WebAssembly.Module }[] = [];
  let deaths = 0;
  // Why no worker can start; set once and for all.
  let hopeless: string | undefined;
  let closed = false;

  function hire(scale = 1): Member {
    const member: Member = { worker: undefined!, scale, ready: false, task: undefined };
    member.worker = spawn(
      scale,
      (message) => hear(member, message),
      (kind, why) => bury(member, kind, why),
    );
    for (const module of modules) member.worker.post({ op: 'module', ...module });
    all.add(member);
    return member;
  }

  function hear(member: Member, message: Answer): void {
    if (message.op === 'ready') {
      member.ready = true;
      deaths = 0;
    } else if (message.op === 'reply') {
      const { task } = member;
      member.task = undefined;
      task?.done(message.reply);
    } else if (message.op === 'put') void memory?.put(message.key, message.bytes);
    else void serveStore(member, message);
  }

  async function serveStore(member: Member, ask: Extract<Answer, { op: 'store' }>): Promise<void> {
    const { id, call, key } = ask;
    try {
      if (!memory) throw new Error('this pool has no store of its own');
      // A slice of its own: the blob stays here, the copy moves.
      const value =
        call === 'has' ? await memory.has(key) : (await memory.get(key, ask.start, ask.end)).slice();
      member.worker.post({ op: 'store', id, value }, typeof value === 'boolean' ? [] : [value.buffer]);
    } catch (error) {
      member.worker.post({ op: 'store', id, error: String(error) });
    }
  }

  function bury(member: Member, kind: Failure, why: string): void {
    all.delete(member);
    const at = idle.indexOf(member);
    if (at >= 0) idle.splice(at, 1);
    if (!member.ready) deaths++;
    const { task } = member;
    member.task = undefined;
    // Without a single sign of life there is nothing to retry with: fatal, as a mistake of ours.
    if (deaths >= stillborn) hopeless = why;
    task?.failed(new TaskError(hopeless === undefined ? kind : 'user', '', why));
    if (hopeless !== undefined)
      for (const { fail } of waiting.splice(0)) fail(new TaskError('user', '', hopeless));
    else if (!closed && (at >= 0 || task)) release(hire());
  }

  function release(member: Member): void {
    if (closed || !all.has(member)) return;
    const next = waiting.shift();
    if (next) next.give(member);
    else idle.push(member);
  }

  /** An idle worker of at least `scale`; a smaller one makes room for it. */
  async function take(scale: number, signal: AbortSignal): Promise<Member> {
    if (hopeless !== undefined && idle.length === 0) throw new TaskError('user', '', hopeless);
    const member = idle.pop() ?? (await new Promise<Member>((give, fail) => waiting.push({ give, fail })));
    if (signal.aborted) {
      release(member);
      throw signal.reason;
    }
    if (member.scale >= scale) return member;
    await discard(member);
    if (closed) throw new TaskError('lost', '', 'the pool was closed');
    const larger = hire(scale);
    if (!signal.aborted) return larger;
    release(larger);
    throw signal.reason;
  }

  async function discard(member: Member): Promise<void> {
    all.delete(member);
    await member.worker.kill();
  }

  async function run(task: Task, { signal, timeout, scale = 1 }: RunOptions): Promise<Usage> {
    signal.throwIfAborted();
    const member = await take(scale, signal);
    return new Promise<Usage>((resolve, reject) => {
      const settle = (back: Member | undefined, finish: () => void): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', aborted);
        member.task = undefined;
        if (back) release(back);
        finish();
      };
      // The worker is in the middle of something that cannot be interrupted: only its end ends it.
      const give = (error: unknown): void => {
        settle(undefined, () => {});
        void discard(member).then(() => {
          if (!closed) release(hire());
          reject(error as Error);
        });
      };
      const aborted = (): void => give(signal.reason);
      const timer =
        timeout === undefined
          ? undefined
          : setTimeout(
              () => give(new TaskError('timeout', task.key, `no answer after ${timeout} ms`)),
              Math.min(timeout, longestTimer),
            );
      signal.addEventListener('abort', aborted);
      member.task = {
        done(reply) {
          settle(member, () => (reply.ok ? resolve(reply.usage) : reject(errorOf(task, reply))));
        },
        failed: ({ kind, message }) =>
          settle(undefined, () => reject(new TaskError(kind, task.key, message))),
      };
      member.worker.post({ op: 'task', task });
    });
  }

  for (let i = 0; i < count; i++) idle.push(hire());
  return {
    name,
    concurrency: count,
    run,
    share(name, module) {
      modules.push({ name, module });
      for (const { worker } of all) worker.post({ op: 'module', name, module });
    },
    async close() {
      closed = true;
      await Promise.all([...all].map(discard));
    },
  };
}

function errorOf(task: Task, reply: Extract<Reply, { ok: false }>): TaskError {
  const error = new TaskError(reply.kind, task.key, reply.message);
  if (reply.stack) error.stack = reply.stack;
  return error;
}
