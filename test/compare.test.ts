/** genomics/compare: the same counts as the shared comparison, however variants are put. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../core/json.ts';
import { resolve } from '../core/params.ts';
import { random, type Random } from '../datasets/random.ts';
import { type Allele, haplotypePairs, match, sideOf } from '../genomics/compare/match.ts';
import { normalise } from '../genomics/kernels/normalise.ts';
import { catalog } from '../pipelines/catalog.ts';
import { describe as describeUri } from '../pipelines/storage.ts';
import { data, has, messageFrom } from './alignments.ts';
import { filesOf, hostOf } from './laws.ts';
import { shared } from './shared.ts';
import { generate } from './generate.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-compare-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

type Options = { readonly [name: string]: Json };
type Score = { readonly [what: string]: number };
type Scores = { readonly [how in 'gt' | 'allele']: { readonly [kind in 'SNP' | 'INDEL']: Score } };

async function run(
  calls: string,
  truth: string,
  bed: string | undefined,
  reference: string,
  given: Options = {},
  split?: number,
): Promise<ReadonlyMap<string, Uint8Array>> {
  const job = await catalog.load('genomics/compare');
  const inputs = {
    variants: [await describeUri(calls)],
    truth: [await describeUri(truth)],
    reference: [await describeUri(reference)],
    ...(bed === undefined ? {} : { confident: [await describeUri(bed)] }),
  };
  const stage = { job, inputs, params: resolve(job.params, given) };
  return filesOf(stage, hostOf(catalog), split === undefined ? {} : { split });
}

/** The table as numbers. */
function scoresOf(table: Uint8Array): Scores {
  const [head, ...rows] = Buffer.from(table)
    .toString()
    .trim()
    .split('\n')
    .map((line) => line.split('\t'));
  const out: { [how: string]: { [kind: string]: Score } } = { gt: {}, allele: {} };
  for (const [kind, how, ...values] of rows)
    out[how!]![kind!] = Object.fromEntries(values.map((value, i) => [head![i + 2]!, Number(value)]));
  return out as Scores;
}

/** What the shared comparison says. */
function expected(calls: string, truth: string, bed: string, reference: string, ...more: string[]): Scores {
  const args = ['--truth', truth, '--calls', calls, '--bed', bed, '--ref', reference, ...more];
  const text = execFileSync('python3', [join(shared()!, 'tools/giab_eval.py'), ...args]).toString();
  return JSON.parse(text) as Scores;
}

function same(found: Scores, wanted: Scores): void {
  for (const how of ['gt', 'allele'] as const)
    for (const kind of ['SNP', 'INDEL'] as const)
      for (const [name, value] of Object.entries(wanted[how][kind]))
        expect([how, kind, name, found[how][kind][name]]).toEqual([how, kind, name, value]);
}

