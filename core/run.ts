/** A job from arguments to result, with the jobs that follow from it, every record accounted for. */
import { BadInput } from './errors.ts';
import { execute, type EngineOptions } from './engine.ts';
import type {
  AnyJob,
  Backend,
  Context,
  Dataset,
  FileSink,
  Inputs,
  Key,
  Output,
  Planning,
  Sink,
  Stage,
  Target,
} from './job.ts';
import type { Options } from './json.ts';
import { plan, type Plan } from './plan.ts';
import { compile, contextOf, type Runtime } from './task.ts';

/** The driver's side of a run. */
export type Host = { readonly backend: Backend; readonly runtime: Runtime; readonly planning: Planning };

export type RunOptions = EngineOptions & {
  /** Size of a part of the first stage, in the job's unit. */
  readonly split?: number;
  /** Neighbours that one merge joins. */
  readonly arity?: number;
  /** Hears of each stage's plan before it is executed. */
  readonly planned?: (plan: Plan, inputs: Inputs) => void;
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
  const finish = async (stage: Stage, size?: number) => {
    const { job, inputs } = stage;
    const tasks = await plan(stage, planning, {
      ...(size === undefined ? {} : { split: size }),
      ...(arity === undefined ? {} : { arity }),
    });
    for (const message of tasks.notes) on({ event: 'note', message });
    options.planned?.(tasks, inputs);
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
    return { root: tasks.root, value, dataset: resultOf(job, tasks.root, bytes.length) };
  };
  for (let stage = first; ;) {
    const { job, params } = stage;
    const size = stage === first ? split : undefined;
    const before = await job.before?.(stage.inputs, params, size ?? job.split, planning);
    const inputs = before
      ? { ...stage.inputs, ...holding(before.inputs, (await finish(before)).dataset) }
      : stage.inputs;
    const { root, value, dataset } = await finish({ job, inputs, params }, size);
    if (!job.next) return { job, inputs, params, root, value };
    stage = job.next(dataset, value, inputs, params);
  }
}

/** Inputs of which a job brought bytes to the store. */
const holding = (inputs: Inputs, by: Dataset): Inputs =>
  Object.fromEntries(
    Object.entries(inputs).map(([name, all]) => [
      name,
      all.map((dataset, file): Dataset => ({ ...dataset, held: { by, file } })),
    ]),
  );

/** A finished job's result as the next one's input: its id is its key, so resume needs no bookkeeping. */
function resultOf(job: AnyJob, root: Key, size: number): Dataset {
  return { uri: `store:${root}`, format: job.name, id: root, size };
}

/** Writes a finished job's files. */
export async function write(
  { job, inputs, params, root, value }: Finished,
  target: Target,
  { runtime }: Host,
  { json, signal }: { json: boolean; signal: AbortSignal },
): Promise<void> {
  // The root of a job of one part is a kernel's key, whose blobs have the plain names.
  const key: Key = `${root}.write`;
  const context = contextOf(key, job, runtime, { bytes: 0, reads: 0 }, signal);
  const sinks: ReturnType<typeof joining>[] = [];
  const output: Output = {
    async file(suffix) {
      const sink = joining(await target.file(suffix), context);
      sinks.push(sink);
      return sink;
    },
  };
  await job.write?.(value, output, { inputs, params, json }, context);
  for (const sink of sinks) await sink.settle();
}

/** Bytes of a blob that are read at once to be written, and of blobs that wait for that. */
const [piece, waiting] = [4 << 20, 32 << 20];

/**
 * A sink that takes blobs, through memory where it cannot itself; it ends at its next piece when the run is stopped. Blobs are read ahead of their turn, some
 * 32 MiB of them, so that many small ones from afar do not cost a wait each: what `append` was told is written when `settle` resolves.
 */
export function joining(
  sink: Sink & Partial<FileSink>,
  { get, signal }: Pick<Context, 'get' | 'signal'>,
): FileSink & { settle(): Promise<void> } {
  let last: Promise<void> = Promise.resolve();
  const ahead: { readonly bytes: number; readonly written: Promise<void> }[] = [];
  let held = 0;
  const inOrder = (act: () => Promise<void>): Promise<void> => {
    last = last.then(act);
    // Thrown where it is awaited, at the latest by `settle`.
    last.catch(() => {});
    return last;
  };
  return {
    write(bytes) {
      signal.throwIfAborted();
      return inOrder(() => sink.write(bytes));
    },
    async append(stored, start = 0, end = stored.size) {
      signal.throwIfAborted();
      if (sink.append) return inOrder(() => sink.append!(stored, start, end));
      for (let at = start; at < end; at += piece) {
        signal.throwIfAborted();
        const stop = Math.min(at + piece, end);
        const reading = get(stored, at, stop);
        reading.catch(() => {});
        ahead.push({ bytes: stop - at, written: inOrder(async () => sink.write(await reading)) });
        for (held += stop - at; held > waiting;) {
          const { bytes, written } = ahead.shift()!;
          held -= bytes;
          await written;
        }
      }
    },
    settle: () => last,
  };
}
