/** Streams over HTTP against a real server that breaks them off: the exact bytes, and the exact requests. */
import type { Socket } from 'node:net';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { BadInput, TaskError } from '../core/errors.ts';
import type { HttpOptions } from '../core/sources/http.ts';
import { httpSource } from '../core/sources/http.ts';
import { resume } from '../core/sources/resume.ts';
import type { Answer, Site } from './site.ts';
import { startSite } from './site.ts';

const content = Uint8Array.from({ length: 500_000 }, (_, i) => (i * 7 + (i >> 8)) & 255);
let site: Site;
let waits: number[];

beforeAll(async () => (site = await startSite()));
beforeEach(() => {
  Object.assign(site, { etag: '"v1"', modified: undefined, body: content, faults: [], log: [] });
  waits = [];
});
afterAll(() => site.close());

const open = async (options: HttpOptions = {}) => {
  const source = await httpSource(site.address, {
    id: '500000-"v1"',
    wait: async (ms) => void waits.push(ms),
    ...options,
  });
  return source.stream!.bind(source);
};

async function gather(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece.slice());
  return Buffer.concat(all);
}

const same = (found: Buffer, expected: Uint8Array): void => expect(found.equals(expected)).toBe(true);

/** Answers with the range that is asked for, and breaks off after `length` bytes of it. */
const cut =
  (length: number, how: 'end' | 'reset' | 'stall'): Answer =>
  (request, response) => {
    const [start, last] = /(\d+)-(\d+)/.exec(request.headers.range!)!.slice(1).map(Number) as [
      number,
      number,
    ];
    response.writeHead(206, { 'content-range': `bytes ${start}-${last}/500000`, etag: site.etag! });
    response.write(content.subarray(start, start + length), () => {
      if (how === 'end') response.end();
      else if (how === 'reset') response.destroy();
    });
  };
const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_request, response) =>
    void response.writeHead(code, headers).end('no\n');

test('a range is one request', async () => {
  const stream = await open();
  same(await gather(stream(1000, 400_000)), content.subarray(1000, 400_000));
  same(await gather(stream(7, 7)), new Uint8Array(0));
  expect(site.log).toEqual(['GET 1000-399999']);
  expect(() => stream(0, 500_001)).toThrow(BadInput);
});

test.each(['end', 'reset', 'stall'] as const)(
  'a stream cut by %s goes on from the byte it reached',
  async (how) => {
    const stream = await open({ patience: 200 });
    site.faults = [cut(100_000, how), cut(0, how), status(503, { 'retry-after': '3' }), cut(50_000, how)];
    same(await gather(stream(10, 300_000)), content.subarray(10, 300_000));
    expect(site.log.map((line) => line.split('-')[0])).toEqual([
      'GET 10',
      'GET 100010',
      'GET 100010',
      'GET 100010',
      'GET 150010',
    ]);
    expect(waits.length).toBe(4);
    expect(waits[2]!).toBeGreaterThanOrEqual(3000);
    // What arrived gave back all attempts.
    expect(waits[3]!).toBeLessThanOrEqual(200);
  },
);

test('bytes that arrive give back the attempts; without any they end', async () => {
  const stream = await open({ attempts: 2 });
  site.faults = Array.from({ length: 20 }, () => cut(1000, 'end'));
  same(await gather(stream(0, 100_000)), content.subarray(0, 100_000));
  expect(site.log.length).toBe(21);
  site.faults = [cut(1000, 'end'), status(503), status(503)];
  const failure = await gather(stream(0, 100_000)).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(TaskError);
  expect((failure as TaskError).kind).toBe('throttled');
  expect((failure as Error).message).toContain('failed 2 times, last with status 503');
});

test('too long a body is not passed on', async () => {
  const stream = await open();
  site.faults = [
    (_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-99/500000', etag: '"v1"' });
      response.end(content.subarray(0, 101));
    },
  ];
  same(await gather(stream(0, 100)), content.subarray(0, 100));
  expect(site.log).toEqual(['GET 0-99', 'GET 0-99']);
});

test('content that changes in the middle is bad input', async () => {
  const stream = await open();
  site.faults = [
    (request, response) => {
      cut(1000, 'end')(request, response);
      site.etag = '"v2"';
    },
  ];
  await expect(gather(stream(0, 100_000))).rejects.toThrow(BadInput);
  expect(site.log).toEqual(['GET 0-99999', 'GET 1000-99999']);
  await expect(gather(stream(0, 100_000))).rejects.toThrow('changed since it was planned');
  site.faults = [status(403)];
  await expect(gather(stream(0, 100_000))).rejects.toThrow('may not be read (status 403)');
});

/** Breaks off after 1000 bytes, and tells when the client lets the connection go. */
function watched(): { readonly answer: Answer; readonly closed: Promise<void> } {
  let tell = (): void => {};
  const closed = new Promise<void>((resolve) => (tell = resolve));
  const answer: Answer = (request, response) => {
    (request.socket as Socket).once('close', tell);
    cut(1000, 'stall')(request, response);
  };
  return { answer, closed };
}

test('a consumer that stops early ends the request', async () => {
  const stream = await open();
  const { answer, closed } = watched();
  site.faults = [answer];
  for await (const piece of stream(0, 400_000)) {
    expect(piece[1]).toBe(content[1]);
    break;
  }
  await closed;
  expect(site.log.length).toBe(1);
});

test('so does one that waits for a piece, and an abort of the run', async () => {
  const stream = await open();
  const first = watched();
  site.faults = [first.answer];
  const pieces = stream(0, 400_000)[Symbol.asyncIterator]();
  await pieces.next();
  const waiting = pieces.next().catch((error: Error) => error.message);
  await pieces.return!();
  expect(await waiting).toBe('the stream was closed by its reader');
  await first.closed;

  const run = new AbortController();
  const second = watched();
  site.faults = [second.answer];
  const stopped = gather((await open({ signal: run.signal }))(0, 400_000));
  setTimeout(() => run.abort(new Error('stop')), 20);
  await expect(stopped).rejects.toThrow('stop');
  await second.closed;
  expect(site.log.length).toBe(2);
});

test('a consumer may take its time', async () => {
  const stream = await open({ patience: 40 });
  let bytes = 0;
  for await (const piece of stream(0, 500_000)) {
    if (bytes === 0) await new Promise((resolve) => setTimeout(resolve, 100));
    bytes += piece.length;
  }
  expect(bytes).toBe(500_000);
  expect(site.log.length).toBe(1);
});

test('a client that does not notice the abort is left behind', async () => {
  let calls = 0;
  const deaf = async (from: number): Promise<AsyncIterable<Uint8Array>> => {
    calls++;
    if (calls === 1) return new Promise(() => {});
    return (async function* () {
      yield content.subarray(from, from + 10);
      if (calls < 3) await new Promise(() => {});
      yield content.subarray(from + 10, 30);
    })();
  };
  const pieces = resume(0, 30, deaf, {
    subject: 'deaf',
    judge: () => undefined,
    wait: async () => {},
    patience: 20,
  });
  same(await gather(pieces), content.subarray(0, 30));
  expect(calls).toBe(3);
});
