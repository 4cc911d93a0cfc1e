/** HTTP sources against a real server that misbehaves on demand; every test asserts the exact requests. */
import type { IncomingMessage } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { BadInput, TaskError } from '../core/errors.ts';
import type { HttpOptions } from '../core/sources/http.ts';
import { describeHttp, httpSource } from '../core/sources/http.ts';
import type { Answer, Site } from './site.ts';
import { startSite } from './site.ts';

const content = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7) & 255);
const date = 'Sun, 06 Nov 1994 08:49:37 GMT';
let site: Site;
let address: string;
let waits: number[];

beforeAll(async () => {
  site = await startSite();
  ({ address } = site);
});
beforeEach(() => {
  Object.assign(site, { etag: '"v1"', modified: date, body: content, faults: [], log: [] });
  waits = [];
});
afterAll(() => site.close());

const status =
  (code: number, headers: Record<string, string> = {}): Answer =>
  (_request, response) =>
    void response.writeHead(code, headers).end('no\n');
const hangUp: Answer = (request) => void request.socket.resetAndDestroy();
/** Says 206 of 100 bytes and gives `length`. */
const cut =
  (length: number, how: 'end' | 'destroy'): Answer =>
  (_request, response) => {
    response.writeHead(206, { 'content-range': 'bytes 0-99/5000', etag: site.etag! });
    response.write(content.subarray(0, length), () => (how === 'end' ? response.end() : response.destroy()));
  };

const open = (options: HttpOptions = {}): ReturnType<typeof httpSource> =>
  httpSource(address, { wait: async (ms) => void waits.push(ms), ...options });

async function failure(act: Promise<unknown>): Promise<Error> {
  const error = await act.then(
    () => undefined,
    (e: unknown) => e,
  );
  expect(error).toBeInstanceOf(Error);
  expect((error as Error).message).not.toContain('\n');
  return error as Error;
}
async function expectBadInput(act: Promise<unknown>, words: string): Promise<void> {
  const error = await failure(act);
  expect(error).toBeInstanceOf(BadInput);
  expect(error.message).toContain(words);
  expect(error.message).toContain('; ');
}
async function expectTaskError(act: Promise<unknown>, kind: string, words: string): Promise<void> {
  const error = await failure(act);
  expect(error).toBeInstanceOf(TaskError);
  expect((error as TaskError).kind).toBe(kind);
  expect(error.message).toContain(words);
}

