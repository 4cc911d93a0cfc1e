/** genomics/vcf-norm: alleles in their places, one a record if wanted, beside bcftools norm. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Json } from '../core/json.ts';
import { random, type Random } from '../datasets/random.ts';
import { parseVcfHeader } from '../genomics/formats/vcfheader.ts';
import { vcfNorm } from '../genomics/jobs/vcfnorm.ts';
import { joinLinesOf } from '../genomics/vcf/join.ts';
import { splitRow } from '../genomics/vcf/split.ts';
import { data, has, messageFrom } from './alignments.ts';
import { bcftools, same } from './peer.ts';
import { dataset, runJob } from './stage.ts';
import { generate } from './generate.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-vcfnorm-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);
type Options = { readonly [name: string]: Json };

async function norm(
  path: string,
  reference: string,
  given: Options = {},
  split = vcfNorm.split,
): Promise<string> {
  const inputs = { variants: [await dataset(path, 'vcf')], reference: [await dataset(reference, 'fa')] };
  const { files } = await runJob(vcfNorm, inputs, given, { split });
  writeFileSync(at('out.vcf.gz'), files.get('')!);
  writeFileSync(at('out.vcf.gz.tbi'), files.get('.tbi')!);
  return gunzipSync(files.get('')!).toString('latin1');
}
const rowsOf = (text: string): string =>
  text
    .split('\n')
    .filter((line) => !line.startsWith('#'))
    .join('\n');

/** Alleles with bases of the reference put before and behind, in the order of their new places. */
function mangle(vcf: string, fasta: string, rng: Random): string {
  const sequences = new Map(
    fasta
      .split('>')
      .slice(1)
      .map((text) => {
        const [name, ...lines] = text.split('\n');
        return [name!.split(' ')[0]!, lines.join('')];
      }),
  );
  const lines = vcf.split('\n').filter(Boolean);
  const head = lines.filter((line) => line.startsWith('#'));
  const contigs = [...sequences.keys()];
  const rows = lines.slice(head.length).map((line) => {
    const row = line.split('\t');
    const sequence = sequences.get(row[0]!)!;
    const pos = Number(row[1]) - 1;
    const before = rng.below(Math.min(pos, 20) + 1);
    const end = pos + row[3]!.length;
    const pad = (allele: string): string =>
      sequence.slice(pos - before, pos) + allele + sequence.slice(end, end + extra);
    const extra = rng.below(30);
    row[1] = String(pos - before + 1);
    row[4] = row[4]!.split(',').map(pad).join(',');
    row[3] = pad(row[3]!);
    return row;
  });
  rows.sort((a, b) => contigs.indexOf(a[0]!) - contigs.indexOf(b[0]!) || Number(a[1]) - Number(b[1]));
  return `${[...head, ...rows.map((row) => row.join('\t'))].join('\n')}\n`;
}

beforeAll(async () => {
  await generate('synthetic/reads', folder, { mb: 0.6, depth: 1, seed: 8 });
  const truth = gunzipSync(readFileSync(at('truth.vcf.gz'))).toString();
  writeFileSync(
    at('mangled.vcf'),
    mangle(truth, readFileSync(at('reference.fa'), 'utf8'), random(4, 'mangle')),
  );
});

test('alleles go back to where they were', async () => {
  const places = (text: string): string[] =>
    rowsOf(text)
      .split('\n')
      .filter(Boolean)
      .map((line) => line.split('\t').with(2, '').slice(0, 5).join(' '));
  const truth = gunzipSync(readFileSync(at('truth.vcf.gz'))).toString();
  // The truth itself is moved as far left as it goes.
  const known = places(await norm(at('truth.vcf.gz'), at('reference.fa')));
  expect(known.length).toBe(places(truth).length);
  for (const split of [1e9, 4000, 600])
    expect(places(await norm(at('mangled.vcf'), at('reference.fa'), {}, split)).toSorted()).toEqual(
      known.toSorted(),
    );
});

