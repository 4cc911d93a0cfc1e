/** genomics/coverage of generated reads: as mosdepth and as worked out base by base, for any split of the work and any merge tree. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resolve } from '../core/params.ts';
import { fixed } from '../genomics/formats/decimal.ts';
import { coverage } from '../genomics/jobs/coverage.ts';
import { has, localPlanning } from './alignments.ts';
import { cover, mosdepth, type Options, same, textOf } from './mosdepth.ts';
import { type Contig, depthOf, type Read, sorted, writeBam } from './oracle.ts';
import { dataset } from './stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-coverage-'));
afterAll(() => rmSync(folder, { recursive: true }));
const hasPeer = has('mosdepth');

/** Contigs short and long, without reads, of no bases; reads that reach over windows, and pairs. */
const contigs: Contig[] = [
  ...Array.from({ length: 60 }, (_, i): Contig => [`tiny${i}`, 200 + 97 * i]),
  ['exact', 6 * 16384],
  ['empty', 40_000],
  ['short', 16384],
  ['long', 3_000_000],
  ['one', 1],
];
const longContig = contigs.findIndex(([name]) => name === 'long');

/** The same for the same seed: xorshift. */
function randomReads(seed: number): Read[] {
  let state = seed;
  const below = (n: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
  };
  const shapes = ['100M', '100M', '40M5D55M', '5S95M', '50M3I47M', '30M300N70M', '50M20000N50M', '10=1X89='];
  const out: Read[] = [];
  const add = (contig: number, start: number, count: number, span: number): void => {
    for (let i = 0; i < count; i++) {
      const name = `r${out.length}`;
      const pos = start + below(span);
      const second = pos + below(250);
      const bits = [3, 3, 3, 3, 1, 0x403, 0x103][below(7)]!;
      const shape = (at: number): string => {
        const cigar = shapes[below(shapes.length)]!;
        const length = contigs[contig]![1];
        return at + 21_000 < length ? cigar : `${Math.max(1, Math.min(100, length - at))}M`;
      };
      const common = { name, flag: bits, contig, mapq: below(61), mateContig: contig };
      const [a, b] = [Math.min(pos, contigs[contig]![1] - 1), Math.min(second, contigs[contig]![1] - 1)];
      out.push(
        { ...common, pos: a, cigar: shape(a), matePos: b },
        { ...common, pos: b, cigar: shape(b), matePos: a },
      );
      if (below(20) === 0) out.push({ ...common, flag: 5, pos: a, cigar: '', matePos: a });
    }
  };
  contigs.forEach(([name, length], i) => {
    if (name.startsWith('tiny') && i % 3 > 0) add(i, 0, 8, length);
  });
  add(60, 0, 400, 98_000);
  add(62, 0, 40, 16_384);
  for (const start of [0, 16_000, 32_768, 500_000, 1_040_000, 2_090_000, 2_990_000])
    add(longContig, start, 90, 4000);
  add(64, 0, 2, 1);
  return sorted(out);
}

const listed = `#chrom\tstart\tend
track name=x
long\t0\t3000000\teverything
long\t400000\t2200000\tlong
long\t10000\t40000\tover
long\t20000\t30000
long\t16384\t32768\tunit
long\t32000\t33000\tseam
long\t32768\t32768\tnothing
long\t0\t1048576\tlongest
long\t0\t1048577\tlonger
long\t2999000\t3000001\tend
tiny4\t0\t100\ta
tiny4\t50\t588\tb
empty\t10\t20\tnone
exact\t0\t98304
exact\t98000\t98304\tlast
nowhere\t1\t2
`;
const far = 'tiny1\t0\t297\none\t0\t1\n';
const cases: [string, Options, boolean][] = [
  ['default', {}, false],
  ['windows', { by: 200, thresholds: [0, 1, 3], quantize: '0:1:4:' }, false],
  ['regions', { thresholds: [1, 2], quantize: '2:3' }, true],
  ['medians of regions', { median: true, thresholds: [2], 'no-per-base': true }, true],
  ['long windows', { by: 1_100_000, thresholds: [1], fast: true }, false],
  ['medians of long windows', { by: 1_100_000, median: true, 'exclude-flag': 0, 'no-per-base': true }, false],
  ['unmapped reads', { fast: true, 'exclude-flag': 0, by: 1000 }, false],
  ['one contig', { chrom: 'long', by: 50_000, quantize: '3' }, false],
];

