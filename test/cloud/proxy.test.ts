/** Each fault of the proxy is what it says, and requests without one pass unchanged. */
import { CreateBucketCommand, GetObjectCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { startCeph, type Ceph } from './ceph.ts';
import { s3 } from './client.ts';
import { randomly, type Fault } from './fault.ts';
import { startProxy, type Proxy } from './proxy.ts';
import { cloud } from './site.ts';

const once = (fault: Fault) => {
  let left = 1;
  return () => (left-- > 0 ? fault : undefined);
};

describe('before a plain server', () => {
  let [server, proxy]: [Server, Proxy] = [undefined!, undefined!];
  let seen: string[] = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      void buffer(request).then((body) => {
        seen.push(`${request.method} ${request.url} ${request.headers.host} ${body.length}`);
        response.setHeader('etag', '"e"');
        response.end('answer '.repeat(30_000));
      });
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    proxy = await startProxy(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  });
  afterEach(() => {
    proxy.fault = () => undefined;
    proxy.clear();
    seen = [];
  });
  afterAll(async () => {
    await proxy.stop();
    server.closeAllConnections();
    server.close();
  });

  const ask = (path = '/a?b=c', init?: RequestInit) => fetch(proxy.endpoint + path, init);
  const size = 210_000;

  test('without a fault all passes, and is counted', async () => {
    const answer = await ask('/a?b=c', {
      method: 'PUT',
      body: Buffer.alloc(300_000),
      headers: { range: 'bytes=1-2' },
    });
    expect(answer.headers.get('etag')).toBe('"e"');
    expect(await answer.text()).toHaveLength(size);
    expect(seen).toEqual([`PUT /a?b=c ${proxy.endpoint.slice('http://'.length)} 300000`]);
    expect(proxy.log).toEqual([
      { method: 'PUT', path: '/a?b=c', range: 'bytes=1-2', bytesIn: 300_000, bytesOut: size, status: 200 },
    ]);
  });

  test('HEAD has the length and no body', async () => {
    expect((await ask('/', { method: 'HEAD' })).status).toBe(200);
    expect(proxy.log).toMatchObject([{ method: 'HEAD', bytesOut: 0 }]);
  });

  test('status: in the words of the service that was asked', async () => {
    proxy.fault = () => ({ kind: 'status', status: 503 });
    const answer = await ask('/bucket/key', { method: 'PUT', body: Buffer.alloc(300_000) });
    expect(answer.status).toBe(503);
    expect(await answer.text()).toContain('<Code>SlowDown</Code>');
    expect((await ask('/2015-03-31/functions/f/invocations')).headers.get('x-amzn-errortype')).toBe(
      'ServiceException',
    );
    proxy.fault = () => ({ kind: 'status', status: 418, headers: { 'retry-after': '1' }, body: 'no' });
    const own = await ask();
    expect([own.status, own.headers.get('retry-after'), await own.text()]).toEqual([418, '1', 'no']);
    expect(seen).toEqual([]);
    expect(proxy.log.map(({ status, fault }) => [status, fault])).toEqual([
      [503, 'status'],
      [503, 'status'],
      [418, 'status'],
    ]);
  });

  test('reset: the target sees nothing', async () => {
    proxy.fault = () => ({ kind: 'reset' });
    await expect(ask()).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
    expect(seen).toEqual([]);
    expect(proxy.log).toMatchObject([{ status: 0, fault: 'reset' }]);
  });

  test.each([0, 1000, 150_000])('cut: the body ends after %i bytes', async (after) => {
    proxy.fault = () => ({ kind: 'cut', after });
    const answer = await ask();
    let got = 0;
    await expect(
      (async () => {
        for await (const chunk of answer.body!) got += (chunk as Uint8Array).length;
      })(),
    ).rejects.toThrow();
    expect(got).toBe(after);
    expect(proxy.log).toMatchObject([{ status: 200, bytesOut: after }]);
  });

  test('cut: a body no longer than that is whole', async () => {
    proxy.fault = () => ({ kind: 'cut', after: size });
    expect(await (await ask()).text()).toHaveLength(size);
  });

  test('slow and trickle take their time', async () => {
    proxy.fault = () => ({ kind: 'slow', delay: 50 });
    const start = performance.now();
    await (await ask()).text();
    expect(performance.now() - start).toBeGreaterThan(49);
    proxy.fault = () => ({ kind: 'trickle', bytes: 70_000, pause: 20 });
    const middle = performance.now();
    expect(await (await ask()).text()).toHaveLength(size);
    expect(performance.now() - middle).toBeGreaterThan(59);
  });

  test('duplicate: seen twice, answered once', async () => {
    proxy.fault = () => ({ kind: 'duplicate' });
    const answer = await ask('/', { method: 'PUT', body: 'twice' });
    expect(await answer.text()).toHaveLength(size);
    expect(seen).toHaveLength(2);
    expect(new Set(seen).size).toBe(1);
    expect(proxy.log).toMatchObject([{ bytesIn: 5, bytesOut: size }]);
  });

  test('lose: seen, and not answered', async () => {
    proxy.fault = () => ({ kind: 'lose' });
    await expect(ask()).rejects.toThrow('fetch failed');
    expect(seen).toHaveLength(1);
    expect(proxy.log).toMatchObject([{ status: 200, bytesOut: 0, fault: 'lose' }]);
  });

  test('a target that is gone looks like a connection that broke', async () => {
    const lone = await startProxy('http://127.0.0.1:1');
    await expect(fetch(lone.endpoint)).rejects.toThrow('fetch failed');
    await lone.stop();
  });

  test('stopping ends what is under way', async () => {
    const other = await startProxy(proxy.endpoint, { fault: () => ({ kind: 'slow', delay: 100_000 }) });
    const waiting = fetch(other.endpoint);
    while (other.log.length === 0) await new Promise((done) => setImmediate(done));
    await other.stop();
    await expect(waiting).rejects.toThrow('fetch failed');
  });

  test('random faults follow from the seed, and have their share', () => {
    const faults: Fault[] = [{ kind: 'reset' }, { kind: 'lose' }];
    const draw = (seed: number) => {
      const choose = randomly(seed, 0.1, faults);
      return Array.from(
        { length: 2000 },
        (_, n) => choose({ method: 'GET', path: '/', headers: {}, n })?.kind,
      );
    };
    const kinds = draw(7);
    expect(kinds).toEqual(draw(7));
    expect(kinds).not.toEqual(draw(8));
    for (const kind of ['reset', 'lose'])
      expect(Math.abs(kinds.filter((one) => one === kind).length - 100)).toBeLessThan(30);
  });
});

