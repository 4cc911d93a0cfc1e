#!/usr/bin/env node
/** The command line: dispatches, and turns what goes wrong into one line and an exit code. */
import { BadUsage, isBadInput, messageOf } from '../core/errors.ts';
import { redact } from '../core/redact.ts';
import { version } from '../core/version.ts';
import { Interrupted } from './interrupt.ts';

type Command = { readonly doc: string; load(): Promise<(args: readonly string[]) => Promise<void>> };

const commands: { readonly [name: string]: Command } = {
  list: {
    doc: 'jobs and pipelines, one line each',
    load: async () => (await import('./commands/list.ts')).list,
  },
  info: {
    doc: 'what a file is: format, CRS or contigs, counts, bounds, index; no full read',
    load: async () => (await import('./commands/info.ts')).info,
  },
  validate: {
    doc: 'whether a file keeps the rules of its format (COPC, COG)',
    load: async () => (await import('./commands/validate.ts')).validate,
  },
  plan: {
    doc: 'parts, bytes, memory, estimated time and cost of a job; runs nothing',
    load: async () => (await import('./commands/plan.ts')).plan,
  },
  run: {
    doc: 'run a job or a pipeline',
    load: async () => (await import('./commands/run.ts')).run,
  },
  status: {
    doc: 'how a run is that functions drive (run --detach)',
    load: async () => (await import('./commands/status.ts')).status,
  },
  cancel: {
    doc: 'stop a run that functions drive',
    load: async () => (await import('./commands/status.ts')).cancel,
  },
  explain: {
    doc: 'what a key or a run depends on, and what changed since the run before',
    load: async () => (await import('./commands/explain.ts')).explain,
  },
  scenes: {
    doc: 'search a STAC API for satellite scenes, for jobs to work on',
    load: async () => (await import('./commands/scenes.ts')).scenes,
  },
  datasets: {
    doc: 'public datasets, and generators of synthetic ones',
    load: async () => (await import('./commands/datasets.ts')).datasets,
  },
  deploy: {
    doc: 'make or update the functions and the bucket of a cloud account',
    load: async () => (await import('./commands/deploy.ts')).deploy,
  },
  destroy: {
    doc: 'remove them; results stay unless told otherwise',
    load: async () => (await import('./commands/destroy.ts')).destroy,
  },
};

function help(): string {
  const lines = Object.entries(commands).map(([name, { doc }]) => `  ${name.padEnd(10)}${doc}`);
  return `servermix: packaged genomics and geospatial batch jobs

Usage: servermix COMMAND [ARGUMENTS]

Commands:
${lines.join('\n')}

Examples:
  servermix run genomics/flagstat --reads sample.bam
  servermix run genomics/coverage --reads sample.bam --by 500 --out results/sample
  servermix run pipelines/qc --reads 'bams/*.bam' --out qc
  servermix run lidar/raster --points a.laz b.laz --cell 1 --out dsm.tif
  servermix run genomics/coverage --reads s3://bucket/x.bam --on lambda --out s3://bucket/x
  servermix run genomics/coverage --help

Exit codes: 0 done, 1 the job failed, 2 bad usage, 3 bad input data, 130 interrupted.
`;
}

async function main([name, ...args]: readonly string[]): Promise<void> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    process.stdout.write(help());
    return;
  }
  if (name === '--version') return void process.stdout.write(`${version}\n`);
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (!command) throw new BadUsage(`no command ${name}, expected ${Object.keys(commands).join(', ')}`);
  await (
    await command.load()
  )(args);
}

function exitCodeOf(error: unknown): number {
  if (error instanceof Interrupted) return error.exitCode;
  if (error instanceof BadUsage) return 2;
  if (isBadInput(error)) return 3;
  return 1;
}

/** Without line breaks, and with the control characters that a name or a file may bring spelled out: a terminal would obey them. */
const oneLine = (text: string): string =>
  text
    .replace(/\s*[\r\n]+\s*/g, ' ')
    .replace(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);

const args = process.argv.slice(2);
// `servermix info x.bam | head`: a reader that has seen enough is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0);
  process.stderr.write(
    `servermix: standard output cannot be written (${error.code}); give a file with --out\n`,
  );
  process.exit(1);
});
// Nobody listens to progress any more: the run goes on.
process.stderr.on('error', () => {});
try {
  await main(args);
} catch (error) {
  process.exitCode = exitCodeOf(error);
  const debug = args.includes('--debug') && error instanceof Error;
  const text = redact(debug ? error.stack! : oneLine(messageOf(error)));
  const json = args.includes('--json') && !debug;
  const line = json
    ? JSON.stringify({ event: 'error', message: text, exitCode: process.exitCode })
    : `servermix: ${text}`;
  // A request that a stopped run has given up would be waited for otherwise.
  const leave = error instanceof Interrupted ? () => process.exit() : () => {};
  process.stderr.write(`${line}\n`, leave);
}
