/** `servermix status` and `servermix cancel`: runs that functions drive. */
import { Command } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { BadUsage } from '../../core/errors.ts';
import type { Status } from '../../infra/aws/lambda/wire.ts';
import { dollarsOf } from '../../infra/aws/prices.ts';
import { addEndpoint, useEndpoint } from '../access.ts';
import { parse } from '../arguments.ts';
import { interrupts } from '../interrupt.ts';
import { count, dollars, seconds } from '../quantity.ts';

/** Milliseconds between looks with --wait. */
const pause = 2000;
/** Milliseconds without a word after which a driver is dead: it speaks every five seconds, and starts in less. */
const patience = 120_000;

const notes = () => import('../../infra/aws/notes.ts');

type Asked = { readonly run: string; readonly store: string; readonly wait: boolean; readonly json: boolean };

/** The run and the store that the arguments name; undefined after help. */
async function ask(command: string, doc: string, args: readonly string[]): Promise<Asked | undefined> {
  const parser = new Command(`servermix ${command}`)
    .description(doc)
    .argument('[run]', 'name of the run, as --detach printed it, or `last`', 'last')
    .option('--store <uri>', "store of the run (default: the stack's)")
    .option('--stack <name>', 'stack whose functions drive it', 'servermix')
    .option('--json', 'as JSON');
  addEndpoint(parser);
  if (command === 'status') parser.option('--wait', 'stay until the run has ended');
  const given = parse(parser, args);
  if (!given) return undefined;
  useEndpoint(given);
  const { deploymentOf, storeFor } = await import('../functions.ts');
  const named = {
    stack: given['stack'] as string,
    store: given['store'] as string | undefined,
  };
  const store = storeFor(named, await deploymentOf(named));
  const { listRuns } = await notes();
  const what = parser.args[0] ?? 'last';
  const run = what === 'last' ? (await listRuns(store)).at(-1) : what;
  if (run === undefined)
    throw new BadUsage(
      `${store}: found no runs that functions drive; begin one with servermix run ... --detach`,
    );
  return { run, store, wait: given['wait'] === true, json: given['json'] === true };
}

async function read({ run, store }: Asked): Promise<Status> {
  const [{ readNote }, { runNames }] = [await notes(), await import('../../infra/aws/lambda/wire.ts')];
  const text = await readNote(store, runNames(run).status);
  if (text === undefined)
    throw new BadUsage(
      `${run}: found no such run in ${store}; servermix status last tells of the newest one`,
    );
  return JSON.parse(text) as Status;
}

/** Says how a run is; with --wait until it has ended. @throws Error of a run that failed */
export async function status(args: readonly string[]): Promise<void> {
  const asked = await ask('status', 'how a run is that functions drive (servermix run ... --detach)', args);
  if (!asked) return;
  const interrupt = interrupts();
  try {
    let found = await read(asked);
    for (; asked.wait && found.state === 'running'; found = await read(asked)) {
      process.stderr.write(`${describe(found)}\n`);
      await sleep(pause, undefined, { signal: interrupt.signal }).catch(() => {
        throw interrupt.signal.reason;
      });
    }
    process.stdout.write(`${asked.json ? JSON.stringify(found) : describe(found)}\n`);
    if (found.state === 'failed') throw new Error(found.message ?? `run ${asked.run} failed`);
  } finally {
    interrupt.release();
  }
}

/** Tells the driver of a run to stop, and functions that have not begun not to. */
export async function cancel(args: readonly string[]): Promise<void> {
  const asked = await ask('cancel', 'stops a run that functions drive; what is finished is kept', args);
  if (!asked) return;
  const found = await read(asked);
  if (found.state !== 'running') {
    process.stdout.write(`${describe(found)}\n`);
    return;
  }
  const [{ writeNote }, { runNames }] = [await notes(), await import('../../infra/aws/lambda/wire.ts')];
  await writeNote(asked.store, runNames(asked.run).cancel, new Date().toISOString());
  process.stdout.write(
    `${asked.run} is told to stop: calls that wait are dropped, those that run end by themselves; the same command goes on from there\n`,
  );
}

function describe(s: Status): string {
  const silence = Date.now() - s.at;
  const parts = [
    `${s.run}  ${s.job}  ${s.state}`,
    `${count(s.done)}/${count(s.tasks)} tasks`,
    seconds((s.at - s.began) / 1000),
    ...(s.bill ? [dollars(dollarsOf(s.bill))] : []),
    ...(s.state === 'running' && silence > patience
      ? [
          `no word for ${seconds(silence / 1000)}: its driver has died; give the command again, finished work is kept`,
        ]
      : []),
    ...(s.message ? [s.message] : []),
    ...(s.files ? [`wrote ${s.files.map(({ path }) => path).join(' ')}`] : []),
  ];
  return parts.join('  ');
}
