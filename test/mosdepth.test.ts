/** genomics/coverage writes what mosdepth wrote once and writes here, of real files. */
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { data, has, isIndexed, longContigOf, nearBegin, sharedBams } from './alignments.ts';
import { cover, mosdepth, type Options, same, textOf } from './mosdepth.ts';
import { isLong, third } from './shared.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-mosdepth-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe.skipIf(!data)('golden files of mosdepth 0.3.3', () => {
  const na12878 = join(data ?? '', 'giab-na12878-b37-chr20');
  const bam = join(na12878, 'NA12878_S1.chr20.10_10p1mb.bam');
  const golden = join(na12878, 'golden');
  const windows = join(golden, 'windows500.bed');
  const chrom = 'chr20';
  const full = { chrom, thresholds: [1, 5, 10, 20, 30], quantize: '0:1:5:150:' };
  test.each<[string, Options, string | undefined]>([
    ['md', full, windows],
    ['mdfast', { chrom, fast: true }, windows],
    ['mdmed', { chrom, 'no-per-base': true, mapq: 20, median: true }, windows],
    ['mdwin', { 'no-per-base': true, by: 100_000 }, undefined],
    ['mdflag', { chrom, 'no-per-base': true, 'exclude-flag': 0, 'include-flag': 2 }, undefined],
  ])('%s', async (prefix, options, by) => {
    same(await cover(bam, options, by, { split: 500_000 }), golden, prefix);
  });
  const hg002 = join(data ?? '', 'giab-hg002-grch38-chr20');
  test.each(['HG002_R10_chr20_5050000_5075000', 'HG003_hifi_chr20_100kbp_at_9mb'])('%s', async (name) => {
    const found = await cover(join(hg002, `${name}.bam`), { chrom, by: 100_000 }, undefined, {
      split: 500_000,
    });
    same(found, join(hg002, `golden-${name}`), 'md');
  });
  test('of a read behind base 600,000,000', async () => {
    const { files } = await cover(join(data!, 'edge/mosdepth-tests/big.bam'), { 'exclude-flag': 0 });
    const edges = [0, 600_000_006, 600_000_018, 600_000_019, 600_000_022, 600_000_045];
    expect(textOf(files.get('.per-base.bed.gz')!, '.gz')).toBe(
      edges
        .slice(1)
        .map((end, i) => `ref\t${edges[i]}\t${end}\t${i % 2}\n`)
        .join(''),
    );
    expect(textOf(files.get('.mosdepth.summary.txt')!, '')).toBe(
      'chrom\tlength\tbases\tmean\tmin\tmax\nref\t600000045\t15\t0.00\t0\t1\ntotal\t600000045\t15\t0.00\t0\t1\n',
    );
  });
});

// Of 27 MB depths are as those of 3 MB.
const bams = third(sharedBams(), 2).filter(
  (path) => isIndexed(join(data!, path)) && (isLong || statSync(join(data!, path)).size < 8e6),
);
describe.skipIf(!has('mosdepth'))('mosdepth writes the same of', () => {
  const ofSize = (bases: number): Options[] => [
    { by: bases, thresholds: [1, 5, 10], quantize: '0:1:5:150:' },
    { by: 2 * bases, median: true, 'exclude-flag': 0, quantize: '1:4', 'no-per-base': true },
    { by: 5 * bases, fast: true, 'exclude-flag': 0, 'include-flag': 3, mapq: 10 },
  ];
  test.each(bams)('%s', { timeout: 60_000 }, async (path) => {
    const chrom = longContigOf(join(data!, path));
    // Of whole long contigs, for which mosdepth takes seconds, are the golden files.
    const bam = chrom === undefined ? join(data!, path) : join(folder, `${bams.indexOf(path)}.bam`);
    if (chrom !== undefined) nearBegin(join(data!, path), chrom, bam);
    let compared = 0;
    for (const each of ofSize(chrom === undefined ? 200 : 1000)) {
      const at = mkdtempSync(join(folder, 'peer-'));
      const options = chrom === undefined ? each : { ...each, chrom };
      if (!mosdepth(bam, options, undefined, at)) continue;
      same(await cover(bam, options), at, 'peer');
      compared++;
    }
    // It gives up on reads behind the contig's end, and on BAMs without contigs.
    if (compared === 0) console.warn(`skipped: mosdepth fails on ${path}`);
  });
});
