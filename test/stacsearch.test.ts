/** The search of STAC APIs: pages by both methods, refusals, circles and floods; and the command that asks. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { askDocument } from '../core/sources/document.ts';
import { type Ask, type Query, searchItems } from '../geospatial/stac/search.ts';
import { scenes } from '../pipelines/commands/scenes.ts';
import { send, startStacServer } from './stacserver.ts';

const api = await startStacServer();
const folder = await mkdtemp(join(tmpdir(), 'servermix-scenes-'));
afterAll(async () => {
  await api.close();
  await rm(folder, { recursive: true });
});

const itemOf = (i: number): (typeof api.items)[number] => ({
  type: 'Feature',
  stac_version: '1.0.0',
  id: `scene-${i}`,
  collection: i % 2 ? 'odd' : 'even',
  geometry: null,
  bbox: [i, 0, i + 1, 1],
  // The newest first, as servers do.
  properties: {
    datetime: `2024-05-${String(28 - (i % 28)).padStart(2, '0')}T10:00:00Z`,
    'eo:cloud_cover': i,
  },
  links: [],
  assets: { red: { href: '../red.tif' } },
});
beforeEach(() => {
  api.items = Array.from({ length: 25 }, (_, i) => itemOf(i));
  Object.assign(api, { methods: ['POST', 'GET'], clouds: ['query', 'filter'], merges: true, faults: [] });
  api.log.length = 0;
});

const wait = async (): Promise<void> => {};
const ask: Ask = ({ method, address, headers, body }) =>
  askDocument(
    address,
    { method, headers: { ...headers }, ...(body ? { body: JSON.stringify(body) } : {}) },
    1e6,
    {
      wait,
    },
  );
const search = (query: Partial<Query> = {}, most = 1000, address = api.address) =>
  searchItems(address, { collections: [], limit: 10, ...query }, ask, { most });
const ids = ({ items }: Awaited<ReturnType<typeof search>>): unknown[] => items.map(({ id }) => id);

test.each([
  ['POST, merged bodies', ['POST', 'GET'], true],
  ['POST, whole bodies', ['POST'], false],
  ['GET', ['GET'], true],
])('all pages by %s', async (_, methods, merges) => {
  Object.assign(api, { methods, merges });
  const found = await search({ bbox: [-1, 0, 50, 1], datetime: '2024-05-01T00:00:00Z/..' });
  expect(ids(found)).toEqual(Array.from({ length: 25 }, (_i, i) => `scene-${24 - i}`));
  expect(found).toMatchObject({ matched: 25, isCut: false, unsaid: 0 });
  const pages = api.log.filter(({ method }) => method === methods[0]);
  expect(pages).toHaveLength(3);
  for (const { given } of pages) {
    expect(String(given['bbox'])).toBe('-1,0,50,1');
    expect(given['datetime']).toBe('2024-05-01T00:00:00Z/..');
  }
  expect(found.items[0]).toMatchObject({ assets: { red: { href: api.address.replace('/v1', '/red.tif') } } });
  // The address of the search itself is as good.
  expect(ids(await search({}, 1000, `${api.address}/search`))).toEqual(ids(found));
});

test.each([
  [['POST', 'GET'], ['query', 'filter'], 1],
  [['POST', 'GET'], ['filter'], 2],
  [['POST', 'GET'], [], 3],
  [['GET'], ['query'], 2],
  [['GET'], ['filter'], 3],
  [['GET'], [], 4],
  [['POST', 'GET'], ['deaf'], 3],
])('clouds, where %s takes %s', async (methods, clouds, requests) => {
  Object.assign(api, { methods, clouds });
  api.items.push({ ...itemOf(3), id: 'unsaid', properties: { datetime: '2024-05-01T00:00:00Z' } });
  const found = await search({ cloud: 5, collections: ['odd'] });
  expect(ids(found)).toEqual(['scene-5', 'scene-3', 'scene-1']);
  const isSifted = clouds.length === 0 || clouds[0] === 'deaf';
  expect(found.unsaid).toBe(isSifted ? 1 : 0);
  expect(api.log.length).toBe(clouds[0] === 'deaf' ? 2 : isSifted ? requests + 1 : requests);
});

test('no more than wanted, and told so', async () => {
  const some = await search({}, 12);
  expect(some.items).toHaveLength(12);
  expect(some).toMatchObject({ isCut: true, matched: 25 });
  expect(api.log).toHaveLength(2);
  expect(await search({}, 20)).toMatchObject({ isCut: true });
  expect(await search({}, 25)).toMatchObject({ isCut: false });
  api.items = [];
  expect(await search()).toMatchObject({ items: [], isCut: false });
});

test('items that come twice count once', async () => {
  api.items.push(itemOf(3), itemOf(4));
  expect(new Set(ids(await search())).size).toBe(25);
  expect((await search()).items).toHaveLength(25);
});

test('a busy server is asked again; a lasting fault is one line', async () => {
  const waits: number[] = [];
  const patient: Ask = ({ method, address, headers, body }) =>
    askDocument(
      address,
      { method, headers: { ...headers }, ...(body ? { body: JSON.stringify(body) } : {}) },
      1e6,
      {
        wait: async (ms) => void waits.push(ms),
      },
    );
  api.faults = [
    (response) => void response.writeHead(429, { 'retry-after': '7' }).end(),
    (response) => void response.writeHead(502).end('<html>'),
    (response) => void response.destroy(),
  ];
  const found = await searchItems(api.address, { collections: [], limit: 10 }, patient, { most: 99 });
  expect(found.items).toHaveLength(25);
  expect(waits).toHaveLength(3);
  expect(waits[0]).toBeGreaterThanOrEqual(7000);
  api.faults = Array.from({ length: 6 }, () => (response) => void response.writeHead(503).end());
  await expect(search()).rejects.toThrow(/failed 6 times, last with status 503; check the network/);
});

test.each([
  [
    401,
    { message: 'no token' },
    /POST http:.*\/v1\/search answered status 401: no token; it wants credentials/,
  ],
  [403, 'x', /status 403; it wants credentials/],
  [410, { description: `a\n\u0007b ${'x'.repeat(300)}` }, /status 410: a b x{190,200}; check collections/],
])('status %s is told', async (status, body, message) => {
  api.faults = [(response) => send(response, body, status)];
  await expect(search()).rejects.toThrow(message);
});

test('what is no API is refused', async () => {
  await expect(search({}, 9, `${api.address}/gone?token=secret`)).rejects.toThrow(
    /^STAC API: GET http:\/\/127.*\/gone\/search answered status 404: no such place; check the address/,
  );
  await expect(search({}, 9, 'ftp://x')).rejects.toThrow(/found ftp:\/\/x, expected https/);
  await expect(search({}, 9, 'http://a:b@127.0.0.1/')).rejects.toThrow(/no address that can be asked/);
  for (const [body, message] of [
    ['nothing', /is no JSON object/],
    [{ type: 'FeatureCollection' }, /gave no features/],
    [{ features: [5] }, /feature 0 of .* has no id/],
    [{ features: [{ type: 'Feature', id: 5 }] }, /feature 0 of .* has no id/],
    [{ features: [], links: [{ rel: 'next', href: 'file:///etc/passwd' }] }, /next page is at file:/],
  ] as const) {
    api.faults = [(response) => send(response, body)];
    await expect(search()).rejects.toThrow(message);
  }
  api.faults = [(response) => void response.end('{"features":')];
  await expect(search()).rejects.toThrow(/is no JSON/);
});

test('circles, endless pages and floods end', async () => {
  const circle = (response: Parameters<(typeof api.faults)[0]>[0]): void =>
    send(response, {
      features: [itemOf(api.log.length)],
      links: [{ rel: 'next', href: `${api.address}/search?token=1` }],
    });
  api.faults = [circle, circle, circle];
  await expect(search()).rejects.toThrow(/leads to a page again/);
  let n = 0;
  const empty = (response: Parameters<(typeof api.faults)[0]>[0]): void =>
    send(response, {
      features: [itemOf(1)],
      links: [{ rel: 'next', href: `${api.address}/search?token=${n++}` }],
    });
  api.faults = Array.from({ length: 50 }, () => empty);
  await expect(search()).rejects.toThrow(/20 pages without anything new/);
  api.faults = [
    (response) => {
      response.writeHead(200);
      const more = (): void => {
        while (response.write(' '.repeat(65_536)));
        if (!response.destroyed) response.once('drain', more);
      };
      more();
    },
  ];
  await expect(search()).rejects.toThrow(/sends more than 1000000 bytes/);
});

/** Runs the command; gives what it says, and what it writes. */
async function command(...args: string[]): Promise<{ said: string; written: any }> {
  const path = join(folder, `${args.length}-${api.log.length}.json`);
  const lines: string[] = [];
  const write = process.stderr.write.bind(process.stderr);
  process.stderr.write = ((text: string) => lines.push(text) > 0) as typeof process.stderr.write;
  try {
    await scenes([api.address, ...args, '--out', path]);
  } finally {
    process.stderr.write = write;
  }
  return { said: lines.join(''), written: JSON.parse(await readFile(path, 'utf8')) };
}

