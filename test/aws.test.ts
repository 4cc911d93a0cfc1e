/** What is computed about AWS without it: addresses, signatures, verdicts, sizes, ramps, packs. */
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { createHash, createHmac, type Hash, type Hmac } from 'node:crypto';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { BadUsage } from '../core/errors.ts';
import { copySource, formatAddress, isS3, parseAddress } from '../infra/aws/address.ts';
import { batches } from '../infra/aws/lambda/batch.ts';
import { ramp } from '../infra/aws/lambda/ramp.ts';
import { rungFor } from '../infra/aws/lambda/rung.ts';
import { signer } from '../infra/aws/lambda/sign.ts';
import { verdictOf } from '../infra/aws/lambda/verdict.ts';

const seed = 11;

describe('addresses', () => {
  test('bucket and key, as they stand', () => {
    expect(parseAddress('s3://my-bucket/a b/+%20/é?#.bam')).toEqual({
      bucket: 'my-bucket',
      key: 'a b/+%20/é?#.bam',
    });
    expect(parseAddress('S3://My_Old.Bucket')).toEqual({ bucket: 'My_Old.Bucket', key: '' });
    expect(parseAddress('s3://abc//x/../y')).toEqual({ bucket: 'abc', key: '/x/../y' });
    expect([isS3('s3://b'), isS3('S3://b'), isS3('./s3://b'), isS3('s3:/b')]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });
  test.each([
    's3://',
    's3:///key',
    's3://ab/key',
    's3://-abc/key',
    's3://user@host/key',
    's3://a:80/key',
    's3:/abc/key',
  ])('%s is none', (uri) => expect(() => parseAddress(uri)).toThrow(BadUsage));
  test('any key survives', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (key) => {
        expect(parseAddress(formatAddress({ bucket: 'bucket', key }))).toEqual({ bucket: 'bucket', key });
        const [bucket, ...segments] = copySource({ bucket: 'bucket', key }).split('/');
        expect([bucket, segments.map(decodeURIComponent).join('/')]).toEqual(['bucket', key]);
      }),
      { seed },
    );
  });
});

describe('signatures', () => {
  /** What the SDK wants of a hash, by Node's own. */
  class Sha256 {
    readonly #hash: Hash | Hmac;
    constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
      this.#hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret as string);
    }
    update(data: string | ArrayBuffer | ArrayBufferView): void {
      this.#hash.update(data as string);
    }
    async digest(): Promise<Uint8Array> {
      return this.#hash.digest();
    }
    reset(): void {}
  }
  const name = fc.oneof(
    fc.constantFrom('f', 'stack-512', 'arn:aws:lambda:eu-west-1:1:function:f:$LATEST', 'odd name+%é~!'),
    fc.string({ minLength: 1 }),
  );
  test('equal the SDK’s', async () => {
    const sign = signer();
    const credentials = fc.record({
      accessKeyId: fc.constantFrom('AK', 'OTHER'),
      secretAccessKey: fc.string({ minLength: 1 }),
      sessionToken: fc.option(fc.base64String({ minLength: 4 }), { nil: undefined }),
    });
    const property = fc.asyncProperty(
      name,
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('us-east-1', 'eu-central-1'),
      fc.date({ min: new Date(Date.UTC(2020, 0)), max: new Date(Date.UTC(2040, 0)), noInvalidDate: true }),
      credentials,
      async (fn, body, region, at, { sessionToken, ...pair }) => {
        const known = { ...pair, ...(sessionToken === undefined ? {} : { sessionToken }) };
        const host = 'lambda.example';
        const path = `/2015-03-31/functions/${encodeURIComponent(fn)}/invocations`;
        const headers = sign(
          { method: 'POST', host, path, body, service: 'lambda', region, at: at.getTime() },
          known,
        );
        const ours = Object.fromEntries(
          headers.flatMap((text, i) => (i % 2 ? [] : [[text, headers[i + 1]!]])),
        ) as Record<string, string>;
        const theirs = await new SignatureV4({
          service: 'lambda',
          region,
          credentials: known,
          sha256: Sha256,
          applyChecksum: false,
        }).sign(
          { method: 'POST', protocol: 'https:', hostname: host, path, query: {}, headers: { host }, body },
          { signingDate: at },
        );
        expect(ours).toEqual(theirs.headers);
      },
    );
    await fc.assert(property, { seed, numRuns: 300 });
  });
});

