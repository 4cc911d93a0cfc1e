/** An execution environment: starts once, and then runs one invocation after another. */
import { setImmediate as turn } from 'node:timers/promises';
import { logOf } from './report.ts';
import { startRuntimeApi, type Event, type Reply, type RuntimeApi } from './runtime.ts';
import { startSandbox, type Cause, type Ending, type Sandbox } from './sandbox.ts';
import { quotas, type FunctionSettings } from './settings.ts';

/** How an invocation ended: the handler returned; it threw; it returned too much; it could not be loaded; or its process ended. */
export type Outcome = 'ok' | 'error' | 'too-large' | 'init-error' | Cause;

export type Result = {
  readonly outcome: Outcome;
  /** What the handler returned, or the error, in JSON. */
  readonly body: Buffer;
  /** From the delivery to the end, in ms. */
  readonly ms: number;
  /** What the function wrote, within Lambda's own lines. */
  readonly log: string;
};

export type Environment = {
  /** False once it can take no more. */
  readonly alive: boolean;
  /** When nothing of it is left. */
  readonly gone: Promise<void>;
  /** Runs one event, after the end of the one before. */
  run(event: Event): Promise<Result>;
  /** Ends it at once, and what it runs. */
  kill(cause: Cause): void;
};

/** How an environment began: the time it took in ms, and what went wrong. */
type Start = { readonly ms: number; readonly failure?: Reply | Ending };

export type EnvironmentOptions = {
  readonly ricFolder: string;
  readonly cpu: boolean;
  /** Which one it is. */
  readonly number: number;
};

/** Starts an environment; it need not have started when it is given the first event. */
export async function startEnvironment(
  settings: FunctionSettings,
  options: EnvironmentOptions,
): Promise<Environment> {
  const api = await startRuntimeApi();
  const sandbox = startSandbox(settings, { ...options, api: api.address });
  const start = begin(api, sandbox);
  let first = true;
  return {
    get alive() {
      return sandbox.alive;
    },
    gone: sandbox.gone.then(() => api.close()),
    kill: (cause) => sandbox.kill(cause),
    async run(event) {
      const { ms: init, failure } = await start;
      const begun = performance.now();
      const end = failure ?? (await handle(api, sandbox, event, settings.seconds));
      const ms = performance.now() - begun;
      const seconds = failure ? quotas.init / 1000 : settings.seconds;
      if (failure) sandbox.kill('crash');
      // What was written before the answer may still be in the pipe.
      await turn();
      const { outcome, body, note } = verdict(event, end, failure !== undefined, seconds);
      const { requestId } = event;
      const { megabytes } = settings;
      const report = { requestId, ms, megabytes, init: first ? init : undefined, peak: sandbox.peak() };
      first = false;
      return { outcome, body, ms, log: logOf(sandbox.takeLog(), report, note) };
    },
  };
}

async function begin(api: RuntimeApi, sandbox: Sandbox): Promise<Start> {
  const begun = performance.now();
  const late = setTimeout(() => sandbox.kill('timeout'), quotas.init);
  const failure = await Promise.race([api.started, sandbox.ended]);
  clearTimeout(late);
  return { ms: performance.now() - begun, ...(failure && { failure }) };
}

async function handle(
  api: RuntimeApi,
  sandbox: Sandbox,
  event: Event,
  seconds: number,
): Promise<Reply | Ending> {
  const late = setTimeout(() => sandbox.kill('timeout'), seconds * 1000);
  const end = await Promise.race([api.deliver(event, Date.now() + seconds * 1000), sandbox.ended]);
  clearTimeout(late);
  // After an exception that nobody caught, the runtime tells of it and then ends.
  if (end.kind === 'ended' && end.cause === 'crash') return api.lastWords() ?? end;
  return end;
}

type Verdict = { readonly outcome: Outcome; readonly body: Buffer; readonly note?: string };

function verdict({ requestId }: Event, end: Reply | Ending, starting: boolean, seconds: number): Verdict {
  switch (end.kind) {
    case 'response':
      return { outcome: 'ok', body: end.body };
    case 'error':
      return { outcome: starting ? 'init-error' : 'error', body: end.body };
    case 'too-large':
      return { outcome: 'too-large', body: end.body };
    case 'ended': {
      const late = end.cause === 'timeout';
      const note = late
        ? `Task timed out after ${seconds.toFixed(2)} seconds`
        : `Runtime exited with error: ${end.reason}`;
      const errorType = late ? 'Sandbox.Timedout' : 'Runtime.ExitError';
      const error = { errorType, errorMessage: `RequestId: ${requestId} Error: ${note}` };
      return { outcome: end.cause, body: Buffer.from(JSON.stringify(error)), note };
    }
  }
}
