/** The stack's template: up to date, lint-free, within its limits, and with no right beyond its own bucket and functions. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CelEngine, TemplateFile } from '@aws/cloudformation-validate';
import { afterAll, describe, expect, test } from 'vitest';
import { ladder } from '../infra/aws/deployment.ts';
import { synthesize } from '../infra/aws/stack/stack.ts';
import { readTemplate, resourcesOf } from '../infra/aws/template.ts';
import { root } from './root.ts';

type Resource = {
  Type: string;
  Condition?: string;
  DeletionPolicy?: string;
  UpdateReplacePolicy?: string;
  Properties: { [name: string]: any };
};
type Statement = { Effect: string; Action: string[]; Resource: unknown; Condition?: unknown };

const path = join(root, 'infra/aws/stack/template.json');
const text = readFileSync(path, 'utf8');
const template = JSON.parse(text) as {
  Parameters: { [name: string]: { Default: string | number } };
  Conditions: object;
  Resources: { [id: string]: Resource };
  Outputs: { [name: string]: object };
};
const of = (type: string): [string, Resource][] =>
  Object.entries(template.Resources).filter(([, { Type }]) => Type === type);
const folder = mkdtempSync(join(tmpdir(), 'servermix-stack-'));
afterAll(() => rmSync(folder, { recursive: true }));

test('is what the CDK gives now, every time', () => {
  const fresh = synthesize();
  expect(`${JSON.stringify(fresh, undefined, 2)}\n`, 'run npm run synth').toBe(text);
  expect(synthesize()).toEqual(fresh);
});
test('needs no bootstrap and no assets, and goes inline', () => {
  expect(Object.keys(template).toSorted()).toEqual([
    'Conditions',
    'Description',
    'Outputs',
    'Parameters',
    'Resources',
  ]);
  expect(text).not.toMatch(/bootstrap|CDKMetadata|AssetParameters|cdk-/i);
  expect(Buffer.byteLength(JSON.stringify(template))).toBeLessThan(51_200);
  expect(Object.keys(template.Outputs)).toEqual(['Bucket', 'Region', 'Store', 'Functions']);
});

describe('the linter', () => {
  const engine = new CelEngine();
  afterAll(() => engine.free());
  const lint = (body: object, parameterOverrides: { [name: string]: string } = {}): string[] => {
    const file = join(folder, 'template.json');
    writeFileSync(file, JSON.stringify(body));
    const { diagnostics } = engine.validateStandard(new TemplateFile(file), { parameterOverrides });
    return diagnostics
      .filter(({ severity }) => ['FATAL', 'ERROR'].includes(severity))
      .map(({ ruleId, message }) => `${ruleId} ${message}`);
  };

  test('finds no error, with everything on or off', () => {
    expect(lint(template)).toEqual([]);
    const all = {
      CodeBucket: 'some-bucket',
      CodeKey: 'code/x.zip',
      AlarmEmail: 'me@example.org',
      InputArns: 'arn:aws:s3:::reads/*',
      SubnetIds: 'subnet-0123456789abcdef0',
      SecurityGroupIds: 'sg-0123456789abcdef0',
    };
    expect(lint(template, all)).toEqual([]);
  });
  test.each<[string, (resources: { [id: string]: Resource }) => void]>([
    ['a property nobody knows', ({ Bucket }) => void (Bucket!.Properties['Bucketname'] = 'x')],
    ['a size out of range', ({ Driver }) => void (Driver!.Properties['MemorySize'] = 64)],
    [
      'an attribute that is not there',
      ({ Driver }) => void (Driver!.Properties['Role'] = { 'Fn::GetAtt': ['DriverRole', 'Nothing'] }),
    ],
    ['a reference to nothing', ({ Driver }) => void (Driver!.Properties['Role'] = { Ref: 'Nobody' })],
  ])('finds %s that was planted', (_name, plant) => {
    const spoiled = structuredClone(template);
    plant(spoiled.Resources);
    expect(lint(spoiled).length).toBeGreaterThan(0);
  });
});

describe('what the functions may do', () => {
  const bucketArn = { 'Fn::GetAtt': ['Bucket', 'Arn'] };
  const objects = (suffix: string): object => ({ 'Fn::Sub': [`\${Arn}/${suffix}`, { Arn: bucketArn }] });
  const functionArn = (suffix: string | number): object => ({
    'Fn::Sub': `arn:\${AWS::Partition}:lambda:\${AWS::Region}:\${AWS::AccountId}:function:\${AWS::StackName}-${suffix}`,
  });
  const s3 = ['s3:GetObject', 's3:PutObject', 's3:AbortMultipartUpload', 's3:ListMultipartUploadParts'];

  /** Statements of a role's policies by the condition that they are under. */
  function statements(role: string): { always: Statement[]; HasInputs: Statement[]; InVpc: Statement[] } {
    const found = { always: [] as Statement[], HasInputs: [] as Statement[], InVpc: [] as Statement[] };
    for (const policy of template.Resources[role]!.Properties['Policies']) {
      const [condition, body, otherwise] = policy['Fn::If'] ?? ['always', policy, { Ref: 'AWS::NoValue' }];
      expect(otherwise).toEqual({ Ref: 'AWS::NoValue' });
      found[condition as keyof typeof found].push(...body.PolicyDocument.Statement);
    }
    return found;
  }
  const allowed = (all: readonly Statement[]): (readonly [string, unknown])[] =>
    all
      .filter(({ Effect }) => Effect === 'Allow')
      .flatMap(({ Action, Resource: resource }) =>
        Action.flatMap((action) => [resource].flat().map((each) => [action, each] as const)),
      );

  test('no policy but these two roles’ and the bucket’s, which only denies', () => {
    const policies = Object.entries(template.Resources).filter(([, { Type, Properties: properties }]) =>
      /IAM|Policy|Permission/.test(Type + Object.keys(properties ?? {}).join()),
    );
    expect(policies.map(([id]) => id)).toEqual(['BucketPolicy', 'WorkerRole', 'DriverRole']);
    for (const id of ['WorkerRole', 'DriverRole']) {
      const { Policies: _, AssumeRolePolicyDocument: assume, ...rest } = template.Resources[id]!.Properties;
      expect(rest).toEqual({});
      expect(assume.Statement).toEqual([
        { Effect: 'Allow', Action: 'sts:AssumeRole', Principal: { Service: 'lambda.amazonaws.com' } },
      ]);
    }
    const { PolicyDocument: policy } = template.Resources['BucketPolicy']!.Properties;
    expect(policy.Statement).toEqual([
      {
        Effect: 'Deny',
        Action: 's3:*',
        Principal: '*',
        Resource: [bucketArn, objects('*')],
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
    ]);
  });

  test('a worker: its bucket and its log', () => {
    const { always } = statements('WorkerRole');
    expect(allowed(always)).toEqual([
      ...s3.map((action) => [action, objects('*')]),
      ['s3:DeleteObject', objects('store/probe/*')],
      ['s3:ListBucket', bucketArn],
      ['logs:CreateLogStream', { 'Fn::GetAtt': ['WorkerLogs', 'Arn'] }],
      ['logs:PutLogEvents', { 'Fn::GetAtt': ['WorkerLogs', 'Arn'] }],
    ]);
  });
  test('the driver: the same, its files, and the stack’s functions', () => {
    const { always } = statements('DriverRole');
    expect(allowed(always)).toEqual([
      ...s3.map((action) => [action, objects('*')]),
      ['s3:DeleteObject', objects('*')],
      ['s3:ListBucket', bucketArn],
      ['s3:ListBucketMultipartUploads', bucketArn],
      ['logs:CreateLogStream', { 'Fn::GetAtt': ['DriverLogs', 'Arn'] }],
      ['logs:PutLogEvents', { 'Fn::GetAtt': ['DriverLogs', 'Arn'] }],
      ...[...ladder, 'driver'].map((suffix) => ['lambda:InvokeFunction', functionArn(suffix)]),
    ]);
  });
  test.each(['WorkerRole', 'DriverRole'])('%s: code cannot be replaced, other buckets only read', (role) => {
    const { always, HasInputs } = statements(role);
    expect(always.filter(({ Effect }) => Effect === 'Deny')).toEqual([
      { Effect: 'Deny', Action: ['s3:PutObject', 's3:DeleteObject'], Resource: objects('code/*') },
    ]);
    expect(HasInputs).toEqual([
      { Effect: 'Allow', Action: ['s3:GetObject'], Resource: { Ref: 'InputArns' } },
    ]);
  });
  test.each([
    ['WorkerRole', ladder],
    ['DriverRole', ['driver']],
  ])('%s: in a VPC, network interfaces, which the code itself may not touch', (role, of) => {
    const { InVpc } = statements(role);
    const [allow, deny] = InVpc;
    expect(InVpc).toHaveLength(2);
    expect(
      allow!.Action.every((action) => /^ec2:\w+(NetworkInterfaces?|PrivateIpAddresses)$/.test(action)),
    ).toBe(true);
    expect(deny).toEqual({
      Effect: 'Deny',
      Action: allow!.Action,
      Resource: '*',
      Condition: { ArnEquals: { 'lambda:SourceFunctionArn': of.map(functionArn) } },
    });
  });
  test('inputs are objects of a named bucket', () => {
    const pattern = new RegExp(
      (template.Parameters['InputArns'] as unknown as { AllowedPattern: string }).AllowedPattern,
    );
    for (const good of ['', 'arn:aws:s3:::reads/*', 'arn:aws-cn:s3:::a.b/c/d.bam'])
      expect(good).toMatch(pattern);
    for (const bad of [
      '*',
      'arn:aws:s3:::*',
      'arn:aws:s3:::*/x',
      'arn:aws:s3:::reads',
      'arn:aws:iam::1:role/x',
    ])
      expect(bad).not.toMatch(pattern);
  });
});

