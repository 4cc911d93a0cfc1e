/** VCF by parts: lines, what is counted of them beside bcftools, and what is said of damaged ones. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../core/json.ts';
import { memorySource } from './memorysource.ts';
import { random } from '../datasets/random.ts';
import { rangesOf } from '../genomics/formats/textlines.ts';
import { type Packing, wholeLines } from '../genomics/formats/wholelines.ts';
import { parseVcfHeader, structured } from '../genomics/formats/vcfheader.ts';
import { vcfCheck } from '../genomics/jobs/vcfcheck.ts';
import { vcfStats } from '../genomics/jobs/vcfstats.ts';
import { alleleOf, growthOf, kind, kindOf } from '../genomics/kernels/alleles.ts';
import { bgzfOf, data, has, messageFrom } from './alignments.ts';
import { bare, bcftools, same } from './peer.ts';
import { dataset, runJob } from './stage.ts';
import { generate } from './generate.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-vcf-'));
afterAll(() => rmSync(folder, { recursive: true }));
const hasPeer = has('bcftools');
const cohort = join(folder, 'cohort.vcf.gz');
beforeAll(() => generate('synthetic/cohort', folder, { samples: 40, sites: 1500, seed: 4 }));

type Options = { readonly [name: string]: Json };

async function statsOf(path: string, given: Options = {}, split = vcfStats.split): Promise<string> {
  const { files } = await runJob(vcfStats, { variants: [await dataset(path, 'vcf')] }, given, { split });
  return Buffer.from(files.get('')!).toString('latin1');
}

describe('whole lines', () => {
  const rng = random(11, 'lines');
  const text = Buffer.from(
    Array.from(
      { length: 400 },
      (_, i) => `${i} ${'x'.repeat(rng.chance(0.03) ? rng.below(3000) : rng.below(40))}\n`,
    ).join(''),
  );
  const cuts = Array.from({ length: 60 }, () => rng.below(text.length)).toSorted((a, b) => a - b);
  const packed: readonly (readonly [Packing, Uint8Array])[] = [
    ['plain', text],
    ['bgzf', bgzfOf(text, cuts).file],
    ['gzip', gzipSync(text)],
    ['plain', text.subarray(0, -1)],
    ['bgzf', bgzfOf(text.subarray(0, -1), cuts).file],
    ['gzip', gzipSync(text.subarray(0, -1))],
  ];
  test.each(packed)('of %s, each once and in order, for any cuts', async (packing, file) => {
    const source = memorySource(file);
    for (const split of packing === 'gzip' ? [1e9] : [1e9, 4000, 311, 37]) {
      const ranges = await rangesOf(source, packing === 'bgzf', split);
      const found: Buffer[] = [];
      for (const range of ranges)
        for await (const { bytes, place } of wholeLines(
          source,
          'x',
          range,
          packing,
          new AbortController().signal,
        )) {
          if (packing === 'plain') expect(file.subarray(place(0)[0])[0]).toBe(bytes[0]);
          found.push(Buffer.from(bytes));
        }
      const whole = packing === 'gzip' ? gunzipSync(file) : Buffer.concat(found);
      expect(Buffer.concat(found).toString()).toBe(
        (packing === 'gzip'
          ? whole
          : file === packed[3]![1] || file === packed[4]![1]
            ? text.subarray(0, -1)
            : text
        ).toString(),
      );
      expect(found.slice(0, -1).every((piece) => piece.at(-1) === 10)).toBe(true);
    }
  });
  test('a gzip file that was cut short is told', async () => {
    const file = gzipSync(text).subarray(0, 900);
    const read = async (): Promise<void> => {
      for await (const _ of wholeLines(
        memorySource(file),
        'x.gz',
        { from: 0, to: 900 },
        'gzip',
        new AbortController().signal,
      ));
    };
    await expect(read()).rejects.toThrow(/gzip: x\.gz does not inflate .*truncated or damaged/);
  });
});

describe('header', () => {
  test('values between brackets', () => {
    expect([...structured('<ID=X,Number=1,Description="a, \\"b\\" <c>",Values=[p, q]>')!]).toEqual([
      ['ID', 'X'],
      ['Number', '1'],
      ['Description', 'a, "b" <c>'],
      ['Values', '[p, q]'],
    ]);
    for (const text of ['ID=X', '<ID=X', '<ID="X>', '<ID="X"Y=1>', '<ID>'])
      expect(structured(text), text).toBeUndefined();
  });
  const columns = '#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO';
  const cases: readonly (readonly [string, RegExp])[] = [
    [`##fileformat=VCF4.3\n${columns}\n`, /line 1 of x: .*expected ##fileformat/],
    ['##fileformat=VCFv4.3\n##INFO=<ID=A>\n', /line 2 of x: found Type= of A/],
    [
      `##fileformat=VCFv4.3\n##INFO=<ID=A,Number=x,Type=Float>\n${columns}\n`,
      /line 2 of x: found Number=x of A/,
    ],
    ['##fileformat=VCFv4.3\n##FILTER=oops\n', /line 2 of x: .*##FILTER=<ID=\.\.\.>/],
    ['##fileformat=VCFv4.3\n', /line 1 of x: .*expected a line of column names/],
    ['##fileformat=VCFv4.3\n#CHROM\tPOS\tREF\n', /line 2 of x: found "REF", expected ID in column 3/],
    [`##fileformat=VCFv4.3\n${columns}\tS1\n`, /line 2 of x: found "S1", expected FORMAT in column 9/],
    [`##fileformat=VCFv4.3\n${columns}\tFORMAT\tS\tS\n`, /sample S twice/],
  ];
  test.each(cases)('%j', (text, message) => expect(() => parseVcfHeader(text, 'x')).toThrow(message));
});

test('alleles by kind and growth', () => {
  const { snp, mnp, indel, other, breakend, overlap } = kind;
  const cases: readonly (readonly [string, string, number, number?])[] = [
    ['A', 'C', snp],
    ['A', 'A', 0],
    ['A', '.', 0],
    ['A', 'X', 0],
    ['A', '*', overlap],
    ['A', '<NON_REF>', 0],
    ['A', '<*>', 0],
    ['A', '<DEL>', other],
    ['A', ']1:5]A', breakend],
    ['A', 'A[1:5[', breakend],
    ['A', 'AT', indel, 1],
    ['aT', 'AtGG', indel, 2],
    ['ACC', 'A', indel, -2],
    ['ACT', 'AGT', snp],
    ['AC', 'TG', mnp],
    ['ACT', 'TCGA', other],
    ['CAT', 'CGGAT', indel, 2],
  ];
  for (const [ref, alt, bits, growth] of cases) {
    const bytes = Buffer.from(`${ref}${alt}`);
    const found = alleleOf(bytes, 0, ref.length, ref.length, bytes.length);
    expect([ref, alt, kindOf(found)]).toEqual([ref, alt, bits]);
    if (growth !== undefined) expect([ref, alt, growthOf(found)]).toEqual([ref, alt, growth]);
  }
});

describe.skipIf(!hasPeer)('stats beside bcftools', () => {
  test('a table of genotypes, for any split', async () => {
    const [all, sites] = [bcftools('stats', '-s', '-', cohort)!, bcftools('stats', cohort)!];
    for (const split of [1e9, 30_000, 3000]) {
      same('all', bare(await statsOf(cohort, { samples: 'all' }, split)), bare(all));
      same('sites', bare(await statsOf(cohort, {}, split)), bare(sites));
    }
  });
  test('the first of its samples', async () => {
    const some = 'S00001,S00002,S00003';
    same(
      'some',
      bare(await statsOf(cohort, { samples: some }, 9000)),
      bare(bcftools('stats', '-s', some, cohort)!),
    );
  });
  test('some of its samples, in their order', async () => {
    // Of others than the first ones bcftools takes the depths of the first ones.
    const [some, all] = [
      await statsOf(cohort, { samples: 'S00031,S00002' }),
      await statsOf(cohort, { samples: 'all' }),
    ];
    const rowOf = (text: string, name: string): string[] =>
      new RegExp(`^PSC\\t0\\t${name}\\t.*`, 'm').exec(text)![0].split('\t').toSpliced(10, 1);
    for (const name of ['S00031', 'S00002']) expect(rowOf(some, name)).toEqual(rowOf(all, name));
    expect(some.indexOf('PSC\t0\tS00031')).toBeLessThan(some.indexOf('PSC\t0\tS00002'));
  });
  test('plain text, gzip, and genotypes alone of many samples', async () => {
    const at = join(folder, 'bare');
    await generate('synthetic/cohort', at, { samples: 301, sites: 300, fields: 'gt', seed: 9 });
    const path = join(at, 'cohort.vcf.gz');
    const expected = bare(bcftools('stats', '-s', '-', path)!);
    const text = gunzipSync(readFileSync(path));
    writeFileSync(join(at, 'a.vcf'), text);
    writeFileSync(join(at, 'b.vcf.gz'), gzipSync(text));
    for (const file of [path, join(at, 'a.vcf'), join(at, 'b.vcf.gz')])
      same(file, bare(await statsOf(file, { samples: 'all' }, 50_000)), expected);
  });
  test('--json has the same numbers', async () => {
    const inputs = { variants: [await dataset(cohort, 'vcf')] };
    const { files } = await runJob(vcfStats, inputs, { samples: 'S00003' }, { json: true });
    const found = JSON.parse(Buffer.from(files.get('')!).toString()) as {
      records: number;
      samples: { het: number }[];
    };
    const text = bcftools('stats', '-s', 'S00003', cohort)!;
    expect(found.records).toBe(1500);
    expect(found.samples[0]!.het).toBe(Number(/^PSC\t0\tS00003\t\d+\t\d+\t(\d+)/m.exec(text)![1]));
  });

  const shared = data
    ? (readdirSync(data, { recursive: true }) as string[]).filter(
        (path) =>
          /\.vcf(\.b?gz)?$/.test(path) && !/\/failed\/|large_vcf_header|HG00268|performance/.test(path),
      )
    : [];
  let compared = 0;
  test.skipIf(!data)('every shared file that bcftools reads', { timeout: 240_000 }, async () => {
    for (const path of shared) {
      const file = join(data!, path);
      for (const [given, args] of [
        [{}, []],
        [{ samples: 'all' }, ['-s', '-']],
      ] as const) {
        const expected = bcftools('stats', ...args, file);
        // One ends with an empty line, which is no record here; of VCF 4.4 bcftools leaves out records that it cannot read.
        if (expected === undefined || /gvcf_non_ref|vcf44/.test(path)) continue;
        same(path, bare(await statsOf(file, given, 20_000)), bare(expected));
        compared++;
      }
    }
    expect(compared).toBeGreaterThan(120);
  });
});

describe('damaged files', () => {
  const head =
    '##fileformat=VCFv4.2\n##contig=<ID=1>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\ta\tb\n';
  const good = '1\t5\t.\tA\tC,G\t9\tPASS\t.\tGT:DP\t0/1:3\t0|2:4\n';
  const cases: readonly (readonly [string, RegExp])[] = [
    ['1\t5\t.\tA\tC\t9\tPASS\t.\tGT\t0/1\n', /the line is 10 columns, expected 11/],
    ['1\t5\t.\tA\tC\t9\tPASS\t.\tGT\t0/1\t0/1\t0/1\n', /the line is 12 columns, expected 11/],
    ['1 5\n', /the line is 1 column, expected 11/],
    ['1\tfive\t.\tA\tC\t9\tPASS\t.\tGT\t0/1\t0/1\n', /POS is "five", expected a whole number/],
    ['1\t99999999999999999\t.\tA\tC\t9\tPASS\t.\tGT\t0/1\t0/1\n', /POS is "99999999999999999"/],
    ['1\t5\t.\t\tC\t9\tPASS\t.\tGT\t0/1\t0/1\n', /REF is empty, expected bases/],
    ['1\t5\t.\tA\tC,\t9\tPASS\t.\tGT\t0/1\t0/1\n', /ALT is "C,"/],
    ['1\t5\t.\tA\tC\tgood\tPASS\t.\tGT\t0/1\t0/1\n', /QUAL is "good", expected a number or \./],
    ['1\t5\t.\tA\tC\t9\tPASS\t.\tGT\t0/1\t0-1\n', /GT of sample 2 is "0-1"/],
    ['1\t5\t.\tA\tC\t9\tPASS\t.\tGT\t0/2\t0/1\n', /GT of sample 1 is 0\/2, expected alleles up to 1/],
    [
      '1\t5\t.\tA\tC\t9\tPASS\t.\tGT:DP\t0/1:3\t0/1:3:7\n',
      /the column of sample 2 is 3 values, expected at most 2/,
    ],
    ['1\t5\t.\tA\tC\t9\tPASS\t.\tGT:DP\t0/1:3x\t0/1:3\n', /DP of sample 1 is "3x"/],
    ['#1\t5\t.\tA\tC\t9\tPASS\t.\tGT\t0/1\t0/1\n', /CHROM is a # behind the header, expected a name/],
    [' 1\t5\t.\tA\tC\t9\tPASS\t.\tGT\t0/1\t0/1\n', /CHROM is " 1"/],
  ];
  test.each(cases)('%j', async (line, message) => {
    const path = join(folder, 'bad.vcf');
    writeFileSync(path, `${head}${good.repeat(40)}${line}${good.repeat(40)}`);
    for (const split of [1e9, 700, 90])
      expect(await messageFrom(statsOf(path, { samples: 'all' }, split))).toMatch(
        new RegExp(`^VCF: line 44 of .*bad\\.vcf: ${message.source}.*; correct or remove it$`),
      );
  });
  test('cut short, empty, another format, a sample that is not there', async () => {
    const path = join(folder, 'cut.vcf');
    writeFileSync(path, `${head}${good}${good.slice(0, -1)}`);
    expect(await messageFrom(statsOf(path))).toMatch(/does not end with a line feed.*add a line feed/);
    writeFileSync(path, '');
    expect(await messageFrom(statsOf(path))).toMatch(/is empty \(0 bytes\)/);
    writeFileSync(path, 'CRAM\x03');
    expect(await messageFrom(statsOf(path))).toMatch(/begins with "CRAM.*is it a VCF\?/);
    writeFileSync(path, 'BCF\x02\x02');
    expect(await messageFrom(statsOf(path))).toMatch(/the header of .* is cut short/);
    writeFileSync(join(folder, 'cut.vcf.gz'), readFileSync(cohort).subarray(0, 9000));
    expect(await messageFrom(statsOf(join(folder, 'cut.vcf.gz')))).toMatch(/truncated/);
    expect(await messageFrom(statsOf(cohort, { samples: 'S00001,nobody' }))).toMatch(/has no sample nobody/);
  });
  test('a header alone is no record', async () => {
    const path = join(folder, 'none.vcf');
    writeFileSync(path, head);
    expect(await statsOf(path, { samples: 'all' })).toMatch(/number of records:\t0\n/);
  });
});

test('MultiQC reads the text', { timeout: 60_000 }, async ({ skip }) => {
  if (!has('multiqc')) skip();
  writeFileSync(join(folder, 'cohort.stats'), await statsOf(cohort));
  execFileSync('multiqc', ['-q', '-o', join(folder, 'report'), join(folder, 'cohort.stats')], {
    stdio: 'ignore',
  });
  const table = readFileSync(join(folder, 'report/multiqc_data/multiqc_bcftools_stats.txt'), 'utf8');
  expect(table).toMatch(/^cohort\t/m);
  expect(table).toMatch(/1500/);
});

describe('check', () => {
  const check = async (path: string): Promise<string> => {
    const { files } = await runJob(vcfCheck, { variants: [await dataset(path, 'vcf')] });
    return Buffer.from(files.get('')!).toString();
  };
  const conformance = data ? join(data, 'edge/hts-specs/vcf') : '';
  const filesOf = (kind: string): string[] =>
    ['4.1', '4.2', '4.3', '4.5'].flatMap((version) => {
      const at = join(conformance, version, kind);
      return existsSync(at)
        ? readdirSync(at).flatMap((name) => (name.endsWith('.vcf') ? [join(at, name)] : []))
        : [];
    });
  test.skipIf(!data)('what the specification must not have is refused, in one line', async () => {
    const files = filesOf('failed');
    expect(files.length).toBeGreaterThan(600);
    const accepted: string[] = [];
    for (const file of files) {
      const message = await check(file).then(
        () => undefined,
        (error: Error) => error.message,
      );
      if (message === undefined) accepted.push(file);
      else expect(message).toMatch(/^VCF: [^\n]*(line \d+ of|is empty|line feed|begins with)[^\n]*$/);
    }
    // An underscore in a key of FORMAT, which 4.2 does not rule out and GATK writes.
    expect(accepted.filter((file) => !file.endsWith('body_format_003.vcf'))).toEqual([]);
  });
  test.skipIf(!data)('what it has is taken', async () => {
    for (const file of filesOf('passed'))
      // One has an allele in GT that ALT lacks, one is out of order.
      if (!/passed_body_alt|zero_length_LAA/.test(file))
        expect([file, await check(file)]).toEqual([file, expect.stringMatching(/^\d+ records, all/)]);
  });
  test('what is made here is good', async () => {
    expect(await check(cohort)).toMatch(/^1500 records, all/);
  });
});
