/** `servermix plan`: what a run would do, need and take. */
import { checkFits } from '../../core/admission.ts';
import { BadUsage } from '../../core/errors.ts';
import type { AnyJob, Stage } from '../../core/job.ts';
import { plan as planJob } from '../../core/plan.ts';
import { redact } from '../../core/redact.ts';
import { opener } from '../../core/task.ts';
import { describeInputs, parseArguments, type Globals } from '../arguments.ts';
import { prices } from '../../infra/aws/prices.ts';
import { defaultMemory, functionsModule, openBlobs, storeUriOf } from '../backend.ts';
import { loadNamed, names } from '../catalog.ts';
import { interrupts } from '../interrupt.ts';
import { estimate, type Estimate, type Setting } from '../estimate.ts';
import { isPipeline, labelOf, type Step } from '../pipeline.ts';
import { bytes, count, dollars, seconds } from '../quantity.ts';
import { open, planning } from '../storage.ts';

export async function plan([name, ...args]: readonly string[]): Promise<void> {
  if (name === undefined || name.startsWith('-'))
    throw new BadUsage(`plan needs a job: ${names.join(', ')}; see servermix list`);
  const runnable = await loadNamed(name);
  const parsed = await parseArguments('plan', runnable, args);
  if (!parsed) return;
  const { globals, params } = parsed;
  const inputs = await describeInputs(runnable, parsed);
  const interrupt = interrupts();
  const { signal } = interrupt;
  const blobs = await openBlobs(await storeUriOf(globals), signal);
  const files = opener(blobs, (dataset) => open(dataset, { signal }));
  try {
    const host = planning(files, signal, globals.access);
    const setting = await settingOf(globals);
    const { memory = defaultMemory(globals.on) } = globals;
    const look = async (stage: Stage, label = ''): Promise<Found> => {
      const planned = await planJob(stage, host, { split: globals.split ?? stage.job.split });
      for (const note of planned.notes) process.stderr.write(`${label}note: ${redact(note)}\n`);
      const found = estimate(stage.job, planned, Object.values(stage.inputs).flat(), setting);
      checkFits(found.largest, memory, stage.job.name);
      return { ...found, finished: await blobs.has(planned.root) };
    };
    const show = (value: unknown, text: string): void =>
      void process.stdout.write(`${globals.json ? JSON.stringify(value) : text}\n`);
    const isCharged = setting.ladder !== undefined;
    if (!isPipeline(runnable)) {
      const found = await look({ job: runnable, inputs, params });
      return show(found, describeEstimate(found, runnable, isCharged));
    }
    await runnable.check?.(inputs, host);
    const steps = runnable.steps(inputs, params);
    const found: (Found | undefined)[] = [];
    for (const [i, step] of steps.entries())
      found.push(isPlannable(step) ? await look(step.stage, labelOf(steps, i)) : undefined);
    const lines = steps.map(({ name: step, reads }, i) => {
      const one = found[i];
      const needed = Object.values(reads ?? {}).flat();
      return `${step}\t${one ? lineOf(one, isCharged) : `reads ${needed.join(', ')}: not known before that is there`}`;
    });
    const known = found.filter((one) => one !== undefined);
    const [all, some] = [steps.length, known.length];
    const whole = `${some < all ? `${some} of ${all}` : 'all'}, one after the other\t${lineOf(sumOf(known), isCharged)}`;
    show(
      steps.map(({ name: step, reads }, i) => ({ step, ...(found[i] ?? { reads: reads ?? {} }) })),
      [...lines, whole].join('\n'),
    );
  } finally {
    interrupt.release();
    await files.close();
  }
}

/** Whether there is something to plan with in place of what steps before it write. */
const isPlannable = ({ stage, reads = {} }: Step): boolean =>
  Object.keys(reads).every((input) => (stage.inputs[input] ?? []).length > 0);

/** `finished`: the result is there already. */
type Found = Estimate & { readonly finished: boolean };

/** What steps come to that run one after the other; finished ones cost nothing. */
function sumOf(all: readonly Found[]): LineOf {
  const open = all.filter(({ finished }) => !finished);
  const over = (of: (found: Found) => number): number => open.reduce((sum, found) => sum + of(found), 0);
  return {
    parts: all.reduce((sum, { parts }) => sum + parts, 0),
    bytes: all.reduce((sum, { bytes: size }) => sum + size, 0),
    dollars: over((found) => found.dollars),
    finished: open.length === 0,
    ...(open.some((found) => found.seconds === undefined)
      ? {}
      : { seconds: over((found) => found.seconds!) }),
  };
}

type LineOf = Pick<Found, 'parts' | 'bytes' | 'seconds' | 'dollars' | 'finished'>;

function lineOf(
  { parts, bytes: size, seconds: time, dollars: price, finished }: LineOf,
  isCharged: boolean,
): string {
  const expected = finished
    ? 'finished: a run would only write it'
    : `about ${time === undefined ? 'unknown time' : seconds(time)}, ${isCharged ? dollars(price) : '$0 (this machine)'}`;
  return `${count(parts)} part${parts === 1 ? '' : 's'}, ${bytes(size)}\t${expected}`;
}

/** What an estimate must know of where a run would be. */
export async function settingOf(globals: Globals): Promise<Setting> {
  const { on, workers } = globals;
  const place = { on, ...(workers === undefined ? {} : { workers }) };
  if (on !== 'lambda') return place;
  const { deploymentOf } = await functionsModule();
  return { ...place, ladder: (await deploymentOf(globals)).ladder };
}

function describeEstimate(e: Found, job: AnyJob, isCharged: boolean): string {
  const { invocations, gbSeconds, gets, puts } = e.bill;
  const lines = [
    ['job', `${e.job}: ${job.doc}`],
    ['result', `${e.key}${e.finished ? ' (finished: a run would only write it)' : ''}`],
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
