/** genomics/flagstat: byte for byte what samtools prints, whatever the parts. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { type FlagCounts, toJson, toText } from '../genomics/formats/flagstat.ts';
import { flagstat } from '../genomics/jobs/flagstat.ts';
import { type Counted, count, createTally, pack, sum, summarize } from '../genomics/kernels/flagstat.ts';
import {
  bgzfOf,
  data,
  datasetOf,
  has,
  headerOf,
  isIndexed,
  localPlanning,
  messageFrom,
  recordOf,
  run,
  runJob,
  sharedBams,
} from './alignments.ts';

const folder = mkdtempSync(join(tmpdir(), 'flagstat-'));
afterAll(() => rmSync(folder, { recursive: true }));

const inputs = async (path: string) => ({ reads: [await datasetOf(path)] });

/** Any FLAG, mapping quality and mate. */
const anyRecords = fc
  .array(
    fc.record({
      flag: fc.nat(0xfff),
      mapq: fc.constantFrom(0, 4, 5, 60, 255),
      nextRefId: fc.integer({ min: -1, max: 1 }),
    }),
    { maxLength: 60 },
  )
  .map((reads) => reads.map((read) => recordOf({ refId: 0, ...read })));

const countOf = (records: readonly Uint8Array[]): Counted => {
  const tally = createTally();
  for (const record of records) count(record, tally);
  return pack(tally);
};

describe('kernel', () => {
  test('a chunk counts as its records do, and sums of parts as the whole', () => {
    fc.assert(
      fc.property(anyRecords, fc.nat(), (records, cut) => {
        const whole = countOf([Buffer.concat(records)]);
        expect(countOf(records)).toEqual(whole);
        const at = cut % (records.length + 1);
        expect(sum([countOf(records.slice(0, at)), countOf(records.slice(at))])).toEqual(whole);
        expect(whole.reads.reduce((a, b) => a + b, 0)).toBe(records.length);
      }),
    );
  });

  test.skipIf(!has('samtools'))('any flags equal samtools', async () => {
    const path = join(folder, 'any.bam');
    const header = headerOf([
      ['one', 100],
      ['two', 100],
    ]);
    fc.assert(
      fc.property(anyRecords, (records) => {
        writeFileSync(path, bgzfOf(Buffer.concat([header, ...records])).file);
        const [passed, failed] = summarize(countOf(records));
        expect(toText(passed, failed)).toBe(run('samtools', 'flagstat', path));
        expect(toJson(passed, failed)).toBe(run('samtools', 'flagstat', '-O', 'json', path));
      }),
      { numRuns: 40 },
    );
  });

  test.skipIf(!has('samtools'))('per cent are rounded as samtools rounds them', () => {
    const path = join(folder, 'ties.bam');
    const total = 800;
    // As real numbers 5 / 800 is 0.625 %, a tie; as a float of 32 bits it is a little more.
    for (const mapped of [1, 3, 5, 7, 9, 11, 13, 333, 799]) {
      const records = Array.from({ length: total }, (_, i) => recordOf({ flag: i < mapped ? 0 : 4 }));
      writeFileSync(path, bgzfOf(Buffer.concat([headerOf([['one', 100]]), ...records]), [30_000]).file);
      const [passed, failed] = summarize(countOf(records));
      expect(toText(passed, failed)).toBe(run('samtools', 'flagstat', path));
    }
  });

  test('counts beyond 2^32 keep every digit', () => {
    const many: Counted = {
      flags: Uint16Array.of(0, 4),
      reads: Float64Array.of(2 ** 40 + 1, 1),
      mateElsewhere: new Float64Array(4),
    };
    const [passed, failed]: readonly FlagCounts[] = summarize(sum([many, many]));
    expect(passed!.total).toBe(2 ** 41 + 4);
    expect(toText(passed!, failed!)).toContain('2199023255556 + 0 in total');
  });
});

