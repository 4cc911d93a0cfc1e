/** The catalog's jobs on functions, with inputs, store and outputs in S3: the same bytes as on threads, whatever happens to the driver. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseEvents, type Event } from '../../core/events.ts';
import type { Call } from '../../infra/aws/lambda/wire.ts';
import { random } from '../../datasets/random.ts';
import { outcome, servermix, start } from '../command.ts';
import { generate } from '../generate.ts';
import { cloud } from './site.ts';
import { startStand, type Stand } from './stand.ts';

const site = cloud();
const words = (...lines: string[]): string[] => lines.join(' ').split(' ');
const keysOf = (payload: string): string => {
  const call = JSON.parse(payload) as Partial<Call>;
  return (call.tasks ?? []).map(({ key }) => key).join(' ');
};

describe.skipIf(!site)('runs on functions', () => {
  let stand: Stand;
  let data: string;
  const inputs = new Map<string, string>();
  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'servermix-runs-'));
    await generate('synthetic/reads', data, { mb: 2, depth: 4, seed: 7 });
    await generate('synthetic/terrain', data, { points: 60_000, seed: 7 });
    stand = await startStand(site!, { lambda: { describe: keysOf } });
    for (const name of ['reads.bam', 'reads.bam.bai', 'terrain.las'])
      inputs.set(name, await stand.put(join(data, name)));
  });
  afterAll(async () => {
    await stand?.stop();
    await rm(data, { recursive: true });
  });

  /** The arguments of each job, and its input's name and units for splits. */
  const jobs = [
    { job: 'genomics/flagstat', flag: '--reads', input: 'reads.bam', more: [], unit: 'bytes' },
    { job: 'genomics/coverage', flag: '--reads', input: 'reads.bam', more: ['--by', '500'], unit: 'bytes' },
    { job: 'lidar/raster', flag: '--points', input: 'terrain.las', more: ['--cell', '1'], unit: 'points' },
  ] as const;
  const splitOf = (unit: string, input: string, parts: number): string =>
    `${Math.ceil((unit === 'bytes' ? readFileSync(join(data, input)).length : 60_000) / parts)}`;

  /** Files by what follows the prefix. */
  async function filesAt(prefix: string): Promise<Map<string, Buffer>> {
    const uris = await stand.list(prefix);
    return new Map(
      await Promise.all(uris.map(async (uri) => [uri.slice(prefix.length), await stand.read(uri)] as const)),
    );
  }
  const localFiles = (prefix: string): Map<string, Buffer> =>
    new Map(
      readdirSync(data)
        .filter((name) => name.startsWith(prefix))
        .map((name) => [name.slice(prefix.length), readFileSync(join(data, name))]),
    );

  const lastEvents = (): Event[] => {
    const runs = join(stand.folder, '.servermix/runs');
    return parseEvents(
      readFileSync(join(runs, readdirSync(runs).toSorted().at(-1)!, 'events.jsonl'), 'utf8'),
    );
  };

  describe.each(jobs)('$job', ({ job, flag, input, more, unit }) => {
    const name = job.replace('/', '-');
    test('equals threads for 1, 7 and 64 parts', async () => {
      const here = await servermix(
        ['run', job, flag, input, ...more, '--store', 'memory:', '--out', `${name}.here`],
        data,
      );
      expect(here.code, here.stderr).toBe(0);
      const expected = localFiles(`${name}.here`);
      expect(expected.size).toBeGreaterThan(0);
      for (const parts of site!.long ? [1, 7, 64] : [1, 7]) {
        const out = `s3://${stand.bucket}/out/${name}-${parts}`;
        const args = [flag, inputs.get(input)!, ...more, '--split', splitOf(unit, input, parts)];
        const there = await servermix(
          ['run', job, ...args, '--on', 'lambda', '--workers', '4', '--out', out],
          stand.folder,
          stand.env,
        );
        expect(there.code, there.stderr).toBe(0);
        const planned = lastEvents().find((e) => e.event === 'plan');
        const made = planned?.event === 'plan' ? planned.parts : 0;
        expect(Math.abs(made - parts), `${made} parts`).toBeLessThanOrEqual(parts / 4);
        const found = await filesAt(out);
        expect([...found.keys()].toSorted()).toEqual([...expected.keys()].toSorted());
        for (const [suffix, bytes] of expected)
          expect(found.get(suffix)!.equals(bytes), `${out}${suffix}`).toBe(true);
      }
    });
  });

  test('coverage of one contig reads its blocks by one request a part', async () => {
    const uri = inputs.get('reads.bam')!;
    const path = uri.slice('s3:/'.length);
    for (const parts of [1, 4, 16]) {
      stand.s3Proxy.clear();
      const { code, stderr } = await servermix(
        words(
          `run genomics/coverage --reads ${uri} --split ${splitOf('bytes', 'reads.bam', parts)} --chrom chr1`,
          `--store memory: --json --out ${join(stand.folder, `requests-${parts}`)}`,
        ),
        stand.folder,
        stand.env,
      );
      expect(code, stderr).toBe(0);
      const planned = stderr.split('\n').find((line) => line.includes('"event":"plan"'));
      const made = (JSON.parse(planned!) as { parts: number }).parts;
      const gets = stand.s3Proxy.log.filter((e) => e.method === 'GET' && e.path.startsWith(path));
      expect(gets.length, gets.map((e) => e.range).join(' ')).toBeLessThanOrEqual(made + 4);
    }
  });

  test('a plan says what it costs, the run what it did', async () => {
    const args = [
      'genomics/flagstat',
      '--reads',
      inputs.get('reads.bam')!,
      '--on',
      'lambda',
      '--workers',
      '4',
    ];
    const plan = await servermix(['plan', ...args, '--split', '300k', '--json'], stand.folder, stand.env);
    expect(plan.code, plan.stderr).toBe(0);
    const expected = JSON.parse(plan.stdout) as {
      tasks: number;
      dollars: number;
      bill: { gets: number; puts: number };
    };
    const store = `s3://${stand.bucket}/bill`;
    const run = await servermix(
      ['run', ...args, '--split', '300k', '--store', store, '--out', `s3://${stand.bucket}/bill.txt`],
      stand.folder,
      stand.env,
    );
    expect(run.code, run.stderr).toBe(0);
    expect(run.stderr).toMatch(/\$0\.\d+ \(\d+ calls, [\d.]+ GB-s, \d+ GET, \d+ PUT\)/);
    expect(run.stderr).toMatch(/expected [\d.]+ s and \$0\.\d+ .* at prices of us-east-1/);
    const [, calls, gets] = /(\d+) calls, [\d.]+ GB-s, (\d+) GET/.exec(run.stderr)!;
    expect(Number(calls)).toBe(expected.tasks);
    // Reads are counted before and after: the estimate is near.
    expect(Number(gets) / expected.bill.gets).toBeGreaterThan(0.5);
    expect(Number(gets) / expected.bill.gets).toBeLessThan(2);
  });

  test('what functions cannot reach is refused before anything runs', async () => {
    const before = stand.lambda.counts.invocations;
    const run = (...args: string[]) =>
      servermix(['run', 'genomics/flagstat', ...args, '--on', 'lambda'], stand.folder, stand.env);
    const local = await run('--reads', join(data, 'reads.bam'));
    expect([local.code, local.stderr]).toEqual([2, expect.stringMatching(/lies on this machine/)]);
    const elsewhere = await run('--reads', inputs.get('reads.bam')!, '--store', 's3://somebody-elses/store');
    expect([elsewhere.code, elsewhere.stderr]).toEqual([2, expect.stringMatching(/keep their results in/)]);
    const unknown = await run(
      '--reads',
      inputs.get('reads.bam')!,
      '--stack',
      'other',
      '--store',
      `s3://${stand.bucket}/x`,
    );
    expect([unknown.code, unknown.stderr]).toEqual([
      1,
      expect.stringMatching(/other-\d+ does not exist; deploy it/),
    ]);
    const absent = await run('--reads', `s3://${stand.bucket}/in/none.bam`);
    expect([absent.code, absent.stderr]).toEqual([3, expect.stringMatching(/none\.bam does not exist/)]);
    expect(stand.lambda.counts.invocations).toBe(before);
  });

  const coverage = (store: string, out: string, split = '40k'): string[] =>
    words(
      `run genomics/coverage --reads ${inputs.get('reads.bam')} --split ${split} --on lambda --workers 4`,
      `--store s3://${stand.bucket}/${store} --out s3://${stand.bucket}/${out}`,
    );
  const resultsIn = async (store: string): Promise<Set<string>> => {
    const prefix = `s3://${stand.bucket}/${store}/`;
    const all = await stand.list(`${prefix}genomics/`);
    return new Set(all.map((uri) => uri.slice(prefix.length)).filter((key) => !key.includes('.')));
  };

  test('two drivers on one job at once: one result, and nothing broken', async () => {
    const both = await Promise.all([
      servermix(coverage('both', 'both/a'), stand.folder, stand.env),
      servermix(coverage('both', 'both/b'), stand.folder, stand.env),
    ]);
    for (const { code, stderr } of both) expect(code, stderr).toBe(0);
    const [a, b] = [
      await filesAt(`s3://${stand.bucket}/both/a`),
      await filesAt(`s3://${stand.bucket}/both/b`),
    ];
    expect(a.size).toBeGreaterThan(2);
    for (const [suffix, bytes] of a) expect(b.get(suffix)!.equals(bytes), suffix).toBe(true);
  });

  test('SIGKILL of the driver at random moments: no finished task runs again', async () => {
    const whole = await servermix(coverage('whole', 'results/whole'), stand.folder, stand.env);
    expect(whole.code, whole.stderr).toBe(0);
    const expected = await filesAt(`s3://${stand.bucket}/results/whole`);
    const chance = random(13, 'kills');
    const kills = site!.long ? 20 : 4;
    let [killed, round, ended] = [0, 0, 0];
    while (killed < kills || ended === 0) {
      const [store, out] = [`kill${round}`, `killed${round}/x`];
      const before = await resultsIn(store);
      const from = stand.lambda.executions.length;
      const child = start(coverage(store, out), stand.folder, stand.env);
      const timer = setTimeout(
        () => child.kill('SIGKILL'),
        killed < kills ? 400 + chance.fraction() * 2500 : 600_000,
      );
      const { signal, code, stderr } = await outcome(child);
      clearTimeout(timer);
      // What was under way goes on by itself: the next driver finds it done, or in the function's own look.
      await stand.lambda.settled();
      for (const { payload } of stand.lambda.executions.slice(from))
        for (const key of payload.split(' ').filter(Boolean))
          expect(before, 'a finished task was called again').not.toContain(key);
      if (signal === 'SIGKILL') {
        killed++;
        const written = await stand.list(`s3://${stand.bucket}/${out}`);
        // Small files appear one after the other at the very end; none is a part of itself.
        for (const uri of written)
          expect((await stand.read(uri)).equals(expected.get(uri.slice(uri.indexOf('/x') + 2))!)).toBe(true);
        continue;
      }
      expect(code, stderr).toBe(0);
      const found = await filesAt(`s3://${stand.bucket}/${out}`);
      for (const [suffix, bytes] of expected) expect(found.get(suffix)!.equals(bytes), suffix).toBe(true);
      round++;
      ended++;
    }
    expect(killed).toBeGreaterThanOrEqual(kills);
  });

  test('Ctrl-C ends the command with 130 and what is finished stays', async () => {
    const child = start(coverage('stop', 'stopped/x'), stand.folder, stand.env);
    while ((await resultsIn('stop')).size < 5) await new Promise((wait) => setTimeout(wait, 50));
    child.kill('SIGINT');
    const { code, stderr } = await outcome(child);
    expect([code, stderr]).toEqual([130, expect.stringMatching(/give the same command again/)]);
    await stand.lambda.settled();
    const before = await resultsIn('stop');
    expect(before.size).toBeGreaterThanOrEqual(5);
    const again = await servermix(coverage('stop', 'stopped/x'), stand.folder, stand.env);
    expect(again.code, again.stderr).toBe(0);
    expect(again.stderr).toMatch(/were done before/);
  });

  test('a record of a run tells nothing secret', () => {
    const runs = join(stand.folder, '.servermix/runs');
    expect(existsSync(runs)).toBe(true);
    for (const run of readdirSync(runs)) {
      const path = join(runs, run, 'events.jsonl');
      if (!existsSync(path)) continue;
      const text = readFileSync(path, 'utf8');
      expect(parseEvents(text).length).toBeGreaterThan(0);
      expect(text).not.toMatch(/x-amz-|Authorization/i);
    }
  });

  describe('a run that a function drives', () => {
    const begin = (store: string, out: string) =>
      servermix([...coverage(store, out, '20k'), '--detach'], stand.folder, stand.env);
    test('goes on without its terminal, and is looked after from elsewhere', async () => {
      const { code, stdout, stderr } = await begin('far', 'far/x');
      expect(code, stderr).toBe(0);
      const run = stdout.trim();
      const where = ['--store', `s3://${stand.bucket}/far`];
      const waited = await servermix(['status', run, ...where, '--wait', '--json'], stand.folder, stand.env);
      expect(waited.code, waited.stderr).toBe(0);
      expect(JSON.parse(waited.stdout)).toMatchObject({ run, state: 'done' });
      const found = await filesAt(`s3://${stand.bucket}/far/x`);
      for (const [suffix, bytes] of await filesAt(`s3://${stand.bucket}/results/whole`))
        expect(found.get(suffix)!.equals(bytes), suffix).toBe(true);
    });
    test('is stopped by cancel', async () => {
      // Some seconds of work, so that it is not done before it is told.
      const long = coverage('cancel', 'cancel/x', '2k').map((word) => word.replace('/coverage', '/qc'));
      const { stdout } = await servermix([...long, '--workers', '1', '--detach'], stand.folder, stand.env);
      const run = stdout.trim();
      const where = ['--store', `s3://${stand.bucket}/cancel`];
      const told = await servermix(['cancel', run, ...where], stand.folder, stand.env);
      expect(told.stdout).toMatch(/is told to stop/);
      const waited = await servermix(['status', run, ...where, '--wait', '--json'], stand.folder, stand.env);
      expect(JSON.parse(waited.stdout)).toMatchObject({ run, state: 'cancelled' });
      expect(await stand.list(`s3://${stand.bucket}/cancel/x`)).toEqual([]);
    });
  });
});
