/** `servermix deploy`: brings the functions and their bucket to a cloud account, or says what that would be. */
import { Argument, Command } from 'commander';
import { join } from 'node:path';
import { BadUsage } from '../../core/errors.ts';
import { type Archive, archive, codeKey } from '../../infra/aws/archive.ts';
import { checkStack, readDeployment, storeOf } from '../../infra/aws/deployment.ts';
import {
  checkValue,
  type Given,
  readTemplate,
  type Resource,
  resourcesOf,
  type Template,
  valuesOf,
} from '../../infra/aws/template.ts';
import { parse } from '../arguments.ts';
import { installation } from '../installation.ts';
import { interrupts } from '../interrupt.ts';
import { bytes, count } from '../quantity.ts';
import { steps } from '../terminal.ts';

const examples = `
Examples:
  servermix deploy aws --dry-run
  servermix deploy aws --region eu-central-1 --alarm-email me@example.org
  servermix deploy aws --input-arns 'arn:aws:s3:::reads/*' 'arn:aws:s3:::references/grch38/*'
  servermix run genomics/coverage --reads s3://reads/sample.bam --on lambda --out s3://BUCKET/results/sample

Options that are not given stay as they were deployed before. Nothing runs and next to nothing costs until a job does.
`;

/** The template's parameters by their flags. */
const flags = {
  KeepDays: 'keep-days',
  DollarsPerHour: 'dollars-per-hour',
  AlarmEmail: 'alarm-email',
  InputArns: 'input-arns',
  SubnetIds: 'subnets',
  SecurityGroupIds: 'security-groups',
} as const;

type Options = { readonly [flag: string]: string | readonly string[] | boolean | undefined };

export async function deploy(args: readonly string[]): Promise<void> {
  const parser = new Command('servermix deploy')
    .description('make the functions and the bucket that --on lambda uses, or bring them up to date')
    .addArgument(new Argument('<cloud>', 'where').choices(['aws']))
    .option('--stack <name>', 'name of it all in the account', 'servermix')
    .option('--region <region>', 'AWS region (default: as before, or that of the AWS configuration)')
    .option('--keep-days <n>', 'days that finished tasks are kept for resuming (default 30); results stay')
    .option('--dollars-per-hour <n>', 'cost of the functions that rings the alarm (default 10)')
    .option('--alarm-email <address>', 'who is told; confirm the first mail (default: nobody)')
    .option('--input-arns <arn...>', 'objects in other buckets that may be read (default: none)')
    .option('--subnets <id...>', 'subnets of a VPC to run in (default: no VPC)')
    .option('--security-groups <id...>', 'security groups in that VPC')
    .option('--code <folder>', "the functions' code (default: what came with servermix)")
    .option('--dry-run', 'say what would be made; asks nobody and needs no account')
    .option('--json', 'result and progress as JSON')
    .option('--debug', 'stack traces')
    .addHelpText('after', examples);
  const given = parse(parser, args) as Options | undefined;
  if (!given) return;
  const stack = checkStack(given['stack'] as string);
  const root = installation();
  const template = await readTemplate(join(root, 'infra/aws/stack/template.json'));
  const parameters = parametersOf(template, given);
  const folder = (given['code'] as string | undefined) ?? join(root, 'dist/lambda');
  const code = await archive(folder);
  const region = given['region'] as string | undefined;
  const json = given['json'] === true;
  if (given['dryRun'] === true) {
    const kept = await readDeployment(stack).catch(() => undefined);
    const where = region ?? kept?.region ?? process.env['AWS_REGION'];
    const planned = { stack, region: where, template, parameters, folder, code };
    process.stdout.write(json ? `${JSON.stringify(outline(planned))}\n` : describe(planned));
    return;
  }
  const stop = interrupts();
  try {
    const { deploy: make } = await import('../../infra/aws/deploy.ts');
    const { deployment, functions, changed } = await make(
      { stack, template, code, parameters, ...(region === undefined ? {} : { region }) },
      { signal: stop.signal, progress: steps('deploy', { json }) },
    );
    const { bucket } = deployment;
    const made = { ...deployment, store: storeOf(bucket), functions, code: codeKey(code), changed };
    process.stdout.write(
      json
        ? `${JSON.stringify(made)}\n`
        : `stack      ${stack} in ${deployment.region}, ${changed ? 'deployed' : 'as it was'}\n` +
            `functions  ${functions.join(' ')}\n` +
            `store      ${made.store}\n` +
            `use it     servermix run JOB ... --on lambda --out s3://${bucket}/results/NAME\n`,
    );
  } finally {
    stop.release();
  }
}

/** What was given, by the template's names. @throws BadUsage */
function parametersOf(template: Template, given: Options): Given {
  const parameters: { [name: string]: string } = {};
  for (const [name, flag] of Object.entries(flags)) {
    const found = given[flag.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())];
    if (found === undefined) continue;
    const value = Array.isArray(found) ? found.join(',') : (found as string);
    parameters[name] = checkValue(template, name, `--${flag}`, value);
  }
  const days = parameters['KeepDays'];
  if (days !== undefined && !Number.isInteger(Number(days)))
    throw new BadUsage(`--keep-days: found ${days}, expected whole days`);
  if ('SubnetIds' in parameters !== 'SecurityGroupIds' in parameters)
    throw new BadUsage(
      '--subnets, --security-groups: found one, expected both or none; a VPC takes one of each at least',
    );
  return parameters;
}

type Planned = {
  readonly stack: string;
  readonly region: string | undefined;
  readonly template: Template;
  readonly parameters: Given;
  readonly folder: string;
  readonly code: Archive;
};

function outline({ stack, region, template, parameters, folder, code }: Planned) {
  const all = { ...parameters, CodeKey: codeKey(code) };
  return {
    stack,
    region: region ?? null,
    template: { path: template.path, bytes: template.text.length },
    code: { folder, files: code.files, bytes: code.bytes.length, sha256: code.digest },
    parameters: valuesOf(template, all),
    resources: resourcesOf(template, stack, all),
  };
}

function describe(planned: Planned): string {
  const { stack, region, template, code, parameters, resources } = outline(planned);
  const wide = (texts: readonly string[]): number => Math.max(...texts.map((text) => text.length));
  const [types, names] = [wide(resources.map(({ type }) => type)), wide(Object.keys(parameters))];
  const lines = [
    `stack ${stack} in ${region ?? 'the region of the AWS configuration'}`,
    `template ${template.path}, ${bytes(template.bytes)}`,
    `code ${code.folder}: ${code.files.length} files, zipped ${bytes(code.bytes)}, sha256 ${code.sha256}`,
    'parameters',
    ...Object.entries(parameters).map(([name, value]) => `  ${name.padEnd(names)}  ${value || '-'}`),
    'resources',
    ...resources.map((each) => `  ${each.type.padEnd(types)}  ${each.name ?? each.id}${sizesOf(each)}`),
    'nothing was made; without --dry-run this would be',
  ];
  return `${lines.join('\n')}\n`;
}

function sizesOf({ sizes: { megabytes, seconds, disk, days } }: Resource): string {
  const said = [
    ...(megabytes === undefined ? [] : [`${count(megabytes)} MB`]),
    ...(seconds === undefined ? [] : [`${seconds} s`]),
    ...(disk === undefined ? [] : [`${count(disk)} MB of /tmp`]),
    ...(days === undefined ? [] : [`kept ${days} days`]),
  ];
  return said.length > 0 ? `: ${said.join(', ')}` : '';
}