describe.skipIf(!has('bcftools'))('beside bcftools', () => {
  test('for any split, over the edges of parts', async () => {
    const expected = bcftools('norm', '-f', at('reference.fa'), at('mangled.vcf'))!;
    for (const split of [1e9, 4000, 600]) {
      await norm(at('mangled.vcf'), at('reference.fa'), {}, split);
      same(`split ${split}`, bcftools('view', '-H', at('out.vcf.gz'))!, rowsOf(expected));
    }
    expect(bcftools('view', '-H', '-r', 'chr1:1-100000', at('out.vcf.gz'))!.length).toBeGreaterThan(1000);
  });
  test('each alternate allele on its own', async () => {
    const cohort = at('cohort/cohort.vcf.gz');
    await generate('synthetic/cohort', at('cohort'), { samples: 7, sites: 400, seed: 3 });
    const text = gunzipSync(readFileSync(cohort)).toString();
    const header = parseVcfHeader(
      text
        .split('\n')
        .filter((line) => line.startsWith('#'))
        .join('\n'),
      'x',
    );
    const rows = rowsOf(text)
      .split('\n')
      .filter(Boolean)
      .flatMap((line) => splitRow(line.split('\t'), header));
    writeFileSync(at('single.vcf'), `${header.text}${rows.map((row) => row.join('\t')).join('\n')}\n`);
    expect(rows.length).toBeGreaterThan(420);
    same('split', bcftools('view', '-H', at('single.vcf'))!, rowsOf(bcftools('norm', '-m', '-any', cohort)!));
    for (const joining of ['any', 'both'] as const) {
      const places = new Map<string, (typeof rows)[number][]>();
      for (const row of rows) {
        const place = `${row[0]}:${row[1]}`;
        places.set(place, [...(places.get(place) ?? []), row]);
      }
      const whole = [...places.values()].flatMap((group) =>
        group.length < 2
          ? group.map((row) => row.join('\t'))
          : joinLinesOf(
              group.map((row) => row.join('\t')),
              joining,
              header,
            ),
      );
      expect(whole.length).toBeLessThan(rows.length - 10);
      writeFileSync(at('whole.vcf'), `${header.text}${whole.join('\n')}\n`);
      const expected = bcftools('norm', '-m', `+${joining}`, at('single.vcf'))!;
      same(joining, bcftools('view', '-H', at('whole.vcf'))!, rowsOf(expected));
    }
  });
  test.each(['any', 'both'])(
    'alleles that come to one place from several parts are joined: %s',
    async (join) => {
      const twice = readFileSync(at('mangled.vcf'), 'latin1').split('\n').filter(Boolean);
      // Another allele for each record, padded otherwise: they meet when they have moved.
      const all = twice.flatMap((line) => {
        const row = line.split('\t');
        if (line.startsWith('#') || row[3]!.length < 3) return [line];
        return [line, row.with(4, row[3]!.slice(0, -2)).join('\t')];
      });
      writeFileSync(at('twice.vcf'), `${all.join('\n')}\n`);
      const expected = rowsOf(bcftools('norm', '-f', at('reference.fa'), '-m', `+${join}`, at('twice.vcf'))!);
      for (const split of [1e9, 3000]) {
        await norm(at('twice.vcf'), at('reference.fa'), { join }, split);
        same(`split ${split}`, bcftools('view', '-H', at('out.vcf.gz'))!, expected);
      }
    },
  );
  test.skipIf(!data)('real calls, blocks among them', async () => {
    const real = join(data!, 'giab-na12878-b37-chr20');
    const [calls, reference] = [
      join(real, 'golden/bcftools.gvcf.vcf.gz'),
      join(real, 'ucsc.hg19.chr20.unittest.fasta.gz'),
    ];
    for (const [given, args] of [
      [{ 'check-ref': 'exclude' }, ['-c', 'x']],
      [{ 'check-ref': 'exclude', biallelic: true }, ['-c', 'x', '-m', '-any']],
    ] as const) {
      await norm(calls, reference, given, 9000);
      same(
        'norm',
        bcftools('view', '-H', at('out.vcf.gz'))!,
        rowsOf(bcftools('norm', '-f', reference, ...args, calls)!),
      );
    }
  });
});