describe('functions', () => {
  const functions = of('AWS::Lambda::Function');
  test('one a size, and the driver', () => {
    const sizes = functions.map(([, { Properties: made }]) => [
      made['FunctionName']['Fn::Sub'],
      made['MemorySize'],
      made['Handler'],
      made['RecursiveLoop'],
    ]);
    expect(sizes).toEqual([
      ...ladder.map((size) => [`\${AWS::StackName}-${size}`, size, 'index.handler', undefined]),
      ['${AWS::StackName}-driver', 1769, 'index.drive', 'Allow'],
    ]);
  });
  test.each(functions)('%s', (id, { Condition: condition, Properties: made }) => {
    const role = id === 'Driver' ? 'DriverRole' : 'WorkerRole';
    expect(made).toMatchObject({
      Architectures: ['arm64'],
      Runtime: 'nodejs22.x',
      Timeout: 900,
      EphemeralStorage: { Size: 512 },
      Role: { 'Fn::GetAtt': [role, 'Arn'] },
      LoggingConfig: { LogGroup: { Ref: id === 'Driver' ? 'DriverLogs' : 'WorkerLogs' } },
    });
    expect(made['Environment'].Variables).toEqual({
      SERVERMIX_BUCKET: { Ref: 'Bucket' },
      SERVERMIX_STACK: { 'Fn::Sub': '${AWS::StackName}' },
    });
    const invoke = template.Resources[`${id}Invoke`]!;
    expect(invoke.Properties).toEqual({
      FunctionName: { Ref: id },
      Qualifier: '$LATEST',
      MaximumRetryAttempts: 0,
      MaximumEventAgeInSeconds: 21600,
    });
    expect([condition, invoke.Condition]).toEqual(['HasCode', 'HasCode']);
  });
});

