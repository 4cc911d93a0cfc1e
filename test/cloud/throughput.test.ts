/** How many tasks a driver keeps up with, and what they cost it. The short form has fewer; only the long one measures. */
import { availableParallelism, loadavg } from 'node:os';
import { expect, test } from 'vitest';
import type { Answer } from '../../infra/aws/lambda/wire.ts';
import { startEndpoint } from './endpoint.ts';
import { load, type Load, type LoadOptions } from './load.ts';
import { cloud } from './site.ts';
import { bucket, startStage } from './stage.ts';

const site = cloud();
const long = process.env['SERVERMIX_CLOUD'] === 'long';
const usage = { wall: 1, busy: 1, bytes: 0, reads: 0, rss: 1 };
const reply = JSON.stringify({ wire: 1, replies: [{ ok: true, usage }] } satisfies Answer);

/** Of each of some loads the best of its rounds, in which they take turns: the machine may have other work. */
async function best(
  rounds: number,
  ...loads: readonly ((round: number) => LoadOptions)[]
): Promise<readonly Load[]> {
  const all: Load[][] = loads.map(() => []);
  for (let round = 0; round < rounds; round++)
    for (const [i, options] of loads.entries()) all[i]!.push(await load(options(round)));
  return all.map((some) => {
    const least = (pick: (one: Load) => number): number => Math.min(...some.map(pick));
    return {
      wall: least(({ wall }) => wall),
      most: least(({ most }) => most),
      cpu: least(({ cpu }) => cpu),
      rss: Math.max(...some.map(({ rss }) => rss)),
    };
  });
}
const say = (what: string, { wall, cpu, rss }: Load, rest: string): void =>
  console.log(
    `${what}: ${wall.toFixed(0)} ms, processor ${cpu.toFixed(2)} ms a task, ${rss.toFixed(0)} MiB; ${rest}`,
  );
/** Times are told in any case, and judged where no one else is at work. */
const isQuiet = (): boolean => long && loadavg()[0]! < availableParallelism();

test('calls of 100 ms cost the driver little, and no more where a tenth is refused', async () => {
  const [tasks, flying, rounds] = long ? [5000, 1000, 4] : [1000, 200, 1];
  // All at once in waves, and then the task that joins them.
  const ideal = (tasks / flying) * 100 + 100;
  const smooth = await startEndpoint({ delay: 100, reply });
  const rough = await startEndpoint({ delay: 100, reply, throttle: 0.1, seed: 4 });
  const at = ({ endpoint }: { endpoint: string }) => ({ endpoint, tasks, flying, functionName: 'f' });
  const quiet = isQuiet();
  const [bare, done, throttled] = (await best(
    rounds,
    () => ({ ...at(smooth), bare: 'plain' }),
    () => at(smooth),
    () => at(rough),
  )) as [Load, Load, Load];
  const { invocations, throttled: refused } = await rough.counts();
  await Promise.all([smooth.stop(), rough.stop()]);
  const plain = `a bare client ${bare.wall.toFixed(0)} ms and ${bare.cpu.toFixed(2)} ms a task`;
  const ratio = throttled.most / done.most;
  say(`${tasks} tasks, ${flying} in flight`, done, `ideal ${ideal} ms, ${plain}`);
  say('a tenth refused', throttled, `nine tenths done after ${ratio.toFixed(2)} of the time without`);
  expect(refused / (invocations + refused)).toBeGreaterThan(0.07);
  expect(invocations, 'each task is called once').toBe(rounds * (tasks + tasks / 10 + 2));
  for (const { cpu, rss } of [done, throttled]) {
    expect(cpu).toBeLessThan(2);
    expect(rss).toBeLessThan(300);
  }
  if (!quiet) return;
  expect(done.wall / bare.wall).toBeLessThan(2);
  // A tenth is called twice, and waits in between.
  expect(ratio).toBeLessThan(1.3);
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
    await load(at('first', 0));
    const before = stage.service.counts.invocations;
    const quiet = isQuiet();
    const [done, bare] = (await best(
      rounds,
      (round) => at('engine', round),
      (round) => ({ ...at('bare', round), bare: 'signed' }),
    )) as [Load, Load];
    const calls = rounds * (2 * (tasks + tasks / 10) + 2);
    expect(stage.service.counts.invocations - before, 'each task is called once').toBe(calls);
    // The last task, which joins the others, has nothing beside it in the calls alone.
    const ratio = done.most / bare.most;
    const alone = `nine tenths done after ${ratio.toFixed(2)} of the ${bare.most.toFixed(0)} ms of the functions alone`;
    say(`${tasks} tasks, ${environments} environments`, done, alone);
    expect(done.rss).toBeLessThan(300);
    if (!long) return;
    // So few tasks as the short form has are over before the driver's code is warm.
    expect(done.cpu).toBeLessThan(2);
    if (quiet) expect(ratio).toBeLessThan(1.3);
  } finally {
    await stage.stop();
  }
});
