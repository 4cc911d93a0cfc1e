/** Driver and functions: what they refuse each other, what goes between them, and what is left when either ends. */
import { CreateBucketCommand, ListObjectsV2Command, PutObjectCommand } from '@aws-sdk/client-s3';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { execute, type EngineOptions } from '../../core/engine.ts';
import type { Happening } from '../../core/events.ts';
import type { Backend, Store, Task } from '../../core/job.ts';
import { resolve } from '../../core/params.ts';
import { plan, type Plan } from '../../core/plan.ts';
import type { LambdaOptions } from '../../infra/aws/lambda/backend.ts';
import { answers } from '../../infra/aws/lambda/answers.ts';
import { payloadLimits } from '../../infra/aws/lambda/invoke.ts';
import { wire } from '../../infra/aws/lambda/wire.ts';
import { filesOf, hostOf } from '../laws.ts';
import { toyCatalog } from '../toys.ts';
import { executions, linesOf, trial } from '../trial.ts';
import { s3 } from './client.ts';
import { cloud } from './site.ts';
import { bucket, type Stage, startStage } from './stage.ts';

const site = cloud();
const planted = { accessKeyId: 'PLANTED', secretAccessKey: 'PLANTED-SECRET', sessionToken: 'PLANTED-TOKEN' };
/** Whether calls are asynchronous; the short form takes the one that says more. */
const modes = (shorter: boolean): readonly boolean[] => (site?.long ? [false, true] : [shorter]);
const secrets = /PLANTED|X-Amz-|AWS4-HMAC/i;

