/** What a plan costs and takes, computed before it runs: prices, dollars as they are told, estimates. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AnyJob, Key, Task } from '../core/job.ts';
import type { Json } from '../core/json.ts';
import type { Plan } from '../core/plan.ts';
import { dollarsOf, prices } from '../infra/aws/prices.ts';
import { estimate } from '../pipelines/estimate.ts';
import { dollars } from '../pipelines/quantity.ts';
import { sum } from './toys.ts';

const seed = 11;

test('dollars', () => {
  const bill = { invocations: 1e6, gbSeconds: 1e6, gets: 1e6, puts: 1e6 };
  expect(dollarsOf(bill)).toBeCloseTo(0.2 + 13.3334 + 0.4 + 5, 9);
  expect(prices.date).toMatch(/^20\d\d-\d\d-\d\d$/);
  expect([0, 0.00000042, 0.00042, 0.0123, 0.99, 0.999, 1.255, 99.4, 99.6, 31_000].map(dollars)).toEqual([
    '$0',
    '$0.00000042',
    '$0.00042',
    '$0.012',
    '$0.99',
    '$1.00',
    '$1.25',
    '$99.40',
    '$100',
    '$31,000',
  ]);
});

const ladder = [512, 1024, 2048];
const job: AnyJob = { ...sum, pace: 1000, memory: () => 100 << 20 };
/** `parts` of 100 numbers each, joined by one merge where there are several. */
const planned = (parts: number): Plan => {
  const key = (n: number | string): Key => `test/sum@1/${n}` as Key;
  const kernels = Array.from({ length: parts }, (_, i): Task => ({
    op: 'kernel',
    key: key(i),
    job: 'test/sum@1',
    inputs: {},
    params: {},
    part: { start: 100 * i, end: 100 * (i + 1) } as Json,
  }));
  const merge: Task = {
    op: 'merge',
    key: key('root'),
    job: 'test/sum@1',
    params: {},
    parts: kernels.map((t) => t.key),
  };
  const tasks = new Map([...kernels, ...(parts > 1 ? [merge] : [])].map((task) => [task.key, task] as const));
  return { job, root: parts > 1 ? key('root') : key(0), tasks, parts, notes: [] };
};
const input = (size: number) => ({ uri: 's3://bucket/x', format: 'x', id: '1', size });
const on = (parts: number, workers = 1000) =>
  estimate(job, planned(parts), [input(64 << 20)], { on: 'lambda', ladder, workers });

test('a plan of four parts, computed by hand', () => {
  // Each part: 16 MiB by one request, 0.1 s of work, three requests of 0.02 s, in 512 MB; the merge: four requests.
  const { bill, seconds, dollars: cost, memory, workers } = on(4);
  expect(bill).toMatchObject({ invocations: 5, gets: 5 + 2 + 4 * 2 + 5, puts: 1 + 4 + 1 });
  expect(bill.gbSeconds).toBeCloseTo((4 * 0.35 + 4 * (0.1 + 0.06) + 0.08) / 2, 9);
  expect(seconds).toBeCloseTo(0.7 + 0.1 + 0.08 + 0.1 + 5 * 0.0003, 9);
  expect(cost).toBeCloseTo(dollarsOf(bill), 12);
  expect([memory, workers]).toEqual([4 * (512 << 20), 1000]);
});
test('one part has no merge and no levels', () => {
  const { bill, seconds } = on(1);
  expect(bill).toMatchObject({ invocations: 1, gets: 5 + 2 + 5, puts: 2 });
  expect(seconds).toBeCloseTo(0.7 + 0.1 + 0.08 + 0.0003, 9);
});
test('more parts cost no less, and more workers take no longer', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 50 }), (parts, workers) => {
      const [few, more] = [on(parts, workers), on(parts + 1, workers)];
      expect(more.dollars).toBeGreaterThan(few.dollars);
      expect(more.bill.gets).toBeGreaterThanOrEqual(few.bill.gets);
      expect(on(parts, workers + 1).seconds!).toBeLessThanOrEqual(few.seconds! + 1e-9);
      for (const n of [few.seconds!, few.dollars, few.memory, few.bill.gbSeconds])
        expect(n).toBeGreaterThan(0);
    }),
    { seed },
  );
});
test('this machine costs nothing', () => {
  const local = estimate(job, planned(4), [input(64)], { on: 'threads', workers: 2 });
  expect(local).toMatchObject({
    dollars: 0,
    workers: 2,
    seconds: 0.2,
    coreSeconds: 0.4,
    memory: 200 << 20,
  });
  const { pace: _, ...unpaced } = job;
  expect(estimate(unpaced as AnyJob, planned(4), [], { on: 'inline' }).seconds).toBeUndefined();
});
