/** genomics/index finds what samtools index and bgzip -r find, for any split of the work. */
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { index } from '../genomics/jobs/index.ts';
import { data, has, headerOf, recordOf, type Read, bgzfOf, messageFrom, sharedBams } from './alignments.ts';
import { isLong, third } from './shared.ts';
import { dataset, runJob } from './stage.ts';
import { randomSam } from './sam.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-index-'));
afterAll(() => rmSync(folder, { recursive: true }));
const hasPeer = has('samtools') && has('bgzip');

async function made(
  path: string,
  given: { [name: string]: string | number },
  split?: number,
): Promise<Uint8Array> {
  const inputs = { file: [await dataset(path)] };
  const { files } = await runJob(index, inputs, given, split === undefined ? {} : { split });
  return files.get('')!;
}

/** Bins by contig, in order, and what follows them: hash tables write them in another one. */
function contentOf(bytes: Uint8Array): unknown {
  const plain = bytes[0] === 0x1f ? gunzipSync(bytes) : bytes;
  const view = new DataView(plain.buffer, plain.byteOffset, plain.length);
  const isCsi = plain[0] === 'C'.charCodeAt(0);
  let at = 4;
  const i32 = (): number => view.getInt32((at += 4) - 4, true);
  const u64 = (): bigint => view.getBigUint64((at += 8) - 8, true);
  const many = <T>(n: number, read: () => T): T[] => Array.from({ length: n }, read);
  const isTbi = plain[0] === 'T'.charCodeAt(0);
  const head: unknown[] = isCsi ? many(2, i32) : [];
  const count = isTbi ? i32() : 0;
  const aux = isTbi ? 28 + view.getInt32(at + 24, true) : isCsi ? i32() : 0;
  head.push(Buffer.from(plain.subarray(at, at + aux)).toString('latin1'));
  at += aux;
  const contigs = many(isTbi ? count : i32(), () => {
    const bins = many(i32(), () => {
      const bin = view.getUint32((at += 4) - 4, true);
      return { bin, loffset: isCsi ? u64() : 0n, chunks: many(i32(), () => [u64(), u64()]) };
    });
    return { bins: bins.sort((a, b) => a.bin - b.bin), linear: isCsi ? [] : many(i32(), u64) };
  });
  return { head, contigs, rest: Buffer.from(plain.subarray(at)).toString('hex') };
}

/** What samtools makes of a copy; undefined where it refuses. */
function theirs(path: string, flags: readonly string[]): Uint8Array | undefined {
  const out = join(folder, 'theirs');
  try {
    execFileSync('samtools', ['index', ...flags, path, out], { stdio: 'ignore' });
    return readFileSync(out);
  } catch {
    return undefined;
  }
}

const kinds = [
  { given: { format: 'bai' }, flags: ['-b'] },
  { given: { format: 'csi' }, flags: ['-c'] },
  { given: { format: 'csi', 'min-shift': 10 }, flags: ['-c', '-m', '10'] },
] as const;

describe.skipIf(!hasPeer || !data)('as the peers', () => {
  test('every shared BAM, in one part and in many', { timeout: 300_000 }, async () => {
    let [equal, refused] = [0, 0];
    const bams = third(sharedBams(), 0);
    for (const [i, name] of bams.entries()) {
      const path = join(data!, name);
      // Every file has a BAI, and CSI of either width in turn.
      for (const { given, flags } of kinds.filter((_, k) => isLong || k === 0 || k === 1 + (i % 2))) {
        const expected = theirs(path, flags);
        const { size } = await dataset(path);
        for (const split of given === kinds[0].given
          ? [size, Math.max(1, size / 23)]
          : [Math.max(1, size / 9)]) {
          if (!expected) {
            const message = await messageFrom(made(path, given, split));
            expect([name, message]).toEqual([name, expect.stringMatching(/^\S[^\n]+$/)]);
            refused++;
            continue;
          }
          expect([name, flags, contentOf(await made(path, given, split))]).toEqual([
            name,
            flags,
            contentOf(expected),
          ]);
          equal++;
        }
      }
    }
    console.log(`genomics/index: ${equal} indexes equal to those of samtools, ${refused} refused as there`);
    expect(equal).toBeGreaterThan(1.5 * bams.length);
  });

  test('GZI of every bgzipped file', async () => {
    let compared = 0;
    const all = readdirSync(data!, { recursive: true, encoding: 'utf8' }).filter(
      (name) => /\.(bam|gz|bgz)$/.test(name) && statSync(join(data!, name)).size <= 4e6,
    );
    const some = third(all, 1);
    for (const name of some) {
      const copy = join(folder, 'copy.gz');
      copyFileSync(join(data!, name), copy);
      try {
        execFileSync('bgzip', ['-r', copy], { stdio: 'ignore' });
      } catch {
        continue;
      }
      const { size } = await dataset(copy);
      const found = await messageFrom(made(copy, { format: 'gzi' }));
      // Without an end-of-file marker bgzip warns, we refuse.
      if (found !== undefined) {
        expect(found).toMatch(/^BGZF: .*(marker|block)/);
        continue;
      }
      for (const split of [size, Math.max(1, size / 31)]) {
        const mine = await made(copy, { format: 'gzi' }, split);
        expect([name, Buffer.from(mine).equals(readFileSync(`${copy}.gzi`))]).toEqual([name, true]);
        compared++;
      }
    }
    console.log(`genomics/index: ${compared} GZI equal to those of bgzip`);
    expect(compared).toBeGreaterThan(some.length);
  });
});

