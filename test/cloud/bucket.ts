/** A bucket of a real S3 server behind the fault proxy, and this process's environment set to it. */
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3';
import { startCeph, type Ceph } from './ceph.ts';
import { s3 } from './client.ts';
import type { Asked, Choice, Fault } from './fault.ts';
import { startProxy, type Proxy } from './proxy.ts';

export type Bucket = {
  readonly name: string;
  readonly ceph: Ceph;
  /** Where the code under test finds S3. */
  readonly proxy: Proxy;
  /** Past the proxy. */
  readonly client: S3Client;
  /** The environment of a command. */
  readonly env: { readonly [name: string]: string };
  /** `s3://bucket/key`. */
  uri(key: string): string;
  /** Past the proxy. */
  put(key: string, bytes: Uint8Array | string): Promise<void>;
  get(key: string): Promise<Buffer>;
  list(prefix: string): Promise<string[]>;
  /** Names of objects whose uploads were neither ended nor given up. */
  uploads(): Promise<string[]>;
  stop(): Promise<void>;
};

const name = 'data';

export async function startBucket(): Promise<Bucket> {
  const ceph = await startCeph();
  const proxy = await startProxy(ceph.endpoint, { secret: ceph.secret });
  const client = s3(ceph);
  await client.send(new CreateBucketCommand({ Bucket: name }));
  const env = {
    AWS_ENDPOINT_URL_S3: proxy.endpoint,
    AWS_ACCESS_KEY_ID: ceph.key,
    AWS_SECRET_ACCESS_KEY: ceph.secret,
    AWS_REGION: ceph.region,
    AWS_EC2_METADATA_DISABLED: 'true',
  };
  Object.assign(process.env, env);
  return {
    name,
    ceph,
    proxy,
    client,
    env,
    uri: (key) => `s3://${name}/${key}`,
    async put(Key, Body) {
      await client.send(new PutObjectCommand({ Bucket: name, Key, Body }));
    },
    async get(Key) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: name, Key }));
      return Buffer.from(await Body!.transformToByteArray());
    },
    async list(Prefix) {
      const { Contents = [] } = await client.send(new ListObjectsV2Command({ Bucket: name, Prefix }));
      return Contents.map(({ Key }) => Key!);
    },
    async uploads() {
      const { Uploads = [] } = await client.send(new ListMultipartUploadsCommand({ Bucket: name }));
      return Uploads.map(({ Key }) => Key!);
    },
    async stop() {
      client.destroy();
      await proxy.stop();
      await ceph.stop();
    },
  };
}

/** The first requests that are meant meet one of the faults each, in order. */
export function first(faults: readonly Fault[], isMeant: (asked: Asked) => boolean = () => true): Choice {
  let met = 0;
  return (asked) => (met < faults.length && isMeant(asked) ? faults[met++] : undefined);
}

/** Bytes without a pattern that a mistake of order or offset could hide in. */
export function noise(size: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(size);
  let state = seed * 2654435761;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}
