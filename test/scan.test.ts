/** The scan kernel against its twin in TypeScript: blocks and chunks cut anywhere, damaged bytes, and every shared BAM. */
import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Source } from '../core/job.ts';
import { resolve } from '../core/params.ts';
import { memorySource } from './memorysource.ts';
import { random, type Random } from '../datasets/random.ts';
import { measureFused } from '../genomics/coverage/fused.ts';
import { measurePlain, type Measuring } from '../genomics/coverage/plain.ts';
import { params, settingsOf } from '../genomics/coverage/settings.ts';
import type { PartSweep } from '../genomics/coverage/sweep.ts';
import { readHeader, records } from '../genomics/formats/bam.ts';
import type { Virtual } from '../genomics/formats/bgzf.ts';
import { feed, withScanner } from '../genomics/formats/feed.ts';
import { gatheredRecords } from '../genomics/formats/gathered.ts';
import { count, createTally, pack, type Counted } from '../genomics/kernels/flagstat.ts';
import { cyclesUrl, rowsUrl, scanUrl } from '../genomics/kernels/modules.ts';
import { createScanner, scan, startFlags, takeFlags } from '../genomics/kernels/scan.ts';
import { takePiece } from '../genomics/kernels/track.ts';
import { bgzfOf, blockOf, data, headerOf, later, recordOf, sharedBams } from './alignments.ts';
import { recordsOf, sorted, type Read } from './oracle.ts';
import { root } from './root.ts';
import { isLong, third } from './shared.ts';

const module = new WebAssembly.Module(readFileSync(scanUrl()));
const { signal } = new AbortController();
const name = 'test.bam';

test('the kernels lie beside the command and beside the functions, too', () => {
  const bytes = readFileSync(scanUrl());
  for (const folder of ['bin', 'lambda'])
    for (const url of [scanUrl(), rowsUrl(), cyclesUrl()]) {
      const copy = join(root, 'dist', folder, basename(url.pathname));
      expect(readFileSync(copy).equals(readFileSync(url)), copy).toBe(true);
    }
  // All of its memory is laid out by hand: data of the compiler's own would lie in it somewhere.
  expect(sectionsOf(bytes)).not.toContain(11);
});

/** Numbers of the sections of a WebAssembly module. */
function sectionsOf(bytes: Uint8Array): number[] {
  const out: number[] = [];
  for (let at = 8; at < bytes.length;) {
    out.push(bytes[at++]!);
    let size = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      size |= (byte & 127) << shift;
      if (byte < 128) break;
    }
    at += size;
  }
  return out;
}

type Range = { readonly from: Virtual; readonly to?: Virtual };

/** Undefined where the data are refused. */
async function plainFlags(
  source: Source,
  contigs: number,
  { from, to }: Range,
): Promise<Counted | undefined> {
  const tally = createTally();
  try {
    for await (const chunk of records(source, name, contigs, from, to, signal)) count(chunk, tally);
    return pack(tally);
  } catch {
    return undefined;
  }
}

/** What a reading gives: its bytes, and with what message it ends. */
async function readAll(chunks: AsyncGenerator<Uint8Array>): Promise<readonly [bytes: Buffer, fault: string]> {
  const pieces: Buffer[] = [];
  try {
    for await (const chunk of chunks) pieces.push(Buffer.from(chunk));
    return [Buffer.concat(pieces), ''];
  } catch (error) {
    return [Buffer.concat(pieces), (error as Error).message];
  }
}

/** Counts by the kernel; the records that it gathers are those of its twin, and so is what it says of faults. */
async function fusedFlags(
  source: Source,
  contigs: number,
  { from, to }: Range,
): Promise<Counted | undefined> {
  const [right, why] = await readAll(records(source, name, contigs, from, to, signal));
  const [found, fault] = await readAll(gatheredRecords(module, source, name, contigs, from, to, signal));
  expect(fault).toBe(why);
  // Before a fault the twin may have given less.
  expect(found.subarray(0, right.length).equals(right) && (why !== '' || found.length === right.length)).toBe(
    true,
  );
  return withScanner(module, async (scanner) => {
    startFlags(scanner);
    const end = await feed(scanner, source, from, to, () => scan(scanner, 'flags', contigs), { signal });
    return end === 'end' ? pack(takeFlags(scanner)) : undefined;
  });
}

