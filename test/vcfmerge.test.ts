/** genomics/vcf-merge: records of several files put together by hand, beside bcftools merge, and for any parts. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../core/json.ts';
import { random } from '../datasets/random.ts';
import { vcfMerge } from '../genomics/jobs/vcfmerge.ts';
import { trimmed, uniteAlleles } from '../genomics/vcf/alleleset.ts';
import { bgzfOf, data, has, messageFrom } from './alignments.ts';
import { bcftools, same } from './peer.ts';
import { dataset, runJob } from './stage.ts';
import { generate } from './generate.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-vcfmerge-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
type Options = { readonly [name: string]: Json };

async function merge(
  paths: readonly string[],
  given: Options = {},
  split: number = vcfMerge.split,
): Promise<Uint8Array> {
  const variants = await Promise.all(paths.map((path) => dataset(path, 'vcf')));
  const { files } = await runJob(vcfMerge, { variants }, given, { split });
  writeFileSync(at('out.vcf.gz'), files.get('')!);
  writeFileSync(at('out.vcf.gz.tbi'), files.get('.tbi')!);
  return files.get('')!;
}
const rowsOf = (text: string): string[] =>
  text.split('\n').filter((line) => line !== '' && !line.startsWith('##'));
const mergedRows = async (paths: readonly string[], given: Options = {}): Promise<string[]> =>
  rowsOf(gunzipSync(await merge(paths, given)).toString('latin1'));

/** Three files of some samples each, some records left out of each. */
const parts = ['a.vcf.gz', 'b.vcf.gz', 'c.vcf.gz'];
beforeAll(async () => {
  await generate('synthetic/cohort', folder, { samples: 11, sites: 900, seed: 12 });
  const lines = gunzipSync(readFileSync(at('cohort.vcf.gz')))
    .toString('latin1')
    .split('\n')
    .filter(Boolean);
  const rng = random(5, 'merge');
  for (const [i, name] of parts.entries()) {
    const [from, to] = [9 + 4 * i, Math.min(20, 13 + 4 * i)];
    const kept = lines.flatMap((line) => {
      if (line.startsWith('##')) return [line];
      if (!line.startsWith('#') && rng.chance(0.3)) return [];
      const columns = line.split('\t');
      return [[...columns.slice(0, 9), ...columns.slice(from, to)].join('\t')];
    });
    const text = Buffer.from(`${kept.join('\n')}\n`, 'latin1');
    const cuts = Array.from({ length: Math.floor(text.length / 9000) }, (_, k) => 9000 * (k + 1));
    writeFileSync(at(name), bgzfOf(text, cuts).file);
  }
});

describe('alleles', () => {
  test('of several records are one set, with the longest reference', () => {
    const set = ['ACGT', 'A'];
    expect(uniteAlleles(set, ['ACG', 'AC', 'A'])).toEqual([0, 2, 3]);
    expect(set).toEqual(['ACGT', 'A', 'ACT', 'AT']);
    const symbols = ['A', '<DEL>', '*', 'g'];
    expect(uniteAlleles(symbols, ['ac', 'GC', '*', 'T'])).toEqual([0, 3, 2, 4]);
    expect(symbols).toEqual(['Ac', '<DEL>', '*', 'gc', 'T']);
    expect(uniteAlleles(['AC', 'A'], ['AG', 'A'])).toBeUndefined();
  });
  test('lose what all end with', () => {
    expect(trimmed(['GTTT', 'GTT'])).toEqual(['GT', 'G']);
    expect(trimmed(['GTTT', 'GTT', '<X>'])).toEqual(['GTTT', 'GTT', '<X>']);
    expect(trimmed(['A', 'AT'])).toEqual(['A', 'AT']);
  });
});

const head = (...samples: string[]): string =>
  [
    '##fileformat=VCFv4.3',
    '##contig=<ID=1,length=1000>',
    '##INFO=<ID=DP,Number=1,Type=Integer,Description="d">',
    '##INFO=<ID=AF,Number=A,Type=Float,Description="f">',
    '##INFO=<ID=X,Number=1,Type=String,Description="x">',
    '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">',
    '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="d">',
    '##FORMAT=<ID=PL,Number=G,Type=Integer,Description="p">',
    ['#CHROM', 'POS', 'ID', 'REF', 'ALT', 'QUAL', 'FILTER', 'INFO', 'FORMAT', ...samples].join('\t'),
    '',
  ].join('\n');
const first = '1\t5\trs1\tA\tG\t10\tPASS\tDP=7;AF=0.5\tGT:AD\t0|1:3,4\n1\t9\t.\tC\tT\t.\tq\tDP=1\tGT\t1\n';
const second = '1\t5\trs2\tA\tT\t30\tq\tX=u;DP=2;AF=0.25\tGT:PL\t1/1:9,3,0\t./.\n';

