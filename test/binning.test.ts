/** Indexes that are built here find what samtools' and tabix' own find. */
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { memorySource } from './memorysource.ts';
import { readIndex } from '../genomics/formats/bai.ts';
import { readHeader } from '../genomics/formats/bam.ts';
import { chunks, type Virtual } from '../genomics/formats/bgzf.ts';
import { bgzip } from '../genomics/formats/bgzip.ts';
import { firstBin, firstWindow, parentOf, reg2bin } from '../genomics/formats/bin.ts';
import { createIndex, type IndexBuilder } from '../genomics/formats/binning.ts';
import { data, datasetOf, has, localPlanning, placedOf, run } from './alignments.ts';

const folder = mkdtempSync(join(tmpdir(), 'binning-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('bins', () => {
  test('are those of the SAM spec', () => {
    expect([0, 1, 2, 3, 4, 5, 6].map(firstBin)).toEqual([0, 1, 9, 73, 585, 4681, 37449]);
    expect(reg2bin(-1, 0)).toBe(4680);
    expect([reg2bin(0, 1), reg2bin(16383, 16385), reg2bin(2 ** 26 - 1, 2 ** 26 + 1)]).toEqual([4681, 585, 0]);
    expect(reg2bin(2 ** 30, 2 ** 30 + 1, 14, 6)).toBe(firstBin(6) + 2 ** 16);
  });

  test('hold their interval, and no child does', () => {
    const shape = fc.record({
      minShift: fc.integer({ min: 4, max: 20 }),
      depth: fc.integer({ min: 0, max: 6 }),
    });
    fc.assert(
      fc.property(
        shape,
        fc.double({ min: 0, max: 1, noNaN: true }),
        fc.nat(),
        ({ minShift, depth }, a, length) => {
          const reach = 2 ** (minShift + 3 * depth);
          const beg = Math.min(reach - 1, Math.floor(a * reach));
          const end = Math.min(reach, beg + 1 + (length % reach));
          const bin = reg2bin(beg, end, minShift, depth);
          let level = 0;
          while (firstBin(level + 1) <= bin) level++;
          const size = 2 ** (minShift + 3 * (depth - level));
          const start = firstWindow(bin, depth) * 2 ** minShift;
          expect(start <= beg && end <= start + size).toBe(true);
          if (level < depth)
            expect(Math.floor(beg / (size / 8))).not.toBe(Math.floor((end - 1) / (size / 8)));
          if (bin > 0) expect(firstWindow(parentOf(bin), depth) * 2 ** minShift <= start).toBe(true);
        },
      ),
      { numRuns: 500 },
    );
  });
});

/** Indexes a BAM with the builder; counts unplaced records. */
async function indexBam(
  path: string,
  shape: { minShift?: number; depth?: number } = {},
): Promise<{ index: IndexBuilder; contigs: number; unplaced: number }> {
  const source = memorySource(readFileSync(path));
  const header = await readHeader(source, path);
  const index = createIndex(shape);
  let unplaced = 0;
  let left = 0;
  const pieces = chunks(source, path, header.first, undefined);
  for (;;) {
    const { value, done } = await pieces.next(left);
    if (done) break;
    const view = new DataView(value.bytes.buffer, value.bytes.byteOffset, value.bytes.length);
    let at = 0;
    while (at + 4 <= view.byteLength && at + 4 + view.getInt32(at, true) <= view.byteLength) {
      const next = at + 4 + view.getInt32(at, true);
      const { refId, pos, end, isMapped } = placedOf(value.bytes, at);
      if (refId >= 0) index.add(refId, pos, end, value.place(at), value.place(next), isMapped);
      else unplaced++;
      at = next;
    }
    left = view.byteLength - at;
  }
  return { index, contigs: header.contigs.length, unplaced };
}

describe.skipIf(!data || !has('samtools'))('BAM', () => {
  const original = join(data ?? '', 'semi-hg002-chr20/hg002-sim30x.chr20_1-3mb.bam');
  const copy = join(folder, 'x.bam');
  const variants = {
    bai: {
      shape: {},
      write: ({ index, contigs, unplaced }: Awaited<ReturnType<typeof indexBam>>) =>
        index.toBai(contigs, unplaced),
    },
    csi: {
      shape: { minShift: 12, depth: 6 },
      write: ({ index, contigs, unplaced }: Awaited<ReturnType<typeof indexBam>>) =>
        index.toBamCsi(contigs, unplaced),
    },
  };

  for (const [kind, { shape, write }] of Object.entries(variants)) {
    test(`a ${kind} finds the reads of any region`, async () => {
      copyFileSync(original, copy);
      const bytes = write(await indexBam(copy, shape));
      const path = `${copy}.${kind}`;
      writeFileSync(path, bytes);
      expect(run('samtools', 'idxstats', copy)).toBe(run('samtools', 'idxstats', original));
      const contig = run('samtools', 'idxstats', original)
        .split('\n')
        .find((row) => Number(row.split('\t')[2]) > 0)!
        .split('\t')[0]!;
      const reads = run('samtools', 'view', original)
        .trimEnd()
        .split('\n')
        .map((row) => Number(row.split('\t')[3]));
      const [low, high] = [reads[0]!, reads.at(-1)!];
      let some = 0;
      for (let i = 0; i < 12; i++) {
        const start = Math.floor(low + ((high - low) * i) / 12) - 50;
        const region = `${contig}:${start}-${start + [0, 1, 300, 20_000, 500_000][i % 5]!}`;
        const found = run('samtools', 'view', '-c', copy, region);
        expect([region, found]).toEqual([region, run('samtools', 'view', '-c', original, region)]);
        some += Number(found);
      }
      expect(some).toBeGreaterThan(1000);
      // Its own reader takes it, too.
      const header = await readHeader(memorySource(readFileSync(copy)), copy);
      const index = await readIndex(localPlanning(), await datasetOf(copy), header);
      expect(index.uri).toBe(path);
      expect(index.contigs.some(({ mapped }) => mapped! > 300_000)).toBe(true);
      rmSync(path);
    }, 30_000);
  }

  test('reads of every kind: unmapped with and without a place, long ones, empty contigs', async () => {
    const names = [
      'edge/bam-js/ecoli_nanopore.bam',
      'edge/mosdepth-tests/empty-tids.bam',
      'edge/igvjs/bam/long_cigar/cigar-64k.bam',
      'giab-na12878-b37-chr20/NA12878_S1.chr20.10_10p1mb.bam',
    ];
    for (const name of names) {
      copyFileSync(join(data!, name), copy);
      const { index, contigs, unplaced } = await indexBam(copy);
      writeFileSync(`${copy}.bai`, index.toBai(contigs, unplaced));
      expect(run('samtools', 'idxstats', copy)).toBe(run('samtools', 'idxstats', join(data!, name)));
      rmSync(`${copy}.bai`);
    }
  });
});

