/** Clients of S3: one a way of access, each attempt counted, retries left to us. */
import { Agent as HttpAgent } from 'node:http';
import { Agent } from 'node:https';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { Access } from '../../core/job.ts';
import { count } from './meter.ts';

// Said on standard error otherwise, once a worker.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

/** Where S3 is, when it is not AWS's: the variables that all of AWS's tools know. */
export const endpoint = (): string | undefined =>
  process.env['AWS_ENDPOINT_URL_S3'] || process.env['AWS_ENDPOINT_URL'] || undefined;

/** Milliseconds to a connection, and of silence on one. */
const [connecting, silent] = [5_000, 30_000];
const connections = { keepAlive: true, maxSockets: 256, scheduling: 'lifo' as const };

const clients = new Map<string, S3Client>();

/**
 * The client for a way of access. Credentials and region come from where AWS's tools look for them (environment, profile, role); unsigned
 * requests do without. One attempt a call: who calls decides on another.
 */
export function s3({ unsigned = false }: Access = {}): S3Client {
  const id = `${unsigned} ${endpoint() ?? ''}`;
  let client = clients.get(id);
  if (!client) clients.set(id, (client = make(unsigned)));
  return client;
}

function make(unsigned: boolean): S3Client {
  const regionless = !process.env['AWS_REGION'] && (unsigned || endpoint() !== undefined);
  const config: S3ClientConfig = {
    maxAttempts: 1,
    followRegionRedirects: true,
    // Content-MD5 goes with every write instead, which every server verifies; checksums in trailers some refuse.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: connecting,
      // Not the handler's requestTimeout, which counts the sending of a long part too, and ends with the answer's head.
      socketTimeout: silent,
      httpAgent: new HttpAgent(connections),
      httpsAgent: new Agent(connections),
    },
    // Servers of one's own seldom have a name for each bucket.
    ...(endpoint() === undefined ? {} : { endpoint: endpoint()!, forcePathStyle: true }),
    ...(regionless ? { region: 'us-east-1' } : {}),
    ...(unsigned
      ? {
          credentials: { accessKeyId: '', secretAccessKey: '' },
          signer: { sign: async (request) => request },
        }
      : {}),
  };
  const client = new S3Client(config);
  client.middlewareStack.add(
    (next, { commandName }) =>
      (args) => {
        count(commandName ?? '');
        return next(args);
      },
    { step: 'finalizeRequest', name: 'meter' },
  );
  return client;
}
