/** What the errors of S3 mean: worth another attempt, or an answer in one line. */
import { setMaxListeners } from 'node:events';
import { BadInput, BadUsage, messageOf, TaskError } from '../../core/errors.ts';
import { persist, retryAfter, type Persistence, type Setback } from '../../core/sources/persist.ts';

/** The parts of an SDK error that tell. */
type Fault = Error & {
  readonly Code?: string;
  readonly code?: string;
  readonly $metadata?: { readonly httpStatusCode?: number; readonly clockSkewCorrected?: boolean };
  readonly $response?: { readonly headers?: { readonly [name: string]: string } };
  readonly $retryable?: unknown;
};

const codeOf = (error: unknown): string =>
  (error as Partial<Fault> | undefined)?.Code ??
  (error as Partial<Fault> | undefined)?.code ??
  (error as Partial<Fault> | undefined)?.name ??
  '';
const statusOf = (error: unknown): number | undefined =>
  (error as Partial<Fault> | undefined)?.$metadata?.httpStatusCode;

const network =
  /^(ECONN|EPIPE|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|ERR_STREAM_PREMATURE_CLOSE|TimeoutError|NetworkingError|IncompleteBody|BadDigest|XAmzContentSHA256Mismatch|RequestTimeout$)/;
const busy =
  /^(SlowDown|Throttl|RequestThrottled|TooManyRequests|ServiceUnavailable|ConditionalRequestConflict|OperationAborted)/;

/**
 * Whether an error of the SDK, or of reading a body, is worth another attempt (S3 API reference, error responses).
 * A skewed clock is: the SDK has set itself by the server's date when it throws. An answer to a HEAD cannot say so.
 */
export function judge(error: unknown): Setback | undefined {
  if (cameBefore(error)) return undefined;
  const [code, status] = [codeOf(error), statusOf(error)];
  // A host of several addresses fails without a message.
  const words = [code, messageOf(error)].filter(Boolean).join(': ');
  const found = status === undefined ? words : `status ${status} (${code})`;
  const after = retryAfter((error as Fault).$response?.headers?.['retry-after']);
  if (busy.test(code) || status === 503 || status === 429) return { kind: 'throttled', found, after };
  if (code === 'ENOTFOUND')
    return {
      kind: 'lost',
      found,
      last: new BadUsage(`s3: ${messageOf(error)}: the host is unknown; check the endpoint and the network`),
    };
  if (network.test(code) || code === 'RequestTimeTooSkewed') return { kind: 'lost', found, after };
  // The SDK says so of any error where the clock is off: a refusal may be one all the same.
  if (status === 403 && (error as Fault).$metadata?.clockSkewCorrected)
    return { kind: 'lost', found, last: error as Error };
  // An answer that is no XML, or breaks off, comes as an error of the parser.
  if (status !== undefined && (status === 408 || (status >= 500 && status !== 501)))
    return { kind: 'lost', found, after };
  if (
    error instanceof Error &&
    /aborted|socket hang up|premature|deserializ/i.test(error.message) &&
    status === undefined
  )
    return { kind: 'lost', found: messageOf(error), after };
  return undefined;
}

/** How calls are repeated, where not as usual. */
export type Persisting = Pick<Persistence, 'attempts' | 'signal' | 'wait'> & {
  /** The bucket is where the user wants results, not where data come from: what is refused is BadUsage. */
  readonly isOwn?: boolean;
};

/** What a request is sent with, so that a stopped run does not wait for it. */
export type Sending = { readonly abortSignal?: AbortSignal };

export function persistence(what: string, { attempts = 8, signal, wait }: Persisting = {}): Persistence {
  // All requests under way listen to the run's, and Node would take more than ten for a leak.
  if (signal) setMaxListeners(0, signal);
  return { subject: `s3: ${what}`, judge, attempts, signal, wait };
}

/** Does something with S3 until it is done or answered; `what` names the object. @throws as `persist`, and `explain` */
export async function ask<T>(
  what: string,
  attempt: (sending: Sending) => Promise<T>,
  how: Persisting = {},
): Promise<T> {
  const sending = how.signal ? { abortSignal: how.signal } : {};
  try {
    return await persist(() => attempt(sending), persistence(what, how));
  } catch (error) {
    throw explain(what, error, how);
  }
}

/** Whether there is no such object; of a bucket that is not there nobody can tell by a HEAD. */
export const isAbsent = (error: unknown): boolean =>
  codeOf(error) !== 'NoSuchBucket' &&
  (statusOf(error) === 404 || /^(NoSuchKey|NotFound)$/.test(codeOf(error)));
/** Whether the server says that it cannot do this at all. */
export const isUnsupported = (error: unknown): boolean =>
  statusOf(error) === 501 || codeOf(error) === 'NotImplemented';
export const isPrecondition = (error: unknown): boolean =>
  statusOf(error) === 412 || codeOf(error) === 'PreconditionFailed';

const cameBefore = (error: unknown): boolean =>
  error instanceof BadInput || error instanceof BadUsage || error instanceof TaskError;

/** An answer in one line; errors that are lines already stay, and so does the reason of a stopped run. */
export function explain(what: string, error: unknown, { signal, isOwn }: Persisting = {}): Error {
  if (signal?.aborted) return signal.reason as Error;
  if (cameBefore(error)) return error as Error;
  const [code, status] = [codeOf(error), statusOf(error)];
  const cause = { cause: error };
  const Refused = isOwn ? BadUsage : BadInput;
  if (
    /CredentialsProvider|CredentialsError/.test(code) ||
    /could not load credentials/i.test(messageOf(error))
  )
    return new BadUsage(
      `s3: found no credentials for ${what}; log in as AWS's own tools want it (AWS_PROFILE, aws configure), or give --no-sign for public data`,
      cause,
    );
  if (/region is missing/i.test(messageOf(error)))
    return new BadUsage(`s3: found no region for ${what}, expected one; set AWS_REGION`, cause);
  if (/^(ExpiredToken|TokenRefreshRequired|InvalidToken)/.test(code))
    return new BadUsage(`s3: the credentials for ${what} have expired (${code}); log in again`, cause);
  if (/^(InvalidAccessKeyId|SignatureDoesNotMatch)/.test(code))
    return new BadUsage(`s3: the credentials were refused for ${what} (${code}); check them`, cause);
  if (code === 'NoSuchBucket')
    return new Refused(`s3: the bucket of ${what} does not exist; check its name`, cause);
  if (isAbsent(error)) return new Refused(`s3: ${what} does not exist; check the address`, cause);
  if (code === 'InvalidObjectState')
    return new BadInput(
      `s3: ${what} is archived, expected an object that can be read; restore it first`,
      cause,
    );
  if (status === 401 || status === 403)
    return new Refused(
      `s3: ${what} may not be used (status ${status}, ${code}); check the permission${
        isOwn ? '' : ', or give --no-sign for public and --requester-pays for such data'
      }`,
      cause,
    );
  if (status === 301 || status === 307 || status === 400)
    return new Refused(
      `s3: ${what} answered status ${status} (${code}): ${messageOf(error)}; check AWS_REGION and the endpoint`,
      cause,
    );
  return new Error(
    `s3: ${what} failed${status === undefined ? '' : ` with status ${status}`} (${code}): ${messageOf(error)}`,
    cause,
  );
}