describe.skipIf(!has('tabix'))('BED', () => {
  test('CSI and TBI find the rows of any region', async () => {
    const out: Uint8Array[] = [];
    const writer = bgzip({ write: async (bytes) => void out.push(bytes) });
    const names = ['chr1', 'chr2', 'chrX'];
    const index = createIndex();
    const rows: (readonly [name: string, beg: number, end: number])[] = [];
    names.forEach((name, contig) => {
      for (let i = 0, beg = 0; i < 4000; i++) {
        const end = beg + 1 + ((i * 7919) % 3000) + (i % 500 === 0 ? 200_000 : 0);
        const from = writer.tell();
        void writer.write(Buffer.from(`${name}\t${beg}\t${end}\t${i}\n`));
        index.add(contig, beg, end, from, writer.tell(), true);
        rows.push([name, beg, end]);
        beg += 1 + ((i * 104729) % 2000);
      }
    });
    await writer.finish();
    const path = join(folder, 'x.bed.gz');
    writeFileSync(path, Buffer.concat(out));
    for (const [ending, bytes] of [
      ['csi', index.toCsi(names)],
      ['tbi', index.toTbi(names)],
    ] as const) {
      writeFileSync(`${path}.${ending}`, bytes);
      expect(run('tabix', '-l', path)).toBe(`${names.join('\n')}\n`);
      for (const [name, beg, end] of [
        ['chr1', 0, 1],
        ['chr1', 16383, 16385],
        ['chr2', 1_000_000, 1_000_500],
        ['chr2', 3_900_000, 9_000_000],
        ['chrX', 0, 100_000_000],
        ['chrX', 50_000_000, 60_000_000],
      ] as const) {
        const expected = rows.filter((row) => row[0] === name && row[1] < end && row[2] > beg).length;
        const found = run('tabix', path, `${name}:${beg + 1}-${end}`).split('\n').length - 1;
        expect([ending, name, beg, found]).toEqual([ending, name, beg, expected]);
      }
      rmSync(`${path}.${ending}`);
    }
  });
});

describe('builder', () => {
  const at = (block: number, within = 0): Virtual => [block, within];

  test('refuses what is not in order, and what its bins do not reach', () => {
    const index = createIndex();
    index.add(1, 100, 200, at(0), at(0, 9), true);
    expect(() => index.add(0, 100, 200, at(0, 9), at(0, 18), true)).toThrow(
      /contig 0, base 100 after contig 1/,
    );
    expect(() => index.add(1, 99, 200, at(0, 9), at(0, 18), true)).toThrow(
      /base 99 after contig 1, base 100/,
    );
    expect(() => index.add(1, 2 ** 29 - 1, 2 ** 29 + 1, at(0, 9), at(0, 18), true)).toThrow(
      /past the 536870912 bases/,
    );
    expect(() => index.toBai(1, 0)).toThrow(/BAI of 1 contigs, found records of contig 1/);
    expect(() => createIndex({ minShift: 14, depth: 6 }).toBai(1, 0)).toThrow(/BAI has bins of 14 and 5/);
  });

  test('offsets beyond 2^48 of a file and chunks that merge', () => {
    const index = createIndex();
    const far = 2 ** 44 + 5;
    index.add(0, 0, 10, at(far), at(far, 50), true);
    index.add(0, 5, 10, at(far, 50), at(far, 90), true);
    index.add(0, 9, 10, at(far, 120), at(far + 100, 0), true);
    index.add(0, 9, 10, at(far + 300), at(far + 300, 7), false);
    const view = new DataView(Uint8Array.from(index.toBai(1, 3)).buffer);
    const u64 = (offset: number): bigint => view.getBigUint64(offset, true);
    // One bin of two chunks, the pseudo-bin, one window, the unplaced.
    expect([view.getInt32(8, true), view.getUint32(12, true), view.getInt32(16, true)]).toEqual([2, 4681, 2]);
    const far64 = BigInt(far) << 16n;
    expect([20, 28, 36, 44].map(u64)).toEqual([
      far64,
      BigInt(far + 100) << 16n,
      BigInt(far + 300) << 16n,
      (BigInt(far + 300) << 16n) + 7n,
    ]);
    expect(view.getUint32(52, true)).toBe(37450);
    expect([76, 84].map(u64)).toEqual([3n, 1n]);
    expect([view.getInt32(92, true), u64(96), u64(104), view.byteLength]).toEqual([1, far64, 3n, 112]);
  });
});
