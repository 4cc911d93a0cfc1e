/** Faults planted on purpose: each must make the check fail that is there to catch it. */
import { expect, test } from 'vitest';
import { execute } from '../core/engine.ts';
import type { AnyJob } from '../core/job.ts';
import { resolve } from '../core/params.ts';
import { plan } from '../core/plan.ts';
import { catalog as realCatalog } from '../pipelines/catalog.ts';
import { hash } from 'node:crypto';
import {
  associativity,
  catalogOf,
  filesOf,
  hostOf,
  partitionInvariance,
  resumption,
  retryDiscipline,
  serialisability,
  type Subject,
} from './laws.ts';
import { makeSubjects } from './subjects.ts';
import { lowest, runs, sum } from './toys.ts';

const subject = (job: AnyJob, splits: readonly number[]): Subject => ({
  name: job.name,
  stage: { job, inputs: {}, params: resolve(job.params) },
  splits,
});
const onRuns = [600, 300, 50, 7];
const onCells = [40, 20, 10, 5];

test('sound jobs pass every law', async () => {
  for (const [job, splits] of [
    [runs, onRuns],
    [lowest, onCells],
    [sum, [1000, 100, 11]],
  ] as const) {
    const [s, catalog] = [subject(job as AnyJob, splits), catalogOf(job as AnyJob)];
    await partitionInvariance(s, catalog);
    await associativity(s, catalog);
    await serialisability(s, catalog);
    for (const after of [0, 1, 5, 1e9]) await resumption(s, catalog, after);
  }
  const s = subject(sum as AnyJob, [100]);
  await retryDiscipline(execute, s.stage, catalogOf(sum as AnyJob));
});

test('an open seam breaks law 1', async () => {
  const open: AnyJob = { ...runs, merge: (results: (readonly unknown[])[]) => results.flat() };
  await expect(partitionInvariance(subject(open, onRuns), catalogOf(open))).rejects.toThrow('differs');
});

test('half a halo breaks law 1', async () => {
  const halved: AnyJob = {
    ...lowest,
    kernel: (tile: { halo: number }, ...rest: unknown[]) =>
      (lowest as AnyJob).kernel(
        { ...tile, halo: Math.floor(tile.halo / 2) },
        rest[0] as never,
        rest[1] as never,
        rest[2] as never,
      ),
  };
  await expect(partitionInvariance(subject(halved, onCells), catalogOf(halved))).rejects.toThrow('differs');
});

test('a lost tile breaks the account', async () => {
  const lossy: AnyJob = {
    ...lowest,
    async partition(...args: Parameters<AnyJob['partition']>) {
      const { parts, records } = await (lowest as AnyJob).partition(...args);
      return { parts: parts.length > 1 ? parts.slice(1) : parts, records: records! };
    },
  };
  await expect(partitionInvariance(subject(lossy, onCells), catalogOf(lossy))).rejects.toThrow(
    /found \d+ cells .*expected 1200/,
  );
});

test('a merge that is not associative breaks law 2', async () => {
  const sloppy: AnyJob = {
    ...sum,
    merge: (results: { sum: number; numbers: number }[]) => ({
      sum: results.reduce((a, b) => a + b.sum, 0) + results.length,
      numbers: results.reduce((a, b) => a + b.numbers, 0),
    }),
  };
  await expect(associativity(subject(sloppy, [11]), catalogOf(sloppy))).rejects.toThrow('differs');
});

test('keys over unsorted options break law 3', async () => {
  const unsorted: typeof plan = async (stage, planning, how) => {
    const made = await plan(stage, planning, how);
    const rename = (key: string): never => `${key}-${hash('md5', JSON.stringify(stage.params))}` as never;
    return { ...made, tasks: new Map([...made.tasks].map(([key, task]) => [rename(key), task])) };
  };
  const s = subject(sum as AnyJob, [100]);
  await expect(serialisability(s, catalogOf(sum as AnyJob), unsorted)).rejects.toThrow('order of options');
});

test('an engine that does not resume breaks law 5', async () => {
  const forgetful: typeof execute = (tasks, backend, store, options) =>
    execute(tasks, backend, { ...store, has: async () => false }, options);
  const s = subject(sum as AnyJob, [100]);
  await expect(resumption(s, catalogOf(sum as AnyJob), 5, { execute: forgetful })).rejects.toThrow(
    /runs of|ran again/,
  );
});

test('an engine that retries everything breaks the discipline', async () => {
  const stubborn: typeof execute = (tasks, backend, store, options) =>
    execute(tasks, backend, store, { ...options, budgets: { user: 5, 'bad-input': 5 } });
  const s = subject(sum as AnyJob, [100]);
  await expect(retryDiscipline(stubborn, s.stage, catalogOf(sum as AnyJob))).rejects.toThrow(
    'was tried again',
  );
});

test('a part lost by a real job is noticed: by the account, or by a seam without its other side', async () => {
  const { subjects: real, remove } = await makeSubjects();
  try {
    // Without an index nothing promises a number of reads, which the run says in a note; who makes one counts them first.
    const promised = real.filter(({ name }) => !name.includes('index') && !name.endsWith('positions'));
    for (const { stage, splits } of promised.slice(0, 7)) {
      const lossy: AnyJob = {
        ...stage.job,
        async partition(...args: Parameters<AnyJob['partition']>) {
          const found = await stage.job.partition(...args);
          return { ...found, parts: found.parts.toSpliced(found.parts.length >> 1, 1) };
        },
      };
      const lost = filesOf({ ...stage, job: lossy }, hostOf(realCatalog), { split: splits[2]! });
      await expect(lost, stage.job.name).rejects.toThrow(/found \d+ (reads|points) .*expected \d+|of null/);
    }
  } finally {
    await remove();
  }
});
