/** What the driver says to a function, and what it answers. */
import type { Deployment } from '../deployment.ts';
import type { Access, Bill, Dataset, Key, Reply, Stored, Task } from '../../../core/job.ts';

/** Changes when an old function could misread a new driver. */
export const wire = 1;

/** Tasks for one call of a worker function. Nothing secret is in it: functions have a role of their own. */
export type Call = {
  readonly wire: number;
  /** Address of the store: `s3://bucket/prefix`. */
  readonly store: string;
  readonly tasks: readonly Task[];
  /** Instead of `tasks` where they are longer than a payload may be: a blob of the store with their JSON. */
  readonly stored?: Stored;
  /** Of a call that nobody waits for. */
  readonly late?: {
    readonly run: string;
    /** Names the answer. */
    readonly call: string;
  };
};

/** A reply a task, in their order; or a single refusal, which is that of all. */
export type Answer = {
  readonly wire: number;
  readonly replies: readonly (Reply & { readonly bill?: Bill })[];
};

/** A run that a function drives. */
export type Order = {
  readonly wire: number;
  readonly run: string;
  /** Functions that drove it before, and the tasks that were done when the last one of them handed over. */
  readonly generation: number;
  readonly done: number;
  /** When it was ordered, milliseconds since 1970. */
  readonly began: number;
  /** `<name>@<version>`. */
  readonly job: string;
  readonly inputs: { readonly [name: string]: readonly Dataset[] };
  readonly params: { readonly [name: string]: unknown };
  readonly access: Access;
  readonly split?: number;
  readonly store: string;
  readonly out: string;
  readonly json: boolean;
  readonly deployment: Deployment;
  readonly workers?: number;
  readonly pack: number;
  readonly timeout?: number;
  readonly rate?: number;
};

/** How a driven run is, for whoever asks. Times in milliseconds since 1970. */
export type Status = {
  readonly run: string;
  readonly job: string;
  readonly state: 'running' | 'done' | 'failed' | 'cancelled';
  readonly generation: number;
  readonly tasks: number;
  readonly done: number;
  readonly began: number;
  readonly at: number;
  readonly message?: string;
  readonly files?: readonly { readonly path: string; readonly bytes: number }[];
  readonly bill?: Bill;
};

/** Names of what a run keeps beside the blobs, under the store's prefix. */
export const runNames = (run: string) => ({
  status: `runs/${run}/status.json`,
  cancel: `runs/${run}/cancel`,
  answers: `runs/${run}/answers/`,
  events: (generation: number) => `runs/${run}/events-${String(generation).padStart(3, '0')}.jsonl`,
  driver: (generation: number) => `runs/${run}/driver-${String(generation).padStart(3, '0')}`,
});

/** The key under which tasks that are too long for a payload lie in the store. */
export const callKey = (first: Key, digest: string): Key => `${first}.call-${digest}`;
