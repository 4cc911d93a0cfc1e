/** Outputs in a bucket: whole or not at all, blobs joined by the server, whatever the sizes and whatever breaks. */
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { BadUsage, TaskError } from '../../core/errors.ts';
import type { FileSink, Key, Stored } from '../../core/job.ts';
import { joining } from '../../core/run.ts';
import { bucketStore, type BucketStore } from '../../infra/aws/store.ts';
import { bucketOutput, type BucketOutput, checkBucketWritable, leftUploads } from '../../infra/aws/upload.ts';
import { first, noise, startBucket, type Bucket } from './bucket.ts';
import type { Asked } from './fault.ts';
import { cloud } from './site.ts';

const MiB = 1 << 20;
const swift = { wait: async () => {} };
const long = cloud()?.long === true;

test('uploads of this object that are older than a day are somebody’s who died', () => {
  const now = Date.UTC(2026, 0, 3);
  const upload = (Key: string, UploadId: string, hours: number) => ({
    Key,
    UploadId,
    Initiated: new Date(now - hours * 3600e3),
  });
  const uploads = [
    upload('a', 'old', 25),
    upload('a', 'young', 23),
    upload('a.bai', 'another', 99),
    { Key: 'a', UploadId: 'undated' },
  ];
  expect(leftUploads(uploads, 'a', now)).toEqual(['old']);
});

