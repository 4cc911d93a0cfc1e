/** genomics/vcf-table: rows beside the lines they come from, counts beside genotypes counted one by one, the same bytes for any parts. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../core/json.ts';
import { parseVcfHeader, type VcfHeader } from '../genomics/formats/vcfheader.ts';
import { vcfTable } from '../genomics/jobs/vcftable.ts';
import { bgzfOf, data, has, messageFrom } from './alignments.ts';
import { bcftools } from './peer.ts';
import { dataset, runJob } from './stage.ts';
import { generate } from './generate.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-table-'));
afterAll(() => rmSync(folder, { recursive: true }));
const cohort = join(folder, 'cohort.vcf.gz');
let header: VcfHeader;
/** Columns of each record. */
let lines: readonly (readonly string[])[];
beforeAll(async () => {
  await generate('synthetic/cohort', folder, { samples: 9, sites: 900, seed: 8 });
  const text = gunzipSync(readFileSync(cohort)).toString('utf8');
  const all = text.split('\n');
  header = parseVcfHeader(`${all.filter((line) => line.startsWith('#')).join('\n')}\n`, 'cohort');
  lines = all.filter((line) => line !== '' && !line.startsWith('#')).map((line) => line.split('\t'));
});

type Options = { readonly [name: string]: Json };
type Row = { readonly [column: string]: unknown };

const filesOf = async (path: string, given: Options, split: number = vcfTable.split) =>
  (await runJob(vcfTable, { variants: [await dataset(path, 'vcf')] }, given, { split })).files;
async function rowsOf(path: string, given: Options, split?: number): Promise<Row[]> {
  const file = (await filesOf(path, given, split)).get('')!;
  return parquetReadObjects({ file: file.slice().buffer });
}
async function textOf(path: string, given: Options): Promise<string[][]> {
  const text = Buffer.from((await filesOf(path, { ...given, format: 'tsv' })).get('')!).toString('utf8');
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
}

/** A value as the header says it is. */
function typed(text: string | undefined, type: string, number: string): unknown {
  if (text === undefined || text === '.' || text === '') return null;
  const one = (value: string): unknown =>
    value === '.'
      ? null
      : type === 'Integer'
        ? Number(value)
        : type === 'Float'
          ? Math.fround(Number(value))
          : value;
  return number === '1' ? one(text) : text.split(',').map(one);
}
/** What the reader of Parquet gives, as arrays and null. */
const plain = (value: unknown): unknown =>
  ArrayBuffer.isView(value) ? Array.from(value as unknown as ArrayLike<number>) : (value ?? null);

