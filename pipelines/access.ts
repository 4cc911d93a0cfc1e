/** The flags that say how objects in S3 are reached, the same for every command that reads some. */
import type { Command } from 'commander';
import { BadUsage } from '../core/errors.ts';
import type { Access } from '../core/job.ts';

export function addEndpoint(parser: Command): void {
  parser.option('--endpoint <url>', 'address of an S3 server that is not AWS (also AWS_ENDPOINT_URL_S3)');
}

export function addAccess(parser: Command): void {
  parser
    .option('--no-sign', 'read s3:// inputs without credentials, as public buckets allow')
    .option('--requester-pays', 'read s3:// inputs at your own cost');
  addEndpoint(parser);
}

type Given = { readonly [flag: string]: unknown };

/** Makes the endpoint known to this process and its workers, by the name that AWS's own tools know. @throws BadUsage */
export function useEndpoint({ endpoint }: Given): void {
  if (typeof endpoint !== 'string') return;
  if (!URL.canParse(endpoint) || !/^https?:/.test(endpoint))
    throw new BadUsage(`--endpoint: found ${endpoint}, expected http://host:port or https://host`);
  process.env['AWS_ENDPOINT_URL_S3'] = endpoint;
}

/** What the flags say. @throws BadUsage */
export function accessOf(given: Given): Access {
  useEndpoint(given);
  return {
    ...(given['sign'] === false ? { unsigned: true } : {}),
    ...(given['requesterPays'] === true ? { requesterPays: true } : {}),
  };
}
