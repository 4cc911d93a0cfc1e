/** From flags to AWS Lambda as a backend. */
import { BadUsage, messageOf } from '../core/errors.ts';
import type { Backend, Inputs } from '../core/job.ts';
import { isSigned, redact } from '../core/redact.ts';
import { Broken, persist, type Setback } from '../core/sources/persist.ts';
import { s3 } from '../infra/aws/client.ts';
import { ask } from '../infra/aws/faults.ts';
import { parseAddress } from '../infra/aws/address.ts';
import {
  type Deployment,
  driverName,
  functionName,
  ladder,
  readDeployment,
  storeOf,
} from '../infra/aws/deployment.ts';
import { lambda } from '../infra/aws/lambda/backend.ts';
import { type Invoker, invoker, lambdaEndpoint } from '../infra/aws/lambda/invoke.ts';
import type { Order } from '../infra/aws/lambda/wire.ts';
import type { BucketStore } from '../infra/aws/store.ts';
import { type Globals, usualCalls } from './arguments.ts';
import { isRemote } from './storage.ts';

/**
 * The stack that the flags name: as it was written down when it was deployed, or, where that was elsewhere, as `--store` and the region tell.
 * @throws BadUsage when neither is there
 */
export async function deploymentOf({ stack, store }: Pick<Globals, 'stack' | 'store'>): Promise<Deployment> {
  const known = await readDeployment(stack);
  if (known) return known;
  if (store === undefined || !/^s3:/i.test(store))
    throw new BadUsage(
      `--on lambda: found no stack ${stack} deployed from this folder; run servermix deploy aws, or give its store with --store s3://bucket/store`,
    );
  const region = await ask(store, () => s3().config.region());
  return { stack, region, bucket: parseAddress(store).bucket, ladder };
}

/** The store that the flags name, or the stack's own. @throws BadUsage where functions could not write to it */
export function storeFor({ store }: Pick<Globals, 'store'>, { bucket, stack }: Deployment): string {
  const uri = store ?? storeOf(bucket);
  if (!/^s3:/i.test(uri) || parseAddress(uri).bucket !== bucket)
    throw new BadUsage(
      `--store ${uri}: functions of the stack ${stack} keep their results in s3://${bucket} only; leave --store away or give s3://${bucket}/prefix`,
    );
  return uri;
}

/** Calls functions of a region, with the credentials that S3 is used with. */
const invokerOf = (region: string, connections: number): Invoker => {
  const endpoint = lambdaEndpoint();
  return invoker({
    region,
    connections,
    credentials: s3().config.credentials,
    ...(endpoint === undefined ? {} : { endpoint }),
  });
};

export type Calls = { readonly workers?: number; readonly pack: number };

/** The functions of a stack as a backend. */
export function functions(
  { stack, region, ladder: sizes }: Deployment,
  { workers = usualCalls, pack }: Calls,
  store: BucketStore,
  storeUri: string,
  run: string,
): Backend {
  return lambda({
    invoker: invokerOf(region, workers),
    functionName: (megabytes) => functionName(stack, megabytes),
    ladder: sizes,
    store,
    storeUri,
    calls: workers,
    pack,
    run,
  });
}

/**
 * Starts a function that drives a run, in as many attempts as that takes: of two deliveries of one order the second does nothing, but a run whose order was not taken
 * would stand still. @throws Error when Lambda does not take it
 */
export async function startDriver(order: Order): Promise<void> {
  const { stack, region } = order.deployment;
  const lambda = invokerOf(region, 1);
  const name = driverName(stack);
  const signal = AbortSignal.timeout(60_000);
  try {
    const { status, body } = await persist(
      async () => {
        const answer = await lambda.invoke(name, JSON.stringify(order), { type: 'Event', signal });
        if (answer.status === 429 || answer.status >= 500) throw new Broken(`status ${answer.status}`);
        return answer;
      },
      { subject: `lambda: the order to ${name}`, judge: setback, signal },
    );
    if (status === 404)
      throw new BadUsage(
        `lambda: ${name} does not exist; deploy it with servermix deploy aws, or name its stack with --stack`,
      );
    if (status !== 202)
      throw new Error(`lambda: ${name} did not take the order: status ${status} ${body.slice(0, 200)}`);
  } finally {
    lambda.close();
  }
}

/** Of the network, whose errors have a code; others are of the credentials, and an answer. */
const setback = (error: unknown): Setback | undefined =>
  typeof (error as NodeJS.ErrnoException).code === 'string'
    ? { kind: 'lost', found: messageOf(error) || (error as NodeJS.ErrnoException).code! }
    : undefined;

/** Functions reach no files of this machine, and signed addresses would stand in their calls. @throws BadUsage */
export function checkReachable(inputs: Inputs): void {
  for (const { uri } of Object.values(inputs).flat()) {
    if (!isRemote(uri))
      throw new BadUsage(
        `--on lambda: ${uri} lies on this machine; copy it to a bucket (aws s3 cp) and give s3://bucket/key`,
      );
    if (isSigned(uri))
      throw new BadUsage(
        `--on lambda: the address ${redact(uri)} carries a credential, which is not handed on; give s3://bucket/key and let the functions read it`,
      );
  }
}