describe('records', () => {
  test('each with its columns, INFO and genotypes by their types', async () => {
    const rows = await rowsOf(cohort, { genotypes: 'GT,AD,DP' });
    expect(rows.length).toBe(lines.length);
    rows.forEach((row, i) => {
      const line = lines[i]!;
      expect(row.chrom).toBe(line[0]);
      expect(row.pos).toBe(Number(line[1]));
      expect(row.id).toBe(line[2] === '.' ? null : line[2]);
      expect(row.ref).toBe(line[3]);
      expect(plain(row.alt)).toEqual(line[4] === '.' ? null : line[4]!.split(','));
      expect(row.qual).toBe(line[5] === '.' ? null : Math.fround(Number(line[5])));
      expect(row.filter).toBe(line[6] === '.' ? null : line[6]);
      const info = new Map(
        line[7]!
          .split(';')
          .map((entry): [string, string | undefined] => [entry.split('=')[0]!, entry.split('=')[1]]),
      );
      for (const [key, { type, number }] of header.info)
        expect([key, plain(row[`info_${key}`])]).toEqual([
          key,
          type === 'Flag' ? info.has(key) : typed(info.get(key), type, number),
        ]);
      const keys = line[8]!.split(':');
      header.samples.forEach((sample, s) => {
        const values = line[9 + s]!.split(':');
        for (const key of ['GT', 'AD', 'DP']) {
          const { type, number } = header.format.get(key)!;
          const at = keys.indexOf(key);
          expect([key, plain(row[`format_${sample}_${key}`])]).toEqual([
            key,
            at < 0 ? null : typed(values[at], type, number),
          ]);
        }
      });
    });
  });

  test('counts are those of genotypes counted one by one', async () => {
    const samples = ['S00007', 'S00002', 'S00003'];
    const rows = await rowsOf(cohort, { counts: true, info: 'none', samples: samples.join(',') });
    rows.forEach((row, i) => {
      const line = lines[i]!;
      const at = line[8]!.split(':').indexOf('GT');
      const counts = { hom_ref: 0, het: 0, hom_alt: 0, missing: 0 };
      const alleles = Array.from({ length: line[4] === '.' ? 1 : 1 + line[4]!.split(',').length }, () => 0);
      for (const sample of samples) {
        const genotype = line[9 + header.samples.indexOf(sample)]!.split(':')[at] ?? '.';
        const called = genotype.split(/[/|]/);
        for (const one of called) if (one !== '.') alleles[Number(one)]!++;
        const kinds = new Set(called);
        if (kinds.has('.')) counts.missing++;
        else if (kinds.size > 1) counts.het++;
        else if (kinds.has('0')) counts.hom_ref++;
        else counts.hom_alt++;
      }
      const an = alleles.reduce((sum, n) => sum + n, 0);
      const { hom_ref, het, hom_alt, missing } = row;
      expect({ hom_ref, het, hom_alt, missing }).toEqual(counts);
      expect(row.an).toBe(an);
      expect(plain(row.ac)).toEqual(alleles.length === 1 ? null : alleles.slice(1));
      const af = alleles
        .slice(1)
        .map((n) => (an === 0 ? null : Math.fround(Number((n / an).toPrecision(6)))));
      expect(plain(row.af)).toEqual(alleles.length === 1 ? null : af);
    });
  });

  test('as text they say what the columns of the file say', async () => {
    const [head, ...rows] = await textOf(cohort, { info: 'DP,AF', genotypes: 'GT', samples: 'S00003' });
    const names = 'chrom pos id ref alt qual filter info_DP info_AF format_S00003_GT';
    expect(head!.join(' ')).toBe(names);
    expect(rows.map((row) => row.slice(0, 7))).toEqual(lines.map((line) => line.slice(0, 7)));
    expect(rows.map((row) => row[9])).toEqual(lines.map((line) => line[11]!.split(':')[0]));
  });
});

describe('genotypes', () => {
  test('a row for each of those for which an expression holds', async () => {
    const rows = await rowsOf(cohort, {
      rows: 'genotypes',
      genotypes: 'all',
      info: 'none',
      include: 'FMT/DP>20',
    });
    const expected = lines.flatMap((line) => {
      const at = line[8]!.split(':').indexOf('DP');
      return header.samples.flatMap((sample, s) =>
        Number(line[9 + s]!.split(':')[at]) > 20 ? [`${line[0]}:${line[1]} ${sample}`] : [],
      );
    });
    expect(expected.length).toBeGreaterThan(100);
    expect(rows.map((row) => `${row.chrom as string}:${row.pos as number} ${row.sample as string}`)).toEqual(
      expected,
    );
    expect(rows.every((row) => (row.format_DP as number) > 20)).toBe(true);
  });
});

