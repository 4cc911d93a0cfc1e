/** The S3 server of the tests does what the store and the source rely on. */
import {
  CompleteMultipartUploadCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cephMissing, startCeph, type Ceph } from './ceph.ts';
import { s3 } from './client.ts';
import { startProxy, type Proxy } from './proxy.ts';
import { cloud } from './site.ts';

const Bucket = 'data';
const MiB = 1 << 20;

test('what is not installed is said in one line', () => {
  const path = process.env['PATH'];
  process.env['PATH'] = '';
  try {
    expect(cephMissing()).toMatch(/^Ceph: no radosgw, .*; apt-get install radosgw ceph-mon [^\n]+$/);
  } finally {
    process.env['PATH'] = path;
  }
});

describe.skipIf(!cloud())('Ceph through the proxy', () => {
  const leftover = join(tmpdir(), 'servermix-ceph-leftover');
  let [ceph, proxy, client]: [Ceph, Proxy, S3Client] = [undefined!, undefined!, undefined!];

  beforeAll(async () => {
    mkdirSync(leftover, { recursive: true });
    // Beyond the largest number of a process on Linux.
    writeFileSync(join(leftover, 'owner'), '4194305');
    ceph = await startCeph();
    proxy = await startProxy(ceph.endpoint);
    client = s3(ceph, proxy.endpoint);
    await client.send(new CreateBucketCommand({ Bucket }));
  });
  afterAll(async () => {
    client?.destroy();
    await proxy?.stop();
    await ceph?.stop();
  });

  const put = (Key: string, Body: Uint8Array | string, more: { IfNoneMatch?: string } = {}) =>
    client.send(new PutObjectCommand({ Bucket, Key, Body, ...more }));
  const get = async (Key: string, more: { Range?: string; IfMatch?: string } = {}) => {
    const { Body } = await client.send(new GetObjectCommand({ Bucket, Key, ...more }));
    return Buffer.from(await Body!.transformToByteArray());
  };

  test('what a killed run left is gone', () => expect(existsSync(leftover)).toBe(false));

  test('puts, gets, ranges and conditions', async () => {
    const { ETag } = await put('a b+c%20/é.txt', 'abcdefghij');
    proxy.clear();
    expect((await get('a b+c%20/é.txt', { Range: 'bytes=5-99', IfMatch: ETag! })).toString()).toBe('fghij');
    expect(proxy.log).toMatchObject([{ method: 'GET', range: 'bytes=5-99', status: 206, bytesOut: 5 }]);
    await expect(get('a b+c%20/é.txt', { IfMatch: '"other"' })).rejects.toMatchObject({
      $metadata: { httpStatusCode: 412 },
    });
    await expect(get('none')).rejects.toMatchObject({ name: 'NoSuchKey' });
  });

  test('of 24 puts of one key at once, one wins', async () => {
    const bodies = Array.from({ length: 24 }, (_, i) => `writer ${i}`);
    const all = await Promise.allSettled(bodies.map((body) => put('race', body, { IfNoneMatch: '*' })));
    const won = bodies.filter((_, i) => all[i]!.status === 'fulfilled');
    expect(won).toHaveLength(1);
    expect((await get('race')).toString()).toBe(won[0]);
    for (const { reason } of all.filter((one) => one.status === 'rejected'))
      expect([409, 412]).toContain(
        (reason as { $metadata: object & { httpStatusCode: number } }).$metadata.httpStatusCode,
      );
  });

  test('parts are joined on the server', async () => {
    const [first, second] = [Buffer.alloc(5 * MiB, 'first '), Buffer.alloc(5 * MiB + 1, 'second ')];
    await put('first', first);
    proxy.clear();
    const Key = 'joined';
    const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key }));
    const part = { Bucket, Key, UploadId };
    const copied = await client.send(
      new UploadPartCopyCommand({ ...part, PartNumber: 1, CopySource: `${Bucket}/first` }),
    );
    const sent = await client.send(new UploadPartCommand({ ...part, PartNumber: 2, Body: second }));
    const Parts = [copied.CopyPartResult, sent].map((one, i) => ({ PartNumber: i + 1, ETag: one!.ETag }));
    await client.send(new CompleteMultipartUploadCommand({ ...part, MultipartUpload: { Parts } }));
    const { log } = proxy;
    expect(log.map(({ method, copy }) => (copy ? 'COPY' : method))).toEqual(['POST', 'COPY', 'PUT', 'POST']);
    expect(log[1]!.bytesIn + log[1]!.bytesOut).toBeLessThan(1000);
    expect(log[2]!.bytesIn).toBe(second.length);
    const joined = await get(Key);
    expect(joined.equals(Buffer.concat([first, second]))).toBe(true);
  });

  test('listing goes page by page', async () => {
    await Promise.all([0, 1, 2, 3, 4].map((i) => put(`list/${i}`, 'x')));
    const list = (ContinuationToken?: string) =>
      client.send(new ListObjectsV2Command({ Bucket, Prefix: 'list/', MaxKeys: 3, ContinuationToken }));
    const page = await list();
    const rest = await list(page.NextContinuationToken);
    const keys = [...page.Contents!, ...rest.Contents!].map(({ Key }) => Key);
    expect(keys).toEqual([0, 1, 2, 3, 4].map((i) => `list/${i}`));
  });

  test('two servers do not know each other, and stop without a trace', async () => {
    const other = await startCeph();
    const its = s3(other);
    await expect(its.send(new ListObjectsV2Command({ Bucket }))).rejects.toMatchObject({
      name: 'NoSuchBucket',
    });
    its.destroy();
    await other.stop();
    await expect(fetch(other.endpoint)).rejects.toThrow('fetch failed');
    const ours = readdirSync(tmpdir())
      .map((name) => join(tmpdir(), name, 'owner'))
      .filter((owner) => existsSync(owner) && readFileSync(owner, 'utf8') === String(process.pid));
    expect(ours).toHaveLength(1);
  });
});
