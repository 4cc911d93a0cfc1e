/** All that runs on functions need, on this machine: Ceph, a Lambda service with the functions as they ship, and a stack's names in a folder. */
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
} from '@aws-sdk/client-s3';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { startCeph, type Ceph } from './ceph.ts';
import { s3 } from './client.ts';
import { startLambda, type LambdaService } from './lambda/service.ts';
import type { LambdaOptions } from './lambda/settings.ts';
import { startProxy, type Proxy } from './proxy.ts';
import type { Cloud } from './site.ts';
import { root } from '../root.ts';

export type Stand = {
  /** Where commands are to be run: its stack is known there. */
  readonly folder: string;
  readonly env: NodeJS.ProcessEnv;
  readonly bucket: string;
  readonly ceph: Ceph;
  readonly lambda: LambdaService;
  /** Before S3 for the driver alone; before Lambda. */
  readonly s3Proxy: Proxy;
  readonly lambdaProxy: Proxy;
  /** Copies a local file into the bucket; gives its address. */
  put(path: string): Promise<string>;
  read(uri: string): Promise<Buffer>;
  /** Addresses that start so. */
  list(uri: string): Promise<string[]>;
  stop(): Promise<void>;
};

export type StandOptions = {
  /** Environments of each worker function. */
  readonly environments?: number;
  readonly ladder?: readonly number[];
  /** Time limits of workers and of the driver. */
  readonly seconds?: number;
  readonly driverSeconds?: number;
  readonly lambda?: Partial<LambdaOptions>;
};

const bucket = 'servermix-data';
const stack = 'servermix';

export async function startStand({ ricFolder }: Cloud, options: StandOptions = {}): Promise<Stand> {
  const { environments = 4, ladder = [512, 1024], seconds = 60, driverSeconds = 60 } = options;
  const folder = await mkdtemp(join(tmpdir(), 'servermix-stand-'));
  const ceph = await startCeph();
  const client = s3(ceph);
  await client.send(new CreateBucketCommand({ Bucket: bucket }));
  const access = {
    AWS_ACCESS_KEY_ID: ceph.key,
    AWS_SECRET_ACCESS_KEY: ceph.secret,
    AWS_REGION: ceph.region,
  };
  const code = join(root, 'dist/lambda');
  const env = {
    ...access,
    AWS_ENDPOINT_URL_S3: ceph.endpoint,
    SERVERMIX_BUCKET: bucket,
    SERVERMIX_STACK: stack,
  };
  const lambda = await startLambda({
    ricFolder,
    key: ceph.key,
    secret: ceph.secret,
    functions: [
      ...ladder.map((megabytes) => ({
        name: `${stack}-${megabytes}`,
        megabytes,
        seconds,
        folder: code,
        handler: 'index.handler',
        environments,
        env,
      })),
      {
        name: `${stack}-driver`,
        megabytes: 512,
        seconds: driverSeconds,
        folder: code,
        handler: 'index.drive',
        environments: 2,
        env,
      },
    ],
    ...options.lambda,
  });
  const [s3Proxy, lambdaProxy] = await Promise.all([startProxy(ceph.endpoint), startProxy(lambda.endpoint)]);
  await mkdir(join(folder, '.servermix/stacks'), { recursive: true });
  await writeFile(
    join(folder, `.servermix/stacks/${stack}.json`),
    JSON.stringify({ stack, region: ceph.region, bucket, ladder }),
  );
  const parse = (uri: string): { Bucket: string; Key: string } => {
    const [, Bucket, Key] = /^s3:\/\/([^/]+)\/(.*)$/.exec(uri)!;
    return { Bucket: Bucket!, Key: Key! };
  };
  return {
    folder,
    bucket,
    ceph,
    lambda,
    s3Proxy,
    lambdaProxy,
    env: {
      ...process.env,
      ...access,
      AWS_ENDPOINT_URL_S3: s3Proxy.endpoint,
      AWS_ENDPOINT_URL_LAMBDA: lambdaProxy.endpoint,
    },
    async put(path) {
      const Key = `in/${basename(path)}`;
      await client.send(new PutObjectCommand({ Bucket: bucket, Key, Body: readFileSync(path) }));
      return `s3://${bucket}/${Key}`;
    },
    async read(uri) {
      const { Body } = await client.send(new GetObjectCommand(parse(uri)));
      return Buffer.from(await Body!.transformToByteArray());
    },
    async list(uri) {
      const { Bucket, Key } = parse(uri);
      const found: string[] = [];
      let token: string | undefined;
      do {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket, Prefix: Key, ...(token ? { ContinuationToken: token } : {}) }),
        );
        for (const object of page.Contents ?? []) found.push(`s3://${Bucket}/${object.Key}`);
        token = page.NextContinuationToken;
      } while (token !== undefined);
      return found;
    },
    async stop() {
      client.destroy();
      await Promise.all([s3Proxy.stop(), lambdaProxy.stop()]);
      await lambda.stop();
      await ceph.stop();
      await rm(folder, { recursive: true });
    },
  };
}
