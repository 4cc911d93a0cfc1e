/** Blobs in a bucket: the first put stays, whoever else puts, whatever breaks, and whatever the server lacks. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { random } from '../../datasets/random.ts';
import { BadUsage, TaskError } from '../../core/errors.ts';
import type { Key } from '../../core/job.ts';
import { listPages, readObject } from '../../infra/aws/object.ts';
import { claimNote, exists, listRuns, readNote, writeNote } from '../../infra/aws/notes.ts';
import { bucketStore, checkStoreBucket } from '../../infra/aws/store.ts';
import { putInTurn } from '../../infra/aws/ticket.ts';
import { bucketOutput } from '../../infra/aws/upload.ts';
import { glob } from '../../pipelines/storage.ts';
import { first, noise, startBucket, type Bucket } from './bucket.ts';
import type { Asked, Choice } from './fault.ts';
import { startProxy, type Proxy } from './proxy.ts';
import { cloud } from './site.ts';
import { startWriter } from './writer.ts';

const swift = { wait: async () => {} };
const long = cloud()?.long === true;
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const blob = (body: string): Uint8Array => new TextEncoder().encode(body);
const hex = (n: number): string =>
  random(7, 'key', n)
    .below(2 ** 32)
    .toString(16)
    .padStart(8, '0');
const keyOf = (n: number, job = 'genomics/x@1'): Key => `${job}/${hex(n)}${hex(n + 1e6)}` as Key;

describe.skipIf(!cloud())('a store in a bucket', () => {
  let bucket: Bucket = undefined!;
  const proxies: Proxy[] = [];

  beforeAll(async () => {
    bucket = await startBucket();
  });
  afterAll(async () => {
    await Promise.all(proxies.map((proxy) => proxy.stop()));
    await bucket?.stop();
  });
  afterEach(() => {
    bucket.proxy.fault = () => undefined;
    Object.assign(process.env, bucket.env);
  });

  /** A server of its own, as far as clients can tell, which is what is known of it. */
  async function another(fault: Choice): Promise<Proxy> {
    const proxy = await startProxy(bucket.ceph.endpoint, { secret: bucket.ceph.secret, fault });
    proxies.push(proxy);
    process.env['AWS_ENDPOINT_URL_S3'] = proxy.endpoint;
    return proxy;
  }
  const isPutOf =
    (key: string) =>
    ({ method, path }: Pick<Asked, 'method' | 'path'>): boolean =>
      method === 'PUT' && decodeURIComponent(path.split('?')[0]!).endsWith(key);
  const unconditional: Choice = ({ headers }) =>
    headers['if-none-match'] === undefined ? undefined : { kind: 'strip', header: 'if-none-match' };

  test('puts, gets whole and by ranges, has', async () => {
    const store = bucketStore(bucket.uri('store/'), swift);
    const [key, body] = [keyOf(0), noise(100_000)];
    expect(await store.has(key)).toBe(false);
    await store.put(key, body);
    expect(await store.has(key)).toBe(true);
    expect(store.locate(key)).toEqual({ bucket: 'data', key: `store/${key}` });
    expect(body.equals(await store.get(key))).toBe(true);
    expect(body.subarray(10, 20).equals(await store.get(key, 10, 20))).toBe(true);
    expect(body.subarray(99_990).equals(await store.get(key, 99_990))).toBe(true);
    bucket.proxy.clear();
    expect(await store.get(key, 5, 5)).toHaveLength(0);
    expect(bucket.proxy.log).toHaveLength(0);
    await store.put(key, blob('second'));
    expect(body.equals(await store.get(key))).toBe(true);
    await expect(store.get(keyOf(1))).rejects.toThrow(/^store: no blob .*expected it to be put before/);
    await expect(store.get(keyOf(1), 0, 5)).rejects.toThrow(/no blob/);
  });

  test('a bucket that is not there is bad usage, found before any work', async () => {
    await checkStoreBucket(bucket.uri('store'));
    for (const work of [
      checkStoreBucket('s3://nobucket/store'),
      bucketStore('s3://nobucket/store', swift).put(keyOf(0), blob('x')),
    ])
      await expect(work).rejects.toThrow(BadUsage);
    await expect(checkStoreBucket('s3://nobucket/store')).rejects.toThrow(
      new BadUsage('--store s3://nobucket/store: s3: s3://nobucket does not exist; check the address'),
    );
    expect(() => bucketStore('s3://data/a/../b')).toThrow(/expected a plain prefix/);
  });

  test('many keys are asked for by listings, few one by one, and the answer is right at the borders of pages', async () => {
    const [present, absent] = long ? [2500, 500] : [1100, 100];
    const store = bucketStore(bucket.uri('many'), swift);
    const all = Array.from({ length: present + absent }, (_, i) =>
      keyOf(i, ['genomics/x@1', 'genomics/x@10', 'geospatial/y@2'][i % 20 < 18 ? 0 : (i % 20) - 17]),
    );
    const there = all.filter((_, i) => i % (present + absent) < present);
    for (let i = 0; i < there.length; i += 64)
      await Promise.all(there.slice(i, i + 64).map((key) => bucket.put(`many/${key}`, 'x')));
    bucket.proxy.clear();
    expect(await store.hasAll!(all)).toEqual(new Set(there));
    // A listing a thousand blobs of each job, and one for what the last page left.
    expect(bucket.proxy.log.length).toBeLessThanOrEqual(Math.ceil((present * 0.9) / 1000) + 2);

    const sorted = all.toSorted((a, b) => (a < b ? -1 : 1));
    for (const few of [
      sorted.slice(990, 1010),
      sorted.slice(0, 13),
      sorted.slice(-13),
      sorted.slice(5, 8),
      [],
    ])
      expect(await store.hasAll!(few)).toEqual(new Set(few.filter((key) => there.includes(key))));
    bucket.proxy.clear();
    await store.hasAll!(sorted.slice(5, 8));
    expect(bucket.proxy.log.map(({ method }) => method)).toEqual(['HEAD', 'HEAD', 'HEAD']);

    // More than a page for a pattern, too.
    const names = await glob(bucket.uri('many/genomics/x@1/*'));
    expect(names).toHaveLength(there.filter((key) => key.startsWith('genomics/x@1/')).length);
  });

  test.each([
    ['the server sees to it', () => undefined, 24],
    ['writers take turns', unconditional, long ? 24 : 12],
  ] as [string, Choice, number][])(
    'of many puts of one key at once one wins: %s',
    async (name, fault, writers) => {
      const proxy = await another(fault);
      const [uri, key] = [bucket.uri(`race ${name}`), keyOf(0)];
      const bodies = Array.from({ length: writers }, (_, i) => `writer ${i}`);
      const processes = await Promise.all(
        [0, 1, 2].map((n) => startWriter({ uri, key, bodies: bodies.filter((_, i) => i % 3 === n) })),
      );
      await Promise.all(processes.map((one) => one.put()));
      expect(proxy.log.filter((entry) => isPutOf(key)(entry) && entry.status === 200)).toHaveLength(1);
      const store = bucketStore(uri, swift);
      const winner = text(await store.get(key));
      expect(bodies).toContain(winner);
      await store.put(key, blob('too late'));
      expect(text(await store.get(key))).toBe(winner);
      expect(await bucket.list(`race ${name}`)).toEqual([`race ${name}/${key}`]);
    },
  );

  test('a server that refuses the condition gets none', async () => {
    const body =
      '<Error><Code>NotImplemented</Code><Message>A header you provided implies functionality that is not implemented.</Message></Error>';
    await another(({ headers }) =>
      headers['if-none-match'] === undefined ? undefined : { kind: 'status', status: 501, body },
    );
    const store = bucketStore(bucket.uri('plain'), swift);
    await store.put(keyOf(0), blob('one'));
    await store.put(keyOf(0), blob('two'));
    expect(text(await store.get(keyOf(0)))).toBe('one');
  });

  test('a dead writer is waited for as long as its marks may last, and no longer', async () => {
    const at = { Bucket: bucket.name, Key: 'turns/blob' };
    await bucket.put('turns/blob.turn/choosing/dead', '1');
    await bucket.put('turns/blob.turn/number/0000000001-dead', '1');
    const [lease, poll] = [300, 20];
    const patient = AbortSignal.timeout(200);
    await expect(putInTurn(at, blob('x'), { signal: patient, poll })).rejects.toThrow(patient.reason);
    const began = performance.now();
    await putInTurn(at, blob('mine'), { ...swift, lease, poll });
    expect(performance.now() - began).toBeGreaterThan(lease);
    expect(text(await bucket.get('turns/blob'))).toBe('mine');
    expect(await bucket.list('turns/')).toEqual([
      'turns/blob',
      'turns/blob.turn/choosing/dead',
      'turns/blob.turn/number/0000000001-dead',
    ]);
  });

  test('a put whose answer is lost is done, though the next attempt is refused', async () => {
    const store = bucketStore(bucket.uri('lost'), swift);
    await store.put(keyOf(0), blob('before'));
    bucket.proxy.clear();
    bucket.proxy.fault = first([{ kind: 'lose' }], isPutOf(keyOf(1)));
    await store.put(keyOf(1), blob('mine'));
    expect(bucket.proxy.log.map(({ status }) => status)).toEqual([200, 412]);
    expect(text(await store.get(keyOf(1)))).toBe('mine');
  });

  test('every write carries a checksum, and what changed on its way is refused and sent again', async () => {
    const sums: unknown[] = [];
    await another((asked) => {
      if (asked.method === 'PUT') sums.push(asked.headers['content-md5']);
      return unconditional(asked);
    });
    await bucketStore(bucket.uri('sums'), swift).put(keyOf(0), blob('in turn'));
    process.env['AWS_ENDPOINT_URL_S3'] = bucket.proxy.endpoint;
    bucket.proxy.fault = (asked) => void (asked.method === 'PUT' && sums.push(asked.headers['content-md5']));
    await bucketStore(bucket.uri('sums'), swift).put(keyOf(1), blob('at once'));
    await writeNote(bucket.uri('sums'), 'note', 'text');
    await claimNote(bucket.uri('sums'), 'claim', 'text');
    const output = bucketOutput(bucket.uri('sums/out'), undefined, swift);
    await (await output.file('.small')).write(blob('small'));
    await (await output.file('.large')).write(noise(9 << 20));
    await output.commit();
    expect(sums.length).toBeGreaterThanOrEqual(10);
    for (const sum of sums) expect(sum).toMatch(/^[A-Za-z0-9+/]{22}==$/);

    bucket.proxy.fault = first([{ kind: 'flip' }, { kind: 'flip' }], isPutOf(keyOf(2)));
    bucket.proxy.clear();
    await bucketStore(bucket.uri('sums'), swift).put(keyOf(2), noise(1000));
    expect(bucket.proxy.log.map(({ status }) => status)).toEqual([400, 400, 200]);
    expect((await bucket.get(`sums/${keyOf(2)}`)).equals(noise(1000))).toBe(true);
  });

  test('a server that does not come to itself is the infrastructure’s failure, a stopped run its own', async () => {
    bucket.proxy.fault = () => ({ kind: 'status', status: 503 });
    const throttled = await bucketStore(bucket.uri('busy'), { ...swift, attempts: 3 })
      .has(keyOf(0))
      .catch((e: unknown) => e);
    expect(throttled).toBeInstanceOf(TaskError);
    expect(throttled).toMatchObject({ kind: 'throttled' });
    const stop = new AbortController();
    const reason = new Error('stopped');
    const warned: Error[] = [];
    const hear = (warning: Error): void => void warned.push(warning);
    process.on('warning', hear);
    bucket.proxy.fault = () => ({ kind: 'slow', delay: 60_000 });
    setTimeout(() => stop.abort(reason), 50);
    const store = bucketStore(bucket.uri('busy'), { signal: stop.signal });
    const many = Array.from({ length: 20 }, (_, i) => keyOf(i));
    const ends = await Promise.allSettled([
      store.hasAll!(many),
      ...many.map((key) => store.has(key)),
      store.get(keyOf(0)),
      store.put(keyOf(0), blob('x')),
    ]);
    process.off('warning', hear);
    expect(new Set(ends.map((end) => end.status === 'rejected' && end.reason))).toEqual(new Set([reason]));
    expect(warned).toEqual([]);
  });

  test('an answer of a listing that repeats itself, or names what was not asked for, is no listing', async () => {
    const page = (token: string): string =>
      `<ListBucketResult><Name>data</Name><IsTruncated>true</IsTruncated><NextContinuationToken>${token}</NextContinuationToken><Contents><Key>other/a.bam</Key></Contents><Contents><Key>p/b.bam</Key></Contents></ListBucketResult>`;
    bucket.proxy.fault = () => ({ kind: 'status', status: 200, body: page('again') });
    await expect(glob(bucket.uri('p/*.bam'))).rejects.toThrow(
      /the listing of s3:\/\/data\/p\/ repeats a page/,
    );
    const pages = listPages({ Bucket: bucket.name, Prefix: 'p/' });
    expect((await pages.next()).value).toMatchObject({ keys: ['p/b.bam'] });
    await pages.return();
    bucket.proxy.fault = () => ({
      kind: 'status',
      status: 200,
      body: '<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken></ListBucketResult>',
    });
    const keys = Array.from({ length: 20 }, (_, i) => keyOf(i));
    const heads = bucketStore(bucket.uri('many'), { ...swift, attempts: 1 }).hasAll!(keys);
    // What no page speaks of is asked for by itself, and this server answers anything.
    expect(await heads).toEqual(new Set(keys));
  });

  test('notes are read, written over, claimed once', async () => {
    const store = bucket.uri('noted');
    expect(await readNote(store, 'runs/1/status')).toBeUndefined();
    expect(await exists(store, 'runs/1/status')).toBe(false);
    await writeNote(store, 'runs/1/status', 'é');
    await writeNote(store, 'runs/1/status', 'ü');
    await writeNote(store, 'runs/2/status', 'x');
    expect(await readNote(store, 'runs/1/status')).toBe('ü');
    expect(await exists(store, 'runs/1/status')).toBe(true);
    expect(await listRuns(store)).toEqual(['1', '2']);
    bucket.proxy.fault = first([{ kind: 'lose' }], ({ method }) => method === 'PUT');
    expect(await claimNote(store, 'runs/1/driver', 'a')).toBe(true);
    expect(await claimNote(store, 'runs/1/driver', 'b')).toBe(false);
    expect(await readObject({ Bucket: 'data', Key: 'noted/runs/1/driver' })).toEqual(blob('a'));
  });
});
