/** What AWS charges, as published; the one place with dollars in it. */
import type { Bill } from '../../core/job.ts';

/** US East (N. Virginia), Arm functions, S3 Standard; list prices without the free tier, read on `date` (aws.amazon.com/lambda/pricing, aws.amazon.com/s3/pricing). */
export const prices = {
  date: '2026-11-25',
  region: 'us-east-1',
  /** Dollars a GB-second and a call. */
  gbSecond: 0.0000133334,
  invocation: 0.2e-6,
  /** Dollars a request: GET and HEAD; PUT, COPY, POST and LIST. */
  get: 0.0004e-3,
  put: 0.005e-3,
} as const;

/** Dollars. */
export const dollarsOf = ({ invocations, gbSeconds, gets, puts }: Bill): number =>
  invocations * prices.invocation + gbSeconds * prices.gbSecond + gets * prices.get + puts * prices.put;