describe.skipIf(!site)('driver and functions', () => {
  const payloads: string[] = [];
  const told: Happening[] = [];
  const environments = 4;
  const folder = mkdtempSync(join(tmpdir(), 'servermix-traces-'));
  let stage: Stage;
  let made = 0;
  beforeAll(async () => {
    stage = await startStage({
      ricFolder: site!.ricFolder,
      environments,
      credentials: planted,
      service: { describe: (payload) => String(payloads.push(payload)) },
    });
  });
  afterEach(() => {
    stage.calls.fault = stage.storage.fault = () => undefined;
  });
  afterAll(async () => {
    await stage?.stop();
    rmSync(folder, { recursive: true });
  });

  const standing = (options: Partial<LambdaOptions> = {}): ReturnType<Stage['backend']> =>
    stage.backend({ run: `run-${made++}`, ...options });
  const stageOf = (given: Parameters<typeof resolve>[1]) => {
    const trace = mkdtempSync(join(folder, 'trace-'));
    return { trace, stage: { job: trial, inputs: {}, params: resolve(trial.params, { trace, ...given }) } };
  };
  const planned = (given: Parameters<typeof resolve>[1] = {}, split = 600): Promise<Plan> =>
    plan(stageOf(given).stage, hostOf(toyCatalog).planning, { split });
  const run = async (
    { backend, store }: { backend: Backend; store: Store },
    tasks: Plan,
    options: EngineOptions = {},
  ): Promise<{ error: any; events: Happening[] }> => {
    const events: Happening[] = [];
    const on = (e: Happening): void => void (events.push(e), told.push(e));
    const error = await execute(tasks, backend, store, { ...options, on }).then(
      () => undefined,
      (e: unknown) => e,
    );
    await backend.close();
    return { error, events };
  };
  const retries = (events: readonly Happening[]): string[] =>
    events.flatMap((e) => (e.event === 'retry' ? [e.kind] : []));
  /** A plan whose only task is changed on its way. */
  const changed = async (change: (task: Task) => object): Promise<Plan> => {
    const tasks = await planned();
    const task = { ...tasks.tasks.get(tasks.root)!, ...change(tasks.tasks.get(tasks.root)!) } as Task;
    return { ...tasks, root: task.key, tasks: new Map([[task.key, task]]) };
  };

  test.each<[string, (task: Task) => object, RegExp]>([
    [
      'an unknown job',
      ({ key }) => ({ job: 'test/none@1', key: key.replace('trial', 'none') }),
      /no job test\/none/,
    ],
    [
      'another version of a job',
      ({ key }) => ({ job: 'test/trial@2', key: key.replace('@1', '@2') }),
      /worker has test\/trial@1, the task wants test\/trial@2/,
    ],
    [
      'a key of another job',
      () => ({ key: 'test/sum@1/0' }),
      /found key test\/sum@1\/0, expected one of test\/trial@1/,
    ],
    [
      'an address with a credential in it',
      () => ({
        inputs: { data: [{ uri: 'https://host/x?X-Amz-Signature=PLANTED', format: 'x', id: 'x', size: 1 }] },
      }),
      /found a signed address, expected one without a credential in it; give s3:\/\/bucket\/key/,
    ],
  ])('%s is refused in one line, once', async (_what, change, message) => {
    const before = stage.service.counts.invocations;
    const { error, events } = await run(standing(), await changed(change));
    expect(error).toMatchObject({ kind: 'user', message: expect.stringMatching(message) });
    expect(error.message).toMatch(/^[^\n]+$/);
    expect([retries(events), stage.service.counts.invocations - before]).toEqual([[], 1]);
    // The one that was sent on purpose.
    payloads.splice(0);
  });

  test.each([1, 4])('a store elsewhere is refused in one line, once (%d tasks a call)', async (pack) => {
    const stand = standing({ pack, storeUri: 's3://elsewhere/store', calls: 1 });
    const { error, events } = await run(stand, await planned({}, 150));
    expect(error).toMatchObject({
      kind: 'user',
      message: `lambda: found store s3://elsewhere/store, expected one in s3://${bucket}; give --store s3://${bucket}/store`,
    });
    expect(retries(events)).toEqual([]);
  });

  test.each(['file:///etc', '../store', ''])('so is one that is no address: %j', async (storeUri) => {
    const { error } = await run(standing({ storeUri }), await planned());
    expect(error).toMatchObject({
      kind: 'user',
      message: expect.stringMatching(/^lambda: found store [^\n]+$/),
    });
  });

  test('functions leave no note in a store elsewhere, and the driver hears of it all the same', async () => {
    const admin = s3(stage.ceph);
    await admin.send(new CreateBucketCommand({ Bucket: 'elsewhere' }));
    const stand = standing({ storeUri: 's3://elsewhere/store', late: true });
    const { error, events } = await run(stand, await planned(), { timeout: 1500 });
    expect(error).toMatchObject({ kind: 'user', message: expect.stringContaining('found store') });
    expect(retries(events)).toEqual(['timeout']);
    expect((await admin.send(new ListObjectsV2Command({ Bucket: 'elsewhere' }))).KeyCount).toBe(0);
    admin.destroy();
  });

  test.each(modes(true))(
    'functions of another version refuse once, a long task too (asynchronous: %s)',
    async (late) => {
      const real = stage.invoker();
      const invoker: typeof real = {
        ...real,
        invoke: (name, payload, how) =>
          real.invoke(name, payload.replace(`"wire":${wire}`, '"wire":99'), how),
      };
      for (const padding of [0, payloadLimits[late ? 'Event' : 'RequestResponse']]) {
        const { error, events } = await run(standing({ invoker, late }), await planned({ padding }));
        expect(error).toMatchObject({
          kind: 'user',
          message: `lambda: found a call of version 99, expected ${wire}; deploy the functions again, by the version that runs here`,
        });
        expect(retries(events)).toEqual([]);
      }
    },
  );

  test.each(modes(false))('tasks longer than a payload go by the store (asynchronous: %s)', async (late) => {
    const limit = payloadLimits[late ? 'Event' : 'RequestResponse'];
    const { stage: work } = stageOf({ padding: limit });
    const { backend, store } = standing({ late });
    const from = payloads.length;
    const files = await filesOf(work, hostOf(toyCatalog, store, backend), { split: 300 });
    await backend.close();
    expect(files.get('')!.toString()).toBe(linesOf(0, 600));
    const sent = payloads.slice(from);
    expect(sent.filter((text) => text.includes('"stored"'))).toHaveLength(2);
    expect(Math.max(...sent.map((text) => text.length))).toBeLessThan(2000);
  });

  test.each(modes(false))(
    'what Lambda refuses for want of environments waits (asynchronous: %s)',
    async (late) => {
      const { stage: work, trace } = stageOf({});
      const { backend, store } = standing({ late, calls: 4 * environments });
      const before = stage.service.counts.throttled;
      const events: Happening[] = [];
      const on = (e: Happening): void => void events.push(e);
      const files = await filesOf(work, hostOf(toyCatalog, store, backend), { split: 10, copies: false, on });
      await backend.close();
      expect(files.get('')!.toString()).toBe(linesOf(0, 600));
      const throttled = stage.service.counts.throttled - before;
      expect(retries(events)).toEqual(Array(throttled).fill('throttled'));
      // Those that nobody waits for stand in Lambda's own queue.
      expect(throttled > 0).toBe(!late);
      expect([...executions(trace).values()]).toEqual(Array(60 + 4 + 1).fill(1));
    },
  );

  test('environments that are killed in the middle of a run cost an attempt each', async () => {
    const { stage: work } = stageOf({});
    const { backend, store } = standing({ calls: environments });
    const events: Happening[] = [];
    let killed = 0;
    const on = (e: Happening): void => {
      events.push(e);
      if (e.event === 'done' && killed < 4 && stage.service.killOne()) killed++;
    };
    const files = await filesOf(work, hostOf(toyCatalog, store, backend), { split: 10, copies: false, on });
    await backend.close();
    expect(files.get('')!.toString()).toBe(linesOf(0, 600));
    expect(killed).toBe(4);
    const lost = retries(events);
    expect(lost.length).toBeGreaterThan(0);
    expect(lost.length).toBeLessThanOrEqual(4);
  });

  test.each(modes(true))(
    'a driver that is stopped ends at once, even while S3 is silent (asynchronous: %s)',
    async (late) => {
      const stop = new AbortController();
      const { backend, store } = standing({ late });
      const tasks = await planned({ accident: 'hang', every: 1 }, 100);
      const before = stage.service.counts.invocations;
      const running = run({ backend, store }, tasks, { signal: stop.signal });
      while (stage.service.counts.invocations - before < environments)
        await new Promise((go) => setTimeout(go, 5));
      stage.storage.fault = () => ({ kind: 'slow', delay: 30_000 });
      await new Promise((go) => setTimeout(go, 400));
      const began = performance.now();
      stop.abort(new Error('enough'));
      expect((await running).error).toMatchObject({ message: 'enough' });
      expect(performance.now() - began).toBeLessThan(1000);
      await stage.service.settled();
    },
  );

  test('answers that cannot be removed hide none', async () => {
    const many = site!.long ? 1100 : 20;
    const [store, name] = [`s3://${bucket}/many`, 'many'];
    const admin = s3(stage.ceph);
    const leave = (call: string): Promise<unknown> =>
      admin.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: `many/runs/${name}/answers/${call}`,
          Body: '{"wire":1,"replies":[]}',
        }),
      );
    for (let n = 0; n < many; n += 50)
      await Promise.all(Array.from({ length: Math.min(50, many - n) }, (_, i) => leave(`a${n + i}`)));
    stage.storage.fault = ({ method, path }) =>
      method === 'POST' && path.includes('delete') ? { kind: 'status', status: 403 } : undefined;
    const inbox = answers(store, name);
    const coming = inbox.expect('last', AbortSignal.timeout(20_000));
    await leave('last');
    expect(await coming).toEqual({ wire: 1, replies: [] });
    await inbox.close();
    stage.storage.clear();
    // A look that nobody needs is none.
    await new Promise((go) => setTimeout(go, 500));
    expect(stage.storage.log).toEqual([]);
    admin.destroy();
  });

  test('no credential goes to a function, into its log, or into an event', () => {
    expect(payloads.length).toBeGreaterThan(100);
    for (const text of [...payloads, ...stage.service.logs, ...told.map((e) => JSON.stringify(e))])
      expect(text).not.toMatch(secrets);
  });
});
