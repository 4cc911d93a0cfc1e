/** The Lambda backend against calls that end as the test says: who is told what, who pays, and what is left behind. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, test } from 'vitest';
import type { Reply, RunOptions, Task } from '../core/job.ts';
import { memoryStore } from '../core/stores/memory.ts';
import { lambda, type LambdaOptions } from '../infra/aws/lambda/backend.ts';
import { batches } from '../infra/aws/lambda/batch.ts';
import type { Invoked } from '../infra/aws/lambda/invoke.ts';
import type { Answer, Call, Order } from '../infra/aws/lambda/wire.ts';
import { startDriver } from '../pipelines/functions.ts';

const usage = { wall: 1, busy: 1, bytes: 0, reads: 0, rss: 0 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const task = (n: number): Task => ({
  op: 'kernel',
  key: `test/x@1/${n}`,
  job: 'test/x@1',
  inputs: {},
  params: {},
  part: n,
});
const how = (options: Partial<RunOptions> = {}): RunOptions => ({
  signal: new AbortController().signal,
  ...options,
});

type Seen = { readonly name: string; readonly call: Call; readonly signal: AbortSignal };
/** A backend whose calls are answered by `reply`; one that gives nothing is never answered. */
function standing(
  reply: (seen: Seen, n: number) => Invoked | undefined | Error,
  options: Partial<LambdaOptions> = {},
) {
  const seen: Seen[] = [];
  let flying = 0;
  const most = { flying: 0 };
  const backend = lambda({
    invoker: {
      invoke(name, payload, { signal }) {
        const one = { name, call: JSON.parse(payload) as Call, signal };
        seen.push(one);
        most.flying = Math.max(most.flying, ++flying);
        return new Promise<Invoked>((resolve, reject) => {
          signal.throwIfAborted();
          signal.addEventListener('abort', () => reject(signal.reason as Error));
          const answer = reply(one, seen.length - 1);
          if (answer instanceof Error) setImmediate(() => reject(answer));
          else if (answer) setImmediate(() => resolve(answer));
        }).finally(() => flying--);
      },
      close() {},
    },
    functionName: (megabytes) => `f-${megabytes}`,
    ladder: [256, 512, 1024],
    store: Object.assign(memoryStore(), { locate: () => ({ bucket: 'b', key: '' }) }),
    storeUri: 's3://bucket/store',
    calls: 100,
    run: 'run',
    ...options,
  });
  return { backend, seen, most };
}
const said = (...replies: Answer['replies']): Invoked => ({
  status: 200,
  headers: {},
  body: JSON.stringify({ wire: 1, replies } satisfies Answer),
});
const fine = ({ call }: Seen): Invoked => said(...call.tasks.map((): Reply => ({ ok: true, usage })));
const crashed = (errorType: string, errorMessage: string): Invoked => ({
  status: 200,
  headers: { 'x-amz-function-error': 'Unhandled' },
  body: JSON.stringify({ errorType, errorMessage }),
});
const refused = (status: number, type: string): Invoked => ({
  status,
  headers: { 'x-amzn-errortype': type },
  body: '{}',
});
const reasons = async (runs: readonly Promise<unknown>[]): Promise<any[]> =>
  (await Promise.allSettled(runs)).map((end) => (end.status === 'rejected' ? end.reason : end.value));

test('a packed call that ends without an answer is paid for once', async () => {
  const { backend } = standing(() => crashed('Runtime.ExitError', 'exit status 7'), { pack: 4 });
  const errors = await reasons([1, 2, 3, 4].map((n) => backend.run(task(n), how())));
  expect(errors.map(({ kind }) => kind)).toEqual(['lost', 'lost', 'lost', 'lost']);
  expect(errors.map(({ key }) => key)).toEqual([1, 2, 3, 4].map((n) => `test/x@1/${n}`));
  expect(errors.map(({ bill }) => bill?.invocations)).toEqual([1, undefined, undefined, undefined]);
});

