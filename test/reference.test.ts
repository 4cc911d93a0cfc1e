/** genomics/reference against samtools faidx, bgzip and a plain count of letters, for any split of the work. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { Json } from '../core/json.ts';
import { resolve } from '../core/params.ts';
import { reference } from '../genomics/jobs/reference.ts';
import { catalog } from '../pipelines/catalog.ts';
import { describe as describeUri } from '../pipelines/storage.ts';
import { bgzfOf, data, has, messageFrom } from './alignments.ts';
import { filesOf, hostOf } from './laws.ts';

const folder = mkdtempSync(join(tmpdir(), 'servermix-reference-'));
afterAll(() => rmSync(folder, { recursive: true }));

async function look(
  path: string,
  given: { [name: string]: Json },
  split?: number,
): Promise<{ [suffix: string]: string }> {
  const stage = {
    job: reference,
    inputs: { reference: [await describeUri(path)] },
    params: resolve(reference.params, given),
  };
  const files = await filesOf(stage, hostOf(catalog), split ? { split } : {});
  return Object.fromEntries(
    [...files].map(([suffix, bytes]) => [suffix, Buffer.from(bytes).toString('latin1')]),
  );
}

const sets: { [letter: string]: string } = Object.fromEntries(
  'A=A C=C G=G T=T U=T R=AG Y=CT S=CG W=AT K=GT M=AC B=CGT D=AGT H=ACT V=ACG N=ACGT'
    .split(' ')
    .map((pair) => pair.split('=')),
);
const partner: { [letter: string]: string } = { A: 'T', C: 'G', G: 'C', T: 'A' };
const upside = (motif: string): string[] =>
  Array.from(motif, (letter) => Array.from(sets[letter]!, (base) => partner[base]!).join('')).toReversed();

/** The reports as a reader of the definitions would make them. */
function expected(text: string, window: number, k: number, canonical: boolean, motifs: readonly string[]) {
  const sequences = text
    .split(/^>/m)
    .slice(1)
    .map((part) => {
      const end = part.indexOf('\n');
      return {
        name: /^\s*(\S*)/.exec(part.slice(0, end))![1]!,
        bases: part.slice(end + 1).replace(/[^!-~]/g, ''),
      };
    })
    .filter(({ bases }) => bases !== '');
  const windows = ['#contig\tstart\tend\ta\tc\tg\tt\tn\tother\tmasked\tgc\n'];
  const words = new Map<string, number>();
  const sites: string[] = [];
  for (const { name, bases } of sequences) {
    const upper = bases.toUpperCase().replaceAll('U', 'T');
    for (let at = 0; at < bases.length; at += window) {
      const some = upper.slice(at, at + window);
      const count = (pattern: RegExp, of = some): number => of.match(pattern)?.length ?? 0;
      const [a, c, g, t, n] = [/A/g, /C/g, /G/g, /T/g, /N/g].map((pattern) => count(pattern)) as number[];
      const known = a! + c! + g! + t!;
      const small = count(/[acgturyswkmbdhvn]/g, bases.slice(at, at + window));
      const row = [name, at, at + some.length, a, c, g, t, n, some.length - known - n!, small];
      windows.push(`${row.join('\t')}\t${known === 0 ? 'nan' : ((g! + c!) / known).toFixed(6)}\n`);
    }
    for (let at = 0; at + k <= upper.length; at++) {
      const word = upper.slice(at, at + k);
      if (/[^ACGT]/.test(word)) continue;
      const other = Array.from(word, (base) => partner[base]!)
        .toReversed()
        .join('');
      const kept = canonical && other < word ? other : word;
      words.set(kept, (words.get(kept) ?? 0) + 1);
    }
    for (let at = 0; at < upper.length; at++)
      for (const motif of motifs) {
        const fits = (pattern: readonly string[]): boolean =>
          at + pattern.length <= upper.length &&
          pattern.every((set, i) => {
            const found = sets[upper[at + i]!];
            return found !== undefined && Array.from(found).every((base) => set.includes(base));
          });
        const pattern = Array.from(motif, (letter) => sets[letter]!);
        const back = upside(motif);
        const isEven = pattern.every(
          (set, i) => Array.from(set).toSorted().join('') === Array.from(back[i]!).toSorted().join(''),
        );
        const row = (strand: string): string =>
          `${name}\t${at}\t${at + motif.length}\t${motif}\t0\t${strand}\n`;
        if (fits(pattern)) sites.push(row(isEven ? '.' : '+'));
        if (!isEven && fits(back)) sites.push(row('-'));
      }
  }
  const kmers = [...words].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    '.windows.tsv': windows.join(''),
    '.kmers.tsv': `#kmer\tcount\n${kmers.map(([word, count]) => `${word}\t${count}\n`).join('')}`,
    '.motifs.bed': sites.join(''),
  };
}

const letters = fc.constantFrom(...Array.from('ACGTACGTACGTacgtNnRYSWKMBDHVU-*x'));
const sequence = fc.record({
  name: fc.stringMatching(/^[a-z][\w|.]{0,12}$/),
  about: fc.constantFrom('', ' about it', '\ttext'),
  bases: fc.array(letters, { minLength: 1, maxLength: 400 }),
});
const fasta = fc
  .record({
    sequences: fc.uniqueArray(sequence, { minLength: 1, maxLength: 6, selector: ({ name }) => name }),
    width: fc.constantFrom(1, 7, 60, 1000),
    ending: fc.constantFrom('\n', '\r\n'),
    isClosed: fc.boolean(),
    blanks: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ sequences, width, ending, isClosed, blanks }) => {
    const text = sequences
      .map(({ name, about, bases }) => {
        const lines = bases.join('').match(new RegExp(`.{1,${width}}`, 'g'))!;
        return [`>${name}${about}`, ...lines].join(ending);
      })
      .join(ending + ending.repeat(blanks));
    return isClosed ? text + ending : text;
  });