describe('storage', () => {
  test('the bucket is private, encrypted, kept, and forgets finished tasks only', () => {
    const { Bucket, BucketPolicy } = template.Resources;
    const { BucketName: name, LifecycleConfiguration: lifecycle, ...made } = Bucket!.Properties;
    expect(name).toBeUndefined();
    expect(lifecycle.Rules).toEqual([
      { Id: 'tasks', Status: 'Enabled', Prefix: 'store/', ExpirationInDays: { Ref: 'KeepDays' } },
      { Id: 'uploads', Status: 'Enabled', AbortIncompleteMultipartUpload: { DaysAfterInitiation: 1 } },
    ]);
    expect(template.Parameters['KeepDays']!.Default).toBe(30);
    expect(Object.values(made['PublicAccessBlockConfiguration'])).toEqual([true, true, true, true]);
    expect(JSON.stringify(made['BucketEncryption'])).toContain('"AES256"');
    for (const kept of [Bucket!, BucketPolicy!])
      expect([kept.DeletionPolicy, kept.UpdateReplacePolicy]).toEqual(['RetainExceptOnCreate', 'Retain']);
  });
  test('logs stay two weeks and go with the stack', () => {
    const logs = of('AWS::Logs::LogGroup').map(([, each]) => each);
    expect(logs).toHaveLength(2);
    for (const each of logs)
      expect([each.Properties['RetentionInDays'], each.DeletionPolicy]).toEqual([14, 'Delete']);
  });
});

