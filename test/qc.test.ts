/** genomics/qc writes what samtools writes, for any split of the work. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dataset } from '../core/job.ts';
import type { Json } from '../core/json.ts';
import { coverage } from '../genomics/jobs/coverage.ts';
import { flagstat } from '../genomics/jobs/flagstat.ts';
import { qc } from '../genomics/jobs/qc.ts';
import { data, has, isIndexed, sharedBams } from './alignments.ts';
import { bare, same as sameText, samtools } from './peer.ts';
import { third } from './shared.ts';
import { dataset, type Ran, runJob, type Tree } from './stage.ts';
import { randomSam, referenceOf } from './sam.ts';

type Options = { readonly [name: string]: Json };

const folder = mkdtempSync(join(tmpdir(), 'servermix-qc-'));
afterAll(() => rmSync(folder, { recursive: true }));
const hasPeer = has('samtools');

async function check(
  reads: string,
  given: Options,
  {
    by,
    reference,
    ...how
  }: { by?: string; reference?: string; split?: number; arity?: Tree; json?: boolean } = {},
): Promise<Ran> {
  const inputs: { [name: string]: Dataset[] } = { reads: [await dataset(reads)] };
  if (by) inputs['by'] = [await dataset(by, 'bed')];
  if (reference) inputs['reference'] = [await dataset(reference, 'fa')];
  const found = await runJob(qc, inputs, given, how);
  if (found.promised !== undefined) expect([reads, found.records]).toEqual([reads, found.promised]);
  return found;
}

const textOf = ({ files }: Ran, suffix: string): string => Buffer.from(files.get(suffix)!).toString('latin1');

const peer = (...args: readonly string[]): string | undefined => samtools(args);
const same = (what: string, found: string, expected: string): void =>
  sameText(what, bare(found), bare(expected));

/** What the golden files were compared with, by path: the same goes beside what samtools writes here. */
const known = new Map<string, Ran>();

