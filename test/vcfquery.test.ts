/** genomics/vcf-filter and vcf-query: what expressions let through, and what formats print, beside bcftools. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../core/json.ts';
import { vcfFilter } from '../genomics/jobs/vcffilter.ts';
import { vcfQuery } from '../genomics/jobs/vcfquery.ts';
import { parseExpression, patternOf } from '../genomics/vcf/expression/parse.ts';
import { data, has, messageFrom } from './alignments.ts';
import { bcftools, same } from './peer.ts';
import { dataset, runJob } from './stage.ts';
import { generate } from './generate.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-vcfquery-'));
afterAll(() => rmSync(folder, { recursive: true }));
const hasPeer = has('bcftools');
const cohort = join(folder, 'cohort.vcf.gz');
beforeAll(() => generate('synthetic/cohort', folder, { samples: 12, sites: 700, seed: 5 }));

type Options = { readonly [name: string]: Json };

async function query(path: string, given: Options, split = vcfQuery.split): Promise<string> {
  const { files } = await runJob(vcfQuery, { variants: [await dataset(path, 'vcf')] }, given, { split });
  return Buffer.from(files.get('')!).toString('latin1');
}
async function filter(path: string, given: Options, split = vcfFilter.split): Promise<string> {
  const { files } = await runJob(vcfFilter, { variants: [await dataset(path, 'vcf')] }, given, { split });
  writeFileSync(join(folder, 'out.vcf.gz'), files.get('')!);
  if (files.has('.tbi')) writeFileSync(join(folder, 'out.vcf.gz.tbi'), files.get('.tbi')!);
  return join(folder, 'out.vcf.gz');
}

const ofSites = [
  'QUAL>20',
  'QUAL>=100.5 && POS<30000000',
  'QUAL="."',
  'QUAL!="."',
  'POS>=1e6',
  'TYPE="snp"',
  'TYPE!="snp"',
  'TYPE~"indel"',
  'TYPE="indels" || TYPE="ref"',
  'FILTER="PASS"',
  'FILTER!="PASS"',
  'FILTER~"LowQual"',
  'FILTER="."',
  'ID!="."',
  'ID~"rs1"',
  'REF="A"',
  'ALT="T"',
  'ALT~"^G"',
  'ALT[0]="C"',
  'N_ALT>1',
  'N_ALT=2 & QUAL>50',
  'strlen(REF)>1',
  'ILEN>0',
  'ILEN<-2',
  'ABS(ILEN)>2',
  'CHROM="chr1"',
  '(QUAL>10 || POS<500000) && TYPE="snp"',
  'INFO/DP>350',
  'INFO/DP<340 && MQ>55',
  'MQ>=55.5',
  'AF>0.1',
  'AF[0]<0.02',
  'AC=1',
  'AC>1',
  'AC[0]=0',
  'AC[0]/AN>0.05',
  'AN<24',
  'DB=1',
  'DB=0',
  'CLASS="exon"',
  'CLASS!="exon"',
  'CLASS~"tr"',
  'CLASS="exon,between"',
  'CLASS~"EX/i"',
  'SUM(AC)>3',
  'MAX(AF)>0.2',
  'INFO/DP/AN>15.5',
  'INFO/AF!=0',
  'INFO/DP="."',
  'MAF<0.05',
  'MAF[0]>0.1 && TYPE="snp"',
  'MAC>3',
  'N_SAMPLES=12',
];
const ofGenotypes = [
  'GT="het"',
  'GT="hom"',
  'GT!="het"',
  'GT="alt"',
  'GT="mis"',
  'GT="ref"',
  'GT="RR"',
  'GT="AA"',
  'GT="RA"',
  'GT="Aa"',
  'GT="hap"',
  'GT="A"',
  'GT="./."',
  'GT="0/1"',
  'GT~"2"',
  'GT[0]="het"',
  'GT[1-3]="alt"',
  'FMT/GQ>90',
  'FMT/DP>30 & FMT/GQ>50',
  'FMT/DP>30 && FMT/GQ>50',
  'QUAL>1000 | FMT/GQ>95',
  'QUAL>1000 || FMT/GQ>95',
  'FMT/AD[0:1]>5',
  'FMT/AD[*:1]>15',
  'AD[2:0]<10',
  'MAX(FMT/DP)>40',
  'MIN(FMT/DP)<10',
  'AVG(FMT/GQ)>50',
  'MEDIAN(FMT/DP)>31',
  'STDEV(FMT/DP)>5',
  'COUNT(GT="het")>1',
  'N_PASS(GQ>90)>2',
  'F_PASS(GQ>50 & GT!="mis")>0.4',
  'N_MISSING>0',
  'F_MISSING>0.01',
  'SMPL_MAX(FMT/AD)>30',
  'sSUM(FMT/AD)>40',
  'FMT/DP="."',
  'FMT/DP!="."',
  'PL[0:0]=0',
  'FMT/DP[0]>20',
  'FMT/DP/2>15',
  'FMT/AD[:0]+FMT/AD[:1]>45',
  'FMT/DP%2=1',
];

describe.skipIf(!hasPeer)('beside bcftools', { timeout: 120_000 }, () => {
  const format = String.raw`%CHROM %POS %REF %ALT[ %SAMPLE=%GT]\n`;
  const compare = async (path: string, expression: string, split?: number): Promise<boolean> => {
    for (const [flag, option] of [
      ['-i', 'include'],
      ['-e', 'exclude'],
    ] as const) {
      const expected = bcftools('query', flag, expression, '-f', format, path);
      if (expected === undefined) return false;
      same(`${option} ${expression}`, await query(path, { [option]: expression, format }, split), expected);
    }
    return true;
  };
  test.each([...ofSites, ...ofGenotypes])('%s', async (expression) => {
    expect(await compare(cohort, expression, 20_000)).toBe(true);
  });
  test.skipIf(!data)('on real genotypes', async () => {
    const path = join(data!, 'multisample-vcf/hail-sample-100.vcf.gz');
    let compared = 0;
    for (const expression of ofGenotypes) if (await compare(path, expression)) compared++;
    expect(compared).toBeGreaterThan(40);
  });

  test.each([
    String.raw`%CHROM\t%POS0\t%END\t%TYPE\t%QUAL\t%INFO/AF\t%DB\t%FIRST_ALT\t%FILTER\n`,
    String.raw`[%SAMPLE %GT %TGT %AD{1} %DP %GQ %PL\n]`,
    String.raw`%INFO[\t%GT:%AD]\n`,
    String.raw`%ID %MQ %CLASS %AC{0} %REF>%ALT{0}\n`,
  ])('format %s', async (format) => {
    for (const split of [1e9, 9000])
      same(format, await query(cohort, { format }, split), bcftools('query', '-f', format, cohort)!);
  });

  const views: readonly (readonly [Options, readonly string[]])[] = [
    [{ include: 'QUAL>1000 && GT="het"' }, ['-i', 'QUAL>1000 && GT="het"']],
    [{ exclude: 'QUAL<1000 || F_MISSING>0.02' }, ['-e', 'QUAL<1000 || F_MISSING>0.02']],
    [{ samples: 'S00003,S00001' }, ['-s', 'S00003,S00001']],
    [
      { samples: 'S00003,S00001', include: 'AC>0 && GT="alt"' },
      ['-s', 'S00003,S00001', '-i', 'AC>0 && GT="alt"'],
    ],
    [{ region: 'chr1:5000000-9000000' }, ['-r', 'chr1:5000000-9000000']],
    [{}, []],
  ];
  test.each(views)('filter %j', async (given, args) => {
    const expected = bcftools('view', '-H', ...args, cohort)!;
    for (const split of [1e9, 9000])
      same('view', bcftools('view', '-H', await filter(cohort, given, split))!, expected);
    if (!has('tabix')) return;
    // bcftools writes out values that samples leave off at their end.
    const places = (text: string): string[] =>
      text
        .split('\n')
        .filter(Boolean)
        .map((line) => line.split('\t').slice(0, 8).join(' '));
    for (const contig of new Set(places(expected).map((line) => line.split(' ')[0]!))) {
      const found = execFileSync('tabix', [join(folder, 'out.vcf.gz'), contig], { maxBuffer: 1 << 30 });
      expect(places(found.toString())).toEqual(
        places(expected).filter((line) => line.startsWith(`${contig} `)),
      );
    }
  });
});

describe('several files', () => {
  const run = async (paths: readonly string[], split: number): Promise<string> => {
    const variants = await Promise.all(paths.map((path) => dataset(path, 'vcf')));
    const { files } = await runJob(vcfFilter, { variants }, {}, { split });
    writeFileSync(join(folder, 'all.vcf.gz'), files.get('')!);
    writeFileSync(join(folder, 'all.vcf.gz.tbi'), files.get('.tbi')!);
    return gunzipSync(files.get('')!).toString();
  };
  test('that are pieces of one become it again, in any order, for any split', async () => {
    const text = gunzipSync(readFileSync(cohort)).toString();
    const lines = text.split('\n').filter(Boolean);
    const head = lines.filter((line) => line.startsWith('#'));
    const rows = lines.slice(head.length);
    const paths = [0, 1, 2].map((k) => {
      const path = join(folder, `piece${k}.vcf`);
      writeFileSync(path, `${[...head, ...rows.filter((_, i) => i % 3 === k)].join('\n')}\n`);
      return path;
    });
    const bare = (vcf: string): string => vcf.replace(/^##servermixCommand=.*\n/m, '');
    for (const order of [paths, paths.toReversed()])
      for (const split of [1e9, 20_000]) expect(bare(await run(order, split)) === text).toBe(true);
    if (hasPeer) expect(bcftools('index', '-n', join(folder, 'all.vcf.gz'))).toBe('700\n');
  });
  test('of other samples are refused', async () => {
    const other = join(folder, 'other.vcf');
    writeFileSync(other, '##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tx\n');
    expect(await messageFrom(run([cohort, other], 1e9))).toMatch(
      /other\.vcf has samples x, expected those of .*S00001/,
    );
  });
});

test('lines and formats as they stand', async () => {
  const lines = await query(cohort, { format: '%LINE' });
  expect(lines.split('\n').length).toBe(701);
  const formats = await query(cohort, { format: String.raw`%FORMAT\n` });
  expect(formats.split('\n')).toEqual(lines.split('\n').map((line) => line.split('\t').slice(8).join('\t')));
});

describe('expressions that are none', () => {
  test.each([
    ['QUAL>', /found its end at character 6 of "QUAL>", expected a value/],
    ['QUAL>20 &&', /expected a value/],
    ['(QUAL>20', /expected \)/],
    ['QUAL 20', /found "20" at character 6 .*expected an operator or the end/],
    ['QUAL>"a', /a closing quote/],
    ['QUAL', /found "QUAL", expected a comparison/],
    ['QUAL>"abc"', /found a number beside text at >, expected two numbers/],
    ['NOPE>1', /found NOPE, expected a column, a key/],
    ['INFO/NOPE>1', /defines no INFO\/NOPE/],
    ['DP>1', /both INFO\/DP and FORMAT\/DP/],
    ['AD[x]>1', /found \[x\], expected places/],
    ['TYPE="thing"', /found TYPE thing, expected snp/],
    ['FILTER="Never"', /found FILTER Never/],
    ['CLASS~"[a"', /has no closing \]/],
    ['WHAT(QUAL)>1', /found WHAT, expected MAX/],
    ['CLASS>"a"', /found text beside >/],
  ])('%s', async (include, message) =>
    expect(await messageFrom(query(cohort, { include }))).toMatch(message),
  );
  test('both at once, a region and a format that are none', async () => {
    expect(await messageFrom(query(cohort, { include: 'QUAL>1', exclude: 'QUAL>1' }))).toMatch(/found both/);
    expect(await messageFrom(query(cohort, { region: 'chr1:9-3' }))).toMatch(/found "chr1:9-3"/);
    expect(await messageFrom(query(cohort, { format: '%NOPE' }))).toMatch(/--format: found %NOPE/);
    expect(await messageFrom(query(cohort, { format: '[%GT' }))).toMatch(/\[ without \]/);
  });
  test('operators bind as they do in bcftools', () => {
    const shape = (text: string): string => {
      const show = (tree: ReturnType<typeof parseExpression>): string =>
        tree.is === 'binary'
          ? `(${show(tree.left)}${tree.operator}${show(tree.right)})`
          : tree.is === 'name'
            ? tree.name
            : tree.is === 'number'
              ? `${tree.value}`
              : '?';
      return show(parseExpression(text));
    };
    expect(shape('A>1||B<2&&C=3')).toBe('((A>1)||((B<2)&&(C==3)))');
    expect(shape('A+B*2-C/3>=-1')).toBe('(((A+(B*2))-(C/3))>=-1)');
    expect(shape('AC/AN>INFO/AF')).toBe('((AC/AN)>INFO/AF)');
  });
  test('patterns are basic ones', () => {
    expect(patternOf('a+b').test('a+b')).toBe(true);
    expect(patternOf(String.raw`\(ab\)\{2\}`).test('abab')).toBe(true);
    expect(patternOf('^[.]x/i').test('.X')).toBe(true);
  });
});
