/** Signatures of requests to AWS, version 4: to check those that arrive, and to sign anew what a proxy changed. */
import { createHash, createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** A request as it came over the wire; `url` is path and query, encoded. */
export type Signed = {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
};

/** What the Authorization header says. */
export type Authorization = {
  readonly key: string;
  /** DATE/REGION/SERVICE/aws4_request. */
  readonly scope: string;
  /** Lower case, in the order in which they are signed. */
  readonly names: readonly string[];
  /** 64 hexadecimal digits. */
  readonly signature: string;
};

const sha256 = (data: string): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();
const form =
  /^AWS4-HMAC-SHA256 Credential=([^/\s]+)\/(\d{8}\/[^/\s]+\/[^/\s]+\/aws4_request),\s*SignedHeaders=([a-z0-9;-]+),\s*Signature=([0-9a-f]{64})$/;

/** What the request's Authorization header says; undefined where there is none of this form. */
export function authorizationOf(headers: IncomingHttpHeaders): Authorization | undefined {
  const found = form.exec(headers.authorization ?? '');
  if (!found) return undefined;
  const [, key, scope, names, signature] = found;
  return { key: key!, scope: scope!, names: names!.split(';'), signature: signature! };
}

/**
 * The signature that the request has when its sender knows `secret`. The digest of the body is the one that the header
 * x-amz-content-sha256 claims, else `digest`. Source: AWS General Reference, "Signature Version 4 signing process".
 */
export function signatureOf(
  { method, url, headers }: Signed,
  { scope, names }: Omit<Authorization, 'signature'>,
  secret: string,
  digest = sha256(''),
): string {
  const [day, region, service] = scope.split('/') as [string, string, string];
  const cut = url.indexOf('?');
  const [path, query] = cut < 0 ? [url, ''] : [url.slice(0, cut), url.slice(cut + 1)];
  const fields = names.map((name) => `${name}:${valueOf(headers, name).trim().replaceAll(/ +/g, ' ')}\n`);
  const canonical = [
    method,
    // Every service but S3 signs the path encoded once more.
    service === 's3' ? path : path.split('/').map(encode).join('/'),
    query
      .split('&')
      .filter((pair) => pair !== '')
      .map((pair) => (pair.includes('=') ? pair : `${pair}=`))
      .sort()
      .join('&'),
    fields.join(''),
    names.join(';'),
    valueOf(headers, 'x-amz-content-sha256') || digest,
  ].join('\n');
  const text = ['AWS4-HMAC-SHA256', valueOf(headers, 'x-amz-date'), scope, sha256(canonical)].join('\n');
  const key = [region, service, 'aws4_request'].reduce(hmac, hmac(`AWS4${secret}`, day));
  return hmac(key, text).toString('hex');
}

/**
 * The headers signed anew after some of them were changed or removed. A request without an Authorization header, or one of
 * another form, stays as it is.
 */
export function signAgain(request: Signed, secret: string): IncomingHttpHeaders {
  const old = authorizationOf(request.headers);
  if (!old) return request.headers;
  const day = valueOf(request.headers, 'x-amz-date').slice(0, 8);
  const scope = [day, ...old.scope.split('/').slice(1)].join('/');
  const names = old.names.filter((name) => request.headers[name] !== undefined);
  const signature = signatureOf(request, { key: old.key, scope, names }, secret);
  return {
    ...request.headers,
    authorization: `AWS4-HMAC-SHA256 Credential=${old.key}/${scope}, SignedHeaders=${names.join(';')}, Signature=${signature}`,
  };
}

/** When the request was signed, in ms since 1970 by its sender's clock; undefined where it does not say. */
export function signedAt(headers: IncomingHttpHeaders): number | undefined {
  const found = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(valueOf(headers, 'x-amz-date'));
  if (!found) return undefined;
  const [year, month, day, hour, minute, second] = found.slice(1).map(Number);
  return Date.UTC(year!, month! - 1, day, hour, minute, second);
}

/** A time in ms since 1970 as the header x-amz-date has it. */
export function dateHeader(time: number): string {
  return new Date(time).toISOString().replaceAll(/[-:]|\.\d+/g, '');
}

function valueOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return Array.isArray(value) ? value.join(',') : (value ?? '');
}

const encode = (text: string): string =>
  encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
