/** A proxy before an HTTP server that does what networks and clouds do to requests, and keeps count of them. */
import { once, setMaxListeners } from 'node:events';
import {
  Agent,
  createServer,
  request as ask,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { buffer } from 'node:stream/consumers';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { refusal, type Choice, type Fault, type Refusal } from './fault.ts';
import { dateHeader, signAgain, signedAt } from './signature.ts';

/** One request, from its arrival on; what is not known yet is 0. */
export type Entry = {
  readonly method: string;
  /** With the query, as sent. */
  readonly path: string;
  /** The header Range, say `bytes=0-9`. */
  readonly range?: string;
  /** The header x-amz-copy-source: the data stay with the server. */
  readonly copy?: string;
  readonly fault?: Fault['kind'];
  /** Bytes of the request's body that came from the client. */
  bytesIn: number;
  /** Bytes of the answer's body that were given to the client. */
  bytesOut: number;
  /** What the client was told, or would have been without the fault `lose`; 0 where there was no answer. */
  status: number;
};

export type Proxy = {
  /** http://127.0.0.1:PORT. */
  readonly endpoint: string;
  /** Chooses what the next requests meet; may be replaced at any time. */
  fault: Choice;
  /** Requests in the order of their arrival. */
  readonly log: readonly Entry[];
  /** Empties the log. The numbers of the requests go on. */
  clear(): void;
  /** Ends all connections, those with a request in them too. */
  stop(): Promise<void>;
};

export type ProxyOptions = {
  readonly fault?: Choice;
  /** The client's secret: the faults `skew` and `strip` change what is signed, and sign anew. */
  readonly secret?: string;
};

const never: Choice = () => undefined;
const tolerance = 15 * 60_000;

/**
 * Listens on a free port before `target`, say http://127.0.0.1:9000. Requests and answers stream through; the Host header
 * stays the client's, so that its signature holds.
 */
export async function startProxy(
  target: string,
  { fault = never, secret }: ProxyOptions = {},
): Promise<Proxy> {
  const agent = new Agent({ keepAlive: true });
  const stopped = new AbortController();
  // All requests that wait listen.
  setMaxListeners(0, stopped.signal);
  const log: Entry[] = [];
  let n = 0;
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    const asked = { method: request.method!, path: request.url!, headers: request.headers, n: n++ };
    const chosen = proxy.fault(asked);
    const { range, 'x-amz-copy-source': copy } = request.headers;
    const entry: Entry = {
      method: asked.method,
      path: asked.path,
      ...(range !== undefined && { range }),
      ...(typeof copy === 'string' && { copy }),
      ...(chosen && { fault: chosen.kind }),
      bytesIn: 0,
      bytesOut: 0,
      status: 0,
    };
    log.push(entry);
    request.on('data', (chunk: Buffer) => (entry.bytesIn += chunk.length)).pause();
    const link: Link = { target, agent, secret, signal: stopped.signal, request, response, entry };
    // Whatever breaks on the way, the client sees its connection end, as it would without the proxy.
    serve(link, chosen).catch(() => request.socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxy: Proxy = {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    fault,
    log,
    clear: () => void log.splice(0),
    async stop() {
      stopped.abort();
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      agent.destroy();
      await closed;
    },
  };
  return proxy;
}

/** A request on its way. */
type Link = {
  readonly target: string;
  readonly agent: Agent;
  readonly secret: string | undefined;
  readonly signal: AbortSignal;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly entry: Entry;
};

async function serve(link: Link, fault: Fault | undefined): Promise<void> {
  const { request } = link;
  switch (fault?.kind) {
    case undefined:
      return relay(link, await forward(link));
    case 'status':
      return refuse(link, { ...usual(link, fault.status), ...fault });
    case 'flip': {
      const body = await buffer(request);
      if (body.length > 0) body[body.length >> 1]! ^= 1;
      return relay(link, await forward(link, request.headers, body));
    }
    case 'reset':
      return void request.socket.resetAndDestroy();
    case 'cut':
      return relay(link, await forward(link), (body) => cut(body, fault.after, link.response));
    case 'slow':
      await sleep(fault.delay, undefined, { signal: link.signal });
      return relay(link, await forward(link));
    case 'trickle':
      return relay(link, await forward(link), (body) => trickle(body, fault, link.signal));
    case 'duplicate': {
      const body = await buffer(request);
      (await forward(link, request.headers, body)).resume();
      return relay(link, await forward(link, request.headers, body));
    }
    case 'lose': {
      const answer = await forward(link);
      await buffer(answer);
      link.entry.status = answer.statusCode!;
      return void request.socket.destroy();
    }
    case 'skew':
      return skew(link, fault.ms);
    case 'strip': {
      const { [fault.header.toLowerCase()]: _, ...rest } = request.headers;
      return relay(link, await forward(link, signed(link, rest)));
    }
  }
}

async function skew(link: Link, ms: number): Promise<void> {
  const { request, response, entry } = link;
  const now = Date.now() + ms;
  const at = signedAt(request.headers);
  response.setHeader('date', new Date(now).toUTCString());
  if (at !== undefined && Math.abs(at - now) > tolerance) {
    const message = 'The difference between the request time and the current time is too large.';
    const type = 'InvalidSignatureException';
    return refuse(link, refusal(entry.path, 403, 'RequestTimeTooSkewed', type, message));
  }
  const headers =
    at === undefined
      ? request.headers
      : signed(link, { ...request.headers, 'x-amz-date': dateHeader(Date.now()) });
  return relay(link, await forward(link, headers));
}

function signed({ request, secret }: Link, headers: IncomingHttpHeaders): IncomingHttpHeaders {
  if (secret === undefined) throw new Error('proxy: a fault that changes what is signed needs the secret');
  return signAgain({ method: request.method!, url: request.url!, headers }, secret);
}

/** Sends the request to the target, with the body that comes from the client or with `body`. */
async function forward(
  { target, agent, request, response }: Link,
  headers: IncomingHttpHeaders = request.headers,
  body?: Buffer,
): Promise<IncomingMessage> {
  // These are between two neighbours only; the client was told to go on already.
  const { connection: _, expect: __, 'transfer-encoding': ___, ...rest } = headers;
  const outgoing = ask(target, { method: request.method!, path: request.url!, headers: rest, agent });
  response.on('close', () => response.writableFinished || outgoing.destroy());
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  if (body) outgoing.end(body);
  else request.pipe(outgoing);
  const [answer] = await answered;
  outgoing.on('error', (error) => answer.destroy(error));
  return answer;
}

type Body = AsyncIterable<Buffer>;

/** Gives the target's answer to the client, its body as `change` makes it. */
async function relay(
  { response, entry }: Link,
  answer: IncomingMessage,
  change?: (body: Body) => Body,
): Promise<void> {
  const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...headers } = answer.headers;
  if (response.hasHeader('date')) delete headers.date;
  entry.status = answer.statusCode!;
  response.writeHead(entry.status, headers);
  if (change) response.flushHeaders();
  await pipeline(
    change ? change(answer) : answer,
    async function* (body: Body) {
      for await (const chunk of body) {
        entry.bytesOut += chunk.length;
        yield chunk;
      }
    },
    response,
  );
}

async function* cut(body: Body, after: number, response: ServerResponse): Body {
  let left = after;
  for await (const chunk of body) {
    yield chunk.subarray(0, left);
    left -= chunk.length;
    if (left >= 0) continue;
    // What is still buffered when a socket is destroyed never leaves.
    while (response.writableLength > 0 && !response.destroyed) await turn();
    throw new Error('cut');
  }
}

async function* trickle(
  body: Body,
  { bytes, pause }: { bytes: number; pause: number },
  signal: AbortSignal,
): Body {
  for await (const chunk of body)
    for (let start = 0; start < chunk.length; start += bytes) {
      yield chunk.subarray(start, start + bytes);
      await sleep(pause, undefined, { signal });
    }
}

/** Answers in the target's place, once the client has sent all. */
async function refuse({ request, response, entry }: Link, { status, headers, body }: Refusal): Promise<void> {
  await buffer(request);
  entry.status = status;
  entry.bytesOut = Buffer.byteLength(body);
  response.writeHead(status, headers).end(body);
}

function usual({ entry: { path } }: Link, status: number): Refusal {
  if (status === 429)
    return refusal(path, status, 'TooManyRequests', 'TooManyRequestsException', 'Rate exceeded.');
  return refusal(path, status, 'SlowDown', 'ServiceException', 'Please reduce your request rate.');
}
