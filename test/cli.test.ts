/** The command line: what it prints where, its exit codes, and that whatever goes wrong is one helpful line. */
import { copyFileSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { outcome, servermix, start } from './command.ts';
import { generate } from './generate.ts';

const folder = await mkdtemp(join(tmpdir(), 'servermix-cli-'));
afterAll(() => rm(folder, { recursive: true }));
await generate('synthetic/reads', folder, { mb: 0.5, depth: 5, seed: 3 });
await generate('synthetic/terrain', folder, { points: 20_000, seed: 3 });
const bam = join(folder, 'reads.bam');
const las = join(folder, 'terrain.las');

/** A copy of the reads with its index, for spoiling. */
function copy(name: string, { index = true } = {}): string {
  const path = join(folder, name);
  copyFileSync(bam, path);
  if (index) copyFileSync(`${bam}.bai`, `${path}.bai`);
  return path;
}

test('help and lists', async () => {
  const help = await servermix(['--help'], folder);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toContain('Exit codes');
  const list = await servermix(['list'], folder);
  expect(list.stdout).toMatch(
    /^genomics\/compare\s.*\ngenomics\/coverage\s.*\ngenomics\/flagstat\s.*\ngenomics\/index\s.*\ngenomics\/pileup\s.*\ngenomics\/qc\s.*\ngenomics\/reference\s.*\ngenomics\/variants\s.*\ngenomics\/vcf-check\s.*\ngenomics\/vcf-filter\s.*\ngenomics\/vcf-merge\s.*\ngenomics\/vcf-norm\s.*\ngenomics\/vcf-query\s.*\ngenomics\/vcf-stats\s.*\ngenomics\/vcf-table\s.*\nlidar\/catalog\s.*\nlidar\/extract\s.*\nlidar\/ground\s.*\nlidar\/index\s.*\nlidar\/info\s.*\nlidar\/raster\s.*\nlidar\/stats\s.*\nlidar\/tile\s.*\nsatellite\/catalog\s.*\nsatellite\/cog\s.*\nsatellite\/composite\s.*\nsatellite\/index\s.*\nsatellite\/interpolate\s.*\nsatellite\/landcover\s.*\nsatellite\/mosaic\s.*\nsatellite\/tiles\s.*\nsatellite\/warp\s.*\nsatellite\/zonal\s.*\nterrain\/contours\s.*\nterrain\/relief\s.*\npipelines\/biomass\s.*\npipelines\/germline\s.*\npipelines\/qc\s.*\npipelines\/terrain\s.*\npipelines\/vegetation\s.*\npipelines\/water\s/,
  );
  const job = await servermix(['run', 'genomics/coverage', '--help'], folder);
  expect(job.code).toBe(0);
  for (const word of ['--reads', '--by <n|file>', '--no-per-base', 'default 1796', '--split', 'Examples'])
    expect(job.stdout).toContain(word);
});

test('functions of an unknown region: exit code 2, and what to do', async () => {
  const { AWS_REGION: _region, AWS_DEFAULT_REGION: _other, AWS_PROFILE: _profile, ...env } = process.env;
  const args = ['run', 'genomics/flagstat', '--reads', bam, '--on', 'lambda', '--store', 's3://bucket/store'];
  expect(await servermix(args, folder, { ...env, HOME: folder })).toMatchObject({
    code: 2,
    stderr: expect.stringMatching(/^servermix: s3: found no region for .*; set AWS_REGION\n$/),
  });
});

test('flagstat prints its result on standard output, and only that', async () => {
  const text = await servermix(['run', 'genomics/flagstat', '--reads', bam], folder);
  expect(text.code).toBe(0);
  expect(text.stdout).toMatch(/^\d+ \+ \d+ in total/);
  expect(text.stderr).toMatch(/^done in .*: ([\d,]+) of \1 reads; /);
  const json = await servermix(['run', 'genomics/flagstat', '--reads', bam, '--json'], folder);
  expect(JSON.parse(json.stdout)).toHaveProperty('QC-passed reads');
  const events = json.stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { event: string });
  expect(events[0]!.event).toBe('run');
  expect(events.at(-1)!.event).toBe('end');
});