/** What a sweep found, in a form that can be compared. */
async function found(sweep: PartSweep): Promise<unknown> {
  const { perBase, quantized, regions } = sweep;
  const ended = sweep.finish();
  const rows = [perBase, quantized].map((rest) => rest && { ...takePiece(rest.track), open: rest.open });
  return { ...ended, rows, regions: regions && { built: regions.build(), values: regions.takeValues() } };
}

type Options = { readonly [name: string]: string | number | boolean };

/** The whole file, or from `skip` bases on a contig to the end of another. */
async function measuring(file: Source, given: Options, from = 0): Promise<Measuring> {
  const { contigs, first } = await readHeader(file, name);
  const part = {
    contigs: contigs.map(({ name: text, length }, id) => [id, text, length] as const),
    from,
    to: contigs.at(-1)?.length ?? 0,
    spans: [
      {
        file: 0,
        kind: 'bam',
        from: first,
        last: contigs.length - 1,
        until: 2 ** 31 - 1,
        to: file.size,
        letters: [],
      },
    ] as const,
    total: contigs.length,
    cost: 1,
  };
  const settings = settingsOf(resolve(params, given), false);
  const reading = {
    files: [{ source: file, name }],
    header: () => readHeader(file, name),
    hasBases: false,
    reference: undefined,
    signal,
  };
  return { part, settings, bed: undefined, reading, spill: async () => {} };
}

const modes: readonly Options[] = [
  {},
  { fast: true, 'no-per-base': true, 'exclude-flag': 0 },
  { mapq: 10, quantize: '0:1:4:', 'include-flag': 2, by: 300 },
];

/** Both ways; gives whether the data were taken. */
async function mustAgree(file: Source, what: string, from = 0, given = modes): Promise<boolean> {
  let taken = false;
  for (const options of given) {
    const how = await measuring(file, options, from);
    const right = await measurePlain(how).then(found, () => undefined);
    expect(await measureFused(module, how, found), `${what}, ${JSON.stringify(options)}`).toEqual(right);
    taken ||= right !== undefined;
  }
  return taken;
}

const contigs: [string, number][] = [
  ['one', 150_000],
  ['two', 900],
  ['empty', 0],
  ['three', 70_000],
];

/** Pairs that overlap or not, of one or many operations, in places deep, here and there long. */
function readsOf(chance: Random, pairs: number): Read[] {
  const cigars = ['50M', '20M5D30M', '10S40M', '30M1000N20M', '5M2I43M', '*', '25=1X24M', '3H50M'];
  const out: Read[] = [];
  for (let i = 0; i < pairs; i++) {
    const contig = chance.below(3) === 2 ? 3 : chance.below(2);
    const length = contigs[contig]![1];
    const pos = chance.chance(0.3) ? Math.floor(length / 2) : chance.below(length);
    const mate = Math.min(length - 1, pos + chance.below(90));
    const flags = [0x1, 0x3, 0x3, 0x3, 0x401, 0x903, 0x7, 0x103][chance.below(8)]!;
    const mateContig = chance.chance(0.05) ? 0 : contig;
    const shared = { name: `pair${i}`, contig, mapq: chance.below(60), mateContig };
    const pick = (): string => cigars[chance.below(cigars.length)]!.replace('*', '');
    out.push(
      { ...shared, flag: flags | 0x40, pos, matePos: mate, cigar: pick() },
      { ...shared, flag: flags | 0x80, pos: mate, matePos: pos, cigar: pick() },
    );
    if (i % 40 === 0)
      out.push({ ...shared, flag: 0, pos, matePos: -1, cigar: '3M2I4D'.repeat(30), long: true });
  }
  return sorted(out);
}