describe.skipIf(!cloud())('outputs in a bucket', () => {
  let [bucket, store]: [Bucket, BucketStore] = [undefined!, undefined!];
  const whole = noise(20 * MiB);

  beforeAll(async () => {
    bucket = await startBucket();
    store = bucketStore(bucket.uri('store'), swift);
    // One blob whose ranges are blobs of any size.
    await bucket.put(`store/job@1/whole`, whole);
    for (let i = 0; i < 4; i++)
      await bucket.put(`store/job@1/six ${i}`, whole.subarray(i * MiB, (i + 6) * MiB));
  });
  afterAll(() => bucket?.stop());
  afterEach(() => {
    bucket.proxy.fault = () => undefined;
    bucket.proxy.clear();
  });

  const stored = (name: string, size: number): Stored => ({ key: `job@1/${name}` as Key, size });
  const all = stored('whole', whole.length);
  const file = async (output: BucketOutput, suffix?: string): Promise<FileSink> =>
    (await output.file(suffix)) as FileSink;
  const kind = ({ method, path, copy }: { method: string; path: string; copy?: string }): string => {
    const query = path.split('?')[1] ?? '';
    if (method === 'PUT') return copy ? 'copy' : query.includes('partNumber') ? 'part' : 'put';
    if (method === 'POST') return /uploads/.test(query) ? 'begin' : 'complete';
    if (method === 'GET') return /uploads/.test(query) ? 'list' : 'get';
    return method === 'DELETE' ? (query.includes('uploadId') ? 'abort' : 'delete') : method;
  };
  const kinds = (): string[] => bucket.proxy.log.map(kind);
  const copying = ({ method, path, headers }: Asked): Parameters<typeof kind>[0] => {
    const copy = headers['x-amz-copy-source'];
    return { method, path, ...(typeof copy === 'string' ? { copy } : {}) };
  };

  test('a small file is one PUT, made when all is written; an empty one too', async () => {
    const output = bucketOutput(bucket.uri('small/x'), store, swift);
    const sink = await file(output, '.txt');
    await output.file('.empty');
    await sink.write(Buffer.from('a'));
    await sink.append(all, 10, 20);
    expect(await bucket.list('small/')).toEqual([]);
    expect(await output.commit()).toEqual([
      { path: bucket.uri('small/x.txt'), bytes: 11 },
      { path: bucket.uri('small/x.empty'), bytes: 0 },
    ]);
    expect(kinds()).toEqual(['get', 'put', 'put']);
    expect(await bucket.get('small/x.txt')).toEqual(
      Buffer.concat([Buffer.from('a'), whole.subarray(10, 20)]),
    );
    expect(await bucket.get('small/x.empty')).toHaveLength(0);
  });

  test('a large file goes up in parts while it is written; its writer may use its bytes again', async () => {
    const output = bucketOutput(bucket.uri('large é+%.bin'), undefined, swift);
    const sink = await output.file();
    const piece = Buffer.alloc(MiB);
    for (let i = 0; i < 20; i++) {
      whole.copy(piece, 0, i * MiB, (i + 1) * MiB);
      await sink.write(piece);
    }
    await output.commit();
    expect(kinds()).toEqual(['begin', 'list', 'part', 'part', 'part', 'complete']);
    expect((await bucket.get('large é+%.bin')).equals(whole)).toBe(true);
    expect(await bucket.uploads()).toEqual([]);
  });

  test('blobs of 6 MiB are joined without passing through here', async () => {
    const blobs = Array.from({ length: long ? 100 : 12 }, (_, i) => i % 4);
    const output = bucketOutput(bucket.uri('joined'), store, swift);
    const sink = joining(await output.file(), {
      get: () => Promise.reject(new Error('read here')),
      signal: new AbortController().signal,
    });
    for (const i of blobs) await sink.append(stored(`six ${i}`, 6 * MiB));
    await sink.write(Buffer.from('end'));
    await output.commit();
    expect(kinds().filter((one) => one === 'copy')).toHaveLength(blobs.length);
    const moved = bucket.proxy.log.reduce((sum, { bytesIn, bytesOut }) => sum + bytesIn + bytesOut, 0);
    expect(moved).toBeLessThan(MiB);
    const joined = await bucket.get('joined');
    expect(joined).toHaveLength(blobs.length * 6 * MiB + 3);
    blobs.forEach((from, i) => {
      const at = i * 6 * MiB;
      expect(joined.subarray(at, at + 6 * MiB).equals(whole.subarray(from * MiB, (from + 6) * MiB))).toBe(
        true,
      );
    });
  });

  test('small blobs are read side by side, and one that is missing is noticed', async () => {
    const output = bucketOutput(bucket.uri('glued'), store, swift);
    const sink = await file(output);
    let most = 0;
    bucket.proxy.fault = (asked) => {
      if (kind(copying(asked)) !== 'get') return undefined;
      most = Math.max(
        most,
        bucket.proxy.log.filter((entry) => kind(entry) === 'get' && !entry.status).length,
      );
      return { kind: 'slow', delay: 50 };
    };
    for (let i = 0; i < 64; i++) await sink.append(all, i * 100, i * 100 + 100);
    await sink.write(Buffer.from('end'));
    await output.commit();
    expect(most).toBeGreaterThan(8);
    expect(most).toBeLessThanOrEqual(16);
    const expected = Buffer.concat([whole.subarray(0, 6400), Buffer.from('end')]);
    expect((await bucket.get('glued')).equals(expected)).toBe(true);

    const broken = bucketOutput(bucket.uri('broken'), store, swift);
    await (await file(broken)).append(stored('none', 5)).catch(() => {});
    await expect(broken.commit()).rejects.toThrow(/no blob job@1\/none/);
    expect(await bucket.list('broken')).toEqual([]);
  });

  const size = fc.oneof(
    fc.constantFrom(0, 1, 5 * MiB - 1, 5 * MiB, 5 * MiB + 1, 8 * MiB, 10 * MiB + 1),
    fc.integer({ min: 0, max: 9 * MiB }),
  );
  const step = fc.record({ isBlob: fc.boolean(), at: fc.integer({ min: 0, max: MiB }), size });
  test('any sequence of writes and blobs gives their concatenation', async () => {
    let n = 0;
    const property = fc.asyncProperty(fc.array(step, { maxLength: 6 }), async (steps) => {
      const key = `any/${n++}`;
      const output = bucketOutput(bucket.uri(key), store, swift);
      const sink = await file(output);
      // Not awaited one by one: the order is that of the calls.
      await Promise.all(
        steps.map(({ isBlob, at, size: length }) =>
          isBlob ? sink.append(all, at, at + length) : sink.write(whole.subarray(at, at + length)),
        ),
      );
      const expected = Buffer.concat(steps.map(({ at, size: length }) => whole.subarray(at, at + length)));
      expect(await output.commit()).toEqual([{ path: bucket.uri(key), bytes: expected.length }]);
      expect((await bucket.get(key)).equals(expected)).toBe(true);
    });
    await fc.assert(property, { seed: 20, numRuns: long ? 60 : 8 });
    expect(await bucket.uploads()).toEqual([]);
  });

  test('faults at every kind of request change nothing', async () => {
    const before = await bucket.uploads();
    for (const fault of [
      { kind: 'status', status: 503 },
      { kind: 'reset' },
      { kind: 'lose' },
      { kind: 'duplicate' },
      // How S3 says that joining failed, after it has begun to answer.
      {
        kind: 'status',
        status: 200,
        body: '<Error><Code>InternalError</Code><Message>again</Message></Error>',
      },
    ] as const)
      for (const what of ['begin', 'part', 'copy', 'complete', 'put']) {
        const isAnswer = fault.kind === 'status' && fault.status === 200;
        if (isAnswer && what !== 'copy' && what !== 'complete') continue;
        bucket.proxy.fault = first([fault], (asked) => kind(copying(asked)) === what);
        const output = bucketOutput(bucket.uri('faults/x'), store, swift);
        const [large, small] = [await file(output, '.large'), await file(output, '.small')];
        await large.append(all, 0, 6 * MiB);
        await large.write(whole.subarray(0, 100));
        await small.write(Buffer.from(what));
        await output.commit();
        const expected = Buffer.concat([whole.subarray(0, 6 * MiB), whole.subarray(0, 100)]);
        expect((await bucket.get('faults/x.large')).equals(expected), `${fault.kind} ${what}`).toBe(true);
        expect((await bucket.get('faults/x.small')).toString()).toBe(what);
        expect(bucket.proxy.log.some((entry) => entry.fault === fault.kind)).toBe(true);
        bucket.proxy.clear();
      }
    // Of the two uploads whose beginning was lost or made twice nobody knows; the bucket's rules end them.
    expect(await bucket.uploads()).toHaveLength(before.length + 2);
  });

  test('an abort leaves neither object nor upload, whatever was under way', async () => {
    const before = await bucket.uploads();
    const output = bucketOutput(bucket.uri('aborted/x'), store, swift);
    const sink = await file(output, '.large');
    await (await output.file('.small')).write(Buffer.from('small'));
    void sink.write(whole).catch(() => {});
    void sink.append(all).catch(() => {});
    await output.abort();
    await output.abort();
    expect(await bucket.list('aborted/')).toEqual([]);
    expect(await bucket.uploads()).toEqual(before);
  });

  test('when the second file cannot appear the first one goes', async () => {
    const before = await bucket.uploads();
    for (const suffix of ['.large', '.small']) {
      const output = bucketOutput(bucket.uri('second/x'), store, { ...swift, attempts: 2 });
      await (await output.file('.a')).write(Buffer.from('first'));
      const sink = await output.file(suffix);
      if (suffix === '.large') await sink.write(whole.subarray(0, 9 * MiB));
      await sink.write(Buffer.from('second'));
      const refused = { kind: 'status', status: 500 } as const;
      bucket.proxy.fault = (asked) =>
        ['complete', 'put'].includes(kind(copying(asked))) && asked.path.includes(suffix)
          ? refused
          : undefined;
      await expect(output.commit()).rejects.toThrow(TaskError);
      expect(await bucket.list('second/')).toEqual([]);
    }
    expect(await bucket.uploads()).toEqual(before);
  });

  test('an upload that somebody else ended is an error, though an object of that size is there', async () => {
    await bucket.put('taken', Buffer.alloc(9 * MiB));
    const output = bucketOutput(bucket.uri('taken'), store, swift);
    await (await output.file()).write(whole.subarray(0, 9 * MiB));
    bucket.proxy.fault = first(
      [{ kind: 'reset' }, { kind: 'status', status: 404, body: '<Error><Code>NoSuchUpload</Code></Error>' }],
      (asked) => kind(copying(asked)) === 'complete',
    );
    await expect(output.commit()).rejects.toThrow(/s3:\/\/data\/taken/);
    expect((await bucket.get('taken')).equals(Buffer.alloc(9 * MiB))).toBe(true);
  });

  test('a stopped run ends an upload at once, with its own reason', async () => {
    const before = await bucket.uploads();
    const stop = new AbortController();
    const output = bucketOutput(bucket.uri('stopped'), store, { signal: stop.signal });
    const sink = await output.file();
    const slow = { kind: 'slow', delay: 60_000 } as const;
    bucket.proxy.fault = (asked) => (kind(copying(asked)) === 'part' ? slow : undefined);
    const writing = sink.write(whole).then(() => output.commit());
    const reason = new Error('stopped');
    setTimeout(() => stop.abort(reason), 200);
    await expect(writing).rejects.toBe(reason);
    const began = performance.now();
    await output.abort();
    expect(performance.now() - began).toBeLessThan(5000);
    expect(await bucket.uploads()).toEqual(before);
  });

  test('a run that is stopped while an upload begins leaves none', async () => {
    const before = await bucket.uploads();
    const stop = new AbortController();
    const output = bucketOutput(bucket.uri('begun'), store, { signal: stop.signal });
    const sink = await output.file();
    bucket.proxy.fault = (asked) => {
      if (kind(copying(asked)) !== 'begin') return undefined;
      stop.abort(new Error('stopped'));
      return { kind: 'slow', delay: 200 };
    };
    await expect(sink.write(whole)).rejects.toThrow('stopped');
    await output.abort();
    expect(bucket.proxy.log.map(kind).at(-1)).toBe('abort');
    expect(await bucket.uploads()).toEqual(before);
  });

  test('where nothing may be written is bad usage, before any work; a busy server is not', async () => {
    const before = await bucket.uploads();
    await checkBucketWritable(bucket.uri('ok'));
    expect(await bucket.uploads()).toEqual(before);
    await expect(checkBucketWritable('s3://nobucket/x')).rejects.toThrow(
      new BadUsage(
        'output: s3://nobucket/x cannot be written: s3: the bucket of s3://nobucket/x does not exist; check its name',
      ),
    );
    await expect(checkBucketWritable('s3://data/')).rejects.toThrow(/names no object; add a name to --out/);
    bucket.proxy.fault = () => ({ kind: 'status', status: 503 });
    await expect(checkBucketWritable(bucket.uri('ok'), { ...swift, attempts: 2 })).rejects.toThrow(TaskError);
  });
});
