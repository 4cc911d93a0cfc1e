/** What AWS refuses, and why it cannot be reached, in a line that says what to do. */
import { BadUsage, messageOf } from '../../core/errors.ts';

type Answer = {
  readonly name?: string;
  readonly code?: string;
  readonly $metadata?: { httpStatusCode?: number };
};

const unreachable =
  /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EPIPE)$/;

/**
 * The error to throw for one that a client of `service` threw: BadUsage where credentials, permissions or the region are wrong. The
 * service's own text is left out where it quotes the request.
 */
export function refusal(error: unknown, service: string): Error {
  const { name = '', code = '', $metadata } = (error ?? {}) as Answer;
  const text = messageOf(error).replace(/\s+/g, ' ').trim();
  const usage = (line: string): Error => new BadUsage(`${service}: ${line}`, { cause: error });
  if (name === 'CredentialsProviderError')
    return usage(
      'found no credentials, expected some; set AWS_PROFILE, sign in with aws sso login, or run aws configure',
    );
  if (/^(ExpiredToken|RequestExpired|TokenRefreshRequired)/.test(name))
    return usage('the credentials have expired; renew them, say with aws sso login');
  if (
    /^(InvalidClientTokenId|InvalidAccessKeyId|SignatureDoesNotMatch|UnrecognizedClient|InvalidToken)/.test(
      name,
    )
  )
    return usage('the credentials are not known or do not fit; check AWS_PROFILE or run aws configure');
  if (/Region is missing/.test(text))
    return usage('found no region, expected one; give --region or set AWS_REGION');
  if (/^(AccessDenied|NotAuthorized|UnauthorizedOperation)/.test(name) || $metadata?.httpStatusCode === 403) {
    const said = text === '' || text.startsWith('Unknown') ? 'access denied' : text;
    return usage(`${said}; use credentials that may do this, or have them allowed to`);
  }
  const lost = [code, name].find((each) => unreachable.test(each) || each === 'TimeoutError');
  if (lost !== undefined)
    return new Error(`${service}: no answer (${lost}); check the network and --region, then try again`, {
      cause: error,
    });
  return new Error(`${service}: ${text}`, { cause: error });
}

/** Calls, and throws `refusal` for what the service throws; what was stopped stays as it is. */
export async function asking<T>(service: string, signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    signal.throwIfAborted();
    throw refusal(error, service);
  }
}