describe.skipIf(!cloud())('before Ceph', () => {
  const Bucket = 'data';
  let [ceph, proxy, client]: [Ceph, Proxy, S3Client] = [undefined!, undefined!, undefined!];

  beforeAll(async () => {
    ceph = await startCeph();
    proxy = await startProxy(ceph.endpoint, { secret: ceph.secret });
    client = s3(ceph, proxy.endpoint);
    await client.send(new CreateBucketCommand({ Bucket }));
  });
  afterEach(() => {
    proxy.fault = () => undefined;
    proxy.clear();
  });
  afterAll(async () => {
    client?.destroy();
    await proxy?.stop();
    await ceph?.stop();
  });

  const put = (Key: string, Body: string, by = client) =>
    by.send(new PutObjectCommand({ Bucket, Key, Body, IfNoneMatch: '*' }));
  const get = async (Key: string) =>
    (await client.send(new GetObjectCommand({ Bucket, Key }))).Body!.transformToString();

  test('status: the SDK reads SlowDown', async () => {
    proxy.fault = () => ({ kind: 'status', status: 503 });
    await expect(put('slow', 'x')).rejects.toMatchObject({ name: 'SlowDown' });
  });

  test('an SDK with retries gets over a reset and a lost answer', async () => {
    const patient = s3(ceph, proxy.endpoint, { maxAttempts: 2 });
    for (const kind of ['reset', 'lose'] as const) {
      proxy.fault = once({ kind });
      await patient.send(new PutObjectCommand({ Bucket, Key: kind, Body: kind }));
      expect(await get(kind)).toBe(kind);
    }
    expect(proxy.log.map(({ status }) => status)).toEqual([0, 200, 200, 200, 200, 200]);
    patient.destroy();
  });

  test.each(['duplicate', 'lose'] as const)(
    '%s: a put that won is told that it lost, if asked again',
    async (kind) => {
      proxy.fault = once({ kind });
      const Key = `ambiguous-${kind}`;
      const patient = s3(ceph, proxy.endpoint, { maxAttempts: 2 });
      await expect(put(Key, 'mine', patient)).rejects.toMatchObject({ name: 'PreconditionFailed' });
      expect(await get(Key)).toBe('mine');
      patient.destroy();
    },
  );

  test('strip: the server lacks If-None-Match', async () => {
    proxy.fault = () => ({ kind: 'strip', header: 'If-None-Match' });
    await put('overwritten', 'first');
    await put('overwritten', 'second');
    expect(await get('overwritten')).toBe('second');
  });

  test.each([3_600_000, -3_600_000])(
    'skew: a clock %i ms off is refused, and the SDK corrects its own',
    async (ms) => {
      proxy.fault = () => ({ kind: 'skew', ms });
      const [hasty, patient] = [s3(ceph, proxy.endpoint), s3(ceph, proxy.endpoint, { maxAttempts: 2 })];
      await expect(put(`hasty${ms}`, 'x', hasty)).rejects.toMatchObject({ name: 'RequestTimeTooSkewed' });
      await put(`skew${ms}`, 'right', patient);
      expect(proxy.log.map(({ status }) => status)).toEqual([403, 403, 200]);
      for (const one of [hasty, patient]) one.destroy();
      proxy.fault = () => undefined;
      expect(await get(`skew${ms}`)).toBe('right');
    },
  );

  test('a secret that is not the user’s is refused', async () => {
    const stranger = s3(ceph, proxy.endpoint, {
      credentials: { accessKeyId: ceph.key, secretAccessKey: 'other' },
    });
    await expect(put('stranger', 'x', stranger)).rejects.toMatchObject({ name: 'SignatureDoesNotMatch' });
    stranger.destroy();
  });
});
