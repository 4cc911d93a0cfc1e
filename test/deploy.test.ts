/** `servermix deploy aws` and `destroy aws` as processes, against stand-ins for CloudFormation and S3. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unzipSync } from 'fflate';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { archive } from '../infra/aws/archive.ts';
import { bucketServer } from './bucketserver.ts';
import { type Outcome, outcome, servermix, start } from './command.ts';
import { formationServer } from './formationserver.ts';
import { root } from './root.ts';

const storage = await bucketServer();
const formations = await formationServer(storage);
const top = await mkdtemp(join(tmpdir(), 'servermix-deploy-'));
afterAll(async () => {
  await formations.close();
  await storage.close();
  await rm(top, { recursive: true });
});

/** Nothing of this machine's own account. */
const bare = { PATH: process.env['PATH'], HOME: top, AWS_EC2_METADATA_DISABLED: 'true' };
const account = {
  ...bare,
  AWS_ENDPOINT_URL_CLOUDFORMATION: formations.url,
  AWS_ENDPOINT_URL_S3: storage.url,
  AWS_ACCESS_KEY_ID: 'AK',
  AWS_SECRET_ACCESS_KEY: 'SK',
  AWS_REGION: 'eu-central-1',
};

let folder = '';
let serial = 0;
beforeEach(() => {
  folder = join(top, `work-${++serial}`);
  mkdirSync(join(folder, 'code/wasm'), { recursive: true });
  writeFileSync(join(folder, 'code/index.mjs'), 'export const handler = async () => 1;\n');
  writeFileSync(join(folder, 'code/wasm/kernel.wasm'), new Uint8Array([0, 97, 115, 109]));
  formations.stacks.length = formations.actions.length = storage.requests.length = 0;
  formations.fail = formations.refuse = undefined;
  formations.looks = 1;
  storage.buckets.clear();
  storage.uploads.clear();
});

const deploy = (...args: string[]): Promise<Outcome> =>
  servermix(['deploy', 'aws', '--code', 'code', ...args], folder, account);
const destroy = (...args: string[]): Promise<Outcome> =>
  servermix(['destroy', 'aws', ...args], folder, account);
const kept = (stack = 'servermix'): unknown =>
  JSON.parse(readFileSync(join(folder, `.servermix/stacks/${stack}.json`), 'utf8'));
const lines = (text: string): string[] => text.trim().split('\n');
const puts = (): string[] => storage.requests.filter((each) => each.startsWith('PUT'));

test('a fresh deployment: bucket, then code, then functions; the same again changes nothing; new code does', async () => {
  const { digest } = await archive(join(folder, 'code'));
  const fresh = await deploy();
  expect(fresh).toMatchObject({ code: 0, stderr: expect.stringContaining('CREATE_IN_PROGRESS') });
  expect(fresh.stdout).toContain('s3://servermix-bucket-1/store');
  expect(formations.actions).toEqual(['CreateStack', 'UpdateStack']);
  expect(puts()).toEqual([`PUT servermix-bucket-1/code/${digest}.zip`]);
  const deployment = {
    stack: 'servermix',
    region: 'eu-central-1',
    bucket: 'servermix-bucket-1',
    ladder: [1769, 3538, 7076, 10240],
  };
  expect(kept()).toEqual(deployment);
  expect(formations.stacks[0]).toMatchObject({
    status: 'UPDATE_COMPLETE',
    parameters: { CodeKey: `code/${digest}.zip`, KeepDays: '30' },
  });
  const stored = unzipSync(storage.buckets.get('servermix-bucket-1')!.get(`code/${digest}.zip`)!);
  expect(Object.keys(stored)).toEqual(['index.mjs', 'wasm/kernel.wasm']);

  const again = await deploy('--json');
  expect(JSON.parse(again.stdout)).toEqual({
    ...deployment,
    store: 's3://servermix-bucket-1/store',
    functions: ['servermix-1769', 'servermix-driver'],
    code: `code/${digest}.zip`,
    changed: false,
  });
  for (const line of lines(again.stderr)) expect(JSON.parse(line)).toMatchObject({ event: 'deploy' });
  expect(puts()).toHaveLength(1);
  expect(formations.actions).toEqual(['CreateStack', 'UpdateStack', 'UpdateStack']);

  writeFileSync(join(folder, 'code/index.mjs'), 'export const handler = async () => 2;\n');
  const changed = await deploy('--json');
  expect(JSON.parse(changed.stdout)).toMatchObject({ changed: true });
  expect(puts()).toHaveLength(2);
  expect(formations.stacks[0]!.parameters['CodeKey']).toBe(
    `code/${(await archive(join(folder, 'code'))).digest}.zip`,
  );
});

