/** BCF by parts: lines as bcftools prints them, and jobs beside those on the same text. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { AnyJob, Inputs } from '../core/job.ts';
import type { Json } from '../core/json.ts';
import { random } from '../datasets/random.ts';
import { writeFloat } from '../genomics/formats/bcffloat.ts';
import { compare } from '../genomics/jobs/compare.ts';
import { vcfCheck } from '../genomics/jobs/vcfcheck.ts';
import { vcfFilter } from '../genomics/jobs/vcffilter.ts';
import { vcfNorm } from '../genomics/jobs/vcfnorm.ts';
import { vcfQuery } from '../genomics/jobs/vcfquery.ts';
import { vcfStats } from '../genomics/jobs/vcfstats.ts';
import { bgzfOf, data, has, messageFrom } from './alignments.ts';
import { bcfOf, head, shapes, textOf } from './bcffile.ts';
import { bare, same } from './peer.ts';
import { dataset, runJob } from './stage.ts';
import { generate } from './generate.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-bcf-'));
afterAll(() => rmSync(folder, { recursive: true }));
const hasPeer = has('bcftools');
const view = (...args: readonly string[]): Buffer =>
  execFileSync('bcftools', ['view', '--no-version', ...args], {
    stdio: ['ignore', 'pipe', 'ignore'],
    maxBuffer: 1 << 30,
  });

/** Blocks of 64 KiB, and at `cuts`. */
const blocked = (bytes: Uint8Array, cuts: readonly number[] = []) =>
  bgzfOf(
    bytes,
    [
      ...cuts,
      ...Array.from({ length: Math.floor(bytes.length / 65_280) }, (_, i) => 65_280 * (i + 1)),
    ].toSorted((a, b) => a - b),
  );
const rng = random(3, 'bcf');
const many = `${head}${Array.from({ length: 300 }, (_, i) => {
  const dp = [0, 1, 2].map(() => (rng.chance(0.1) ? '.' : `${rng.below(rng.chance(0.1) ? 1e6 : 90)}`));
  const gt = dp.map(() => ['0/0', '0/1', '1|1', './.', '1'][rng.below(5)]);
  const alt = rng.chance(0.02) ? 'ACGT'.repeat(rng.below(40_000) + 1) : 'T';
  return `chr1\t${100 + 7 * i}\t.\tG\t${alt}\t${rng.below(5000) / 4}\tPASS\tDP=${i};AF=${rng.below(999) / 1000}\tGT:DP\t${gt.map((one, k) => `${one}:${dp[k]}`).join('\t')}\n`;
}).join('')}`;

