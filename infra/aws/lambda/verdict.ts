/** What came of a call, in the terms of the engine. */
import type { Failure } from '../../../core/errors.ts';
import type { Invoked } from './invoke.ts';
import type { Answer } from './wire.ts';

/** `ran`: the function has begun, or may have, and is paid for. */
export type Verdict =
  | { readonly answer: Answer }
  | { readonly failure: Failure; readonly message: string; readonly ran: boolean };
type Say = (failure: Failure, message: string) => Verdict;

/** The error that Lambda reports of a function (Lambda developer guide, errors of a runtime and of Invoke). */
type Reported = { readonly errorType?: string; readonly errorMessage?: string };

/** An answer of Lambda's: the function's own, or why there is none. `name` is the function's. */
export function verdictOf({ status, headers, body }: Invoked, name: string): Verdict {
  const say =
    (ran: boolean): Say =>
    (failure, message) => ({ failure, message: `lambda: ${message}`, ran });
  if (status >= 400)
    return refusal(status, `${headers['x-amzn-errortype'] ?? ''}`.split(':')[0]!, body, name, say(false));
  if (headers['x-amz-function-error'] !== undefined) return crash(parse(body) ?? {}, name, say(true));
  const answer = parse(body) as Answer | undefined;
  if (!answer || !Array.isArray(answer.replies))
    return say(true)('lost', `${name} gave no answer that can be read; deploy again if that lasts`);
  return { answer };
}

function refusal(status: number, type: string, body: string, name: string, say: Say): Verdict {
  const reported = parse(body) as { Message?: string; message?: string; Reason?: string } | undefined;
  const what = `${name} was not called: ${type || `status ${status}`}${reported?.Reason ? ` (${reported.Reason})` : ''}`;
  const why = reported?.Message ?? reported?.message ?? '';
  if (
    status === 429 ||
    /^(TooManyRequests|ENILimitReached|EC2Throttled|SnapStartNotReady|ResourceNotReady)/.test(type)
  )
    return say('throttled', what);
  if (status === 404 || type === 'ResourceNotFoundException')
    return say(
      'user',
      `${name} does not exist; deploy it with servermix deploy aws, or name its stack with --stack`,
    );
  if (status === 401 || status === 403)
    return say('user', `${what}: ${why}; check the credentials and their right to call it`);
  if (status === 413)
    return say('user', `${what}: ${why}; the parts are too long for a call: give a larger --split`);
  if (status >= 500 || status === 408) return say('lost', what);
  return say('user', `${what}: ${why}`);
}

function crash({ errorType = '', errorMessage = '' }: Reported, name: string, say: Say): Verdict {
  const text = `${errorType} ${errorMessage}`;
  if (errorType === 'Sandbox.Timedout' || /timed out after/i.test(errorMessage))
    return say('timeout', `${name}: ${errorMessage.replace(/^.*(?=Task timed out)/, '')}`);
  if (/Runtime\.OutOfMemory|signal: (killed|aborted)|heap out of memory/i.test(text))
    return say('oom', `${name} ran out of memory (${errorMessage || errorType})`);
  if (
    /^Runtime\.(ImportModuleError|HandlerNotFound|MalformedHandlerName|UserCodeSyntaxError)|InvalidEntrypoint|InvalidImage/.test(
      errorType,
    )
  )
    return say('user', `${name} cannot start: ${errorMessage}; deploy it again`);
  // Whatever else ended it is no answer of a task: those come as replies.
  return say('lost', `${name} ended: ${text.trim()}`);
}

function parse(body: string): Reported | undefined {
  try {
    const value: unknown = JSON.parse(body);
    return value !== null && typeof value === 'object' ? value : undefined;
  } catch {
    return undefined;
  }
}
