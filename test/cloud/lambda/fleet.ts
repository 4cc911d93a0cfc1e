/** The environments of one function: who is idle, who is busy, who waits, and whether one more may start. */
import { startEnvironment, type Environment, type Outcome, type Result } from './environment.ts';
import type { Event } from './runtime.ts';
import type { FunctionSettings, LambdaOptions } from './settings.ts';

/** Numbers since the start of the service. */
export type Counts = {
  /** Deliveries to an environment. */
  invocations: number;
  /** Refused with 429. */
  throttled: number;
  /** Environments that started for an invocation. */
  cold: number;
  /** Invocations of an environment that had run others. */
  warm: number;
  timeouts: number;
  oom: number;
  /** Environments that ended by themselves. */
  crashes: number;
  /** Invocations by the function's name. */
  readonly byFunction: { [name: string]: number };
};

/** One delivery of an event. */
export type Execution = {
  readonly requestId: string;
  readonly function: string;
  /** What `describe` made of it. */
  readonly payload: string;
  /** ms since 1970. */
  readonly startedAt: number;
  /** The handler's time; 0 while it runs. */
  ms: number;
  outcome: Outcome | 'running';
};

/** What all functions of a service share. */
export type Ledger = {
  readonly counts: Counts;
  readonly executions: Execution[];
  /** All that the functions wrote, an entry for each execution. */
  readonly logs: string[];
  /** Invocations that run now, of all functions. */
  busy: number;
};

/** Why an event cannot run now, in the words of the API. */
export type Throttle =
  | 'ReservedFunctionConcurrentInvocationLimitExceeded'
  | 'ConcurrentInvocationLimitExceeded';

export type Fleet = {
  readonly settings: FunctionSettings;
  /** Runs an event now and waits for it; or the reason why it may not. */
  invoke(event: Event): Promise<Result> | Throttle;
  /** Takes an event that runs when it may. */
  enqueue(event: Event): void;
  /** Tries what waits: something that all functions share has become free. */
  pump(): void;
  /** How many events wait. */
  waiting(): number;
  /** Kills the environment that has been busy longest; false where none is. */
  killOne(): boolean;
  stop(): Promise<void>;
};

/** `freed` is called when an invocation has ended. */
export function startFleet(
  settings: FunctionSettings,
  {
    ricFolder,
    account = Infinity,
    ramp,
    cpu = false,
    describe,
  }: LambdaOptions & { describe: (payload: string) => string },
  ledger: Ledger,
  freed: () => void,
): Fleet {
  const { name, environments: reserved = Infinity } = settings;
  const { counts, executions, logs } = ledger;
  // The one that was used last is used next, as on Lambda, so that the others can be given up.
  const idle: Environment[] = [];
  const all = new Set<Promise<Environment>>();
  const running = new Set<Promise<Environment>>();
  const queue: Event[] = [];
  let starts: number[] = [];
  let [started, stopped] = [0, false];
  let timer: NodeJS.Timeout | undefined;

  /** How many ms until one more environment may start. */
  const wait = (): number => {
    if (!ramp) return 0;
    const now = performance.now();
    starts = starts.filter((time) => now - time < ramp.seconds * 1000);
    if (starts.length < ramp.environments) return 0;
    return starts[starts.length - ramp.environments]! + ramp.seconds * 1000 - now;
  };
  const dropDead = (): void => {
    while (idle.length > 0 && !idle.at(-1)!.alive) idle.pop();
  };
  const obstacle = (): Throttle | undefined => {
    if (running.size >= reserved) return 'ReservedFunctionConcurrentInvocationLimitExceeded';
    dropDead();
    const full = ledger.busy >= account || (idle.length === 0 && wait() > 0);
    return full ? 'ConcurrentInvocationLimitExceeded' : undefined;
  };
  const take = (): Promise<Environment> => {
    const warm = idle.pop();
    counts[warm ? 'warm' : 'cold']++;
    if (warm) return Promise.resolve(warm);
    starts.push(performance.now());
    const environment = startEnvironment(settings, { ricFolder, cpu, number: ++started });
    all.add(environment);
    void environment.then(({ gone }) => gone).then(() => all.delete(environment));
    return environment;
  };
  const run = async (event: Event): Promise<Result> => {
    const execution: Execution = {
      requestId: event.requestId,
      function: name,
      payload: describe(event.payload.toString()),
      startedAt: Date.now(),
      ms: 0,
      outcome: 'running',
    };
    executions.push(execution);
    counts.invocations++;
    counts.byFunction[name] = (counts.byFunction[name] ?? 0) + 1;
    ledger.busy++;
    const taken = take();
    running.add(taken);
    const environment = await taken;
    const result = await environment.run(event);
    running.delete(taken);
    ledger.busy--;
    if (environment.alive) idle.push(environment);
    execution.ms = result.ms;
    execution.outcome = result.outcome;
    if (result.outcome === 'timeout') counts.timeouts++;
    if (result.outcome === 'oom') counts.oom++;
    if (result.outcome === 'crash') counts.crashes++;
    logs.push(result.log);
    freed();
    return result;
  };
  const pump = (): void => {
    while (!stopped && queue.length > 0 && obstacle() === undefined) void run(queue.shift()!);
    clearTimeout(timer);
    const delay = wait();
    if (!stopped && queue.length > 0 && delay > 0) timer = setTimeout(pump, delay);
  };
  return {
    settings,
    invoke(event) {
      const throttle = obstacle();
      if (throttle) counts.throttled++;
      return throttle ?? run(event);
    },
    enqueue(event) {
      queue.push(event);
      pump();
    },
    pump,
    waiting: () => queue.length,
    killOne() {
      const [oldest] = running;
      void oldest?.then((environment) => environment.kill('killed'));
      return oldest !== undefined;
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await Promise.all(
        [...all].map(async (started) => {
          const environment = await started;
          environment.kill('killed');
          await environment.gone;
        }),
      );
    },
  };
}
