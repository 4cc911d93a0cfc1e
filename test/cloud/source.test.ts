/** Objects of S3 as inputs: what is asked for, what comes back, and what is said when it does not. */
import { PutBucketPolicyCommand } from '@aws-sdk/client-s3';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BadInput, BadUsage, TaskError } from '../../core/errors.ts';
import type { Access, Dataset, Source } from '../../core/job.ts';
import { describeObject, objectSource } from '../../infra/aws/source.ts';
import { glob } from '../../pipelines/storage.ts';
import { first, noise, startBucket, type Bucket } from './bucket.ts';
import { startSite, type Answer } from '../site.ts';
import { startProxy } from './proxy.ts';
import { cloud } from './site.ts';

const swift = { wait: async () => {} };
const odd = "a b+c%20&=;$@,/é~()'!#?*.bin";

describe.skipIf(!cloud())('objects as inputs', () => {
  let bucket: Bucket = undefined!;
  const data = noise(300_000);

  beforeAll(async () => {
    bucket = await startBucket();
    await bucket.put('data.bin', data);
    await bucket.put(odd, data);
    await bucket.put('empty', Buffer.alloc(0));
  });
  afterAll(() => bucket?.stop());
  afterEach(() => {
    bucket.proxy.fault = () => undefined;
    Object.assign(process.env, bucket.env);
  });

  const open = async (key: string, access?: Access): Promise<Source & { dataset: Dataset }> => {
    const dataset = { ...(await describeObject(bucket.uri(key), access, swift)), format: 'bin' };
    bucket.proxy.clear();
    return { ...objectSource(dataset, swift), dataset };
  };
  const collect = async (pieces: AsyncIterable<Uint8Array>): Promise<Buffer> => {
    const all: Uint8Array[] = [];
    for await (const piece of pieces) all.push(Buffer.from(piece));
    return Buffer.concat(all);
  };
  /** Requests as `GET 0-9`. */
  const asked = (): string[] =>
    bucket.proxy.log.map(({ method, range = '' }) => `${method} ${range.replace('bytes=', '')}`.trim());

  test.each(['data.bin', odd])('%s: ranges are one GET each, an empty one none', async (key) => {
    const source = await open(key);
    expect(source.dataset).toMatchObject({ uri: bucket.uri(key), size: data.length });
    expect(source.dataset.id).toMatch(/^300000-"[0-9a-f]{32}"$/);
    expect(Buffer.from(await source.read(1000, 2000)).equals(data.subarray(1000, 2000))).toBe(true);
    const into = new Uint8Array(500);
    const read = await source.read(299_900, 300_000, into);
    expect([read.buffer, read.length]).toEqual([into.buffer, 100]);
    expect(Buffer.from(read).equals(data.subarray(299_900))).toBe(true);
    expect(await source.read(7, 7)).toHaveLength(0);
    expect(asked()).toEqual(['GET 1000-1999', 'GET 299900-299999']);
    await expect(source.read(299_999, 300_001)).rejects.toThrow(BadInput);
  });

  test('an empty object is read without a request', async () => {
    const source = await open('empty');
    expect([source.size, (await source.read(0, 0)).length]).toEqual([0, 0]);
    expect(await collect(source.stream!(0, 0))).toHaveLength(0);
    expect(asked()).toEqual([]);
  });

  test('an object that changed is bad input, by reads and by streams', async () => {
    await bucket.put('changing', 'before');
    const source = await open('changing');
    await bucket.put('changing', 'after!');
    const changed = /^s3: s3:\/\/data\/changing changed since it was planned, .*run again/;
    const error = await source.read(0, 6).catch((e: unknown) => e);
    expect(error).toBeInstanceOf(BadInput);
    expect((error as Error).message).toMatch(changed);
    await expect(collect(source.stream!(0, 6))).rejects.toThrow(changed);
  });

  test('absent, and in no bucket', async () => {
    await expect(describeObject(bucket.uri('none'))).rejects.toThrow(
      new BadInput('s3: s3://data/none does not exist; check the address'),
    );
    await expect(describeObject('s3://nobucket/none')).rejects.toThrow(BadInput);
    for (const uri of ['s3://data', 's3://data/', 's3://data/folder/'])
      await expect(describeObject(uri)).rejects.toThrow(/names no object, expected s3:\/\/bucket\/key/);
  });

  test('no credentials, wrong ones, and a server that is not there', async () => {
    const home = await mkdtemp(join(tmpdir(), 'servermix-home-'));
    const old = process.env['HOME'];
    try {
      process.env['HOME'] = home;
      process.env['AWS_ENDPOINT_URL_S3'] = `${bucket.proxy.endpoint}/`;
      for (const name of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY']) delete process.env[name];
      const nobody = await describeObject(bucket.uri('data.bin')).catch((e: unknown) => e);
      expect(nobody).toBeInstanceOf(BadUsage);
      expect((nobody as Error).message).toMatch(/found no credentials for s3:.*--no-sign/);

      Object.assign(process.env, bucket.env, {
        AWS_ENDPOINT_URL_S3: bucket.ceph.endpoint,
        AWS_SECRET_ACCESS_KEY: 'other',
      });
      await expect(describeObject(bucket.uri('data.bin'))).rejects.toThrow(/check the permission/);
      const wrong = objectSource({ uri: bucket.uri('data.bin'), id: '1-"x"', size: 1, format: 'bin' });
      await expect(wrong.read(0, 1)).rejects.toThrow(
        new BadUsage(
          's3: the credentials were refused for s3://data/data.bin (SignatureDoesNotMatch); check them',
        ),
      );

      process.env['AWS_ENDPOINT_URL_S3'] = 'http://127.0.0.1:9';
      const gone = await describeObject(bucket.uri('data.bin'), {}, { ...swift, attempts: 3 }).catch(
        (e: unknown) => e,
      );
      expect(gone).toBeInstanceOf(TaskError);
      expect((gone as Error).message).toMatch(/failed 3 times, last with ECONNREFUSED: .*127\.0\.0\.1:9;/);
    } finally {
      process.env['HOME'] = old;
      await rm(home, { recursive: true });
    }
  });

  test('unsigned requests read what is public, and say so where it is not', async () => {
    const unsigned = { unsigned: true };
    await expect(describeObject(bucket.uri('data.bin'), unsigned)).rejects.toThrow(
      /may not be used.*--no-sign/,
    );
    const Resource = ['arn:aws:s3:::data', 'arn:aws:s3:::data/data.bin'];
    const Action = ['s3:GetObject', 's3:ListBucket'];
    const Policy = JSON.stringify({
      Version: '2012-10-17',
      Statement: [{ Effect: 'Allow', Principal: '*', Action, Resource }],
    });
    await bucket.client.send(new PutBucketPolicyCommand({ Bucket: bucket.name, Policy }));
    const seen: unknown[] = [];
    bucket.proxy.fault = ({ headers }) => void seen.push(headers.authorization);
    const source = await open('data.bin', unsigned);
    expect(source.dataset.access).toEqual(unsigned);
    expect(Buffer.from(await source.read(0, 10)).equals(data.subarray(0, 10))).toBe(true);
    await expect(glob(bucket.uri('none*'), { access: unsigned })).rejects.toThrow(/no object matches/);
    expect(await glob(bucket.uri('data*'), { access: unsigned })).toEqual([bucket.uri('data.bin')]);
    expect(seen).toEqual([undefined, undefined, undefined, undefined]);
  });

  test('whoever agrees to pay says so with every request', async () => {
    const seen: unknown[] = [];
    bucket.proxy.fault = ({ headers }) => void seen.push(headers['x-amz-request-payer']);
    const source = await open('data.bin', { requesterPays: true });
    await source.read(0, 10);
    await collect(source.stream!(0, 10));
    await glob(bucket.uri('d*'), { access: { requesterPays: true } });
    expect(seen).toEqual(['requester', 'requester', 'requester', 'requester']);
  });

  test.each([
    ['breaks off', [{ kind: 'cut', after: 100_000 }], ['GET 0-299999', 'GET 100000-299999']],
    ['is reset', [{ kind: 'reset' }], ['GET 0-299999', 'GET 0-299999']],
    ['is refused', [{ kind: 'status', status: 503 }], ['GET 0-299999', 'GET 0-299999']],
    ['trickles', [{ kind: 'trickle', bytes: 20_000, pause: 1 }], ['GET 0-299999']],
  ] as const)('a stream that %s gives the same bytes', async (_, faults, requests) => {
    const source = await open('data.bin');
    bucket.proxy.fault = first(faults);
    expect((await collect(source.stream!(0, data.length))).equals(data)).toBe(true);
    expect(asked()).toEqual(requests);
  });

  test('a read that breaks off is made again', async () => {
    const source = await open('data.bin');
    bucket.proxy.fault = first([
      { kind: 'cut', after: 10 },
      { kind: 'reset' },
      { kind: 'status', status: 500 },
    ]);
    expect(Buffer.from(await source.read(0, 100)).equals(data.subarray(0, 100))).toBe(true);
    expect(asked()).toHaveLength(4);
  });

  test('who stops early ends the request, also while it waits', async () => {
    const source = await open('data.bin');
    bucket.proxy.fault = () => ({ kind: 'trickle', bytes: 1000, pause: 60_000 });
    const pieces = source.stream!(0, data.length)[Symbol.asyncIterator]();
    await pieces.next();
    const waiting = pieces.next().catch((e: unknown) => e);
    const began = performance.now();
    await pieces.return!();
    await waiting;
    expect(performance.now() - began).toBeLessThan(5000);
    expect(bucket.proxy.log[0]!.bytesOut).toBeLessThan(2001);
  });

  test('a stopped run ends reads and streams with its own reason', async () => {
    const { dataset } = await open('data.bin');
    bucket.proxy.fault = () => ({ kind: 'slow', delay: 60_000 });
    const stop = new AbortController();
    const source = objectSource(dataset, { signal: stop.signal });
    const reason = new Error('stopped');
    setTimeout(() => stop.abort(reason), 50);
    const began = performance.now();
    const ends = await Promise.allSettled([
      source.read(0, 10),
      collect(source.stream!(0, 10)),
      describeObject(dataset.uri, {}, { signal: stop.signal }),
    ]);
    expect(ends.map((end) => end.status === 'rejected' && end.reason)).toEqual([reason, reason, reason]);
    expect(performance.now() - began).toBeLessThan(5000);
  });

  test.each([-3600e3, 3600e3])('a clock that is off by %i ms is set by the server’s', async (ms) => {
    const proxy = await startProxy(bucket.ceph.endpoint, {
      secret: bucket.ceph.secret,
      fault: () => ({ kind: 'skew', ms }),
    });
    try {
      // A client of its own: the SDK keeps what it has learned.
      process.env['AWS_ENDPOINT_URL_S3'] = proxy.endpoint;
      const dataset = { ...(await describeObject(bucket.uri('data.bin'), {}, swift)), format: 'bin' };
      const read = await objectSource(dataset, swift).read(0, 10);
      expect(Buffer.from(read).equals(data.subarray(0, 10))).toBe(true);
      expect(proxy.log.map(({ status }) => status)).toEqual([403, 200, 206]);
      await expect(describeObject(bucket.uri('none'), {}, swift)).rejects.toThrow(BadInput);
    } finally {
      await proxy.stop();
    }
  });

  test('a bucket in another region is asked there', async () => {
    const site = await startSite();
    try {
      process.env['AWS_ENDPOINT_URL_S3'] = new URL(site.address).origin;
      site.etag = '"1"';
      site.body = data.subarray(0, 100);
      const regions: unknown[] = [];
      const elsewhere: Answer = (request, response) => {
        const region = /Credential=AK\/\d+\/([^/]+)/.exec(request.headers.authorization ?? '')?.[1];
        regions.push(region);
        if (region === 'eu-central-1') return site.answer(request, response);
        response.writeHead(301, { 'x-amz-bucket-region': 'eu-central-1' }).end();
      };
      site.faults = Array.from({ length: 4 }, () => elsewhere);
      const dataset = { ...(await describeObject('s3://bucket/key', {}, swift)), format: 'bin' };
      await objectSource(dataset, swift).read(0, 10);
      expect(dataset.size).toBe(100);
      expect(regions).toEqual(['us-east-1', 'eu-central-1', 'us-east-1', 'eu-central-1']);
      // Without a word on where it is there is nothing to follow.
      site.faults = [(_, response) => response.writeHead(301).end()];
      await expect(describeObject('s3://bucket/key')).rejects.toThrow(
        /status 301 .*check AWS_REGION and the endpoint/,
      );
    } finally {
      await site.close();
    }
  });

  test('a pattern in the last segment finds objects, and neither folders nor their marks', async () => {
    await Promise.all(
      ['p/', 'p/a.bam', 'p/b+c.bam', 'p/é d.bam', 'p/a.bai', 'p/deep/x.bam', 'q/a.bam', 'p*/star.bam'].map(
        (key) => bucket.put(key, 'x'),
      ),
    );
    const uris = (...keys: string[]): string[] => keys.map((key) => bucket.uri(key));
    expect(await glob(bucket.uri('p/*.bam'))).toEqual(uris('p/a.bam', 'p/b+c.bam', 'p/é d.bam'));
    expect(await glob(bucket.uri('p/?.ba?'))).toEqual(uris('p/a.bai', 'p/a.bam'));
    expect(await glob(bucket.uri('p/*'))).toEqual(uris('p/a.bai', 'p/a.bam', 'p/b+c.bam', 'p/é d.bam'));
    // Before the last segment they stand for themselves.
    expect(await glob(bucket.uri('p*/*.bam'))).toEqual(uris('p*/star.bam'));
    await expect(glob(bucket.uri('p/*.cram'))).rejects.toThrow(
      new BadInput('s3://data/p/*.cram: no object matches; see aws s3 ls s3://data/p/'),
    );
    await expect(glob('s3://nobucket/*.bam')).rejects.toThrow(
      /the bucket of s3:\/\/nobucket\/ does not exist/,
    );
  });
});