/** A BAM of which the blocks end anywhere, some empty and some stored. */
function fileOf(chance: Random, bytes: Uint8Array): Uint8Array {
  const cuts: number[] = [];
  for (let at = 0; at < bytes.length;) {
    at += chance.chance(0.1) ? 0 : 1 + chance.below(chance.chance(0.5) ? 65_280 : 600);
    if (at < bytes.length) cuts.push(at);
  }
  for (let last = 0; ;) {
    const gap = cuts.findIndex((cut, i) => i >= last && cut - (cuts[i - 1] ?? 0) > 65_280);
    if (gap < 0) break;
    cuts.splice(gap, 0, (cuts[gap - 1] ?? 0) + 65_280);
    last = gap;
  }
  if (bytes.length - (cuts.at(-1) ?? 0) > 65_280) cuts.push(bytes.length - 65_280);
  return bgzfOf(bytes, cuts, chance.below(3) === 0 ? 0 : 6).file;
}

test.each([1, 2, 3, 4, 5, 6])('blocks that end anywhere, seed %i', async (seed) => {
  const chance = random(seed, 'blocks');
  const bytes = Buffer.concat([headerOf(contigs), recordsOf(readsOf(chance, 600))]);
  const file = memorySource(fileOf(chance, bytes));
  expect(await mustAgree(file, `seed ${seed}`)).toBe(true);
  expect(await mustAgree(file, `seed ${seed} from within`, 40_000)).toBe(true);
  const { first } = await readHeader(file, name);
  const right = await plainFlags(file, contigs.length, { from: first });
  expect(right).toBeDefined();
  expect(await fusedFlags(file, contigs.length, { from: first })).toEqual(right);
});

test('records larger than a block, and than the window', async () => {
  const chance = random(1, 'large');
  const lengths = [10, 70_000, 30, 400_000, 1_200_000, 5];
  const reads = lengths.map((length, i) =>
    recordOf({ name: `r${i}`, pos: 5 * i, length, flag: i % 2 ? 16 : 0 }),
  );
  const bytes = Buffer.concat([headerOf([['one', 2_000_000]]), ...reads]);
  const file = memorySource(fileOf(chance, bytes));
  expect(await mustAgree(file, 'large records')).toBe(true);
  const { first } = await readHeader(file, name);
  const counted = await fusedFlags(file, 1, { from: first });
  expect(counted).toEqual(await plainFlags(file, 1, { from: first }));
  expect([...counted!.reads]).toEqual([3, 3]);
});

test('a range that starts or ends at a byte that is no start of a record is left to the twin', async () => {
  const reads = [0, 1, 2, 3].map((i) => recordOf({ name: `r${i}`, pos: i }));
  const { file: bytes, offsets } = bgzfOf(Buffer.concat(reads), [reads[0]!.length, 2 * reads[0]!.length]);
  const file = memorySource(bytes);
  const size = reads[0]!.length;
  const places: Virtual[] = [];
  for (const block of [...offsets, offsets[1]! + 1, bytes.length, bytes.length + 9])
    for (const within of [0, size, size + 1]) places.push([block, within]);
  let taken = 0;
  for (const from of places)
    for (const to of places) {
      if (later(from, to)) continue;
      const right = await plainFlags(file, 1, { from, to });
      expect(await fusedFlags(file, 1, { from, to }), `${from.join(':')} to ${to.join(':')}`).toEqual(right);
      if (right) taken++;
    }
  expect(taken).toBeGreaterThan(10);
});

