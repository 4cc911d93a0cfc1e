/** A command line from a job's own tables: flags, help, defaults and checks have no other source. */
import { Command, CommanderError, Option } from 'commander';
import { BadUsage } from '../core/errors.ts';
import type { Access, Inputs } from '../core/job.ts';
import type { Json, Options } from '../core/json.ts';
import { resolve, type Spec } from '../core/params.ts';
import { accessOf, addAccess } from './access.ts';
import type { Runnable } from './pipeline.ts';
import { parseQuantity } from './quantity.ts';
import { describe, glob } from './storage.ts';

/** Flags that every job understands. */
export type Globals = {
  readonly out?: string;
  readonly split?: number;
  readonly on: (typeof backends)[number];
  readonly workers?: number;
  /** Where finished tasks are kept; undefined: where the backend usually keeps them. */
  readonly store: string | undefined;
  readonly rate?: number;
  readonly timeout?: number;
  readonly memory?: number;
  readonly digest: boolean;
  readonly access: Access;
  /** Of functions: the stack they belong to, tasks a call, and whether one of them drives the run. */
  readonly stack: string;
  readonly pack: number;
  readonly detach: boolean;
  readonly json: boolean;
  readonly debug: boolean;
};
export type Arguments = {
  readonly uris: { readonly [input: string]: readonly string[] };
  readonly params: Options;
  readonly globals: Globals;
};

/** Flags as commander hands them over. */
type Given = { readonly [flag: string]: unknown };

/** Each takes some 30 MB before it does anything. */
const mostWorkers = 256;
/** Calls of functions at once, unless told otherwise: what every account has (Lambda quotas). */
export const usualCalls = 1000;
const mostPacked = 1000;

/** As many functions as AWS lets run by default in a large account, ten times over. */
const mostCalls = 10_000;

export const backends = ['threads', 'processes', 'inline', 'lambda'] as const;

/**
 * Reads the flags of `run` or `plan` for one job.
 * @throws BadUsage for anything unknown, missing or out of range; after printing it, undefined when help was asked for
 */
export async function parseArguments(
  command: string,
  job: Runnable,
  args: readonly string[],
): Promise<Arguments | undefined> {
  const parser = new Command(`servermix ${command} ${job.name}`)
    .description(describeJob(job))
    .helpOption('-h, --help', 'this text')
    .allowExcessArguments(false);
  for (const [name, input] of Object.entries(job.inputs)) {
    if (Object.hasOwn(job.params, name)) continue;
    const option = new Option(
      `--${name} <${input.named === undefined ? 'uri' : 'name=uri,'}${input.many ? '...' : ''}>`,
      inputHelp(input.doc, input.formats),
    );
    if (!input.optional) option.makeOptionMandatory();
    if (!input.many) option.argParser((uri: string, before?: string) => once(name, uri, before));
    parser.addOption(option);
  }
  const lists = new Set(Object.values(job.inputs).map((input) => input.named));
  addParams(parser, job.params as Spec, (name) => Object.hasOwn(job.inputs, name) || lists.has(name));
  addGlobals(parser, job);
  const examples = (job.examples ?? []).map((line) => `  servermix ${command} ${job.name} ${line}\n`);
  if (examples.length > 0) parser.addHelpText('after', `\nExamples:\n${examples.join('')}`);
  const given = parse(parser, args);
  return given && named(job, split(job, given));
}

/** Inputs whose values name things in files become files and an option. */
async function named(job: Runnable, parsed: Arguments): Promise<Arguments> {
  const found = Object.entries(job.inputs).find(([, input]) => input.named !== undefined);
  if (!found) return parsed;
  const { resolveScenes } = await import('./scenes.ts');
  return resolveScenes(found[0], found[1].named!, parsed);
}

function once(name: string, value: string, before: string | undefined): string {
  if (before !== undefined) throw new BadUsage(`--${name}: found ${before} and ${value}, expected one file`);
  return value;
}

