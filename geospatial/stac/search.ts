/**
 * The search of a STAC API, page after page. Sources: STAC API 1.0.0, "Item Search", with its query and filter extensions and "Pagination"; OGC CQL2
 * (21-065r2).
 */
import { BadInput } from '../../core/errors.ts';
import { canonical, type Json } from '../../core/json.ts';
import { addressOf, isAddress } from './address.ts';
import { isObject, linksOf, parseDocument, textOf } from './document.ts';

/** What is sought; all of it must hold. */
export type Query = {
  readonly collections: readonly string[];
  /** West, south, east, north in degrees. */
  readonly bbox?: readonly number[];
  /** An instant, or `start/end` with `..` for an open end; RFC 3339. */
  readonly datetime?: string;
  /** Per cent of clouds at most. */
  readonly cloud?: number;
  /** Items a page, as the server is asked. */
  readonly limit: number;
};

/** One request; `body` is JSON. */
export type Request = {
  readonly method: 'GET' | 'POST';
  readonly address: string;
  readonly headers: { readonly [name: string]: string };
  readonly body?: { readonly [name: string]: Json };
};
export type Answer = { readonly status: number; readonly bytes: Uint8Array };
/** How requests go out: repeated there while the network or the server is at fault. */
export type Ask = (request: Request) => Promise<Answer>;

type Item = { readonly [name: string]: Json };

export type Found = {
  /** By time, then collection and id; addresses of their assets are absolute. */
  readonly items: readonly Item[];
  /** How many the server says there are. */
  readonly matched?: number;
  /** There are more than were wanted. */
  readonly isCut: boolean;
  /** Left out because they do not say how cloudy they are. */
  readonly unsaid: number;
};

// A server that gives one thing over and over, each time under another name.
const mostIdlePages = 20;

/**
 * All items, `most` at most. `address` is that of the API or of its search. Asks by POST, and by GET where the server takes none; clouds by the query
 * extension, by CQL2 where that is refused, and not at all where both are: what comes is sifted again.
 * @throws BadInput for refusals, answers that are no pages of items, and pages that lead in a circle; what `ask` throws
 */
export async function searchItems(
  address: string,
  query: Query,
  ask: Ask,
  { most, signal }: { readonly most: number; readonly signal?: AbortSignal },
): Promise<Found> {
  const items = new Map<string, Item>();
  const seen = new Set<string>();
  let matched: number | undefined;
  let [unsaid, idle, isCut] = [0, 0, false];
  const [first, answer] = await firstPage(searchAddress(address), query, ask);
  let [request, page] = [first, answer];
  for (;;) {
    signal?.throwIfAborted();
    seen.add(canonical(request as unknown as Json));
    const document = parseDocument(page.bytes, shown(request.address));
    matched ??= matchedOf(document);
    const before = items.size;
    for (const [i, feature] of featuresOf(document, request).entries()) {
      const item = itemAt(feature, i, request);
      const fit = clearEnough(item, query.cloud);
      if (fit === undefined) unsaid += 1;
      if (fit !== true) continue;
      const key = JSON.stringify([item['collection'] ?? null, item['id']!]);
      if (items.has(key)) continue;
      if (items.size === most) isCut = true;
      else items.set(key, item);
    }
    idle = items.size === before ? idle + 1 : 0;
    const next = nextOf(document, request);
    if (!next || isCut) break;
    if (items.size === most) {
      isCut = true;
      break;
    }
    if (seen.has(canonical(next as unknown as Json)))
      throw new BadInput(
        `STAC API: ${shown(next.address)} leads to a page again that was read before, expected an end; tell who runs it, or ask for less`,
      );
    if (idle >= mostIdlePages)
      throw new BadInput(
        `STAC API: ${shown(request.address)} gave ${idle} pages without anything new, expected an end; ask for less, or for other collections`,
      );
    request = next;
    page = await ask(request);
    if (page.status !== 200) throw refusal(request, page);
  }
  return {
    items: [...items.values()].toSorted(byTime),
    ...(matched === undefined ? {} : { matched }),
    isCut,
    unsaid,
  };
}