test('what was said once stays, until something else is said', async () => {
  const arns = ['arn:aws:s3:::reads/*', 'arn:aws:s3:::references/grch38/*'];
  await deploy('--keep-days', '7', '--alarm-email', 'me@example.org', '--input-arns', ...arns);
  const said = { KeepDays: '7', AlarmEmail: 'me@example.org', InputArns: arns.join(',') };
  expect(formations.stacks[0]!.parameters).toMatchObject({ ...said, DollarsPerHour: '10' });
  expect((await deploy('--dollars-per-hour', '2.5')).code).toBe(0);
  expect(formations.stacks[0]!.parameters).toMatchObject({ ...said, DollarsPerHour: '2.5' });
  expect((await deploy('--alarm-email', '')).code).toBe(0);
  expect(formations.stacks[0]!.parameters).toMatchObject({ ...said, AlarmEmail: '', DollarsPerHour: '2.5' });
  // Another default of the shell does not move a stack.
  const elsewhere = { ...account, AWS_REGION: 'us-east-1' };
  const args = ['deploy', 'aws', '--code', 'code'];
  expect((await servermix(args, folder, elsewhere)).stdout).toContain('in eu-central-1, as it was');
  const file = join(folder, '.servermix/stacks/servermix.json');
  writeFileSync(file, '{');
  expect((await deploy()).code).toBe(0);
  expect(kept()).toMatchObject({ region: 'eu-central-1' });
});

test('a stack that cannot be made: one line with the first cause; the next attempt clears it away', async () => {
  formations.fail = {
    resource: 'WorkerRole',
    type: 'AWS::IAM::Role',
    reason: 'not authorized to perform:\niam:CreateRole',
  };
  const failed = await deploy('--json');
  expect(failed).toMatchObject({ code: 1, stdout: '' });
  expect(JSON.parse(lines(failed.stderr).at(-1)!)).toEqual({
    event: 'error',
    message:
      'stack servermix: WorkerRole (AWS::IAM::Role): not authorized to perform: iam:CreateRole; mend that and give the same command again',
    exitCode: 1,
  });
  expect(formations.stacks[0]!.status).toBe('ROLLBACK_COMPLETE');
  expect(kept).toThrow('ENOENT');
  expect((await deploy()).code).toBe(0);
  expect(formations.actions).toEqual(['CreateStack', 'DeleteStack', 'CreateStack', 'UpdateStack']);
  expect(kept()).toMatchObject({ bucket: 'servermix-bucket-2' });
});

test('an update that fails leaves what was there, and the cause is this one’s', async () => {
  await deploy();
  const before = formations.stacks[0]!.parameters;
  for (const [resource, reason] of [
    ['Driver', 'first'],
    ['Function1769', 'second'],
  ] as const) {
    formations.fail = { resource, type: 'AWS::Lambda::Function', reason };
    const failed = await deploy('--keep-days', '5');
    expect(failed.code).toBe(1);
    expect(lines(failed.stderr).at(-1)).toContain(`${resource} (AWS::Lambda::Function): ${reason};`);
    expect(formations.stacks[0]).toMatchObject({ status: 'UPDATE_ROLLBACK_COMPLETE', parameters: before });
  }
  expect((await deploy('--keep-days', '5')).code).toBe(0);
  expect(formations.stacks[0]!.parameters).toMatchObject({ KeepDays: '5' });
});

test('Ctrl-C: exit code 130; the same command waits for what was begun, and goes on', async () => {
  formations.looks = Infinity;
  const child = start(['deploy', 'aws', '--code', 'code'], folder, account);
  child.stderr!.on('data', (text: Buffer) => {
    if (text.toString().includes('CREATE_IN_PROGRESS')) child.kill('SIGINT');
  });
  const stopped = await outcome(child);
  expect([stopped.code, stopped.stdout]).toEqual([130, '']);
  expect(lines(stopped.stderr).at(-1)).toContain('give the same command again');
  formations.stacks[0]!.next[0]!.looks = formations.looks = 1;
  const again = await deploy();
  expect(again).toMatchObject({ code: 0, stderr: expect.stringContaining('CREATE_IN_PROGRESS') });
  expect(formations.actions).toEqual(['CreateStack', 'UpdateStack']);
});