describe('verdicts on what Lambda answers', () => {
  const crash = { 'x-amz-function-error': 'Unhandled' };
  const error = (errorType: string, errorMessage = ''): string => JSON.stringify({ errorType, errorMessage });
  test.each([
    [
      429,
      {},
      '{"Reason":"ReservedFunctionConcurrentInvocationLimitExceeded"}',
      'throttled',
      /not called.*\(Reserved/,
    ],
    [
      502,
      { 'x-amzn-errortype': 'EC2ThrottledException:http://x' },
      '',
      'throttled',
      /EC2ThrottledException$/,
    ],
    [404, {}, '{"Message":"Function not found"}', 'user', /does not exist; deploy it/],
    [403, {}, '{"message":"no right"}', 'user', /no right; check the credentials/],
    [401, {}, 'not json', 'user', /check the credentials/],
    [413, {}, '', 'user', /larger --split/],
    [400, { 'x-amzn-errortype': 'InvalidRequestContentException' }, '{"Message":"bad"}', 'user', /: bad$/],
    [408, {}, '', 'lost', /status 408/],
    [500, { 'x-amzn-errortype': 'ServiceException' }, '{}', 'lost', /ServiceException/],
    [503, {}, '<html>', 'lost', /status 503/],
    [
      200,
      crash,
      error('', '2026-01-01T00:00:00Z id Task timed out after 3.00 seconds'),
      'timeout',
      /: Task timed out/,
    ],
    [
      200,
      crash,
      error('Sandbox.Timedout', 'RequestId: x Error: Task timed out after 1.00 seconds'),
      'timeout',
      /: Task/,
    ],
    [200, crash, error('Runtime.OutOfMemory', 'RequestId: x Error: killed'), 'oom', /out of memory/],
    [
      200,
      crash,
      error('Runtime.ExitError', 'RequestId: x Error: Runtime exited with error: signal: killed'),
      'oom',
      /memory/,
    ],
    [
      200,
      crash,
      error('Runtime.ExitError', 'RequestId: x Error: Runtime exited with error: exit status 7'),
      'lost',
      /status 7/,
    ],
    [200, crash, error('Runtime.ImportModuleError', 'no module'), 'user', /cannot start: no module; deploy/],
    [200, crash, error('Error', 'oops'), 'lost', /ended: Error oops$/],
    [200, crash, '', 'lost', /ended/],
    [200, {}, 'null', 'lost', /no answer that can be read/],
    [200, {}, '{"replies":{}}', 'lost', /no answer that can be read/],
    [200, {}, '{"repl', 'lost', /no answer that can be read/],
  ] as const)('%i %j %s is %s', (status, headers, body, failure, message) => {
    const verdict = verdictOf({ status, headers, body }, 'f');
    expect(verdict).toMatchObject({ failure });
    expect((verdict as { message: string }).message).toMatch(/^lambda: f [^\n]*|^lambda: f: [^\n]*/);
    expect((verdict as { message: string }).message).toMatch(message);
  });
  test('an answer is one', () => {
    const answer = { wire: 1, replies: [] };
    expect(verdictOf({ status: 200, headers: {}, body: JSON.stringify(answer) }, 'f')).toEqual({ answer });
  });
});

describe('sizes of functions', () => {
  const ladder = [512, 1024, 2048, 4096];
  const MB = 1 << 20;
  test.each([
    [0, 1, 512],
    [320 * MB, 1, 512],
    [320 * MB + 1, 1, 1024],
    [0, 2, 1024],
    [0, 4, 2048],
    [320 * MB + 1, 2, 2048],
    [3000 * MB, 1, 4096],
    [3000 * MB, 8, 4096],
  ])('%i bytes, %i times, take %i MB', (memory, scale, megabytes) =>
    expect(rungFor(memory, scale, ladder)).toBe(megabytes),
  );
  test('a part that fits none says how to make it smaller', () =>
    expect(() => rungFor(4000 * MB, 1, ladder)).toThrow(
      /needs 4192 MB, the largest function has 4096 MB; .*--split$/,
    ));
});

test('a ramp begins with a thousand calls and gains a hundred a second, up to the most', () => {
  let now = 5000;
  const calls = ramp(1500, () => now);
  const at = (ms: number): number => {
    now = 5000 + ms;
    return calls.limit;
  };
  expect([at(0), at(60_000)]).toEqual([1000, 1000]);
  now = 5000;
  calls.begin();
  expect([at(0), at(9), at(10), at(1000), at(2500), at(4999), at(5000), at(1e6)]).toEqual([
    1000, 1000, 1001, 1100, 1250, 1499, 1500, 1500,
  ]);
  calls.begin();
  expect(at(1e6)).toBe(1500);
  expect(ramp(10, () => 0).limit).toBe(10);
});

describe('packs', () => {
  const sent: [string, readonly number[]][] = [];
  const send = async (group: string, items: readonly number[]): Promise<readonly (number | Error)[]> => {
    sent.push([group, items]);
    if (items.includes(0)) throw new Error('all of them');
    return items.map((n) => (n < 0 ? new Error(`no ${n}`) : n * 2));
  };
  afterEach(() => {
    sent.length = 0;
    vi.useRealTimers();
  });

  test('are full, or sent after a moment; groups are not mixed, and answers go to who asked', async () => {
    vi.useFakeTimers();
    const pack = batches(3, send);
    const all = Promise.all([1, 2, 3, 4].map((n) => pack('a', n)).concat(pack('b', 5)));
    expect(sent).toEqual([['a', [1, 2, 3]]]);
    await vi.advanceTimersByTimeAsync(2);
    expect(sent).toEqual([
      ['a', [1, 2, 3]],
      ['a', [4]],
      ['b', [5]],
    ]);
    expect(await all).toEqual([2, 4, 6, 8, 10]);
    expect(vi.getTimerCount()).toBe(0);
  });
  test('of one wait for nothing', async () => {
    vi.useFakeTimers();
    const pack = batches(1, send);
    expect(await Promise.all([pack('a', 1), pack('a', 2)])).toEqual([2, 4]);
    expect(vi.getTimerCount()).toBe(0);
  });
  test('fail one by one, or all together', async () => {
    const pack = batches(3, send);
    const ends = await Promise.allSettled([1, -1, 2, 1, 0, 2].map((n) => pack('a', n)));
    expect(
      ends.map((end) => (end.status === 'fulfilled' ? end.value : (end.reason as Error).message)),
    ).toEqual([2, 'no -1', 4, 'all of them', 'all of them', 'all of them']);
  });
});
