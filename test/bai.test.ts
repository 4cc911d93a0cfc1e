/** BAI and CSI: counts as samtools has them, and windows that bound the records from below. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { Planning } from '../core/job.ts';
import { memorySource } from './memorysource.ts';
import { readIndex } from '../genomics/formats/bai.ts';
import type { Index } from '../genomics/formats/indexbody.ts';
import { type Header, readHeader, records } from '../genomics/formats/bam.ts';
import { chunks, inflate, type Virtual } from '../genomics/formats/bgzf.ts';
import {
  bgzfOf,
  data,
  datasetOf,
  has,
  isIndexed,
  later,
  localPlanning,
  messageFrom,
  placedOf,
  run,
  sharedBams,
  startsOf,
} from './alignments.ts';

const folder = mkdtempSync(join(tmpdir(), 'bai-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function open(path: string, planning = localPlanning()): Promise<{ header: Header; index: Index }> {
  const header = await readHeader(memorySource(readFileSync(path)), path);
  return { header, index: await readIndex(planning, await datasetOf(path), header) };
}

/** As `samtools idxstats` prints them. */
function statsOf({ contigs }: Header, index: Index): string {
  const rows = contigs.map(({ name, length }, i) => {
    const { mapped, unmapped } = index.contigs[i]!;
    return `${name}\t${length}\t${mapped}\t${unmapped}\n`;
  });
  return `${rows.join('')}*\t0\t0\t${index.unplaced}\n`;
}

type Found = {
  readonly at: Virtual;
  readonly refId: number;
  readonly pos: number;
  readonly end: number;
  readonly isMapped: boolean;
};

/** All placed records with their virtual offsets, from a walk of its own. */
async function walk(path: string, header: Header): Promise<Found[]> {
  const found: Found[] = [];
  const pieces = chunks(memorySource(readFileSync(path)), path, header.first, undefined);
  const { signal } = new AbortController();
  let left = 0;
  for (;;) {
    const { value, done } = await pieces.next(left);
    if (done) break;
    const view = new DataView(value.bytes.buffer, value.bytes.byteOffset, value.bytes.length);
    let at = 0;
    while (at + 4 <= view.byteLength && at + 4 + view.getInt32(at, true) <= view.byteLength) {
      const place = placedOf(value.bytes, at);
      if (place.refId >= 0) found.push({ at: value.place(at), ...place });
      at += 4 + view.getInt32(at, true);
    }
    left = view.byteLength - at;
  }
  let count = 0;
  const all = records(
    memorySource(readFileSync(path)),
    path,
    header.contigs.length,
    header.first,
    undefined,
    signal,
  );
  for await (const chunk of all)
    for (const at of startsOf(chunk)) {
      if (placedOf(chunk, at).refId >= 0) count++;
    }
  expect(found.length).toBe(count);
  return found;
}

/**
 * Each `next` is where a record starts that starts in the window or behind it, hence not before the first such; gives how many there are, and how many
 * are in the very block of the first one.
 */
function checkNext(found: readonly Found[], { contigs, window }: Index): { near: number; next: number } {
  let [near, count] = [0, 0];
  contigs.forEach(({ next }, contig) => {
    const placed = found.filter(({ refId }) => refId === contig);
    const blocks = new Set(placed.map(({ at }) => at[0]));
    let i = 0;
    next.forEach((block, w) => {
      while (placed[i]!.pos < w * window) i++;
      expect(blocks.has(block)).toBe(true);
      expect(block).toBeGreaterThanOrEqual(placed[i]!.at[0]);
      count++;
      if (block === placed[i]!.at[0]) near++;
    });
  });
  return { near, next: count };
}

