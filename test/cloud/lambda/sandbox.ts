/** The process of an execution environment, from its start to its end by itself, by a limit or by a kill. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { limit } from './limits.ts';
import { quotas, region, type FunctionSettings } from './settings.ts';

/** Why a process ended: over its time limit, out of memory, by itself, or killed by the test. */
export type Cause = 'timeout' | 'oom' | 'crash' | 'killed';

export type Ending = {
  readonly kind: 'ended';
  readonly cause: Cause;
  /** As Lambda's error has it, say `exit status 7`. */
  readonly reason: string;
};

export type Sandbox = {
  /** False once the process has ended, or was told to. */
  readonly alive: boolean;
  /** When the process has ended and all that it wrote was read. */
  readonly ended: Promise<Ending>;
  /** When nothing of it is left. */
  readonly gone: Promise<void>;
  /** What the process wrote since this was called last. */
  takeLog(): string;
  /** The most memory that it had in use so far, in MiB. */
  peak(): number;
  /** SIGKILL to the process and to all that it started. */
  kill(cause: Cause): void;
};

export type SandboxOptions = {
  readonly ricFolder: string;
  readonly cpu: boolean;
  /** HOST:PORT of the Runtime API. */
  readonly api: string;
  /** Which environment it is, for the name of its log. */
  readonly number: number;
};

const bootstrap = fileURLToPath(new URL('./bootstrap.js', import.meta.url));
// As Go, in which Lambda's own part is written, words them.
const signals: { readonly [name: string]: string } = {
  SIGKILL: 'killed',
  SIGABRT: 'aborted (core dumped)',
  SIGSEGV: 'segmentation fault (core dumped)',
  SIGTERM: 'terminated',
};

/** Starts the process. It knows what its function's settings give it, and nothing of the variables of this one. */
export function startSandbox(settings: FunctionSettings, options: SandboxOptions): Sandbox {
  const { megabytes, folder, handler, tmp } = settings;
  const cpu = options.cpu ? megabytes / quotas.processor : undefined;
  const limits = limit({ memory: megabytes, cpu, tmp });
  // The shares of the memory that Lambda's Node runtimes give to the heap.
  const heap = [
    `--max-old-space-size=${Math.floor(megabytes * 0.9)}`,
    `--max-semi-space-size=${Math.floor(megabytes * 0.05)}`,
  ];
  const node = [process.execPath, ...heap, bootstrap, options.ricFolder, handler];
  const [command, ...args] = limits.wrap(node, [folder, options.ricFolder, dirname(bootstrap)]);
  const child = spawn(command!, args, {
    cwd: folder,
    detached: true,
    env: variables(settings, options),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const pid = child.pid!;
  limits.watch(pid);
  let log = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (log += text));

  let [told, exited, peak]: [Cause | undefined, boolean, number] = [undefined, false, 0];
  const kill = (cause: Cause): void => {
    told ??= cause;
    if (!exited) killGroup(pid);
  };
  const closed = once(child, 'close');
  const ended = once(child, 'exit').then(async ([code, signal]: unknown[]): Promise<Ending> => {
    exited = true;
    told ??= limits.exceeded() ? 'oom' : 'crash';
    peak = limits.peak();
    killGroup(pid);
    await closed;
    return { kind: 'ended', cause: told, reason: reasonOf(code as number | null, signal as string | null) };
  });
  return {
    get alive() {
      return !exited && told === undefined;
    },
    ended,
    gone: ended.then(() => limits.remove()),
    takeLog() {
      const text = log;
      log = '';
      return text;
    },
    peak: () => (exited ? peak : limits.peak()),
    kill,
  };
}

function reasonOf(code: number | null, signal: string | null): string {
  return signal === null ? `exit status ${code}` : `signal: ${signals[signal] ?? signal}`;
}

/** Ends a process and what it has started, or what is left of them. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing is left.
  }
}

// Source: Lambda Developer Guide, "Defined runtime environment variables".
function variables(settings: FunctionSettings, { api, number }: SandboxOptions): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    ...settings.env,
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs20.x',
    AWS_LAMBDA_RUNTIME_API: api,
    AWS_LAMBDA_FUNCTION_NAME: settings.name,
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(settings.megabytes),
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: `/aws/lambda/${settings.name}`,
    AWS_LAMBDA_LOG_STREAM_NAME: `[$LATEST]${number}`,
    AWS_LAMBDA_NODEJS_USE_ALTERNATIVE_CLIENT_1: 'true',
    LAMBDA_TASK_ROOT: settings.folder,
    _HANDLER: settings.handler,
  };
}
