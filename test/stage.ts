/** Runs a job without the engine: partition, a kernel a part, a merge tree of one's choice, the writer. */
import type { AnyJob, Context, Dataset, Inputs, Key, Output, Planning, Source, Stored } from '../core/job.ts';
import type { Json } from '../core/json.ts';
import { resolve } from '../core/params.ts';
import { joining } from '../core/run.ts';
import { describeFile, fileSource } from '../core/sources/file.ts';
import { compile } from '../core/task.ts';

/** A local file as a dataset. */
export async function dataset(
  path: string,
  format = path.slice(path.lastIndexOf('.') + 1),
): Promise<Dataset> {
  return { ...(await describeFile(path)), format };
}

/** How a merge tree joins neighbours: so many at once, or one after the other from the left or from the right. */
export type Tree = number | 'left' | 'right';

export type Ran = {
  /** Bytes by suffix. */
  readonly files: Map<string, Uint8Array>;
  readonly result: unknown;
  readonly parts: number;
  readonly records: number;
  /** What `partition` promised. */
  readonly promised: number | undefined;
};

/** Each result goes through the job's codec, as between workers. */
export async function runJob(
  job: AnyJob,
  inputs: Inputs,
  given: { readonly [name: string]: Json } = {},
  { split = job.split, arity = 16, json = false }: { split?: number; arity?: Tree; json?: boolean } = {},
): Promise<Ran> {
  const params = resolve(job.params, given);
  const sources = new Map<string, Promise<Source>>();
  const open = (data: Dataset): Promise<Source> => {
    const known = sources.get(data.uri) ?? fileSource(data.uri);
    sources.set(data.uri, known);
    return known;
  };
  const blobs = new Map<string, Uint8Array>();
  const { signal } = new AbortController();
  const context: Context = {
    open,
    signal,
    async put(bytes): Promise<Stored> {
      const key = `test@1/${blobs.size}` as Key;
      blobs.set(key, new Uint8Array(bytes));
      return { key, size: bytes.length };
    },
    get: async ({ key }, start, end) => blobs.get(key)!.slice(start, end),
    module: (name) => compile(job.modules![name]!()),
  };
  const planning: Planning = { open, signal, find: (uri) => dataset(uri).catch(() => undefined) };
  const copy = (result: unknown): unknown => job.result.decode(job.result.encode(result));
  const merge = async (results: readonly unknown[]): Promise<unknown> =>
    results.length === 1 ? results[0] : copy(await job.merge(results, params, context));

  try {
    const { parts, records: promised } = await job.partition(inputs, params, split, planning);
    let level: unknown[] = [];
    for (const part of parts)
      level.push(copy(await job.kernel(JSON.parse(JSON.stringify(part)), inputs, params, context)));
    while (level.length > 1) {
      if (arity === 'left') level = [await merge(level.slice(0, 2)), ...level.slice(2)];
      else if (arity === 'right') level = [...level.slice(0, -2), await merge(level.slice(-2))];
      else {
        const next: unknown[] = [];
        for (let i = 0; i < level.length; i += arity) next.push(await merge(level.slice(i, i + arity)));
        level = next;
      }
    }
    const result = level[0];
    const chunks = new Map<string, Uint8Array[]>();
    const sinks: ReturnType<typeof joining>[] = [];
    const output: Output = {
      async file(suffix = '') {
        const written: Uint8Array[] = [];
        chunks.set(suffix, written);
        const sink = joining({ write: async (bytes) => void written.push(new Uint8Array(bytes)) }, context);
        sinks.push(sink);
        return sink;
      },
    };
    await job.write?.(result, output, { inputs, params, json }, context);
    for (const sink of sinks) await sink.settle();
    const files = new Map([...chunks].map(([suffix, written]) => [suffix, Buffer.concat(written)]));
    return { files, result, parts: parts.length, records: job.records(result), promised };
  } finally {
    for (const source of sources.values())
      await source.then(
        (opened) => opened.close?.(),
        () => {},
      );
  }
}
