/** The five laws as functions: each throws when the job, or the engine under it, breaks the law. */
import { inline } from '../core/backends/inline.ts';
import { execute } from '../core/engine.ts';
import { TaskError } from '../core/errors.ts';
import type { AnyJob, Backend, Catalog, Dataset, Planning, Stage, Store, Target, Task } from '../core/job.ts';
import { canonical, type Json, type Options } from '../core/json.ts';
import { plan } from '../core/plan.ts';
import { run, write, type Host, type RunOptions } from '../core/run.ts';
import { memoryStore } from '../core/stores/memory.ts';
import { opener } from '../core/task.ts';
import { open as openUri, planning as planningOf } from '../pipelines/storage.ts';

/** Makes a case of a job. */
export type AddSubject = (
  name: string,
  job: string,
  inputs: { readonly [name: string]: readonly Dataset[] },
  given: { readonly [name: string]: Json },
  splits: readonly number[],
) => Promise<Subject>;

/** A job with data that has objects across every seam, and splits that give from one to many parts. */
export type Subject = {
  readonly name: string;
  readonly stage: Stage;
  readonly splits: readonly number[];
};
export type Files = ReadonlyMap<string, Uint8Array>;
/** What a law runs on: the real engine unless a fault is planted. */
export type Machinery = { readonly execute: typeof execute };

/** Only the jobs that a stage may lead to. */
export const catalogOf = (...jobs: readonly AnyJob[]): Catalog => ({
  names: jobs.map(({ name }) => name),
  async load(name) {
    const job = jobs.find((j) => j.name === name);
    if (!job) throw new Error(`no job ${name}`);
    return job;
  },
});

/** A host in this process over `store`; `backend` replaces inline execution. */
export function hostOf(catalog: Catalog, store: Store = memoryStore(), backend?: Backend): Host {
  const open = opener(store, openUri);
  const runtime = { catalog, store, open, modules: new Map() };
  const planning: Planning = planningOf(open, new AbortController().signal);
  return { runtime, planning, backend: backend ?? inline(runtime) };
}

/** Runs and writes; gives the files by suffix. */
export async function filesOf(stage: Stage, host: Host, how: RunOptions = {}): Promise<Files> {
  try {
    return await runAndWrite(stage, host, how);
  } finally {
    await host.runtime.open.close();
  }
}

async function runAndWrite(stage: Stage, host: Host, how: RunOptions): Promise<Files> {
  const finished = await run(stage, host, how);
  const files = new Map<string, Uint8Array[]>();
  const output: Target = {
    async file(suffix = '') {
      const chunks: Uint8Array[] = [];
      files.set(suffix, chunks);
      return { write: async (bytes) => void chunks.push(bytes.slice()) };
    },
  };
  await write(finished, output, host, { json: false, signal: new AbortController().signal });
  return new Map([...files].map(([suffix, chunks]) => [suffix, Buffer.concat(chunks)]));
}

/** @throws Error naming the first file that differs */
export function sameFiles(found: Files, expected: Files, what: string): void {
  if (expected.size === 0) throw new Error(`${what}: nothing was written`);
  const names = (files: Files): string => [...files.keys()].toSorted().join(' ');
  if (names(found) !== names(expected))
    throw new Error(`${what}: files ${names(found)}, expected ${names(expected)}`);
  for (const [suffix, bytes] of expected)
    if (!Buffer.from(bytes).equals(found.get(suffix)!))
      throw new Error(`${what}: ${suffix || 'file'} differs`);
}

/** Some tens of parts: enough for trees of several levels, where the most parts would only take longer. */
const some = ({ splits }: Subject): number => splits.at(-2) ?? splits[0]!;
/** A few parts, for what runs them to watch the engine. */
const few = ({ splits }: Subject): number => splits.at(-3) ?? splits[0]!;

type Made = { readonly files: Files; readonly parts: number; readonly store: Store };

/** What inline makes of one split, from nothing. */
async function make({ stage }: Subject, catalog: Catalog, split: number): Promise<Made> {
  const store = memoryStore();
  let parts = 0;
  const planned: RunOptions['planned'] = (tasks) => (parts ||= tasks.parts);
  return { files: await filesOf(stage, hostOf(catalog, store), { split, planned }), parts, store };
}

/** What inline makes of some tens of parts, once a subject: law 1 compares it with other splits, law 2 joins its parts by other trees, law 4 has other backends make it. */
function usual(subject: Subject, catalog: Catalog): Promise<Made> {
  const made = known.get(subject) ?? make(subject, catalog, some(subject));
  known.set(subject, made);
  return made;
}
const known = new WeakMap<Subject, Promise<Made>>();

