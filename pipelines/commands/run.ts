/** `servermix run`: plan, execute, write, and say what was done. */
import { BadInput, BadUsage, isBadInput, messageOf } from '../../core/errors.ts';
import { redact } from '../../core/redact.ts';
import type { AnyJob, Inputs, Stage } from '../../core/job.ts';
import type { Summary } from '../../core/summary.ts';
import { parseArguments, type Arguments } from '../arguments.ts';
import { loadNamed, names } from '../catalog.ts';
import { type Done, isPipeline, labelOf, type Pipeline, type Step } from '../pipeline.ts';
import { type Session, withSession } from '../session.ts';
import { checkOutput, output } from '../storage.ts';
import { storeUriOf } from '../backend.ts';
import { detach } from './detach.ts';

/** Runs a job or a pipeline named on the command line. */
export async function run([name, ...args]: readonly string[]): Promise<void> {
  if (name === undefined || name.startsWith('-'))
    throw new BadUsage(`run needs a job: ${names.join(', ')}; see servermix list`);
  const runnable = await loadNamed(name);
  const parsed = await parseArguments('run', runnable, args);
  if (!parsed) return;
  if (isPipeline(runnable)) return runPipeline(runnable, parsed);
  if (parsed.globals.detach) return detach(runnable, parsed);
  const summary = await runJob(runnable, parsed);
  if (parsed.globals.json && runnable.output !== 'text') process.stdout.write(`${JSON.stringify(summary)}\n`);
}

/** Runs a job with parsed arguments, with progress on standard error. */
async function runJob(job: AnyJob, parsed: Arguments): Promise<Summary> {
  const { globals, params } = parsed;
  const { out } = globals;
  if (out === undefined && job.output !== 'text') throw new BadUsage(`${job.name} needs --out`);
  if (out !== undefined) await checkOutput(out, { prefix: job.output === 'prefix' });
  return withSession(job, job, parsed, async (session) => {
    const { summary } = await session.run({ job, inputs: session.inputs, params }, out);
    return summary;
  });
}

/** Runs the steps of a pipeline and writes what stands beside their files. A step with bad input does not keep those from running that do not need it, only the end from being written. */
async function runPipeline(pipeline: Pipeline, parsed: Arguments): Promise<void> {
  const { globals, params } = parsed;
  const { out, json } = globals;
  if (out === undefined) throw new BadUsage(`${pipeline.name} needs --out, a folder`);
  if (globals.detach)
    throw new BadUsage(`--detach: a function drives one job, not ${pipeline.name}; leave --detach out`);
  const folder = `${out.replace(/\/+$/, '')}/`;
  await checkOutput(`${folder}x`, { prefix: true });
  await withSession(pipeline, await pipeline.first(), parsed, async (session) => {
    await pipeline.check?.(session.inputs, session.planning);
    const steps = pipeline.steps(session.inputs, params);
    const [done, summaries]: [Done[], Summary[]] = [[], []];
    const failed: string[] = [];
    for (const [i, step] of steps.entries()) {
      const label = labelOf(steps, i);
      try {
        const stage = await settle(step, folder, session);
        const { finished, summary, files } = await session.run(
          stage,
          folder + (step.out ?? step.name),
          label,
        );
        done.push({ ...step, stage, finished, files });
        summaries.push(summary);
      } catch (error) {
        if (!isBadInput(error) || steps.length === 1 || steps.some(({ reads }) => reads)) throw error;
        failed.push(step.name);
        process.stderr.write(`${label}${redact(messageOf(error))}\n`);
      }
    }
    if (failed.length > 0)
      throw new BadInput(
        `${pipeline.name}: ${failed.length} of ${steps.length} failed: ${failed.join(', ')}; the others are done; ` +
          `mend or leave these out and give the command again for the table`,
      );
    const { files: texts, said } = await pipeline.end(done, params, session.planning);
    const files = await output(folder, await storeUriOf(globals), { signal: session.signal });
    try {
      for (const [name, text] of Object.entries(texts))
        await (await files.file(name)).write(Buffer.from(text));
      session.signal.throwIfAborted();
      const written = await files.commit();
      if (json) process.stdout.write(`${JSON.stringify({ ...said, runs: summaries })}\n`);
      const paths = written.map(({ path }) => path).join(' ');
      if (!json) process.stderr.write(`${steps.length} done; ${paths ? `wrote ${paths}` : `in ${folder}`}\n`);
    } catch (error) {
      await files.abort();
      throw error;
    }
  });
}

/** A step's stage with the files of the steps before it in their places. */
async function settle({ stage, reads = {} }: Step, folder: string, session: Session): Promise<Stage> {
  const inputs: { [name: string]: Inputs[string] } = { ...stage.inputs };
  for (const [name, files] of Object.entries(reads))
    inputs[name] = await session.written(files.map((file) => folder + file));
  return { ...stage, inputs };
}