test.each([
  [refused(429, 'TooManyRequestsException'), 'throttled'],
  [refused(503, 'ServiceException'), 'lost'],
  [refused(404, 'ResourceNotFoundException'), 'user'],
  [refused(403, 'AccessDeniedException'), 'user'],
  [refused(413, 'RequestTooLargeException'), 'user'],
] as const)('what Lambda refuses costs nothing: %j', async (answer, kind) => {
  const { backend } = standing(() => answer);
  const [error] = await reasons([backend.run(task(1), how())]);
  expect([error.kind, error.bill]).toEqual([kind, undefined]);
  expect(error.message).toMatch(/^lambda: f-256 [^\n]+$/);
});

test.each([
  [crashed('Sandbox.Timedout', 'RequestId: x Error: Task timed out after 3.00 seconds'), 'timeout'],
  [crashed('Runtime.ExitError', 'RequestId: x Error: Runtime exited with error: signal: killed'), 'oom'],
  [crashed('Runtime.OutOfMemory', ''), 'oom'],
  [crashed('Runtime.ImportModuleError', 'cannot find module'), 'user'],
  [new Error('socket hang up'), 'lost'],
] as const)('an end without an answer has its kind, and its bill: %j', async (answer, kind) => {
  const { backend } = standing(() => answer);
  const [error] = await reasons([backend.run(task(1), how())]);
  expect([error.kind, error.bill.invocations]).toEqual([kind, 1]);
});

test('a task whose call ended without a word goes alone; its neighbours may go together again once they are done', async () => {
  const { backend, seen } = standing(
    (one, n) => (n === 0 ? crashed('Runtime.ExitError', 'exit status 7') : fine(one)),
    { pack: 2 },
  );
  const both = (): Promise<any[]> => reasons([1, 2].map((n) => backend.run(task(n), how())));
  await both();
  expect(await both()).toEqual([usage, usage]);
  expect(await both()).toEqual([usage, usage]);
  expect(seen.map(({ call }) => call.tasks.length)).toEqual([2, 1, 1, 2]);
});

test('a refusal of the whole call is that of each task', async () => {
  const { backend } = standing(() => said({ ok: false, kind: 'user', message: 'lambda: found version 9' }), {
    pack: 3,
  });
  const errors = await reasons([1, 2, 3].map((n) => backend.run(task(n), how())));
  for (const error of errors)
    expect(error).toMatchObject({ kind: 'user', message: 'lambda: found version 9' });
});

test('answers that do not fit are lost, not taken for another task’s', async () => {
  const { backend } = standing(() => said({ ok: true, usage }), { pack: 2 });
  for (const error of await reasons([1, 2].map((n) => backend.run(task(n), how()))))
    expect(error).toMatchObject({
      kind: 'lost',
      message: expect.stringContaining('answered 1 tasks, expected 2'),
    });
});

test('tasks of one call have their time limits one after the other', async () => {
  const { backend } = standing(() => undefined, { pack: 4 });
  const began = performance.now();
  const errors = await reasons([1, 2, 3, 4].map((n) => backend.run(task(n), how({ timeout: 50 }))));
  expect(performance.now() - began).toBeGreaterThan(195);
  expect(errors.map(({ kind }) => kind)).toEqual(Array(4).fill('timeout'));
});

test('a call goes on while one of its tasks is wanted, and ends with the last', async () => {
  const { backend, seen } = standing(() => undefined, { pack: 2 });
  const stops = [new AbortController(), new AbortController()];
  const runs = reasons(stops.map(({ signal }, n) => backend.run(task(n), { signal })));
  await turn();
  stops[0]!.abort(new Error('a copy was faster'));
  expect(seen[0]!.signal.aborted).toBe(false);
  stops[1]!.abort(new Error('enough'));
  expect((await runs).map(({ kind }) => kind)).toEqual(['lost', 'lost']);
});

test('given up while a batch is filled, no call is waited for', async () => {
  const { backend } = standing(() => undefined, { pack: 4 });
  const stop = new AbortController();
  const run = backend.run(task(1), { signal: stop.signal });
  stop.abort(new Error('enough'));
  await expect(run).rejects.toThrow('enough');
});

