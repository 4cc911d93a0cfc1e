/** An Invoke API that answers every invocation itself after a fixed time, in a process of its own: what this one costs is the client's. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { random } from '../../datasets/random.ts';

export type EndpointOptions = {
  /** ms from the request's last byte to the answer. */
  readonly delay: number;
  /** The share of the requests that are refused with 429 at once. */
  readonly throttle?: number;
  readonly seed?: number;
  /** What a function returns: JSON. `null` by default. */
  readonly reply?: string;
};

export type EndpointCounts = {
  /** Requests that were answered by the function. */
  readonly invocations: number;
  readonly throttled: number;
  /** The most requests that were waiting at once. */
  readonly most: number;
  /** Bytes of the requests' bodies. */
  readonly bytes: number;
  /** ms of processor time that the endpoint's own process has had. */
  readonly cpu: number;
};

export type Endpoint = {
  /** http://127.0.0.1:PORT. */
  readonly endpoint: string;
  counts(): Promise<EndpointCounts>;
  stop(): Promise<void>;
};

const role = 'servermix-endpoint';

/** Starts the process, on a free port. It checks nothing of a request, neither its signature nor its path. */
export async function startEndpoint(options: EndpointOptions): Promise<Endpoint> {
  const child = fork(fileURLToPath(import.meta.url), [role, JSON.stringify(options)]);
  const [port] = (await once(child, 'message')) as [number];
  return {
    endpoint: `http://127.0.0.1:${port}`,
    async counts() {
      child.send('counts');
      const [counts] = (await once(child, 'message')) as [EndpointCounts];
      return counts;
    },
    async stop() {
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
  };
}

function serve({ delay, throttle = 0, seed = 1, reply = 'null' }: EndpointOptions): void {
  const choice = random(seed, 'throttle');
  let [invocations, throttled, waiting, most, bytes] = [0, 0, 0, 0, 0];
  const refusal = JSON.stringify({
    Reason: 'ConcurrentInvocationLimitExceeded',
    Type: 'User',
    message: 'Rate Exceeded.',
  });
  const refused = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(refusal),
    'x-amzn-errortype': 'TooManyRequestsException',
  };
  const answered = {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(reply),
    'x-amz-executed-version': '$LATEST',
  };
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('end', () => {
      if (choice.chance(throttle)) {
        throttled++;
        return void response.writeHead(429, refused).end(refusal);
      }
      invocations++;
      most = Math.max(most, ++waiting);
      setTimeout(() => {
        waiting--;
        response.writeHead(200, answered).end(reply);
      }, delay);
    });
  });
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send!({ invocations, throttled, most, bytes, cpu: (user + system) / 1000 });
  });
  // Whoever started this process has ended.
  process.on('disconnect', () => process.exit());
  server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () =>
    process.send!((server.address() as AddressInfo).port),
  );
}

if (process.argv[2] === role) serve(JSON.parse(process.argv[3]!) as EndpointOptions);
