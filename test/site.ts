/** A server on this machine that serves one object by ranges, as RFC 9110 says, and misbehaves on demand. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** The object served, and what was asked of it. */
export type Site = {
  readonly address: string;
  /** Answers as a server without faults does. */
  readonly answer: Answer;
  etag: string | undefined;
  modified: string | undefined;
  body: Uint8Array;
  /** Objects by path, in place of `body` when there are any; what is not here is not found. */
  files: Map<string, Uint8Array>;
  /** What the next requests meet instead of the usual answer. */
  faults: Answer[];
  /** Method and range of each request. */
  log: string[];
  /** Of each request: the path and the bytes that were promised in answer. */
  readonly sent: { readonly method: string; readonly path: string; readonly bytes: number }[];
  close(): Promise<void>;
};

/** Listens on a free port of 127.0.0.1. */
export async function startSite(): Promise<Site> {
  const server = createServer((request, response) => {
    const { range } = request.headers;
    site.log.push(request.method + (range ? ` ${range.slice('bytes='.length)}` : ''));
    (site.faults.shift() ?? site.answer)(request, response);
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const site: Site = {
    address: `http://127.0.0.1:${(server.address() as AddressInfo).port}/reads.bam`,
    answer: (request, response) => serve(site, request, response),
    etag: undefined,
    modified: undefined,
    body: new Uint8Array(0),
    files: new Map(),
    faults: [],
    log: [],
    sent: [],
    async close() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
  return site;
}

function serve(site: Site, request: IncomingMessage, response: ServerResponse): void {
  const { headers, method = '', url: path = '' } = request;
  const { etag, modified, files, sent } = site;
  const body = files.size > 0 ? files.get(path) : site.body;
  const tell = (bytes: number): void => void sent.push({ method, path, bytes });
  if (!body) {
    tell(0);
    return void response.writeHead(404).end();
  }
  if (etag) response.setHeader('etag', etag);
  if (modified) response.setHeader('last-modified', modified);
  response.setHeader('accept-ranges', 'bytes');
  const failed =
    (headers['if-match'] !== undefined && (headers['if-match'] !== etag || etag.startsWith('W/'))) ||
    (headers['if-unmodified-since'] !== undefined && headers['if-unmodified-since'] !== modified);
  if (failed) return void response.writeHead(412).end();
  const asked = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? '');
  if (!asked) {
    response.setHeader('content-length', body.length);
    tell(method === 'HEAD' ? 0 : body.length);
    return void response.end(method === 'HEAD' ? undefined : body);
  }
  const [start, end] = [Number(asked[1]), Math.min(Number(asked[2]) + 1, body.length)];
  if (start >= body.length)
    return void response.writeHead(416, { 'content-range': `bytes */${body.length}` }).end();
  response.writeHead(206, {
    'content-range': `bytes ${start}-${end - 1}/${body.length}`,
    'content-length': end - start,
  });
  tell(end - start);
  response.end(body.subarray(start, end));
}