test('files appear under --out, whose folder is made', async () => {
  const out = join(folder, 'deep/er/sample');
  const run = await servermix(
    ['run', 'genomics/coverage', '--reads', bam, '--by', '1000', '--out', out],
    folder,
  );
  expect(run).toMatchObject({ code: 0, stdout: '' });
  expect(readdirSync(join(folder, 'deep/er')).toSorted()).toEqual([
    'sample.mosdepth.global.dist.txt',
    'sample.mosdepth.region.dist.txt',
    'sample.mosdepth.summary.txt',
    'sample.per-base.bed.gz',
    'sample.per-base.bed.gz.csi',
    'sample.regions.bed.gz',
    'sample.regions.bed.gz.csi',
  ]);
});

test('a finished command is recognised, wherever its output goes', async () => {
  const args = ['run', 'lidar/raster', '--points', las, '--cell', '2', '--json'];
  const first = await servermix([...args, '--out', 'a.tif'], folder);
  const again = await servermix([...args, '--out', 'b.tif', '--on', 'inline'], folder);
  expect(JSON.parse(first.stdout)).toMatchObject({
    status: 'done',
    cached: 0,
    records: 20_000,
    promised: 20_000,
  });
  expect(JSON.parse(again.stdout)).toMatchObject({ status: 'done', ran: 0 });
  expect(readFileSync(join(folder, 'a.tif')).equals(readFileSync(join(folder, 'b.tif')))).toBe(true);
});

test('plan runs nothing and says what it would take', async () => {
  const plan = await servermix(['plan', 'genomics/flagstat', '--reads', bam, '--store', 'plans'], folder);
  expect(plan.code).toBe(0);
  for (const word of ['parts', 'memory', 'time', 'cost']) expect(plan.stdout).toContain(word);
  expect(readdirSync(folder)).not.toContain('plans');
});

test('explain tells what a run depends on and what changed', async () => {
  const run = (mapq: string): Promise<unknown> =>
    servermix(
      ['run', 'genomics/coverage', '--reads', bam, '--mapq', mapq, '--out', 'x', '--store', 's'],
      folder,
    );
  await run('0');
  await run('20');
  const last = await servermix(['explain', 'last', '--store', 's'], folder);
  expect(last.stdout).toMatch(/changed since run \S+: option mapq: 0 -> 20\n$/);
  const key = /result (\S+)/.exec(last.stdout)![1]!;
  expect((await servermix(['explain', key, '--store', 's'], folder)).stdout).toContain(key);
});

test('info reads headers', async () => {
  expect((await servermix(['info', bam], folder)).stdout).toMatch(/contigs .*\n[^]*mapped/);
  expect(JSON.parse((await servermix(['info', las, '--json'], folder)).stdout)).toMatchObject({
    points: 20_000,
  });
});

