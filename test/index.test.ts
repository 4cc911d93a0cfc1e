/** genomics/index finds what samtools index and bgzip -r find, for any split of the work. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { index } from '../genomics/jobs/index.ts';
import { data, has, headerOf, recordOf, type Read, bgzfOf, messageFrom, sharedBams } from './alignments.ts';
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
  const head = isCsi ? many(2, i32) : [];
  if (isCsi) at += 4 + i32();
  const contigs = many(i32(), () => {
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
  test('every shared BAM, in one part and in many', { timeout: 120_000 }, async () => {
    let [equal, refused] = [0, 0];
    for (const name of sharedBams()) {
      const path = join(data!, name);
      for (const { given, flags } of kinds) {
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
    expect(equal).toBeGreaterThan(100);
  });

  test('GZI of every bgzipped file', async () => {
    let compared = 0;
    for (const name of readdirSync(data!, { recursive: true, encoding: 'utf8' })) {
      if (!/\.(bam|gz|bgz)$/.test(name)) continue;
      const copy = join(folder, 'copy.gz');
      copyFileSync(join(data!, name), copy);
      try {
        execFileSync('bgzip', ['-r', copy], { stdio: 'ignore' });
      } catch {
        continue;
      }
      const { size } = await dataset(copy);
      if (size > 4e6) continue;
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
    expect(compared).toBeGreaterThan(50);
  });
});

test.skipIf(!hasPeer)(
  'random alignments: the same for any split, and as samtools',
  { timeout: 60_000 },
  async () => {
    for (let seed = 1; seed <= 5; seed++) {
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