describe.skipIf(!data || !has('tabix') || !has('bgzip'))('bgzipped text, as tabix', () => {
  const all = data
    ? (readdirSync(data, { recursive: true, encoding: 'utf8' }) as string[]).filter((name) =>
        /\.(vcf|bed|gff|gff3|gtf|sam)(\.b?gz)?$/.test(name),
      )
    : [];
  // Of thousands of small ones some, unless there is time.
  const some = third(
    all.filter((name, i) => isLong || name.endsWith('gz') || i % 12 === 0),
    2,
  );
  const presetOf = (name: string): string => /\.(vcf|bed|gff|gtf|sam)/.exec(name)![1]!.replace('gtf', 'gff');

  test('the shared files', { timeout: 240_000 }, async () => {
    let [equal, refused] = [0, 0];
    for (const name of some) {
      const preset = presetOf(name);
      const copy = join(folder, `text.${preset}.gz`);
      const bytes = readFileSync(join(data!, name));
      if (bytes.length > 3e6) continue;
      const text = bytes[0] === 0x1f ? gunzipSync(bytes) : bytes;
      writeFileSync(copy, execFileSync('bgzip', ['-c'], { input: text, maxBuffer: 1 << 28 }));
      for (const [format, flags] of [
        ['tbi', []],
        ['csi', ['-C']],
      ] as const) {
        let expected: unknown;
        try {
          const out = execFileSync('tabix', ['-f', '-p', preset, ...flags, copy], {
            stdio: ['ignore', 'pipe', 'pipe'],
          });
          expected = out.length > 0 ? undefined : contentOf(readFileSync(`${copy}.${format}`));
        } catch {
          expected = undefined;
        }
        const { size } = await dataset(copy);
        for (const split of [size, Math.max(1, size / 11)]) {
          const mine = made(copy, { format, preset }, split);
          const message = await messageFrom(mine);
          // tabix steps over lines that it cannot read.
          if (message !== undefined) {
            expect([name, message]).toEqual([name, expect.stringMatching(/^(index|BGZF|BAM): [^\n]+$/)]);
            refused++;
            continue;
          }
          if (expected === undefined) continue;
          expect([name, format, split, contentOf(await mine)]).toEqual([name, format, split, expected]);
          equal++;
        }
      }
    }
    console.log(`genomics/index: ${equal} indexes equal to those of tabix, ${refused} refused`);
    expect(equal).toBeGreaterThan(100);
  });

  test('lines over blocks, long ones, other columns', async () => {
    const rows = Array.from({ length: 4000 }, (_, i) => {
      const contig = `c${Math.floor(i / 1500)}`;
      const begin = (i % 1500) * 977 + 5;
      return `x\t${begin}\t${contig}\t${begin + (i % 7) * 30_000 + 1}${i % 500 === 3 ? `\t${'y'.repeat(150_000)}` : ''}`;
    });
    const text = Buffer.from(`skipped\n%comment\n${rows.join('\n')}`);
    const path = join(folder, 'columns.gz');
    const cuts = Array.from({ length: 150 }, (_, i) => Math.floor((i * text.length) / 150));
    writeFileSync(path, bgzfOf(text, cuts).file);
    const given = { preset: 'columns', sequence: 3, begin: 2, end: 4, comment: '%', 'skip-lines': 1 };
    execFileSync('tabix', ['-f', '-s', '3', '-b', '2', '-e', '4', '-c', '%', '-S', '1', path]);
    const expected = contentOf(readFileSync(`${path}.tbi`));
    const { size } = await dataset(path);
    for (const parts of [1, 2, 7, 31, 97])
      expect(contentOf(await made(path, given, size / parts))).toEqual(expected);
  });

  test('disorder, in a part and between parts', async () => {
    const path = join(folder, 'bad.bed.gz');
    const texts: [string, RegExp][] = [
      ['a\t1\t2\na\t0\t2\n', /found a:1 after a:2|found contig 1, base 1 after contig 1, base 2/],
      ['a\t1\t2\nb\t1\t2\na\t5\t6\n', /is on a, of which other lines came before/],
      ['a\tone\t2\n', /no whole number in column 2/],
      ['a\n', /no whole number in column 2/],
      ['a\t1\t600000000\n', /ends at base 600000000.*--format csi/],
    ];
    for (const [text, message] of texts) {
      const cuts = Array.from({ length: text.length }, (_, i) => i);
      writeFileSync(path, bgzfOf(Buffer.from(text), cuts).file);
      for (const split of [1e6, 60, 1]) expect(await messageFrom(made(path, {}, split))).toMatch(message);
    }
  });
});

