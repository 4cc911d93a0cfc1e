/** What the stack's functions may do: two roles that reach their bucket, their log and, the driver alone, the functions. */
import { CfnRole } from 'aws-cdk-lib/aws-iam';
import type { Construct } from 'constructs';
import { either, sub } from './intrinsic.ts';

/** What the policies name: ARNs, or texts for Fn::Sub that become ARNs. */
export type Reach = {
  readonly bucketArn: string;
  /** Of the log group, ending in `:*` as CloudWatch Logs gives it. */
  readonly logArn: string;
  /** Functions that may be invoked, by the driver alone. */
  readonly invokes: readonly string[];
  /** Functions that have the role. */
  readonly of: readonly string[];
  /** Objects of other buckets that may be read, under the condition `HasInputs`. */
  readonly inputArns: readonly string[];
};

type Statement = {
  readonly Effect: 'Allow' | 'Deny';
  readonly Action: readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
};

const allow = (Action: readonly string[], Resource: unknown): Statement => ({
  Effect: 'Allow',
  Action,
  Resource,
});
const document = (statements: readonly Statement[]): object => ({
  Version: '2012-10-17',
  Statement: statements,
});
/** A policy that is there under a condition: inside of it names are the template's, not the construct's. */
const policyIf = (
  condition: string,
  PolicyName: string,
  statements: readonly Statement[],
): CfnRole.PolicyProperty =>
  either(condition, { PolicyName, PolicyDocument: document(statements) }) as CfnRole.PolicyProperty;

// The network interfaces of functions in a VPC are made with the function's role, and EC2 knows no narrower resource for that. The
// service alone is to do so: code of the function is refused (AWS Lambda developer guide, "Giving Lambda functions access to
// resources in an Amazon VPC").
const interfaces = [
  'ec2:CreateNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DeleteNetworkInterface',
  'ec2:AssignPrivateIpAddresses',
  'ec2:UnassignPrivateIpAddresses',
];

/** The role of a function. */
export function role(scope: Construct, id: string, reach: Reach): CfnRole {
  const { bucketArn, invokes } = reach;
  const objects = (suffix: string): string => sub(`\${Arn}/${suffix}`, { Arn: bucketArn });
  const drives = invokes.length > 0;
  const statements: Statement[] = [
    allow(
      ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'],
      objects('*'),
    ),
    // The driver writes files, which appear together or not at all; a worker only tries out once what the bucket can do.
    allow(['s3:DeleteObject'], objects(drives ? '*' : 'store/probe/*')),
    // Without it an object that is not there is "access denied".
    allow(drives ? ['s3:ListBucket', 's3:ListBucketMultipartUploads'] : ['s3:ListBucket'], bucketArn),
    // A task that went astray cannot plant the code of the next deployment.
    { Effect: 'Deny', Action: ['s3:PutObject', 's3:DeleteObject'], Resource: objects('code/*') },
    allow(['logs:CreateLogStream', 'logs:PutLogEvents'], reach.logArn),
  ];
  if (drives)
    statements.push(
      allow(
        ['lambda:InvokeFunction'],
        invokes.map((arn) => sub(arn)),
      ),
    );
  return new CfnRole(scope, id, {
    assumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } },
      ],
    },
    policies: [
      { policyName: 'own', policyDocument: document(statements) },
      policyIf('HasInputs', 'inputs', [allow(['s3:GetObject'], reach.inputArns)]),
      policyIf('InVpc', 'vpc', [
        allow(interfaces, '*'),
        {
          Effect: 'Deny',
          Action: interfaces,
          Resource: '*',
          Condition: { ArnEquals: { 'lambda:SourceFunctionArn': reach.of.map((arn) => sub(arn)) } },
        },
      ]),
    ],
  });
}