test('values of joined records go where their alleles are', () => {
  const header = parseVcfHeader(
    [
      '##fileformat=VCFv4.3',
      '##INFO=<ID=AC,Number=A,Type=Integer,Description="c">',
      '##INFO=<ID=S,Number=R,Type=String,Description="s">',
      '##FORMAT=<ID=GT,Number=1,Type=String,Description="g">',
      '##FORMAT=<ID=AD,Number=R,Type=Integer,Description="d">',
      '##FORMAT=<ID=PL,Number=G,Type=Integer,Description="p">',
      '#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tA\tB',
      '',
    ].join('\n'),
    'x',
  );
  const lines = [
    'c\t5\trs1\tAC\tA\t10\tPASS\tAC=1;S=r,x\tGT:AD:PL\t0|1:5,6:9,0,8\t0:7,.:0,5',
    'c\t5\trs2\tA\tT\t30\tq10\tAC=2;S=.,y\tGT:AD:PL\t1|0:5,3:7,0,6\t1:1,9:4,0',
  ];
  expect(joinLinesOf(lines, 'any', header)).toEqual([
    'c\t5\trs1;rs2\tAC\tA,TC\t30\tq10\tAC=1,2;S=r,x,y\tGT:AD:PL\t2|1:5,6,3:7,0,8,0,.,6\t2:1,.,9:4,5,0',
  ]);
  expect(joinLinesOf(lines, 'both', header)).toEqual(lines.toReversed());
  expect(() => joinLinesOf([lines[0]!, lines[1]!.replace('\tA\tT', '\tG\tT')], 'any', header)).toThrow(
    /have AC and G as REF, expected the same bases/,
  );
});

test('REF that is not the reference: told, left out, or left', async () => {
  const lines = readFileSync(at('mangled.vcf'), 'utf8').split('\n').filter(Boolean);
  const head = lines.findIndex((line) => !line.startsWith('#'));
  const first = head + 20;
  const row = lines[first]!.split('\t');
  const wrong = row[3]!.startsWith('A') ? 'C' : 'A';
  const bad = row.with(3, wrong + row[3]!.slice(1)).join('\t');
  writeFileSync(at('bad.vcf'), `${lines.with(first, bad).join('\n')}\n`);
  expect(await messageFrom(norm(at('bad.vcf'), at('reference.fa')))).toMatch(
    /^VCF: REF of chr1:\d+ of .*bad\.vcf is "[ACGT]+", expected "[ACGT]+" as the reference has;.*--check-ref exclude$/,
  );
  const count = async (how: string): Promise<number> =>
    rowsOf(await norm(at('bad.vcf'), at('reference.fa'), { 'check-ref': how })).split('\n').length;
  expect((await count('ignore')) - (await count('exclude'))).toBe(1);
  writeFileSync(at('odd.vcf'), `${lines.slice(0, head).join('\n')}\nchrQ\t5\t.\tA\tC\t.\t.\t.\tGT\t0/1\n`);
  expect(await messageFrom(norm(at('odd.vcf'), at('reference.fa')))).toMatch(
    /chrQ:5 of .* is of a contig that the reference does not have/,
  );
});

test('a record behind the end of its contig has no REF there', async () => {
  const head =
    '##fileformat=VCFv4.2\n##contig=<ID=a,length=4>\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n';
  writeFileSync(at('end.fa'), '>a\nACGT\n');
  writeFileSync(at('end.fa.fai'), 'a\t4\t3\t4\t5\n');
  for (const pos of [5, 9_999_999, 2 ** 31 - 1]) {
    writeFileSync(at('end.vcf'), `${head}a\t${pos}\t.\tA\tC\t.\t.\t.\n`);
    expect(await messageFrom(norm(at('end.vcf'), at('end.fa')))).toMatch(
      new RegExp(`^VCF: REF of a:${pos} of .*end.vcf is "A", expected "" as the reference has; `),
    );
    expect(rowsOf(await norm(at('end.vcf'), at('end.fa'), { 'check-ref': 'exclude' }))).toBe('');
  }
  writeFileSync(at('end.vcf'), `${head}a\t0\t.\tA\tC\t.\t.\t.\n`);
  expect(await messageFrom(norm(at('end.vcf'), at('end.fa')))).toMatch(
    /^VCF: a:0 of .*end.vcf lies before the first base /,
  );
  // samtools faidx, which would be the advice, does not index it.
  writeFileSync(at('plain.fa.gz'), gzipSync(readFileSync(at('end.fa'))));
  expect(await messageFrom(norm(at('end.vcf'), at('plain.fa.gz')))).toMatch(
    /^FASTA: .*plain.fa.gz is plain gzip, expected plain text or BGZF; write it with gunzip -c \| bgzip$/,
  );
});
