/** Regions of VCF by an index: the records that reading all of the file gives, of less of it; what is said of indexes that are not the file's. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dataset } from '../core/job.ts';
import { resolve } from '../core/params.ts';
import { fileSource } from '../core/sources/file.ts';
import { random } from '../datasets/random.ts';
import { createIndex } from '../genomics/formats/binning.ts';
import { bgzip } from '../genomics/formats/bgzip.ts';
import type { Range } from '../genomics/formats/textlines.ts';
import { vcfLayout } from '../genomics/index/preset.ts';
import { vcfQuery } from '../genomics/jobs/vcfquery.ts';
import { has, messageFrom } from './alignments.ts';
import { bcftools } from './peer.ts';
import { dataset, runJob } from './stage.ts';
import { generate } from './generate.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-region-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

const format = String.raw`%CHROM\t%POS\t%REF\t%ALT\n`;
async function query(path: string, region: string, split = 4000, bed?: string): Promise<string> {
  const variants = [await dataset(path, path.endsWith('bcf') ? 'bcf' : 'vcf')];
  const regions = bed === undefined ? {} : { regions: [await dataset(bed, 'bed')] };
  const { files } = await runJob(vcfQuery, { variants, ...regions }, { region, format }, { split });
  return Buffer.from(files.get('')!).toString('latin1');
}

/** Some deletions and blocks reach over many windows of the index. */
const contigs = [
  ['a', 900_000],
  ['b', 300_000],
  ['c', 5000],
] as const;
beforeAll(async () => {
  await generate('synthetic/cohort', folder, { samples: 3, sites: 50, seed: 2 });
  const rng = random(9, 'regions');
  const head = `##fileformat=VCFv4.3\n${contigs.map(([name, length]) => `##contig=<ID=${name},length=${length}>\n`).join('')}##INFO=<ID=END,Number=1,Type=Integer,Description="e">\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n`;
  const indexes = {
    tbi: createIndex({ minShift: 14, depth: 5 }),
    csi: createIndex({ minShift: 12, depth: 6 }),
  };
  const bytes: Uint8Array[] = [];
  const out = bgzip({ write: async (piece: Uint8Array) => void bytes.push(piece.slice()) }, 6);
  await out.write(Buffer.from(head));
  for (const [contig, [name, length]] of contigs.entries()) {
    if (name === 'c') continue;
    for (let pos = 1 + rng.below(50); pos < length - 1000; pos += 1 + rng.below(60)) {
      const isLong = rng.chance(0.002);
      const end = isLong ? Math.min(length, pos + rng.below(200_000)) : pos;
      const line = `${name}\t${pos}\t.\tA\t${isLong ? '<DEL>' : 'C'}\t.\t.\t${isLong ? `END=${end}` : '.'}\n`;
      const place = out.tell();
      await out.write(Buffer.from(line));
      for (const index of Object.values(indexes)) index.add(contig, pos - 1, end, place, out.tell(), true);
    }
  }
  await out.finish();
  const names = contigs.map(([name]) => name);
  for (const kind of ['tbi', 'csi', 'none']) writeFileSync(at(`${kind}.vcf.gz`), Buffer.concat(bytes));
  writeFileSync(at('tbi.vcf.gz.tbi'), indexes.tbi.toTbi(names, vcfLayout));
  writeFileSync(at('csi.vcf.gz.csi'), indexes.csi.toCsi(names, vcfLayout));
});

const regions = ((): string[] => {
  const rng = random(3, 'spots');
  const spots = Array.from({ length: 12 }, () => {
    const from = 1 + rng.below(900_000);
    return `${rng.chance(0.7) ? 'a' : 'b'}:${from}-${from + rng.below(rng.chance(0.5) ? 300 : 40_000)}`;
  });
  return ['a', 'b', 'c', 'd', 'a:1-1', 'a:880000-', 'b:299000-300000', 'b:16384-16385', ...spots];
})();