/** The address without its query, which may carry credentials. */
const shown = (address: string): string => address.replace(/[?#].*$/s, '');

function searchAddress(address: string): string {
  if (!/^https?:\/\//i.test(address) || !URL.canParse(address))
    throw new BadInput(`STAC API: found ${address}, expected https://host/path of an API`);
  const url = new URL(address);
  if (!/\/search\/?$/.test(url.pathname)) url.pathname = `${url.pathname.replace(/\/+$/, '')}/search`;
  return url.href;
}

const accept = { accept: 'application/geo+json, application/json' };

/** The first answer that is one, and what it answers. */
async function firstPage(address: string, query: Query, ask: Ask): Promise<[Request, Answer]> {
  const { collections, bbox, datetime, cloud, limit } = query;
  const property = 'eo:cloud_cover';
  const plain = {
    ...(collections.length > 0 ? { collections: [...collections] } : {}),
    ...(bbox ? { bbox: [...bbox] } : {}),
    ...(datetime === undefined ? {} : { datetime }),
    limit,
  };
  const queried = { [property]: { lte: cloud ?? 100 } };
  const clouds: { readonly [name: string]: Json }[] =
    cloud === undefined
      ? [{}]
      : [
          { query: queried },
          { 'filter-lang': 'cql2-json', filter: { op: '<=', args: [{ property }, cloud] } },
          {},
        ];
  const texts: { readonly [name: string]: string }[] =
    cloud === undefined
      ? [{}]
      : [
          { query: JSON.stringify(queried) },
          { 'filter-lang': 'cql2-text', filter: `"${property}" <= ${cloud}` },
          {},
        ];
  const posts = clouds.map((more): Request => ({
    method: 'POST',
    address,
    headers: { ...accept, 'content-type': 'application/json' },
    body: { ...plain, ...more },
  }));
  const gets = texts.map((more): Request => {
    const url = new URL(address);
    for (const [name, value] of Object.entries({ ...plain, ...more }))
      url.searchParams.set(name, String(value));
    return { method: 'GET', address: url.href, headers: accept };
  });
  let last: [Request, Answer] | undefined;
  let isPosted = true;
  for (const request of [...posts, ...gets]) {
    if (!isPosted && request.method === 'POST') continue;
    const answer = await ask(request);
    last = [request, answer];
    if (answer.status === 200) return last;
    if (request.method === 'POST' && [404, 405, 415, 501].includes(answer.status)) isPosted = false;
    else if (![400, 422].includes(answer.status)) break;
  }
  throw refusal(...last!);
}

/** What a server says of a refusal, as far as it fits a line. */
function refusal({ address, method }: Request, { status, bytes }: Answer): BadInput {
  let said = '';
  try {
    const { description, detail, message } = JSON.parse(new TextDecoder().decode(bytes)) as {
      [name: string]: unknown;
    };
    said = [description, detail, message].map(textOf).find((text) => text !== undefined) ?? '';
  } catch {
    // Pages for people say nothing that fits.
  }
  const why = said === '' ? '' : `: ${said.replace(/[\s\p{Cc}]+/gu, ' ').slice(0, 200)}`;
  const step =
    status === 404
      ? 'check the address, expected that of an API'
      : status === 401 || status === 403
        ? 'it wants credentials, which are not given'
        : 'check collections, bbox and dates';
  return new BadInput(`STAC API: ${method} ${shown(address)} answered status ${status}${why}; ${step}`);
}

type Document = { readonly [name: string]: unknown };

function featuresOf({ features }: Document, { address }: Request): readonly unknown[] {
  if (!Array.isArray(features))
    throw new BadInput(
      `STAC API: ${shown(address)} gave no features, expected an item collection; check the address`,
    );
  return features;
}

function matchedOf({ numberMatched, context }: Document): number | undefined {
  const count = numberMatched ?? (isObject(context) ? context['matched'] : undefined);
  return typeof count === 'number' && Number.isSafeInteger(count) && count >= 0 ? count : undefined;
}

/** The item as it is, with addresses of assets absolute: they would lead elsewhere from the file that it goes to. */
function itemAt(feature: unknown, i: number, { address }: Request): Item {
  if (!isObject(feature) || feature['type'] !== 'Feature' || textOf(feature['id']) === undefined)
    throw new BadInput(
      `STAC API: feature ${i} of ${shown(address)} has no id or is no Feature, expected an item; tell who runs it`,
    );
  const item = feature as Item;
  const self = linksOf(feature, address).find(({ rel }) => rel === 'self')?.href;
  const base = self !== undefined && isAddress(self) ? self : address;
  if (!isObject(item['assets'])) return item;
  const assets = Object.entries(item['assets'] as Item).map(([name, asset]) => {
    const href = isObject(asset) ? textOf(asset['href']) : undefined;
    return [name, href === undefined ? asset : { ...(asset as Item), href: addressOf(href, base) }] as const;
  });
  return { ...item, assets: Object.fromEntries(assets) };
}

/** Undefined for an item that does not say how cloudy it is. */
function clearEnough({ properties }: Item, cloud: number | undefined): boolean | undefined {
  if (cloud === undefined) return true;
  const found = isObject(properties) ? properties['eo:cloud_cover'] : undefined;
  return typeof found === 'number' ? found <= cloud : undefined;
}

/** The request that a `next` link stands for; bodies are merged where it says so. */
function nextOf(document: Document, { address, body, headers }: Request): Request | undefined {
  const link = linksOf(document, address).find(({ rel }) => rel === 'next');
  if (!link) return undefined;
  const { href, given } = link;
  if (!/^https?:\/\//i.test(href))
    throw new BadInput(`STAC API: the next page is at ${href}, expected an address; tell who runs it`);
  const own = isObject(given['headers'])
    ? Object.entries(given['headers']).filter((pair): pair is [string, string] => typeof pair[1] === 'string')
    : [];
  const method = textOf(given['method'])?.toUpperCase() === 'POST' ? 'POST' : 'GET';
  if (method === 'GET') return { method, address: href, headers: { ...accept, ...Object.fromEntries(own) } };
  const said = isObject(given['body']) ? (given['body'] as Item) : undefined;
  const merged = given['merge'] === true ? { ...body, ...said } : (said ?? body ?? {});
  return {
    method,
    address: href,
    headers: { ...headers, ...Object.fromEntries(own), 'content-type': 'application/json' },
    body: merged,
  };
}

function byTime(a: Item, b: Item): number {
  const key = ({ properties, collection, id }: Item): string => {
    const { datetime, start_datetime: start } = (properties ?? {}) as Item;
    return JSON.stringify([datetime ?? start ?? null, collection ?? null, id!]);
  };
  const [left, right] = [key(a), key(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}