describe.skipIf(!data)('golden files', () => {
  const at = join(data ?? '', 'giab-na12878-b37-chr20');
  const bam = join(at, 'NA12878_S1.chr20.10_10p1mb.bam');
  const golden = (name: string): string => {
    const bytes = readFileSync(join(at, 'golden', name));
    return (name.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1');
  };
  test('flagstat, idxstats, coverage, stats', async () => {
    const found = await check(bam, { reports: 'flagstat,idxstats,coverage,stats' }, { split: 500_000 });
    expect(found.parts).toBeGreaterThan(5);
    for (const name of ['flagstat', 'idxstats', 'coverage'])
      same(name, textOf(found, `.${name}`), golden(`${name}.txt`));
    same('stats', textOf(found, '.stats'), golden('stats.noref.txt.gz'));
  });
  test.skipIf(!hasPeer)('bedcov of windows', async () => {
    const by = join(at, 'golden', 'windows500.bed');
    const found = await check(bam, { reports: 'bedcov' }, { by, split: 200_000 });
    same('bedcov', textOf(found, '.bedcov'), peer('bedcov', by, bam)!);
  });
  test('stats with a reference', async () => {
    const reference = join(at, 'ucsc.hg19.chr20.unittest.fasta.gz');
    for (const split of [qc.split, 300_000]) {
      const found = await check(bam, { reports: 'stats' }, { reference, split });
      same('stats', textOf(found, '.stats'), golden('stats.ref.txt.gz'));
    }
  });
  test.each(['HG002_R10_chr20_5050000_5075000', 'HG003_hifi_chr20_100kbp_at_9mb'])('%s', async (name) => {
    const hg002 = join(data!, 'giab-hg002-grch38-chr20');
    const given = { reports: 'flagstat,idxstats,coverage,stats' };
    // Of a genome most parts would be empty, and each of them takes its time.
    const found = await check(join(hg002, `${name}.bam`), given, { split: 5_000_000 });
    known.set(join(hg002, `${name}.bam`), found);
    const text = gunzipSync(readFileSync(join(hg002, `golden-${name}`, 'stats.txt.gz'))).toString('latin1');
    same('stats', textOf(found, '.stats'), text);
  });
});

/** Bases that reads reach over, of contigs on which some lie. */
function basesOf(bam: string): number {
  const rows = peer('idxstats', bam)!
    .split('\n')
    .map((row) => row.split('\t'));
  return rows.reduce((sum, [, length, a, b]) => sum + (Number(a) + Number(b) > 0 ? Number(length) : 0), 0);
}

/**
 * Files whose reports are not compared, and why. `depth` of other contigs of more than 5 Mb is left out as well, since its text is as long as they are.
 */
const exceptions: { readonly [path: string]: { readonly [report: string]: string } } = {
  'edge/bam-js/cg.bam': {
    coverage: 'samtools takes what lies in its memory for qualities of a read without bases',
  },
  'edge/bam-js/large_coords.bam': {
    depth: 'reads lie 1 Gb behind the end of a contig, and depth has a row for each base',
  },
  'edge/igvjs/bam/long_cigar/cigar-64k.bam': { stats: 'samtools writes for minutes' },
};

describe.skipIf(!hasPeer)('every indexed file', () => {
  const bams = third(sharedBams(), 0).filter((path) => isIndexed(join(data!, path)));
  const compared: { [report: string]: number } = {};
  const skipped: string[] = [];
  afterAll(() => {
    console.log(
      `qc: ${bams.length} files; reports compared: ${JSON.stringify(compared)}; skipped: ${skipped.length}`,
    );
    for (const line of skipped) console.log(`  ${line}`);
  });
  test.each(bams)('%s', { timeout: 120_000 }, async (path) => {
    const bam = join(data!, path);
    const reports = ['flagstat', 'idxstats', 'coverage', 'stats', 'depth'].filter((report) => {
      const reason =
        exceptions[path]?.[report] ?? (report === 'depth' && basesOf(bam) > 5e6 ? 'long contigs' : undefined);
      if (reason) skipped.push(`${path}: ${report}: ${reason}`);
      return !reason;
    });
    // Some ten parts: of long reads each has large tables.
    const split = Math.max(200_000, basesOf(bam) / 10);
    const found = known.get(bam) ?? (await check(bam, { reports: reports.join(',') }, { split }));
    for (const report of reports) {
      const text = peer(report, ...(report === 'depth' ? ['-a'] : []), bam);
      if (text === undefined) {
        skipped.push(`${path}: ${report}: samtools fails`);
        continue;
      }
      same(`${path}.${report}`, textOf(found, `.${report}`), text);
      compared[report] = (compared[report] ?? 0) + 1;
    }
  });
  test('most were compared', () => {
    if (bams.length > 0)
      for (const report of ['flagstat', 'idxstats', 'coverage', 'stats'])
        expect(compared[report]).toBeGreaterThan(0.6 * bams.length);
  });
});

describe.skipIf(!hasPeer)('odd reads', () => {
  const bam = join(folder, 'odd.bam');
  const fasta = join(folder, 'odd.fa');
  const bed = join(folder, 'odd.bed');
  beforeAll(() => {
    writeFileSync(join(folder, 'odd.sam'), randomSam(20_241_125));
    execFileSync('samtools', ['view', '--no-PG', '-b', '-o', bam, join(folder, 'odd.sam')]);
    execFileSync('samtools', ['index', bam]);
    writeFileSync(fasta, referenceOf(20_241_125));
    execFileSync('samtools', ['faidx', fasta]);
    const lines = [
      '#comment',
      'track name=x',
      'one\t0\t60000\twhole',
      'one\t100\t100',
      'one\t20000\t45000\tb\t5',
    ];
    for (let at = 0; at < 59_000; at += 731) lines.push(`one\t${at}\t${at + 400 + (at % 977)}`);
    lines.push('tiny\t3\t90\tt', 'empty\t5\t10', 'nowhere\t1\t2', 'two\t16000\t16500', 'one\t59000\t70000');
    writeFileSync(bed, `${lines.join('\n')}\n`);
  });
  const cases: [string, Options, string, readonly string[], 'by' | 'reference' | undefined][] = [
    ['flagstat', {}, 'flagstat', [], undefined],
    ['idxstats', {}, 'idxstats', [], undefined],
    ['coverage', {}, 'coverage', [], undefined],
    ['coverage of good bases', { baseq: 20, mapq: 11 }, 'coverage', ['-q', '11', '-Q', '20'], undefined],
    [
      'coverage by flags',
      { 'exclude-flag': 0x404, 'include-flag': 2 },
      'coverage',
      ['--ff', '0x404', '--rf', '2'],
      undefined,
    ],
    ['depth', {}, 'depth', ['-a'], undefined],
    ['depth of good bases', { baseq: 25, mapq: 5 }, 'depth', ['-a', '-q', '25', '-Q', '5'], undefined],
    ['depth once', { once: true }, 'depth', ['-a', '-s'], undefined],
    ['depth by flags', { 'exclude-flag': 0x200 }, 'depth', ['-a', '-g', '0x504'], undefined],
    ['bedcov', {}, 'bedcov', [], 'by'],
    ['bedcov of bases', { 'skip-deletions': true, mapq: 20 }, 'bedcov', ['-j', '-Q', '20'], 'by'],
    ['stats', {}, 'stats', [], undefined],
    ['stats with a reference', {}, 'stats', [], 'reference'],
    [
      'stats with options',
      {
        'stats-exclude-flag': 0x400,
        'stats-require-flag': 1,
        'trim-quality': 25,
        'insert-size': 300,
        'most-inserts': 0.8,
        'gc-bin': 1000,
        sparse: true,
      },
      'stats',
      ['-F', '0x400', '-f', '1', '-q', '25', '-i', '300', '-m', '0.8', '--GC-depth', '1000', '-x'],
      undefined,
    ],
    ['stats in small bins with a reference', { 'gc-bin': 700 }, 'stats', ['--GC-depth', '700'], 'reference'],
  ];
  test.each(cases)('%s', async (_name, given, report, flags, file) => {
    const files = file === 'reference' ? ['-r', fasta, bam] : file === 'by' ? [bed, bam] : [bam];
    let expected: string;
    try {
      expected = execFileSync('samtools', [report, ...flags, ...files], {
        maxBuffer: 1 << 30,
        stdio: ['ignore', 'pipe', 'pipe'],
      }).toString('latin1');
    } catch (error) {
      // bedcov says so of a line on a contig that is not there.
      if (report !== 'bedcov') throw error;
      expected = (error as { stdout: Buffer }).stdout.toString('latin1');
    }
    const inputs = file === 'by' ? { by: bed } : file === 'reference' ? { reference: fasta } : {};
    let parts = 0;
    for (const [split, arity] of [
      [1e12, 16],
      [1, 'left'],
      [1, 5],
    ] as const) {
      const found = await check(bam, { ...given, reports: report }, { ...inputs, split, arity });
      parts = Math.max(parts, found.parts);
      same(report, textOf(found, `.${report}`), expected);
    }
    expect(parts).toBeGreaterThan(4);
  });

  test('flagstat and mosdepth are those of their own jobs', async () => {
    const reads = [await dataset(bam)];
    const by = [await dataset(bed, 'bed')];
    const counted = await runJob(flagstat, { reads }, {});
    for (const given of [
      {},
      { thresholds: [1, 2], 'no-per-base': true },
      { 'no-per-base': true },
    ] as Options[]) {
      const own = await runJob(coverage, { reads, by }, given, { split: 40_000 });
      const found = await check(bam, { ...given, reports: 'flagstat,mosdepth' }, { by: bed, split: 30_000 });
      expect([...found.files.keys()].sort()).toEqual(['.flagstat', ...own.files.keys()].sort());
      for (const [suffix, bytes] of own.files)
        expect([suffix, Buffer.compare(bytes, found.files.get(suffix)!)]).toEqual([suffix, 0]);
      expect(textOf(found, '.flagstat')).toBe(textOf(counted, ''));
    }
  });

  test('the numbers as JSON', async () => {
    const found = await check(
      bam,
      { reports: 'flagstat,idxstats,stats,coverage' },
      { json: true, split: 30_000 },
    );
    const { flagstat: flags, idxstats, stats, coverage: covered } = JSON.parse(textOf(found, '.json'));
    expect(flags).toEqual(JSON.parse(peer('flagstat', '-O', 'json', bam)!));
    const rows = peer('idxstats', bam)!
      .trim()
      .split('\n')
      .map((row) => row.split('\t'));
    expect(idxstats.map(Object.values)).toEqual(rows.map(([name, ...rest]) => [name, ...rest.map(Number)]));
    for (const [, name, value] of peer('stats', bam)!.matchAll(/^SN\t(.*?):\t(\S+)/gm))
      expect([name, stats[name!]]).toEqual([name, Number(value)]);
    const bases = peer('depth', '-a', bam)!
      .trim()
      .split('\n')
      .map((row) => row.split('\t'));
    const deep = bases.filter(([contig, , depth]) => contig === 'one' && Number(depth) > 0).length;
    expect(covered[0]).toMatchObject({ name: 'one', length: 60_000, covered: deep });
  });

  test('bedcov wants regions, and a reference must have the contigs', async () => {
    await expect(check(bam, { reports: 'bedcov' })).rejects.toThrow(/bedcov.*--by/);
    const other = join(folder, 'other.fa');
    writeFileSync(other, '>one\nACGT\n');
    await expect(check(bam, { reports: 'stats' }, { reference: other })).rejects.toThrow(
      /other.fa has no index/,
    );
    execFileSync('samtools', ['faidx', other]);
    await expect(check(bam, { reports: 'stats' }, { reference: other })).rejects.toThrow(
      /reaches over the end of its reference \(4 bases\)/,
    );
  });
});

test.skipIf(!hasPeer)('depth over a long gap', async () => {
  const bam = join(folder, 'gap.bam');
  const read = (name: string, pos: number): string =>
    [name, 0, 'long', pos, 60, '50M', '*', 0, 0, 'ACGTA'.repeat(10), 'I'.repeat(50)].join('\t');
  writeFileSync(
    join(folder, 'gap.sam'),
    `@SQ\tSN:long\tLN:1500000\n${read('a', 700)}\n${read('b', 1_300_000)}\n`,
  );
  execFileSync('samtools', ['view', '--no-PG', '-b', '-o', bam, join(folder, 'gap.sam')]);
  execFileSync('samtools', ['index', bam]);
  for (const split of [1e9, 1])
    same(
      'depth',
      textOf(await check(bam, { reports: 'depth' }, { split }), '.depth'),
      peer('depth', '-a', bam)!,
    );
});

/** Without an index, the reports that need no order: of sorted files, of the same by name, and of any other that samtools reads. */
describe.skipIf(!hasPeer)('files without an index', () => {
  const given = { reports: 'flagstat,idxstats,stats' };
  const compare = async (name: string, bam: string): Promise<boolean> => {
    const texts = ['flagstat', 'idxstats', 'stats'].map((report) => [report, peer(report, bam)] as const);
    // Of what is not sorted samtools has no idxstats.
    if (texts.some(([report, text]) => text === undefined && report !== 'idxstats')) return false;
    // What is shorter is one part either way.
    for (const split of statSync(bam).size > 60_000 ? [1e9, 60_000] : [1e9]) {
      const found = await check(bam, given, { split });
      for (const [report, text] of texts)
        if (text !== undefined) same(`${name}.${report}`, textOf(found, `.${report}`), text);
    }
    return true;
  };
  // Those with an index were compared above; without one the small ones show what is different.
  const bams = third(sharedBams(), 1).filter((path) => statSync(join(data!, path)).size < 200_000);
  let compared = 0;
  const skipped: string[] = [];
  afterAll(() =>
    console.log(`qc without an index: ${compared} files compared; skipped: ${skipped.join(', ')}`),
  );
  test.each(bams)('%s', { timeout: 120_000 }, async (path) => {
    if (exceptions[path]?.['stats']) {
      skipped.push(path);
      return;
    }
    // A link of another name, beside which there is no index.
    const bam = join(folder, path.replaceAll('/', '_'));
    symlinkSync(join(data!, path), bam);
    if (await compare(path, bam)) compared++;
    else skipped.push(path);
  });
  test('by name, and in no order', async () => {
    const sam = randomSam(7);
    const lines = sam.split('\n').filter((line) => line !== '' && !line.startsWith('@'));
    const head = sam.split('\n').filter((line) => line.startsWith('@'));
    const orders = {
      name: lines.toSorted(),
      length: lines.toSorted((a, b) => a.length - b.length),
    };
    for (const [order, rows] of Object.entries(orders)) {
      const [text, bam] = [join(folder, `${order}.sam`), join(folder, `${order}.bam`)];
      writeFileSync(text, [...head, ...rows, ''].join('\n'));
      execFileSync('samtools', ['view', '--no-PG', '-b', '-o', bam, text]);
      expect(await compare(order, bam)).toBe(true);
    }
  });
  test('what needs an index says so', async () => {
    const bam = join(folder, 'name.bam');
    await expect(check(bam, { reports: 'flagstat,depth' })).rejects.toThrow(
      /name.bam has no index, expected one for depth; make it with servermix run genomics\/index/,
    );
    const usual = await check(bam, {});
    expect([...usual.files.keys()].sort()).toEqual(['.flagstat', '.idxstats', '.stats']);
  });
});
