/** synthetic/reads: the same content from the same seed, and reads, indexes and truth that samtools and bcftools agree with. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../core/json.ts';
import { resolve } from '../core/params.ts';
import { reads } from '../datasets/reads.ts';
import { has, run } from './alignments.ts';

const folder = mkdtempSync(join(tmpdir(), 'syntheticreads-'));
afterAll(() => rmSync(folder, { recursive: true }));

const make = async (name: string, options: { readonly [option: string]: Json }): Promise<string> => {
  const at = join(folder, name);
  await reads.make(at, resolve(reads.params, options), () => {});
  return at;
};
const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 16);
const inflated = (path: string): Uint8Array => gunzipSync(readFileSync(path));

type Truth = {
  readonly reads: { readonly [count: string]: number };
  readonly flags: { readonly [flag: string]: number };
  readonly variants: { readonly snps: number; readonly indels: number; readonly heterozygous: number };
  readonly contigs: readonly {
    readonly name: string;
    readonly length: number;
    readonly mapped: number;
    readonly unmapped: number;
    readonly bases: number;
  }[];
};
const truthOf = (at: string): Truth => JSON.parse(readFileSync(join(at, 'truth.json'), 'utf8')) as Truth;

/** Digests of what the files hold; a change of the generator changes them, and whatever is compared with older data. */
const golden = {
  bam: '63aeb2d2d32dc47e',
  fasta: 'bffd2218f4498ac3',
  fai: '2abe3340ee3cb792',
  vcf: 'ef594d2cb79630e3',
  bed: 'b6b7e5f3ad214fb9',
  json: 'fb0779c7042f05d6',
};

describe('content', () => {
  // Inflated, since zlib's builds deflate differently.
  const contentOf = (at: string): { [file: string]: string } => ({
    bam: digest(inflated(join(at, 'reads.bam'))),
    fasta: digest(readFileSync(join(at, 'reference.fa'))),
    fai: digest(readFileSync(join(at, 'reference.fa.fai'))),
    vcf: digest(inflated(join(at, 'truth.vcf.gz'))),
    bed: digest(readFileSync(join(at, 'truth.bed'))),
    json: digest(readFileSync(join(at, 'truth.json'))),
  });
  test('is what it was: the same seed, the same bytes', async () => {
    expect(contentOf(await make('golden', { mb: 0.05, depth: 10 }))).toEqual(golden);
  });
  test('another seed gives other data; binned qualities change the reads alone', async () => {
    const other = contentOf(await make('other', { mb: 0.05, depth: 10, seed: 2 }));
    for (const file of ['bam', 'fasta', 'vcf'] as const) expect(other[file]).not.toBe(golden[file]);
    const binned = contentOf(await make('binned', { mb: 0.05, depth: 10, qualities: 'binned' }));
    expect(binned['vcf']).toBe(golden.vcf);
    expect(binned['bam']).not.toBe(golden.bam);
  });
  test('the last byte is written, and progress ends at 1', async () => {
    const shares: number[] = [];
    const at = join(folder, 'progress');
    const paths = await reads.make(at, resolve(reads.params, { mb: 0.05, depth: 1 }), (done) =>
      shares.push(done),
    );
    expect(shares.at(-1)).toBe(1);
    expect(shares.toSorted((a, b) => a - b)).toEqual(shares);
    for (const path of paths) expect(statSync(path).size).toBeGreaterThan(0);
    expect(readFileSync(join(at, 'reference.fa')).at(-1)).toBe(10);
  });
});