/** Runs a commander parser under our own rules: one line and exit code 2 for what is wrong. */
export function parse(parser: Command, args: readonly string[]): Given | undefined {
  try {
    return parser
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .parse(args, { from: 'user' })
      .opts();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) return undefined;
    if (error.code === 'commander.excessArguments')
      throw new BadUsage(
        `found more than the options take in ${args.join(' ')}; an input without \`...\` in --help takes one file`,
      );
    throw new BadUsage(
      `${error.message.replace(/^error: /, '').replace(/\n/g, ' ')}; see ${parser.name()} --help`,
    );
  }
}

function describeJob(job: Runnable): string {
  return `${job.doc}\n\nA part is ${job.split} ${job.unit} unless --split says otherwise; that never changes the result.`;
}

const inputHelp = (doc: string, formats: readonly string[]): string => `${doc} (${formats.join(', ')})`;

/** The options of a parameter table; one for which `takesFile` holds may name a file instead. */
export function addParams(parser: Command, spec: Spec, takesFile: (name: string) => boolean): void {
  for (const [name, param] of Object.entries(spec)) {
    const hint = takesFile(name) ? `${param.hint}|file` : param.hint;
    const unit = param.unit ? `, ${param.unit}` : '';
    const fallback = JSON.stringify(param.default);
    const bare = param.hint === undefined || ['""', '[]'].includes(fallback);
    const shown = bare ? unit : ` (default ${fallback}${unit})`;
    parser.addOption(new Option(`--${name}${hint === undefined ? '' : ` <${hint}>`}`, param.doc + shown));
  }
}

/** What commander keeps of a flag: `--no-x` is x = false, `--a-b` is aB. */
function flagValue(name: string, given: Given): unknown {
  const negated = name.startsWith('no-');
  const key = (negated ? name.slice(3) : name).replace(/-([a-z0-9])/g, (_, c: string) => c.toUpperCase());
  return negated ? (given[key] === false ? true : undefined) : given[key];
}

/** The given options of a parameter table; texts that do not fit an option for which `takesFile` holds are `files`. */
export function paramsOf(
  spec: Spec,
  given: Given,
  takesFile: (name: string) => boolean,
): { params: Options; files: { [name: string]: readonly string[] } } {
  const files: { [name: string]: readonly string[] } = {};
  const params: { [name: string]: Json } = {};
  for (const [name, param] of Object.entries(spec)) {
    const found = flagValue(name, given);
    if (found === undefined) continue;
    const parsed: Json = typeof found === 'string' ? param.parse(found) : (found as Json);
    if (typeof found === 'string' && takesFile(name) && !param.check(parsed)) files[name] = [found];
    else params[name] = parsed;
  }
  return { params: resolve(spec, params), files };
}

function addGlobals(parser: Command, job: Runnable): void {
  const where = {
    text: 'file to write; standard output unless given',
    file: 'file to write',
    folder: 'folder to write into; made where there is none',
    prefix: 'what the names of the written files start with, say results/sample1',
  }[job.output];
  parser
    .option('--out <path>', where)
    .option('--split <amount>', `${job.unit} a part, say ${job.unit === 'bytes' ? '64MiB' : '500k'}`)
    .addOption(new Option('--on <backend>', 'where tasks run').choices(backends).default('threads'))
    .option('--workers <n>', `workers (default: one a core; calls of functions at once: ${usualCalls})`)
    .option(
      '--store <uri>',
      'where finished tasks are kept for resuming: a folder, s3://bucket/prefix, or memory: for nowhere (default: .servermix; with functions, their bucket)',
    )
    .option('--rate <n>', 'start at most n tasks a second')
    .option('--timeout <seconds>', 'give up an attempt of a task after this long')
    .option(
      '--memory <amount>',
      'memory that running tasks may plan to use together (default: 3/4 of the machine)',
    )
    .option(
      '--digest',
      'know local files by the hash of all their bytes: copies and touched files stay known',
    )
    .option('--stack <name>', 'with --on lambda: the stack that servermix deploy aws made', 'servermix')
    .option('--pack <n>', 'with --on lambda: tasks that one call may carry, for very small ones', '1')
    .option('--detach', 'with --on lambda: a function drives the run; this command ends at once')
    .option('--json', 'results and events as JSON')
    .option('--debug', 'stack traces');
  addAccess(parser);
}