describe('usage: exit code 2, one line', () => {
  test.each([
    [['fly'], /no command fly, expected list/],
    [['run'], /run needs a job/],
    [['run', 'genomics/sing'], /no job genomics\/sing, expected one of genomics\/compare/],
    [['run', 'genomics/flagstat'], /--reads/],
    [['run', 'genomics/flagstat', '--reads', 'reads.bam', '--speed', '9'], /--speed/],
    [
      ['run', 'genomics/flagstat', '--reads', 'reads.bam', '--split', 'big'],
      /--split: found big, expected an amount/,
    ],
    [['run', 'genomics/coverage', '--reads', 'reads.bam'], /needs --out/],
    [
      ['run', 'genomics/coverage', '--reads', 'reads.bam', '--out', 'x', '--mapq', 'high'],
      /mapq: found "high", expected a whole number/,
    ],
    [['run', 'genomics/coverage', '--reads', 'reads.bam', '--out', 'x', '--chrom', 'chrQ'], /chrQ/],
    [['run', 'lidar/raster', '--points', 'terrain.las', '--cell', '-1', '--out', 'x.tif'], /cell/],
    [['run', 'lidar/raster', '--points', 'terrain.las', '--out', '.'], /output: \. /],
    [['run', 'genomics/flagstat', '--reads', 'ftp://x/reads.bam'], /scheme ftp/],
    [['run', 'genomics/flagstat', '--reads', 'reads.bam', '--out', 'reads.bam'], /is the input/],
    [['run', 'genomics/index', '--file', 'reads.bam', '--file', 'x.bam'], /expected one file/],
    [['run', 'genomics/index', '--file', 'reads.bam', 'x.bam'], /takes one file/],
    [
      ['run', 'genomics/flagstat', '--reads', 'reads.bam', '--out', 'gs://x/y'],
      /expected a path of this machine/,
    ],
    [
      ['run', 'genomics/flagstat', '--reads', 'reads.bam', '--workers', '10000'],
      /--workers: found 10000, expected a whole number from 1/,
    ],
    [
      ['run', 'genomics/flagstat', '--reads', 'reads.bam', '--store', 'reads.bam'],
      /--store reads.bam: cannot be used/,
    ],
    [['run', 'lidar/raster', '--points', 'terrain.las', 'terrain.las', '--out', 'x.tif'], /twice/],
    [['datasets', 'no/such'], /no dataset no\/such/],
  ])('%j', async (args, message) => {
    const { code, stdout, stderr } = await servermix(args, folder);
    expect(stderr).toMatch(message);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect([code, stdout]).toEqual([2, '']);
  });
});

describe('bad input: exit code 3, one line with the name, nothing at the output', () => {
  const cases: [string, () => string, RegExp][] = [
    ['absent', () => join(folder, 'absent.bam'), /absent\.bam/],
    [
      'a folder',
      () => (mkdirSync(join(folder, 'folder.bam'), { recursive: true }), join(folder, 'folder.bam')),
      /folder\.bam/,
    ],
    ['empty', () => (writeFileSync(join(folder, 'empty.bam'), ''), join(folder, 'empty.bam')), /empty\.bam/],
    [
      'of another kind',
      () => (
        writeFileSync(join(folder, 'text.bam'), 'not a BAM file\n'.repeat(100)),
        join(folder, 'text.bam')
      ),
      /text\.bam/,
    ],
    [
      'without the end-of-file marker',
      () => {
        const path = copy('noeof.bam');
        truncateSync(path, readFileSync(path).length - 28);
        return path;
      },
      /noeof\.bam.*end-of-file marker/,
    ],
    [
      'with an index cut short',
      () => {
        const path = copy('shortindex.bam');
        truncateSync(`${path}.bai`, 100);
        return path;
      },
      /shortindex\.bam\.bai/,
    ],
    [
      'with a flipped byte',
      () => {
        const path = copy('flipped.bam');
        const bytes = readFileSync(path);
        bytes[bytes.length >> 1]! ^= 0x55;
        writeFileSync(path, bytes);
        return path;
      },
      /flipped\.bam/,
    ],
  ];
  test.each(cases)('a BAM %s', async (_what, make, message) => {
    const path = make();
    for (const job of ['genomics/flagstat', 'genomics/coverage']) {
      const { code, stderr, stdout } = await servermix(
        ['run', job, '--reads', path, '--out', 'bad/out'],
        folder,
      );
      expect(stderr).toMatch(message);
      expect(stderr.trim().split('\n')).toHaveLength(1);
      expect([code, stdout]).toEqual([3, '']);
      expect(readdirSync(folder)).not.toContain('bad');
    }
  });
  test('a BAM without an index has a flagstat, and no coverage', async () => {
    const path = copy('noindex.bam', { index: false });
    const counted = await servermix(['run', 'genomics/flagstat', '--reads', path, '--split', '50k'], folder);
    const indexed = await servermix(['run', 'genomics/flagstat', '--reads', bam], folder);
    expect([counted.code, counted.stdout]).toEqual([0, indexed.stdout]);
    expect(counted.stderr).toMatch(/note: BAM: .*noindex\.bam has no index/);
    const refused = await servermix(
      ['run', 'genomics/coverage', '--reads', path, '--out', 'bad/out'],
      folder,
    );
    expect([refused.code, refused.stderr]).toEqual([3, expect.stringMatching(/noindex\.bam has no index/)]);
  });
  const lasCases: [string, () => string][] = [
    ['absent', () => join(folder, 'absent.las')],
    ['empty', () => (writeFileSync(join(folder, 'empty.las'), ''), join(folder, 'empty.las'))],
    ['of another kind', () => (copyFileSync(bam, join(folder, 'bam.las')), join(folder, 'bam.las'))],
    [
      'cut short',
      () => {
        const path = join(folder, 'short.las');
        copyFileSync(las, path);
        truncateSync(path, readFileSync(path).length - 1);
        return path;
      },
    ],
  ];
  test.each(lasCases)('a LAS %s', async (_what, make) => {
    const path = make();
    const { code, stderr } = await servermix(
      ['run', 'lidar/raster', '--points', path, '--out', 'bad.tif'],
      folder,
    );
    expect(stderr).toContain(path);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(code).toBe(3);
    expect(readdirSync(folder)).not.toContain('bad.tif');
  });
});

