/** A stand-in for S3 as far as deploying and destroying needs one: buckets in memory, by path, that check what they are given. */
import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export type BucketServer = {
  readonly url: string;
  /** Objects of each bucket by key. */
  readonly buckets: Map<string, Map<string, Buffer>>;
  /** Uploads that nobody ended: `<bucket>/<key>` by id. */
  readonly uploads: Map<string, string>;
  /** What was asked for: `PUT bucket/key`. */
  readonly requests: string[];
  close(): Promise<void>;
};

/** Entries of a listing. */
const page = 3;

const escape = (text: string): string =>
  text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');
const unescape = (text: string): string =>
  text
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&amp;/g, '&');

/** The body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}

/** Starts it on a free port of the loopback. */
export async function bucketServer(): Promise<BucketServer> {
  const buckets: BucketServer['buckets'] = new Map();
  const uploads: BucketServer['uploads'] = new Map();
  const requests: string[] = [];

  function answer(request: IncomingMessage, body: Buffer): [status: number, text: string] {
    const url = new URL(request.url!, 'http://127.0.0.1');
    const [bucket, ...rest] = decodeURIComponent(url.pathname.slice(1)).split('/');
    const key = rest.join('/');
    const { method } = request;
    const query = url.searchParams;
    requests.push(`${method} ${bucket}/${key}`);
    const failure = (status: number, code: string): [number, string] => [
      status,
      `<Error><Code>${code}</Code><Message>${code}</Message></Error>`,
    ];
    const objects = buckets.get(bucket!);
    if (!objects) return failure(404, 'NoSuchBucket');
    if (key !== '') {
      if (method === 'HEAD') return [objects.has(key) ? 200 : 404, ''];
      if (method === 'PUT') {
        const sum = createHash('sha256').update(body).digest('base64');
        if (request.headers['x-amz-checksum-sha256'] !== sum) return failure(400, 'BadDigest');
        objects.set(key, body);
        return [200, ''];
      }
      if (method === 'DELETE' && query.has('uploadId'))
        return uploads.delete(query.get('uploadId')!) ? [204, ''] : failure(404, 'NoSuchUpload');
    }
    if (method === 'GET' && query.has('uploads')) {
      const after = query.get('upload-id-marker') ?? '';
      const own = [...uploads].filter(([id, at]) => at.startsWith(`${bucket}/`) && id > after);
      const shown = own.slice(0, page);
      const listed = shown.map(
        ([id, at]) =>
          `<Upload><Key>${escape(at.slice(bucket!.length + 1))}</Key><UploadId>${id}</UploadId></Upload>`,
      );
      const more = own.length > page;
      const [id, at] = shown.at(-1) ?? ['', ''];
      const next = `<NextKeyMarker>${escape(at)}</NextKeyMarker><NextUploadIdMarker>${id}</NextUploadIdMarker>`;
      return [
        200,
        `<ListMultipartUploadsResult><IsTruncated>${more}</IsTruncated>${more ? next : ''}${listed.join('')}</ListMultipartUploadsResult>`,
      ];
    }
    if (method === 'GET' && query.get('list-type') === '2') {
      const after = query.get('continuation-token') ?? '';
      const keys = [...objects.keys()].sort().filter((each) => each > after);
      const shown = keys.slice(0, page);
      const more = keys.length > page;
      return [
        200,
        `<ListBucketResult><IsTruncated>${more}</IsTruncated>${more ? `<NextContinuationToken>${escape(shown.at(-1)!)}</NextContinuationToken>` : ''}` +
          `${shown.map((each) => `<Contents><Key>${escape(each)}</Key></Contents>`).join('')}</ListBucketResult>`,
      ];
    }
    if (method === 'POST' && query.has('delete')) {
      for (const [, each] of body.toString().matchAll(/<Key>(.*?)<\/Key>/g)) objects.delete(unescape(each!));
      return [200, '<DeleteResult/>'];
    }
    if (method === 'DELETE' && key === '') {
      if (objects.size > 0) return failure(409, 'BucketNotEmpty');
      buckets.delete(bucket!);
      return [204, ''];
    }
    return failure(501, 'NotImplemented');
  }

  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    void bodyOf(request).then((body) => {
      const [status, text] = answer(request, body);
      response.writeHead(status, { 'content-type': 'application/xml' }).end(text);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    buckets,
    uploads,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