test('closed, a backend leaves no task waiting: in flight, in a batch, or in turn', async () => {
  const { backend } = standing(() => undefined, { pack: 2, calls: 1 });
  const runs = reasons([1, 2, 3, 4, 5].map((n) => backend.run(task(n), how())));
  await turn();
  await backend.close();
  for (const error of await runs) expect(error).toMatchObject({ message: 'lambda: the run has ended' });
});

test('calls in flight stay within their number, whatever is tried again alone', async () => {
  const { backend, most } = standing(
    (one, n) => (n < 2 ? crashed('Runtime.ExitError', 'exit status 7') : fine(one)),
    { pack: 4, calls: 2 },
  );
  const all = (): Promise<any[]> => reasons([1, 2, 3, 4, 5, 6, 7, 8].map((n) => backend.run(task(n), how())));
  await all();
  expect(await all()).toEqual(Array(8).fill(usage));
  expect(most.flying).toBe(2);
});

test('many calls in flight are no leak', async () => {
  const warnings: Error[] = [];
  const warn = (warning: Error): void => void warnings.push(warning);
  process.on('warning', warn);
  const { backend, most } = standing(fine);
  await Promise.all(Array.from({ length: 50 }, (_, n) => backend.run(task(n), how())));
  await turn();
  process.off('warning', warn);
  expect([most.flying, warnings]).toEqual([50, []]);
});

test('after the end for want of memory a task gets a larger function', async () => {
  const { backend, seen } = standing(fine);
  for (const [memory, scale] of [
    [0, 1],
    [0, 2],
    [200 << 20, 1],
    [200 << 20, 2],
    [200 << 20, 8],
  ] as const)
    await backend.run(task(1), how({ memory, scale }));
  expect(seen.map(({ name }) => name)).toEqual(['f-256', 'f-512', 'f-512', 'f-1024', 'f-1024']);
  await expect(backend.run(task(1), how({ memory: 2 ** 31 }))).rejects.toThrow(
    /^lambda: a part needs 2240 MB, the largest function has 1024 MB; make parts smaller with --split$/,
  );
});

test('batches are handed on full, or a moment after their first', async () => {
  const sizes: string[] = [];
  const batch = batches<number, number>(3, async (group, items) => {
    sizes.push(`${group}${items.length}`);
    return items.map((n) => (n === 13 ? new Error('unlucky') : n * 2));
  });
  const all = [1, 2, 3, 13].map((n) => batch('a', n)).concat(batch('b', 5));
  expect(await reasons(all)).toEqual([2, 4, 6, expect.objectContaining({ message: 'unlucky' }), 10]);
  expect(sizes).toEqual(['a3', 'a1', 'b1']);
});

test.each([
  [[0, 503, 429, 202], 'taken'],
  [
    [404],
    'lambda: s-driver does not exist; deploy it with servermix deploy aws, or name its stack with --stack',
  ],
] as const)('an order to drive on is given until it is taken or answered: %j', async (statuses, end) => {
  const asked: (string | undefined)[] = [];
  const server = createServer((request, response) => {
    const status = statuses[asked.length]!;
    asked.push(request.url);
    request
      .resume()
      .on('end', () => (status === 0 ? request.socket.destroy() : response.writeHead(status).end()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const env = {
    AWS_ENDPOINT_URL_LAMBDA: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    AWS_ACCESS_KEY_ID: 'AK',
    AWS_SECRET_ACCESS_KEY: 'SK',
    AWS_REGION: 'us-east-1',
  };
  const before = Object.keys(env).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, env);
  try {
    const order = {
      deployment: { stack: 's', region: 'us-east-1', bucket: 'b', ladder: [1769] },
    } as unknown as Order;
    const found = await startDriver(order).then(
      () => 'taken',
      (error: Error) => error.message,
    );
    expect(found).toBe(end);
    expect(asked).toEqual(statuses.map(() => '/2015-03-31/functions/s-driver/invocations'));
  } finally {
    for (const [name, value] of before)
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    server.close();
    server.closeAllConnections();
  }
});
