/** A Lambda service for tests: its Invoke API, and environments that run AWS's own runtime interface client. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startFleet, type Counts, type Execution, type Fleet, type Ledger } from './fleet.ts';
import { invoker } from './invoke.ts';
import { region, type LambdaOptions } from './settings.ts';

export type LambdaService = {
  /** http://127.0.0.1:PORT, of the Invoke API. */
  readonly endpoint: string;
  readonly key: string;
  readonly secret: string;
  readonly region: string;
  readonly counts: Counts;
  /** In the order of their starts. */
  readonly executions: readonly Execution[];
  /** What the functions wrote, an entry for each execution that has ended. */
  readonly logs: readonly string[];
  /** Kills the environment that has been busy longest; false where none is. */
  killOne(): boolean;
  /** When nothing runs and nothing waits any more. */
  settled(): Promise<void>;
  /** Ends all environments at once, and what they run. */
  stop(): Promise<void>;
};

/** Listens on a free port. What its functions are, and what goes wrong, is in the options. */
export async function startLambda(options: LambdaOptions): Promise<LambdaService> {
  const { functions, key = 'AK', secret = 'SK', describe = digest } = options;
  const counts: Counts = {
    invocations: 0,
    throttled: 0,
    cold: 0,
    warm: 0,
    timeouts: 0,
    oom: 0,
    crashes: 0,
    byFunction: {},
  };
  const ledger: Ledger = { counts, executions: [], logs: [], busy: 0 };
  const fleets = new Map<string, Fleet>();
  let waiting: (() => void)[] = [];
  const quiet = (): boolean =>
    ledger.busy === 0 && [...fleets.values()].every((fleet) => fleet.waiting() === 0);
  const freed = (): void => {
    for (const fleet of fleets.values()) fleet.pump();
    if (!quiet()) return;
    for (const done of waiting) done();
    waiting = [];
  };
  for (const { name, folder } of functions)
    if (!existsSync(folder)) throw new Error(`Lambda: function ${name}: no folder ${folder}`);
  const invoke = invoker(fleets, options);
  const server = createServer({ keepAliveTimeout: 60_000 }, (request, response) => {
    // A client that goes away in the middle of its request gets no answer.
    invoke(request, response).catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  for (const settings of functions) {
    const { name } = settings;
    // Functions reach the service that they run in.
    const env = { AWS_ENDPOINT_URL_LAMBDA: endpoint, ...settings.env };
    fleets.set(name, startFleet({ ...settings, env }, { ...options, describe }, ledger, freed));
  }
  return {
    endpoint,
    key,
    secret,
    region,
    counts,
    executions: ledger.executions,
    logs: ledger.logs,
    killOne: () => [...fleets.values()].some((fleet) => fleet.killOne()),
    settled: () => (quiet() ? Promise.resolve() : new Promise((done) => waiting.push(done))),
    async stop() {
      const closed = once(server, 'close');
      server.close();
      server.closeAllConnections();
      await Promise.all([...fleets.values()].map((fleet) => fleet.stop()));
      await closed;
    },
  };
}

const digest = (payload: string): string => createHash('sha256').update(payload).digest('hex');
