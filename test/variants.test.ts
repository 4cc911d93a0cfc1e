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

type Score = { readonly tp: number; readonly fp: number; readonly fn: number; readonly f1: number };
type Scores = { readonly [kind in 'SNP' | 'INDEL']: Score };

/** What the shared comparison says of calls, genotypes required. */
function score(calls: string, truth: string, bed: string, reference: string, ...more: string[]): Scores {
  const script = join(shared()!, 'tools/giab_eval.py');
  const args = [script, '--truth', truth, '--calls', calls, '--bed', bed, '--ref', reference, ...more];
  return (JSON.parse(execFileSync('python3', args).toString()) as { gt: Scores }).gt;
}

const letters = 'ACGT';
/** Bases without repeats to speak of. */
function randomBases(length: number, seed: number): string {
  let [state, text] = [seed, ''];
  while (text.length < length) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    text += letters[state >>> 30]!;
  }
  return text;
}

/** An implanted change: `size` bases of the reference from `pos` on become `bases`. */
type Change = { readonly pos: number; readonly size: number; readonly bases: string };

/** A read of a haplotype as a line of SAM, its CIGAR the true one. */
function readOf(
  name: string,
  reference: string,
  changes: readonly Change[],
  start: number,
  length: number,
  more: { mapq?: number; quality?: string; tags?: string; flag?: number } = {},
): string {
  let [at, sequence, cigar] = [start, '', ''];
  for (const { pos, size, bases } of [...changes, { pos: Infinity, size: 0, bases: '' }]) {
    if (pos < start + 1) continue;
    const room = length - sequence.length;
    const plain = Math.min(room, pos - at);
    sequence += reference.slice(at, at + plain);
    cigar += `${plain}M`;
    at += plain;
    if (sequence.length + bases.length >= length || pos === Infinity) break;
    sequence += bases;
    if (size === bases.length) cigar += `${size}M`;
    else cigar += size > 0 ? `${size}D` : `${bases.length}I`;
    at += size;
  }
  const short = length - sequence.length;
  sequence += reference.slice(at, at + short);
  if (short > 0) cigar += `${short}M`;
  const { mapq = 60, quality = 'F'.repeat(length), tags = '', flag = length % 2 } = more;
  return `${name}\t${16 * (flag & 1)}\tc\t${start + 1}\t${mapq}\t${cigar}\t*\t0\t0\t${sequence}\t${quality}${tags}`;
}

/** Writes reads of two haplotypes, `depth` over each base, and their reference; gives their paths. */
function individual(
  name: string,
  haplotypes: readonly (readonly Change[])[],
  how: {
    depth?: number;
    header?: string;
    tags?: string;
    quality?: string;
    mapq?: number;
    length?: number;
  } = {},
): { bam: string; reference: string; bases: string } {
  const bases = randomBases(20_000, 11);
  const reference = join(folder, 'c.fa');
  writeFileSync(reference, `>c\n${bases.replace(/.{60}/g, '$&\n')}\n`);
  execFileSync('samtools', ['faidx', reference]);
  const { depth = 30, header = '', length = 100, ...more } = how;
  const step = (length * haplotypes.length) / depth;
  const lines = haplotypes
    .flatMap((changes, h) =>
      Array.from({ length: Math.floor((bases.length - 2 * length) / step) }, (_, i) => {
        const start = Math.floor(i * step + (h * step) / 2);
        return {
          start,
          line: readOf(`${name}${h}.${i}`, bases, changes, start, length, { ...more, flag: i }),
        };
      }),
    )
    .sort((a, b) => a.start - b.start)
    .map(({ line }) => line);
  const sam = join(folder, `${name}.sam`);
  writeFileSync(sam, `@HD\tVN:1.6\tSO:coordinate\n@SQ\tSN:c\tLN:20000\n${header}${lines.join('\n')}\n`);
  const bam = join(folder, `${name}.bam`);
  execFileSync('samtools', ['view', '-b', '-o', bam, sam], { stdio: 'ignore' });
  execFileSync('samtools', ['index', bam]);
  return { bam, reference, bases };
}

const other = (base: string): string => letters[(letters.indexOf(base) + 1) % 4]!;

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
    const { bam, reference } = individual('many', [
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
    const { bam, reference } = individual('two', [
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

  test('ploidy, deep places, reads without qualities', async () => {
    const changes = [[swap(2000)], [], [], []];
    const { bam, reference } = individual('four', changes, { depth: 80 });
    expect(briefly((await call([bam], reference, { ploidy: 4 })).text)).toEqual([
      `${text(swap(2000))} 0/0/0/1`,
    ]);
    const deep = individual('deep', [[swap(2000)], []], { depth: 2000 });
    expect(briefly((await call([deep.bam], reference)).text)).toEqual([`${text(swap(2000))} 0/1`]);
    const haploid = individual('one', [[swap(2000)]]);
    expect(briefly((await call([haploid.bam], reference, { ploidy: 1 })).text)).toEqual([
      `${text(swap(2000))} 1`,
    ]);
    const bare = individual('bare', [[swap(2000)], []], { quality: '*' });
    expect(briefly((await call([bare.bam], reference)).text)).toEqual([`${text(swap(2000))} 0/1`]);
  });

  test('reads that may be of elsewhere, or are like the reference, call nothing', async () => {
    const unsure = individual('unsure', [[swap(2000)], []], { mapq: 0 });
    expect(briefly((await call([unsure.bam], unsure.reference)).text)).toEqual([]);
    const plain = individual('plain', [[], []]);
    expect(briefly((await call([plain.bam], plain.reference)).text)).toEqual([]);
  });

  test('samples by read group, or by file', async () => {
    const [a, b] = ['a', 'b'].map((name, i) =>
      individual(name, i === 0 ? [[swap(2000)], []] : [[swap(2000), swap(5000)], [swap(5000)]], {
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
    const clash = individual('clash', [[], []], { header: '@RG\tID:b\tSM:other\n' });
    expect(await messageFrom(call([b!.bam, clash.bam], a!.reference))).toMatch(
      /^BAM: read group b of .*clash\.bam is of sample other, in a file before of b/,
    );
  });

  test('a reference that is another one, or another length', async () => {
    const { bam, reference } = individual('wrong', [[], []]);
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
    const peer = (...args: string[]): string =>
      execFileSync('bcftools', args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString();
    const rows = rowsOf(whole.text);
    expect(rowsOf(peer('view', '-H', path))).toHaveLength(rows.length);
    const normal = rowsOf(peer('norm', '--check-ref', 'e', '-f', paths.reference, path));
    const places = (all: string[][]): string[] => all.map((row) => row.slice(0, 5).join());
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
