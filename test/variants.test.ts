/** genomics/variants: what it calls of implanted and of real variants, how it is put, and that it hangs on nothing else. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../core/json.ts';
import { variants } from '../genomics/jobs/variants.ts';
import { data, has, messageFrom } from './alignments.ts';
import { type Change, individual, other, randomBases } from './individual.ts';
import { shared } from './shared.ts';
import { dataset, runJob } from './stage.ts';
import { generate } from './generate.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-variants-'));
afterAll(() => rmSync(folder, { recursive: true }));
const hasSamtools = has('samtools');
const hasPeer = has('bcftools');

type Options = { readonly [name: string]: Json };
type Called = { readonly text: string; readonly index: Uint8Array; readonly vcf: Uint8Array };

async function call(
  reads: readonly string[],
  reference: string,
  given: Options = {},
  how: { split?: number; regions?: string } = {},
): Promise<Called> {
  const inputs = {
    reads: await Promise.all(reads.map((path) => dataset(path))),
    reference: [await dataset(reference, 'fa')] as const,
    ...(how.regions === undefined ? {} : { regions: [await dataset(how.regions)] as const }),
  };
  const { files } = await runJob(
    variants,
    inputs,
    given,
    how.split === undefined ? {} : { split: how.split },
  );
  const vcf = files.get('')!;
  return { text: gunzipSync(vcf).toString('latin1'), index: files.get('.tbi')!, vcf };
}

/** The lines of a VCF, by column. */
const rowsOf = (text: string): string[][] =>
  text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split('\t'));
/** Place, alleles and genotypes. */
const briefly = (text: string): string[] =>
  rowsOf(text).map((row) =>
    [row[1], row[3], row[4], ...row.slice(9).map((sample) => sample.split(':')[0])].join(' '),
  );

