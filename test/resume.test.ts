/** The driver killed at random moments: the same command goes on, nothing finished runs twice, the result is the same. */
import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseEvents, type Event } from '../core/events.ts';
import { random } from '../datasets/random.ts';
import { outcome, servermix, start } from './command.ts';
import { generate } from './generate.ts';

const folder = await mkdtemp(join(tmpdir(), 'servermix-resume-'));
afterAll(() => rm(folder, { recursive: true }));
await generate('synthetic/reads', folder, { mb: 1, depth: 10, seed: 5 });

const args = (store: string, out: string): string[] => [
  'run',
  'genomics/coverage',
  '--reads',
  'reads.bam',
  '--by',
  '500',
  '--split',
  '4k',
  '--store',
  store,
  '--out',
  out,
];

/** Keys of the results in a store, not of the blobs beside them. */
function finished(store: string): Set<string> {
  const base = join(folder, store);
  if (!existsSync(base)) return new Set();
  const keys = (readdirSync(base, { recursive: true }) as string[])
    .filter((name) => /@\d+\//.test(name) && statSync(join(base, name)).isFile())
    .map((name) => name.replace(/\/(\w\w)\/(\w+)/, '/$1$2'));
  return new Set(keys.filter((key) => !key.includes('.')));
}

const runsOf = (store: string): string[] => {
  const runs = join(folder, store, 'runs');
  return existsSync(runs) ? readdirSync(runs) : [];
};

/** Events of the run that is not among `before`; none where the driver died before it began one. */
function newRun(store: string, before: readonly string[]): Event[] {
  const run = runsOf(store).find((name) => !before.includes(name));
  const log = join(folder, store, 'runs', run ?? '', 'events.jsonl');
  return run && existsSync(log) ? parseEvents(readFileSync(log, 'utf8')) : [];
}

/** Until the new run has begun a task, or the command is over. */
async function begun(store: string, before: readonly string[], child: ChildProcess): Promise<void> {
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null;
  while (!isOver() && !newRun(store, before).some((e) => e.event === 'start'))
    await new Promise((wait) => setTimeout(wait, 5));
}

test('SIGKILL at 20 random moments', async () => {
  expect((await servermix(args('whole', 'whole'), folder)).code).toBe(0);
  const names = readdirSync(folder).filter((name) => name.startsWith('whole.'));
  expect(names).toHaveLength(7);
  const chance = random(11, 'kills');
  let [killed, started, round] = [0, 0, 0];
  while (killed < 20) {
    const [store, out] = [`store${round}`, `out${round}`];
    const [before, runs] = [finished(store), runsOf(store)];
    // 60 tasks a second: a whole run takes about a second.
    const child = start([...args(store, out), '--rate', '60'], folder);
    // A quarter while it starts, the others once tasks run, however slow the machine is.
    const early = chance.chance(0.25);
    const ended = outcome(child);
    if (!early) await begun(store, runs, child);
    const timer = setTimeout(() => child.kill('SIGKILL'), chance.fraction() * (early ? 300 : 1000));
    const { signal, code, stderr } = await ended;
    clearTimeout(timer);
    for (const e of newRun(store, runs)) {
      if (e.event !== 'start') continue;
      started++;
      expect(before, 'a finished task ran again').not.toContain(e.key);
    }
    // Whole or not at all.
    const written = readdirSync(folder).filter((name) => name.startsWith(`${out}.`));
    if (signal === 'SIGKILL') killed++;
    else expect(code, stderr).toBe(0);
    if (signal === 'SIGKILL' && written.length < 7) continue;
    for (const name of names) {
      const again = readFileSync(join(folder, name.replace('whole', out)));
      expect(readFileSync(join(folder, name)).equals(again), name).toBe(true);
    }
    round++;
  }
  expect(started).toBeGreaterThan(20);
  expect(round).toBeGreaterThan(0);
});
