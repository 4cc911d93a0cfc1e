/** `servermix run`: plan, execute, write, and say what was done. */
import { stat } from 'node:fs/promises';
import { BadUsage, messageOf } from '../../core/errors.ts';
import type { Happening } from '../../core/events.ts';
import { noBill } from '../../core/bill.ts';
import type { AnyJob, Bill, Inputs } from '../../core/job.ts';
import { unlessStopped } from '../../core/stopped.ts';
import type { Summary } from '../../core/summary.ts';
import { version } from '../../core/version.ts';
import { describeInputs, parseArguments, type Arguments } from '../arguments.ts';
import type { Status } from '../../infra/aws/lambda/wire.ts';
import { requests } from '../../infra/aws/meter.ts';
import { dollarsOf, prices } from '../../infra/aws/prices.ts';
import { defaultMemory, functionsModule, startHost, storeUriOf } from '../backend.ts';
import { catalog } from '../catalog.ts';
import { estimate } from '../estimate.ts';
import { interrupts } from '../interrupt.ts';
import { bytes, count, dollars, seconds } from '../quantity.ts';
import { settingOf } from './plan.ts';
import { newRun, record } from '../record.ts';
import { checkOutput, output } from '../storage.ts';
import { display } from '../terminal.ts';

/** Runs a job named on the command line. */
export async function run([name, ...args]: readonly string[]): Promise<void> {
  if (name === undefined || name.startsWith('-'))
    throw new BadUsage(`run needs a job: ${catalog.names.join(', ')}; see servermix list`);
  const job = await catalog.load(name);
  const parsed = parseArguments('run', job, args);
  if (!parsed) return;
  if (parsed.globals.detach) return detach(job, parsed);
  const summary = await execute(job, parsed);
  if (parsed.globals.json && job.output !== 'text') process.stdout.write(`${JSON.stringify(summary)}\n`);
}

/** Orders a run that a function drives, and says how to look after it. */
async function detach(job: AnyJob, parsed: Arguments): Promise<void> {
  const { globals, params } = parsed;
  const { out, json, split, workers, pack, timeout, rate, access } = globals;
  if (out === undefined || !/^s3:/i.test(out))
    throw new BadUsage(
      `--detach: found --out ${out ?? 'nowhere'}, expected s3://bucket/key; a function cannot write here`,
    );
  await checkOutput(out, { prefix: job.output === 'prefix' });
  const { checkReachable, deploymentOf, startDriver } = await functionsModule();
  const [deployment, store, run] = [await deploymentOf(globals), await storeUriOf(globals), newRun()];
  const inputs = await describeInputs(job, parsed);
  checkReachable(inputs);
  const defined = Object.entries({ split, workers, timeout, rate }).filter(
    ([, value]) => value !== undefined,
  );
  const [{ wire, runNames }, { writeNote }] = [
    await import('../../infra/aws/lambda/wire.ts'),
    await import('../../infra/aws/notes.ts'),
  ];
  const began = Date.now();
  const id = `${job.name}@${job.version}`;
  const waiting: Status = {
    run,
    job: id,
    state: 'running',
    generation: 0,
    tasks: 0,
    done: 0,
    began,
    at: began,
  };
  await writeNote(store, runNames(run).status, JSON.stringify(waiting));
  await startDriver({
    wire,
    run,
    generation: 0,
    done: -1,
    began,
    job: id,
    inputs,
    params,
    access,
    store,
    out,
    json,
    deployment,
    pack,
    ...Object.fromEntries(defined),
  });
  process.stdout.write(`${json ? JSON.stringify({ run, store, out }) : run}\n`);
  if (!json)
    process.stderr.write(
      `a function drives the run now; look after it with servermix status ${run} --store ${store} [--wait], stop it with servermix cancel ${run} --store ${store}\n`,
    );
}