test.skipIf(!hasPeer)(
  'random alignments: the same for any split, and as samtools',
  { timeout: 60_000 },
  async () => {
    for (let seed = 1; seed <= (isLong ? 5 : 2); seed++) {
      const path = join(folder, `random${seed}.bam`);
      execFileSync('samtools', ['sort', '-l', '0', '-o', path, '-'], {
        input: randomSam(seed),
        stdio: ['pipe', 'ignore', 'ignore'],
      });
      const { size } = await dataset(path);
      for (const { given, flags } of kinds) {
        const expected = contentOf(theirs(path, flags)!);
        for (const parts of [1, 2, 7, 31])
          expect([seed, parts, contentOf(await made(path, given, size / parts))]).toEqual([
            seed,
            parts,
            expected,
          ]);
      }
    }
  },
);

describe('what does not fit', () => {
  const file = (
    name: string,
    contigs: readonly (readonly [string, number])[],
    reads: readonly Read[],
  ): string => {
    const path = join(folder, name);
    const bytes = Buffer.concat([headerOf(contigs), ...reads.map(recordOf)]);
    writeFileSync(path, bgzfOf(bytes, [headerOf(contigs).length]).file);
    return path;
  };
  const one = [['chr1', 1000]] as const;

  test('records out of order', async () => {
    const path = file('order.bam', one, [{ pos: 50 }, { pos: 40 }]);
    expect(await messageFrom(made(path, {}))).toMatch(
      /^index: record at \d+:\d+ of .*order\.bam: found contig 1, base 41 after contig 1, base 51, expected sorted ones; sort it/,
    );
  });
  test('a placed record after one without a place', async () => {
    const path = file('unplaced.bam', one, [{ refId: -1, pos: -1, flag: 4 }, { pos: 40 }]);
    expect(await messageFrom(made(path, {}))).toMatch(/found contig 1, base 41 after no place/);
  });
  test('a contig longer than BAI reaches', async () => {
    const path = file('long.bam', [['chr1', 2 ** 29 + 1]], [{ pos: 50 }]);
    expect(await messageFrom(made(path, {}))).toMatch(
      /^BAI: found a contig of 536870913 bases .*--format csi/,
    );
    expect((await made(path, { format: 'csi' })).length).toBeGreaterThan(28);
  });
  test('no BGZF at all, and one that is cut short', async () => {
    const path = join(folder, 'plain.gz');
    writeFileSync(path, Buffer.from('hello'));
    expect(await messageFrom(made(path, { format: 'gzi' }))).toMatch(/^BGZF: .*plain\.gz/);
  });
  test('no records', async () => {
    const path = file('none.bam', one, []);
    const found = contentOf(await made(path, {})) as { contigs: { bins: unknown[] }[] };
    expect(found.contigs.map(({ bins }) => bins)).toEqual([[]]);
  });
});

describe.skipIf(!has('bcftools'))('BCF', () => {
  const bcf = join(folder, 'x.bcf');
  const write = (rows: readonly string[]): void => {
    const contigs = [1, 2, 3].map((i) => `##contig=<ID=c${i},length=${i * 3_000_000}>\n`).join('');
    const head = `##fileformat=VCFv4.3\n${contigs}##INFO=<ID=END,Number=1,Type=Integer,Description="e">\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n`;
    execFileSync('bcftools', ['view', '-Ob', '-o', bcf], {
      input: head + rows.join(''),
      stdio: ['pipe', 'ignore', 'ignore'],
    });
  };
  const rows = Array.from({ length: 9000 }, (_, i) => {
    const pos = 1 + 300 * (i % 6000);
    const isLong = i % 97 === 0;
    return `c${i < 6000 ? 1 : 3}\t${pos}\tid${(i * 7919) % 10_007}\t${'ACGT'.repeat(1 + (i % 5))}\t${isLong ? '<DEL>' : 'C'}\t.\t.\t${isLong ? `END=${pos + i * 10}` : '.'}\n`;
  });
  test('what bcftools index makes', async () => {
    write(rows);
    for (const minShift of [14, 10]) {
      execFileSync('bcftools', ['index', '-f', '-m', `${minShift}`, bcf]);
      const expected = contentOf(readFileSync(`${bcf}.csi`));
      for (const split of [1e9, 20_000])
        expect(contentOf(await made(bcf, { 'min-shift': minShift }, split))).toEqual(expected);
    }
  });
  test('records out of order, and tbi', async () => {
    expect(await messageFrom(made(bcf, { format: 'tbi' }))).toMatch(/is BCF, expected csi/);
    write([...rows.slice(10), ...rows.slice(0, 10)]);
    for (const split of [1e9, 20_000])
      expect(await messageFrom(made(bcf, {}, split))).toMatch(/expected sorted ones/);
  });
});
