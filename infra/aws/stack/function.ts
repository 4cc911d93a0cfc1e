/** One function of the stack; they differ in memory, entry and role alone. */
import { type CfnCondition, Fn } from 'aws-cdk-lib';
import { CfnEventInvokeConfig, CfnFunction } from 'aws-cdk-lib/aws-lambda';
import type { Construct } from 'constructs';
import { either, sub } from './intrinsic.ts';

/** Seconds after which a function is ended, the most there is. */
const timeout = 900;
/** MB of /tmp. */
const disk = 512;

export type Made = {
  /** Text for Fn::Sub that becomes the name. */
  readonly name: string;
  readonly megabytes: number;
  /** Export of index.mjs. */
  readonly entry: 'handler' | 'drive';
  readonly roleArn: string;
  readonly bucket: string;
  readonly logGroup: string;
};

/** What all functions share: where their code lies and where they run, and the condition that there is code. */
export type Shared = {
  readonly codeBucket: string;
  readonly codeKey: string;
  readonly subnetIds: readonly string[];
  readonly securityGroupIds: readonly string[];
  readonly condition: CfnCondition;
};

/** A function and what becomes of events it did not take: its driver owns retries, so the service has none. */
export function lambda(scope: Construct, id: string, made: Made, shared: Shared): void {
  const fn = new CfnFunction(scope, id, {
    functionName: sub(made.name),
    runtime: 'nodejs22.x',
    architectures: ['arm64'],
    handler: `index.${made.entry}`,
    memorySize: made.megabytes,
    timeout,
    ephemeralStorage: { size: disk },
    role: made.roleArn,
    code: {
      s3Bucket: Fn.conditionIf('HasCodeBucket', shared.codeBucket, made.bucket) as unknown as string,
      s3Key: shared.codeKey,
    },
    environment: { variables: { SERVERMIX_BUCKET: made.bucket, SERVERMIX_STACK: sub('${AWS::StackName}') } },
    loggingConfig: { logGroup: made.logGroup },
    vpcConfig: either('InVpc', {
      SubnetIds: shared.subnetIds,
      SecurityGroupIds: shared.securityGroupIds,
    }) as CfnFunction.VpcConfigProperty,
    // The driver calls itself until the run is over; the service would end such a chain after about sixteen calls
    // (AWS Lambda developer guide, "Use Lambda recursive loop detection").
    ...(made.entry === 'drive' ? { recursiveLoop: 'Allow' } : {}),
  });
  const invoke = new CfnEventInvokeConfig(scope, `${id}Invoke`, {
    functionName: fn.ref,
    qualifier: '$LATEST',
    maximumRetryAttempts: 0,
    maximumEventAgeInSeconds: 21600,
  });
  for (const resource of [fn, invoke]) resource.cfnOptions.condition = shared.condition;
}