function split(job: Runnable, given: Given): Arguments {
  const lists = new Set(Object.values(job.inputs).map((input) => input.named));
  const takesFile = (name: string): boolean => Object.hasOwn(job.inputs, name) || lists.has(name);
  const { params, files } = paramsOf(job.params as Spec, given, takesFile);
  const uris: { [input: string]: readonly string[] } = { ...files };
  for (const name of Object.keys(job.inputs)) {
    const found = flagValue(name, given);
    if (found === undefined || Object.hasOwn(job.params, name)) continue;
    uris[name] = Array.isArray(found) ? (found as string[]) : [found as string];
  }
  return { uris, params: withFormat(job, params, given), globals: globalsOf(given) };
}

/** Where `--format` is not given, and `--out` ends on one of its words, that is the format. */
function withFormat(job: Runnable, params: Options, given: Given): Options {
  const ending = /\.([a-z0-9]+)$/i.exec((given['out'] as string | undefined) ?? '')?.[1]?.toLowerCase();
  const format = (job.params as Spec)['format'];
  const isTold = ending !== undefined && given['format'] === undefined && format?.check(ending);
  return isTold ? { ...params, format: ending } : params;
}

function globalsOf(given: Given): Globals {
  const text = (name: string): string | undefined => given[name] as string | undefined;
  const amount = (name: string): number | undefined => {
    const found = text(name);
    return found === undefined ? undefined : parseQuantity(found, name);
  };
  const defined = <T>(name: string, found: T | undefined): { [k: string]: T } =>
    found === undefined ? {} : { [name]: found };
  const number = (name: string, expected: string, fits: (n: number) => boolean): number | undefined => {
    const found = text(name);
    if (found === undefined) return undefined;
    const value = found.trim() === '' ? NaN : Number(found);
    if (!Number.isFinite(value) || !fits(value))
      throw new BadUsage(`--${name}: found ${found || 'nothing'}, expected ${expected}`);
    return value;
  };
  const on = text('on') as Globals['on'];
  const whole = (name: string, most: number): number | undefined =>
    number(name, `a whole number from 1 to ${most}`, (n) => Number.isInteger(n) && n >= 1 && n <= most);
  const workers = whole('workers', on === 'lambda' ? mostCalls : mostWorkers);
  const pack = whole('pack', mostPacked)!;
  const detach = given['detach'] === true;
  if (detach && on !== 'lambda')
    throw new BadUsage('--detach: only functions can drive a run; add --on lambda');
  const rate = number('rate', 'tasks a second, more than 0', (n) => n > 0);
  const seconds = number('timeout', 'seconds, more than 0', (n) => n > 0);
  if (text('store') === '')
    throw new BadUsage('--store: found nothing, expected a folder, s3://bucket/prefix or memory:');
  if (seconds !== undefined && on === 'inline')
    throw new BadUsage('--timeout: a task that runs --on inline cannot be ended; use threads or processes');
  return {
    on,
    store: text('store'),
    digest: given['digest'] === true,
    access: accessOf(given),
    stack: text('stack')!,
    pack,
    detach,
    json: given['json'] === true,
    debug: given['debug'] === true,
    ...defined('out', text('out')),
    ...defined('split', amount('split')),
    ...defined('workers', workers),
    ...defined('rate', rate),
    ...defined('timeout', seconds === undefined ? undefined : seconds * 1000),
    ...defined('memory', amount('memory')),
  } as Globals;
}

/** The datasets that the input flags name. @throws BadInput, BadUsage */
export async function describeInputs(job: Runnable, { uris, globals }: Arguments): Promise<Inputs> {
  const inputs: { [name: string]: Inputs[string] } = {};
  for (const [name, given] of Object.entries(uris)) {
    const { many } = job.inputs[name]!;
    const how = { digest: globals.digest, access: globals.access };
    const all = (await Promise.all(given.map((uri) => glob(uri, how)))).flat();
    if (!many && all.length > 1)
      throw new BadUsage(`--${name}: found ${all.length} files, expected one for ${job.name}`);
    const twice = all.find((uri, i) => all.indexOf(uri) !== i);
    if (twice !== undefined) throw new BadUsage(`--${name}: found ${twice} twice, expected each file once`);
    const datasets = await Promise.all(all.map((uri) => describe(uri, how)));
    inputs[name] = datasets;
  }
  return inputs;
}