describe('opening', () => {
  test('one HEAD gives size and id', async () => {
    site.faults = [
      (request, response) => {
        expect(request.headers['accept-encoding']).toBe('identity');
        site.answer(request, response);
      },
    ];
    expect(await describeHttp(address)).toEqual({ uri: address, id: '5000-"v1"', size: 5000 });
    expect(site.log).toEqual(['HEAD']);
  });

  test.each([400, 403, 405, 501])('a HEAD refused with %i falls back to one byte', async (code) => {
    site.faults = [status(code)];
    expect((await describeHttp(address)).id).toBe('5000-"v1"');
    expect(site.log).toEqual(['HEAD', 'GET 0-0']);
  });

  test('a HEAD without a size, or of a compressed answer, falls back to one byte', async () => {
    site.faults = [status(200, { 'transfer-encoding': 'chunked' })];
    expect((await describeHttp(address)).size).toBe(5000);
    site.faults = [status(200, { 'content-length': '77', 'content-encoding': 'gzip' })];
    expect((await describeHttp(address)).size).toBe(5000);
    expect(site.log).toEqual(['HEAD', 'GET 0-0', 'HEAD', 'GET 0-0']);
  });

  test('an empty object has size 0, and reads of nothing take no request', async () => {
    site.body = new Uint8Array(0);
    site.faults = [status(405)];
    const source = await open();
    expect(source.size).toBe(0);
    expect(await source.read(0, 0)).toEqual(new Uint8Array(0));
    expect(site.log).toEqual(['HEAD', 'GET 0-0']);
  });

  test('a planned id opens without a request', async () => {
    for (const version of ['"v1"', 'W/"v1"', undefined]) {
      site.etag = version;
      const { id } = await describeHttp(address);
      site.log = [];
      const source = await open({ id });
      expect(source.size).toBe(5000);
      expect(await source.read(10, 30)).toEqual(content.slice(10, 30));
      expect(site.log).toEqual(['GET 10-29']);
    }
  });

  test('ids of weak and missing ETags carry the date', async () => {
    site.etag = 'W/"v1"';
    expect((await describeHttp(address)).id).toBe(`5000-W/"v1" ${date}`);
    site.etag = undefined;
    expect((await describeHttp(address)).id).toBe(`5000-${date}`);
    site.modified = undefined;
    await expectBadInput(describeHttp(address), 'neither ETag nor Last-Modified');
    expect((await open()).size).toBe(5000);
  });

  test('an ETag other than the expected one is a change', async () => {
    await open({ etag: '"v1"' });
    await expectBadInput(open({ etag: '"v0"' }), 'changed since it was planned');
  });

  test('404 and 403 are answers', async () => {
    site.faults = [status(404)];
    await expectBadInput(open(), 'does not exist (status 404)');
    site.faults = [status(403), status(403)];
    await expectBadInput(open(), 'may not be read (status 403)');
    site.faults = [status(405), status(404)];
    await expectBadInput(open(), 'does not exist (status 404)');
    expect(site.log).toEqual(['HEAD', 'HEAD', 'GET 0-0', 'HEAD', 'GET 0-0']);
    expect(waits).toEqual([]);
  });

  test('an address that is none is refused, and signatures are not shown', async () => {
    await expectBadInput(httpSource('reads.bam'), 'is no address');
    await expectBadInput(httpSource('ftp://host/reads.bam'), 'is no address');
    await expectBadInput(describeHttp('http://me:secret@127.0.0.1/x'), 'carries a user');
    site.faults = [status(404)];
    const error = await failure(httpSource(`${address}?X-Amz-Signature=secret`));
    expect(error.message).toContain(address);
    expect(error.message).not.toContain('secret');
  });

  test('a host that does not exist is bad input, after the attempts', async () => {
    let calls = 0;
    const unknown = Object.assign(new Error('getaddrinfo ENOTFOUND nowhere'), { code: 'ENOTFOUND' });
    const act = httpSource('http://nowhere/x', {
      attempts: 3,
      wait: async () => {},
      fetch: () => {
        calls++;
        return Promise.reject(new TypeError('fetch failed', { cause: unknown }));
      },
    });
    await expectBadInput(act, 'the host of http://nowhere/x is unknown');
    expect(calls).toBe(3);
  });
});

