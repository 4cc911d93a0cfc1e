/** Whole commands with inputs, store and outputs in a bucket: the same files as on this machine, whatever breaks, and an end when told. */
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { outcome, servermix, start, type Outcome } from '../command.ts';
import { generate } from '../generate.ts';
import { startBucket, type Bucket } from './bucket.ts';
import { randomly, type Asked } from './fault.ts';
import { cloud } from './site.ts';

const long = cloud()?.long === true;

describe.skipIf(!cloud())('commands on a bucket', () => {
  let [bucket, folder]: [Bucket, string] = [undefined!, undefined!];
  const coverage = ['run', 'genomics/coverage', '--by', '500', '--split', '100k', '--reads'];

  beforeAll(async () => {
    bucket = await startBucket();
    folder = await mkdtemp(join(tmpdir(), 'servermix-s3-'));
    await generate('synthetic/reads', folder, { mb: 0.6, depth: 6, seed: 5 });
    for (const name of ['reads.bam', 'reads.bam.bai'])
      await bucket.put(`in/${name}`, readFileSync(join(folder, name)));
  });
  afterAll(async () => {
    await bucket?.stop();
    if (folder) await rm(folder, { recursive: true });
  });
  afterEach(() => {
    bucket.proxy.fault = () => undefined;
    bucket.proxy.clear();
  });

  const done = (ended: Outcome): Outcome => {
    expect(ended.code, ended.stderr).toBe(0);
    return ended;
  };
  /** What a command wrote here, and there. */
  const here = (): { readonly [name: string]: string } =>
    Object.fromEntries(
      readdirSync(join(folder, 'out')).map((name) => [
        name,
        readFileSync(join(folder, 'out', name)).toString('base64'),
      ]),
    );
  const there = async (prefix: string): Promise<{ readonly [name: string]: string }> => {
    const names = await bucket.list(`${prefix}/`);
    const all = await Promise.all(names.map((name) => bucket.get(name)));
    return Object.fromEntries(
      all.map((bytes, i) => [names[i]!.slice(prefix.length + 1), bytes.toString('base64')]),
    );
  };

  test('a tenth of all requests refused or reset: the same files, and nothing runs twice after', async () => {
    done(await servermix([...coverage, 'reads.bam', '--out', 'out/x'], folder));
    const local = done(await servermix(['run', 'genomics/flagstat', '--reads', 'reads.bam'], folder));
    const reads = bucket.uri('in/reads.bam');
    for (const seed of long ? [1, 2, 3, 4, 5] : [1]) {
      const [store, out] = [bucket.uri(`store ${seed}`), bucket.uri(`out ${seed}/x`)];
      bucket.proxy.fault = randomly(seed, 0.1, [
        { kind: 'status', status: 503 },
        { kind: 'reset' },
        { kind: 'cut', after: 1000 },
      ]);
      const args = [...coverage, reads, '--store', store, '--out', out];
      done(await servermix(args, folder, bucket.env));
      expect(bucket.proxy.log.filter(({ fault }) => fault).length).toBeGreaterThan(1);
      expect(await there(`out ${seed}`)).toEqual(here());
      const flagstat = ['run', 'genomics/flagstat', '--reads', reads, '--split', '20kB', '--store', store];
      expect(done(await servermix(flagstat, folder, bucket.env)).stdout).toBe(local.stdout);

      bucket.proxy.fault = () => undefined;
      expect(done(await servermix(args, folder, bucket.env)).stderr).toMatch(
        /0 tasks run, \d+ were done before/,
      );
    }
    expect(await bucket.uploads()).toEqual([]);
  });

  test('--endpoint stands for the variable, and patterns name inputs', async () => {
    const { AWS_ENDPOINT_URL_S3: endpoint, ...rest } = bucket.env;
    const reads = bucket.uri('in/*.bam');
    const ran = done(
      await servermix(
        ['run', 'genomics/flagstat', '--reads', reads, '--store', 'memory:', '--endpoint', endpoint!],
        folder,
        { ...rest, AWS_ENDPOINT_URL_S3: '' },
      ),
    );
    expect(ran.stdout).toMatch(/in total/);
    expect(ran.stderr).toMatch(/\$0\.0000\d+ \(\d+ GET, \d+ PUT\)/);
  });

  test('what is wrong is one line with the right exit code', async () => {
    const reads = bucket.uri('in/reads.bam');
    const flagstat = (...args: string[]): Promise<Outcome> =>
      servermix(['run', 'genomics/flagstat', '--reads', ...args], folder, bucket.env);
    const secret = { ...bucket.env, AWS_SECRET_ACCESS_KEY: 'other' };
    const cases: [Promise<Outcome>, number, RegExp][] = [
      [flagstat(bucket.uri('in/none.bam')), 3, /in\/none\.bam does not exist; check the address$/],
      [flagstat('s3://x/reads.bam'), 2, /expected s3:\/\/bucket\/key; check the name of the bucket$/],
      [
        flagstat(reads, '--store', 's3://nobucket/x'),
        2,
        /^servermix: --store s3:\/\/nobucket\/x: .* does not exist/,
      ],
      [
        flagstat(reads, '--out', 's3://nobucket/x'),
        2,
        /^servermix: output: s3:\/\/nobucket\/x cannot be written/,
      ],
      [flagstat(reads, '--out', 's3://data/x/'), 2, /names no object; add a name to --out$/],
      [flagstat(reads, '--no-sign'), 3, /may not be used \(status 403/],
      [servermix(['run', 'genomics/flagstat', '--reads', reads], folder, secret), 3, /check the permission/],
    ];
    for (const [ended, code, line] of cases) {
      const { code: found, stderr, stdout } = await ended;
      expect(stdout).toBe('');
      expect(stderr).toMatch(/^servermix: [^\n]*\n$/);
      expect(stderr.trimEnd()).toMatch(line);
      expect(found, stderr).toBe(code);
    }
  });

  const output = ({ method, path }: Asked): boolean => method === 'PUT' && path.includes('/stopped/');
  test.each([
    ['inputs are looked at', ({ method, path }) => method === 'HEAD' && path.includes('/in/')],
    ['headers are read', ({ method, path }) => method === 'GET' && path.includes('/in/')],
    ['the store is looked through', ({ method, path }) => method === 'HEAD' && path.includes('genomics')],
    ['tasks put results', ({ method, path }) => method === 'PUT' && path.includes('genomics')],
    ['results are written', output],
  ] as [string, (asked: Asked) => boolean][])(
    'Ctrl-C ends a run while %s and S3 is slow',
    async (what, isMeant) => {
      let reached = false;
      bucket.proxy.fault = (asked) => {
        if (!isMeant(asked)) return undefined;
        reached = true;
        return { kind: 'slow', delay: 60_000 };
      };
      // Where all is done already, results are written at once.
      const store = bucket.uri(isMeant === output ? 'store 1' : `store ${what}`);
      const out = bucket.uri('stopped/x');
      const child = start(
        [...coverage, bucket.uri('in/reads.bam'), '--store', store, '--out', out],
        folder,
        bucket.env,
      );
      const ended = outcome(child);
      for (const end = Date.now() + 20_000; !reached && Date.now() < end;) await sleep(20);
      expect(reached).toBe(true);
      await sleep(100);
      const began = performance.now();
      child.kill('SIGINT');
      const { code, stderr } = await ended;
      expect(code, stderr).toBe(130);
      expect(stderr.trimEnd().split('\n').at(-1)).toMatch(/stopped; what is finished is kept/);
      // A second on a machine at rest.
      expect(performance.now() - began).toBeLessThan(5000);
      expect(await bucket.list('stopped/')).toEqual([]);
    },
  );
});