describe.each(['tbi', 'csi'])('by %s', (kind) => {
  test('the records that reading all gives, for any parts', async () => {
    for (const region of regions) {
      const expected = await query(at('none.vcf.gz'), region, 1e9);
      for (const split of [1e9, 3000])
        expect([region, await query(at(`${kind}.vcf.gz`), region, split)]).toEqual([region, expected]);
    }
  });
  test('of several regions each record once, in the order of the file', async () => {
    for (const some of [regions.slice(9, 13).reverse(), ['b:1,000-20,000', 'a:880000-', 'c']]) {
      const apart = new Set<string>();
      for (const region of some)
        for (const line of (await query(at('none.vcf.gz'), region, 1e9)).split('\n')) apart.add(line);
      const expected = (await query(at('none.vcf.gz'), '', 1e9))
        .split('\n')
        .filter((line) => apart.has(line));
      for (const split of [1e9, 3000])
        expect([some, (await query(at(`${kind}.vcf.gz`), some.join(','), split)).split('\n')]).toEqual([
          some,
          expected,
        ]);
    }
  });
  test('of a BED file', async () => {
    const rng = random(5, 'targets');
    const targets = Array.from({ length: 60 }, () => [rng.below(290_000), 1 + rng.below(3000)] as const);
    const rows = targets.map(([from, length], i) => `${i % 3 ? 'a' : 'b'}\t${from}\t${from + length}\n`);
    writeFileSync(at('targets.bed'), rows.join(''));
    const listed = targets.map(([from, length], i) => `${i % 3 ? 'a' : 'b'}:${from + 1}-${from + length}`);
    const expected = await query(at('none.vcf.gz'), listed.join(','), 1e9);
    expect(expected.length).toBeGreaterThan(10_000);
    for (const split of [1e9, 3000])
      expect((await query(at(`${kind}.vcf.gz`), '', split, at('targets.bed'))) === expected).toBe(true);
    expect(await messageFrom(query(at('none.vcf.gz'), 'a', 1e9, at('targets.bed')))).toMatch(/found both/);
  });
  test('of less of the file', async () => {
    const file = await dataset(at(`${kind}.vcf.gz`), 'vcf');
    const planning = {
      open: ({ uri }: Dataset) => fileSource(uri),
      find: (uri: string) => dataset(uri).catch(() => undefined),
      signal: new AbortController().signal,
    };
    const params = resolve(vcfQuery.params, { region: 'b:1000-2000' });
    const { parts } = await vcfQuery.partition({ variants: [file] }, params, 1e9, planning);
    expect(parts.length).toBe(1);
    const [{ from, to }] = parts as [Range];
    expect(from).toBeGreaterThan(file.size / 3);
    expect(to - from).toBeLessThan(file.size / 3);
  });
  test('the index of another file, or a damaged one, is told', async () => {
    const other = at(`other-${kind}.vcf.gz`);
    copyFileSync(at('cohort.vcf.gz'), other);
    copyFileSync(at(`${kind}.vcf.gz.${kind}`), `${other}.${kind}`);
    expect(await messageFrom(query(other, 'b:1000-2000'))).toMatch(
      /is past the end of|it is not the index of the file|is not a BGZF|bgzf/i,
    );
    const bytes = gunzipSync(readFileSync(at(`${kind}.vcf.gz.${kind}`)));
    for (const length of [3, 20, 60, bytes.length - 9]) {
      const sink: Uint8Array[] = [];
      const out = bgzip({ write: async (piece: Uint8Array) => void sink.push(piece.slice()) }, 6);
      await out.write(bytes.subarray(0, length));
      await out.finish();
      copyFileSync(at('none.vcf.gz'), at('cut.vcf.gz'));
      rmSync(at('cut.vcf.gz.tbi'), { force: true });
      writeFileSync(at(`cut.vcf.gz.${kind}`), Buffer.concat(sink));
      expect(await messageFrom(query(at('cut.vcf.gz'), 'b:1000-2000'))).toMatch(/cut\.vcf\.gz\.(tbi|csi)/);
    }
  });
});

test.skipIf(!has('bcftools'))('of BCF by its CSI', async () => {
  bcftools('view', '-Ob', '-o', at('x.bcf'), at('none.vcf.gz'));
  for (const region of regions.slice(0, 8)) {
    const expected = await query(at('x.bcf'), region, 1e9);
    expect([region, expected]).toEqual([region, await query(at('none.vcf.gz'), region, 1e9)]);
  }
  bcftools('index', at('x.bcf'));
  for (const region of [...regions, 'b:5000-6000,a:700000-800000,a:100-5000'])
    for (const split of [1e9, 3000])
      expect([region, await query(at('x.bcf'), region, split)]).toEqual([
        region,
        await query(at('none.vcf.gz'), region, 1e9),
      ]);
});

test('names of contigs with colons are whole names first', async () => {
  const head = '##fileformat=VCFv4.3\n##contig=<ID=HLA-A*01:01:01:01>\n##contig=<ID=a>\n';
  const rows = ['HLA-A*01:01:01:01\t1', 'HLA-A*01:01:01:01\t7', 'a\t5'].map(
    (row) => `${row}\t.\tA\tC\t.\t.\t.\n`,
  );
  writeFileSync(at('hla.vcf'), `${head}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n${rows.join('')}`);
  const found = async (region: string): Promise<number> =>
    (await query(at('hla.vcf'), region)).split('\n').length - 1;
  expect(await found('HLA-A*01:01:01:01')).toBe(2);
  expect(await found('HLA-A*01:01:01:01:5-9,a')).toBe(2);
  // Nobody knows contigs that are not there.
  const variants: [Dataset] = [await dataset(at('hla.vcf'), 'vcf')];
  const planning = { open: () => fileSource(at('hla.vcf'), variants[0]), find: async () => undefined };
  const params = resolve(vcfQuery.params, { region: 'chr1,a', format });
  const plan = await vcfQuery.partition({ variants }, params as never, 1e9, planning as never);
  expect(plan.notes).toEqual([
    expect.stringMatching(/^regions on chr1: .*hla.vcf declares no such contigs; it has 2: HLA-/),
  ]);
});

test('an index that ends before the file does is as good as none', async () => {
  const empty = createIndex();
  const half = createIndex();
  // The second block ends where its length says (SAM spec 4.1).
  const bytes = readFileSync(at('none.vcf.gz'));
  const second = bytes.readUInt16LE(16) + 1;
  half.add(0, 0, 900_000, [0, 300], [second + bytes.readUInt16LE(second + 16) + 1, 0], true);
  for (const [name, index] of [
    ['empty', empty],
    ['half', half],
  ] as const) {
    copyFileSync(at('none.vcf.gz'), at(`${name}.vcf.gz`));
    writeFileSync(at(`${name}.vcf.gz.tbi`), index.toTbi(['a'], vcfLayout));
    for (const region of ['a:880000-', 'b'])
      expect([name, await query(at(`${name}.vcf.gz`), region)]).toEqual([
        name,
        await query(at('none.vcf.gz'), region),
      ]);
  }
});