describe('destroy', () => {
  const spoil = (bucket: string): void => {
    const objects = storage.buckets.get(bucket)!;
    for (let i = 0; i < 10; i++) objects.set(`results/a & b <${i}>.txt`, Buffer.from('x'));
    for (let i = 0; i < 4; i++) storage.uploads.set(`u${i}`, `${bucket}/results/half-${i}`);
  };

  test('without --data the bucket stays, with all results', async () => {
    await deploy();
    spoil('servermix-bucket-1');
    const gone = await destroy();
    expect(gone).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('bucket servermix-bucket-1: left'),
    });
    expect(formations.stacks[0]!.status).toBe('DELETE_COMPLETE');
    expect(storage.buckets.get('servermix-bucket-1')!.size).toBe(11);
    expect(kept).toThrow('ENOENT');
    const again = await destroy();
    expect([again.code, lines(again.stderr)]).toEqual([
      2,
      [expect.stringContaining('found none in eu-central-1')],
    ]);
  });

  test('--data asks; where nobody can be asked it removes nothing', async () => {
    await deploy();
    const refused = await destroy('--data');
    expect([refused.code, lines(refused.stderr)]).toEqual([2, [expect.stringContaining('add --yes')]]);
    expect(formations.stacks[0]!.status).toBe('UPDATE_COMPLETE');
    expect(storage.buckets.get('servermix-bucket-1')!.size).toBe(1);
    expect(kept()).toMatchObject({ bucket: 'servermix-bucket-1' });
  });

  // util-linux gives the command a terminal.
  test.runIf(process.platform === 'linux')('--data on a terminal wants the name of the stack', async () => {
    await deploy();
    const typing = async (name: string): Promise<Outcome> => {
      const command = `"${process.execPath}" "${join(root, 'dist/bin/main.js')}" destroy aws --data`;
      const child = spawn('script', ['-qec', command, '/dev/null'], { cwd: folder, env: account });
      child.stdout.on('data', (text: Buffer) => {
        if (text.toString().includes('to go on: ')) child.stdin.write(`${name}\n`);
      });
      return outcome(child);
    };
    const other = await typing('servermax');
    expect([other.code, other.stdout]).toEqual([2, expect.stringContaining('nothing was removed')]);
    expect(formations.stacks[0]!.status).toBe('UPDATE_COMPLETE');
    expect(storage.buckets.get('servermix-bucket-1')!.size).toBe(1);
    expect((await typing('servermix')).code).toBe(0);
    expect(formations.stacks[0]!.status).toBe('DELETE_COMPLETE');
    expect(storage.buckets.size).toBe(0);
  });

  test('--data --yes removes functions, objects, uploads and bucket', async () => {
    await deploy();
    spoil('servermix-bucket-1');
    const gone = await destroy('--data', '--yes', '--json');
    expect(gone.code).toBe(0);
    expect(JSON.parse(gone.stdout)).toEqual({ stack: 'servermix', bucket: null, objects: 11 });
    expect([...storage.buckets.keys(), ...storage.uploads.keys()]).toEqual([]);
    expect(formations.stacks[0]!.status).toBe('DELETE_COMPLETE');
  });

  test('one that was stopped after the functions were gone goes on with the bucket', async () => {
    await deploy();
    spoil('servermix-bucket-1');
    formations.stacks[0]!.status = 'DELETE_COMPLETE';
    const gone = await destroy('--data', '--yes');
    expect(gone).toMatchObject({ code: 0, stdout: expect.stringContaining('removed with 11 objects') });
    expect(storage.buckets.size).toBe(0);
    expect(kept).toThrow('ENOENT');
  });
});

test('stacks of others are left alone', async () => {
  await deploy('--stack', 'other');
  formations.stacks[0]!.description = 'a shop';
  for (const refused of [
    await deploy('--stack', 'other'),
    await destroy('--stack', 'other', '--data', '--yes'),
  ]) {
    expect(refused.code).toBe(2);
    expect(lines(refused.stderr)).toEqual([
      'servermix: stack other in eu-central-1: found a shop, expected a stack of servermix; name another with --stack',
    ]);
  }
  expect(formations.actions).toEqual(['CreateStack', 'UpdateStack']);
});

