/** From a job and its arguments to a Merkle tree of tasks: the key of a task says all that its result depends on. */
import { hash } from 'node:crypto';
import { BadInput, BadUsage } from './errors.ts';
import type { AnyJob, Inputs, Key, Planning, Stage, Task } from './job.ts';
import { canonical, type Json, type Options } from './json.ts';

/** Tasks by key, kernels first, each merge after its parts; `root` is the key of the whole result. */
export type Plan = {
  readonly job: AnyJob;
  readonly root: Key;
  readonly tasks: ReadonlyMap<Key, Task>;
  /** Parts, that is kernel tasks. */
  readonly parts: number;
  /** Records that the inputs say they hold. */
  readonly records?: number;
  readonly notes: readonly string[];
};

/** Neighbours joined by one merge task, unless told otherwise. */
const defaultArity = 16;

export const jobId = (job: AnyJob): string => `${job.name}@${job.version}`;

/** The content ids of inputs, by name: what of them enters a key. */
function idsOf(inputs: Inputs): Json {
  return Object.fromEntries(Object.entries(inputs).map(([name, all]) => [name, all.map(({ id }) => id)]));
}

/**
 * Plans a job: one kernel task a part, then merge tasks over `arity` neighbours up to one root. Linear in the parts.
 * @throws BadInput when there is nothing to do, and what the job's `partition` throws
 */
export async function plan(
  { job, inputs, params }: Stage,
  planning: Planning,
  { split = job.split, arity = defaultArity }: { split?: number; arity?: number } = {},
): Promise<Plan> {
  if (!(arity >= 2)) throw new RangeError(`arity must be at least 2, found ${arity}`);
  if (!(split > 0)) throw new BadUsage(`--split: found ${split}, expected a positive number of ${job.unit}`);
  const id = jobId(job);
  const tasks = new Map<Key, Task>();
  const add = (task: Task): Key => {
    tasks.set(task.key, task);
    return task.key;
  };
  // The text is `canonical` of {inputs, params, part}; what all parts share is made once.
  const [ids, options] = [canonical(idsOf(inputs)), canonical(params)];
  const keyOf = (text: string): Key => `${id}/${hash('sha256', text)}` as Key;

  const { parts, records, notes = [] } = await job.partition(inputs, params, split, planning);
  let level = parts.map((part: Json) => {
    const key = keyOf(`{"inputs":${ids},"params":${options},"part":${canonical(part)}}`);
    return add({ op: 'kernel', key, job: id, inputs, params, part });
  });
  if (level.length === 0) {
    const names = Object.values(inputs).flatMap((all) => all.map(({ uri }) => uri));
    throw new BadInput(`${job.name}: nothing to do in ${names.join(', ')}: found no ${job.counts}`);
  }
  while (level.length > 1) {
    level = neighbours(level, arity).map((keys) =>
      keys.length === 1 ? keys[0]! : add(merge(keyOf, id, params, keys)),
    );
  }
  return {
    job,
    root: level[0]!,
    tasks,
    parts: parts.length,
    notes,
    ...(records === undefined ? {} : { records }),
  };
}

function merge(keyOf: (text: string) => Key, job: string, params: Options, parts: readonly Key[]): Task {
  return { op: 'merge', key: keyOf(canonical({ params, parts })), job, params, parts };
}

function neighbours<T>(items: readonly T[], size: number): T[][] {
  const out: T[][] = [];
  for (let i = 0; i < items.length; i += size) out.push(items.slice(i, i + size));
  return out;
}
