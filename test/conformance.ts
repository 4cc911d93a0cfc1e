/** The conformance suite, one for every backend: whatever goes wrong, the result is the same, executions are counted, and nothing is lost. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { EngineOptions } from '../core/engine.ts';
import type { Failure } from '../core/errors.ts';
import type { Happening } from '../core/events.ts';
import type { Backend, Stage, Store } from '../core/job.ts';
import { resolve } from '../core/params.ts';
import { plan } from '../core/plan.ts';
import { filesOf, hostOf } from './laws.ts';
import { toyCatalog } from './toys.ts';
import { type accidents, executions, linesOf, trial } from './trial.ts';

/** A backend with a fault on order. */
export type Stand = {
  readonly backend: Backend;
  readonly store: Store;
  /** Deliveries that have met the fault, where it is one of the way there or back. */
  readonly met: () => number;
  /** When nothing is at work any more that nobody waits for, where there can be such. */
  readonly settled?: () => Promise<void>;
  close(): Promise<void>;
};

/**
 * What can go wrong. On the way: `drop` (an answer is lost, the work done), `duplicate` (a task comes twice), `delay`, `throttle` (a share is refused),
 * `random` (a tenth fails). In the worker: `kill`, `tail` (one hangs), `oom`, `timeout`.
 */
export type Fault = keyof typeof faults;

/** What the parts do, how many of them (those that hold a multiple of `every`, 0 left out), and into parts of which size the numbers are cut. */
type Row = {
  readonly split: number;
  readonly accident?: (typeof accidents)[number];
  readonly every?: number;
};
const upto = 600;
export const faults = {
  none: { split: 7 },
  drop: { split: 5 },
  duplicate: { split: 6 },
  delay: { split: 10 },
  throttle: { split: 6 },
  random: { split: 8 },
  kill: { split: 7, accident: 'die', every: 150 },
  // The last part, when there is room for a copy.
  tail: { split: 6, accident: 'hang', every: upto - 1 },
  oom: { split: 10, accident: 'hoard', every: 200 },
  timeout: { split: 9, accident: 'spin', every: 200 },
} as const satisfies { readonly [fault: string]: Row };

/** What a backend cannot suffer, and why. */
const spared: { readonly [backend: string]: { readonly [F in Fault]?: string } } = {
  inline: {
    kill: 'the worker is the driver',
    oom: 'the memory is the driver’s',
    timeout: 'nobody is there to look at a clock',
    tail: 'one task at a time: a copy would wait for its original',
  },
};

export type Traits = {
  /** As what the engine hears of a worker's end: a failure for each attempt that it costs the task. */
  readonly ends: { readonly [F in 'kill' | 'oom' | 'timeout']: readonly Failure[] };
  /** Milliseconds after which tasks are given up, where nobody but the driver looks at a clock. */
  readonly limits?: { readonly [F in Fault]?: number };
  /** A task that comes again: executed `always`, or `once` where its result is looked for first, unless both are at work at the same time. */
  readonly again: 'always' | 'once';
  /** Tasks that come, and end, together. */
  readonly pack?: number;
  /** MiB that `oom` takes: more than a worker has at first, less than the next one; 200 unless given. */
  readonly hoard?: number;
  /** Not all of the faults. */
  readonly only?: readonly Fault[];
};

/** From so many to so many. */
type Range = readonly [least: number, most: number];
type Expected = {
  /** Executions beyond one a task. */
  readonly more: Range;
  readonly retries: { readonly [F in Failure]?: Range };
  readonly copies: Range;
};

function expectation(fault: Fault, met: number, copied: number, { ends, again, pack = 1 }: Traits): Expected {
  const none: Range = [0, 0];
  const calm = { more: none, retries: {}, copies: none };
  const repeated: Range = [again === 'always' ? met : 0, met];
  switch (fault) {
    case 'none':
    case 'delay':
      return calm;
    case 'drop':
      return { ...calm, more: repeated, retries: { lost: [met, met * pack] } };
    case 'duplicate':
      return { ...calm, more: [repeated[0], met * pack] };
    case 'throttle':
      return { ...calm, retries: { throttled: [met, met * pack] } };
    case 'random':
      return { ...calm, retries: { lost: [met, met * pack] } };
    case 'tail':
      // A busy machine makes stragglers of its own.
      return { ...calm, more: [1, copied], copies: [1, copied] };
    case 'kill':
    case 'oom':
    case 'timeout': {
      const struck = Math.floor((upto - 1) / faults[fault].every);
      const kinds = ends[fault];
      const times = (kind: Failure): number => kinds.filter((one) => one === kind).length;
      // Two that are struck may come together: one end is both's then.
      const least = pack === 1 ? struck : 1;
      return {
        ...calm,
        more: [least * kinds.length, struck * kinds.length],
        retries: Object.fromEntries(
          kinds.map((kind) => [kind, [least * times(kind), struck * times(kind) * pack]]),
        ),
      };
    }
  }
}

