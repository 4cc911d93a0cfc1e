/** `servermix run --detach`: orders a run that a function drives. */
import { BadUsage } from '../../core/errors.ts';
import type { AnyJob } from '../../core/job.ts';
import type { Status } from '../../infra/aws/lambda/wire.ts';
import { describeInputs, type Arguments } from '../arguments.ts';
import { functionsModule, storeUriOf } from '../backend.ts';
import { newRun } from '../record.ts';
import { checkOutput } from '../storage.ts';

/** Orders a run that a function drives, and says how to look after it. */
export async function detach(job: AnyJob, parsed: Arguments): Promise<void> {
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