/** Runs a job with parsed arguments, with progress on standard error. */
export async function execute(job: AnyJob, parsed: Arguments): Promise<Summary> {
  const { globals, params } = parsed;
  const { out, json } = globals;
  if (out === undefined && job.output !== 'text') throw new BadUsage(`${job.name} needs --out`);
  if (out !== undefined) await checkOutput(out, { prefix: job.output === 'prefix' });
  const [store, run] = [await storeUriOf(globals), newRun()];
  const interrupt = interrupts();
  const host = await startHost(globals, store, job, run, interrupt.signal);
  // Loaded while the workers boot.
  const { run: runJob, write } = await import('../../core/run.ts');
  const screen = display({ json });
  let log: ReturnType<typeof record> | undefined;
  const lost: string[] = [];
  try {
    const inputs = await unlessStopped(describeInputs(job, parsed), interrupt.signal);
    if (globals.on === 'lambda') (await functionsModule()).checkReachable(inputs);
    if (out !== undefined) await checkNotInput(out, inputs);
    log = record(
      run,
      store,
      (event) => screen.show(event),
      (why) => lost.push(why),
    );
    const on = (event: Happening): void => log!.add(event);
    const { split = job.split, rate, timeout, memory = defaultMemory(globals.on) } = globals;
    on({
      event: 'run',
      run,
      job: `${job.name}@${job.version}`,
      inputs,
      params,
      split,
      backend: host.backend.name,
      workers: host.backend.concurrency,
      version,
    });
    const setting = await settingOf(globals);
    const finished = await runJob({ job, inputs, params }, host, {
      on,
      split,
      memory,
      signal: interrupt.signal,
      ...(setting.ladder
        ? {
            planned(plan, all) {
              const { bill, seconds: time } = estimate(plan.job, plan, Object.values(all).flat(), setting);
              on({ event: 'estimate', bill, ...(time === undefined ? {} : { seconds: time }) });
            },
          }
        : {}),
      ...(rate === undefined ? {} : { rate }),
      ...(timeout === undefined ? {} : { timeout }),
    });
    screen.phase(`${job.name}  writing results`);
    const files = await output(out, store, { signal: interrupt.signal });
    try {
      await write(finished, files, host, { json, signal: interrupt.signal });
      interrupt.signal.throwIfAborted();
      for (const file of await files.commit()) on({ event: 'wrote', ...file });
    } catch (error) {
      await files.abort();
      throw error;
    }
    const own = requests();
    if (own.gets + own.puts > 0) on({ event: 'bill', bill: { ...noBill, ...own } });
    on({ event: 'end', status: 'done', rss: process.memoryUsage.rss() });
    const summary = await log.close();
    screen.clear();
    if (!json) process.stderr.write(`${describeSummary(summary, log.folder)}\n`);
    for (const why of lost) process.stderr.write(`${why}\n`);
    return summary;
  } catch (error) {
    screen.clear();
    const status = interrupt.signal.aborted ? 'interrupted' : 'failed';
    log?.add({ event: 'end', status, message: messageOf(error), rss: process.memoryUsage.rss() });
    await log?.close();
    throw error;
  } finally {
    interrupt.release();
    await host.backend.close();
    await host.runtime.open.close();
  }
}

/** @throws BadUsage when the output would replace what it is made from */
async function checkNotInput(out: string, inputs: Inputs): Promise<void> {
  const same = Object.values(inputs)
    .flat()
    .find(({ uri }) => uri === out);
  if (same) throw new BadUsage(`--out ${out} is an input; give another path`);
  const there = await stat(out).catch(() => undefined);
  if (!there) return;
  for (const { uri } of Object.values(inputs).flat()) {
    const input = await stat(uri).catch(() => undefined);
    if (input && input.ino === there.ino && input.dev === there.dev)
      throw new BadUsage(`--out ${out} is the input ${uri}; give another path`);
  }
}

/** What a run cost, and what for. */
function paid(bill: Bill | undefined): string {
  if (!bill) return '$0';
  const { invocations, gbSeconds, gets, puts } = bill;
  const calls = invocations ? `${count(invocations)} calls, ${gbSeconds.toFixed(1)} GB-s, ` : '';
  return `${dollars(dollarsOf(bill))} (${calls}${count(gets)} GET, ${count(puts)} PUT)`;
}

/** What was done, in two lines. */
function describeSummary(s: Summary, folder: string | undefined): string {
  const retries = Object.values(s.retries).reduce((a, b) => a + b, 0);
  const records =
    s.records === undefined
      ? ''
      : `: ${count(s.records)}${s.promised === undefined ? '' : ` of ${count(s.promised)}`} ${s.counts}`;
  const tasks = [
    `${count(s.ran)} task${s.ran === 1 ? '' : 's'} run`,
    ...(s.cached ? [`${count(s.cached)} were done before`] : []),
    ...(retries ? [`${count(retries)} retried`] : []),
  ].join(', ');
  const cost = `${s.busy.toFixed(1)} core-s, ${paid(s.bill)}, ${bytes(s.bytes)} read, peak ${bytes(s.rss)} of memory`;
  const files = s.files.map(({ path }) => path).join(' ');
  const kept = folder === undefined ? '' : `trace in ${folder}`;
  const wrote = files && `wrote ${files}`;
  const expected =
    s.estimate && s.cached === 0
      ? `\nexpected ${seconds(s.estimate.seconds)} and ${paid(s.estimate.bill)} at prices of ${prices.region}, ${prices.date}`
      : '';
  const last = [wrote, kept].filter(Boolean).join('; ');
  return `done in ${seconds(s.wall)}${records}; ${tasks}; ${cost}${expected}${last && `\n${last}`}`;
}
