/** CRAM, and several files as one, give what one BAM file with the same reads gives, for any split of the work. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AnyJob, Dataset } from '../core/job.ts';
import type { Json } from '../core/json.ts';
import { coverage } from '../genomics/jobs/coverage.ts';
import { flagstat } from '../genomics/jobs/flagstat.ts';
import { pileup } from '../genomics/jobs/pileup.ts';
import { qc } from '../genomics/jobs/qc.ts';
import { has, messageFrom } from './alignments.ts';
import { referenceOf, randomSam } from './sam.ts';
import { isLong } from './shared.ts';
import { dataset, runJob } from './stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-collection-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
const run = (...args: readonly string[]): Buffer =>
  execFileSync('samtools', args, { stdio: ['ignore', 'pipe', 'ignore'], maxBuffer: 1 << 30 });
const [whole, small] = [1e9, 3000];

/** Sorted BAM with an index, of SAM text. */
function toBam(text: string, name: string): string {
  writeFileSync(at(`${name}.sam`), text);
  run('sort', '--no-PG', '-o', at(`${name}.bam`), at(`${name}.sam`));
  run('index', at(`${name}.bam`));
  return at(`${name}.bam`);
}

const works: readonly (readonly [name: string, job: AnyJob, given: { [name: string]: Json }])[] = [
  ['flagstat', flagstat, {}],
  ['coverage', coverage, { by: 500 }],
  ['coverage of unmapped reads too', coverage, { 'exclude-flag': 0, fast: true, 'no-per-base': true }],
  ['reports', qc, { reports: 'flagstat,idxstats,stats,coverage,depth,mosdepth' }],
  ['pileup', pileup, { orphans: true, baseq: 0, 'output-mapq': true }],
];

/** Files by suffix, as text where they are; the name of the input stands in some of them. */
async function filesOf(
  job: AnyJob,
  given: { [name: string]: Json },
  paths: readonly string[],
  split: number,
): Promise<{ [suffix: string]: string }> {
  const inputs: { [name: string]: Dataset[] } = {
    reads: await Promise.all(paths.map((path) => dataset(path))),
  };
  if ('reference' in job.inputs) inputs['reference'] = [await dataset(at('r.fa'), 'fa')];
  const { files } = await runJob(job, inputs, given, { split });
  return Object.fromEntries(
    [...files].map(([suffix, bytes]) => [suffix, Buffer.from(bytes).toString('latin1')]),
  );
}

async function mustBeAlike(
  what: string,
  paths: readonly string[],
  bam: string,
  splits: readonly number[] = [whole, small],
): Promise<void> {
  for (const [name, job, given] of works) {
    const expected = await filesOf(job, given, [bam], whole);
    for (const split of splits) {
      const found = await filesOf(job, given, paths, split);
      expect(Object.keys(found)).toEqual(Object.keys(expected));
      for (const [suffix, text] of Object.entries(expected))
        if (found[suffix] !== text) {
          const [a, b] = [found[suffix]!.split('\n'), text.split('\n')];
          const i = b.findIndex((line, k) => line !== a[k]);
          expect(`${what}, ${name}${suffix}, ${split}, line ${i + 1}: ${a[i]}`).toBe(b[i]);
          expect([what, name, suffix, split]).toEqual('equal');
        }
    }
  }
}