test('row groups end where the file says, whatever the parts: one file, or one for 64 MiB', async () => {
  const text = gunzipSync(readFileSync(cohort));
  const long = join(folder, 'long.vcf.gz');
  const feeds = [...text.keys()].filter((at) => text[at] === 10);
  // Not squeezed together: some cells of a mebibyte.
  const body = text.subarray(feeds[header.lines.length - 1]! + 1);
  const times = 12;
  const copies = Buffer.concat([text, ...Array.from({ length: times - 1 }, () => body)]);
  const cuts = Array.from({ length: Math.floor(copies.length / 60_000) }, (_, i) => 60_000 * (i + 1));
  writeFileSync(long, bgzfOf(copies, cuts, 0).file);
  const whole = await filesOf(long, { counts: true }, 2 ** 40);
  const found = whole.get('')!;
  expect(parquetMetadata(found.slice().buffer).row_groups.length).toBeGreaterThan(2);
  expect(Number(parquetMetadata(found.slice().buffer).num_rows)).toBe(times * lines.length);
  for (const split of [1, 2 ** 21]) {
    const parts = (await filesOf(long, { counts: true }, split)).get('')!;
    expect(Buffer.from(parts).equals(found)).toBe(true);
  }
  const many = await filesOf(long, { counts: true, files: 'many' });
  expect([...many.keys()]).toEqual(['-00001.parquet']);
  expect(Buffer.from(many.get('-00001.parquet')!).equals(found)).toBe(true);
});

describe('what cannot be is said in one line', () => {
  const bad = (info: string, sample: string): string =>
    `##fileformat=VCFv4.3\n##INFO=<ID=DP,Number=1,Type=Integer,Description="d">\n##FORMAT=<ID=GT,Number=1,Type=String,Description="g">\n##FORMAT=<ID=GQ,Number=1,Type=Float,Description="q">\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\nc\t5\t.\tA\tC\t3\t.\t${info}\tGT:GQ\t${sample}\n`;
  const run = async (text: string, given: Options): Promise<string> => {
    const path = join(folder, 'bad.vcf');
    writeFileSync(path, text);
    return (await messageFrom(filesOf(path, given))) ?? 'nothing';
  };
  test.each([
    ['DP=x', '0/1:3', {}, /line 6 of .*INFO\/DP is "x", expected a whole number of 32 bits/],
    ['DP=3000000000', '0/1:3', {}, /INFO\/DP is "3000000000", expected a whole number of 32 bits/],
    ['DP=3', '0/1:q', { genotypes: 'GQ' }, /GQ of sample A is "q", expected a number/],
    ['DP=3', '0/2:3', { counts: true }, /GT of sample 1 is 0\/2, expected alleles up to 1/],
    ['DP=3', 'x:3', { counts: true }, /GT of sample 1 is "x", expected numbers of alleles/],
  ] as const)('%s %s', async (info, sample, given, expected) => {
    expect(await run(bad(info, sample), given)).toMatch(expected);
  });
  test('a key that the header does not define', async () => {
    expect(await run(bad('DP=3', '0/1:3'), { info: 'MQ' })).toMatch(/--info: the header defines no MQ/);
    expect(await run(bad('DP=3', '0/1:3'), { genotypes: 'AD' })).toMatch(/--genotypes: .* no AD/);
  });
  test('genotypes of a file without samples', async () => {
    const sites =
      '##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\nc\t5\t.\tA\tC\t3\t.\t.\n';
    expect(await run(sites, { counts: true })).toMatch(/--counts: the file has no samples/);
    expect(await run(sites, { rows: 'genotypes' })).toMatch(/--rows genotypes: the file has no samples/);
  });
});

const shared = data && join(data, 'multisample-vcf', 'hail-sample-100.vcf.gz');
test.skipIf(!shared || !has('bcftools'))('a hundred samples: what bcftools query prints', async () => {
  const path = shared!;
  const rows = await textOf(path, { info: 'AC,MQ', rows: 'genotypes', genotypes: 'GT,GQ' });
  const printed = bcftools(
    'query',
    '-f',
    String.raw`[%CHROM\t%POS\t%ID\t%REF\t%ALT\t%FILTER\t%INFO/AC\t%SAMPLE\t%GT\t%GQ\n]`,
    path,
  )!;
  const ours = rows.slice(1).map((row) => [...row.slice(0, 5), row[6], row[7], ...row.slice(9)].join('\t'));
  expect(ours.join('\n')).toBe(printed.trimEnd());
});
