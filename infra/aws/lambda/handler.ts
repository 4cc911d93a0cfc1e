/** The worker's side of a call: what a function does with its tasks. */
import { isSigned } from '../../../core/redact.ts';
import { messageOf } from '../../../core/errors.ts';
import type { Catalog, Dataset, Reply, Source, Stored, Task, Usage } from '../../../core/job.ts';
import { answer, opener, type Runtime } from '../../../core/task.ts';
import { parseAddress } from '../address.ts';
import { requests } from '../meter.ts';
import { exists, writeNote } from '../notes.ts';
import { type BucketStore, bucketStore } from '../store.ts';
import { type Answer, type Call, runNames, wire } from './wire.ts';

/** What the composition root brings into a function. */
export type Services = {
  readonly catalog: Catalog;
  readonly open: (dataset: Dataset) => Promise<Source>;
};
/** What Lambda tells of a call. */
export type LambdaContext = { getRemainingTimeInMillis(): number };

/** What the stack tells its functions. */
export type Surroundings = {
  /** The stack's bucket: stores elsewhere are refused. */
  readonly bucket: string;
  /** MB of memory. */
  readonly megabytes: number;
};

/** The variables that the stack sets. @throws Error when one is missing */
export function surroundings(env: NodeJS.ProcessEnv = process.env): Surroundings {
  const bucket = env['SERVERMIX_BUCKET'];
  const megabytes = Number(env['AWS_LAMBDA_FUNCTION_MEMORY_SIZE']);
  if (!bucket || !(megabytes > 0))
    throw new Error('lambda: SERVERMIX_BUCKET or AWS_LAMBDA_FUNCTION_MEMORY_SIZE is not set; deploy again');
  return { bucket, megabytes };
}

/** Before the function's end, a task that can be stopped is: so many milliseconds, or that share of its time where that is less. */
const [margin, share] = [2000, 0.1];

/**
 * A handler for calls. Tasks of one call run one after the other; a result that is there already is not made again, so that a second delivery costs a HEAD. What is
 * wrong is a reply; what is wrong with the whole call, one reply for all of its tasks.
 * @throws only where a call that nobody waits for cannot be answered
 */
export function createHandler(
  { catalog, open }: Services,
  { bucket, megabytes }: Surroundings,
): (event: Call, context: LambdaContext) => Promise<Answer> {
  const runtimes = new Map<string, { readonly store: BucketStore; readonly runtime: Runtime }>();
  const workAt = (uri: string) => {
    let found = runtimes.get(uri);
    if (!found) {
      const store = bucketStore(uri);
      found = { store, runtime: { catalog, store, open: opener(store, open), modules: new Map() } };
      runtimes.set(uri, found);
    }
    return found;
  };
  // A new environment is billed from its start.
  let unbilled = performance.now();

  async function work(task: Task, store: string, signal: AbortSignal): Promise<Reply> {
    const { store: blobs, runtime } = workAt(store);
    const refused = await refusal(task, catalog);
    if (refused) return { ok: false, kind: 'user', message: refused };
    try {
      if (await blobs.has(task.key))
        return { ok: true, usage: { wall: 0, busy: 0, bytes: 0, reads: 0, rss: process.memoryUsage.rss() } };
    } catch {
      // The task itself will meet the same fault, and name it.
    }
    return answer(task, runtime, signal);
  }

  async function serve(event: Call, context: LambdaContext): Promise<readonly Reply[]> {
    const { store, late } = event;
    let [began, before] = [performance.now(), requests()];
    const time = context.getRemainingTimeInMillis();
    const reserve = Math.min(margin, share * time);
    if (late && (await exists(store, runNames(late.run).cancel)))
      return [{ ok: false, kind: 'user', message: 'lambda: the run was cancelled' }];
    const tasks = event.stored ? await readTasks(event.stored, workAt(store).store) : event.tasks;
    const replies: Reply[] = [];
    for (const task of tasks) {
      const left = context.getRemainingTimeInMillis() - reserve;
      if (left <= 0) {
        // Not its own fault: nothing that its time limit should be raised for.
        const message = 'lambda: the time of the call was used up by the tasks before';
        replies.push({ ok: false, kind: 'lost', message });
        continue;
      }
      const stop = new AbortController();
      const timer = setTimeout(() => stop.abort(new Error('lambda: the time of the call is used up')), left);
      const reply = await work(task, store, stop.signal);
      clearTimeout(timer);
      const ms = performance.now() - began + unbilled;
      const bill = {
        invocations: replies.length === 0 ? 1 : 0,
        gbSeconds: (Math.ceil(ms) / 1000) * (megabytes / 1024),
        ...requests(before),
      };
      unbilled = 0;
      [began, before] = [performance.now(), requests()];
      if (stop.signal.aborted && !reply.ok)
        replies.push({ ok: false, kind: 'timeout', message: messageOf(stop.signal.reason), bill });
      else
        replies.push(
          reply.ok ? { ok: true, usage: { ...reply.usage, bill } satisfies Usage } : { ...reply, bill },
        );
    }
    return replies;
  }

  return async (event, context) => {
    const refuse = (message: string): Answer => ({ wire, replies: [{ ok: false, kind: 'user', message }] });
    // No note either: it would lie where the call says.
    if (bucketOf(event.store) !== bucket)
      return refuse(
        `lambda: found store ${event.store}, expected one in s3://${bucket}; give --store s3://${bucket}/store`,
      );
    let answered: Answer;
    try {
      answered =
        event.wire === wire
          ? { wire, replies: await serve(event, context) }
          : refuse(
              `lambda: found a call of version ${event.wire}, expected ${wire}; deploy the functions again, by the version that runs here`,
            );
    } catch (error) {
      const message = `lambda: the call failed: ${messageOf(error)}`;
      answered = { wire, replies: [{ ok: false, kind: 'lost', message }] };
    }
    if (event.late) {
      const { run, call } = event.late;
      await writeNote(event.store, runNames(run).answers + call, JSON.stringify(answered));
    }
    return answered;
  };
}

function bucketOf(store: unknown): string | undefined {
  try {
    return parseAddress(String(store)).bucket;
  } catch {
    return undefined;
  }
}

/** Why a task is not run; undefined when it may be. */
async function refusal({ job, key, ...task }: Task, catalog: Catalog): Promise<string | undefined> {
  try {
    await catalog.load(job.slice(0, job.lastIndexOf('@')));
  } catch (error) {
    return `lambda: ${messageOf(error)}`;
  }
  if (!key.startsWith(`${job}/`)) return `lambda: found key ${key}, expected one of ${job}`;
  if (task.op !== 'kernel') return undefined;
  const signed = Object.values(task.inputs)
    .flat()
    .find(({ uri }) => isSigned(uri));
  return (
    signed && 'lambda: found a signed address, expected one without a credential in it; give s3://bucket/key'
  );
}

async function readTasks({ key, size }: Stored, store: BucketStore): Promise<readonly Task[]> {
  return JSON.parse(new TextDecoder().decode(await store.get(key, 0, size))) as readonly Task[];
}
