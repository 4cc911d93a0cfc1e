/** What a Lambda service for tests is set up with, and the quotas that are the same for everybody. */

export type FunctionSettings = {
  readonly name: string;
  /** Memory in MiB, 128 at least as on Lambda. */
  readonly megabytes: number;
  /** The time limit of an invocation. May have a fraction, unlike Lambda's. */
  readonly seconds: number;
  /** Where the code lies. */
  readonly folder: string;
  /** FILE.EXPORT, say `index.handler`. */
  readonly handler: string;
  /** Reserved concurrency: how many invocations run at once. Without it, only the account limits them. */
  readonly environments?: number;
  readonly env?: { readonly [name: string]: string };
  /** Size in MiB of a /tmp of its own, for which the tests must run as root; without it, /tmp is the machine's. */
  readonly tmp?: number;
};

export type LambdaOptions = {
  readonly functions: readonly FunctionSettings[];
  /** The folder of aws-lambda-ric, as `ensureRic` gives it. */
  readonly ricFolder: string;
  /** Invocations of all functions that may run at once; unlimited by default. */
  readonly account?: number;
  /** How many environments may start within so many seconds, each function's own count; unlimited by default. */
  readonly ramp?: { readonly environments: number; readonly seconds: number };
  /** The share of the asynchronous invocations that are delivered twice. */
  readonly duplicate?: { readonly rate: number; readonly seed: number };
  /** Gives an environment its share of a processor, megabytes / 1769. Off by default: tests have few processors. */
  readonly cpu?: boolean;
  /** What `executions` keep of a payload; by default the SHA-256, hexadecimal. */
  readonly describe?: (payload: string) => string;
  /** Who may invoke: AK / SK by default. */
  readonly key?: string;
  readonly secret?: string;
};

/** Source of these and of the texts that go with them: AWS Lambda Developer Guide, "Lambda quotas", and the API reference of Invoke. */
export const quotas = {
  /** Bytes of a payload that is waited for. */
  request: 6_291_456,
  /** Bytes of a payload that is not waited for. */
  event: 1_048_576,
  /** Bytes of an answer: 6 MiB and 100 for its envelope. */
  response: 6_291_556,
  /** Bytes of the log that an answer carries. */
  log: 4096,
  /** Milliseconds that an environment may take to start. */
  init: 10_000,
  /** MiB for which an environment has a whole processor. */
  processor: 1769,
  /** Milliseconds that the clocks of caller and service may be apart. */
  skew: 300_000,
} as const;

export const region = 'us-east-1';
export const arnOf = (name: string): string => `arn:aws:lambda:${region}:000000000000:function:${name}`;