/** Checks every window; gives how many windows have exactly the first record that overlaps them. */
async function checkWindows(
  path: string,
  header: Header,
  index: Index,
): Promise<{ exact: number; hit: number; near: number; next: number }> {
  const firsts = header.contigs.map(() => new Map<number, Virtual>());
  let outside = 0;
  const found = await walk(path, header);
  for (const { at, refId, pos, end, isMapped } of found) {
    if (!isMapped) continue;
    for (let w = Math.floor(pos / index.window); w * index.window < end; w++) {
      if (!firsts[refId]!.has(w)) firsts[refId]!.set(w, at);
    }
    const { start, end: last } = index.contigs[refId]!;
    if (later(start!, at) || !later(last!, at)) outside++;
  }
  expect(outside).toBe(0);
  let [exact, hit] = [0, 0];
  index.contigs.forEach(({ block, within, start }, i) => {
    expect(block.length > 0).toBe(start !== undefined);
    for (let w = 1; w < block.length; w++)
      expect(later([block[w - 1]!, within[w - 1]!], [block[w]!, within[w]!])).toBe(false);
    for (const [w, first] of firsts[i]!) {
      const known = Math.min(w, block.length - 1);
      const entry: Virtual = [block[known]!, within[known]!];
      expect(later(entry, first), `contig ${i} window ${w}: ${entry} after ${first}`).toBe(false);
      hit++;
      if (!later(first, entry)) exact++;
    }
  });
  return { exact, hit, ...checkNext(found, index) };
}

describe.skipIf(!data)('shared files', () => {
  const bams = sharedBams()
    .map((bam) => join(data!, bam))
    // Its index is of another compression of the same records.
    .filter((path) => isIndexed(path) && !path.includes('11_target'));

  test.skipIf(!has('samtools'))('counts equal samtools idxstats, BAI and CSI', async () => {
    let csi = 0;
    for (const path of bams) {
      const stats = run('samtools', 'idxstats', path);
      for (const hide of [[], ['.bai']]) {
        const planning = localPlanning({ hide });
        if (hide.length > 0 && !(await planning.find(`${path}.csi`))) continue;
        const { header, index } = await open(path, planning);
        if (index.uri.endsWith('.csi')) csi++;
        expect(statsOf(header, index).replace(/^\n/, '')).toBe(stats);
      }
    }
    expect(csi).toBeGreaterThan(15);
  });

  test('every window begins at or before the first record that overlaps it', async () => {
    const none = { exact: 0, hit: 0, near: 0, next: 0 };
    const total = { bai: { ...none }, csi: { ...none } };
    for (const path of bams) {
      for (const kind of ['bai', 'csi'] as const) {
        const planning = localPlanning({ hide: [kind === 'bai' ? '.csi' : '.bai'] });
        const wanted = kind === 'bai' ? [`${path}.bai`, path.replace(/bam$/, 'bai')] : [`${path}.csi`];
        if (!(await Promise.all(wanted.map((name) => planning.find(name)))).some(Boolean)) continue;
        const { header, index } = await open(path, planning);
        const found = await checkWindows(path, header, index);
        for (const what of ['exact', 'hit', 'near', 'next'] as const) total[kind][what] += found[what];
      }
    }
    // The bounds are not just true but tight: BAI has all, CSI those of windows with a bin of their own.
    expect(total.bai.hit).toBeGreaterThan(300);
    expect(total.bai.exact).toBe(total.bai.hit);
    expect(total.csi.exact / total.csi.hit).toBeGreaterThan(0.5);
    for (const { near, next } of Object.values(total)) expect(near / next).toBeGreaterThan(0.99);
  }, 60_000);

  test.skipIf(!has('samtools'))('a linear index with leading zeros, and none at all', async () => {
    const path = join(data!, 'edge/bam-js/pha/Pm_st24_CTL1_subset.bam');
    const variant = (name: string): Planning =>
      localPlanning({ instead: { [`${path}.bai`]: path.replace('.bam', `.${name}.bam.bai`) } });
    const plain = await open(path);
    for (const name of ['leading_zeros', 'no_linear_index']) {
      const { header, index } = await open(path, variant(name));
      await checkWindows(path, header, index);
      expect(statsOf(header, index)).toBe(run('samtools', 'idxstats', path));
      expect(index.contigs.map(({ start, end }) => [start, end])).toEqual(
        plain.index.contigs.map(({ start, end }) => [start, end]),
      );
      for (const { block, start } of index.contigs)
        for (const at of block) expect(at).toBeGreaterThanOrEqual(start![0]);
    }
  });

  test('28,751 contigs', async () => {
    const { index } = await open(join(data!, 'edge/bam-js/cho.bam'));
    expect(index.contigs.length).toBe(28_751);
    expect(index.contigs.filter(({ start }) => start).length).toBeGreaterThan(0);
    expect(index.contigs.every(({ start, block }) => (start === undefined) === (block.length === 0))).toBe(
      true,
    );
  });

  test('a contig of more than 512 Mb (CSI of 6 levels)', async () => {
    const { header, index } = await open(join(data!, 'edge/mosdepth-tests/big.bam'));
    expect(header.contigs[0]!.length).toBeGreaterThan(2 ** 29);
    expect(index.window).toBe(16384);
    expect(index.contigs[0]!.mapped).toBe(1);
  });
});