describe('random reads', () => {
  const path = join(folder, 'random.bam');
  const bed = join(folder, 'regions.bed');
  const reads = randomReads(20_241_123);
  let size = 0;
  beforeAll(async () => {
    writeFileSync(bed, listed);
    ({ size } = await writeBam(path, contigs, reads));
  });

  test.skipIf(!hasPeer).each(cases)('%s: as mosdepth', async (_name, options, isListed) => {
    const at = mkdtempSync(join(folder, 'peer-'));
    const by = isListed ? bed : undefined;
    expect(mosdepth(path, options, by, at)).toBe(true);
    same(await cover(path, options, by), at, 'peer');
  });

  test.each(cases)(
    '%s: the same bytes for any split and any tree',
    { timeout: 120_000 },
    async (_name, options, isListed) => {
      const by = isListed ? bed : undefined;
      const whole = await cover(path, options, by, { split: 1e12 });
      expect(whole.parts).toBe(1);
      const most = await cover(path, options, by, { split: 1, arity: 2 });
      expect(most.parts).toBeGreaterThan(180);
      const others = [most];
      for (const [split, arity] of [
        [size / 2, 16],
        [size / 3, 2],
        [size / 7, 16],
        [size / 20, 'left'],
        [size / 20, 'right'],
        [1, 3],
      ] as const)
        others.push(await cover(path, options, by, { split, arity }));
      expect(new Set(others.map(({ parts }) => parts)).size).toBeGreaterThanOrEqual(4);
      for (const { files, records, promised } of others) {
        expect(records).toBe(promised);
        expect([...files.keys()]).toEqual([...whole.files.keys()]);
        for (const [suffix, bytes] of whole.files)
          expect([suffix, Buffer.compare(bytes, files.get(suffix)!)]).toEqual([suffix, 0]);
      }
    },
  );

  test('depths are those worked out base by base', async () => {
    const { files } = await cover(path, { by: 200, quantize: '0:1:4:' }, undefined, { split: size / 9 });
    const rows: string[] = [];
    const windows: string[] = [];
    contigs.forEach(([name, length], id) => {
      const depth = depthOf(reads, id, length);
      let start = 0;
      for (let pos = 1; pos <= length; pos++)
        if (pos === length || depth[pos] !== depth[start]) {
          rows.push(`${name}\t${start}\t${pos}\t${depth[start]}\n`);
          start = pos;
        }
      for (let from = 0; from < length; from += 200) {
        const part = depth.slice(from, from + 200);
        const mean = part.reduce((sum, value) => sum + value / part.length, 0);
        windows.push(`${name}\t${from}\t${from + part.length}\t${fixed(mean, 2)}\n`);
      }
    });
    expect(textOf(files.get('.per-base.bed.gz')!, '.gz') === rows.join('')).toBe(true);
    expect(textOf(files.get('.regions.bed.gz')!, '.gz') === windows.join('')).toBe(true);
  });

  test.skipIf(!has('tabix'))('tabix finds by the index what a filter of all rows finds', async () => {
    const { files } = await cover(path, { thresholds: [1, 2], quantize: '0:1:4:' }, bed, { split: size / 7 });
    const at = mkdtempSync(join(folder, 'tabix-'));
    for (const [suffix, bytes] of files) writeFileSync(join(at, `x${suffix}`), bytes);
    for (const suffix of ['.per-base.bed.gz', '.quantized.bed.gz', '.regions.bed.gz', '.thresholds.bed.gz']) {
      const rows = textOf(files.get(suffix)!, suffix)
        .split('\n')
        .filter((row) => row && !row.startsWith('#'))
        .map((row) => [row, row.split('\t')] as const);
      const regions = [
        [longContig, 0, 3_000_000],
        [longContig, 16_383, 16_385],
        [longContig, 32_767, 32_768],
        [longContig, 700_000, 700_001],
      ];
      for (let i = 0; i < 12; i++) regions.push([longContig, 16384 * i * 15, 16384 * i * 15 + 1 + i * 900]);
      for (const id of [0, 4, 59, 60, 61, 62]) regions.push([id, 10, contigs[id]![1]]);
      for (const [id, from, to] of regions as [number, number, number][]) {
        const [name] = contigs[id]!;
        const found = execFileSync('tabix', [join(at, `x${suffix}`), `${name}:${from + 1}-${to}`]).toString();
        const expected = rows.filter(
          ([, [contig, start, end]]) =>
            contig === name && Number(start) < to && Math.max(Number(end), Number(start) + 1) > from,
        );
        // htslib does not find an empty region.
        const wanted = expected.filter(([, [, start, end]]) => start !== end).map(([row]) => `${row}\n`);
        expect([
          name,
          from,
          to,
          found
            .split('\n')
            .filter((row) => !row.includes('nothing'))
            .join('\n'),
        ]).toEqual([name, from, to, wanted.join('')]);
      }
    }
  });

  test.each<[string, Options, string | undefined, RegExp]>([
    ['thresholds without regions', { thresholds: [1] }, undefined, /thresholds.*--by/],
    [
      'a contig that is not there',
      { chrom: 'chrQ' },
      undefined,
      /has no contig chrQ; it has 65 contigs: tiny0, tiny1/,
    ],
    [
      'bins that are none',
      { quantize: '1::2' },
      undefined,
      /quantize: found "1::2", expected depths with colons/,
    ],
    ['regions of another genome', {}, 'chr1\t1\t2\n', /BED: no region lies on a contig of .*found chr1/],
    ['regions that are none', {}, 'long\t5\n', /BED: line 1 of .*2 columns/],
  ])('%s: refused', async (name, options, regions, message) => {
    const by = regions && join(folder, `${name}.bed`);
    if (by) writeFileSync(by, regions);
    await expect(cover(path, options, by)).rejects.toThrow(message);
  });

  test('reads out of order are refused', async () => {
    const unsorted = join(folder, 'unsorted.bam');
    const at = reads.findIndex(({ contig, pos }, i) => contig === 60 && pos > reads[i - 1]!.pos);
    const swapped = reads.with(at, reads[at - 1]!).with(at - 1, reads[at]!);
    await writeBam(unsorted, contigs, swapped, reads);
    await expect(cover(unsorted)).rejects.toThrow(
      /of exact, expected them in order; sort it with samtools sort/,
    );
  });

  test.skipIf(!hasPeer).each<[string, Options, number]>([
    ['of contigs far from each other', {}, 2],
    ['of contigs other than the one asked for', { chrom: 'long' }, 0],
  ])('regions %s', async (name, options, ranges) => {
    const by = join(folder, `${name}.bed`);
    writeFileSync(by, far);
    const at = mkdtempSync(join(folder, 'peer-'));
    expect(mosdepth(path, { ...options, 'no-per-base': true }, by, at)).toBe(true);
    same(await cover(path, { ...options, 'no-per-base': true }, by), at, 'peer');
    // What lies between contigs is not read.
    const inputs = { reads: [await dataset(path)], by: [await dataset(by)] } as const;
    const params = resolve(coverage.params, { ...options, 'no-per-base': true });
    const { parts } = await coverage.partition(inputs, params, 1e12, localPlanning());
    expect(parts.map((part) => part.spans.length)).toEqual([ranges]);
  });

  test('labels and digits', async () => {
    const { files } = await cover(path, {
      chrom: 'empty',
      by: 40_000,
      quantize: '0:1:',
      'quantize-labels': 'NONE,SOME',
      precision: 5,
    });
    expect(textOf(files.get('.quantized.bed.gz')!, '.gz')).toBe('empty\t0\t40000\tNONE\n');
    expect(textOf(files.get('.regions.bed.gz')!, '.gz')).toBe('empty\t0\t40000\t0.00000\n');
    expect(textOf(files.get('.mosdepth.summary.txt')!, '')).toMatch(
      /^chrom\tlength\tbases\tmean\tmin\tmax\ntotal\t0\t0\t0.00000\t0\t0\n/,
    );
  });
});