test('random sequences, any split, plain and in blocks', async () => {
  const plain = join(folder, 'random.fa');
  const packed = join(folder, 'random.fa.gz');
  const cases = fc.record({
    text: fasta,
    window: fc.integer({ min: 1, max: 300 }),
    k: fc.integer({ min: 1, max: 6 }),
    canonical: fc.boolean(),
    split: fc.integer({ min: 1, max: 500 }),
    cuts: fc.array(fc.nat(400), { maxLength: 8 }),
  });
  const motifs = ['GATC', 'NGG', 'A', 'RYN', 'ACGTACGT', 'CNNG'];
  await fc.assert(
    fc.asyncProperty(cases, async ({ text, window, k, canonical, split, cuts }) => {
      const bytes = Buffer.from(text);
      writeFileSync(plain, bytes);
      const edges = cuts.map((cut) => Math.min(cut, bytes.length)).toSorted((a, b) => a - b);
      writeFileSync(packed, bgzfOf(bytes, edges).file);
      const given = { reports: 'windows,kmers,motifs', window, k, canonical, motif: motifs.join(',') };
      const wanted = expected(text, window, k, canonical, motifs);
      for (const path of [plain, packed])
        for (const size of [1e9, split]) expect(await look(path, given, size)).toMatchObject(wanted);
    }),
    { numRuns: 60, seed: 26, interruptAfterTimeLimit: 20_000 },
  );
});

describe.skipIf(!data || !has('samtools') || !has('bgzip'))('every shared FASTA', () => {
  const names = (readdirSync(data!, { recursive: true }) as string[]).filter((name) =>
    /\.(fa|fasta)(\.gz)?$/.test(name),
  );
  let compared = 0;
  const refused: string[] = [];
  afterAll(() =>
    console.log(`reference: ${compared} indexes compared; refused as there: ${refused.join(', ')}`),
  );
  test.each(names)('%s', async (name) => {
    const bytes = readFileSync(join(data!, name));
    const path = join(folder, name.replaceAll('/', '_'));
    writeFileSync(path, bytes);
    const peer = (): string | undefined => {
      try {
        execFileSync('samtools', ['faidx', path], { stdio: 'ignore' });
        return readFileSync(`${path}.fai`, 'latin1');
      } catch {
        return undefined;
      }
    };
    const fai = peer();
    const splits = [1e9, Math.max(1, bytes.length / 13)];
    if (fai === undefined) {
      for (const split of splits)
        expect(await messageFrom(look(path, { reports: 'index' }, split))).toMatch(/^FASTA: .*expected/);
      refused.push(name);
      return;
    }
    for (const split of splits) {
      const found = await look(path, { reports: 'index' }, split);
      expect(found['.fai']).toBe(fai);
      if (path.endsWith('.gz')) expect(found['.gzi']).toBe(readFileSync(`${path}.gzi`, 'latin1'));
    }
    compared++;
  });
});

describe('what FASTA is not', () => {
  const cases: [string, string, RegExp][] = [
    ['nothing', '', /is empty \(0 bytes\)/],
    ['no header', 'ACGT\n', /line at byte 0 .* found "A", expected '>' and a name/],
    ['reads', '@r\nACGT\n+\nIIII\n', /'@' as FASTQ has it/],
    ['only blanks', '\n\n', /has no sequence/],
    ['a long line', '>a\nACGT\nACGTA\n', /found a line of 5 bytes behind one of 4/],
    ['a line behind a short one', '>a\nACGT\nAC\nACGT\n', /behind a shorter or blank one/],
    ['a line behind a blank one', '>a\nACGT\n\nACGT\n', /behind a shorter or blank one/],
    ['nothing behind the last header', '>a\nACGT\n>b\n', /ends behind the header of b/],
  ];
  test.each(cases)('%s', async (name, text, message) => {
    const path = join(folder, `${name.replaceAll(' ', '-')}.fa`);
    writeFileSync(path, text);
    for (const split of [1e9, 4, 1]) expect(await messageFrom(look(path, {}, split))).toMatch(message);
  });
  test('plain gzip', async () => {
    const path = join(folder, 'plain.fa.gz');
    writeFileSync(path, Buffer.from('1f8b0800000000000003732ce20200e8b1a6a505000000', 'hex'));
    expect(await messageFrom(look(path, {}))).toMatch(/is plain gzip, expected plain text or BGZF/);
  });
  test.each([
    [{ reports: 'motifs' }, /add --motif/],
    [{ motif: 'GAXTC' }, /found "GAXTC", expected 1 to 31 letters/],
    [{ motif: `${'A'.repeat(32)}` }, /expected 1 to 31 letters/],
  ] as [{ [name: string]: Json }, RegExp][])('%j', async (given, message) => {
    const path = join(folder, 'good.fa');
    writeFileSync(path, '>a\nACGT\n');
    expect(await messageFrom(look(path, given))).toMatch(message);
  });
});
