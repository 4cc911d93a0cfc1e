/** An S3 client as the tests need it: no retries of its own, so that each fault is seen. */
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import type { Ceph } from './ceph.ts';

// Said on standard error otherwise.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

/** A client of the Ceph server, or of the proxy before it at `endpoint`. */
export function s3(ceph: Ceph, endpoint = ceph.endpoint, config: S3ClientConfig = {}): S3Client {
  return new S3Client({
    endpoint,
    region: ceph.region,
    forcePathStyle: true,
    credentials: { accessKeyId: ceph.key, secretAccessKey: ceph.secret },
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    maxAttempts: 1,
    ...config,
  });
}