test('the command writes an item collection and tells what is in it', async () => {
  const where = '--collections odd,even --bbox -3.5,1,2,4 --from 2024-05-01 --to 2024-06-01 --cloud 20';
  const { said, written } = await command(...where.split(' '));
  expect(said).toBe('found 21 scenes, 2024-05-08 to 2024-05-28, cloud 0 to 20 %\n');
  expect(written).toMatchObject({ type: 'FeatureCollection', features: { length: 21 } });
  expect(api.log[0]!.given).toEqual({
    collections: ['odd', 'even'],
    bbox: [-3.5, 1, 2, 4],
    datetime: '2024-05-01T00:00:00Z/2024-06-01T23:59:59Z',
    limit: 100,
    query: { 'eo:cloud_cover': { lte: 20 } },
  });
  const cut = await command('--max', '3');
  expect(cut.said).toMatch(
    /^found 3 scenes, .*, there are more \(25 match\): raise --max 3 or ask for less\n$/,
  );
  expect((await command('--from', '2024-05-01T10:00:00+02:00')).said).toMatch(/^found 25/);
  expect(api.log.at(-1)!.given['datetime']).toBe('2024-05-01T10:00:00+02:00/..');
});

test.each([
  [['--bbox', '1,2,3'], /--bbox: found 1,2,3, expected west,south,east,north/],
  [['--bbox', '1,4,3,2'], /--bbox/],
  [['--from', '2024-02-30'], /--from: found 2024-02-30, expected a day/],
  [['--from', '2024-05-02', '--to', '2024-05-01'], /--to: found 2024-05-01, expected a time after/],
  [['--cloud', '101'], /--cloud: found 101, expected a number from 0 to 100/],
  [['--max', '0'], /--max: found 0, expected a whole number/],
  [['--limit', '1.5'], /--limit/],
])('%s is bad usage', async (args, message) => {
  await expect(command(...args)).rejects.toThrow(message);
  expect(api.log).toHaveLength(0);
});