describe('what AWS refuses is one line with the next step, and exit code 2', () => {
  const answers: [string, number, string, string, RegExp][] = [
    [
      'access denied',
      403,
      'AccessDenied',
      'User x is not authorized to do y',
      /not authorized to do y; use cred/,
    ],
    ['expired', 403, 'ExpiredToken', 'The security token is expired', /have expired; renew/],
    ['unknown', 403, 'InvalidClientTokenId', 'The token AK is invalid', /not known or do not fit; check/],
    ['signature', 403, 'SignatureDoesNotMatch', 'canonical string: AK', /not known or do not fit; check/],
  ];
  test.each(answers)('%s', async (_name, status, code, message, line) => {
    formations.refuse = { status, code, message };
    for (const refused of [await deploy(), await destroy()]) {
      expect([refused.code, refused.stdout]).toEqual([2, '']);
      expect(lines(refused.stderr)).toEqual([expect.stringMatching(line)]);
      expect(refused.stderr).not.toContain('AK');
    }
  });
  test('no credentials, no region', async () => {
    const { AWS_ACCESS_KEY_ID: _, ...keyless } = account;
    const { AWS_REGION: __, ...nowhere } = account;
    const args = ['deploy', 'aws', '--code', 'code'];
    const [a, b] = [await servermix(args, folder, keyless), await servermix(args, folder, nowhere)];
    expect([a.code, lines(a.stderr)]).toEqual([
      2,
      [expect.stringMatching(/found no credentials.*aws configure$/)],
    ]);
    expect([b.code, lines(b.stderr)]).toEqual([2, [expect.stringMatching(/found no region.*--region/)]]);
  });
  test('nobody there: exit code 1', async () => {
    const nobody = { ...account, AWS_ENDPOINT_URL_CLOUDFORMATION: 'http://127.0.0.1:1' };
    const { code, stderr } = await servermix(['deploy', 'aws', '--code', 'code'], folder, nobody);
    expect([code, lines(stderr)]).toEqual([
      1,
      [expect.stringMatching(/no answer \(ECONNREFUSED\); check the net/)],
    ]);
  });
});

describe('a dry run', () => {
  test('says what would be, without an account', async () => {
    const { digest, bytes } = await archive(join(folder, 'code'));
    const args = [
      'deploy',
      'aws',
      '--code',
      'code',
      '--stack',
      'trial',
      '--dry-run',
      '--region',
      'us-west-2',
    ];
    const text = await servermix(args, folder, bare);
    expect(text).toMatchObject({ code: 0, stderr: '' });
    for (const part of [
      'stack trial in us-west-2',
      'infra/aws/stack/template.json',
      `2 files, zipped ${bytes.length} B, sha256 ${digest}`,
      'trial-10240: 10,240 MB, 900 s, 512 MB of /tmp',
      '/servermix/trial/driver: kept 14 days',
      'nothing was made',
    ])
      expect(text.stdout).toContain(part);
    expect(text.stdout).not.toContain('AlarmMail');
    const json = await servermix([...args, '--json', '--alarm-email', 'me@example.org'], folder, bare);
    const said = JSON.parse(json.stdout) as { resources: { id: string }[]; parameters: unknown };
    expect(said).toMatchObject({
      stack: 'trial',
      region: 'us-west-2',
      code: { files: ['index.mjs', 'wasm/kernel.wasm'], bytes: bytes.length, sha256: digest },
      parameters: { CodeKey: `code/${digest}.zip`, AlarmEmail: 'me@example.org', KeepDays: '30' },
    });
    expect(said.resources.map(({ id }) => id)).toEqual(
      expect.arrayContaining(['AlarmMail', 'Driver', 'Bucket']),
    );
    expect(formations.actions).toEqual([]);
  });
  test.each([
    [['--stack', 'Bad_Name'], /--stack: found Bad_Name, expected/],
    [['--keep-days', '1.5'], /--keep-days: found 1.5, expected whole days/],
    [['--keep-days', '0'], /--keep-days: found 0, expected a number of at least 1/],
    [['--dollars-per-hour', 'x'], /--dollars-per-hour: found x/],
    [['--alarm-email', 'me'], /--alarm-email: found me, expected/],
    [['--input-arns', 'arn:aws:s3:::*'], /--input-arns: found arn:aws:s3:::\*, expected/],
    [['--input-arns', 'arn:aws:s3:::reads'], /--input-arns: found arn:aws:s3:::reads, expected/],
    [['--subnets', 'subnet-1'], /both or none/],
    [['--subnets', 'x', '--security-groups', 'sg-1'], /--subnets: found x, expected/],
    [['--code', 'elsewhere'], /elsewhere: found no index.mjs, expected .*bundle:lambda/],
  ])('refuses %j', async (args, line) => {
    const { code, stdout, stderr } = await servermix(
      ['deploy', 'aws', '--code', 'code', '--dry-run', ...args],
      folder,
      bare,
    );
    expect([code, stdout, lines(stderr)]).toEqual([2, '', [expect.stringMatching(line)]]);
  });
});

test('help has examples', async () => {
  for (const name of ['deploy', 'destroy']) {
    const { code, stdout } = await servermix([name, '--help'], folder, bare);
    expect([code, stdout]).toEqual([0, expect.stringContaining(`Examples:\n  servermix ${name} aws`)]);
  }
});