test('pieces of any size may be handed over', () => {
  const chance = random(3, 'pieces');
  const bytes = fileOf(chance, recordsOf(readsOf(chance, 400)));
  let whole: Counted | undefined;
  for (const most of [bytes.length, 40_000, 700, 20]) {
    const scanner = createScanner(module);
    const { exports } = scanner;
    exports.startFlags();
    exports.startRange(0, bytes.length, 0);
    for (let at = 0; at < bytes.length;) {
      const piece = bytes.subarray(at, at + 1 + chance.below(most));
      const rest = exports.keepInput();
      new Uint8Array(exports.memory.buffer, exports.input.value as number).set(piece, rest);
      exports.addInput(piece.length);
      at += piece.length;
      expect(scan(scanner, 'flags', contigs.length)).toBe(at < bytes.length ? 'hungry' : 'end');
    }
    const counted = pack(takeFlags(scanner));
    whole ??= counted;
    expect(counted).toEqual(whole);
  }
  expect(whole!.reads.reduce((a, b) => a + b)).toBe(readsOf(random(3, 'pieces'), 400).length);
});

/** One of the ways in which bytes go bad. */
function damage(bytes: Uint8Array, chance: Random): Uint8Array {
  const out = Uint8Array.from(bytes);
  const at = chance.below(out.length);
  const kind = chance.below(5);
  if (kind === 0) out[at]! ^= 1 << chance.below(8);
  else if (kind === 1) return out.subarray(0, at);
  else if (kind === 2) out.fill(chance.below(2) * 255, at, at + 1 + chance.below(40));
  else if (kind === 3) out.copyWithin(at, chance.below(out.length), chance.below(out.length));
  else
    new DataView(out.buffer).setUint32(
      Math.min(at, out.length - 4),
      chance.next() >>> chance.below(32),
      true,
    );
  return out;
}

describe('damaged bytes', () => {
  const rounds = isLong ? 5000 : 200;
  const chance = random(17, 'damage');
  const body = recordsOf(readsOf(chance, 40));
  const head = headerOf(contigs);
  const blocks = fileOf(chance, body);

  test(`of the file: ${rounds} seeds`, async () => {
    const from: Virtual = [0, 0];
    const right = await plainFlags(memorySource(blocks), contigs.length, { from });
    let refused = 0;
    for (let seed = 0; seed < rounds; seed++) {
      const file = memorySource(damage(blocks, random(seed, 'file')));
      const plain = await plainFlags(file, contigs.length, { from });
      const fused = await fusedFlags(file, contigs.length, { from });
      expect(fused, `seed ${seed}`).toEqual(plain);
      // A whole block may be lost or doubled; no other change passes the checksums.
      if (!plain) refused++;
      else if (file.size === blocks.length && seed % 5 === 0) expect(right).toBeDefined();
    }
    expect(refused).toBeGreaterThan(rounds / 2);
  }, 3600e3);

  test(`of the records: ${rounds} seeds`, async () => {
    let [refused, taken] = [0, 0];
    for (let seed = 0; seed < rounds; seed++) {
      const bad = damage(body, random(seed, 'records'));
      const inner = Buffer.concat([blockOf(head), fileOf(random(seed, 'cuts'), bad)]);
      const mode = modes[seed % modes.length]!;
      if (await mustAgree(memorySource(inner), `seed ${seed}`, 0, [mode])) taken++;
      else refused++;
    }
    expect(refused).toBeGreaterThan(rounds / 5);
    expect(taken).toBeGreaterThan(rounds / 50);
  }, 3600e3);
});

describe('shared BAMs', () => {
  // Of 27 MB the columns are as those of 3 MB.
  const bams = third(sharedBams(), 2).filter((path) => isLong || statSync(join(data!, path)).size < 8e6);
  test.each(bams)(
    '%s',
    async (path) => {
      const file = memorySource(readFileSync(join(data!, path)));
      const header = await readHeader(file, path).catch(() => undefined);
      if (!header) return;
      const range = { from: header.first };
      const right = await plainFlags(file, header.contigs.length, range);
      expect(right).toBeDefined();
      expect(await fusedFlags(file, header.contigs.length, range)).toEqual(right);
      if (header.contigs.length > 0) await mustAgree(file, path, 0, modes.slice(0, 2));
    },
    600e3,
  );
});
