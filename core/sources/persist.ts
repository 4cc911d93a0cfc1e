/** Attempts repeated while the network or the server is at fault: the one policy of all remote sources. */
import { setTimeout as sleep } from 'node:timers/promises';
import { TaskError, messageOf } from '../errors.ts';

/** What a failed attempt was, when another one is worth it. */
export type Setback = {
  readonly kind: 'throttled' | 'lost';
  /** What was found, for the message: `status 503`, `fetch failed: read ECONNRESET`. */
  readonly found: string;
  /** Milliseconds that the server asks to wait; more than 60 s are taken as 60 s. None unless given. */
  readonly after?: number;
  /** Thrown instead of a TaskError when the attempts are used up. */
  readonly last?: Error;
};

/** How attempts are repeated. */
export type Persistence = {
  /** Opens messages, say `http: https://host/path`; without credentials. */
  readonly subject: string;
  /** What a failure means; undefined: it is an answer, and thrown. Not asked about `Broken`, which is `lost`. */
  readonly judge: (error: unknown) => Setback | undefined;
  /** Attempts before it is given up; 6 unless given. */
  readonly attempts?: number | undefined;
  /** Waits between attempts; a timer unless given. */
  readonly wait?: ((ms: number, signal?: AbortSignal) => Promise<unknown>) | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** The answer is not what its own head promised, or did not come: worth another attempt. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

/** Milliseconds: the first backoff's bound, the longest backoff's, and the longest wait that a server may ask for. */
const [first, longest, bound] = [200, 10_000, 60_000];

/**
 * Gives what `attempt` gives, repeated after setbacks with full jitter: uniform in 0..200 ms, doubled each time up to 10 s, on top
 * of what the server asks for.
 * @throws TaskError of the last setback's kind when the attempts are used up, or its `last`; what is no setback; the signal's reason
 */
export async function persist<T>(attempt: () => Promise<T>, persistence: Persistence): Promise<T> {
  for (let failures = 0; ;) {
    persistence.signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      failures += 1;
      await recover(error, failures, persistence);
    }
  }
}

/**
 * Waits after a failure, the `failures`-th in a row, until another attempt may be made.
 * @throws as `persist`
 */
export async function recover(error: unknown, failures: number, persistence: Persistence): Promise<void> {
  const { subject, judge, attempts = 6, wait = pause, signal } = persistence;
  signal?.throwIfAborted();
  const setback: Setback | undefined =
    error instanceof Broken ? { kind: 'lost', found: messageOf(error) } : judge(error);
  if (!setback) throw error;
  const { kind, found, after = 0, last } = setback;
  if (failures >= attempts)
    throw (
      last ??
      new TaskError(
        kind,
        '',
        `${subject} failed ${attempts} times, last with ${found}; check the network and the server, then run again`,
        { cause: error },
      )
    );
  const backoff = Math.random() * Math.min(longest, first * 2 ** (failures - 1));
  try {
    await wait(Math.min(after, bound) + backoff, signal);
  } finally {
    signal?.throwIfAborted();
  }
}

/** The wait that a Retry-After asks for (RFC 9110, 10.2.3), seconds or a date, in milliseconds from now; 0 where it says neither. */
export function retryAfter(text: string | null | undefined): number {
  if (text === null || text === undefined) return 0;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.max(ms, 0);
}

const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  sleep(ms, undefined, signal ? { signal } : {});