describe('alleles', () => {
  const reference = 'GATTACACACACAGGGTTTTCATCATCAT';
  const baseAt = (pos: number): string => reference[pos]!;
  test.each([
    [10, 'ACA', 'A', [3, 'TAC', 'T']],
    [12, 'A', 'ACA', [3, 'T', 'TAC']],
    [13, 'GGG', 'GG', [12, 'AG', 'A']],
    [0, 'G', 'T', [0, 'G', 'T']],
    [3, 'TA', 'TC', [4, 'A', 'C']],
    [26, 'CAT', '', undefined],
  ] as const)('%i %s %s', (pos, ref, alt, wanted) => {
    const found = normalise(pos, [ref, alt], baseAt);
    if (wanted) expect(found && [found[0], ...found[1]]).toEqual(wanted);
  });
  test('moved alleles spell the same', () => {
    const rng = random(5, 'moves');
    for (let round = 0; round < 500; round++) {
      const letters = Array.from({ length: 60 }, () => 'ACGT'[rng.below(rng.chance(0.5) ? 2 : 4)]!).join('');
      const pos = 10 + rng.below(40);
      const ref = letters.slice(pos, pos + 1 + rng.below(5));
      const alt = Array.from({ length: 1 + rng.below(5) }, () => 'ACGT'[rng.below(2)]!).join('');
      const spell = (p: number, r: string, a: string): string =>
        letters.slice(0, p) + a + letters.slice(p + r.length);
      const placed = normalise(pos, [ref, alt], (i) => letters[i]!);
      if (!placed) continue;
      const found = [placed[0], ...placed[1]] as [number, string, string];
      expect(letters.slice(found[0], found[0] + found[1].length)).toBe(found[1]);
      expect(spell(...found)).toBe(spell(pos, ref, alt));
    }
  });
  const allele = (pos: number, ref: string, alt: string, dose: number): Allele => ({
    pos,
    ref,
    alt,
    dose,
    qual: 50,
  });
  test('two neighbours and one that says both are the same', async () => {
    const truth = sideOf([allele(4, 'A', 'G', 1), allele(5, 'C', 'T', 1)]);
    const joined = sideOf([allele(4, 'AC', 'GT', 1)]);
    const apart = sideOf([allele(4, 'AC', 'GC', 1), allele(5, 'C', 'T', 1)]);
    const spell = async (from: number, to: number): Promise<string> => reference.slice(from, to);
    for (const [calls, right] of [
      [joined, 1],
      [apart, 2],
    ] as const) {
      const agreed = await match(truth, calls, spell);
      expect([agreed.truth.size, agreed.calls.size]).toEqual([2, right]);
    }
    const twice = await match(truth, sideOf([allele(4, 'AC', 'GT', 2)]), spell);
    expect([twice.truth.size, twice.calls.size]).toEqual([0, 0]);
  });
  test('pairs of haplotypes: two of them for two heterozygous alleles, none that overlap', () => {
    expect(haplotypePairs(reference, 0, [allele(1, 'A', 'C', 1), allele(9, 'C', 'G', 1)]).size).toBe(2);
    expect(haplotypePairs(reference, 0, [allele(1, 'AT', 'A', 2), allele(2, 'T', 'G', 2)]).size).toBe(0);
    const many = Array.from({ length: 11 }, (_, i) => allele(2 * i, 'A', 'C', 1));
    expect(haplotypePairs(reference, 0, many).size).toBe(0);
  });
});

/** Calls as another program might have put them: some missing, wrong, with other copies, spelled out, or several in one line. */
function disturb(text: string, rng: Random): string {
  return text
    .split('\n')
    .flatMap((line): string[] => {
      if (line === '' || line.startsWith('#')) return [line];
      const row = line.split('\t');
      row[5] = String(rng.below(90));
      if (rng.chance(0.1)) row[6] = 'LowQual';
      switch (rng.below(12)) {
        case 0:
          return [];
        case 1:
          row[9] = row[9]!.replace(/^\d[/|]\d/, rng.chance(0.5) ? '1/1' : '0/1');
          break;
        case 2:
          row[4] = row[4]!.split('').toReversed().join('');
          break;
        case 3:
          // A base more at the end, which both alleles share.
          row[3] += 'N';
          row[4] = row[4]!.replaceAll(',', 'N,').concat('N');
          break;
        case 4:
          return [row.join('\t'), row.with(1, String(Number(row[1]) + 3)).join('\t')];
        case 5:
          row[9] = './.';
          break;
        default:
      }
      return [row.join('\t')];
    })
    .join('\n');
}

