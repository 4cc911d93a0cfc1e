/** What the stack keeps: a bucket of results, finished tasks and code, and the logs of its functions. */
import { CfnDeletionPolicy } from 'aws-cdk-lib';
import { CfnLogGroup } from 'aws-cdk-lib/aws-logs';
import { CfnBucket, CfnBucketPolicy } from 'aws-cdk-lib/aws-s3';
import type { Construct } from 'constructs';
import { sub } from './intrinsic.ts';

/** Days that logs are kept. */
const retention = 14;

/** The bucket. `keepDays` is how long finished tasks stay for resuming; results never expire. */
export function storage(scope: Construct, keepDays: number): CfnBucket {
  const bucket = new CfnBucket(scope, 'Bucket', {
    bucketEncryption: {
      serverSideEncryptionConfiguration: [{ serverSideEncryptionByDefault: { sseAlgorithm: 'AES256' } }],
    },
    publicAccessBlockConfiguration: {
      blockPublicAcls: true,
      blockPublicPolicy: true,
      ignorePublicAcls: true,
      restrictPublicBuckets: true,
    },
    lifecycleConfiguration: {
      rules: [
        { id: 'tasks', status: 'Enabled', prefix: 'store/', expirationInDays: keepDays },
        { id: 'uploads', status: 'Enabled', abortIncompleteMultipartUpload: { daysAfterInitiation: 1 } },
      ],
    },
  });
  const policy = new CfnBucketPolicy(scope, 'BucketPolicy', {
    bucket: bucket.ref,
    policyDocument: {
      Version: '2012-10-17',
      Statement: [
        {
          Effect: 'Deny',
          Action: 's3:*',
          Principal: '*',
          Resource: [bucket.attrArn, sub('${Arn}/*', { Arn: bucket.attrArn })],
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
      ],
    },
  });
  // Results outlive the stack; a stack that never came to be leaves no bucket.
  for (const kept of [bucket, policy]) {
    kept.cfnOptions.deletionPolicy = CfnDeletionPolicy.RETAIN_EXCEPT_ON_CREATE;
    kept.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.RETAIN;
  }
  return bucket;
}

/** The log group of `what`, gone with the stack. */
export function logs(scope: Construct, id: string, what: string): CfnLogGroup {
  const group = new CfnLogGroup(scope, id, {
    logGroupName: sub(`/servermix/\${AWS::StackName}/${what}`),
    retentionInDays: retention,
  });
  group.cfnOptions.deletionPolicy = CfnDeletionPolicy.DELETE;
  group.cfnOptions.updateReplacePolicy = CfnDeletionPolicy.DELETE;
  return group;
}