describe.skipIf(!data)('job', () => {
  const giab = join(data ?? '', 'giab-na12878-b37-chr20');
  const golden = (name: string): string => readFileSync(join(giab, 'golden', name), 'utf8');
  const bam = join(giab, 'NA12878_S1.chr20.10_10p1mb.bam');

  test('equals the golden files', async () => {
    const { text, promised } = await runJob<Counted>(flagstat, await inputs(bam));
    expect(text).toBe(golden('flagstat.txt'));
    expect(promised).toBe(52035);
    expect((await runJob(flagstat, await inputs(bam), { json: true })).text).toBe(golden('flagstat.json'));
  });

  test('is the same bytes for any split, each read counted once', async () => {
    const whole = await runJob<Counted>(flagstat, await inputs(bam), { split: 2 ** 40 });
    expect(whole.parts).toBe(1);
    const seen = new Set<number>();
    for (const split of [1, 100_000, 200_000, 500_000, 1_000_000, 2_000_000]) {
      const found = await runJob<Counted>(flagstat, await inputs(bam), { split });
      expect(Buffer.compare(found.encoded, whole.encoded)).toBe(0);
      expect(flagstat.records(found.result)).toBe(found.promised);
      seen.add(found.parts);
    }
    expect(Math.max(...seen)).toBeGreaterThan(6);
  });

  test.skipIf(!has('samtools'))(
    'equals samtools on every indexed file, whole and in the smallest parts',
    async () => {
      let files = 0;
      for (const path of sharedBams().map((name) => join(data!, name))) {
        if (!isIndexed(path)) continue;
        files++;
        const expected = run('samtools', 'flagstat', path);
        for (const split of [flagstat.split, 1]) {
          const { text, result, promised } = await runJob<Counted>(flagstat, await inputs(path), { split });
          expect(text).toBe(expected);
          expect([path, flagstat.records(result)]).toEqual([path, promised]);
        }
        const { text } = await runJob(flagstat, await inputs(path), { json: true });
        expect(text).toBe(run('samtools', 'flagstat', '-O', 'json', path));
      }
      expect(files).toBeGreaterThan(40);
    },
    60_000,
  );

  test('parts are neighbours from the first record to the end, of about equal bytes', async () => {
    const path = join(data!, 'semi-hg002-chr20/hg002-sim30x.chr20_1-3mb.bam');
    const reads = await datasetOf(path);
    const { parts } = await flagstat.partition({ reads: [reads] }, {}, 1 << 20, localPlanning());
    expect(parts.length).toBe(Math.round(reads.size / (1 << 20)));
    parts.slice(1).forEach(({ from }, i) => expect(from).toEqual(parts[i]!.to));
    expect(parts.at(-1)!.to).toEqual([reads.size, 0]);
    const sizes = parts.map((part) => flagstat.weight!(part));
    expect(Math.max(...sizes)).toBeLessThan(1.5 * Math.min(...sizes));
  });

  test('input that is not whole is refused', async () => {
    const cut = join(folder, 'cut.bam');
    const bytes = readFileSync(bam);
    writeFileSync(`${cut}.bai`, readFileSync(`${bam}.bai`));
    for (const length of [bytes.length - 1, bytes.length - 28, bytes.length - 29, bytes.length >> 1]) {
      writeFileSync(cut, bytes.subarray(0, length));
      expect(await messageFrom(inputs(cut).then((given) => runJob(flagstat, given)))).toBe(
        `BGZF: ${cut} (${length} bytes) has no BGZF end-of-file marker: it is truncated; copy or write it again`,
      );
    }
    // Cut in the middle, and a marker put behind: the index knows better.
    writeFileSync(cut, Buffer.concat([bytes.subarray(0, bytes.length >> 1), bytes.subarray(-28)]));
    expect(await messageFrom(inputs(cut).then((given) => runJob(flagstat, given)))).toMatch(
      /^BAM: offset \d+:\d+ of contig \S+ is past the end of the file/,
    );
    rmSync(`${cut}.bai`);
    writeFileSync(cut, bytes);
  });
});

test.skipIf(!data)('several files are one', async () => {
  const at = join(data ?? '', 'giab-na12878-b37-chr20/NA12878_S1.chr20.10_10p1mb');
  const halves = await Promise.all(
    ['first_half', 'second_half'].map((half) => datasetOf(`${at}.${half}.bam`)),
  );
  const both = await runJob(flagstat, { reads: halves }, { json: true });
  const one = await runJob(flagstat, { reads: [await datasetOf(`${at}.bam`)] }, { json: true });
  const total = (text: string): number => JSON.parse(text)['QC-passed reads'].total;
  const each = await Promise.all(
    halves.map(async (half) => total((await runJob(flagstat, { reads: [half] }, { json: true })).text)),
  );
  expect(total(both.text)).toBe(each[0]! + each[1]!);
  expect(total(both.text)).toBeGreaterThanOrEqual(total(one.text));
});
