/** A STAC API on this machine, as the specification has it, that misbehaves on demand. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

type Item = { id: string; properties: { [name: string]: unknown } } & { [name: string]: unknown };
/** What was asked: parameters of a query, or the body. */
export type Asked = {
  readonly method: string;
  readonly path: string;
  readonly given: { [name: string]: any };
};
export type Fault = (response: ServerResponse, asked: Asked) => void;

export type StacServer = {
  readonly address: string;
  items: Item[];
  /** Methods that the search takes. */
  methods: readonly string[];
  /** Ways to ask for clouds that it understands; others are refused, or, of `deaf`, passed over. */
  clouds: readonly ('query' | 'filter' | 'deaf')[];
  /** Bodies of next pages say only what is new. */
  merges: boolean;
  /** What the next requests meet instead. */
  faults: Fault[];
  readonly log: Asked[];
  close(): Promise<void>;
};

export const send = (response: ServerResponse, body: unknown, status = 200): void =>
  void response.writeHead(status, { 'content-type': 'application/geo+json' }).end(JSON.stringify(body));

export async function startStacServer(): Promise<StacServer> {
  const server = createServer((request, response) => {
    void answer(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const api: StacServer = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    items: [],
    methods: ['POST', 'GET'],
    clouds: ['query', 'filter'],
    merges: true,
    faults: [],
    log: [],
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return api;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url!, api.address);
    let text = '';
    for await (const piece of request) text += String(piece);
    const query = Object.fromEntries(url.searchParams) as { [name: string]: any };
    const given = request.method === 'POST' ? (JSON.parse(text) as { [name: string]: any }) : query;
    const asked: Asked = { method: request.method!, path: url.pathname, given };
    api.log.push(asked);
    const fault = api.faults.shift();
    if (fault) return fault(response, asked);
    if (url.pathname !== '/v1/search') return send(response, { description: 'no such place' }, 404);
    if (!api.methods.includes(asked.method)) return send(response, { description: 'not so' }, 405);
    search(asked, response);
  }

  function search({ method, given }: Asked, response: ServerResponse): void {
    const list = (value: unknown): string[] => (Array.isArray(value) ? value : String(value).split(','));
    let found = api.items;
    if (given['collections']) {
      const wanted = list(given['collections']);
      found = found.filter((item) => wanted.includes(item['collection'] as string));
    }
    const isDeaf = api.clouds.includes('deaf');
    const most = cloudOf(given, method);
    if (most && !isDeaf) {
      if (!api.clouds.includes(most.way)) return send(response, { detail: `no ${most.way}\nhere` }, 400);
      found = found.filter(
        ({ properties }) => Number(properties['eo:cloud_cover'] ?? Infinity) <= most.cloud,
      );
    }
    const limit = Number(given['limit'] ?? 10);
    const from = Number(given['token'] ?? 0);
    const features = found.slice(from, from + limit);
    const links: object[] = [];
    if (from + limit < found.length) {
      const token = { token: from + limit };
      if (method === 'POST')
        links.push({
          rel: 'next',
          method: 'POST',
          href: `${api.address}/search`,
          body: api.merges ? token : { ...given, ...token },
          ...(api.merges ? { merge: true } : {}),
        });
      else
        links.push({
          rel: 'next',
          href: `?${new URLSearchParams({ ...given, token: String(from + limit) })}`,
        });
    }
    send(response, { type: 'FeatureCollection', features, links, numberMatched: found.length });
  }
}

function cloudOf(
  given: { readonly [name: string]: any },
  method: string,
): { way: 'query' | 'filter'; cloud: number } | undefined {
  const read = (value: any): any => (method === 'GET' ? JSON.parse(value as string) : value);
  if (given['query']) return { way: 'query', cloud: read(given['query'])['eo:cloud_cover'].lte as number };
  if (!given['filter']) return undefined;
  return {
    way: 'filter',
    cloud:
      method === 'GET'
        ? Number(/<= (.*)$/.exec(given['filter'] as string)![1])
        : (given['filter'].args[1] as number),
  };
}
