/** SAM text: read as samtools reads it, refused line by line where the specification does. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readHeader, records } from '../genomics/formats/bam.ts';

import { fileSource } from '../core/sources/file.ts';
import { readSamHeader, samRecords } from '../genomics/formats/sam.ts';
import { flagstat } from '../genomics/jobs/flagstat.ts';
import { qc } from '../genomics/jobs/qc.ts';
import { bgzfOf, data, has, messageFrom } from './alignments.ts';
import { bare, samtools } from './peer.ts';
import { randomSam } from './sam.ts';
import { isLong } from './shared.ts';
import { dataset, runJob } from './stage.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-sam-'));
afterAll(() => rmSync(folder, { recursive: true }));
const { signal } = new AbortController();

const textOf = (files: Map<string, Uint8Array>, suffix: string): string =>
  Buffer.from(files.get(suffix)!).toString('latin1');
const peer = (...args: readonly string[]): string | undefined => samtools(args, 3000);

const list = (folderName: string): string[] =>
  data
    ? readdirSync(join(data, 'edge/hts-specs/sam', folderName)).map((name) =>
        join('edge/hts-specs/sam', folderName, name),
      )
    : [];

/** Of files under failed/, those that are read, and why. */
const lenient: { readonly [name: string]: string } = {
  'hdr.HD3.sam': 'GO:none is a value that the specification lists',
  'hdr.RG2.sam': 'DT only describes',
  'hdr.RG3.sam': 'DT only describes',
  'hdr.RG4.sam': 'PI only describes',
  'hdr.RG5.sam': 'PL only describes; many files have it in lower case',
  'hdr.SQ4.sam': 'AH only describes',
  'hdr.SQ10.sam': 'M5 only describes',
  'hdr.SQ11.sam': 'M5 only describes',
  'hdr.SQ12.sam': 'M5 only describes',
  'hdr.SQ13.sam': 'TP only describes',
};

describe.skipIf(!data)('hts-specs', () => {
  test.each(list('failed'))('%s is refused', async (path) => {
    const reads = [await dataset(join(data!, path))];
    const message = await messageFrom(runJob(flagstat, { reads }));
    const name = path.slice(path.lastIndexOf('/') + 1);
    if (name in lenient) expect([name, message]).toEqual([name, undefined]);
    else
      expect([name, message]).toEqual([
        name,
        expect.stringMatching(/^SAM: line .*found .*expected .*|^SAM: line .* is .*expected /),
      ]);
    if (message) expect(message).not.toContain('\n');
  });
  test.skipIf(!has('samtools')).each(list('passed'))('%s', async (path) => {
    await compare(path);
  });
});

/** Compares what samtools reads; gives whether it does. */
async function compare(path: string): Promise<boolean> {
  const file = join(data!, path);
  const reads = [await dataset(file)];
  const expected = peer('flagstat', file);
  if (expected === undefined) return false;
  const stats = peer('stats', file);
  for (const split of [1e9, Math.max(300, reads[0]!.size / 40)]) {
    expect([path, textOf((await runJob(flagstat, { reads }, {}, { split })).files, '')]).toEqual([
      path,
      expected,
    ]);
    if (stats === undefined || split < 1e9) continue;
    const found = await runJob(qc, { reads }, { reports: 'flagstat,stats' }, { split });
    expect([path, bare(textOf(found.files, '.stats'))]).toEqual([path, bare(stats)]);
  }
  return true;
}

describe.skipIf(!data || !has('samtools'))('other files', () => {
  const all = data
    ? (readdirSync(join(data, 'edge'), { recursive: true }) as string[]).filter(
        (name) => /\.sam(\.gz)?$/.test(name) && !name.startsWith('hts-specs/sam'),
      )
    : [];
  // Every tenth of some hundred small ones, unless there is time.
  const some = all.filter((_, i) => isLong || i % 10 === 0);
  let compared = 0;
  const refused: string[] = [];
  afterAll(() =>
    console.log(`sam: ${compared} of ${some.length} files compared; refused: ${refused.join(', ')}`),
  );
  test.each(some)('%s', async (name) => {
    try {
      if (await compare(join('edge', name))) compared++;
    } catch (error) {
      const { message } = error as Error;
      if (!message.startsWith('SAM: ') && !message.startsWith('BGZF: ')) throw error;
      refused.push(`${name}: ${message}`);
    }
  });
  test('most were compared', () => {
    expect(compared).toBeGreaterThan(0.8 * some.length);
  });
});

test.skipIf(!has('samtools'))('records are those that samtools makes, in any split', async () => {
  const text = randomSam(11);
  const [sam, gz, bam] = ['x.sam', 'x.sam.gz', 'x.bam'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeFileSync(sam, text);
  const cuts = Array.from({ length: 300 }, (_, i) => Math.floor((i * text.length) / 300));
  writeFileSync(gz, bgzfOf(Buffer.from(text), cuts).file);
  execFileSync('samtools', ['view', '--no-PG', '-b', '-o', bam, sam]);
  const source = await fileSource(bam);
  const header = await readHeader(source, bam);
  const wanted: Uint8Array[] = [];
  for await (const bytes of records(source, bam, header.contigs.length, header.first, undefined, signal))
    wanted.push(bytes.slice());
  const expected = fieldsOf(Buffer.concat(wanted));
  for (const [path, isBlocked] of [
    [sam, false],
    [gz, true],
  ] as const) {
    const { contigs } = await readSamHeader(await fileSource(path), path, isBlocked);
    expect(contigs).toEqual(header.contigs);
    const found: Uint8Array[] = [];
    for await (const bytes of samRecords(
      await fileSource(path),
      path,
      contigs,
      { from: 0, to: readFileSync(path).length },
      isBlocked,
      signal,
    ))
      found.push(bytes.slice());
    expect(fieldsOf(Buffer.concat(found))).toEqual(expected);
  }
  const flags = peer('flagstat', sam);
  const stats = bare(peer('stats', sam)!);
  for (const path of [sam, gz])
    for (const split of [1e9, 20_000]) {
      const reads = [await dataset(path)];
      expect(textOf((await runJob(flagstat, { reads }, {}, { split })).files, '')).toBe(flags);
      const whole = await runJob(qc, { reads }, {}, { split });
      expect(bare(textOf(whole.files, '.stats'))).toBe(stats);
    }
});

/** Records without their tags, the types of which differ. */
function fieldsOf(bytes: Buffer): string[] {
  const out: string[] = [];
  for (let at = 0; at < bytes.length; at += 4 + bytes.readInt32LE(at)) {
    const name = bytes[at + 12]!;
    const ops = bytes.readUInt16LE(at + 16);
    const length = bytes.readInt32LE(at + 20);
    const end = at + 36 + name + 4 * ops + ((length + 1) >> 1) + length;
    out.push(bytes.subarray(at + 4, end).toString('hex'));
  }
  return out;
}

test('a cut file, and what is not SAM', async () => {
  const text = randomSam(3);
  const path = join(folder, 'cut.sam');
  writeFileSync(path, text.slice(0, text.lastIndexOf('\n', text.length - 2) + 20));
  expect(await messageFrom(runJob(flagstat, { reads: [await dataset(path)] }))).toMatch(
    /^SAM: line at byte \d+ of .*cut.sam: /,
  );
  writeFileSync(path, 'hello\n');
  expect(await messageFrom(runJob(flagstat, { reads: [await dataset(path)] }))).toMatch(/^BAM: bad magic/);
});
