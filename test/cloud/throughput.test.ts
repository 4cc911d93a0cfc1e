/** How many tasks a driver keeps up with, and what they cost it. The short form has fewer; only the long one measures. */
import { describe, expect, test } from 'vitest';
import type { Answer } from '../../infra/aws/lambda/wire.ts';
import { startEndpoint } from './endpoint.ts';
import { load, type Load, type LoadOptions } from './load.ts';
import { cloud } from './site.ts';
import { bucket, startStage } from './stage.ts';

const site = cloud();
const long = process.env['SERVERMIX_CLOUD'] === 'long';
const usage = { wall: 1, busy: 1, bytes: 0, reads: 0, rss: 1 };
const reply = JSON.stringify({ wire: 1, replies: [{ ok: true, usage }] } satisfies Answer);

/** The best of some rounds: the machine may have other work. */
async function best(rounds: number, options: (round: number) => LoadOptions): Promise<Load> {
  const all: Load[] = [];
  for (let round = 0; round < rounds; round++) all.push(await load(options(round)));
  const least = (pick: (one: Load) => number): number => Math.min(...all.map(pick));
  return { wall: least((l) => l.wall), cpu: least((l) => l.cpu), rss: Math.max(...all.map((l) => l.rss)) };
}
const say = (what: string, { wall, cpu, rss }: Load, rest: string): void =>
  console.log(
    `${what}: ${wall.toFixed(0)} ms, processor ${cpu.toFixed(2)} ms a task, ${rss.toFixed(0)} MiB; ${rest}`,
  );

describe('calls that take 100 ms each', () => {
  const [tasks, flying, rounds] = long ? [5000, 1000, 5] : [1000, 200, 1];
  // All at once in waves, and then the task that joins them.
  const ideal = (tasks / flying) * 100 + 100;

  test('cost the driver little, and no more under 10 % throttling', async () => {
    const [smooth, rough] = [
      await startEndpoint({ delay: 100, reply }),
      await startEndpoint({ delay: 100, reply, throttle: 0.1, seed: 4 }),
    ];
    const at = ({ endpoint }: { endpoint: string }) => ({ endpoint, tasks, flying, functionName: 'f' });
    const bare = await best(rounds, () => ({ ...at(smooth), bare: 'plain' as const }));
    const done = await best(rounds, () => at(smooth));
    const throttled = await best(rounds, () => at(rough));
    const { invocations, throttled: refused } = await rough.counts();
    await Promise.all([smooth.stop(), rough.stop()]);
    say(
      `${tasks} tasks, ${flying} in flight`,
      done,
      `ideal ${ideal} ms, a bare client ${bare.wall.toFixed(0)} ms and ${bare.cpu.toFixed(2)} ms a task`,
    );
    say('with a tenth refused', throttled, `${(throttled.wall / done.wall).toFixed(2)} of the time without`);
    expect(refused / (invocations + refused)).toBeGreaterThan(0.07);
    expect(invocations, 'each task is called once, warming up included').toBe(
      rounds * (tasks + tasks / 10 + 2),
    );
    for (const { cpu, rss } of [done, throttled]) {
      expect(cpu).toBeLessThan(2);
      expect(rss).toBeLessThan(300);
    }
    if (long) expect(throttled.wall / done.wall).toBeLessThan(1.6);
  });
});

test.skipIf(!site)('no-op tasks on functions take what the functions take', async () => {
  const [tasks, environments, rounds] = long ? [500, 16, 3] : [60, 4, 1];
  const stage = await startStage({ ricFolder: site!.ricFolder, environments });
  try {
    const at = (kind: string, round: number): LoadOptions => ({
      endpoint: stage.service.endpoint,
      tasks,
      flying: environments,
      functionName: 'toys-192',
      storeUri: `s3://${bucket}/${kind}-${round}`,
    });
    const done = await best(rounds + 1, (round) => at('engine', round));
    const before = stage.service.counts.invocations;
    const bare = await best(rounds, (round) => ({ ...at('bare', round), bare: 'signed' as const }));
    expect(stage.service.counts.invocations - before, 'the bare calls are made').toBe(
      rounds * (tasks + tasks / 10),
    );
    say(
      `${tasks} tasks, ${environments} environments`,
      done,
      `the functions alone ${bare.wall.toFixed(0)} ms`,
    );
    expect(done.rss).toBeLessThan(300);
    if (!long) return;
    // So few tasks as the short form has are over before the driver's code is warm.
    expect(done.cpu).toBeLessThan(2);
    expect(done.wall / bare.wall).toBeLessThan(1.3);
  } finally {
    await stage.stop();
  }
});