describe.skipIf(!data)('damage', () => {
  const bam = data ? join(data, 'edge/bam-js/Btag.bam') : '';
  const read = async (kind: 'bai' | 'csi', bytes: Uint8Array): Promise<string | undefined> => {
    const path = join(folder, `x.${kind}`);
    writeFileSync(path, bytes);
    const hide = kind === 'csi' ? ['.bai'] : [];
    return messageFrom(open(bam, localPlanning({ hide, instead: { [`${bam}.${kind}`]: path } })));
  };
  const bai = data ? readFileSync(`${bam}.bai`) : Buffer.alloc(0);

  test('a BAI that is cut anywhere is refused', async () => {
    expect(await read('bai', bai)).toBeUndefined();
    for (let length = 0; length < bai.length; length++) {
      const message = await read('bai', bai.subarray(0, length));
      // The last field, the number of unplaced records, is optional.
      if (length === bai.length - 8) expect(message).toBeUndefined();
      else
        expect(message, `${length} of ${bai.length}`).toMatch(
          /^BAI: .* in .*x\.bai.*index it again with samtools index$/,
        );
    }
  });

  test('a CSI that is cut anywhere in its fields is refused', async () => {
    const inner: Buffer[] = [];
    for await (const piece of inflate(memorySource(readFileSync(`${bam}.csi`)), 'csi', [0, 0]))
      inner.push(Buffer.from(piece));
    const bytes = Buffer.concat(inner);
    expect(await read('csi', bgzfOf(bytes).file)).toBeUndefined();
    for (let length = 0; length < bytes.length; length++) {
      const message = await read('csi', bgzfOf(bytes.subarray(0, length)).file);
      if (length === bytes.length - 8) expect(message).toBeUndefined();
      else
        expect(message, `${length} of ${bytes.length}`).toMatch(
          /^CSI: .*x\.csi.*index it again with samtools index$/,
        );
    }
    const hostile = Buffer.from(bytes);
    hostile.writeInt32LE(11, 8);
    expect(await read('csi', bgzfOf(hostile).file)).toMatch(
      /^CSI: found min_shift 14 and depth 11, expected/,
    );
  });

  test('other files are named', async () => {
    const change = async (at: number, value: number): Promise<string | undefined> => {
      const damaged = Buffer.from(bai);
      damaged.writeInt32LE(value, at);
      return read('bai', damaged);
    };
    expect(await change(0, 0x00494142)).toMatch(
      /^BAI: bad magic 42414900 in .*x.bai, expected 42414901 \(BAI\) or BGZF \(CSI\); index it again with samtools index$/,
    );
    expect(await change(4, 2)).toMatch(
      /^BAI: found 2 contigs, expected the 1 of the BAM, in .*x.bai; index it again/,
    );
    expect(await change(4, 2 ** 31 - 1)).toMatch(/^BAI: found n_ref = 2147483647, expected 0 to \d+ in/);
    expect(await change(8, -1)).toMatch(/^BAI: found n_bin of contig 0 = -1, expected 0 to \d+ in/);
    expect(await read('bai', bgzfOf(Buffer.from('TBI\x01')).file)).toMatch(/^CSI: bad magic 54424901 in/);
    expect(await read('bai', new Uint8Array(0))).toMatch(/^BAI: bad magic \(empty file\) in/);
    expect(await messageFrom(open(bam, localPlanning({ hide: ['.bai', '.csi'] })))).toBe(
      `BAM: ${bam} has no index, expected it as Btag.bam.bai, Btag.bai, Btag.bam.csi, Btag.csi; make one with samtools index`,
    );
  });

  test('an index of a larger file is refused', async () => {
    const message = await messageFrom(
      open(
        join(data!, 'giab-na12878-b37-chr20/NA12878_S1.chr20.10_10p1mb.first_half.bam'),
        localPlanning({
          instead: {
            [join(data!, 'giab-na12878-b37-chr20/NA12878_S1.chr20.10_10p1mb.first_half.bam.bai')]: join(
              data!,
              'giab-na12878-b37-chr20/NA12878_S1.chr20.10_10p1mb.bam.bai',
            ),
          },
        }),
      ),
    );
    expect(message).toMatch(
      /^BAM: offset \d+:\d+ of contig \S+ is past the end of the file \(\d+ bytes\): .* is not the index of/,
    );
  });
});

