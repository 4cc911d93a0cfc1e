/** `servermix plan`: what a run would do, need and take. */
import { checkFits } from '../../core/admission.ts';
import { BadUsage } from '../../core/errors.ts';
import type { AnyJob } from '../../core/job.ts';
import { plan as planJob } from '../../core/plan.ts';
import { redact } from '../../core/redact.ts';
import { opener } from '../../core/task.ts';
import { describeInputs, parseArguments, type Globals } from '../arguments.ts';
import { prices } from '../../infra/aws/prices.ts';
import { defaultMemory, functionsModule, openBlobs, storeUriOf } from '../backend.ts';
import { catalog } from '../catalog.ts';
import { interrupts } from '../interrupt.ts';
import { estimate, type Estimate, type Setting } from '../estimate.ts';
import { bytes, count, dollars, seconds } from '../quantity.ts';
import { open, planning } from '../storage.ts';

export async function plan([name, ...args]: readonly string[]): Promise<void> {
  if (name === undefined || name.startsWith('-'))
    throw new BadUsage(`plan needs a job: ${catalog.names.join(', ')}; see servermix list`);
  const job = await catalog.load(name);
  const parsed = parseArguments('plan', job, args);
  if (!parsed) return;
  const { globals, params } = parsed;
  const inputs = await describeInputs(job, parsed);
  const interrupt = interrupts();
  const { signal } = interrupt;
  const blobs = await openBlobs(await storeUriOf(globals), signal);
  const files = opener(blobs, (dataset) => open(dataset, { signal }));
  try {
    const host = planning(files, signal, globals.access);
    const { split = job.split, memory = defaultMemory(globals.on) } = globals;
    const planned = await planJob({ job, inputs, params }, host, { split });
    for (const note of planned.notes) process.stderr.write(`note: ${redact(note)}\n`);
    const finished = await blobs.has(planned.root);
    const setting = await settingOf(globals);
    const found = estimate(job, planned, Object.values(inputs).flat(), setting);
    checkFits(found.largest, memory, job.name);
    const text = globals.json
      ? JSON.stringify({ ...found, finished })
      : describeEstimate(found, finished, job, setting.ladder !== undefined);
    process.stdout.write(`${text}\n`);
  } finally {
    interrupt.release();
    await files.close();
  }
}

/** What an estimate must know of where a run would be. */
export async function settingOf(globals: Globals): Promise<Setting> {
  const { on, workers } = globals;
  const place = { on, ...(workers === undefined ? {} : { workers }) };
  if (on !== 'lambda') return place;
  const { deploymentOf } = await functionsModule();
  return { ...place, ladder: (await deploymentOf(globals)).ladder };
}

function describeEstimate(e: Estimate, finished: boolean, job: AnyJob, isCharged: boolean): string {
  const { invocations, gbSeconds, gets, puts } = e.bill;
  const lines = [
    ['job', `${e.job}: ${job.doc}`],
    ['result', `${e.key}${finished ? ' (finished: a run would only write it)' : ''}`],
    ['parts', `${count(e.parts)}, ${count(e.tasks)} tasks with merges`],
    ['input', `${bytes(e.bytes)}${e.records === undefined ? '' : `, ${count(e.records)} ${job.counts}`}`],
    ['memory', `${bytes(e.memory)} planned with ${e.workers} ${isCharged ? 'calls at once' : 'workers'}`],
    [
      'time',
      e.seconds === undefined
        ? 'unknown'
        : `about ${seconds(e.seconds)}, ${seconds(e.coreSeconds!)} of core time`,
    ],
    ...(isCharged
      ? [
          ['calls', `about ${count(invocations)}, ${gbSeconds.toFixed(1)} GB-seconds`],
          ['requests', `about ${count(gets)} GET, ${count(puts)} PUT`],
          ['cost', `about ${dollars(e.dollars)} (prices of ${prices.region}, ${prices.date})`],
          ...(job.next ? [['note', 'of the first stage alone; what follows depends on its result']] : []),
        ]
      : [['cost', '$0 (this machine)']]),
  ];
  return lines.map(([k, v]) => `${k!.padEnd(9)}${v}`).join('\n');
}
