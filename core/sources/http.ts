/** Objects behind http(s) addresses as sources: ranged reads bound to one version of the content. */
import { BadInput } from '../errors.ts';
import type { Dataset, Source } from '../job.ts';
import { checkRange, placeFor } from './range.ts';
import { Broken } from './persist.ts';
import type { Network } from './request.ts';
import { discardBody, persistenceOf, request, send, shownUrl } from './request.ts';
import { resume } from './resume.ts';

export type HttpOptions = Network & {
  /** A dataset's id by `describeHttp`: opening then takes no request, and every read checks it. */
  readonly id?: string;
  /** The ETag that the content must have, quotes included. */
  readonly etag?: string;
};

/** What names a version of the content. A strong ETag (RFC 9110, 8.8.3) does so alone. */
type Version = { readonly size: number; readonly etag?: string; readonly modified?: string };

/**
 * Ranged reads and streams by GET, one request each, with the retries of `request`. Every request carries If-Match, or If-Unmodified-Since where the ETag
 * is weak or missing, and every response's size, ETag and date are compared: all reads see one version.
 * A stream that breaks off goes on from the byte it reached, see `resume`.
 * A server without ranges serves reads of the whole only.
 * @throws BadInput when the address is wrong, refused or absent, when the content changed, or ranges are not served; TaskError `throttled` or `lost`
 * when the attempts are used up
 */
export async function httpSource(url: string, options: HttpOptions = {}): Promise<Source> {
  checkAddress(url);
  const { id, etag } = options;
  const version = (id === undefined ? undefined : parseId(id)) ?? (await inspect(url, options));
  if (etag !== undefined && version.etag !== etag) throw changed(url, `ETag ${version.etag ?? 'none'}`, etag);
  if (id !== undefined && id !== idOf(version)) throw changed(url, idOf(version), id);
  return {
    size: version.size,
    async read(start, end, into) {
      checkRange('http', shownUrl(url), version.size, start, end);
      if (start === end) return new Uint8Array(0);
      const bytes = placeFor(into, end - start);
      await request(
        url,
        { method: 'GET', headers: headersOf(version, start, end) },
        options,
        (response, alive) => receiveRange(url, version, start, bytes, response, alive),
      );
      return bytes;
    },
    stream(start, end) {
      checkRange('http', shownUrl(url), version.size, start, end);
      const open = async (
        from: number,
        to: number,
        signal: AbortSignal,
      ): Promise<AsyncIterable<Uint8Array>> => {
        const init = { method: 'GET', headers: headersOf(version, from, to) } as const;
        const response = await send(url, init, options, signal);
        await checkResponse(url, version, from, to, response);
        return response.body ?? nothing();
      };
      return resume(start, end, open, { ...persistenceOf(url, options), patience: options.patience });
    },
  };
}

/**
 * Address, size and id of what lies there, by one HEAD, or one ranged GET where HEAD is refused or says too little.
 * The id is `<size>-<ETag>`; where the ETag is weak or missing, `<size>-<ETag> <Last-Modified>`.
 * @throws BadInput as `httpSource`, and when the server gives neither ETag nor Last-Modified, since results could then not be told apart; TaskError
 */
export async function describeHttp(
  url: string,
  network: Network = {},
): Promise<Pick<Dataset, 'uri' | 'id' | 'size'>> {
  checkAddress(url);
  const version = await inspect(url, network);
  if (version.etag === undefined && version.modified === undefined)
    throw new BadInput(
      `http: ${shownUrl(url)} has neither ETag nor Last-Modified, expected one to tell its versions apart; download it and give the file`,
    );
  return { uri: url, id: idOf(version), size: version.size };
}

const isStrong = (etag: string | undefined): etag is string => etag !== undefined && !etag.startsWith('W/');

const idOf = ({ size, etag, modified }: Version): string =>
  `${size}-${isStrong(etag) ? etag : [etag, modified].filter((x) => x !== undefined).join(' ')}`;

