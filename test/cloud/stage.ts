/** All that a run on functions needs, for the tests: S3 and Lambda, a proxy before each, and functions with the toy jobs. */
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { lambda, type LambdaOptions } from '../../infra/aws/lambda/backend.ts';
import { type Invoker, invoker } from '../../infra/aws/lambda/invoke.ts';
import { type BucketStore, bucketStore } from '../../infra/aws/store.ts';
import type { Backend } from '../../core/job.ts';
import { type Ceph, startCeph } from './ceph.ts';
import { s3 } from './client.ts';
import { type LambdaService, startLambda } from './lambda/service.ts';
import type { LambdaOptions as ServiceOptions } from './lambda/settings.ts';
import { type Proxy, startProxy } from './proxy.ts';

/** MB of the functions: what an idle worker takes, and enough for two tasks that need more, since what the first one leaves is not swept at once. */
export const sizes = [192, 768] as const;
/** Seconds that they may take: on a busy machine, those that run out of memory need some of them for it. */
export const seconds = 6;
export const bucket = 'functions';
const region = 'us-east-1';

export type Stage = {
  readonly ceph: Ceph;
  readonly service: LambdaService;
  /** Before S3, as functions and driver see it. */
  readonly storage: Proxy;
  /** Before Lambda, as the driver sees it. */
  readonly calls: Proxy;
  invoker(connections?: number): Invoker;
  /** A store of its own, and a backend over it. */
  backend(options: Partial<LambdaOptions> & Pick<LambdaOptions, 'run'>): {
    readonly backend: Backend;
    readonly store: BucketStore;
  };
  stop(): Promise<void>;
};

export type StageOptions = Pick<ServiceOptions, 'ricFolder'> & {
  /** Environments of each function. */
  readonly environments: number;
  readonly service?: Partial<ServiceOptions>;
  readonly credentials?: Awaited<ReturnType<Parameters<typeof invoker>[0]['credentials']>>;
};

const variables = ['AWS_ENDPOINT_URL_S3', 'AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY', 'AWS_REGION'];

/** Starts all of it, in about four seconds; sets the variables by which S3 is found until it is stopped. */
export async function startStage(options: StageOptions): Promise<Stage> {
  const { ricFolder, environments, service: more = {} } = options;
  const folder = await mkdtemp(join(tmpdir(), 'servermix-functions-'));
  const [ceph] = await Promise.all([startCeph(), bundle(folder)]);
  const admin = s3(ceph);
  await admin.send(new CreateBucketCommand({ Bucket: bucket }));
  admin.destroy();
  const storage = await startProxy(ceph.endpoint, { secret: ceph.secret });
  const env = {
    AWS_ENDPOINT_URL_S3: storage.endpoint,
    AWS_ACCESS_KEY_ID: ceph.key,
    AWS_SECRET_ACCESS_KEY: ceph.secret,
  };
  const { accessKeyId: key = 'AK', secretAccessKey: secret = 'SK' } = options.credentials ?? {};
  const service = await startLambda({
    ricFolder,
    key,
    secret,
    functions: sizes.map((megabytes) => ({
      name: `toys-${megabytes}`,
      megabytes,
      seconds,
      folder,
      handler: 'index.handler',
      environments,
      env: { ...env, SERVERMIX_BUCKET: bucket },
    })),
    ...more,
  });
  const calls = await startProxy(service.endpoint, { secret });
  const before = variables.map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, { ...env, AWS_REGION: region });
  const credentials = options.credentials ?? { accessKeyId: key, secretAccessKey: secret };
  const call = (connections = 100): Invoker =>
    invoker({ region, connections, endpoint: calls.endpoint, credentials: async () => credentials });
  return {
    ceph,
    service,
    storage,
    calls,
    invoker: call,
    backend(how) {
      const storeUri = `s3://${bucket}/${how.run}`;
      const store = how.store ?? bucketStore(storeUri);
      const made = lambda({
        invoker: call(),
        functionName: (megabytes) => `toys-${megabytes}`,
        ladder: sizes,
        store,
        storeUri,
        calls: environments,
        ...how,
      });
      return { backend: made, store };
    },
    async stop() {
      for (const [name, value] of before)
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      await Promise.all([calls.stop(), service.stop(), storage.stop()]);
      await ceph.stop();
      await rm(folder, { recursive: true });
    },
  };
}

/** The functions' code, as a deployment has it. */
async function bundle(folder: string): Promise<void> {
  await build({
    input: { index: fileURLToPath(new URL('./toyfunction.js', import.meta.url)) },
    platform: 'node',
    logLevel: 'warn',
    output: { dir: folder, format: 'esm', entryFileNames: '[name].mjs', chunkFileNames: '[name].mjs' },
  });
}
