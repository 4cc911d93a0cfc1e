/** The Lambda service of the tests answers as AWS's does, with AWS's own runtime interface client behind it. */
import {
  InvokeCommand,
  LambdaClient,
  type InvokeCommandInput,
  type LambdaClientConfig,
} from '@aws-sdk/client-lambda';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { limit, means } from './lambda/limits.ts';
import { startLambda, type LambdaService } from './lambda/service.ts';
import type { FunctionSettings, LambdaOptions } from './lambda/settings.ts';
import type { Fault } from './fault.ts';
import { startProxy } from './proxy.ts';
import { cloud } from './site.ts';

const handler = `
const { appendFileSync, existsSync, readFileSync, writeFileSync } = require('node:fs');
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const kept = [];
let calls = 0;
const deeds = {
  echo: (event, context) => ({ event, calls, id: context.awsRequestId, env: process.env, pid: process.pid, name: context.functionName,
    memory: context.memoryLimitInMB, left: context.getRemainingTimeInMillis() }),
  say: () => console.log('hello'),
  fail: () => { throw new RangeError('not that'); },
  sleep: ({ ms }) => sleep(ms),
  spin: () => { for (;;); },
  exit: ({ code }) => process.exit(code),
  orphan: () => { setImmediate(() => { throw new TypeError('nobody caught'); }); return sleep(10_000); },
  fill: () => { for (;;) kept.push(Buffer.alloc(4 << 20, 1)); },
  heap: () => { for (;;) kept.push(Array.from({ length: 1000 }, (_, i) => ({ i }))); },
  big: ({ bytes }) => 'x'.repeat(bytes - 2),
  write: ({ path, text }) => appendFileSync(path, text),
  wait: async ({ path }) => { while (!existsSync(path)) await sleep(5); },
  space: () => { try { writeFileSync('/tmp/file', Buffer.alloc(8 << 20)); return 'written'; } catch ({ code }) { return code; } },
};
exports.handler = async (event, context) => { calls++; return deeds[event.do ?? 'echo'](event, context); };
`;

const site = cloud();

test('where there are no control groups, looking at the process limits its memory', async () => {
  const limits = limit({ memory: 128, groups: false });
  const fill = 'const kept = []; setInterval(() => kept.push(Buffer.alloc(4 << 20, 1)), 1)';
  const [command, ...args] = limits.wrap([process.execPath, '-e', fill], []);
  const child = spawn(command!, args, { stdio: 'ignore' });
  limits.watch(child.pid!);
  const [, signal] = await once(child, 'exit');
  await limits.remove();
  expect([signal, limits.exceeded()]).toEqual(['SIGKILL', true]);
  expect(limits.peak()).toBeGreaterThan(127);
});