/** Law 1: any split, same bytes. Gives the numbers of parts that were tried. */
export async function partitionInvariance(subject: Subject, catalog: Catalog): Promise<number[]> {
  let whole: Files | undefined;
  const tried: number[] = [];
  for (const split of subject.splits) {
    const { files, parts } = await (split === some(subject) ? usual : make)(subject, catalog, split);
    tried.push(parts);
    whole ??= files;
    sameFiles(files, whole, `split ${split}`);
  }
  return tried;
}

/** Law 2: any merge tree, same bytes as the usual one. All trees stand on the same results of parts, which law 1 has made or are made here. */
export async function associativity(
  subject: Subject,
  catalog: Catalog,
  arities: readonly number[] = [2, 5],
): Promise<void> {
  const { stage } = subject;
  const split = some(subject);
  const { store, files } = await usual(subject, catalog);
  for (const arity of arities)
    sameFiles(await filesOf(stage, hostOf(catalog, store), { split, arity }), files, `arity ${arity}`);
}

/** Law 3: tasks survive JSON, and the order of options does not matter. */
export async function serialisability(
  { stage, splits }: Subject,
  catalog: Catalog,
  keys: typeof plan = plan,
): Promise<void> {
  const { planning, runtime } = hostOf(catalog);
  const split = splits.at(-1)!;
  const [a, b] = [
    await keys(stage, planning, { split }),
    await keys({ ...stage, params: reversed(stage.params) }, planning, { split }),
  ];
  await runtime.open.close();
  for (const task of a.tasks.values())
    if (canonical(JSON.parse(JSON.stringify(task)) as Json) !== canonical(task as unknown as Json))
      throw new Error(`task ${task.key} does not survive JSON`);
  if ([...a.tasks.keys()].join() !== [...b.tasks.keys()].join())
    throw new Error('keys depend on the order of options');
}

const reversed = (options: Options): Options => Object.fromEntries(Object.entries(options).toReversed());

/** Law 4: another backend, same bytes. */
export async function backendEquivalence(
  subject: Subject,
  catalog: Catalog,
  backend: Backend,
  store: Store,
): Promise<void> {
  const split = some(subject);
  const { files } = await usual(subject, catalog);
  sameFiles(await filesOf(subject.stage, hostOf(catalog, store, backend), { split }), files, backend.name);
}

/** Law 5: stopped after `after` tasks and gone on with, each task ran once; once finished, none runs. */
export async function resumption(
  subject: Subject,
  catalog: Catalog,
  after: number,
  { execute: go }: Machinery = { execute },
): Promise<void> {
  const { stage, splits } = subject;
  const store = memoryStore();
  const host = hostOf(catalog, store);
  const split = after > 1 ? splits.at(-1)! : few(subject);
  const tasks = await plan(stage, host.planning, { split, arity: 3 });
  const ran: string[] = [];
  let budget = after;
  const brittle: Backend = {
    ...host.backend,
    async run(task: Task, options) {
      if (budget-- <= 0) throw new TaskError('user', task.key, 'power cut');
      ran.push(task.key);
      return host.backend.run(task, options);
    },
  };
  const first = await go(tasks, brittle, store).then(
    () => 'finished',
    (error: Error) => error.message,
  );
  if (after < tasks.tasks.size && first !== 'power cut') throw new Error(`stopped by: ${first}`);
  budget = Infinity;
  await go(tasks, brittle, store);
  if (ran.length !== tasks.tasks.size || new Set(ran).size !== ran.length)
    throw new Error(
      `${ran.length} runs of ${new Set(ran).size} tasks, expected ${tasks.tasks.size} of each once`,
    );
  await go(tasks, brittle, store);
  await host.runtime.open.close();
  if (ran.length !== tasks.tasks.size) throw new Error('a finished job ran again');
}

/** Kinds of failure: what the infrastructure does is tried again, an answer is not. */
export async function retryDiscipline(go: typeof execute, stage: Stage, catalog: Catalog): Promise<void> {
  const attempts = async (kind: 'lost' | 'user' | 'bad-input'): Promise<number[]> => {
    const store = memoryStore();
    const host = hostOf(catalog, store);
    const seen = new Map<string, number>();
    const backend: Backend = {
      ...host.backend,
      async run(task, options) {
        const n = (seen.get(task.key) ?? 0) + 1;
        seen.set(task.key, n);
        if (n === 1) throw new TaskError(kind, task.key, 'once');
        return host.backend.run(task, options);
      },
    };
    await go(await plan(stage, host.planning), backend, store).catch(() => {});
    await host.runtime.open.close();
    return [...seen.values()];
  };
  if (!(await attempts('lost')).every((n) => n === 2)) throw new Error('a lost task was not tried again');
  for (const kind of ['user', 'bad-input'] as const)
    if (!(await attempts(kind)).every((n) => n === 1)) throw new Error(`${kind} was tried again`);
}
