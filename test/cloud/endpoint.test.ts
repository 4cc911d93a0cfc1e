/** The endpoint that measures clients answers the SDK as Lambda does. */
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { expect, test } from 'vitest';
import { startEndpoint } from './endpoint.ts';

const clientOf = (endpoint: string) =>
  new LambdaClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'AK', secretAccessKey: 'SK' },
    maxAttempts: 1,
  });
const command = new InvokeCommand({ FunctionName: 'work', Payload: '{}' });

test('each invocation takes the delay, many at once', async () => {
  const endpoint = await startEndpoint({ delay: 100, reply: '{"done":true}' });
  const client = clientOf(endpoint.endpoint);
  const start = performance.now();
  const answers = await Promise.all(Array.from({ length: 40 }, () => client.send(command)));
  expect(performance.now() - start).toBeGreaterThan(99);
  for (const { StatusCode, FunctionError, Payload } of answers)
    expect([StatusCode, FunctionError, Payload?.transformToString()]).toEqual([
      200,
      undefined,
      '{"done":true}',
    ]);
  const { most, cpu, ...counts } = await endpoint.counts();
  expect(counts).toEqual({ invocations: 40, throttled: 0, bytes: 80 });
  expect(most).toBeGreaterThan(1);
  expect(cpu).toBeGreaterThan(0);
  client.destroy();
  await endpoint.stop();
});

test('a share is throttled, as the seed has it', async () => {
  const endpoint = await startEndpoint({ delay: 0, throttle: 0.25, seed: 5 });
  const client = clientOf(endpoint.endpoint);
  const all = await Promise.allSettled(Array.from({ length: 40 }, () => client.send(command)));
  const refused = all.filter((one) => one.status === 'rejected');
  for (const { reason } of refused)
    expect(reason).toMatchObject({
      name: 'TooManyRequestsException',
      Reason: 'ConcurrentInvocationLimitExceeded',
    });
  // Of this seed: 10 of 40.
  expect(refused).toHaveLength(10);
  expect(await endpoint.counts()).toMatchObject({ invocations: 30, throttled: 10 });
  client.destroy();
  await endpoint.stop();
});
