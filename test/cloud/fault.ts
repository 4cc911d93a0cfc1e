/** What can go wrong between a client and its server, on purpose. */
import type { IncomingHttpHeaders } from 'node:http';
import { random } from '../../datasets/random.ts';

/** What a fault is chosen by. */
export type Asked = {
  readonly method: string;
  /** With the query, as sent. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** How many requests came before this one. */
  readonly n: number;
};

export type Fault =
  /** An answer of the proxy's own; the target sees nothing. Without a body, 503 is S3's SlowDown or Lambda's ServiceException. */
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly headers?: { readonly [name: string]: string };
      readonly body?: string;
    }
  /** The target gets the request's body with one bit of its middle byte turned; a request without a body stays as it is. */
  | { readonly kind: 'flip' }
  /** The connection is reset before the target sees anything. */
  | { readonly kind: 'reset' }
  /** The connection ends after so many bytes of the answer's body; a body no longer than that is whole. */
  | { readonly kind: 'cut'; readonly after: number }
  /** The request waits so many ms before the target sees it. */
  | { readonly kind: 'slow'; readonly delay: number }
  /** The answer's body comes in pieces of so many bytes, with a pause in ms after each. */
  | { readonly kind: 'trickle'; readonly bytes: number; readonly pause: number }
  /** The target sees the request twice, one after the other, and the client the second answer. */
  | { readonly kind: 'duplicate' }
  /** The target sees the request, the client no answer but the end of the connection. */
  | { readonly kind: 'lose' }
  /**
   * The server's clock is so many ms ahead: its Date headers say so, and it refuses what was signed more than 15 minutes
   * from its time. The target gets the request signed anew at the true time.
   */
  | { readonly kind: 'skew'; readonly ms: number }
  /** The target does not see a header of the request, as if it had never heard of it. */
  | { readonly kind: 'strip'; readonly header: string };

export type Choice = (asked: Asked) => Fault | undefined;

/** A share `rate` of the requests meets one of `faults`, all alike likely; which request meets which follows from `seed` and its number. */
export function randomly(seed: number, rate: number, faults: readonly Fault[]): Choice {
  return ({ n }) => {
    const stream = random(seed, 'fault', n);
    return stream.chance(rate) ? faults[stream.below(faults.length)] : undefined;
  };
}

/** An answer that a server gives itself. */
export type Refusal = {
  readonly status: number;
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
};

/** An error as the service that the path belongs to would word it. */
export function refusal(path: string, status: number, s3: string, lambda: string, message: string): Refusal {
  if (path.startsWith('/2015-03-31/'))
    return {
      status,
      headers: { 'content-type': 'application/json', 'x-amzn-errortype': lambda },
      body: JSON.stringify({ Type: status < 500 ? 'User' : 'Service', message }),
    };
  return {
    status,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0" encoding="UTF-8"?><Error><Code>${s3}</Code><Message>${message}</Message></Error>`,
  };
}
