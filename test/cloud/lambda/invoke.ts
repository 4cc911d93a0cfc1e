/** The Invoke API: checks a request as Lambda does, and words the answer. */
import { createHash, randomUUID, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { random } from '../../../datasets/random.ts';
import { authorizationOf, signatureOf, signedAt } from '../signature.ts';
import type { Fleet } from './fleet.ts';
import { arnOf, quotas, type LambdaOptions } from './settings.ts';

/** An error of the service itself: the function has not run. */
type Refusal = { readonly status: number; readonly type: string; readonly body: object };

const path = /^\/2015-03-31\/functions\/([^/?]+)\/invocations(?:\?.*)?$/;

export type Invoker = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

/** Answers the requests for these functions. */
export function invoker(
  fleets: ReadonlyMap<string, Fleet>,
  { key = 'AK', secret = 'SK', duplicate }: LambdaOptions,
): Invoker {
  let events = 0;
  return async (request, response) => {
    const requestId = randomUUID();
    const { headers } = request;
    response.setHeader('x-amzn-requestid', requestId);
    const event = headers['x-amz-invocation-type'] === 'Event';
    const body = await read(request, event ? quotas.event : quotas.request);
    const name = nameOf(request.url!);
    const fleet = fleets.get(name);
    const refusal = unsigned(request, body, key, secret) ?? unfit(name, fleet, body, event);
    if (refusal) return refuse(response, refusal);
    if (headers['x-amz-invocation-type'] === 'DryRun') return void response.writeHead(204).end();
    const payload = body.bytes.length === 0 ? '{}' : body.bytes;
    const delivery = { requestId, function: name, payload };
    if (event) {
      const twice = duplicate && random(duplicate.seed, 'duplicate', events++).chance(duplicate.rate);
      for (let n = 0; n < (twice ? 2 : 1); n++) fleet!.enqueue(delivery);
      return void response.writeHead(202).end();
    }
    const running = fleet!.invoke(delivery);
    if (typeof running === 'string')
      return refuse(response, {
        status: 429,
        type: 'TooManyRequestsException',
        body: { Reason: running, Type: 'User', message: 'Rate Exceeded.' },
      });
    const result = await running;
    response.setHeader('content-type', 'application/json');
    response.setHeader('x-amz-executed-version', '$LATEST');
    if (result.outcome !== 'ok') response.setHeader('x-amz-function-error', 'Unhandled');
    if (headers['x-amz-log-type'] === 'Tail')
      response.setHeader(
        'x-amz-log-result',
        Buffer.from(result.log).subarray(-quotas.log).toString('base64'),
      );
    response.writeHead(200, { 'content-length': result.body.length }).end(result.body);
  };
}

/** The name in NAME, NAME:QUALIFIER or a whole ARN; '' where the path is none of the API's. */
function nameOf(url: string): string {
  const given = decodeURIComponent(path.exec(url)?.[1] ?? '');
  return /^(?:arn:aws:lambda:[^:]+:\d{12}:function:)?([\w-]+)(?::[\w$-]+)?$/.exec(given)?.[1] ?? given;
}

type Body = { readonly bytes: Buffer; readonly size: number; readonly digest: string };

/** Reads to the end, so that the client can read the answer, but keeps no more than is allowed. */
async function read(request: IncomingMessage, limit: number): Promise<Body> {
  const hash = createHash('sha256');
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk);
    size += chunk.length;
    if (size <= limit) chunks.push(chunk);
  }
  return { bytes: Buffer.concat(chunks), size, digest: hash.digest('hex') };
}

/** Why the request is not from whom it claims. */
function unsigned(request: IncomingMessage, body: Body, key: string, secret: string): Refusal | undefined {
  const forbidden = (type: string, message: string): Refusal => ({ status: 403, type, body: { message } });
  const { headers } = request;
  const authorization = authorizationOf(headers);
  const at = signedAt(headers);
  if (headers.authorization === undefined)
    return forbidden('MissingAuthenticationTokenException', 'Missing Authentication Token');
  if (!authorization || at === undefined)
    return forbidden(
      'IncompleteSignatureException',
      'Authorization header requires Credential, SignedHeaders and Signature, and x-amz-date.',
    );
  if (authorization.key !== key)
    return forbidden('UnrecognizedClientException', 'The security token included in the request is invalid.');
  if (Math.abs(at - Date.now()) > quotas.skew)
    return forbidden(
      'InvalidSignatureException',
      `Signature expired: ${new Date(at).toISOString()} is not close to ${new Date().toISOString()}`,
    );
  const claimed = headers['x-amz-content-sha256'];
  const expected = signatureOf(
    { method: request.method!, url: request.url!, headers },
    authorization,
    secret,
    body.digest,
  );
  const genuine =
    authorization.scope.split('/')[2] === 'lambda' &&
    authorization.names.includes('host') &&
    (claimed === undefined || claimed === body.digest) &&
    timingSafeEqual(Buffer.from(expected), Buffer.from(authorization.signature));
  return genuine
    ? undefined
    : forbidden(
        'InvalidSignatureException',
        'The request signature we calculated does not match the signature you provided.',
      );
}

/** Why the function cannot be called like this. */
function unfit(name: string, fleet: Fleet | undefined, body: Body, event: boolean): Refusal | undefined {
  if (!fleet)
    return {
      status: 404,
      type: 'ResourceNotFoundException',
      body: { Type: 'User', Message: `Function not found: ${arnOf(name)}` },
    };
  const limit = event ? quotas.event : quotas.request;
  if (body.size > limit)
    return {
      status: 413,
      type: 'RequestTooLargeException',
      body: {
        Type: 'User',
        message: `Request must be smaller than ${limit} bytes for the InvokeFunction operation`,
      },
    };
  try {
    if (body.size > 0) JSON.parse(body.bytes.toString());
    return undefined;
  } catch (error) {
    return {
      status: 400,
      type: 'InvalidRequestContentException',
      body: {
        Type: 'User',
        message: `Could not parse request body into json: ${(error as Error).message}`,
      },
    };
  }
}

function refuse(response: ServerResponse, { status, type, body }: Refusal): void {
  response.writeHead(status, { 'content-type': 'application/json', 'x-amzn-errortype': type });
  response.end(JSON.stringify(body));
}
