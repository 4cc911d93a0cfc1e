/** `servermix explain`: what a key is made of, or what changed between a run and the one before it. */
import { Command } from 'commander';
import { BadUsage } from '../../core/errors.ts';
import type { Event } from '../../core/events.ts';
import { canonical, type Json } from '../../core/json.ts';
import { parse } from '../arguments.ts';
import { listRuns, readRun } from '../record.ts';

type Started = Extract<Event, { event: 'run' }>;

export async function explain(args: readonly string[]): Promise<void> {
  const parser = new Command('servermix explain')
    .description('what a key is made of; or what a run depends on and what changed since the run before')
    .argument('<key-or-run>', 'a key, its beginning, the name of a run, or `last`')
    .option('--store <uri>', 'where the runs are recorded', '.servermix');
  const given = parse(parser, args);
  if (!given) return;
  const [store, what] = [given['store'] as string, parser.args[0]!];
  const runs = await listRuns(store);
  if (runs.length === 0)
    throw new BadUsage(`${store}: found no runs, expected some; name a store with --store`);
  const run = what === 'last' ? await lastStarted(store, runs) : runs.find((name) => name === what);
  process.stdout.write(run ? await explainRun(store, runs, run) : await explainKey(store, runs, what));
}

async function startOf(store: string, run: string): Promise<Started | undefined> {
  return (await readRun(store, run)).find((e): e is Started => e.event === 'run');
}

/** The last run that got as far as its first event. */
async function lastStarted(store: string, runs: readonly string[]): Promise<string | undefined> {
  for (const run of runs.toReversed()) if (await startOf(store, run)) return run;
  return undefined;
}

/** All that the keys of a run depend on, one component a line. */
function components({ job, inputs, params }: Started): Map<string, string> {
  const lines = new Map([['job', job]]);
  for (const [name, all] of Object.entries(inputs))
    for (const [i, { id }] of all.entries())
      lines.set(`input ${name}${all.length > 1 ? ` ${i + 1}` : ''}`, id);
  for (const [name, value] of Object.entries(params)) lines.set(`option ${name}`, canonical(value));
  return lines;
}

async function explainRun(store: string, runs: readonly string[], run: string): Promise<string> {
  const events = await readRun(store, run);
  const start = events.find((e): e is Started => e.event === 'run');
  if (!start) throw new BadUsage(`run ${run} has no beginning in its log`);
  const roots = events.flatMap((e) =>
    e.event === 'plan' ? [`${e.root} (${e.cached} of ${e.tasks} tasks were done before)`] : [],
  );
  const uris = Object.values(start.inputs).flatMap((all) => all.map(({ uri }) => uri));
  const now = components(start);
  let text = `run ${run}: ${start.job} over ${uris.join(', ')}\n`;
  for (const root of roots) text += `  result ${root}\n`;
  for (const [name, value] of now) text += `  ${name} = ${value}\n`;
  const before = await previous(store, runs.slice(0, runs.indexOf(run)), start.job.split('@')[0]!);
  if (!before) return `${text}the first run of this job here\n`;
  const then = components(before);
  const changed = [...new Set([...now.keys(), ...then.keys()])].filter((k) => now.get(k) !== then.get(k));
  if (changed.length === 0) return `${text}nothing changed since run ${before.run}\n`;
  for (const name of changed)
    text += `changed since run ${before.run}: ${name}: ${then.get(name) ?? 'absent'} -> ${now.get(name) ?? 'absent'}\n`;
  return text;
}

async function previous(store: string, runs: readonly string[], job: string): Promise<Started | undefined> {
  for (const run of runs.toReversed()) {
    const start = await startOf(store, run);
    if (start && start.job.split('@')[0] === job) return start;
  }
  return undefined;
}

async function explainKey(store: string, runs: readonly string[], key: string): Promise<string> {
  for (const run of runs.toReversed()) {
    const events = await readRun(store, run);
    const start = events.find((e): e is Started => e.event === 'run');
    for (const e of events) {
      if (e.event === 'plan' && matches(e.root, key) && e.cached === e.tasks)
        return `${e.root}\n  the result of ${e.job} in run ${run}; it was there already\n`;
      if (e.event !== 'start' || !matches(e.key, key)) continue;
      if (e.parts)
        return `${e.key}\n  run ${run}: merge of ${e.parts.length} parts\n${e.parts.map((p) => `  ${p}\n`).join('')}`;
      const of = start
        ? [...components(start)].map(([name, value]) => `  ${name} = ${value}\n`).join('')
        : '';
      return `${e.key}\n  run ${run}: one part\n${of}  part = ${canonical(e.part as Json)}\n`;
    }
  }
  throw new BadUsage(
    `${key}: no run of ${store} knows this key; expected a key, a run of ${store}/runs, or last`,
  );
}

/** A whole key, or the beginning of its hash. */
const matches = (full: string, given: string): boolean =>
  full === given ||
  full.startsWith(given) ||
  full.slice(full.indexOf('/', full.indexOf('@')) + 1).startsWith(given);
