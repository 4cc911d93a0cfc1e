/** genomics/pileup writes what samtools mpileup -B writes, for any split of the work. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parquetReadObjects } from 'hyparquet';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dataset } from '../core/job.ts';
import type { Json } from '../core/json.ts';
import { inflate } from '../genomics/formats/bgzf.ts';
import { readHeader } from '../genomics/formats/bam.ts';
import { fileSource } from '../core/sources/file.ts';
import { pileup } from '../genomics/jobs/pileup.ts';
import { createFusedRows } from '../genomics/kernels/fusedrows.ts';
import { rowsUrl } from '../genomics/kernels/modules.ts';
import { countNames } from '../genomics/kernels/pilecounts.ts';
import { createRows } from '../genomics/kernels/pilerows.ts';
import type { Text } from '../genomics/kernels/text.ts';
import {
  counts,
  createDepths,
  createPiler,
  nextWindow,
  push,
  turnPiler,
} from '../genomics/kernels/pileup.ts';
import { field } from '../genomics/formats/record.ts';
import { data, has, isIndexed, sharedBams } from './alignments.ts';
import { referenceOf, randomSam } from './sam.ts';
import { same, samtools } from './peer.ts';
import { third } from './shared.ts';
import { dataset, type Ran, runJob, type Tree } from './stage.ts';

type Options = { readonly [name: string]: Json };

const folder = mkdtempSync(join(tmpdir(), 'servermix-pileup-'));
afterAll(() => rmSync(folder, { recursive: true }));
const hasPeer = has('samtools');

async function pile(
  reads: string,
  given: Options,
  {
    positions,
    reference,
    ...how
  }: { positions?: string; reference?: string; split?: number; arity?: Tree } = {},
): Promise<Ran> {
  const inputs: { [name: string]: Dataset[] } = { reads: [await dataset(reads)] };
  if (positions) inputs['positions'] = [await dataset(positions, 'bed')];
  if (reference) inputs['reference'] = [await dataset(reference, 'fa')];
  const found = await runJob(pileup, inputs, given, how);
  if (found.promised !== undefined) expect([reads, found.records]).toEqual([reads, found.promised]);
  return found;
}

const peer = (...args: readonly string[]): string | undefined => samtools(['mpileup', '-B', ...args]);
const textOf = ({ files }: Ran): string => Buffer.from(files.get('')!).toString('latin1');

describe.skipIf(!hasPeer)('every indexed file', () => {
  const bams = third(sharedBams(), 1).filter((path) => isIndexed(join(data!, path)));
  let compared = 0;
  const skipped: string[] = [];
  afterAll(() => {
    console.log(`pileup: ${compared} of ${bams.length} files compared; skipped: ${skipped.join(', ')}`);
  });
  test.each(bams)('%s', { timeout: 120_000 }, async (path) => {
    const bam = join(data!, path);
    const expected = peer(bam);
    if (expected === undefined) {
      skipped.push(path);
      return;
    }
    same(path, textOf(await pile(bam, {}, { split: 100_000 })), expected);
    const given = { orphans: true, baseq: 0, mapq: 1, 'output-mapq': true };
    same(path, textOf(await pile(bam, given)), peer('-A', '-Q', '0', '-q', '1', '-s', bam)!);
    compared++;
  });
  test('most were compared', () => {
    if (bams.length > 0) expect(compared).toBeGreaterThan(0.6 * bams.length);
  });
});

describe.skipIf(!hasPeer)('odd reads', () => {
  const bam = join(folder, 'odd.bam');
  const fasta = join(folder, 'odd.fa');
  const bed = join(folder, 'odd.bed');
  beforeAll(() => {
    writeFileSync(join(folder, 'odd.sam'), randomSam(20_261_126));
    execFileSync('samtools', ['view', '--no-PG', '-b', '-o', bam, join(folder, 'odd.sam')]);
    execFileSync('samtools', ['index', bam]);
    writeFileSync(fasta, referenceOf(20_261_126));
    execFileSync('samtools', ['faidx', fasta]);
    const lines = ['one\t20000\t20100\tb\t5', 'one\t20050\t20500', 'one\t39000\t45000', 'tiny\t3\t90\tt'];
    for (let at = 0; at < 16_000; at += 731) lines.push(`two\t${at}\t${at + (at % 97)}`);
    writeFileSync(bed, `${lines.join('\n')}\n`);
  });
  const cases: [string, Options, readonly string[], ('positions' | 'reference')[]][] = [
    ['as they are', {}, [], []],
    ['with a reference', {}, [], ['reference']],
    ['all bases of all pairs', { baseq: 0, orphans: true }, ['-Q', '0', '-A'], ['reference']],
    ['mates apart', { 'keep-overlaps': true, orphans: true }, ['-x', '-A'], []],
    ['a pile of 5', { 'max-depth': 5, orphans: true }, ['-d', '5', '-A'], []],
    ['a pile of 40', { 'max-depth': 40, baseq: 0 }, ['-d', '40', '-Q', '0'], ['reference']],
    ['a pile without limit', { 'max-depth': 0 }, ['-d', '0'], []],
    [
      'by flags and mapq',
      { 'exclude-flag': 0x404, 'include-flag': 0x42, mapq: 10, 'output-mapq': true },
      ['--ff', '0x404', '--rf', '0x42', '-q', '10', '-s'],
      [],
    ],
    ['a region', { region: 'one:20,000-41,234', orphans: true }, ['-r', 'one:20000-41234', '-A'], []],
    ['the end of a contig', { region: 'two:15900' }, ['-r', 'two:15900'], ['reference']],
    ['a region, all of it', { region: 'last:1-2900', all: true }, ['-r', 'last:1-2900', '-a'], []],
    ['positions', { orphans: true }, ['-A'], ['positions', 'reference']],
    ['a shallow pile at positions', { orphans: true, 'max-depth': 7 }, ['-A', '-d', '7'], ['positions']],
    ['all positions', { all: true }, ['-a'], []],
    ['all positions of a list', { all: true, 'output-mapq': true }, ['-a', '-s'], ['positions']],
  ];
  test.each(cases)('%s', async (_name, given, flags, files) => {
    const inputs: { positions?: string; reference?: string } = {};
    if (files.includes('positions')) inputs.positions = bed;
    if (files.includes('reference')) inputs.reference = fasta;
    const args = [
      ...(inputs.reference ? ['-f', fasta] : []),
      ...(inputs.positions ? ['-l', bed] : []),
      ...flags,
    ];
    const expected = peer(...args, bam)!;
    expect(expected.length).toBeGreaterThan(1000);
    for (const [split, arity] of [
      [1e12, 16],
      [30_000, 2],
      [1, 'left'],
    ] as const)
      same(`split ${split}`, textOf(await pile(bam, given, { ...inputs, split, arity })), expected);
  });

  test('the table counts what the text shows', async () => {
    const read = async (split: number): Promise<{ [name: string]: string | number }[]> => {
      const found = await pile(
        bam,
        { format: 'parquet', baseq: 5, orphans: true },
        { reference: fasta, split },
      );
      const bytes = found.files.get('')!;
      const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length) as ArrayBuffer;
      return parquetReadObjects({ file });
    };
    const rows = await read(20_000);
    expect(rows).toEqual(await read(1e12));
    const expected = peer('-f', fasta, '-Q', '5', '-A', '--reverse-del', bam)!.trim().split('\n');
    expect(rows.length).toBe(expected.length);
    rows.forEach((row, i) => {
      const [contig, position, reference, depth, letters] = expected[i]!.split('\t');
      const { contig: name, position: at, reference: letter, depth: count, ...counts } = row;
      expect([name, at, letter, count]).toEqual([contig, Number(position), reference, Number(depth)]);
      expect([position, counts]).toEqual([position, countsOf(depth === '0' ? '' : letters!, reference!)]);
    });
  });

  test('the row kernel and its twin', async () => {
    const source = await fileSource(bam);
    const header = await readHeader(source, bam);
    const pieces: Uint8Array[] = [];
    for await (const bytes of inflate(source, bam, header.first)) pieces.push(Buffer.from(bytes));
    const bytes = Buffer.concat(pieces);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const module = new WebAssembly.Module(readFileSync(rowsUrl()));
    const letters = Buffer.from(
      readFileSync(fasta, 'latin1')
        .split('>')[1]!
        .replace(/^.*\n|\n/g, ''),
    );
    const ref = { bytes: letters, from: 0, to: letters.length };
    for (const rules of [
      { quality: 13, isWhole: false, mapq: false },
      { quality: 0, isWhole: true, mapq: true },
    ]) {
      const piler = createPiler({
        mapq: 0,
        exclude: 0,
        include: 0,
        orphans: true,
        overlaps: true,
        maxDepth: Infinity,
      });
      const depths = createDepths();
      const writers = [createRows, createFusedRows.bind(undefined, module)].map((create) =>
        create(piler.stack, depths, rules),
      );
      const texts = writers.map((): Text => ({ bytes: new Uint8Array(0), fill: 0 }));
      turnPiler(piler, { from: 0, to: 60_000, sure: -1, limit: 60_000 });
      for (let at = 0; view.getInt32(at + field.refId, true) === 0; at += 4 + view.getInt32(at, true))
        if (counts(piler, view, at)) push(piler, bytes, view, at);
      for (let window; (window = nextWindow(piler, 60_000, depths, rules.isWhole));) {
        const table = piler.stack.table.slice();
        writers.forEach((writer, i) => {
          piler.stack.table.set(table);
          writer.write(texts[i]!, Buffer.from('one'), window, ref, undefined);
        });
      }
      const [plain, fused] = texts.map(({ bytes: text, fill }) =>
        Buffer.from(text.subarray(0, fill)).toString('latin1'),
      );
      expect(plain!.length).toBeGreaterThan(1e6);
      same('fused', fused!, plain!);
    }
  });
});

/** What a row of mpileup with `--reverse-del` shows, counted. */
function countsOf(letters: string, reference: string): { [name: string]: number } {
  const counts: { [name: string]: number } = {};
  for (const name of countNames) for (const strand of ['forward', 'reverse']) counts[`${name}_${strand}`] = 0;
  let strand = '';
  for (let i = 0; i < letters.length;) {
    const c = letters[i++]!;
    if (c === '^') i++;
    if ('^$'.includes(c)) continue;
    if ('+-'.includes(c)) {
      const length = /^\d+/.exec(letters.slice(i))![0];
      i += length.length + Number(length);
      if (c === '+') counts[`ins_${strand}`]!++;
      continue;
    }
    strand = /[#<,a-z]/.test(c) ? 'reverse' : 'forward';
    const base = ('.,'.includes(c) ? reference : c).toLowerCase();
    const name = '*#'.includes(c) ? 'del' : '<>'.includes(c) ? 'skip' : 'acgt'.includes(base) ? base : 'n';
    counts[`${name}_${strand}`]!++;
  }
  return counts;
}

describe.skipIf(!hasPeer)('a deep place', () => {
  const bam = join(folder, 'deep.bam');
  beforeAll(() => {
    const rows: string[] = [];
    for (let i = 0; i < 17_000; i++)
      rows.push(
        [`d${i}`, 0, 'one', 20_000, 60, '150M', '*', 0, 0, 'ACGTA'.repeat(30), 'I'.repeat(150)].join('\t'),
      );
    for (let i = 0; i < 3000; i++)
      rows.push(
        [`e${i}`, 0, 'one', 20_001 + (i >> 3), 60, '90M', '*', 0, 0, 'ACG'.repeat(30), 'I'.repeat(90)].join(
          '\t',
        ),
      );
    writeFileSync(join(folder, 'deep.sam'), `@SQ\tSN:one\tLN:100000\n${rows.join('\n')}\n`);
    execFileSync('samtools', ['view', '--no-PG', '-b', '-o', bam, join(folder, 'deep.sam')]);
    execFileSync('samtools', ['index', bam]);
  });
  test('stops at 8000 reads, or at none', async () => {
    same('8000', textOf(await pile(bam, {})), peer(bam)!);
    same('all', textOf(await pile(bam, { 'max-depth': 0 })), peer('-d', '0', bam)!);
  });
});

/** Where a part begins may lie in a pile that began before what it reads first. */
test.skipIf(!hasPeer)('what a full pile left out is known in every part', async () => {
  const bam = join(folder, 'chain.bam');
  const rows: string[] = [];
  // Reads of 30,000 bases, so many that each place but the first is full.
  for (let i = 0; i < 1200; i++)
    rows.push(
      [
        `c${i}`,
        0,
        'one',
        1 + 500 * (i >> 2),
        60,
        `100M29800N100M`,
        '*',
        0,
        0,
        'ACGTA'.repeat(40),
        'I'.repeat(200),
      ].join('\t'),
    );
  writeFileSync(join(folder, 'chain.sam'), `@SQ\tSN:one\tLN:200000\n${rows.join('\n')}\n`);
  execFileSync('samtools', ['view', '--no-PG', '-b', '-o', bam, join(folder, 'chain.sam')]);
  execFileSync('samtools', ['index', bam]);
  for (const depth of [8, 61, 100, 200]) {
    const expected = peer('-d', String(depth), bam)!;
    for (const split of [1e9, 1]) {
      const found = await pile(bam, { 'max-depth': depth }, { split });
      expect(found.parts > 5).toBe(split === 1);
      same(`${depth}, ${split}`, textOf(found), expected);
    }
  }
});