describe.skipIf(!has('samtools'))('samtools', () => {
  let at: string;
  let truth: Truth;
  let bam: string;
  beforeAll(async () => {
    at = await make('samtools', { mb: 0.7, depth: 20, seed: 3 });
    truth = truthOf(at);
    bam = join(at, 'reads.bam');
  });

  test('finds a whole, sorted file', () => {
    run('samtools', 'quickcheck', bam);
    const sorted = join(folder, 'sorted.bam');
    run('samtools', 'sort', '--no-PG', '-o', sorted, bam);
    expect(run('samtools', 'view', sorted)).toBe(run('samtools', 'view', bam));
  });
  test('counts what the truth says', () => {
    const counted = JSON.parse(run('samtools', 'flagstat', '-O', 'json', bam)) as {
      readonly [set: string]: { readonly [count: string]: number };
    };
    const total = (name: string): number =>
      counted['QC-passed reads']![name]! + counted['QC-failed reads']![name]!;
    const { reads: told, flags } = truth;
    expect({
      total: total('total'),
      primary: total('primary'),
      secondary: total('secondary'),
      supplementary: total('supplementary'),
      duplicates: total('duplicates'),
      mapped: total('mapped'),
      properlyPaired: total('properly paired'),
      mateUnmapped: total('singletons'),
      failed: counted['QC-failed reads']!['total']!,
    }).toEqual({ ...told, unplaced: undefined });
    for (const [kind, n] of Object.entries(told)) expect(n, kind).toBeGreaterThan(0);
    expect(Object.values(flags).reduce((sum, n) => sum + n)).toBe(told['total']);
    for (const [flag, n] of Object.entries(flags).slice(0, 5))
      expect(run('samtools', 'view', '-e', `flag == ${flag}`, '-c', bam).trim()).toBe(String(n));
  });
  test('idxstats and depth equal the truth, contig by contig', () => {
    const stats = truth.contigs.map(({ name, length, mapped, unmapped }) =>
      [name, length, mapped, unmapped].join('\t'),
    );
    expect(run('samtools', 'idxstats', bam).trim().split('\n')).toEqual([
      ...stats,
      `*\t0\t0\t${truth.reads['unplaced']}`,
    ]);
    const depth = new Map<string, number>();
    for (const line of run('samtools', 'depth', bam).trim().split('\n')) {
      const [name, , n] = line.split('\t');
      depth.set(name!, (depth.get(name!) ?? 0) + Number(n));
    }
    for (const { name, bases } of truth.contigs) expect(depth.get(name) ?? 0, name).toBe(bases);
    expect(truth.contigs.at(-1)!.mapped).toBe(0);
  });
  test('NM and MD are those that the reference gives', () => {
    expect(run('samtools', 'calmd', bam, join(at, 'reference.fa')).replace(/^@.*\n/gm, '')).toBe(
      run('samtools', 'view', bam),
    );
  });
  test('the index finds in regions what the index of samtools finds', () => {
    const copy = join(folder, 'copy.bam');
    run('samtools', 'view', '--no-PG', '-b', '-o', copy, bam);
    run('samtools', 'index', copy);
    const ends = truth.contigs.map(({ name, length }) => `${name}:${length - 200}-${length}`);
    for (const region of [
      'chr1:1-20000',
      'chr1:16384-16385',
      'chr1:200000-200100',
      'chr2:8190-8195',
      ...ends,
    ])
      expect(run('samtools', 'view', bam, region), region).toBe(run('samtools', 'view', copy, region));
    expect(run('samtools', 'view', '-c', bam, 'chr3:116466-116666').trim()).not.toBe('0');
  });
  test('pairs are whole: every name has a first and a last read that point at each other', () => {
    const ends = new Map<string, string[]>();
    for (const line of run('samtools', 'view', '-F', '0x900', bam).trim().split('\n')) {
      const [name, flag, contig, pos, , , mateContig, matePos, size] = line.split('\t');
      const mate = mateContig === '=' ? contig! : mateContig!;
      const isFirst = (Number(flag) & 64) > 0;
      const [here, there] = [`${contig}:${pos}`, `${mate}:${matePos}`];
      const length = isFirst ? Number(size) : -Number(size);
      ends.set(name!, [
        ...(ends.get(name!) ?? []),
        isFirst ? `${here} ${there} ${length}` : `${there} ${here} ${length}`,
      ]);
    }
    const broken = [...ends].filter(([, pair]) => pair.length !== 2 || pair[0] !== pair[1]);
    expect(broken).toEqual([]);
  });
  test('mates overlap in a part of the pairs, and qualities tell the errors', () => {
    const stats = run('samtools', 'stats', '-F', '0xf04', bam);
    const figure = (name: string): number =>
      Number(new RegExp(`^SN\\t${name}:\\t(\\S+)`, 'm').exec(stats)![1]);
    expect(figure('insert size average')).toBeGreaterThan(335);
    expect(figure('insert size average')).toBeLessThan(360);
    expect(figure('insert size standard deviation')).toBeGreaterThan(60);
    expect(figure('error rate')).toBeGreaterThan(1e-3);
    expect(figure('error rate')).toBeLessThan(5e-3);
    const overlapping = Number(
      run('samtools', 'view', '-c', '-e', 'flag.proper_pair && tlen > 0 && tlen < 300', bam),
    );
    expect(overlapping / truth.reads['primary']!).toBeGreaterThan(0.08);
  });
  test.each([
    { mb: 0.05, depth: 0 },
    { mb: 0.05, depth: 10, length: 36, insert: 100, spread: 0 },
    { mb: 0.05, depth: 10, length: 300, insert: 100, spread: 30 },
    { mb: 0.05, depth: 10, contigs: 8, insert: 1000, spread: 150 },
  ])('extreme options %j give a sorted file with true alignments', async (options) => {
    const extreme = await make(JSON.stringify(options).replace(/\W+/g, '_'), options);
    const file = join(extreme, 'reads.bam');
    run('samtools', 'quickcheck', file);
    const records = run('samtools', 'view', file);
    expect(run('samtools', 'calmd', file, join(extreme, 'reference.fa')).replace(/^@.*\n/gm, '')).toBe(
      records,
    );
    expect(run('samtools', 'sort', '-O', 'sam', file).replace(/^@.*\n/gm, '')).toBe(records);
    expect(records === '').toBe(options.depth === 0);
  });
  test('the FASTA index is that of samtools', () => {
    const ours = readFileSync(join(at, 'reference.fa.fai'), 'utf8');
    const copy = join(folder, 'copy.fai');
    run('samtools', 'faidx', '--fai-idx', copy, join(at, 'reference.fa'));
    expect(ours).toBe(readFileSync(copy, 'utf8'));
  });

  describe.skipIf(!has('bcftools'))('bcftools', () => {
    const vcf = (): string => join(at, 'truth.vcf.gz');
    const lines = (...args: string[]): string[] =>
      run('bcftools', 'view', '-H', ...args)
        .trim()
        .split('\n');

    test('reads the truth, whose alleles are normal and fit the reference', () => {
      const all = lines(vcf());
      expect(all.length).toBe(truth.variants.snps + truth.variants.indels);
      expect(lines('-g', 'het', vcf()).length).toBe(truth.variants.heterozygous);
      expect(truth.variants.snps / 700_000).toBeGreaterThan(0.8e-3);
      expect(truth.variants.indels / 700_000).toBeGreaterThan(0.8e-4);
      // Fails on a wrong REF.
      const normal = run('bcftools', 'norm', '-c', 'e', '-f', join(at, 'reference.fa'), vcf());
      expect(
        normal
          .replace(/^#.*\n/gm, '')
          .trim()
          .split('\n'),
      ).toEqual(all);
    });
    test('the index finds in regions what a scan finds', () => {
      for (const region of ['chr1:100000-150000', 'chr2:1-40000', 'chr3:100000-116666'])
        expect(lines('-r', region, vcf()), region).toEqual(lines('-t', region, vcf()));
    });
    test('calls from the reads what was implanted', () => {
      const pileup = join(folder, 'pileup.bcf');
      const calls = join(folder, 'calls.bcf');
      const normal = join(folder, 'normal.vcf.gz');
      const reference = join(at, 'reference.fa');
      run('bcftools', 'mpileup', '-r', 'chr3', '-Ob', '-o', pileup, '-f', reference, bam);
      run('bcftools', 'call', '-mv', '-Ob', '-o', calls, pileup);
      run('bcftools', 'norm', '-f', reference, '-Oz', '-o', normal, calls);
      run('bcftools', 'index', normal);
      const into = join(folder, 'shared');
      run('bcftools', 'isec', '-r', 'chr3', '-p', into, vcf(), normal);
      const [missed, extra, both] = [0, 1, 2].map((i) => {
        const text = readFileSync(join(into, `000${i}.vcf`), 'utf8');
        return text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
      });
      expect(both! / (both! + missed!)).toBeGreaterThan(0.9);
      expect(both! / (both! + extra!)).toBeGreaterThan(0.95);
    });
  });
});