const places = (rows: string[][]): string[] => rows.map((row) => row.slice(0, 5).join());
const peer = (...args: string[]): string =>
  execFileSync('bcftools', args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();

type Score = { readonly tp: number; readonly fp: number; readonly fn: number; readonly f1: number };
type Scores = { readonly [kind in 'SNP' | 'INDEL']: Score };

/** What the shared comparison says of calls, genotypes required. */
function score(calls: string, truth: string, bed: string, reference: string, ...more: string[]): Scores {
  const script = join(shared()!, 'tools/giab_eval.py');
  const args = [script, '--truth', truth, '--calls', calls, '--bed', bed, '--ref', reference, ...more];
  return (JSON.parse(execFileSync('python3', args).toString()) as { gt: Scores }).gt;
}

describe.skipIf(!hasSamtools)('implanted variants', () => {
  const bases = randomBases(20_000, 11);
  const swap = (pos: number): Change => ({ pos, size: 1, bases: other(bases[pos]!) });
  const text = ({ pos, size, bases: alt }: Change): string =>
    size === alt.length
      ? `${pos + 1} ${bases.slice(pos, pos + size)} ${alt}`
      : `${pos} ${bases.slice(pos - 1, pos + size)} ${bases[pos - 1]}${alt}`;

  test('substitutions, insertions and deletions, on one chromosome or both', async () => {
    const gone = { pos: 6000, size: 3, bases: '' };
    const more = { pos: 7000, size: 0, bases: 'ACTTGCA' };
    const near = [swap(9000), { pos: 9008, size: 2, bases: '' }, swap(9015)];
    const both = [swap(3000), gone];
    const { bam, reference } = individual(folder, 'many', [
      [swap(2000), ...both, more, ...near, swap(16_383)].sort((a, b) => a.pos - b.pos),
      both,
    ]);
    const called = await call([bam], reference);
    // Where a change could be written in several places it is the leftmost.
    const rows = briefly(called.text);
    expect(rows).toHaveLength(8);
    expect(rows).toContain(`${text(swap(2000))} 0/1`);
    expect(rows).toContain(`${text(swap(3000))} 1/1`);
    expect(rows).toContain(`${text(swap(16_383))} 0/1`);
    expect(rows.filter((row) => row.endsWith('1/1'))).toHaveLength(2);
    // The three that lie near each other are on one haplotype.
    const phased = rowsOf(called.text).filter((row) => row[9]!.includes('|'));
    expect(new Set(phased.map((row) => row[9]!.split(':').at(-1)))).toEqual(new Set(['9001']));
    expect(new Set(phased.map((row) => row[9]!.split(':')[0])).size).toBe(1);
    expect(phased).toHaveLength(3);
  });

  test('two alleles that differ from the reference', async () => {
    const { bam, reference } = individual(folder, 'two', [
      [swap(2000), { pos: 6000, size: 3, bases: '' }],
      [
        { pos: 2000, size: 1, bases: other(other(bases[2000]!)) },
        { pos: 6000, size: 6, bases: '' },
      ],
    ]);
    const rows = rowsOf((await call([bam], reference)).text);
    expect(rows.map((row) => row[9]!.split(':')[0]!.split(/[/|]/).sort().join())).toEqual(['1,2', '1,2']);
    expect(rows.every((row) => row[4]!.includes(','))).toBe(true);
    for (const row of rows) expect(row[9]!.split(':')[4]!.split(',')).toHaveLength(6);
  });

  test('long insertions and replacements that reads show by clips alone', async () => {
    // Where parts meet.
    const at = 16_384;
    const put = (size: number, length: number, seed: number): Change => ({
      pos: at,
      size,
      bases: randomBases(length, seed),
    });
    const twice = { pos: at, size: 0, bases: bases.slice(at - 45, at) };
    const cases: [Change, string][] = [
      [put(0, 60, 5), '0/1'],
      [twice, '1/1'],
      [put(25, 40, 6), '1/1'],
      [put(12, 3, 7), '0/1'],
    ];
    for (const [i, [change, genotype]] of cases.entries()) {
      const haplotypes = [[change], genotype === '1/1' ? [change] : []];
      const { bam, reference } = individual(folder, `clip${i}`, haplotypes, {
        isClipped: true,
        from: at - 1000,
        to: at + 1000,
      });
      const called = await call([bam], reference);
      expect((await call([bam], reference, {}, { split: 500 })).text).toBe(called.text);
      const rows = rowsOf(called.text);
      expect(rows).toHaveLength(1);
      const row = rows[0]!;
      expect(row[9]!.split(':')[0]).toBe(genotype);
      // Wherever it is put, it spells the haplotype.
      const spell = ({ pos, size, bases: alt }: Change): string =>
        bases.slice(0, pos) + alt + bases.slice(pos + size);
      expect(spell({ pos: Number(row[1]) - 1, size: row[3]!.length, bases: row[4]! })).toBe(spell(change));
      expect(Number(row[5])).toBeGreaterThan(100);
    }
  });

  test.skipIf(!hasPeer)('below a deletion of the other chromosome there is the allele *', async () => {
    const gone = { pos: 6000, size: 9, bases: '' };
    const near = { from: 5000, to: 7000 };
    const { bam, reference } = individual(folder, 'star', [[gone], [swap(6004)]], near);
    const { text: vcf } = await call([bam], reference);
    expect(briefly(vcf).map((row) => row.replace(/[|/]/g, ' '))).toEqual([
      expect.stringMatching(/^\d+ [ACGT]{10} [ACGT] (0 1|1 0)$/),
      expect.stringMatching(new RegExp(`^6005 ${bases[6004]} ${other(bases[6004]!)},\\* (1 2|2 1)$`)),
    ]);
    const row = rowsOf(vcf)[1]!;
    expect(row[7]).toMatch(/^AC=1,1;AF=0.5,0.5;AN=2;/);
    expect(row[9]!.split(':')[4]!.split(',')).toHaveLength(6);
    // On both, it is not.
    const both = individual(folder, 'unstarred', [[gone], [gone]], near);
    expect((await call([both.bam], both.reference)).text).not.toContain('*');
    const path = join(folder, 'star.vcf');
    writeFileSync(path, vcf);
    const normal = peer('norm', '--check-ref', 'e', '-f', reference, path);
    expect(places(rowsOf(normal))).toEqual(places(rowsOf(vcf)));
    expect(peer('stats', path)).toMatch(/number of records:\t2\n/);
  });

  test('gVCF of several samples covers the regions asked for exactly once', async () => {
    const gone = { pos: 6000, size: 6, bases: '' };
    const [a, b] = [
      [[swap(2000), gone], []],
      [[swap(2000)], [swap(9000)]],
    ].map((haplotypes, i) =>
      individual(folder, `joint${i}`, haplotypes, {
        header: `@RG\tID:${i}\tSM:s${i}\n`,
        depth: 30 - 18 * i,
        to: 11_000,
      }),
    );
    const given = { gvcf: true, region: 'c:1,001-3000,c:5500-6,003,c:8001-10000' };
    const called = await call([a!.bam, b!.bam], a!.reference, given);
    const rows = rowsOf(called.text);
    const lists = [1000, 3000, 5499, 6003, 8000, 10_000];
    const seen = new Uint8Array(20_000);
    for (const row of rows) {
      expect(row).toHaveLength(11);
      const from = Number(row[1]) - 1;
      const stop = /END=(\d+)/.exec(row[7]!)?.[1];
      for (let pos = from; pos < (stop ? Number(stop) : from + row[3]!.length); pos++) seen[pos]!++;
      if (!stop) continue;
      const samples = row.slice(9).map((sample) => sample.split(':'));
      expect(samples.every(([gt]) => gt === '0/0')).toBe(true);
    }
    const wanted = seen.map((_, pos) => (lists.findIndex((edge) => pos < edge) % 2 === 1 ? 1 : 0));
    // The deletion goes on behind its region.
    wanted.fill(1, 6003, 6006);
    expect(seen).toEqual(wanted);
    expect(rows.filter((row) => row[4] !== '<NON_REF>').map((row) => row[1])).toHaveLength(3);
    for (const split of [2e4, 5e3])
      expect((await call([a!.bam, b!.bam], a!.reference, given, { split })).text).toBe(called.text);
  });

  test('ploidy, deep places, reads without qualities', async () => {
    const near = { from: 1500, to: 2500 };
    const changes = [[swap(2000)], [], [], []];
    const { bam, reference } = individual(folder, 'four', changes, { depth: 80, ...near });
    expect(briefly((await call([bam], reference, { ploidy: 4 })).text)).toEqual([
      `${text(swap(2000))} 0/0/0/1`,
    ]);
    const deep = individual(folder, 'deep', [[swap(2000)], []], { depth: 2000, ...near });
    expect(briefly((await call([deep.bam], reference)).text)).toEqual([`${text(swap(2000))} 0/1`]);
    const haploid = individual(folder, 'one', [[swap(2000)]], near);
    expect(briefly((await call([haploid.bam], reference, { ploidy: 1 })).text)).toEqual([
      `${text(swap(2000))} 1`,
    ]);
    const bare = individual(folder, 'bare', [[swap(2000)], []], { quality: '*', ...near });
    expect(briefly((await call([bare.bam], reference)).text)).toEqual([`${text(swap(2000))} 0/1`]);
  });

  test('reads that may be of elsewhere, or are like the reference, call nothing', async () => {
    const unsure = individual(folder, 'unsure', [[swap(2000)], []], { mapq: 0, to: 4000 });
    expect(briefly((await call([unsure.bam], unsure.reference)).text)).toEqual([]);
    const plain = individual(folder, 'plain', [[], []]);
    expect(briefly((await call([plain.bam], plain.reference)).text)).toEqual([]);
  });

  test('samples by read group, or by file', async () => {
    const [a, b] = ['a', 'b'].map((name, i) =>
      individual(folder, name, i === 0 ? [[swap(2000)], []] : [[swap(2000), swap(5000)], [swap(5000)]], {
        header: `@RG\tID:${name}\tSM:${name}\n`,
        // Those of a have no tag: a file of one sample is enough.
        tags: i === 0 ? '' : `\tRG:Z:${name}`,
      }),
    );
    const called = await call([a!.bam, b!.bam], a!.reference);
    expect(called.text).toMatch(/\tFORMAT\ta\tb\n/);
    expect(briefly(called.text)).toEqual([`${text(swap(2000))} 0/1 0/1`, `${text(swap(5000))} 0/0 1/1`]);
    const one = await call([a!.bam, b!.bam], a!.reference, { samples: 'b' });
    const alone = await call([b!.bam], a!.reference);
    expect(one.text.replace(/^##servermixCommand.*\n/m, '')).toBe(
      alone.text.replace(/^##servermixCommand.*\n/m, ''),
    );
    expect(await messageFrom(call([a!.bam], a!.reference, { samples: 'x' }))).toMatch(
      /^option samples: found x, expected some of a$/,
    );
    const clash = individual(folder, 'clash', [[], []], { header: '@RG\tID:b\tSM:other\n' });
    expect(await messageFrom(call([b!.bam, clash.bam], a!.reference))).toMatch(
      /^BAM: read group b of .*clash\.bam is of sample other, in a file before of b/,
    );
  });

  test('a reference that is another one, or another length', async () => {
    const { bam, reference } = individual(folder, 'wrong', [[], []]);
    const renamed = join(folder, 'renamed.fa');
    writeFileSync(renamed, readFileSync(reference, 'utf8').replace('>c', '>d'));
    execFileSync('samtools', ['faidx', renamed]);
    expect(await messageFrom(call([bam], renamed))).toMatch(/has no sequence c, expected the 20000 bases/);
    const cut = join(folder, 'cut.fa');
    writeFileSync(cut, `>c\n${bases.slice(0, 19_000)}\n`);
    execFileSync('samtools', ['faidx', cut]);
    expect(await messageFrom(call([bam], cut))).toMatch(/has 19000 bases of c, expected the 20000 bases/);
    expect(await messageFrom(call([bam], reference, { region: 'x:1-2' }))).toMatch(/x/);
  });
});

describe('generated reads', () => {
  const at = join(folder, 'generated');
  let whole: Called;
  const paths = { reads: join(at, 'reads.bam'), reference: join(at, 'reference.fa') };
  beforeAll(async () => {
    await generate('synthetic/reads', at, { mb: 0.3, depth: 30, seed: 5 });
    whole = await call([paths.reads], paths.reference);
  }, 120_000);

  test('nine of ten variants are found with their genotypes, and hardly any that are none', () => {
    const keys = (text: string): Map<string, string> =>
      new Map(
        rowsOf(text).map((row) => [
          [row[0], row[1], row[3], row[4]].join(),
          row[9]!.split(':')[0]!.split(/[/|]/).sort().join(),
        ]),
      );
    const truth = keys(gunzipSync(readFileSync(join(at, 'truth.vcf.gz'))).toString());
    const found = keys(whole.text);
    const right = [...truth].filter(([key, genotype]) => found.get(key) === genotype).length;
    expect(right / truth.size).toBeGreaterThan(0.9);
    expect(right / found.size).toBeGreaterThan(0.97);
  });

  test('the same bytes for any split', async () => {
    for (const split of [3e5, 4e4, 1e4]) {
      const { vcf, index } = await call([paths.reads], paths.reference, {}, { split });
      expect(Buffer.compare(vcf, whole.vcf), `${split}`).toBe(0);
      expect(Buffer.compare(index, whole.index), `${split}`).toBe(0);
    }
  }, 120_000);

  test('a region has the calls of the whole, and so have regions', async () => {
    const [low, high] = [40_000, 90_000];
    const expected = rowsOf(whole.text).filter(
      (row) => row[0] === 'chr1' && Number(row[1]) > low && Number(row[1]) <= high,
    );
    const part = await call([paths.reads], paths.reference, { region: `chr1:${low + 1}-${high}` });
    expect(rowsOf(part.text)).toEqual(expected);
    expect(expected.length).toBeGreaterThan(10);
    // Of several regions, in any order and with commas in numbers, those of each once.
    const list = 'chr1:60,001-80000,chr1:40001-65000,chr1:80001-80,001,chr1:80002-90,000';
    expect(rowsOf((await call([paths.reads], paths.reference, { region: list })).text)).toEqual(expected);
    const regions = join(folder, 'some.bed');
    writeFileSync(regions, `chr1\t${low}\t${high}\nnowhere\t1\t2\n`);
    expect(rowsOf((await call([paths.reads], paths.reference, {}, { regions })).text)).toEqual(expected);
  });

  test('blocks and calls of gVCF cover each position once, and calls are the same', async () => {
    const { text } = await call([paths.reads], paths.reference, { gvcf: true });
    const rows = rowsOf(text);
    const plain = (row: string[]): string[] => [row[0]!, row[1]!, row[3]!, row[5]!, row[9]!.split(':')[0]!];
    const calls = rows.filter((row) => row[4] !== '<NON_REF>');
    expect(calls.map(plain)).toEqual(rowsOf(whole.text).map(plain));
    const lengths = [...text.matchAll(/^##contig=<ID=(.*),length=(\d+)>/gm)].map(
      (match) => [match[1]!, Number(match[2])] as const,
    );
    for (const [contig, length] of lengths) {
      let end = 0;
      for (const row of rows.filter(([name]) => name === contig)) {
        const stop = /END=(\d+)/.exec(row[7]!)?.[1];
        if (stop !== undefined) expect(Number(row[1])).toBe(end + 1);
        end = Math.max(end, stop === undefined ? Number(row[1]) - 1 + row[3]!.length : Number(stop));
        // A PL for each genotype of the alleles.
        const alleles = row[4]!.split(',').length + 1;
        const genotypes = stop === undefined ? (alleles * (alleles + 1)) / 2 : 3;
        expect(row[9]!.split(':')[4]!.split(',')).toHaveLength(genotypes);
      }
      expect(end).toBe(length);
    }
    const message = messageFrom(call([paths.reads], paths.reference, { gvcf: true, ploidy: 1 }));
    expect(await message).toMatch(/^option gvcf: found ploidy 1, expected 2/);
  });

  test.skipIf(!hasPeer)('bcftools reads it, by place as well, and finds nothing to correct', () => {
    const path = join(folder, 'whole.vcf.gz');
    writeFileSync(path, whole.vcf);
    writeFileSync(`${path}.tbi`, whole.index);
    const rows = rowsOf(whole.text);
    expect(rowsOf(peer('view', '-H', path))).toHaveLength(rows.length);
    const normal = rowsOf(peer('norm', '--check-ref', 'e', '-f', paths.reference, path));
    expect(places(normal)).toEqual(places(rows));
    const near = rows.filter((row) => row[0] === 'chr1' && Number(row[1]) <= 50_000);
    const asked = rowsOf(peer('view', '-H', '-r', 'chr1:1-50000', path));
    expect(places(asked)).toEqual(places(near));
  });
});

describe.skipIf(!data)('people', () => {
  const at = join(data ?? '', 'giab-na12878-b37-chr20');
  const reads = join(at, 'NA12878_S1.chr20.10_10p1mb.bam');
  const reference = join(at, 'ucsc.hg19.chr20.unittest.fasta.gz');
  const write = (name: string, { vcf }: Called): string => {
    const path = join(folder, name);
    writeFileSync(path, vcf);
    return path;
  };

  test('NA12878: no worse than the best peer but for one substitution; halves and CRAM are the whole', async () => {
    const called = await call([reads], reference);
    const path = write('na.vcf.gz', called);
    const nist = join(at, 'test_nist.b37_chr20_100kbp_at_10mb');
    const exact = score(path, `${nist}.vcf.gz`, `${nist}.bed`, reference);
    expect([exact.SNP.tp, exact.SNP.fp, exact.INDEL.tp, exact.INDEL.fp]).toEqual([45, 0, 4, 0]);
    const bed = join(at, 'proxy_confident.chr20_10.0-10.1mb.bed');
    const truth = join(at, 'truth.HG001.chr20_10.0-10.1mb.vcf.gz');
    const { SNP, INDEL } = score(path, truth, bed, reference, '--min-qual', '20');
    expect(SNP.tp).toBe(160);
    expect(SNP.fp).toBeLessThanOrEqual(2);
    expect(INDEL.f1).toBeGreaterThanOrEqual(0.94);
    const halves = ['first', 'second'].map((half) => reads.replace(/bam$/, `${half}_half.bam`));
    expect((await call(halves, reference)).text).toBe(called.text);
    expect((await call([reads.replace(/bam$/, 'cram')], reference)).text).toBe(called.text);
  }, 120_000);

  test('HG002, simulated at 30x: better than the peers', async () => {
    const hg = join(data!, 'giab-hg002-grch38-chr20');
    const semi = join(data!, 'semi-hg002-chr20');
    const fasta = join(hg, 'grch38.chr20_and_21_10M.fa.gz');
    const path = write('hg.vcf.gz', await call([join(semi, 'hg002-sim30x.chr20_1-3mb.bam')], fasta));
    const truth = join(semi, 'truth.chr20_1-3mb.vcf.gz');
    const bed = join(hg, 'HG002_GRCh38_v4.2.1.chr20_1-8.9mb.bed');
    const scores = score(path, truth, bed, fasta, '--region', 'chr20:1000000-3000000', '--min-qual', '10');
    expect(scores.SNP.f1).toBeGreaterThanOrEqual(0.9985);
    expect(scores.INDEL.f1).toBeGreaterThanOrEqual(0.995);
  }, 120_000);
});
