/** What happens in a run, one plain object an event: the only record from which progress, trace and summary are folded. */
import { appendFileSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Failure } from './errors.ts';
import type { Bill, Key, Usage } from './job.ts';
import type { Json, Options } from './json.ts';
import { redact } from './redact.ts';

/** `at` is milliseconds since 1970. */
export type Event = { readonly at: number } & (
  | {
      /** A command began: all that its keys depend on. */
      readonly event: 'run';
      readonly run: string;
      readonly job: string;
      readonly inputs: { readonly [name: string]: readonly { uri: string; id: string; size: number }[] };
      readonly params: Options;
      readonly split: number;
      readonly backend: string;
      readonly workers: number;
      readonly version: string;
    }
  /** A stage was planned; `cached` tasks are there already and will not run. */
  | {
      readonly event: 'plan';
      readonly job: string;
      readonly root: Key;
      readonly parts: number;
      readonly tasks: number;
      readonly cached: number;
      readonly records?: number;
    }
  /** Something about the inputs that a person should know. */
  | { readonly event: 'note'; readonly message: string }
  | {
      readonly event: 'start';
      readonly key: Key;
      readonly attempt: number;
      /** A kernel's part, or the number of a merge's parts. */
      readonly part?: Json;
      readonly parts?: readonly Key[];
      readonly copy?: true;
    }
  | { readonly event: 'done'; readonly key: Key; readonly attempt: number; readonly usage: Usage }
  | {
      readonly event: 'retry';
      readonly key: Key;
      readonly attempt: number;
      readonly kind: Failure;
      readonly message: string;
      readonly delay: number;
      readonly bill?: Bill;
    }
  | {
      readonly event: 'failed';
      readonly key: Key;
      readonly kind: Failure;
      readonly message: string;
      readonly bill?: Bill;
    }
  /** What a stage was expected to take: seconds, and what is paid for. */
  | { readonly event: 'estimate'; readonly seconds?: number; readonly bill: Bill }
  /** What is paid for beside tasks that were done or failed: the driver's own requests, copies that came too late. */
  | { readonly event: 'bill'; readonly bill: Bill }
  /** All records of a stage's inputs are in its result: `records` counted, `promised` by the inputs themselves. */
  | {
      readonly event: 'result';
      readonly job: string;
      readonly counts: string;
      readonly records: number;
      readonly promised?: number;
    }
  | { readonly event: 'wrote'; readonly path: string; readonly bytes: number }
  | {
      readonly event: 'end';
      readonly status: 'done' | 'failed' | 'interrupted';
      readonly message?: string;
      readonly rss: number;
    }
);
/** An event before its time is noted. */
export type Happening = Event extends infer E ? (E extends Event ? Omit<E, 'at'> : never) : never;

/**
 * Appends events to a JSONL file, once a turn of the event loop: a killed driver loses at most what it had not yet acted on.
 * A log that cannot be written (full disk) is given up: `failed` hears of it once, the run goes on.
 */
export function eventLog(
  path: string,
  failed: (error: Error) => void,
): { write(event: Event): void; flush(): void } {
  let lines: string[] = [];
  let scheduled = false;
  let broken = false;
  let begun = false;
  const flush = (): void => {
    scheduled = false;
    if (lines.length === 0) return;
    const text = lines.join('');
    lines = [];
    try {
      if (!begun) mkdirSync(dirname(path), { recursive: true });
      begun = true;
      appendFileSync(path, text);
    } catch (error) {
      broken = true;
      failed(error as Error);
    }
  };
  return {
    write(event) {
      if (broken) return;
      lines.push(`${redact(JSON.stringify(event))}\n`);
      if (!scheduled) {
        scheduled = true;
        setImmediate(flush);
      }
    },
    flush,
  };
}

/** The events of a log's text; a last line cut off by a kill is left out. */
export function parseEvents(text: string): Event[] {
  const lines = text.split('\n');
  lines.pop();
  return lines.map((line) => JSON.parse(line) as Event);
}
