/** `servermix run`: plan, execute, write, and say what was done. */
import { stat } from 'node:fs/promises';
import { BadUsage, messageOf } from '../../core/errors.ts';
import type { Happening } from '../../core/events.ts';
import type { AnyJob, Inputs } from '../../core/job.ts';
import { checkWritable, fileOutput } from '../../core/output.ts';
import type { Summary } from '../../core/summary.ts';
import { version } from '../../core/version.ts';
import { describeInputs, parseArguments, type Arguments } from '../arguments.ts';
import { defaultMemory, startHost } from '../backend.ts';
import { catalog } from '../catalog.ts';
import { interrupts } from '../interrupt.ts';
import { bytes, count, seconds } from '../quantity.ts';
import { record } from '../record.ts';
import { display } from '../terminal.ts';

/** Runs a job named on the command line. */
export async function run([name, ...args]: readonly string[]): Promise<void> {
  if (name === undefined || name.startsWith('-'))
    throw new BadUsage(`run needs a job: ${catalog.names.join(', ')}; see servermix list`);
  const job = await catalog.load(name);
  const parsed = parseArguments('run', job, args);
  if (!parsed) return;
  const summary = await execute(job, parsed);
  if (parsed.globals.json && job.output !== 'text') process.stdout.write(`${JSON.stringify(summary)}\n`);
}

/** Runs a job with parsed arguments, with progress on standard error. */
export async function execute(job: AnyJob, parsed: Arguments): Promise<Summary> {
  const { globals, params } = parsed;
  const { out, json } = globals;
  if (out === undefined && job.output !== 'text') throw new BadUsage(`${job.name} needs --out`);
  if (out === '-' || /^[a-z][a-z0-9+.-]+:\/\//i.test(out ?? ''))
    throw new BadUsage(`--out ${out}: expected a path of this machine`);
  if (out !== undefined) await checkWritable(out, { prefix: job.output === 'prefix' });
  const interrupt = interrupts();
  const host = await startHost(globals, job.name, interrupt.signal);
  // Loaded while the workers boot.
  const { run: runJob, write } = await import('../../core/run.ts');
  const screen = display({ json });
  let log: ReturnType<typeof record> | undefined;
  const lost: string[] = [];
  try {
    const inputs = await unlessStopped(describeInputs(job, parsed), interrupt.signal);
    if (out !== undefined) await checkNotInput(out, inputs);
    log = record(
      globals.store,
      (event) => screen.show(event),
      (why) => lost.push(why),
    );
    const on = (event: Happening): void => log!.add(event);
    const { split = job.split, rate, timeout, memory = defaultMemory() } = globals;
    on({
      event: 'run',
      run: log.run,
      job: `${job.name}@${job.version}`,
      inputs,
      params,
      split,
      backend: host.backend.name,
      workers: host.backend.concurrency,
      version,
    });
    const finished = await runJob({ job, inputs, params }, host, {
      on,
      split,
      memory,
      signal: interrupt.signal,
      ...(rate === undefined ? {} : { rate }),
      ...(timeout === undefined ? {} : { timeout }),
    });
    screen.phase(`${job.name}  writing results`);
    const output = fileOutput(out);
    try {
      await write(finished, output, host, { json, signal: interrupt.signal });
      interrupt.signal.throwIfAborted();
      for (const file of await output.commit()) on({ event: 'wrote', ...file });
    } catch (error) {
      await output.abort();
      throw error;
    }
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
  const there = await stat(out).catch(() => undefined);
  if (!there) return;
  for (const { uri } of Object.values(inputs).flat()) {
    const input = await stat(uri).catch(() => undefined);
    if (input && input.ino === there.ino && input.dev === there.dev)
      throw new BadUsage(`--out ${out} is the input ${uri}; give another path`);
  }
}

/** A wait that a signal ends, for what takes none. */
function unlessStopped<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason as Error);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop);
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
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
  const cost = `${s.busy.toFixed(1)} core-s, $0, ${bytes(s.bytes)} read, peak ${bytes(s.rss)} of memory`;
  const files = s.files.map(({ path }) => path).join(' ');
  const kept = folder === undefined ? '' : `trace in ${folder}`;
  const wrote = files && `wrote ${files}`;
  const last = [wrote, kept].filter(Boolean).join('; ');
  return `done in ${seconds(s.wall)}${records}; ${tasks}; ${cost}${last && `\n${last}`}`;
}