describe('records', () => {
  test('of one place have the samples of both files, values where their alleles are', async () => {
    writeFileSync(at('1.vcf'), head('P') + first);
    writeFileSync(at('2.vcf'), head('Q', 'R') + second);
    expect((await mergedRows([at('1.vcf'), at('2.vcf')])).slice(1)).toEqual([
      '1\t5\trs1;rs2\tA\tG,T\t30\tq\tX=u;DP=9;AF=0.5,0.25;AN=4;AC=1,2\tGT:AD:PL\t0|1:3,4,.:.\t2/2:.:9,.,.,3,.,0\t./.:.:.',
      '1\t9\t.\tC\tT\t.\tq\tDP=1;AN=1;AC=1\tGT\t1\t.\t.',
    ]);
    expect(
      (await mergedRows([at('1.vcf'), at('2.vcf')], { multiallelic: 'none', 'missing-to-ref': true })).slice(
        1,
      ),
    ).toEqual([
      '1\t5\trs1\tA\tG\t10\tPASS\tDP=7;AF=0.5;AN=6;AC=1\tGT:AD\t0|1:3,4\t0/0:.\t0/0:.',
      '1\t5\trs2\tA\tT\t30\tq\tX=u;DP=2;AF=0.25;AN=4;AC=2\tGT:PL\t0/0:.\t1/1:9,3,0\t./.:.',
      '1\t9\t.\tC\tT\t.\tq\tDP=1;AN=3;AC=1\tGT\t1\t0\t0',
    ]);
  });
  test('are the same bytes for any parts', async () => {
    const whole = Buffer.from(await merge(parts.map(at)));
    for (const split of [20_000, 3000, 1])
      expect(whole.equals(Buffer.from(await merge(parts.map(at), {}, split)))).toBe(true);
  });
});

describe.skipIf(!has('bcftools'))('beside bcftools merge', () => {
  const both = (paths: readonly string[], ...more: readonly string[]): string[] =>
    rowsOf(bcftools('merge', '--no-index', ...more, ...paths)!);
  test.each([
    [{}, []],
    [{ multiallelic: 'none' }, ['-m', 'none']],
    [{ multiallelic: 'all', 'missing-to-ref': true }, ['-m', 'all', '-0']],
  ] as const)('a cohort cut in three: %j', async (given, more) => {
    const expected = both(parts.map(at), ...more);
    await merge(parts.map(at), given);
    same('merge', rowsOf(bcftools('view', at('out.vcf.gz'))!).join('\n'), expected.join('\n'));
    expect(bcftools('view', '-H', '-r', 'chr1:1-10000000', at('out.vcf.gz'))!.length).toBeGreaterThan(1000);
  });
  test.skipIf(!data)('callers whose alleles are put otherwise', async () => {
    const real = join(data!, 'giab-na12878-b37-chr20');
    const calls = [
      'golden/bcftools.call.vcf',
      'golden/freebayes.vcf',
      'truth.HG001.chr20_10.0-10.1mb.vcf.gz',
    ].map((name, i) => {
      bcftools('view', '-Oz', '-o', at(`caller${i}.vcf.gz`), join(real, name));
      bcftools('index', at(`caller${i}.vcf.gz`));
      return at(`caller${i}.vcf.gz`);
    });
    for (const some of [calls.slice(0, 2), calls.slice(1).toReversed()]) {
      const expected = rowsOf(bcftools('merge', '--force-samples', ...some)!);
      await merge(some, { 'rename-samples': true }, 9000);
      same('merge', rowsOf(bcftools('view', at('out.vcf.gz'))!).join('\n'), expected.join('\n'));
    }
  });
});

describe('what does not go together is said in one line', () => {
  const told = async (a: string, b: string, given: Options = {}): Promise<string | undefined> => {
    writeFileSync(at('x.vcf'), a);
    writeFileSync(at('y.vcf'), b);
    return messageFrom(merge([at('x.vcf'), at('y.vcf')], given));
  };
  test('a sample that is in both', async () => {
    expect(await told(head('P') + first, head('P') + first)).toMatch(
      /y\.vcf has sample P, expected samples that .*x\.vcf does not have; .*--rename-samples/,
    );
    expect(await told(head('P') + first, head('P') + first, { 'rename-samples': true })).toBeUndefined();
  });
  test('other bases in the reference', async () => {
    expect(await told(head('P') + first, head('Q', 'R') + second.replace('\tA\tT', '\tC\tT'))).toMatch(
      /records of 1:5 have A and C as REF, expected the same bases/,
    );
  });
  test('records out of order', async () => {
    const [one, two] = first.split('\n');
    expect(await told(head('P') + `${two}\n${one}\n`, head('Q', 'R') + second)).toMatch(
      /1:5 of .*x\.vcf comes behind a later place, expected records in order/,
    );
  });
  test('a column too few, a value too many, an allele that ALT lacks', async () => {
    expect(await told(head('P', 'S') + first, head('Q', 'R') + second)).toMatch(
      /1:5 has 1 samples, expected 2/,
    );
    const lists = second.replace('AF=0.25', 'AF=0.25,0.5');
    expect(await told(head('P') + first, head('Q', 'R') + lists)).toMatch(/INFO\/AF of 1:5 has 2 values/);
    expect(await told(head('P') + first, head('Q', 'R') + second.replace('1/1', '1/2'))).toMatch(
      /GT of 1:5 is "1\/2", expected alleles up to 1/,
    );
  });
  test('one file alone', async () => {
    await expect(merge([at('a.vcf.gz')])).rejects.toThrow(/found 1 file, expected two or more/);
  });
});
