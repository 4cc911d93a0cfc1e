/** A run driven by a function: hands itself over to the next one before its time is up, until the result is there. */
import { noBill } from '../core/bill.ts';
import { BadUsage, messageOf } from '../core/errors.ts';
import { eventLog, type Event, type Happening } from '../core/events.ts';
import type { Options } from '../core/json.ts';
import { progress } from '../core/progress.ts';
import { run as runJob, write } from '../core/run.ts';
import { summary } from '../core/summary.ts';
import { opener } from '../core/task.ts';
import type { LambdaContext, Surroundings } from '../infra/aws/lambda/handler.ts';
import { type Order, runNames, type Status, wire } from '../infra/aws/lambda/wire.ts';
import { requests } from '../infra/aws/meter.ts';
import { claimNote, exists, writeNote } from '../infra/aws/notes.ts';
import { bucketStore } from '../infra/aws/store.ts';
import { parseAddress } from '../infra/aws/address.ts';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { catalog } from './catalog.ts';
import { functions, startDriver } from './functions.ts';
import { open, output, planning } from './storage.ts';

/** Milliseconds before its end at which a driver begins no more tasks, and at which it stops waiting for those that run. */
const [drainAt, stopAt] = [120_000, 20_000];
/** Milliseconds between words on how the run is. */
const pulse = 5000;

class HandedOver extends Error {
  override readonly name = 'HandedOver';
}
class Cancelled extends Error {
  override readonly name = 'Cancelled';
}

/**
 * Drives a run until it is done, failed, cancelled or handed over; says so in the run's status. What is finished lies in the store, so a driver needs to know nothing of the
 * one before. Of two deliveries of one order the second does nothing.
 */
export async function drive(
  order: Order,
  context: LambdaContext,
  { bucket, megabytes }: Surroundings,
): Promise<void> {
  const { run, generation, store: storeUri } = order;
  if (
    order.wire !== wire ||
    parseAddress(storeUri).bucket !== bucket ||
    parseAddress(order.out).bucket === ''
  )
    throw new BadUsage(
      `lambda: found an order for ${storeUri}, expected one for s3://${bucket}; deploy again`,
    );
  const names = runNames(run);
  if (!(await claimNote(storeUri, names.driver(generation), crypto.randomUUID()))) return;

  const began = performance.now();
  const [stop, drain] = [new AbortController(), new AbortController()];
  const left = context.getRemainingTimeInMillis();
  const timers = [
    setTimeout(() => drain.abort(new HandedOver()), Math.max(left / 2, left - drainAt)),
    setTimeout(() => stop.abort(new HandedOver()), Math.max(left * 0.8, left - stopAt)),
  ];
  const watch = follow(order);
  const look = setInterval(() => {
    void exists(storeUri, names.cancel).then(
      (found) => found && stop.abort(new Cancelled('the run was cancelled')),
      () => {},
    );
    void watch.say({ state: 'running' });
  }, pulse);
  const charge = (): void =>
    watch.on({
      event: 'bill',
      bill: {
        ...noBill,
        invocations: 1,
        gbSeconds: ((performance.now() - began) / 1000) * (megabytes / 1024),
        ...requests(),
      },
    });
  let last: Partial<Status> & Pick<Status, 'state'>;
  try {
    const files = await perform(order, (event) => watch.on(event), stop.signal, drain.signal);
    last = { state: 'done', files };
  } catch (error) {
    if (error instanceof HandedOver && watch.done() > order.done) {
      charge();
      await watch.close({ state: 'running' });
      return startDriver({ ...order, generation: generation + 1, done: watch.done() });
    }
    const message =
      error instanceof HandedOver
        ? 'no task was finished in the whole time of a function; make parts smaller with --split'
        : messageOf(error);
    last = { state: error instanceof Cancelled ? 'cancelled' : 'failed', message };
  } finally {
    for (const timer of timers) clearTimeout(timer);
    clearInterval(look);
  }
  charge();
  await watch.close(last);
}

async function perform(
  order: Order,
  on: (event: Happening) => void,
  signal: AbortSignal,
  drain: AbortSignal,
): Promise<NonNullable<Status['files']>> {
  const { job: id, inputs, params, store: storeUri, out, json, split, rate, timeout } = order;
  const job = await catalog.load(id.slice(0, id.lastIndexOf('@')));
  if (`${job.name}@${job.version}` !== id)
    throw new BadUsage(`lambda: found ${id}, the functions have ${job.name}@${job.version}; deploy again`);
  const store = bucketStore(storeUri);
  const runtime = { catalog, store, open: opener(store, open), modules: new Map() };
  const backend = functions(order.deployment, order, store, storeUri, order.run);
  const host = { backend, runtime, planning: planning(runtime.open, signal, order.access) };
  try {
    const finished = await runJob({ job, inputs, params: params as Options }, host, {
      on,
      signal,
      drain,
      ...(split === undefined ? {} : { split }),
      ...(rate === undefined ? {} : { rate }),
      ...(timeout === undefined ? {} : { timeout }),
    });
    const files = await output(out, storeUri, { signal });
    try {
      await write(finished, files, host, { json, signal });
      signal.throwIfAborted();
      return await files.commit();
    } catch (error) {
      await files.abort();
      throw error;
    }
  } finally {
    await backend.close();
    await runtime.open.close();
  }
}

/** Folds events into the status that others see, and keeps their log beside it. */
function follow({ run, generation, store, job, began }: Order) {
  const names = runNames(run);
  const path = join(tmpdir(), 'servermix-runs', `${run}-${generation}.jsonl`);
  const log = eventLog(path, () => {});
  const [state, sum] = [progress(), summary()];
  let last: Promise<void> = Promise.resolve();
  const now = () => state.now(Date.now());
  const say = (status: Partial<Status> & Pick<Status, 'state'>): Promise<void> => {
    const { tasks, done } = now();
    const { bill } = sum.value();
    const text: Status = {
      run,
      job,
      generation,
      tasks,
      done,
      began,
      at: Date.now(),
      ...(bill ? { bill } : {}),
      ...status,
    };
    last = last.then(() => writeNote(store, names.status, JSON.stringify(text))).catch(() => {});
    return last;
  };
  return {
    on(happening: Happening): void {
      const event = { at: Date.now(), ...happening } as Event;
      state.add(event);
      sum.add(event);
      log.write(event);
    },
    done: (): number => now().done,
    say,
    async close(status: Partial<Status> & Pick<Status, 'state'>): Promise<void> {
      log.flush();
      const events = await readFile(path).catch(() => new Uint8Array());
      await writeNote(store, names.events(generation), events);
      await say(status);
    },
  };
}