describe.skipIf(!has('samtools'))('as one BAM file', () => {
  const text = randomSam(11);
  let bam = '';
  beforeAll(() => {
    writeFileSync(at('r.fa'), referenceOf(11));
    run('faidx', at('r.fa'));
    bam = toBam(text, 'all');
  });

  test.each(['2.1', '3.0', '3.1'])('CRAM %s', { timeout: 60_000 }, async (version) => {
    for (const [name, more] of [
      ['small', 'seqs_per_slice=100,slices_per_container=3'],
      ['mixed', 'multi_seq_per_slice=1,seqs_per_slice=200'],
      ['usual', 'seqs_per_slice=10000'],
    ] as const) {
      // Versions differ in codecs, not in how reads are laid out.
      if (name !== 'small' && !(version === '3.0' && (isLong || name === 'mixed'))) continue;
      const cram = at(`${name}-${version}.cram`);
      run('view', '--no-PG', '-T', at('r.fa'), '-O', `cram,version=${version},${more}`, '-o', cram, bam);
      // What CRAM keeps of the reads.
      const kept = at(`${name}-${version}.bam`);
      run('view', '--no-PG', '-T', at('r.fa'), '-b', '-o', kept, cram);
      run('index', kept);
      // How layouts are cut into parts one version shows; an index changes that alone.
      const splits = version !== '3.0' ? [whole] : name === 'mixed' ? [small] : [whole, small];
      await mustBeAlike(`${name} ${version}`, [cram], kept, isLong ? undefined : splits);
      if (version !== '3.0' || name === 'usual') continue;
      run('index', cram);
      await mustBeAlike(`${name} ${version} with an index`, [cram], kept, [small]);
    }
  });

  test('several files', { timeout: 60_000 }, async () => {
    const lines = text.split('\n').filter((line) => line !== '');
    const header = lines.filter((line) => line.startsWith('@'));
    const reads = lines.filter((line) => !line.startsWith('@'));
    const three = [0, 1, 2].map((k) =>
      toBam(`${[...header, ...reads.filter((_, i) => i % 3 === k)].join('\n')}\n`, `third${k}`),
    );
    const merged = at('merged.bam');
    run('merge', '--no-PG', '-f', merged, ...three);
    run('index', merged);
    await mustBeAlike('three', three, merged);
    const cram = at('third1.cram');
    run('view', '--no-PG', '-T', at('r.fa'), '-C', '-o', cram, three[1]!);
    const kept = at('kept.bam');
    run('view', '--no-PG', '-T', at('r.fa'), '-b', '-o', kept, cram);
    run('index', kept);
    run('merge', '--no-PG', '-f', merged, three[0]!, kept);
    run('index', merged);
    await mustBeAlike('BAM and CRAM', [three[0]!, cram], merged, [small]);
  });

  test('an index of another CRAM is refused', async () => {
    const cram = at('indexed.cram');
    const format = 'cram,seqs_per_slice=300';
    run('view', '--no-PG', '-T', at('r.fa'), '-O', format, '-o', cram, bam);
    run('index', cram);
    const crai = `${cram}.crai`;
    const lines = gunzipSync(readFileSync(crai)).toString().trimEnd().split('\n');
    const right = await filesOf(coverage, {}, [cram], 20_000);
    const fails = async (text: string, message: RegExp): Promise<void> => {
      writeFileSync(crai, text);
      for (const job of [coverage, flagstat] as AnyJob[])
        expect(await messageFrom(filesOf(job, {}, [cram], 20_000))).toMatch(message);
    };
    const other = /^CRAI: .* has containers from byte .* it is not the index of .*indexed.cram; /;
    await fails(lines.slice(0, -1).join('\n'), other);
    await fails(lines.slice(1).join('\n'), other);
    await fails('', other);
    const bad = /^CRAI: line 2 of .* is "[^"]*", expected contig, start, /;
    await fails([lines[0], 'one\t2', ...lines.slice(2)].join('\n'), bad);
    await fails([lines[0], lines[1]!.replace(/\t\d+(\t\d+\t\d+)$/, '\t99999999$1')].join('\n'), bad);
    const wide = lines.map((line, i) =>
      i === 1 ? line.replace(/^(\d+\t\d+)\t\d+/, '$1\t9000000000000') : line,
    );
    writeFileSync(crai, wide.join('\n'));
    expect(await messageFrom(filesOf(coverage, {}, [cram], 20_000))).toMatch(
      /^CRAM: containers of .* claim reads/,
    );
    // In the middle an offset that is no container's.
    const moved = lines.map((line, i) =>
      i === 3
        ? line.replace(/\t(\d+)(\t\d+\t\d+)$/, (_, n: string, rest: string) => `\t${Number(n) + 1}${rest}`)
        : line,
    );
    await fails(moved.join('\n'), /^CRAM: the container at byte \d+ of /);
    writeFileSync(crai, lines.join('\n'));
    expect(await filesOf(coverage, {}, [cram], 20_000)).toEqual(right);
    rmSync(crai);
    expect(await filesOf(coverage, {}, [cram], 20_000)).toEqual(right);
  });

  test('what does not go together is refused', async () => {
    const other = toBam(text.replace('LN:5000', 'LN:5001'), 'other');
    for (const [, job, given] of works.slice(1))
      expect(await messageFrom(filesOf(job, given, [bam, other], 1e9))).toMatch(
        /^BAM: contig 2 of .*other.bam is empty \(5001 bases\), expected empty \(5000 bases\) as in .*all.bam; /,
      );
    const unsorted = at('unsorted.cram');
    run('sort', '--no-PG', '-n', '-o', at('byname.bam'), bam);
    for (const size of [50, 10_000]) {
      const format = `cram,seqs_per_slice=${size}`;
      run('view', '--no-PG', '-T', at('r.fa'), '-O', format, '-o', unsorted, at('byname.bam'));
      expect(await messageFrom(filesOf(coverage, {}, [unsorted], 1e9))).toMatch(
        /^(CRAM: .* is not sorted by place|BAM: .* expected them in order)/,
      );
      const { '.stats': found } = await filesOf(qc, { reports: 'stats' }, [unsorted], 100_000);
      const expected = run('stats', '--reference', at('r.fa'), unsorted).toString('latin1');
      const sums = (stats: string): string => stats.match(/^(CHK|SN|FFQ|GCF).*/gm)!.join('\n');
      expect(sums(found!)).toBe(sums(expected));
    }
    writeFileSync(at('wrong.fa'), readFileSync(at('r.fa'), 'latin1').replace(/ACG/g, 'TTT'));
    run('faidx', at('wrong.fa'));
    run('view', '--no-PG', '-T', at('r.fa'), '-C', '-o', at('all.cram'), bam);
    const reads = [await dataset(at('all.cram'))];
    const reference = [await dataset(at('wrong.fa'), 'fa')];
    expect(await messageFrom(runJob(pileup, { reads, reference }))).toMatch(
      /was written with another reference/,
    );
    expect(await messageFrom(runJob(pileup, { reads }))).toMatch(/^CRAM: .*add --reference FILE.fa$/);
  });
});
