/** What can go wrong, and whose fault it is: the taxonomy that decides on retries and exit codes. */
import type { Bill } from './job.ts';

/**
 * Why a task failed. `user` and `bad-input` are answers, the same arguments fail again; the others are the
 * infrastructure's and worth another attempt: out of memory, over the time limit, died without a word, told to slow down.
 */
export type Failure = 'oom' | 'timeout' | 'lost' | 'throttled' | 'user' | 'bad-input';

/** Input data is not what its format promises, or cannot be read. One line: subject, place, found, expected, next step. */
export class BadInput extends Error {
  override readonly name = 'BadInput';
}

/** The command or its options make no sense. One line. */
export class BadUsage extends Error {
  override readonly name = 'BadUsage';
}

/** A task did not deliver. */
export class TaskError extends Error {
  override readonly name = 'TaskError';
  readonly kind: Failure;
  /** The task's key, where known. */
  readonly key: string;
  /** What the attempt cost all the same, where the backend charges. */
  readonly bill: Bill | undefined;
  constructor(kind: Failure, key: string, message: string, options?: ErrorOptions & { bill?: Bill }) {
    super(message, options);
    this.kind = kind;
    this.key = key;
    this.bill = options?.bill;
  }
}

/** The failure that an exception thrown by a kernel, a merge or a source stands for. */
export function failureOf(error: unknown): Failure {
  if (error instanceof TaskError) return error.kind;
  if (error instanceof BadInput) return 'bad-input';
  // V8 throws this when a typed array or a WASM memory cannot be had.
  if (error instanceof RangeError && /allocation failed|out of memory/i.test(error.message)) return 'oom';
  return 'user';
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Whether input data are to blame, here or in a worker. */
export const isBadInput = (error: unknown): error is Error => failureOf(error) === 'bad-input';
