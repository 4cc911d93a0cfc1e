/** What a plan comes to before it runs: time, memory, requests and dollars, here or on functions. */
import { availableParallelism } from 'node:os';
import { noBill } from '../core/bill.ts';
import type { AnyJob, Bill, Dataset, Task } from '../core/job.ts';
import type { Plan } from '../core/plan.ts';
import { dollarsOf } from '../infra/aws/prices.ts';
import { rungFor } from '../infra/aws/lambda/rung.ts';

/** Bytes, seconds, dollars. */
export type Estimate = {
  readonly job: string;
  readonly key: string;
  readonly parts: number;
  readonly tasks: number;
  readonly bytes: number;
  readonly records?: number;
  /** Planned for the tasks that run at once, and for the largest of them. */
  readonly memory: number;
  readonly largest: number;
  readonly workers: number;
  readonly coreSeconds?: number;
  /** Of the whole, from start to result; undefined for a job of unknown pace. */
  readonly seconds?: number;
  readonly bill: Bill;
  readonly dollars: number;
};

/** Where it would run: with a ladder of functions, in MB, or without. */
export type Setting = { readonly workers?: number; readonly on: string; readonly ladder?: readonly number[] };

type Kernel = Extract<Task, { op: 'kernel' }>;

/** Bytes that one request reads at most, about. */
const range = 16 << 20;
/** Seconds: a request to S3; the start of an environment, billed and seen; what the driver needs for a task. */
const [request, boot, bootSeen, dispatch] = [0.02, 0.35, 0.7, 0.0003];

/** Sums a plan up. Time rests on the job's last measured pace and is for cores like those it was measured on; a full vCPU counts as one. */
export function estimate(
  job: AnyJob,
  { root, parts, tasks, records }: Plan,
  inputs: readonly Dataset[],
  { workers: given, on, ladder }: Setting,
): Estimate {
  const kernels = [...tasks.values()].filter((task): task is Kernel => task.op === 'kernel');
  const weights = kernels.map(({ part }) => job.weight?.(part) ?? 0);
  const total = weights.reduce((a, b) => a + b, 0);
  const needs = kernels.map(({ part, params }) => job.memory?.(part, params) ?? 0);
  const sorted = needs.toSorted((a, b) => b - a);
  const bytes = inputs.reduce((sum, { size }) => sum + size, 0);
  const workers = ladder ? (given ?? 1000) : on === 'inline' ? 1 : (given ?? availableParallelism());
  const used = Math.min(workers, parts);
  const longest = weights.reduce((a, b) => Math.max(a, b), 0);
  const core = job.pace ? total / job.pace : undefined;
  const busiest = job.pace ? Math.max(total / used, longest) / job.pace : undefined;
  const common = {
    job: job.name,
    key: root,
    parts,
    tasks: tasks.size,
    bytes,
    ...(records === undefined ? {} : { records }),
    memory: Math.ceil(sorted.slice(0, used).reduce((a, b) => a + b, 0)),
    largest: sorted[0] ?? 0,
    workers,
    ...(core === undefined ? {} : { coreSeconds: core }),
  };
  if (!ladder)
    return { ...common, ...(busiest === undefined ? {} : { seconds: busiest }), bill: noBill, dollars: 0 };

  const merges = [...tasks.values()].filter((task) => task.op === 'merge');
  let bill: Bill = {
    invocations: tasks.size,
    gbSeconds: (used * boot * ladder[0]!) / 1024,
    // The driver's: header, tail and index of an input; the look for finished tasks.
    gets: 5 * inputs.length + 2,
    puts: 1,
  };
  const add = (seconds: number, megabytes: number, gets: number, puts: number): void => {
    bill = {
      ...bill,
      gbSeconds: bill.gbSeconds + (seconds * megabytes) / 1024,
      gets: bill.gets + gets,
      puts: bill.puts + puts,
    };
  };
  kernels.forEach((_, i) => {
    const reads = Math.max(1, Math.ceil(((total > 0 ? weights[i]! / total : 1 / parts) * bytes) / range));
    const puts = job.output === 'text' ? 1 : 2;
    const seconds = (job.pace ? weights[i]! / job.pace : 0) + (1 + reads + puts) * request;
    add(seconds, rungFor(needs[i]!, 1, ladder), 1 + reads, puts);
  });
  for (const { parts: joined } of merges) add(4 * request, ladder[0]!, 1 + joined.length, 1);
  const levels =
    merges.length === 0 ? 0 : Math.ceil(Math.log(parts) / Math.log(merges[0]!.parts.length || 2));
  const seconds =
    busiest === undefined
      ? undefined
      : bootSeen +
        busiest +
        4 * request * Math.ceil(parts / used) +
        levels * 5 * request +
        tasks.size * dispatch;
  return {
    ...common,
    memory: kernels.reduce((sum, _, i) => sum + (i < used ? rungFor(needs[i]!, 1, ladder) * 2 ** 20 : 0), 0),
    ...(seconds === undefined ? {} : { seconds }),
    bill,
    dollars: dollarsOf(bill),
  };
}