describe('alarms', () => {
  const metrics = (id: string): any[] => template.Resources[id]!.Properties['Metrics'];
  const names = [...ladder, 'driver'].map((suffix) => `\${AWS::StackName}-${suffix}`);
  test.each([
    ['ErrorAlarm', 'Errors', 300],
    ['CostAlarm', 'Duration', 3600],
  ])('%s looks at %s of every function', (id, metric, period) => {
    const [, ...series] = metrics(id);
    expect(series.map(({ MetricStat: { Metric: each } }) => each.Dimensions[0].Value['Fn::Sub'])).toEqual(
      names,
    );
    for (const { MetricStat: each } of series)
      expect(each).toMatchObject({ Metric: { MetricName: metric }, Period: period, Stat: 'Sum' });
    expect(template.Resources[id]!.Properties['AlarmActions']).toEqual([{ Ref: 'Alarms' }]);
  });
  test('an hour of one vCPU costs its price', () => {
    const [{ Expression: expression }] = metrics('CostAlarm');
    const [, inside, price] = /^SUM\(\[(.*)\]\)\/1024\/1000\*([\d.]+)$/.exec(expression)!;
    const sizes = inside!.split(',').map((term) => Number(/^m\d\*(\d+)$/.exec(term)![1]));
    expect(sizes).toEqual([...ladder, 1769]);
    const dollars = ((3_600_000 * sizes[0]!) / 1024 / 1000) * Number(price);
    expect(dollars).toBeCloseTo(1.7275 * 3600 * 0.0000133334, 3);
  });
});

test('the Terraform module hands on what the template takes, and the sizes', () => {
  const module = readFileSync(join(root, 'infra/aws/terraform/main.tf'), 'utf8');
  const [, named] = /"Parameters of the template: (.*)"/.exec(module)!;
  expect([...named!.split(', '), 'CodeBucket', 'CodeKey'].toSorted()).toEqual(
    Object.keys(template.Parameters).toSorted(),
  );
  expect(module).toContain(`ladder = [${ladder.join(', ')}]`);
  expect(text.length, 'it goes inline as it is').toBeLessThan(51_200);
});

test('what a dry run lists depends on what is given', async () => {
  const read = await readTemplate(path);
  const ids = (given: { [name: string]: string }): string[] =>
    resourcesOf(read, 's', given).map(({ id }) => id);
  const bare = ids({});
  expect(bare).not.toContain('Driver');
  expect(bare).toContain('Bucket');
  expect(ids({ CodeKey: 'code/x.zip' })).toEqual(
    Object.keys(template.Resources).filter((id) => id !== 'AlarmMail'),
  );
  expect(ids({ CodeKey: 'code/x.zip', AlarmEmail: 'a@b' })).toEqual(Object.keys(template.Resources));
});
