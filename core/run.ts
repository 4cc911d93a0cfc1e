/** A job from arguments to result, with the jobs that follow from it, every record accounted for. */
import { BadInput } from './errors.ts';
import { execute, type EngineOptions } from './engine.ts';
import type { AnyJob, Backend, Dataset, Inputs, Key, Output, Planning, Stage } from './job.ts';
import type { Options } from './json.ts';
import { plan } from './plan.ts';
import { compile, contextOf, type Runtime } from './task.ts';

/** The driver's side of a run. */
export type Host = { readonly backend: Backend; readonly runtime: Runtime; readonly planning: Planning };

export type RunOptions = EngineOptions & {
  /** Size of a part of the first stage, in the job's unit. */
  readonly split?: number;
  /** Neighbours that one merge joins. */
  readonly arity?: number;
};

/** A finished job: its result, and the stage that made it. */
export type Finished = {
  readonly job: AnyJob;
  readonly inputs: Inputs;
  readonly params: Options;
  readonly root: Key;
  readonly value: unknown;
};

/**
 * Runs a job and the jobs after it; gives the last one's result. What exists in the store is not computed again.
 * @throws BadInput when the result holds another number of records than the inputs promise; what `execute` throws
 */
export async function run(first: Stage, host: Host, options: RunOptions = {}): Promise<Finished> {
  const { on = () => {}, split, arity } = options;
  const { backend, runtime, planning } = host;
  const { store } = runtime;
  for (let stage = first; ;) {
    const { job, inputs, params } = stage;
    const tasks = await plan(stage, planning, {
      ...(split !== undefined && stage === first ? { split } : {}),
      ...(arity === undefined ? {} : { arity }),
    });
    for (const message of tasks.notes) on({ event: 'note', message });
    if (job.modules && backend.share && !(await store.has(tasks.root)))
      for (const [name, url] of Object.entries(job.modules)) backend.share(name, await compile(url()));
    await execute(tasks, backend, store, options);

    const bytes = await store.get(tasks.root);
    const value: unknown = job.result.decode(bytes);
    const [records, promised] = [job.records(value), tasks.records];
    on({
      event: 'result',
      job: job.name,
      counts: job.counts,
      records,
      ...(promised === undefined ? {} : { promised }),
    });
    if (promised !== undefined && promised !== records) {
      const names = Object.values(inputs).flatMap((all) => all.map(({ uri }) => uri));
      throw new BadInput(
        `${job.name}: found ${records} ${job.counts} in ${names.join(', ')}, expected ${promised} as header or index say; ` +
          `they do not belong together: write the index again`,
      );
    }
    if (!job.next) return { job, inputs, params, root: tasks.root, value };
    const dataset = resultOf(job, tasks.root, bytes.length);
    stage = job.next(dataset, value, inputs, params);
  }
}

/** A finished job's result as the next one's input: its id is its key, so resume needs no bookkeeping. */
function resultOf(job: AnyJob, root: Key, size: number): Dataset {
  return { uri: `store:${root}`, format: job.name, id: root, size };
}

/** Writes a finished job's files. */
export async function write(
  { job, inputs, params, root, value }: Finished,
  output: Output,
  { runtime }: Host,
  { json, signal }: { json: boolean; signal: AbortSignal },
): Promise<void> {
  // The root of a job of one part is a kernel's key, whose blobs have the plain names.
  const key: Key = `${root}.write`;
  const context = contextOf(key, job, runtime, { bytes: 0, reads: 0 }, signal);
  // A long write ends at its next piece when the run is stopped.
  const stoppable: Output = {
    async file(suffix) {
      const sink = await output.file(suffix);
      return {
        write(bytes) {
          signal.throwIfAborted();
          return sink.write(bytes);
        },
      };
    },
  };
  await job.write?.(value, stoppable, { inputs, params, json }, context);
}
