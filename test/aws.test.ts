/** What is computed about AWS without it: addresses, secrets, signatures, verdicts, sizes, ramps, packs, prices, estimates. */
import { SignatureV4 } from '@smithy/signature-v4';
import fc from 'fast-check';
import { createHash, createHmac, randomBytes, type Hash, type Hmac } from 'node:crypto';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { BadUsage } from '../core/errors.ts';
import type { AnyJob, Key, Task } from '../core/job.ts';
import type { Json } from '../core/json.ts';
import type { Plan } from '../core/plan.ts';
import { isSigned, redact } from '../core/redact.ts';
import { copySource, formatAddress, isS3, parseAddress } from '../infra/aws/address.ts';
import { batches } from '../infra/aws/lambda/batch.ts';
import { ramp } from '../infra/aws/lambda/ramp.ts';
import { rungFor } from '../infra/aws/lambda/rung.ts';
import { signer } from '../infra/aws/lambda/sign.ts';
import { verdictOf } from '../infra/aws/lambda/verdict.ts';
import { dollarsOf, prices } from '../infra/aws/prices.ts';
import { estimate } from '../pipelines/estimate.ts';
import { dollars } from '../pipelines/quantity.ts';
import { sum } from './toys.ts';

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

describe('secrets', () => {
  const marker = randomBytes(15).toString('base64url');
  afterEach(() => void vi.unstubAllEnvs());

  test.each([
    [
      'AWS',
      `https://b.s3.amazonaws.com/k?X-Amz-Algorithm=A&X-Amz-Credential=${marker}&X-Amz-Signature=${marker}`,
    ],
    ['AWS, version 2', `https://b.s3.amazonaws.com/k?AWSAccessKeyId=x&Signature=${marker}&Expires=1`],
    ['Azure', `https://a.blob.core.windows.net/c/k?sv=2023&se=2026&sr=b&sig=${marker}%3D`],
    ['Google', `https://storage.googleapis.com/b/k?X-Goog-Algorithm=A&X-Goog-Signature=${marker}`],
    ['CloudFront', `https://d.cloudfront.net/k?Policy=${marker}&Signature=${marker}&Key-Pair-Id=K`],
    ['a token', `HTTP://host:8080/k.bam?x=1&access_token=${marker}`],
  ])('the query of an address signed for %s', (_, url) => {
    const text = `open ${url}, "${url}" and <${url}>\n${JSON.stringify({ url })}`;
    expect(redact(text)).not.toContain(marker);
    expect(redact(text)).toContain(url.slice(0, url.indexOf('?')));
    expect(isSigned(url)).toBe(true);
  });

  test('users and passwords', () => {
    expect(redact(`https://user:${marker}@host/path`)).toBe('https://host/path');
    expect(redact(`see https://user:p@${marker}@host:80/path?x=a@b.`)).toBe(
      'see https://host:80/path?x=a@b.',
    );
    expect(redact(`ftp://user:a/${marker}@host/x`)).toBe('ftp://host/x');
    expect(redact(`an argument X-Amz-Signature=${marker}&x`)).toBe('an argument X-Amz-Signature=<...>&x');
    expect(redact('https://host')).toBe('https://host');
  });

  test('the secrets of the environment, also inside JSON', () => {
    const secret = `${marker}/+"\\=`;
    vi.stubEnv('AWS_SECRET_ACCESS_KEY', secret);
    vi.stubEnv('AWS_SESSION_TOKEN', `token ${marker}`);
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'AK');
    const text = `${secret} token ${marker} ${JSON.stringify({ secret })} AKA`;
    expect(redact(text)).not.toContain(marker);
    expect(redact(text)).toContain('<AWS_SECRET_ACCESS_KEY> <AWS_SESSION_TOKEN>');
    expect(redact(text)).toContain('AKA');
  });

  test.each([
    'https://host/path/file.bam?versionId=3&design=4#signature',
    'http://host/a@b/c?mail=x@y.org',
    's3://bucket/token=x/sig=y?password=z',
    'http://host:8080/a@b',
    's3://bucket/a@b',
    'found chr1:1-100 at C:\\data\\x.bam; expected `--token=x`, see https://host/doc.',
    'genomics/coverage@1/0123456789abcdef',
  ])('%s stays', (text) => {
    expect(redact(text)).toBe(text);
    expect(isSigned(text)).toBe(false);
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

test('dollars', () => {
  const bill = { invocations: 1e6, gbSeconds: 1e6, gets: 1e6, puts: 1e6 };
  expect(dollarsOf(bill)).toBeCloseTo(0.2 + 13.3334 + 0.4 + 5, 9);
  expect(prices.date).toMatch(/^20\d\d-\d\d-\d\d$/);
  expect([0, 0.00000042, 0.00042, 0.0123, 0.99, 0.999, 1.255, 99.4, 99.6, 31_000].map(dollars)).toEqual([
    '$0',
    '$0.00000042',
    '$0.00042',
    '$0.012',
    '$0.99',
    '$1.00',
    '$1.25',
    '$99.40',
    '$100',
    '$31,000',
  ]);
});

describe('estimates', () => {
  const ladder = [512, 1024, 2048];
  const job: AnyJob = { ...sum, pace: 1000, memory: () => 100 << 20 };
  /** `parts` of 100 numbers each, joined by one merge where there are several. */
  const planned = (parts: number): Plan => {
    const key = (n: number | string): Key => `test/sum@1/${n}` as Key;
    const kernels = Array.from({ length: parts }, (_, i): Task => ({
      op: 'kernel',
      key: key(i),
      job: 'test/sum@1',
      inputs: {},
      params: {},
      part: { start: 100 * i, end: 100 * (i + 1) } as Json,
    }));
    const merge: Task = {
      op: 'merge',
      key: key('root'),
      job: 'test/sum@1',
      params: {},
      parts: kernels.map((t) => t.key),
    };
    const tasks = new Map(
      [...kernels, ...(parts > 1 ? [merge] : [])].map((task) => [task.key, task] as const),
    );
    return { job, root: parts > 1 ? key('root') : key(0), tasks, parts, notes: [] };
  };
  const input = (size: number) => ({ uri: 's3://bucket/x', format: 'x', id: '1', size });
  const on = (parts: number, workers = 1000) =>
    estimate(job, planned(parts), [input(64 << 20)], { on: 'lambda', ladder, workers });

  test('a plan of four parts, computed by hand', () => {
    // Each part: 16 MiB by one request, 0.1 s of work, three requests of 0.02 s, in 512 MB; the merge: four requests.
    const { bill, seconds, dollars: cost, memory, workers } = on(4);
    expect(bill).toMatchObject({ invocations: 5, gets: 5 + 2 + 4 * 2 + 5, puts: 1 + 4 + 1 });
    expect(bill.gbSeconds).toBeCloseTo((4 * 0.35 + 4 * (0.1 + 0.06) + 0.08) / 2, 9);
    expect(seconds).toBeCloseTo(0.7 + 0.1 + 0.08 + 0.1 + 5 * 0.0003, 9);
    expect(cost).toBeCloseTo(dollarsOf(bill), 12);
    expect([memory, workers]).toEqual([4 * (512 << 20), 1000]);
  });
  test('one part has no merge and no levels', () => {
    const { bill, seconds } = on(1);
    expect(bill).toMatchObject({ invocations: 1, gets: 5 + 2 + 5, puts: 2 });
    expect(seconds).toBeCloseTo(0.7 + 0.1 + 0.08 + 0.0003, 9);
  });
  test('more parts cost no less, and more workers take no longer', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.integer({ min: 1, max: 50 }), (parts, workers) => {
        const [few, more] = [on(parts, workers), on(parts + 1, workers)];
        expect(more.dollars).toBeGreaterThan(few.dollars);
        expect(more.bill.gets).toBeGreaterThanOrEqual(few.bill.gets);
        expect(on(parts, workers + 1).seconds!).toBeLessThanOrEqual(few.seconds! + 1e-9);
        for (const n of [few.seconds!, few.dollars, few.memory, few.bill.gbSeconds])
          expect(n).toBeGreaterThan(0);
      }),
      { seed },
    );
  });
  test('this machine costs nothing', () => {
    const local = estimate(job, planned(4), [input(64)], { on: 'threads', workers: 2 });
    expect(local).toMatchObject({
      dollars: 0,
      workers: 2,
      seconds: 0.2,
      coreSeconds: 0.4,
      memory: 200 << 20,
    });
    const { pace: _, ...unpaced } = job;
    expect(estimate(unpaced as AnyJob, planned(4), [], { on: 'inline' }).seconds).toBeUndefined();
  });
});
