/** `npm run bench [-- --runs n] [-- --short] [-- --only text]`: every job against its peer on the same generated input. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { parseEvents } from '../../core/events.ts';
import { root } from '../root.ts';
import { generate } from '../generate.ts';
import { alternate, host, median, noise, once } from './arms.ts';
import { cases, type Case, type Data } from './cases.ts';
import { speedup } from './cores.ts';
import { engine } from './engine.ts';

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '7' },
    short: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});
const runs = values.short ? 1 : Number(values.runs);

/** The input is kept between calls: it is a function of its seed. */
async function prepare(): Promise<Data> {
  const folder = join(tmpdir(), `servermix-bench-${values.short ? 'short' : 'full'}`);
  mkdirSync(folder, { recursive: true });
  const [bam, las] = [join(folder, 'reads.bam'), join(folder, 'terrain.las')];
  const size = values.short ? { mb: 0.5, points: 50_000 } : { mb: 6, points: 6_000_000 };
  if (!existsSync(bam)) await generate('synthetic/reads', folder, { mb: size.mb, depth: 30, seed: 1 });
  if (!existsSync(las)) await generate('synthetic/terrain', folder, { points: size.points, seed: 1 });
  return { bam, las, folder };
}

function measure({ name, arms, target, check, skip }: Case): string[] {
  if (skip) return [`${name}: skipped, ${skip}`];
  for (const arm of arms) once(arm);
  check();
  const timed = alternate(arms, runs);
  const [mine, other] = timed.map(({ seconds }) => median(seconds)) as [number, number];
  const lines = arms.map(({ name: arm }, i) => {
    const { seconds, peak } = timed[i]!;
    const memory = peak === undefined ? 'peak unknown' : `peak ${(peak / 1e6).toFixed(0)} MB`;
    const spread = `${(100 * noise(seconds)).toFixed(0)} %`;
    return `  ${arm}: median ${median(seconds).toFixed(3)} s (+-${spread}, ${seconds.length} runs), ${memory}`;
  });
  const ratio = mine / other;
  const verdict = ratio <= target ? 'holds' : 'falls short';
  return [`${name}: ratio ${ratio.toFixed(2)}, aim <= ${target.toFixed(2)}: ${verdict}`, ...lines];
}

/** Milliseconds from starting the command to the event of its first task. */
function firstTask({ bam, folder }: Data): number {
  const store = join(folder, 'start');
  const found: number[] = [];
  for (let i = 0; i < Math.max(3, runs); i++) {
    rmSync(store, { recursive: true, force: true });
    const args = ['run', 'genomics/flagstat', '--reads', bam, '--json', '--store', store];
    const began = Date.now();
    const { stderr } = spawnSync(process.execPath, [join(root, 'dist/bin/main.js'), ...args], {
      encoding: 'utf8',
    });
    found.push(parseEvents(stderr).find((e) => e.event === 'start')!.at - began);
  }
  rmSync(store, { recursive: true, force: true });
  return median(found);
}

const say = (lines: readonly string[]): void => void process.stdout.write(`${lines.join('\n')}\n`);
const data = await prepare();
say(
  host([
    ['samtools', '--version'],
    ['mosdepth', '--version'],
    ['gdalinfo', '--version'],
  ]),
);
for (const one of cases(data)) {
  if (!one.name.includes(values.only)) continue;
  const before = await speedup();
  say(measure(one));
  say([
    `  two threads do ${before.toFixed(2)} times the work of one before, ${(await speedup()).toFixed(2)} after`,
  ]);
}
if ('engine'.includes(values.only)) {
  say([`command to first task: median ${firstTask(data).toFixed(0)} ms`]);
  say(await engine(values.short ? [1000] : [1000, 10_000, 100_000]));
}
