/** BAM: whole records however the blocks are cut, and damage by its place. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { BamFile } from '@gmod/bam';
import fc from 'fast-check';
import { LocalFile } from 'generic-filehandle2';
import { describe, expect, test } from 'vitest';
import { memorySource } from './memorysource.ts';
import { readHeader, records } from '../genomics/formats/bam.ts';
import { checkEof, type Virtual } from '../genomics/formats/bgzf.ts';
import { field } from '../genomics/formats/record.ts';
import {
  bgzfOf,
  data,
  has,
  headerOf,
  isIndexed,
  messageFrom,
  recordOf,
  run,
  sharedBams,
  startsOf,
} from './alignments.ts';

const { signal } = new AbortController();
const contigs = [
  ['one', 1000],
  ['two', 2000],
] as const;

async function gather(file: Uint8Array, from?: Virtual, to?: Virtual): Promise<Buffer[]> {
  const source = memorySource(file);
  const header = await readHeader(source, 'x.bam');
  const out: Buffer[] = [];
  for await (const chunk of records(
    source,
    'x.bam',
    header.contigs.length,
    from ?? header.first,
    to,
    signal,
  )) {
    const starts = [...startsOf(chunk), chunk.length];
    starts.slice(1).forEach((end, i) => out.push(Buffer.from(chunk.subarray(starts[i], end))));
  }
  return out;
}

const reads = Array.from({ length: 12 }, (_, i) =>
  recordOf({ name: `read${i}`, pos: i * 10, refId: i > 7 ? 1 : 0, length: 5 + 3 * i }),
);
const header = headerOf(contigs);
const inflated = Buffer.concat([header, ...reads]);

describe('header', () => {
  test('is the same however its blocks are cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(inflated.length), { maxLength: 9 }), async (cuts) => {
        const { file, offsets } = bgzfOf(
          inflated,
          cuts.sort((a, b) => a - b),
        );
        const found = await readHeader(memorySource(file), 'x.bam');
        expect(found.text).toBe('@SQ\tSN:one\tLN:1000\n@SQ\tSN:two\tLN:2000\n');
        expect(found.contigs).toEqual(contigs.map(([name, length]) => ({ name, length })));
        expect(offsets).toContain(found.first[0]);
        expect((await gather(file)).map(String)).toEqual(reads.map(String));
      }),
    );
  });

  test('sizes that the file cannot hold take no memory', async () => {
    const change = async (at: number, value: number): Promise<string | undefined> => {
      const damaged = Buffer.from(inflated);
      damaged.writeInt32LE(value, at);
      return messageFrom(readHeader(memorySource(bgzfOf(damaged).file), 'x.bam'));
    };
    const count = 8 + inflated.readInt32LE(4);
    expect(await change(4, 2 ** 31 - 1)).toMatch(
      /^BAM: bad l_text 2147483647 in x.bam; the header is damaged/,
    );
    expect(await change(4, 400_000_000)).toMatch(
      /^BAM: header text of 400000000 bytes does not fit into the file/,
    );
    expect(await change(4, inflated.length)).toMatch(/^BAM: header text of \d+ bytes is cut short in x.bam/);
    expect(await change(4, -1)).toMatch(/^BAM: bad l_text -1 in x.bam/);
    expect(await change(count, 2 ** 31 - 1)).toMatch(/^BAM: bad n_ref 2147483647 in x.bam/);
    expect(await change(count, 500)).toMatch(/contig|l_name|NUL/);
    expect(await change(count + 4, 0)).toMatch(/^BAM: bad l_name 0 of contig 0 in x.bam/);
    expect(await change(count + 4, 2 ** 30)).toMatch(/^BAM: contig 0 of 2 does not fit into the file/);
    expect(await change(count + 4, 3)).toMatch(/^BAM: name of contig 0 does not end with NUL in x.bam/);
    expect(await change(count + 12, -5)).toMatch(/^BAM: bad length -5 of contig 0 in x.bam/);
  });

  test('what is no BAM is named', async () => {
    const refusal = async (bytes: Uint8Array): Promise<string | undefined> =>
      messageFrom(readHeader(memorySource(bytes), 'x.bam'));
    expect(await refusal(new Uint8Array(0))).toBe('BAM: x.bam is empty (0 bytes), expected a BAM file');
    expect(await refusal(Buffer.from('CRAM\x03\x00abcdef'))).toMatch(
      /^BAM: x.bam is CRAM, expected BAM; convert it/,
    );
    expect(await refusal(Buffer.from('@HD\tVN:1.6\tSO:coordinate\n'))).toMatch(
      /^BAM: x.bam is SAM text, expected BAM/,
    );
    expect(await refusal(gzipSync('@HD\tVN:1.6\n'))).toMatch(/^BAM: x.bam is plain gzip, expected BGZF/);
    expect(await refusal(inflated)).toMatch(/^BAM: x.bam is BAM without compression/);
    expect(await refusal(Buffer.from('PK\x03\x04zip'))).toMatch(
      /^BAM: bad magic 504b0304 in x.bam, expected 1f8b0804/,
    );
    expect(await refusal(bgzfOf(Buffer.from('##fileformat=VCFv4.3\n')).file)).toBe(
      'BAM: bad magic 23236669 in x.bam, expected 42414d01; give a BAM file (samtools view -b)',
    );
  });
});

describe('records', () => {
  test('any range between two record starts, however blocks are cut', async () => {
    const starts = [header.length];
    for (const read of reads) starts.push(starts.at(-1)! + read.length);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(inflated.length), { maxLength: 30 }),
        fc.nat(reads.length),
        fc.nat(reads.length),
        async (cuts, a, b) => {
          const edges = cuts.sort((x, y) => x - y);
          const { file, offsets } = bgzfOf(inflated, edges);
          const blocks = [0, ...edges];
          const place = (at: number): Virtual => {
            const i = blocks.findLastIndex((start) => start <= at);
            return [offsets[i]!, at - blocks[i]!];
          };
          const [from, to] = [Math.min(a, b), Math.max(a, b)];
          const found = await gather(file, place(starts[from]!), place(starts[to]!));
          expect(found.map(String)).toEqual(reads.slice(from, to).map(String));
        },
      ),
      { numRuns: 200 },
    );
  });

  test('longer than blocks, chunks and reads of the source', async () => {
    const long = [
      recordOf({ length: 4_000_000 }),
      recordOf({ pos: 5 }),
      recordOf({ pos: 9, length: 70_000 }),
    ];
    const bytes = Buffer.concat([header, ...long]);
    const cuts = Array.from({ length: Math.floor(bytes.length / 65000) }, (_, i) => (i + 1) * 65000);
    const found = await gather(bgzfOf(bytes, cuts, 0).file);
    expect(found.map((record, i) => record.equals(long[i]!))).toEqual([true, true, true]);
  });

  test('fields that do not fit name the record', async () => {
    const { file } = bgzfOf(inflated);
    const at = header.length + reads[0]!.length;
    const place = `0:${at}`;
    expect(await gather(file)).toHaveLength(12);
    const change = async (offset: number, value: number, size: 1 | 4 = 4): Promise<string | undefined> => {
      const damaged = Buffer.from(inflated);
      if (size === 1) damaged.writeUInt8(value, at + offset);
      else damaged.writeInt32LE(value, at + offset);
      return messageFrom(gather(bgzfOf(damaged).file));
    };
    const start = `BAM: record at ${place} of x.bam: `;
    const rest = "; the file is damaged or its index is another file's";
    const size = reads[1]!.readInt32LE(0);
    expect(await change(0, 40)).toBe(
      `${start}block_size is 40, less than the 54 bytes that its fields take${rest}`,
    );
    expect(await change(0, -1)).toBe(
      `${start}block_size is -1, less than the 54 bytes that its fields take${rest}`,
    );
    expect(await change(field.refId, 2)).toBe(`${start}refID is 2, expected -1 to 1${rest}`);
    expect(await change(field.refId, -2)).toBe(`${start}refID is -2, expected -1 to 1${rest}`);
    expect(await change(field.nextRefId, 7)).toBe(`${start}next_refID is 7, expected -1 to 1${rest}`);
    expect(await change(field.pos, -2)).toBe(`${start}pos is -2, expected at least -1${rest}`);
    expect(await change(field.seqLength, -1)).toBe(`${start}l_seq is -1, expected at least 0${rest}`);
    expect(await change(field.nameLength, 0, 1)).toBe(`${start}l_read_name is 0, expected at least 1${rest}`);
    expect(await change(field.nameLength, 5, 1)).toBe(`${start}its read name does not end with NUL${rest}`);
    // A record that is too long takes the next ones in, and the file ends before it does.
    expect(await change(0, size + 1_000_000)).toBe(
      `BAM: x.bam ends within the record at ${place}: it is truncated; copy or write it again`,
    );
  });

  test('a range must end where a record starts', async () => {
    const { file } = bgzfOf(inflated);
    const at = header.length + reads[0]!.length;
    expect(await messageFrom(gather(file, undefined, [0, at + 3]))).toBe(
      `BAM: record at 0:${at} of x.bam reaches over 0:${at + 3}, where another one should start; if it has an index, index it again with samtools index`,
    );
    expect(await messageFrom(gather(file, [0, header.length + 5]))).toMatch(/^BAM: record at 0:\d+ of x.bam/);
  });

  test('a file cut near any block edge is refused', async () => {
    const cuts = Array.from({ length: 9 }, (_, i) => header.length + i * 61);
    const { file, offsets } = bgzfOf(inflated, cuts);
    for (const edge of [...offsets, file.length]) {
      for (const length of [edge - 1, edge, edge + 1]) {
        if (length < 1 || length >= file.length) continue;
        const cut = file.subarray(0, length);
        expect(await messageFrom(checkEof(memorySource(cut), 'x.bam'))).toMatch(
          /has no BGZF end-of-file marker/,
        );
        // The blocks that are left are whole, only the marker is gone.
        if (length === file.length - 28) continue;
        // Whoever does not ask for the marker still gets no silent loss, unless the cut is between two records and blocks.
        const found = await gather(cut).catch((error: Error) => error.message);
        if (typeof found !== 'string') expect(offsets).toContain(length);
        else expect(found).toMatch(/truncated|cut short|bad magic 1f in/);
      }
    }
  });
});

describe.skipIf(!data)('shared files', () => {
  const bams = sharedBams();
  test.skipIf(!has('samtools'))(
    'hold as many records as samtools finds, with the contigs that @gmod/bam finds',
    async () => {
      expect(bams.length).toBeGreaterThan(50);
      for (const bam of bams) {
        const path = join(data!, bam);
        const file = readFileSync(path);
        const source = memorySource(file);
        await checkEof(source, bam);
        const found = await readHeader(source, bam);
        let count = 0;
        for await (const chunk of records(source, bam, found.contigs.length, found.first, undefined, signal))
          count += startsOf(chunk).length;
        expect([bam, count]).toEqual([bam, Number(run('samtools', 'view', '-c', path))]);
        if (!isIndexed(path)) continue;
        const index = existsSync(`${path}.bai`) ? { baiPath: `${path}.bai` } : { csiPath: `${path}.csi` };
        const oracle = new BamFile({ bamFilehandle: new LocalFile(path), ...index });
        await oracle.getHeader();
        expect(found.contigs).toEqual(
          (oracle.indexToChr ?? []).map(({ refName, length }) => ({ name: refName, length })),
        );
      }
    },
    60_000,
  );
});
