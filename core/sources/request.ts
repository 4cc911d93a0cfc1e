/** One HTTP request, repeated while the network or the server is at fault. */
import { BadInput, messageOf } from '../errors.ts';
import { Broken, persist, type Persistence, retryAfter, type Setback } from './persist.ts';

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

/** The address without its credentials: signed addresses carry them in the query. */
export function shownUrl(url: string): string {
  const { origin, pathname } = new URL(url);
  return origin + pathname;
}

/** The server is busy, or at fault: an answer worth another attempt. */
class Busy extends Error {
  override readonly name = 'Busy';
  readonly status: number;
  /** Milliseconds that the server asks to wait. */
  readonly after: number;
  constructor(status: number, after: number) {
    super(`status ${status}`);
    this.status = status;
    this.after = after;
  }
}

/** How requests to an address are repeated: on statuses 408, 429 and 5xx, failures of the network and `Broken`. */
export function persistenceOf(url: string, { attempts, wait, signal }: Network): Persistence {
  const subject = `http: ${shownUrl(url)}`;
  const unknown = `http: the host of ${shownUrl(url)} is unknown; check the address and the network`;
  return { subject, attempts, wait, signal, judge: (error) => judge(error, unknown) };
}

function judge(error: unknown, unknownHost: string): Setback | undefined {
  if (error instanceof Busy) {
    const { status, after, message: found } = error;
    return { kind: status === 429 || status === 503 ? 'throttled' : 'lost', found, after };
  }
  // fetch reports what the network did as a TypeError, `fetch failed` or `terminated`.
  if (!(error instanceof TypeError && /^(fetch failed|terminated)/.test(error.message))) return undefined;
  const { cause } = error;
  const found = cause instanceof Error ? `${messageOf(error)}: ${messageOf(cause)}` : messageOf(error);
  const isUnknown = (cause as NodeJS.ErrnoException | undefined)?.code === 'ENOTFOUND';
  return { kind: 'lost', found, ...(isUnknown ? { last: new BadInput(unknownHost) } : {}) };
}

/** What is asked; a POST must be one that may be repeated, as a search is. */
export type Init = {
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly headers: Record<string, string>;
  readonly body?: string;
};

/**
 * Sends the request and gives what `receive` makes of the response; `receive` calls `alive` whenever bytes arrive.
 * What `persistenceOf` names, and silence, is repeated as `persist` says, Retry-After honoured.
 * @throws BadInput for a host that no attempt could resolve; TaskError `throttled` (429, 503) or `lost` when the attempts are used up; what `receive` throws; the signal's reason
 */
export function request<T>(
  url: string,
  init: Init,
  network: Network,
  receive: (response: Response, alive: () => void) => Promise<T>,
): Promise<T> {
  return persist(() => attemptOnce(url, init, network, receive), persistenceOf(url, network));
}

async function attemptOnce<T>(
  url: string,
  init: Init,
  network: Network,
  receive: (response: Response, alive: () => void) => Promise<T>,
): Promise<T> {
  const { signal, patience = 30_000 } = network;
  // AbortSignal.any would hold on to the run's signal once a request, for the whole run.
  const controller = new AbortController();
  const abort = (): void => controller.abort(signal?.reason);
  signal?.addEventListener('abort', abort, { once: true });
  const watch = setTimeout(() => controller.abort(new Broken(`silence for ${patience} ms`)), patience);
  try {
    return await receive(await send(url, init, network, controller.signal), () => watch.refresh());
  } finally {
    clearTimeout(watch);
    signal?.removeEventListener('abort', abort);
  }
}

/**
 * One attempt at a request, up to the head of its response.
 * @throws what `persistenceOf` takes for a setback, and the signal's reason
 */
export async function send(
  url: string,
  init: Init,
  { fetch: ask = fetch }: Network,
  signal: AbortSignal,
): Promise<Response> {
  const response = await ask(url, { ...init, signal });
  const { status } = response;
  if (!isBusy(status)) return response;
  await discardBody(response);
  throw new Busy(status, retryAfter(response.headers.get('retry-after')));
}

/** Frees the connection. */
export async function discardBody(response: Response): Promise<void> {
  await response.body?.cancel().catch(() => {});
}

// 501 is a refusal of the method, and lasting.
const isBusy = (status: number): boolean =>
  status === 408 || status === 429 || (status >= 500 && status !== 501);