test('Ctrl-C: exit code 130, a line that says how to go on, and what is finished stays', async () => {
  const args = [
    'run',
    'genomics/coverage',
    '--reads',
    bam,
    '--out',
    'stopped',
    '--split',
    '2k',
    '--store',
    'stopped-store',
  ];
  // Slow enough to be stopped in the middle.
  const child = start([...args, '--rate', '20', '--json'], folder);
  let [done, told] = [0, false];
  child.stderr!.on('data', (text: Buffer) => {
    done += text.toString().split('"event":"done"').length - 1;
    if (done >= 3 && !told) told = child.kill('SIGINT');
  });
  const stopped = await outcome(child);
  expect(stopped.code).toBe(130);
  expect(JSON.parse(stopped.stderr.trim().split('\n').at(-1)!)).toEqual({
    event: 'error',
    message: 'stopped; what is finished is kept: give the same command again to go on from there',
    exitCode: 130,
  });
  expect(readdirSync(folder).filter((name) => name.startsWith('stopped.'))).toEqual([]);
  const again = await servermix([...args, '--json'], folder);
  expect(again.code).toBe(0);
  expect((JSON.parse(again.stdout) as { cached: number }).cached).toBeGreaterThanOrEqual(3);
});

test('a full disk: one line, nothing partial', async () => {
  const out = join(folder, 'full.txt');
  await writeFile(join(folder, 'limit.sh'), `ulimit -f 1; exec "$@"`);
  const { spawn } = await import('node:child_process');
  const { root } = await import('./root.ts');
  const args = [
    join(root, 'dist/bin/main.js'),
    'run',
    'lidar/raster',
    '--points',
    las,
    '--out',
    out,
    '--store',
    'full',
  ];
  const child = spawn('bash', [join(folder, 'limit.sh'), process.execPath, ...args], { cwd: folder });
  const { code, stderr } = await outcome(child);
  expect(code).not.toBe(0);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toMatch(/space|large/i);
  await expect(readFile(out)).rejects.toThrow('ENOENT');
});

test('control characters of names do not reach the terminal', async () => {
  const { code, stderr } = await servermix(
    ['run', 'genomics/flagstat', '--reads', 'no\u001b[31m\nsuch.bam'],
    folder,
  );
  expect(code).toBe(3);
  expect(stderr).toMatch(/^servermix: file: \S*no\\u001b\[31m such.bam does not exist, [^\n]*\n$/);
});