describe('an index that does not reach all placed records', () => {
  const path = join(folder, 'grown.bam');
  const record = (refId: number, pos: number): Buffer => {
    const bytes = Buffer.alloc(38);
    [34, refId, pos].forEach((value, i) => bytes.writeInt32LE(value, 4 * i));
    bytes.writeUInt8(2, 12);
    bytes.writeInt32LE(-1, 24);
    bytes.write('r', 36);
    return bytes;
  };
  const head = Buffer.alloc(8 + 4 + 4 + 2 + 4);
  head.write('BAM\x01');
  [0, 1, 2].forEach((value, i) => head.writeInt32LE(value, 4 + 4 * i));
  head.write('c', 16);
  head.writeInt32LE(1000, 18);
  /** Of records from one place of the only block to another. */
  const baiOf = (ends: readonly [number, number] | undefined): Buffer => {
    const fields = ends ? [1, 1, 4681, 1, ends[0], 0, ends[1], 0, 1, ends[0], 0] : [1, 0, 0];
    const bytes = Buffer.alloc(4 + 4 * fields.length);
    bytes.write('BAI\x01');
    fields.forEach((value, i) => bytes.writeInt32LE(value, 4 + 4 * i));
    return bytes;
  };
  const verdict = async (
    all: readonly Buffer[],
    ends: readonly [number, number] | undefined,
  ): Promise<string | undefined> => {
    writeFileSync(path, bgzfOf(Buffer.concat([head, ...all])).file);
    writeFileSync(`${path}.bai`, baiOf(ends));
    return messageFrom(open(path));
  };
  test('is refused; unplaced ones lie behind', async () => {
    const [first, second, unplaced] = [record(0, 5), record(0, 7), record(-1, -1)];
    const size = 22;
    expect(await verdict([first, second], [size, size + 76])).toBeUndefined();
    expect(await verdict([first, second, unplaced], [size, size + 76])).toBeUndefined();
    expect(await verdict([unplaced], undefined)).toBeUndefined();
    expect(await verdict([], undefined)).toBeUndefined();
    for (const ends of [undefined, [size + 38, size + 76]] as const)
      expect(await verdict([first, second], ends)).toMatch(
        /^BAM: records lie before those in .*grown.bam.bai, expected none: it is not the index of .*; index it again/,
      );
    expect(await verdict([first, second], [size, size + 38])).toMatch(
      /^BAM: placed records lie behind those in /,
    );
  });
});