describe.skipIf(!site)('Lambda', () => {
  const folder = mkdtempSync(join(tmpdir(), 'servermix-handler-'));
  writeFileSync(join(folder, 'index.js'), handler);
  writeFileSync(join(folder, 'broken.js'), "throw new TypeError('cannot start');");
  writeFileSync(join(folder, 'gone.js'), 'process.exit(3);');
  const open: { service: LambdaService; client: LambdaClient }[] = [];

  const start = async (settings: Partial<FunctionSettings> = {}, options: Partial<LambdaOptions> = {}) => {
    const work = { name: 'work', megabytes: 256, seconds: 5, folder, handler: 'index.handler', ...settings };
    const service = await startLambda({ ricFolder: site!.ricFolder, functions: [work], ...options });
    const client = clientOf(service);
    open.push({ service, client });
    const invoke = async (payload: unknown, more: Partial<InvokeCommandInput> = {}) => {
      const Payload = typeof payload === 'string' ? payload : JSON.stringify(payload);
      const answer = await client.send(new InvokeCommand({ FunctionName: 'work', Payload, ...more }));
      const text = answer.Payload?.transformToString() ?? '';
      return {
        status: answer.StatusCode,
        error: answer.FunctionError,
        body: text === '' ? undefined : (JSON.parse(text) as any),
        log: Buffer.from(answer.LogResult ?? '', 'base64').toString(),
        id: answer.$metadata.requestId,
      };
    };
    return { service, client, invoke };
  };
  const clientOf = (service: LambdaService, config: LambdaClientConfig = {}) =>
    new LambdaClient({
      endpoint: service.endpoint,
      region: service.region,
      credentials: { accessKeyId: service.key, secretAccessKey: service.secret },
      maxAttempts: 1,
      ...config,
    });
  const refused = (status: number, name: string) => ({ name, $metadata: { httpStatusCode: status } });

  afterEach(async () => {
    for (const { service, client } of open.splice(0)) {
      client.destroy();
      await service.stop();
    }
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('an invocation has its event, its context and its variables, and nothing of ours', async () => {
    process.env['SERVERMIX_PLANTED'] = 'planted';
    const { invoke, service } = await start({ env: { ANSWER: '42' } }, { describe: (payload) => payload });
    delete process.env['SERVERMIX_PLANTED'];
    const { status, error, body, id } = await invoke({ n: 1 });
    expect([status, error]).toEqual([200, undefined]);
    expect(body).toMatchObject({ event: { n: 1 }, calls: 1, id, name: 'work', memory: '256' });
    expect(body.left).toBeGreaterThan(4000);
    expect(body.left).toBeLessThanOrEqual(5000);
    expect(body.env).toMatchObject({ ANSWER: '42', AWS_REGION: 'us-east-1', LAMBDA_TASK_ROOT: folder });
    expect(body.env.SERVERMIX_PLANTED).toBeUndefined();
    expect(service.executions).toMatchObject([{ requestId: id, payload: '{"n":1}', outcome: 'ok' }]);
    expect(service.counts).toMatchObject({ invocations: 1, cold: 1, warm: 0, byFunction: { work: 1 } });
  });

  test('an environment is used again, and only its first report tells of its start', async () => {
    const { invoke, service } = await start();
    const cold = await invoke({ do: 'say' }, { LogType: 'Tail' });
    const warm = await invoke({ do: 'say' }, { LogType: 'Tail' });
    const report =
      /^START RequestId: (\S+) Version: \$LATEST\n.*\thello\nEND RequestId: \1\nREPORT RequestId: \1\tDuration: [\d.]+ ms\tBilled Duration: (\d+) ms\tMemory Size: 256 MB\tMax Memory Used: (\d+) MB\t(Init Duration: [\d.]+ ms\t)?\n$/;
    const [first, second] = [report.exec(cold.log)!, report.exec(warm.log)!];
    expect([first?.[1], second?.[1]]).toEqual([cold.id, warm.id]);
    expect(first[4]).toBeDefined();
    expect(second[4]).toBeUndefined();
    expect(Number(first[2])).toBeGreaterThan(Number(second[2]));
    expect(Number(second[3])).toBeGreaterThan(20);
    expect(service.logs.join('')).toBe(cold.log + warm.log);
    expect(service.counts).toMatchObject({ cold: 1, warm: 1 });
  });

  test('an exception is an answer, and the environment goes on', async () => {
    const { invoke, service } = await start();
    const { status, error, body } = await invoke({ do: 'fail' });
    expect([status, error]).toEqual([200, 'Unhandled']);
    expect(body).toMatchObject({ errorType: 'RangeError', errorMessage: 'not that' });
    expect((await invoke({})).body.calls).toBe(2);
    expect(service.executions.map(({ outcome }) => outcome)).toEqual(['error', 'ok']);
  });

  test('an exception that nobody catches is told, and ends the environment', async () => {
    const { invoke, service } = await start();
    const { error, body } = await invoke({ do: 'orphan' });
    expect(error).toBe('Unhandled');
    expect(body).toMatchObject({ errorType: 'TypeError', errorMessage: 'nobody caught' });
    expect((await invoke({})).body.calls).toBe(1);
    expect(service.counts.cold).toBe(2);
  });

  test.each(['sleep', 'spin'])('over the time limit, even in a loop (%s), all ends', async (deed) => {
    const { invoke, service } = await start({ seconds: 0.3 });
    const { error, body, log, id } = await invoke({ do: deed, ms: 10_000 }, { LogType: 'Tail' });
    expect(error).toBe('Unhandled');
    expect(body).toEqual({
      errorType: 'Sandbox.Timedout',
      errorMessage: `RequestId: ${id} Error: Task timed out after 0.30 seconds`,
    });
    expect(log).toContain(`${id} Task timed out after 0.30 seconds\nEND`);
    expect((await invoke({})).body.calls).toBe(1);
    expect(service.counts).toMatchObject({ timeouts: 1, cold: 2, crashes: 0 });
    expect(service.executions[0]!.ms).toBeGreaterThan(299);
  });

  test('a process that exits is lost, with its status', async () => {
    const { invoke, service } = await start();
    const { error, body, id } = await invoke({ do: 'exit', code: 7 });
    expect(error).toBe('Unhandled');
    expect(body).toEqual({
      errorType: 'Runtime.ExitError',
      errorMessage: `RequestId: ${id} Error: Runtime exited with error: exit status 7`,
    });
    expect(service.counts.crashes).toBe(1);
  });

  test(`out of memory (here: ${means()}), the process is killed`, async () => {
    const { invoke, service } = await start({ megabytes: 128 });
    const { error, body, log } = await invoke({ do: 'fill' }, { LogType: 'Tail' });
    expect(error).toBe('Unhandled');
    expect(body.errorType).toBe('Runtime.ExitError');
    expect(body.errorMessage).toMatch(/Runtime exited with error: signal: killed$/);
    expect(log).toContain('\tMemory Size: 128 MB\tMax Memory Used: 128 MB\t');
    expect(service.counts).toMatchObject({ oom: 1, crashes: 0 });
    expect((await invoke({})).error).toBeUndefined();
  });

  test('a heap that is full aborts the process', async () => {
    const { invoke } = await start({ megabytes: 128 });
    expect((await invoke({ do: 'heap' })).body.errorMessage).toMatch(
      /signal: (aborted \(core dumped\)|killed)$/,
    );
  });

  test('code that cannot be loaded is told to each caller', async () => {
    const { invoke, service } = await start({ handler: 'broken.handler' });
    for (const _ of [1, 2]) {
      const { error, body } = await invoke({});
      expect(error).toBe('Unhandled');
      expect(body).toMatchObject({ errorType: 'TypeError', errorMessage: 'cannot start' });
    }
    expect(service.executions.map(({ outcome }) => outcome)).toEqual(['init-error', 'init-error']);
    const missing = await start({ handler: 'none.handler' });
    expect((await missing.invoke({})).body.errorType).toBe('Runtime.ImportModuleError');
    const gone = await start({ handler: 'gone.handler' });
    expect((await gone.invoke({})).body.errorMessage).toMatch(/exit status 3$/);
  });

  test('too large a request or an answer is refused', async () => {
    const { invoke, service } = await start();
    const text = (size: number) => JSON.stringify('x'.repeat(size - 2));
    const tooLarge = refused(413, 'RequestTooLargeException');
    await expect(invoke(text(6_291_457))).rejects.toMatchObject(tooLarge);
    await expect(invoke(text(1_048_577), { InvocationType: 'Event' })).rejects.toMatchObject(tooLarge);
    expect(service.counts.invocations).toBe(0);
    expect((await invoke({ do: 'big', bytes: 6_291_556 })).error).toBeUndefined();
    const { error, body } = await invoke({ do: 'big', bytes: 6_291_557 });
    expect(error).toBe('Unhandled');
    expect(body.errorType).toBe('Function.ResponseSizeTooLarge');
    const most = JSON.stringify({ do: 'say', x: '' });
    const filled = most.replace('""', text(6_291_456 - most.length + 2));
    expect(filled).toHaveLength(6_291_456);
    expect((await invoke(filled)).error).toBeUndefined();
  });

  test('what cannot be invoked is said', async () => {
    const { invoke, service } = await start();
    await expect(invoke({}, { FunctionName: 'none' })).rejects.toMatchObject(
      refused(404, 'ResourceNotFoundException'),
    );
    await expect(invoke('{"a":')).rejects.toMatchObject(refused(400, 'InvalidRequestContentException'));
    expect((await invoke({}, { InvocationType: 'DryRun' })).status).toBe(204);
    expect(service.counts.invocations).toBe(0);
    const arn = 'arn:aws:lambda:us-east-1:000000000000:function:work';
    expect((await invoke({}, { FunctionName: arn, Qualifier: '$LATEST' })).status).toBe(200);
  });

  test('only who knows the secret is served', async () => {
    const { service } = await start();
    const unsigned = await fetch(`${service.endpoint}/2015-03-31/functions/work/invocations`, {
      method: 'POST',
    });
    expect([unsigned.status, unsigned.headers.get('x-amzn-errortype')]).toEqual([
      403,
      'MissingAuthenticationTokenException',
    ]);
    const credentials = { accessKeyId: service.key, secretAccessKey: service.secret };
    const strangers: [LambdaClientConfig, string][] = [
      [{ credentials: { ...credentials, accessKeyId: 'other' } }, 'UnrecognizedClientException'],
      [{ credentials: { ...credentials, secretAccessKey: 'other' } }, 'InvalidSignatureException'],
      [{ systemClockOffset: 3_600_000 }, 'InvalidSignatureException'],
    ];
    for (const [config, name] of strangers) {
      const client = clientOf(service, config);
      await expect(client.send(new InvokeCommand({ FunctionName: 'work' }))).rejects.toMatchObject(
        refused(403, name),
      );
      client.destroy();
    }
    expect(service.counts.invocations).toBe(0);
  });

  test('above the reserved concurrency, 429 with the reason', async () => {
    const { invoke, service } = await start({ environments: 2 });
    const all = await Promise.allSettled([1, 2, 3, 4].map(() => invoke({ do: 'sleep', ms: 300 })));
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect((all[3] as PromiseRejectedResult).reason).toMatchObject({
      ...refused(429, 'TooManyRequestsException'),
      Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
    });
    expect(service.counts).toMatchObject({ invocations: 2, throttled: 2, cold: 2 });
    await Promise.all([1, 2].map(() => invoke({})));
    expect(service.counts).toMatchObject({ cold: 2, warm: 2 });
  });

  test('the account and the ramp have their limits too', async () => {
    const reason = { name: 'TooManyRequestsException', Reason: 'ConcurrentInvocationLimitExceeded' };
    const small = await start({}, { account: 1 });
    const running = small.invoke({ do: 'sleep', ms: 200 });
    while (small.service.counts.invocations === 0) await new Promise((done) => setImmediate(done));
    await expect(small.invoke({})).rejects.toMatchObject(reason);
    await running;
    const slow = await start({}, { ramp: { environments: 1, seconds: 0.5 } });
    const first = slow.invoke({ do: 'sleep', ms: 200 });
    while (slow.service.counts.invocations === 0) await new Promise((done) => setImmediate(done));
    await expect(slow.invoke({})).rejects.toMatchObject(reason);
    // The one can only end when the other runs beside it.
    const path = join(folder, 'beside');
    await slow.invoke({ do: 'wait', path }, { InvocationType: 'Event' });
    await slow.invoke({ do: 'write', path, text: 'here' }, { InvocationType: 'Event' });
    await first;
    await slow.service.settled();
    expect(slow.service.counts).toMatchObject({ invocations: 3, cold: 2, warm: 1, throttled: 1 });
  });

  test('events are taken at once, wait for an environment, and are tried once', async () => {
    const { invoke, service } = await start({ environments: 2 });
    const path = join(folder, 'events');
    const events = ['a', 'b', 'c', 'd', 'e', 'f'].map((text) => ({ do: 'write', path, text }));
    const taken = await Promise.all(
      [...events, { do: 'fail' }].map((event) => invoke(event, { InvocationType: 'Event' })),
    );
    expect(taken.map(({ status, body }) => [status, body])).toEqual(taken.map(() => [202, undefined]));
    await service.settled();
    expect(readFileSync(path, 'utf8').split('').sort().join('')).toBe('abcdef');
    expect(service.counts).toMatchObject({ invocations: 7, cold: 2, warm: 5, throttled: 0 });
    expect(service.executions.filter(({ outcome }) => outcome === 'error')).toHaveLength(1);
  });

  test('a share of the events is delivered twice, under one number', async () => {
    const { invoke, service } = await start({ environments: 2 }, { duplicate: { rate: 0.5, seed: 3 } });
    for (let n = 0; n < 12; n++) await invoke({ n }, { InvocationType: 'Event' });
    await service.settled();
    const ids = service.executions.map(({ requestId }) => requestId);
    expect(new Set(ids).size).toBe(12);
    // Of this seed: 7 of 12.
    expect(ids).toHaveLength(19);
    expect(new Set(service.executions.map(({ payload }) => payload)).size).toBe(12);
  });

  test('one that is killed is lost, and the others go on', async () => {
    const { invoke, service } = await start();
    expect(service.killOne()).toBe(false);
    const all = ['first', 'second'].map(() => invoke({ do: 'sleep', ms: 500 }));
    while (service.counts.invocations < 2) await new Promise((done) => setImmediate(done));
    expect(service.killOne()).toBe(true);
    const ends = await Promise.all(all);
    expect(ends.filter(({ error }) => error).map(({ body }) => body.errorMessage)).toEqual([
      expect.stringMatching(/signal: killed$/),
    ]);
    expect(service.executions.map(({ outcome }) => outcome).sort()).toEqual(['killed', 'ok']);
    expect(service.counts.crashes).toBe(0);
  });

  test('stopping ends what runs, and leaves no process and no control group', async () => {
    const { invoke, service } = await start();
    const { body } = await invoke({});
    const lost = invoke({ do: 'spin' }).catch((error: Error) => error);
    while (service.counts.invocations < 2) await new Promise((done) => setImmediate(done));
    process.kill(body.pid, 0);
    await service.stop();
    open.splice(0)[0]!.client.destroy();
    expect(await lost).toBeInstanceOf(Error);
    await expect(fetch(`http://${body.env.AWS_LAMBDA_RUNTIME_API}`)).rejects.toThrow('fetch failed');
    expect(() => process.kill(body.pid, 0)).toThrow('ESRCH');
    const controllers = '/sys/fs/cgroup/memory';
    const groups = existsSync(controllers) ? readdirSync(controllers, { recursive: true }) : [];
    const left = groups.filter((name) => String(name).includes(`servermix-lambda-${process.pid}-`));
    expect(left).toEqual([]);
  });

  test('behind the proxy, a lost answer and a second delivery run the handler', async () => {
    const { service } = await start({}, { describe: (payload) => payload });
    const proxy = await startProxy(service.endpoint, { secret: service.secret });
    const client = clientOf(service, { endpoint: proxy.endpoint, maxAttempts: 2 });
    const faults: Fault[] = [{ kind: 'lose' }, { kind: 'duplicate' }, { kind: 'status', status: 503 }];
    for (const fault of faults) {
      let left = 1;
      proxy.fault = () => (left-- > 0 ? fault : undefined);
      const Payload = JSON.stringify({ do: 'say', kind: fault.kind });
      expect((await client.send(new InvokeCommand({ FunctionName: 'work', Payload }))).StatusCode).toBe(200);
    }
    const kinds = service.executions.map(({ payload }) => (JSON.parse(payload) as { kind: string }).kind);
    expect(kinds).toEqual(['lose', 'lose', 'duplicate', 'duplicate', 'status']);
    proxy.fault = () => ({ kind: 'skew', ms: 3_600_000 });
    const skewed = await client.send(new InvokeCommand({ FunctionName: 'work' }));
    expect(skewed.StatusCode).toBe(200);
    client.destroy();
    await proxy.stop();
  });

  test.skipIf(process.getuid?.() !== 0)('a /tmp of its own has its size', async () => {
    const { invoke } = await start({ tmp: 4 });
    expect((await invoke({ do: 'space' })).body).toBe('ENOSPC');
  });
});
