/** The stack in CDK: a bucket, a ladder of functions, the driver's function, two roles, logs and alarms. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, CfnOutput, type IStackSynthesizer, LegacyStackSynthesizer, Stack } from 'aws-cdk-lib';
import { CfnSubscription, CfnTopic } from 'aws-cdk-lib/aws-sns';
import { driverName, functionName, ladder, storeOf } from '../deployment.ts';
import { alarms } from './alarms.ts';
import { lambda } from './function.ts';
import { sub } from './intrinsic.ts';
import { conditions, parameters } from './parameter.ts';
import { role } from './policy.ts';
import { logs, storage } from './storage.ts';

// Named by pattern, not by reference: the driver's role names the driver, which has that role.
const workers = ladder.map((megabytes) => ({
  name: functionName('${AWS::StackName}', megabytes),
  megabytes,
}));
/** It waits for others most of the time: one vCPU. */
const driver = { name: driverName('${AWS::StackName}'), megabytes: ladder[0] };
const arnOf = ({ name }: { name: string }): string =>
  `arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:${name}`;

function build(stack: Stack): void {
  stack.templateOptions.description = 'servermix: batch jobs on functions, with one bucket for their data';
  const given = parameters(stack);
  const { hasCode, hasEmail } = conditions(stack, given);
  const bucket = storage(stack, given.KeepDays.valueAsNumber);
  const workerLogs = logs(stack, 'WorkerLogs', 'workers');
  const driverLogs = logs(stack, 'DriverLogs', 'driver');

  const reach = { bucketArn: bucket.attrArn, inputArns: given.InputArns.valueAsList };
  const workerRole = role(stack, 'WorkerRole', {
    ...reach,
    logArn: workerLogs.attrArn,
    invokes: [],
    of: workers.map(arnOf),
  });
  const driverRole = role(stack, 'DriverRole', {
    ...reach,
    logArn: driverLogs.attrArn,
    invokes: [...workers, driver].map(arnOf),
    of: [arnOf(driver)],
  });

  const shared = {
    codeBucket: given.CodeBucket.valueAsString,
    codeKey: given.CodeKey.valueAsString,
    subnetIds: given.SubnetIds.valueAsList,
    securityGroupIds: given.SecurityGroupIds.valueAsList,
    condition: hasCode,
  };
  const asWorker = { roleArn: workerRole.attrArn, bucket: bucket.ref, logGroup: workerLogs.ref };
  for (const worker of workers)
    lambda(stack, `Function${worker.megabytes}`, { ...worker, ...asWorker, entry: 'handler' }, shared);
  const asDriver = { roleArn: driverRole.attrArn, bucket: bucket.ref, logGroup: driverLogs.ref };
  lambda(stack, 'Driver', { ...driver, ...asDriver, entry: 'drive' }, shared);

  const topic = new CfnTopic(stack, 'Alarms', {});
  const mail = new CfnSubscription(stack, 'AlarmMail', {
    topicArn: topic.ref,
    protocol: 'email',
    endpoint: given.AlarmEmail.valueAsString,
  });
  mail.cfnOptions.condition = hasEmail;
  alarms(stack, [...workers, driver], given.DollarsPerHour.valueAsNumber, topic.ref);

  output(stack, 'Bucket', bucket.ref, 'Bucket of results, finished tasks and code');
  output(stack, 'Region', stack.region, 'Where it all is');
  output(stack, 'Store', storeOf(bucket.ref), 'Where finished tasks are kept: servermix run --store');
  output(
    stack,
    'Functions',
    sub([...workers, driver].map(({ name }) => name).join(',')),
    'Functions by name',
  );
}

function output(stack: Stack, id: string, value: string, description: string): void {
  new CfnOutput(stack, `${id}Output`, { value, description }).overrideLogicalId(id);
}

/** The template as CloudFormation takes it. The same every time: no assets, no bootstrap, no account and no region in it. */
export function synthesize(): { readonly [section: string]: unknown } {
  const outdir = mkdtempSync(join(tmpdir(), 'servermix-synth-'));
  try {
    const app = new App({ outdir, analyticsReporting: false, builtinCloudFormationValidation: false });
    const stack = new Stack(app, 'servermix', {
      // The library's own types differ in what may be undefined.
      synthesizer: new LegacyStackSynthesizer() as IStackSynthesizer,
      analyticsReporting: false,
    });
    build(stack);
    return app.synth().getStackByName('servermix').template as { [section: string]: unknown };
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}
