/** `servermix plan`: what a run would do, need and take. */
import { availableParallelism } from 'node:os';
import { checkFits } from '../../core/admission.ts';
import { BadUsage } from '../../core/errors.ts';
import type { AnyJob, Dataset, Task } from '../../core/job.ts';
import { plan as planJob, type Plan } from '../../core/plan.ts';
import { opener } from '../../core/task.ts';
import { describeInputs, parseArguments, type Globals } from '../arguments.ts';
import { defaultMemory } from '../backend.ts';
import { catalog } from '../catalog.ts';
import { interrupts } from '../interrupt.ts';
import { bytes, count, seconds } from '../quantity.ts';
import { open, planning, store as openStore } from '../storage.ts';
import { memoryStore } from '../../core/stores/memory.ts';

/** What a plan comes to. Bytes, seconds, dollars. */
export type Estimate = {
  readonly job: string;
  readonly key: string;
  readonly parts: number;
  readonly tasks: number;
  readonly finished: boolean;
  readonly bytes: number;
  readonly records?: number;
  readonly memory: number;
  /** Memory of the largest part. */
  readonly largest: number;
  readonly workers: number;
  readonly coreSeconds?: number;
  readonly seconds?: number;
  readonly dollars: number;
};

export async function plan([name, ...args]: readonly string[]): Promise<void> {
  if (name === undefined || name.startsWith('-'))
    throw new BadUsage(`plan needs a job: ${catalog.names.join(', ')}; see servermix list`);
  const job = await catalog.load(name);
  const parsed = parseArguments('plan', job, args);
  if (!parsed) return;
  const { globals, params } = parsed;
  const inputs = await describeInputs(job, parsed);
  const interrupt = interrupts();
  const blobs = globals.store === 'memory:' ? memoryStore() : openStore(globals.store);
  const files = opener(blobs, open);
  try {
    const host = planning(files, interrupt.signal);
    const { split = job.split, memory = defaultMemory() } = globals;
    const planned = await planJob({ job, inputs, params }, host, { split });
    for (const note of planned.notes) process.stderr.write(`note: ${note}\n`);
    const finished = await blobs.has(planned.root);
    const estimate = estimateOf(job, planned, Object.values(inputs).flat(), globals, finished);
    checkFits(estimate.largest, memory, job.name);
    process.stdout.write(globals.json ? `${JSON.stringify(estimate)}\n` : describeEstimate(estimate, job));
  } finally {
    interrupt.release();
    await files.close();
  }
}

/** Sums a plan up; the time rests on the job's last measured pace and is for cores like those it was measured on. */
function estimateOf(
  job: AnyJob,
  { root, parts, tasks, records }: Plan,
  inputs: readonly Dataset[],
  { workers: given, on }: Pick<Globals, 'workers' | 'on'>,
  finished: boolean,
): Estimate {
  const workers = on === 'inline' ? 1 : (given ?? availableParallelism());
  const kernels = [...tasks.values()].filter((t): t is Extract<Task, { op: 'kernel' }> => t.op === 'kernel');
  const weights = kernels.map(({ part }) => job.weight?.(part) ?? 0);
  const total = weights.reduce((a, b) => a + b, 0);
  const needs = kernels.map(({ part, params }) => job.memory?.(part, params) ?? 0).sort((a, b) => b - a);
  const busiest = Math.max(total / Math.min(workers, parts), ...(weights.length < 1e5 ? weights : []));
  return {
    job: job.name,
    key: root,
    parts,
    tasks: tasks.size,
    finished,
    bytes: inputs.reduce((sum, { size }) => sum + size, 0),
    ...(records === undefined ? {} : { records }),
    memory: Math.ceil(needs.slice(0, workers).reduce((a, b) => a + b, 0)),
    largest: needs[0] ?? 0,
    workers,
    ...(job.pace ? { coreSeconds: total / job.pace, seconds: busiest / job.pace } : {}),
    dollars: 0,
  };
}

function describeEstimate(e: Estimate, job: AnyJob): string {
  const lines = [
    ['job', `${e.job}: ${job.doc}`],
    ['result', `${e.key}${e.finished ? ' (finished: a run would only write it)' : ''}`],
    ['parts', `${count(e.parts)}, ${count(e.tasks)} tasks with merges`],
    ['input', `${bytes(e.bytes)}${e.records === undefined ? '' : `, ${count(e.records)} ${job.counts}`}`],
    ['memory', `${bytes(e.memory)} planned with ${e.workers} workers`],
    [
      'time',
      e.seconds === undefined
        ? 'unknown'
        : `about ${seconds(e.seconds)}, ${seconds(e.coreSeconds!)} of core time`,
    ],
    ['cost', `$${e.dollars} (this machine)`],
  ];
  return lines.map(([k, v]) => `${k!.padEnd(8)}${v}\n`).join('');
}
