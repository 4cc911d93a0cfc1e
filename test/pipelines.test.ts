/** pipelines/qc: what it writes is what genomics/qc writes of each sample, and a table over them. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, truncateSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, expect, test } from 'vitest';
import { has } from './alignments.ts';
import { servermix } from './command.ts';
import { generate } from './generate.ts';

const folder = await mkdtemp(join(tmpdir(), 'servermix-pipelines-'));
afterAll(() => rm(folder, { recursive: true }));

const seeds = [1, 2, 3];
for (const seed of seeds) {
  const made = join(folder, `made${seed}`);
  mkdirSync(made);
  await generate('synthetic/reads', made, { mb: 0.2, depth: 4 * seed, seed });
  for (const ending of ['bam', 'bam.bai'])
    copyFileSync(join(made, `reads.${ending}`), join(folder, `s${seed}.${ending}`));
}
const read = (path: string): string => readFileSync(join(folder, path), 'utf8');
const rowsOf = (path: string): { [column: string]: string }[] => {
  const [columns, ...lines] = read(path)
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
  return lines.map((cells) => Object.fromEntries(columns!.map((column, i) => [column, cells[i]!])));
};
const reports = ['--reports', 'flagstat,idxstats,stats,coverage,depth,mosdepth'];

test('each sample has the files that genomics/qc writes; a table tells all of them apart', async () => {
  const run = await servermix(
    ['run', 'pipelines/qc', '--reads', 's*.bam', ...reports, '--out', 'all'],
    folder,
  );
  expect(run).toMatchObject({ code: 0, stdout: '' });
  expect(run.stderr).toMatch(
    /^\[1\/3\] s1: done in .*\n.*\n\[2\/3\] s2: done .*\n.*\n\[3\/3\] s3: .*\n.*\n3 done; wrote all\/summary\.tsv\n$/,
  );

  const alone = [
    'run',
    'genomics/qc',
    '--reads',
    's2.bam',
    ...reports,
    '--out',
    'alone/s2',
    '--store',
    'memory:',
  ];
  expect(await servermix(alone, folder)).toMatchObject({ code: 0 });
  const names = readdirSync(join(folder, 'alone'));
  expect(names.length).toBeGreaterThan(7);
  for (const name of names)
    expect(readFileSync(join(folder, 'all', name)).equals(readFileSync(join(folder, 'alone', name)))).toBe(
      true,
    );
  expect(readdirSync(join(folder, 'all'))).toHaveLength(3 * names.length + 1);

  const rows = rowsOf('all/summary.tsv');
  expect(rows.map(({ sample }) => sample)).toEqual(['s1', 's2', 's3']);
  for (const row of rows) {
    const text = (ending: string): string => read(`all/${row['sample']}.${ending}`);
    const [, passed, failed] = /^(\d+) \+ (\d+) in total/.exec(text('flagstat'))!;
    expect(Number(row['reads'])).toBe(Number(passed) + Number(failed));
    const [, mapped, also] = /^(\d+) \+ (\d+) mapped /m.exec(text('flagstat'))!;
    const share = (Number(mapped) + Number(also)) / (Number(passed) + Number(failed));
    expect(Number(row['mapped_percent'])).toBeCloseTo(100 * share, 3);
    expect(row['insert_size']).toBe(/insert size average:\t(.*)/.exec(text('stats'))![1]);
    const mean = /^total\t\d+\t\d+\t(.*?)\t/m.exec(text('mosdepth.summary.txt'))![1]!;
    expect(Number(row['mean_depth'])).toBeCloseTo(Number(mean), 1);
    const [, deep] = /^total\t10\t(.*)$/m.exec(text('mosdepth.global.dist.txt'))!;
    expect(Number(row['bases_10x_percent']) / 100).toBeCloseTo(Number(deep), 1);
  }
});

test('the same command again finds all finished, and what it would do beforehand', async () => {
  const plan = await servermix(['plan', 'pipelines/qc', '--reads', 's*.bam', ...reports, '--json'], folder);
  const steps = JSON.parse(plan.stdout) as { step: string; finished: boolean }[];
  expect(steps.map(({ step, finished }) => [step, finished])).toEqual([
    ['s1', true],
    ['s2', true],
    ['s3', true],
  ]);
  const words = await servermix(['plan', 'pipelines/qc', '--reads', 's*.bam'], folder);
  expect(words.stdout).toMatch(
    /^s1\t1 part, .*\ns2\t.*\ns3\t.*\nall, one after the other\t3 parts, .*\tabout /,
  );
  const again = await servermix(
    ['run', 'pipelines/qc', '--reads', 's*.bam', ...reports, '--out', 'again', '--json'],
    folder,
  );
  const { rows, runs } = JSON.parse(again.stdout) as { rows: object[]; runs: { ran: number }[] };
  expect(rows).toHaveLength(3);
  expect(runs.map(({ ran }) => ran)).toEqual([0, 0, 0]);
  expect(read('again/summary.tsv')).toBe(read('all/summary.tsv'));
});

test('a spoilt sample is told of in a line and does not stop the others; there is no table', async () => {
  copyFileSync(join(folder, 's1.bam'), join(folder, 'spoilt.bam'));
  copyFileSync(join(folder, 's1.bam.bai'), join(folder, 'spoilt.bam.bai'));
  truncateSync(join(folder, 'spoilt.bam'), 20_000);
  const run = await servermix(
    ['run', 'pipelines/qc', '--reads', 's1.bam', 'spoilt.bam', 's3.bam', ...reports, '--out', 'some'],
    folder,
  );
  expect(run.code).toBe(3);
  expect(run.stderr).toMatch(/^\[2\/3\] spoilt: BGZF: .*spoilt\.bam.*truncated/m);
  expect(run.stderr).toMatch(/^servermix: pipelines\/qc: 1 of 3 failed: spoilt; .*\n$/m);
  const written = readdirSync(join(folder, 'some'));
  expect(new Set(written.map((name) => name.split('.')[0]))).toEqual(new Set(['s1', 's3']));
});

test('bad usage is one line', async () => {
  mkdirSync(join(folder, 'other'));
  copyFileSync(join(folder, 's1.bam'), join(folder, 'other/s1.bam'));
  const args = ['run', 'pipelines/qc', '--reads', 's1.bam', 'other/s1.bam'];
  const twice = await servermix([...args, '--out', 'twice'], folder);
  expect(twice).toMatchObject({ code: 2, stdout: '' });
  expect(twice.stderr).toMatch(
    /^servermix: --reads: .*\/s1\.bam and .*\/other\/s1\.bam are both sample s1; .*\n$/,
  );
  const nowhere = await servermix(args, folder);
  expect(nowhere).toMatchObject({ code: 2, stderr: 'servermix: pipelines/qc needs --out, a folder\n' });
});

test('Parquet holds the numbers of the reports', async () => {
  const args = ['--reports', 'flagstat,idxstats,stats,coverage,mosdepth', '--parquet', '--json'];
  const run = await servermix(
    ['run', 'genomics/qc', '--reads', 's1.bam', ...args, '--out', 'tables/s1'],
    folder,
  );
  expect(run.code).toBe(0);
  const numbers = JSON.parse(read('tables/s1.json')) as { [report: string]: unknown };
  const table = async (name: string): Promise<{ [column: string]: unknown }[]> => {
    const { buffer, byteOffset, byteLength } = readFileSync(join(folder, `tables/s1.${name}.parquet`));
    const rows = await parquetReadObjects({
      file: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer,
    });
    const plain = (value: unknown): unknown => (typeof value === 'bigint' ? Number(value) : value);
    return rows.map((row) => Object.fromEntries(Object.entries(row).map(([k, v]) => [k, plain(v)])));
  };
  for (const name of ['idxstats', 'coverage', 'mosdepth']) {
    expect(numbers[name]).not.toEqual([]);
    expect(await table(name)).toEqual(numbers[name]);
  }
  expect(Object.fromEntries((await table('stats')).map(({ name, value }) => [name, value]))).toEqual(
    numbers['stats'],
  );
  const flagstat = numbers['flagstat'] as { [side: string]: { total: number } };
  const [passed, failed] = [flagstat['QC-passed reads']!.total, flagstat['QC-failed reads']!.total];
  expect((await table('flagstat'))[0]).toEqual({ count: 'total', passed, failed });
});

test.skipIf(!has('multiqc'))('MultiQC finds every report of every sample', () => {
  execFileSync('multiqc', ['-q', '--no-ansi', '-o', 'multiqc', 'all'], { cwd: folder, stdio: 'ignore' });
  const samplesOf = (name: string): string[] =>
    rowsOf(`multiqc/multiqc_data/multiqc_${name}.txt`).map((row) => row['Sample']!);
  for (const name of ['samtools_flagstat', 'samtools_idxstats', 'samtools_stats', 'general_stats'])
    expect([name, samplesOf(name)]).toEqual([name, ['s1', 's2', 's3']]);
  expect(read('multiqc/multiqc_data/mosdepth_cov_dist.txt')).toContain('s3');
});

test('germline: calls of all files, what is said of them, a comparison, and reports of each', async () => {
  const files = ['--reads', 'made2/reads.bam', '--reference', 'made2/reference.fa', '--out', 'germline'];
  const known = ['--truth', 'made2/truth.vcf.gz', '--confident', 'made2/truth.bed'];
  const run = await servermix(['run', 'pipelines/germline', ...files, ...known, '--min-qual', '20'], folder);
  expect(run).toMatchObject({ code: 0, stdout: '' });
  const names = readdirSync(join(folder, 'germline'));
  for (const name of [
    'calls.vcf.gz',
    'calls.vcf.gz.tbi',
    'calls.stats',
    'comparison',
    'comparison.fn.vcf.gz',
    'reads.flagstat',
  ])
    expect(names).toContain(name);
  const alone = [
    'run',
    'genomics/variants',
    ...files.slice(0, 4),
    '--min-qual',
    '20',
    '--out',
    'alone.vcf.gz',
  ];
  expect(await servermix(alone, folder)).toMatchObject({ code: 0 });
  expect(
    readFileSync(join(folder, 'germline/calls.vcf.gz')).equals(readFileSync(join(folder, 'alone.vcf.gz'))),
  ).toBe(true);
  const [sample] = rowsOf('germline/samples.tsv');
  const [snps] = rowsOf('germline/comparison');
  expect(Number(sample!['snps_het'])).toBeGreaterThan(20);
  expect(Number(snps!['f1'])).toBeGreaterThan(0.8);
  expect(read('germline/calls.stats')).toMatch(/^# This file was produced by bcftools stats/);
  const odd = await servermix(
    ['run', 'pipelines/germline', ...files, '--confident', 'made2/truth.bed'],
    folder,
  );
  expect(odd.code).toBe(2);
  expect(odd.stderr).toMatch(/--confident: found no --truth/);
});