describe('generated variants', () => {
  beforeAll(async () => {
    await generate('synthetic/reads', folder, { mb: 1, depth: 1, seed: 6 });
    const text = gunzipSync(readFileSync(at('truth.vcf.gz'))).toString();
    writeFileSync(at('calls.vcf'), disturb(text, random(3, 'calls')));
    const bed = Array.from({ length: 40 }, (_, i) => `chr1\t${i * 12_000}\t${i * 12_000 + 9000}\n`);
    writeFileSync(at('some.bed'), `${bed.join('')}chr2\t100\t300000\nchr2\t200\t250\n`);
  });
  test('the truth agrees with itself', async () => {
    const files = await run(at('truth.vcf.gz'), at('truth.vcf.gz'), undefined, at('reference.fa'));
    const { gt } = scoresOf(files.get('')!);
    for (const kind of ['SNP', 'INDEL'] as const) {
      expect(gt[kind]['truth']).toBeGreaterThan(50);
      expect([gt[kind]['fp'], gt[kind]['fn'], gt[kind]['f1']]).toEqual([0, 0, 1]);
    }
  });
  test.skipIf(!shared() || !has('python3'))('disturbed, the counts of the shared comparison', async () => {
    const args = [at('calls.vcf'), at('truth.vcf.gz'), at('some.bed'), at('reference.fa')] as const;
    for (const [given, more] of [
      [{}, []],
      [{ 'min-qual': 40 }, ['--min-qual', '40']],
      [{ 'pass-only': true }, ['--pass-only']],
      [{ region: 'chr1:20,001-200000' }, ['--region', 'chr1:20001-200000']],
    ] as const)
      for (const split of [undefined, 700])
        same(scoresOf((await run(...args, given, split)).get('')!), expected(...args, ...more));
  });
  test('files of what agrees and what does not add up', async () => {
    const args = [at('calls.vcf'), at('truth.vcf.gz'), at('some.bed'), at('reference.fa')] as const;
    const files = await run(...args, { files: 'roc,tp,fp,fn' });
    const { gt } = scoresOf(files.get('')!);
    const rows = (name: string): number =>
      gunzipSync(files.get(`.${name}.vcf.gz`)!)
        .toString()
        .split('\n')
        .filter((line) => /^[^#]/.test(line)).length;
    expect(rows('tp')).toBe(gt.SNP['tp_calls']! + gt.INDEL['tp_calls']!);
    expect(rows('fp')).toBe(gt.SNP['fp']! + gt.INDEL['fp']!);
    expect(rows('fn')).toBe(gt.SNP['fn']! + gt.INDEL['fn']!);
    const curve = Buffer.from(files.get('.roc.tsv')!)
      .toString()
      .split('\n')
      .filter((line) => line.startsWith('SNP'));
    expect(curve[0]!.split('\t').slice(2, 5).map(Number)).toEqual([gt.SNP['tp'], gt.SNP['fp'], gt.SNP['fn']]);
    const recalls = curve.map((line) => Number(line.split('\t')[6]));
    expect(recalls).toEqual(recalls.toSorted((a, b) => b - a));
    if (!has('bcftools')) return;
    for (const name of ['tp', 'fp', 'fn']) {
      writeFileSync(at(`${name}.vcf.gz`), files.get(`.${name}.vcf.gz`)!);
      writeFileSync(at(`${name}.vcf.gz.tbi`), files.get(`.${name}.vcf.gz.tbi`)!);
      const text = execFileSync('bcftools', ['view', '-H', '-r', 'chr1', at(`${name}.vcf.gz`)]).toString();
      expect(text.split('\n').length).toBeGreaterThan(5);
    }
  });
  test('what does not fit together is told', async () => {
    const truth = at('truth.vcf.gz');
    writeFileSync(at('short.fa'), `>chr1\n${'ACGT'.repeat(20)}\n`);
    writeFileSync(at('short.fa.fai'), 'chr1\t80\t6\t80\t81\n');
    expect(await messageFrom(run(truth, truth, undefined, at('short.fa'), { region: 'chr1' }))).toMatch(
      /VCF: chr1:\d+ \w+ ends behind base 80, expected it within the sequence/,
    );
    expect(await messageFrom(run(truth, truth, undefined, at('reference.fa'), { sample: 'x' }))).toMatch(
      /has no sample x, expected one of/,
    );
    expect(await messageFrom(run(truth, truth, undefined, at('short.fa')))).toMatch(
      /FASTA: .*short\.fa has no sequence 2, expected one for the variants on it/,
    );
    writeFileSync(at('other.fa'), `>chr1\n${'ACGT'.repeat(20)}\n`);
    expect(await messageFrom(run(truth, truth, undefined, at('other.fa')))).toMatch(/no index/);
    const none = await run(truth, truth, undefined, at('reference.fa'), { region: 'chrZ' });
    expect(scoresOf(none.get('')!).gt.SNP['truth']).toBe(0);
  });
});

describe.skipIf(!data || !has('python3'))('real variants', () => {
  test('NA12878, calls of bcftools', async () => {
    const folderOf = join(data!, 'giab-na12878-b37-chr20');
    const args = [
      join(folderOf, 'golden/bcftools.gvcf.vcf.gz'),
      join(folderOf, 'truth.HG001.chr20_10.0-10.1mb.vcf.gz'),
      join(folderOf, 'proxy_confident.chr20_10.0-10.1mb.bed'),
      join(folderOf, 'ucsc.hg19.chr20.unittest.fasta.gz'),
    ] as const;
    expect(existsSync(args[0])).toBe(true);
    same(
      scoresOf((await run(...args, { 'min-qual': 20 }, 5000)).get('')!),
      expected(...args, '--min-qual', '20'),
    );
  });
});