describe('reading', () => {
  test('one ranged GET a read, bound to the ETag', async () => {
    const source = await open();
    let sent: IncomingMessage['headers'] = {};
    site.faults = [(request, response) => site.answer(((sent = request.headers), request), response)];
    expect(await source.read(100, 164)).toEqual(content.slice(100, 164));
    expect(await source.read(0, 5000)).toEqual(content);
    expect(site.log).toEqual(['HEAD', 'GET 100-163', 'GET 0-4999']);
    expect([sent['if-match'], sent['accept-encoding']]).toEqual(['"v1"', 'identity']);
  });

  test('without a strong ETag the date is the condition', async () => {
    site.etag = 'W/"v1"';
    const source = await open();
    let sent: IncomingMessage['headers'] = {};
    site.faults = [(request, response) => site.answer(((sent = request.headers), request), response)];
    await source.read(0, 100);
    expect([sent['if-match'], sent['if-unmodified-since']]).toEqual([undefined, date]);
  });

  test('a range past the end takes no request', async () => {
    const source = await open();
    await expectBadInput(source.read(4990, 5001), 'do not exist');
    expect(site.log).toEqual(['HEAD']);
  });

  test.each([
    ['503', status(503)],
    ['500', status(500)],
    ['429', status(429)],
    ['408', status(408)],
    ['a reset connection', hangUp],
    ['a body that ends early', cut(40, 'end')],
    ['a body cut off', cut(40, 'destroy')],
    ['a body without its end', cut(0, 'end')],
    ['a body too long', cut(101, 'end')],
  ] as const)('%s is tried again', async (_name, fault) => {
    const source = await open();
    site.faults = [fault, fault];
    expect(await source.read(0, 100)).toEqual(content.slice(0, 100));
    expect(site.log).toEqual(['HEAD', 'GET 0-99', 'GET 0-99', 'GET 0-99']);
    expect(waits.length).toBe(2);
    expect(waits[0]!).toBeLessThanOrEqual(200);
    expect(waits[1]!).toBeLessThanOrEqual(400);
  });

  test('opening is tried again too', async () => {
    site.faults = [status(503), hangUp];
    expect((await open()).size).toBe(5000);
    expect(site.log).toEqual(['HEAD', 'HEAD', 'HEAD']);
  });

  test.each([
    ['503', status(503), 'throttled', 'status 503'],
    ['429', status(429), 'throttled', 'status 429'],
    ['500', status(500), 'lost', 'status 500'],
    ['resets', hangUp, 'lost', 'fetch failed'],
    ['truncation', cut(40, 'end'), 'lost', 'a body of 40 bytes, expected 100'],
  ] as const)('lasting %s end after the attempts', async (_name, fault, kind, words) => {
    const source = await open({ attempts: 4 });
    site.faults = Array.from({ length: 9 }, () => fault);
    await expectTaskError(source.read(0, 100), kind, words);
    expect(site.log.length).toBe(1 + 4);
    expect(waits.length).toBe(3);
  });

  test('Retry-After is honoured in seconds and as a date, within a minute', async () => {
    const source = await open();
    const soon = new Date(Date.now() + 20_000).toUTCString();
    site.faults = ['7', '86400', soon, 'rubbish', '-5'].map((after) => status(503, { 'retry-after': after }));
    await source.read(0, 100);
    const [seconds, day, dated, rubbish, negative] = waits as [number, number, number, number, number];
    expect(seconds).toBeGreaterThanOrEqual(7000);
    expect(seconds).toBeLessThanOrEqual(7200);
    expect(day).toBeGreaterThanOrEqual(60_000);
    expect(day).toBeLessThanOrEqual(60_400);
    expect(dated).toBeGreaterThan(17_000);
    expect(dated).toBeLessThanOrEqual(20_800);
    expect(rubbish).toBeLessThanOrEqual(1600);
    expect(negative).toBeLessThanOrEqual(3200);
  });

  test('silence is given up and tried again', async () => {
    const source = await open({ patience: 250 });
    // Neither the head of the response nor the rest of its body ever comes.
    const halfway: Answer = (_request, response) => {
      response.writeHead(206, { 'content-range': 'bytes 0-99/5000', 'content-length': 100 });
      response.write(content.subarray(0, 50));
    };
    site.faults = [() => {}, halfway];
    expect(await source.read(0, 100)).toEqual(content.slice(0, 100));
    expect(site.log.length).toBe(4);
  });

  test('a slow body is not silence', async () => {
    const source = await open({ patience: 500 });
    site.faults = [
      (_request, response) => {
        response.writeHead(206, { 'content-range': 'bytes 0-4/5000', 'content-length': 5 });
        let at = 0;
        const timer = setInterval(() => {
          response.write(content.subarray(at, ++at));
          if (at === 5) clearInterval(timer);
        }, 150);
      },
    ];
    expect(await source.read(0, 5)).toEqual(content.slice(0, 5));
    expect(site.log).toEqual(['HEAD', 'GET 0-4']);
  });

  test('an abort ends a request, and a wait between two', async () => {
    const controller = new AbortController();
    const source = await open({ signal: controller.signal });
    site.faults = [() => controller.abort(new Error('stop'))];
    await expect(source.read(0, 100)).rejects.toThrow('stop');
    const later = new AbortController();
    const waiting = await httpSource(address, { signal: later.signal });
    site.faults = [status(503, { 'retry-after': '50' })];
    setTimeout(() => later.abort(new Error('stop waiting')), 30);
    await expect(waiting.read(0, 100)).rejects.toThrow('stop waiting');
    await expect(waiting.read(0, 100)).rejects.toThrow('stop waiting');
    expect(site.log).toEqual(['HEAD', 'GET 0-99', 'HEAD', 'GET 0-99']);
  });
});

