/** Copies blobs to a run's files while its tasks still run: what the writer will append first, as far as the first parts tell. */
import type { AnyJob, Key, Store, Stored, Target } from './job.ts';
import type { Options } from './json.ts';
import type { Plan } from './plan.ts';
import { joining } from './run.ts';

export type HeadStart = {
  /** Hears of a stage's plan, and of each finished task. */
  planned(plan: Plan): void;
  done(key: Key): void;
  /** Where the writer writes: what it appends is not copied again as long as it is what was copied. */
  readonly target: Target;
  /** To be awaited when the writer is done. */
  settle(): Promise<void>;
};

/** A file with what was copied to it. */
type Begun = { readonly sink: Awaited<ReturnType<Target['file']>>; readonly blobs: Stored[]; bytes: number };

/** Bytes of a blob that are copied at once. */
const piece = 4 << 20;

/** A guess that is wrong costs time, never bytes: files are cut where the writer goes another way. A failure to copy is left to the writer to meet again. */
export function headStart(target: Target, store: Store, signal: AbortSignal): HeadStart {
  const begun = new Map<string, Begun>();
  const inner: ReturnType<typeof joining>[] = [];
  const ends: (() => Promise<void>)[] = [];
  let job: AnyJob | undefined;
  let params: Options = {};
  let parts: readonly Key[] = [];
  let next = 0;
  let isOver = false;
  let last: Promise<void> = Promise.resolve();

  const open = async (suffix: string): Promise<Begun> => {
    let file = begun.get(suffix);
    if (!file) begun.set(suffix, (file = { sink: await target.file(suffix), blobs: [], bytes: 0 }));
    return file;
  };
  /** False when the writer is to do the rest. */
  const copy = async (suffix: string, stored: Stored): Promise<boolean> => {
    const file = await open(suffix);
    if (!file.sink.rewind) return false;
    for (let at = 0; at < stored.size; at += piece) {
      if (isOver) return false;
      const bytes = await store.get(stored.key, at, Math.min(at + piece, stored.size));
      await file.sink.write(bytes);
      file.bytes += bytes.length;
    }
    file.blobs.push(stored);
    return true;
  };
  const goOn = async (): Promise<void> => {
    while (!isOver && next < parts.length && (await store.has(parts[next]!))) {
      const value: unknown = job!.result.decode(await store.get(parts[next++]!));
      const appended = job!.appends!(value, params);
      for (const { suffix = '', stored } of appended ?? []) if (!(await copy(suffix, stored))) isOver = true;
      if (!appended) isOver = true;
    }
  };

  const begin = (): void => {
    last = last.then(goOn).catch(() => {
      isOver = true;
    });
  };

  return {
    planned(plan) {
      if (!plan.job.appends || plan.job.next) return;
      ({ job } = plan);
      const kernels = [...plan.tasks.values()].filter((task) => task.op === 'kernel');
      params = kernels[0]?.params ?? {};
      parts = kernels.map(({ key }) => key);
      // Some may be there from a run before.
      begin();
    },
    done(key) {
      if (!isOver && key === parts[next]) begin();
    },
    target: {
      async file(suffix = '') {
        isOver = true;
        await last;
        const file = begun.get(suffix);
        if (!file) return target.file(suffix);
        if (!file.sink.rewind) return file.sink;
        const sink = joining(file.sink, { get: ({ key }, ...range) => store.get(key, ...range), signal });
        inner.push(sink);
        let [matched, bytes] = [0, 0];
        let isSame = true;
        const leave = async (): Promise<void> => {
          if (isSame && bytes < file.bytes) await file.sink.rewind!(bytes);
          isSame = false;
        };
        ends.push(leave);
        return {
          async write(more) {
            await leave();
            await sink.write(more);
          },
          async append(stored, start = 0, end = stored.size) {
            const known = file.blobs[matched];
            if (isSame && known?.key === stored.key && start === 0 && end === stored.size) {
              matched++;
              bytes += stored.size;
              return;
            }
            await leave();
            await sink.append(stored, start, end);
          },
        };
      },
    },
    async settle() {
      isOver = true;
      await last;
      for (const end of ends) await end();
      for (const sink of inner) await sink.settle();
    },
  };
}
