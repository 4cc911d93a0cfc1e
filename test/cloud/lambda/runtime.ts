/** The Runtime API of one execution environment: hands out invocations one by one and takes what comes of them. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { arnOf, quotas } from './settings.ts';

/** What the handler is called with. */
export type Event = {
  readonly requestId: string;
  readonly function: string;
  /** JSON. */
  readonly payload: string | Buffer;
};

/** What came of an event, as the runtime has it. */
export type Reply = { readonly kind: 'response' | 'error' | 'too-large'; readonly body: Buffer };

export type RuntimeApi = {
  /** HOST:PORT, for AWS_LAMBDA_RUNTIME_API. */
  readonly address: string;
  /** When the runtime asks for its first event; or with the error that kept it from that. */
  readonly started: Promise<Reply | undefined>;
  /** Hands out an event that must be answered by `deadline`, in ms since 1970. Resolves when the runtime has answered and asks for the next. */
  deliver(event: Event, deadline: number): Promise<Reply>;
  /** The answer to the event after which the runtime did not ask for another. */
  lastWords(): Reply | undefined;
  close(): void;
};

// Source: Lambda Developer Guide, "Using the Lambda runtime API".
const root = '/2018-06-01/runtime/';
const accepted = JSON.stringify({ status: 'OK' });

export async function startRuntimeApi(): Promise<RuntimeApi> {
  let asking: ServerResponse | undefined;
  let open: { id: string; reply?: Reply; done: (reply: Reply) => void } | undefined;
  let start!: (error?: Reply) => void;
  const started = new Promise<Reply | undefined>((resolve) => (start = resolve));

  const answer = (id: string, kind: 'response' | 'error', body: Buffer, response: ServerResponse): void => {
    if (open?.id !== id || open.reply) return refuse(response, 400, 'InvalidRequestID');
    if (kind === 'response' && body.length > quotas.response) {
      const message = `Response payload size exceeded maximum allowed payload size (${quotas.response} bytes).`;
      const error = { errorType: 'Function.ResponseSizeTooLarge', errorMessage: message };
      open.reply = { kind: 'too-large', body: Buffer.from(JSON.stringify(error)) };
      refuse(response, 413, 'RequestEntityTooLarge');
    } else {
      open.reply = { kind, body };
      response.writeHead(202, { 'content-type': 'application/json' }).end(accepted);
    }
    settle();
  };
  /** The runtime's two connections may bring the answer and the wish for more in any order. */
  const settle = (): void => {
    if (!open?.reply || !asking) return;
    const { done, reply } = open;
    open = undefined;
    done(reply);
  };
  // An environment may be idle for long, and takes the end of its connection for the end of the service.
  const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    const path = request.url!.slice(root.length);
    if (path === 'invocation/next') {
      asking = response;
      start();
      return settle();
    }
    void read(request).then((body) => {
      const [, id, kind] = /^invocation\/([^/]+)\/(response|error)$/.exec(path) ?? [];
      if (id) return answer(id, kind as 'response' | 'error', body, response);
      if (path !== 'init/error') return refuse(response, 404, 'NotFound');
      response.writeHead(202, { 'content-type': 'application/json' }).end(accepted);
      start({ kind: 'error', body });
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    started,
    deliver({ requestId, function: name, payload }, deadline) {
      const next = asking!;
      asking = undefined;
      return new Promise((done) => {
        open = { id: requestId, done };
        next.writeHead(200, {
          'content-type': 'application/json',
          'lambda-runtime-aws-request-id': requestId,
          'lambda-runtime-deadline-ms': String(deadline),
          'lambda-runtime-invoked-function-arn': arnOf(name),
          'lambda-runtime-trace-id': `Root=1-${requestId.slice(0, 8)}-${requestId.replaceAll('-', '').slice(8)}`,
        });
        next.end(payload);
      });
    },
    lastWords: () => open?.reply,
    close() {
      server.close();
      server.closeAllConnections();
    },
  };
}

function refuse(response: ServerResponse, status: number, errorType: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ errorType }));
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  // A runtime that is killed leaves its request unfinished, and nobody waits for it.
  try {
    for await (const chunk of request) chunks.push(chunk as Buffer);
  } catch {}
  return Buffer.concat(chunks);
}