describe('changed content', () => {
  const refuse = async (source: Awaited<ReturnType<typeof open>>): Promise<void> => {
    await expectBadInput(source.read(0, 100), 'changed since it was planned');
    expect(site.log).toEqual(['HEAD', 'GET 0-99']);
  };
  /** Serves the range whatever the request's conditions are. */
  const unconditional: Answer = (request, response) => {
    delete request.headers['if-match'];
    delete request.headers['if-unmodified-since'];
    site.answer(request, response);
  };

  test('a new ETag', async () => {
    const source = await open();
    site.etag = '"v2"';
    await refuse(source);
  });

  test('a new ETag, from a server that ignores If-Match', async () => {
    const source = await open();
    site.etag = '"v2"';
    site.faults = [unconditional];
    await refuse(source);
  });

  test('a new date under a weak ETag', async () => {
    site.etag = 'W/"v1"';
    const source = await open();
    site.modified = 'Sun, 06 Nov 1994 08:49:38 GMT';
    await refuse(source);
  });

  test('a new date without an ETag, from a server that ignores If-Unmodified-Since', async () => {
    site.etag = undefined;
    const source = await open();
    site.modified = 'Sun, 06 Nov 1994 08:49:38 GMT';
    site.faults = [unconditional];
    await refuse(source);
  });

  test('a new weak ETag without dates', async () => {
    [site.etag, site.modified] = ['W/"v1"', undefined];
    const source = await open();
    site.etag = 'W/"v2"';
    await refuse(source);
  });

  test('another size without ETag and date', async () => {
    site.etag = site.modified = undefined;
    const source = await open();
    site.body = content.subarray(0, 4000);
    await refuse(source);
  });

  test('an end before the range', async () => {
    const source = await open();
    site.faults = [status(416)];
    await refuse(source);
  });
});

describe('servers without right ranges', () => {
  const whole: Answer = (request, response) => {
    delete request.headers.range;
    site.answer(request, response);
  };

  test('the whole instead of a range is refused; the whole as asked for is taken', async () => {
    const source = await open();
    site.faults = [whole, whole];
    await expectBadInput(source.read(0, 100), 'serves no ranges');
    expect(await source.read(0, 5000)).toEqual(content);
    expect(site.log).toEqual(['HEAD', 'GET 0-99', 'GET 0-4999']);
  });

  test.each([
    ['bytes 1-100/5000', 'wrong ranges'],
    ['bytes 0-98/5000', 'wrong ranges'],
    ['rubbish', 'wrong ranges'],
    ['bytes 0-99/4999', 'changed since it was planned'],
  ])('Content-Range %s is refused', async (range, words) => {
    const source = await open();
    site.faults = [
      (_request, response) => void response.writeHead(206, { 'content-range': range }).end(content),
    ];
    await expectBadInput(source.read(0, 100), words);
    expect(site.log).toEqual(['HEAD', 'GET 0-99']);
  });

  test('a size of * is unknown, not wrong', async () => {
    const source = await open();
    site.faults = [
      (_request, response) =>
        void response.writeHead(206, { 'content-range': 'bytes 0-99/*' }).end(content.subarray(0, 100)),
    ];
    expect(await source.read(0, 100)).toEqual(content.slice(0, 100));
  });

  test('a compressed answer is refused', async () => {
    const source = await open();
    site.faults = [status(206, { 'content-range': 'bytes 0-99/5000', 'content-encoding': 'gzip' })];
    await expectBadInput(source.read(0, 100), 'was sent compressed (gzip)');
  });

  test('a read that is forbidden or not found later on says so at once', async () => {
    const source = await open();
    site.faults = [status(403), status(404)];
    await expectBadInput(source.read(0, 100), 'may not be read (status 403)');
    await expectBadInput(source.read(0, 100), 'does not exist (status 404)');
    expect(site.log.length).toBe(3);
  });
});
