/** One HTTP request, repeated while the network or the server is at fault. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BadInput, TaskError, messageOf } from '../errors.ts';

/** How requests are made. */
export type Network = {
  /** Node's own unless given. */
  readonly fetch?: typeof fetch;
  readonly signal?: AbortSignal;
  /** Attempts at one request before it is given up; 6 unless given. */
  readonly attempts?: number;
  /** Milliseconds without a byte after which an attempt is given up; 30,000 unless given. */
  readonly patience?: number;
  /** Waits between attempts; a timer unless given. */
  readonly wait?: (ms: number, signal?: AbortSignal) => Promise<unknown>;
};

/** The answer is not what its own head promised: worth another attempt. */
export class Broken extends Error {
  override readonly name = 'Broken';
}

/** Milliseconds: the first backoff's bound, the longest backoff's, and the longest wait that a server may ask for. */
const [first, longest, bound] = [200, 10_000, 60_000];

/** The address without its credentials: signed addresses carry them in the query. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/**
 * Sends the request and gives what `receive` makes of the response; `receive` calls `alive` whenever bytes arrive.
 * Statuses 408, 429 and 5xx, failures of the network, silence, and `Broken` are repeated after a wait with full jitter
 * (uniform in 0..200 ms, doubled each time up to 10 s), on top of a Retry-After (RFC 9110, 10.2.3) of at most 60 s.
 * @throws BadInput for a host that no attempt could resolve; TaskError `throttled` (429, 503) or `lost` when the attempts are used up; what `receive` throws; the signal's reason
 */
export async function request<T>(
  url: string,
  init: { readonly method: 'GET' | 'HEAD'; readonly headers: Record<string, string> },
  network: Network,
  receive: (response: Response, alive: () => void) => Promise<T>,
): Promise<T> {
  const { attempts = 6, wait = pause, signal } = network;
  for (let attempt = 1; ; attempt++) {
    signal?.throwIfAborted();
    const failure = await attemptOnce(url, init, network, receive);
    if ('value' in failure) return failure.value;
    if (attempt >= attempts && failure.unknownHost)
      throw new BadInput(`http: the host of ${shownUrl(url)} is unknown; check the address and the network`);
    if (attempt >= attempts)
      throw new TaskError(
        failure.kind,
        '',
        `http: ${shownUrl(url)} failed ${attempts} times, last with ${failure.found}; check the network and the server, then run again`,
        failure.cause === undefined ? {} : { cause: failure.cause },
      );
    const backoff = Math.random() * Math.min(longest, first * 2 ** (attempt - 1));
    try {
      await wait(failure.after + backoff, signal);
    } finally {
      signal?.throwIfAborted();
    }
  }
}

type Attempt<T> =
  | { readonly value: T }
  | {
      readonly kind: 'throttled' | 'lost';
      readonly found: string;
      /** Milliseconds that the server asks to wait. */
      readonly after: number;
      readonly unknownHost?: boolean;
      readonly cause?: unknown;
    };

async function attemptOnce<T>(
  url: string,
  init: { readonly method: string; readonly headers: Record<string, string> },
  { fetch: send = fetch, signal, patience = 30_000 }: Network,
  receive: (response: Response, alive: () => void) => Promise<T>,
): Promise<Attempt<T>> {
  // AbortSignal.any would hold on to the run's signal once a request, for the whole run.
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  const watch = setTimeout(() => controller.abort(new Broken(`silence for ${patience} ms`)), patience);
  try {
    const response = await send(url, { ...init, signal: controller.signal });
    const { status } = response;
    if (isBusy(status)) {
      await discardBody(response);
      return {
        kind: status === 429 || status === 503 ? 'throttled' : 'lost',
        found: `status ${status}`,
        after: retryAfter(response.headers.get('retry-after')),
      };
    }
    return { value: await receive(response, () => watch.refresh()) };
  } catch (error) {
    signal?.throwIfAborted();
    if (!isNetwork(error)) throw error;
    const { cause } = error as Error;
    const found = cause instanceof Error ? `${messageOf(error)}: ${messageOf(cause)}` : messageOf(error);
    const unknownHost = (cause as NodeJS.ErrnoException | undefined)?.code === 'ENOTFOUND';
    return { kind: 'lost', found, after: 0, unknownHost, cause: error };
  } finally {
    clearTimeout(watch);
    signal?.removeEventListener('abort', abort);
  }
}

/** Frees the connection. */
export async function discardBody(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

// 501 is a refusal of the method, and lasting.
const isBusy = (status: number): boolean =>
  status === 408 || status === 429 || (status >= 500 && status !== 501);

// fetch reports what the network did as a TypeError, `fetch failed` or `terminated`.
const isNetwork = (error: unknown): boolean =>
  error instanceof Broken || (error instanceof TypeError && /^(fetch failed|terminated)/.test(error.message));

/** Seconds or a date, in milliseconds from now. */
function retryAfter(text: string | null): number {
  if (text === null) return 0;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - Date.now();
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(ms, 0), bound);
}

const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  sleep(ms, undefined, signal ? { signal } : {});
