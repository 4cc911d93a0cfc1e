/** What may be said of a stack when it is made: its parameters, and the conditions that hang on them. */
import { CfnCondition, CfnParameter, type CfnParameterProps, Fn } from 'aws-cdk-lib';
import type { Construct } from 'constructs';

const arn = 'arn:aws[a-z-]*:s3:::[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+';

// Linters take a default for a value, even where no resource would see it: these say "none" in the form of what they stand for.
const ownBucket = 'own';
const noSubnet = 'subnet-00000000';
const noGroup = 'sg-00000000';

const table = {
  CodeBucket: {
    type: 'String',
    default: ownBucket,
    description: `Bucket of the functions' code; ${ownBucket}: the stack's own`,
  },
  CodeKey: {
    type: 'String',
    default: '',
    description: "Key of the functions' code; empty: no functions yet",
  },
  KeepDays: {
    type: 'Number',
    default: 30,
    minValue: 1,
    description: 'Days that finished tasks are kept for resuming; results stay',
  },
  DollarsPerHour: {
    type: 'Number',
    default: 10,
    minValue: 0.01,
    description: 'Cost of the functions an hour above which the alarm rings',
  },
  AlarmEmail: {
    type: 'String',
    default: '',
    allowedPattern: '^(|[^@\\s]+@[^@\\s]+)$',
    description: 'Address that alarms are sent to; empty: nobody',
  },
  InputArns: {
    type: 'CommaDelimitedList',
    default: '',
    allowedPattern: `^(|${arn})$`,
    description:
      'ARNs of objects in other buckets that the functions may read, say arn:aws:s3:::reads/*; empty: none',
  },
  SubnetIds: {
    type: 'CommaDelimitedList',
    default: noSubnet,
    allowedPattern: '^subnet-[0-9a-z]+$',
    description: `Subnets of a VPC to run in; ${noSubnet}: no VPC`,
  },
  SecurityGroupIds: {
    type: 'CommaDelimitedList',
    default: noGroup,
    allowedPattern: '^sg-[0-9a-z]+$',
    description: 'Security groups in the VPC, where there is one',
  },
} satisfies { [id: string]: CfnParameterProps };

export type Parameters = { readonly [id in keyof typeof table]: CfnParameter };

/** The parameters of the template. */
export function parameters(scope: Construct): Parameters {
  const made = Object.entries(table).map(([id, props]) => [id, new CfnParameter(scope, id, props)] as const);
  return Object.fromEntries(made) as Parameters;
}

/** The conditions of the template, each of them that a parameter is given. `HasCode` is handed back, resources hang on it. */
export function conditions(
  scope: Construct,
  given: Parameters,
): { hasCode: CfnCondition; hasEmail: CfnCondition } {
  const has = (id: string, value: string, none = ''): CfnCondition =>
    new CfnCondition(scope, id, { expression: Fn.conditionNot(Fn.conditionEquals(value, none)) });
  has('HasCodeBucket', given.CodeBucket.valueAsString, ownBucket);
  has('HasInputs', Fn.join('', given.InputArns.valueAsList));
  has('InVpc', Fn.join('', given.SubnetIds.valueAsList), noSubnet);
  return {
    hasCode: has('HasCode', given.CodeKey.valueAsString),
    hasEmail: has('HasEmail', given.AlarmEmail.valueAsString),
  };
}
