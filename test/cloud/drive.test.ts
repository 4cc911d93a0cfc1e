/** A run that takes longer than a function may: drivers hand it over, and each finished task runs once. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Call } from '../../infra/aws/lambda/wire.ts';
import { servermix } from '../command.ts';
import { generate } from '../generate.ts';
import { cloud } from './site.ts';
import { startStand, type Stand } from './stand.ts';

const site = cloud();
const describePayload = (payload: string): string => {
  const call = JSON.parse(payload) as Partial<Call> & { generation?: number };
  return call.generation === undefined
    ? (call.tasks ?? []).map(({ key }) => key).join(' ')
    : `driver ${call.generation}`;
};

describe.skipIf(!site?.long)('drivers of 6 seconds', () => {
  let stand: Stand;
  let data: string;
  beforeAll(async () => {
    data = await mkdtemp(join(tmpdir(), 'servermix-drive-'));
    await generate('synthetic/reads', data, { mb: 2, depth: 4, seed: 7 });
    stand = await startStand(site!, {
      environments: 1,
      driverSeconds: 6,
      lambda: { describe: describePayload, duplicate: { rate: 0.5, seed: 3 } },
    });
    for (const name of ['reads.bam', 'reads.bam.bai']) await stand.put(join(data, name));
  });
  afterAll(async () => {
    await stand?.stop();
    await rm(data, { recursive: true });
  });

  test('hand over until the result is there, orders delivered twice among them', async () => {
    const uri = `s3://${stand.bucket}/in/reads.bam`;
    const job = ['genomics/coverage', '--reads', uri, '--split', '10k', '--rate', '12'];
    const on = ['--on', 'lambda', '--workers', '1', '--out', `s3://${stand.bucket}/out/far`];
    const begun = await servermix(['run', ...job, ...on, '--detach'], stand.folder, stand.env);
    expect(begun.code, begun.stderr).toBe(0);
    const run = begun.stdout.trim();
    const waited = await servermix(['status', run, '--wait', '--json'], stand.folder, stand.env);
    expect(waited.code, waited.stderr).toBe(0);
    const status = JSON.parse(waited.stdout) as { state: string; generation: number; tasks: number };
    expect(status.state).toBe('done');
    expect(status.generation).toBeGreaterThan(0);
    const here = await servermix(
      ['run', 'genomics/coverage', '--reads', 'reads.bam', '--store', 'memory:', '--out', 'here'],
      data,
    );
    expect(here.code, here.stderr).toBe(0);
    const { readFileSync } = await import('node:fs');
    for (const suffix of ['.per-base.bed.gz', '.mosdepth.summary.txt'])
      expect(
        (await stand.read(`s3://${stand.bucket}/out/far${suffix}`)).equals(
          readFileSync(join(data, `here${suffix}`)),
        ),
        suffix,
      ).toBe(true);
    const { executions } = stand.lambda;
    const calls = executions.filter(({ payload }) => !payload.startsWith('driver'));
    const keys = calls.flatMap(({ payload }) => payload.split(' '));
    // What was waited for when a driver ended is the only thing that may be asked for twice.
    expect(keys.length - new Set(keys).size).toBeLessThanOrEqual(status.generation);
    expect(new Set(keys).size).toBe(status.tasks);
  });
});
