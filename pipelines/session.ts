/** What a command keeps while jobs run: a backend, the files it may open, and the wish to stop. */
import { stat } from 'node:fs/promises';
import { BadUsage, messageOf } from '../core/errors.ts';
import type { Happening } from '../core/events.ts';
import { noBill } from '../core/bill.ts';
import type { AnyJob, Dataset, Inputs, Planning, Stage } from '../core/job.ts';
import type { OutputFile } from '../core/output.ts';
import type { Finished } from '../core/run.ts';
import { unlessStopped } from '../core/stopped.ts';
import type { Summary } from '../core/summary.ts';
import { version } from '../core/version.ts';
import { requests } from '../infra/aws/meter.ts';
import { describeInputs, type Arguments } from './arguments.ts';
import { defaultMemory, functionsModule, startHost, storeUriOf } from './backend.ts';
import { settingOf } from './commands/plan.ts';
import { estimate } from './estimate.ts';
import { interrupts } from './interrupt.ts';
import type { Runnable } from './pipeline.ts';
import { newRun, record } from './record.ts';
import { describeSummary } from './said.ts';
import { describe, output, storeFolder } from './storage.ts';
import { display } from './terminal.ts';

export type Session = {
  readonly inputs: Inputs;
  readonly planning: Planning;
  readonly signal: AbortSignal;
  /** Runs a job and writes its files to `out`, with progress and a record of its own; `label` stands before what is said. */
  run(
    stage: Stage,
    out: string | undefined,
    label?: string,
  ): Promise<{ finished: Finished; summary: Summary; files: readonly OutputFile[] }>;
  /** Files that runs of this session wrote, known by all their bytes: written again, they are the same input. */
  written(uris: readonly string[]): Promise<Dataset[]>;
};

/**
 * Gives `use` a session for a command line, and ends it after. `first` is the job that runs first: workers load it while they boot. `out` was checked before.
 */
export async function withSession<T>(
  command: Runnable,
  first: AnyJob,
  parsed: Arguments,
  use: (session: Session) => Promise<T>,
): Promise<T> {
  const { globals } = parsed;
  const { json } = globals;
  let run: string | undefined = newRun();
  const store = await storeUriOf(globals);
  const interrupt = interrupts();
  const { signal } = interrupt;
  const host = await startHost(globals, store, first, run, signal);
  // Loaded while the workers boot.
  const [{ run: runJob, write }, { headStart }] = await Promise.all([
    import('../core/run.ts'),
    import('../core/headstart.ts'),
  ]);

  const runStage: Session['run'] = async (stage, out, label = '') => {
    const { job, inputs, params } = stage;
    const screen = display({ json, label });
    const lost: string[] = [];
    // What was asked for before the first run was for it.
    const before = run === undefined ? requests() : undefined;
    const log = record(
      run ?? newRun(),
      store,
      (event) => screen.show(event),
      (why) => lost.push(why),
    );
    run = undefined;
    const on = (event: Happening): void => log.add(event);
    let wrote: readonly OutputFile[] = [];
    try {
      if (out !== undefined) await checkNotInput(out, inputs);
      const { split = job.split, rate, timeout, memory = defaultMemory(globals.on) } = globals;
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
      const setting = await settingOf(globals);
      const files = await output(out, store, { signal });
      // Blobs from afar would be asked for one by one.
      const ahead =
        storeFolder(store) === undefined ? undefined : headStart(files, host.runtime.store, signal);
      let finished: Finished;
      try {
        finished = await runJob(stage, host, {
          on(event) {
            log.add(event);
            if (event.event === 'done') ahead?.done(event.key);
          },
          split,
          memory,
          signal,
          planned(plan, all) {
            ahead?.planned(plan);
            if (!setting.ladder) return;
            const { bill, seconds: time } = estimate(plan.job, plan, Object.values(all).flat(), setting);
            on({ event: 'estimate', bill, ...(time === undefined ? {} : { seconds: time }) });
          },
          ...(rate === undefined ? {} : { rate }),
          ...(timeout === undefined ? {} : { timeout }),
        });
        screen.phase(`${label}${job.name}  writing results`);
        await write(finished, ahead?.target ?? files, host, { json, signal });
        await ahead?.settle();
        signal.throwIfAborted();
        wrote = await files.commit();
        for (const file of wrote) on({ event: 'wrote', ...file });
      } catch (error) {
        await ahead?.settle().catch(() => {});
        await files.abort();
        throw error;
      }
      const own = requests(before);
      if (own.gets + own.puts > 0) on({ event: 'bill', bill: { ...noBill, ...own } });
      on({ event: 'end', status: 'done', rss: process.memoryUsage.rss() });
      const summary = await log.close();
      screen.clear();
      if (!json) process.stderr.write(`${label}${describeSummary(summary, log.folder)}\n`);
      for (const why of lost) process.stderr.write(`${why}\n`);
      return { finished, summary, files: wrote };
    } catch (error) {
      screen.clear();
      const status = signal.aborted ? 'interrupted' : 'failed';
      on({ event: 'end', status, message: messageOf(error), rss: process.memoryUsage.rss() });
      await log.close();
      throw error;
    }
  };

  try {
    const inputs = await unlessStopped(describeInputs(command, parsed), signal);
    const checkReach = async (all: Inputs): Promise<void> => {
      if (globals.on === 'lambda') (await functionsModule()).checkReachable(all);
    };
    await checkReach(inputs);
    return await use({
      inputs,
      planning: host.planning,
      signal,
      run: runStage,
      async written(uris) {
        const how = { digest: true, access: globals.access, signal };
        const found = await Promise.all(uris.map((uri) => describe(uri, how)));
        await checkReach({ found });
        return found;
      },
    });
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