function parseId(id: string): Version | undefined {
  // The date is an IMF-fixdate, RFC 9110, 5.6.7.
  const form = /^(\d+)-(.*?)(?: ?([A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT))?$/;
  const [, size, etag, modified] = form.exec(id) ?? [];
  if (size === undefined || (!etag && modified === undefined)) return undefined;
  return { size: Number(size), ...(etag ? { etag } : {}), ...(modified === undefined ? {} : { modified }) };
}

function headersOf({ etag, modified }: Version, start: number, end: number): Record<string, string> {
  return {
    range: `bytes=${start}-${end - 1}`,
    // If-Match compares strongly, so a weak ETag never matches (RFC 9110, 13.1.1).
    ...(isStrong(etag)
      ? { 'if-match': etag }
      : modified === undefined
        ? {}
        : { 'if-unmodified-since': modified }),
  };
}

async function inspect(url: string, network: Network): Promise<Version> {
  // A compressed answer would have another size. Beside a Range fetch asks for identity by itself (Fetch standard, HTTP-network-or-cache fetch).
  const head = await request(
    url,
    { method: 'HEAD', headers: { 'accept-encoding': 'identity' } },
    network,
    async (response) => {
      const { status } = response;
      if (status === 404 || status === 410) throw refused(url, status);
      const size = response.headers.get('content-length');
      if (status !== 200 || size === null || isCompressed(response)) return undefined;
      return { size: Number(size), ...validators(response) };
    },
  );
  if (head) return head;
  const init = { method: 'GET', headers: { range: 'bytes=0-0' } } as const;
  return request(url, init, network, async (response) => {
    await discardBody(response);
    const { status } = response;
    const empty = status === 416 && response.headers.get('content-range')?.trim() === 'bytes */0';
    if (status !== 206 && status !== 200 && !empty) throw refused(url, status);
    const size = empty
      ? 0
      : status === 206
        ? contentRange(response)?.size
        : Number(response.headers.get('content-length') ?? NaN);
    if (size === undefined || Number.isNaN(size) || isCompressed(response))
      throw new BadInput(`http: ${shownUrl(url)} does not tell its size; download it and give the file`);
    return { size, ...validators(response) };
  });
}

async function receiveRange(
  url: string,
  version: Version,
  start: number,
  bytes: Uint8Array,
  response: Response,
  alive: () => void,
): Promise<void> {
  await checkResponse(url, version, start, start + bytes.length, response);
  let at = 0;
  for await (const chunk of response.body ?? []) {
    alive();
    if (at + chunk.length > bytes.length) throw new Broken(`a body of more than ${bytes.length} bytes`);
    bytes.set(chunk, at);
    at += chunk.length;
  }
  if (at < bytes.length) throw new Broken(`a body of ${at} bytes, expected ${bytes.length}`);
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Whether it is the range of the version; otherwise the connection is freed. */
async function checkResponse(
  url: string,
  version: Version,
  start: number,
  end: number,
  response: Response,
): Promise<void> {
  try {
    checkRangeOf(url, version, start, end, response);
  } catch (error) {
    await discardBody(response);
    throw error;
  }
}

function checkRangeOf(url: string, version: Version, start: number, end: number, response: Response): void {
  const { status } = response;
  const planned = idOf(version);
  if (status === 412) throw changed(url, 'status 412', planned);
  if (status === 416) throw changed(url, `no bytes [${start}, ${end}) (status 416)`, planned);
  if (status !== 206 && status !== 200) throw refused(url, status);
  const { etag, modified } = validators(response);
  if (version.etag !== undefined && etag !== undefined && opaque(etag) !== opaque(version.etag))
    throw changed(url, `ETag ${etag}`, version.etag);
  if (
    !isStrong(version.etag) &&
    version.modified !== undefined &&
    modified !== undefined &&
    modified !== version.modified
  )
    throw changed(url, `Last-Modified ${modified}`, version.modified);
  if (isCompressed(response))
    throw new BadInput(
      `http: ${shownUrl(url)} was sent compressed (${response.headers.get('content-encoding')}), expected its own bytes; download it and give the file`,
    );
  if (status === 200) {
    const whole = start === 0 && end === version.size;
    if (!whole)
      throw new BadInput(
        `http: ${shownUrl(url)} answered a request for bytes [${start}, ${end}) with the whole, expected status 206; download it, this server serves no ranges`,
      );
    const length = response.headers.get('content-length');
    if (length !== null && Number(length) !== version.size) throw changed(url, `${length} bytes`, planned);
    return;
  }
  const range = contentRange(response);
  if (range?.size !== undefined && range.size !== version.size)
    throw changed(url, `${range.size} bytes`, planned);
  if (range?.start !== start || range.end !== end)
    throw new BadInput(
      `http: ${shownUrl(url)} sent Content-Range ${response.headers.get('content-range') ?? 'none'}, expected bytes ${start}-${end - 1}/${version.size}; download it, this server serves wrong ranges`,
    );
}

/** `bytes a-b/size` of RFC 9110, 14.4, as a half-open range; no size where it is `*`. */
function contentRange(response: Response): { start: number; end: number; size?: number } | undefined {
  const found = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(response.headers.get('content-range')?.trim() ?? '');
  if (!found) return undefined;
  const size = found[3] === '*' ? {} : { size: Number(found[3]) };
  return { start: Number(found[1]), end: Number(found[2]) + 1, ...size };
}

function validators({ headers }: Response): Pick<Version, 'etag' | 'modified'> {
  const etag = headers.get('etag');
  const modified = headers.get('last-modified');
  return { ...(etag ? { etag } : {}), ...(modified ? { modified } : {}) };
}

const opaque = (etag: string): string => etag.replace(/^W\//, '');

const isCompressed = ({ headers }: Response): boolean =>
  !['', 'identity'].includes(headers.get('content-encoding') ?? '');

function checkAddress(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol))
    throw new BadInput(
      `http: ${JSON.stringify(url)} is no address, expected http://host/path or https://host/path; check its spelling`,
    );
  if (parsed.username !== '' || parsed.password !== '')
    throw new BadInput(
      `http: ${shownUrl(url)} carries a user or a password, expected none; give a signed address`,
    );
}

const changed = (url: string, found: string, expected: string): BadInput =>
  new BadInput(
    `http: ${shownUrl(url)} changed since it was planned, found ${found}, expected ${expected}; run again to plan it anew`,
  );

function refused(url: string, status: number): BadInput {
  if (status === 404 || status === 410)
    return new BadInput(`http: ${shownUrl(url)} does not exist (status ${status}); check the address`);
  if (status === 401 || status === 403)
    return new BadInput(
      `http: ${shownUrl(url)} may not be read (status ${status}); check the permission, or sign the address again if it has expired`,
    );
  return new BadInput(`http: ${shownUrl(url)} answered status ${status}, expected 206; check the address`);
}