describe('lines', () => {
  test.each([
    ['2.2', {}],
    ['2.2 with IDX', { numbers: true }],
    ['2.1', { minor: 1 }],
  ] as const)('of %s', async (_name, how) => {
    const { bytes } = bcfOf(head + shapes, how);
    same('bgzipped', (await textOf(bgzfOf(bytes, [1, 2, 2, 8, 700]).file)).text, head + shapes);
    same('plain', (await textOf(bytes)).text, head + shapes);
  });
  test('each once and in order, for any blocks and cuts', async () => {
    const { bytes, starts } = bcfOf(many);
    const files = [
      blocked(
        bytes,
        Array.from({ length: 90 }, () => rng.below(bytes.length)),
      ),
      blocked(
        bytes,
        starts.filter((start) => start % 3 === 0).flatMap((start) => [start, start]),
      ),
      blocked(bytes),
    ];
    for (const { file, offsets } of files) {
      const parts = new Set<number>();
      for (const split of [1e9, file.length / 3, file.length / 30, 200, 20]) {
        const found = await textOf(file, split);
        same(`${split}`, found.text, many);
        parts.add(found.parts);
      }
      expect(Math.max(...parts)).toBeLessThanOrEqual(offsets.length);
      expect(Math.max(...parts)).toBeGreaterThan(offsets.length / 12);
    }
    for (const split of [1e9, 5000, 300]) {
      const found = await textOf(bytes, split);
      same(`plain, ${split}`, found.text, many);
      expect(found.parts).toBeGreaterThan(split < 1000 ? 20 : split < 1e9 ? 5 : 0);
    }
  });
  test('floats', () => {
    const out = new Uint8Array(32);
    const shown = (value: number): string =>
      Buffer.from(out.subarray(0, writeFloat(out, 0, Math.fround(value)))).toString();
    const cases: readonly (readonly [number, string])[] = [
      [0, '0'],
      [-0, '-0'],
      [0.1, '0.1'],
      [-29.5, '-29.5'],
      [123456.7, '123457'],
      [100000.5, '100001'],
      [999999, '999999'],
      [999999.5, '1e+06'],
      [1000005, '1e+06'],
      [1000015, '1.00002e+06'],
      [0.0001, '0.0001'],
      [0.0009999996, '0.001'],
      [1 / 3, '0.333333'],
      [1e-20, '1e-20'],
      [3.4e38, '3.4e+38'],
      [NaN, 'nan'],
      [-Infinity, '-inf'],
    ];
    for (const [value, text] of cases) expect([value, shown(value)]).toEqual([value, text]);
  });
  test.skipIf(!hasPeer)('floats, alleles and all shapes as bcftools prints them', async () => {
    const at = join(folder, 'floats.vcf');
    const bits = new Uint32Array(1);
    const float = new Float32Array(bits.buffer);
    const values = Array.from({ length: 6000 }, (_, i) => {
      if (i % 3 > 0) return Math.fround((rng.below(2 ** 24) / 2 ** 24) * 10 ** (rng.below(13) - 6));
      bits[0] = rng.next();
      return Number.isFinite(float[0]) ? float[0]! : 0.5;
    });
    const lines = values.map((value, i) => `chr1\t${i + 1}\t.\tA\tC\t.\t.\tAF=${value}\tGT\t0\t0\t0\n`);
    writeFileSync(at, head + shapes + lines.join(''));
    const file = view('-Ob', at);
    writeFileSync(join(folder, 'floats.bcf'), file);
    const expected = view(join(folder, 'floats.bcf')).toString();
    for (const split of [1e9, 20_000]) same('floats', (await textOf(file, split)).text, expected);
    same('plain', (await textOf(view('-Ou', at), 50_000)).text, expected);
  });
  test.skipIf(!hasPeer || !data)(
    'of shared files as bcftools prints them',
    { timeout: 120_000 },
    async () => {
      let compared = 0;
      for (const path of readdirSync(data!, { recursive: true, encoding: 'utf8' })) {
        const at = join(data!, path);
        if (!/\.(vcf(\.b?gz)?|bcf)$/.test(path) || /\/failed\//.test(path) || statSync(at).size > 2e6)
          continue;
        try {
          writeFileSync(join(folder, 'shared.bcf'), view('-Ob', at));
        } catch {
          continue;
        }
        const file = readFileSync(join(folder, 'shared.bcf'));
        const expected = view(join(folder, 'shared.bcf')).toString();
        for (const split of [1e9, 9000]) same(path, (await textOf(file, split)).text, expected);
        compared++;
      }
      expect(compared).toBeGreaterThan(30);
    },
  );
});

describe('jobs on BCF and on its text', () => {
  const text = join(folder, 'v.vcf');
  const binary = join(folder, 'v.bcf');
  const small = join(folder, 't.bcf');
  beforeAll(async () => {
    await generate('synthetic/cohort', folder, { samples: 25, sites: 900, seed: 6 });
    await generate('synthetic/reads', folder, { mb: 0.2, depth: 2, seed: 6 });
    const table = gunzipSync(readFileSync(join(folder, 'cohort.vcf.gz'))).toString();
    const { bytes } = bcfOf(table);
    writeFileSync(text, table);
    writeFileSync(binary, blocked(bytes).file);
    const truth = bcfOf(gunzipSync(readFileSync(join(folder, 'truth.vcf.gz'))).toString()).bytes;
    writeFileSync(small, bgzfOf(truth, [5000, 9000]).file);
    if (!hasPeer) return;
    writeFileSync(binary, view('-Ob', text));
    writeFileSync(text, view(binary));
  });
  const results = async (
    job: AnyJob,
    inputs: Inputs,
    given: { readonly [name: string]: Json },
    split?: number,
  ): Promise<string> => {
    const { files } = await runJob(job, inputs, given, split === undefined ? {} : { split });
    return [...files]
      .map(([name, bytes]) => `${name}\n${bare(Buffer.from(bytes).toString('latin1'))}`)
      .join('');
  };
  const jobs: readonly (readonly [AnyJob, { readonly [name: string]: Json }])[] = [
    [vcfStats, { samples: 'all' }],
    [vcfStats, {}],
    [vcfFilter, { include: 'QUAL>20 && GT="alt"' }],
    [vcfQuery, { format: String.raw`%POS %FILTER %INFO/AF[\t%GT %DP]\n` }],
    [vcfCheck, {}],
  ];
  test.each(jobs)('$name', async (job, given) => {
    const expected = await results(job, { variants: [await dataset(text)] }, given);
    expect(expected.length).toBeGreaterThan(20);
    for (const split of [1e9, 40_000, 9000, 700])
      same(job.name, await results(job, { variants: [await dataset(binary)] }, given, split), expected);
  });
  test('genomics/vcf-norm and genomics/compare', async () => {
    const [reference, truth] = [
      await dataset(join(folder, 'reference.fa')),
      await dataset(join(folder, 'truth.vcf.gz'), 'vcf'),
    ];
    const bcf = await dataset(small);
    for (const split of [1e9, 2000]) {
      const norm = (file: typeof bcf) =>
        results(vcfNorm, { variants: [file], reference: [reference] }, { biallelic: true }, split);
      same('norm', await norm(bcf), await norm(truth));
      const { records } = await runJob(
        compare,
        { variants: [bcf], truth: [truth], reference: [reference] },
        {},
        { split },
      );
      const both = await runJob(
        compare,
        { variants: [truth], truth: [truth], reference: [reference] },
        {},
        { split },
      );
      expect(records).toBe(both.records);
      expect(records).toBeGreaterThan(20);
    }
  });
  test('a fault names the record', async () => {
    const { bytes } = bcfOf(`${many}chr1\t9\t.\tA\tC\t.\t.\t.\tGT\t0/1\t0/7\t0/0\n`);
    const path = join(folder, 'fault.bcf');
    writeFileSync(path, blocked(bytes, [3000, 9000, 20_000]).file);
    for (const split of [1e9, 3000])
      expect(
        await messageFrom(results(vcfStats, { variants: [await dataset(path)] }, { samples: 'all' }, split)),
      ).toMatch(
        /^BCF: record 301 of .*fault\.bcf: GT of sample 2 is 0\/7, expected alleles up to 1, as ALT has; correct or remove it$/,
      );
  });
});