/** Runs the suite on a backend; `make` brings one with a fault of the way (those of the worker are the job's) and a store of its own. */
export function conformance(name: string, make: (fault: Fault) => Promise<Stand>, traits: Traits): void {
  const { limits = {}, hoard = 200, only = Object.keys(faults) as Fault[] } = traits;
  const exempt = spared[name.split(' ')[0]!] ?? {};
  const without = Object.entries(exempt).map(([fault, why]) => `${fault} (${why})`);

  describe(`${name}${without.length === 0 ? '' : `, which has no ${without.join(', no ')}`}`, () => {
    let folder: string;
    beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'servermix-conformance-'))));
    afterAll(() => rm(folder, { recursive: true }));

    test.each(only.filter((fault) => !(fault in exempt)))('%s', async (fault) => {
      const { split, accident = 'none', every = 100 }: Row = faults[fault];
      const trace = join(folder, fault);
      await mkdir(trace);
      const stage: Stage = {
        job: trial,
        inputs: {},
        params: resolve(trial.params, { upto, accident, every, hoard, trace }),
      };
      const stand = await make(fault);
      const events: Happening[] = [];
      const options: EngineOptions = {
        copies: fault === 'tail',
        ...(limits[fault] === undefined ? {} : { timeout: limits[fault] }),
      };
      try {
        const host = hostOf(toyCatalog, stand.store, stand.backend);
        const { tasks } = await plan(stage, host.planning, { split });
        const files = await filesOf(stage, host, { ...options, split, on: (e) => events.push(e) });
        const output = Buffer.from(files.get('')!).toString();
        expect(output === linesOf(0, upto), 'the output is that of the undisturbed run').toBe(true);

        const done = events.flatMap((e) => (e.event === 'done' ? [e.key] : []));
        expect(new Set(done)).toEqual(new Set(tasks.keys()));
        expect(done, 'each task counts once').toHaveLength(tasks.size);

        await stand.settled?.();
        const copied = events.filter((e) => e.event === 'start' && e.copy).length;
        expect(copied, 'copies are a tenth of the tasks at most').toBeLessThanOrEqual(tasks.size / 10);
        const { more, retries, copies } = expectation(fault, stand.met(), copied, traits);
        const counts = executions(trace);
        expect(counts.size, 'tasks that were executed').toBe(tasks.size);
        const told = events.flatMap((e) => (e.event === 'retry' ? [`${e.kind}: ${e.message}`] : []));
        const total = [...counts.values()].reduce((a, b) => a + b);
        within(total - tasks.size, more, `executions beyond one a task (${told.join('; ')})`);
        const kinds = events.flatMap((e) => (e.event === 'retry' ? [e.kind] : []));
        for (const kind of new Set([...kinds, ...(Object.keys(retries) as Failure[])]))
          within(
            kinds.filter((k) => k === kind).length,
            retries[kind] ?? [0, 0],
            `retries: ${kind} (${told.join('; ')})`,
          );
        within(copied, copies, 'copies');
        if (isOfTheWay(fault)) expect(stand.met(), 'the fault has happened').toBeGreaterThan(0);

        await filesOf(stage, host, { ...options, split });
        const after = [...executions(trace).values()].reduce((a, b) => a + b);
        expect(after, 'what is finished does not run again').toBe(total);
      } finally {
        await stand.close();
      }
    });
  });
}

const isOfTheWay = (fault: Fault): boolean =>
  fault !== 'none' && (faults[fault] as Row).accident === undefined;

function within(found: number, [least, most]: Range, what: string): void {
  expect(found, `${what}: at least ${least}`).toBeGreaterThanOrEqual(least);
  expect(found, `${what}: at most ${most}`).toBeLessThanOrEqual(most);
}
