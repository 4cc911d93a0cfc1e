/** Files of lines of VCF: the same bytes however parts cut the lines, in whatever order they come. */
import { gunzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { FileSink, Key, Output, Stored } from '../core/job.ts';
import {
  type Arrangement,
  collectLines,
  joinLines,
  type VcfLines,
  writeLines,
} from '../genomics/formats/vcfwriter.ts';

const contigs = [
  { name: 'a', length: 4_000_000 },
  { name: 'b', length: 4_000_000 },
];
type Row = readonly [contig: number, from: number, text: string, to?: number];

/** Numbers of [0, 1), the same ones in each run. */
let seed = 41;
const next = (): number => {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
  return seed / 2 ** 32;
};
/** Mostly short lines, some of several blocks; several at a place. */
const rows: Row[] = [];
for (let [i, at] = [0, 0]; i < 6000; i++) {
  at += next() < 0.2 ? 0 : Math.floor(next() * 600);
  const size = next() < 0.003 ? 150_000 : Math.floor(next() * 700);
  const letters = String.fromCharCode(...Array.from({ length: 30 }, () => 65 + Math.floor(next() * 26)));
  rows.push([i < 4000 ? 0 : 1, i === 4000 ? (at = 0) : at, `${i}\t${at}\t${letters.repeat(size / 30)}\n`]);
}

/** The files that come of parts which end before those rows. */
async function write(all: readonly Row[], cuts: readonly number[], arrangement: Arrangement = {}) {
  const blobs = new Map<Key, Uint8Array>();
  const context = {
    async put(bytes: Uint8Array): Promise<Stored> {
      const key: Key = `test@1/${blobs.size}`;
      blobs.set(key, bytes.slice());
      return { key, size: bytes.length };
    },
    get: async ({ key }: Stored, start = 0, end?: number) => blobs.get(key)!.slice(start, end),
  };
  const files = new Map<string, Uint8Array[]>();
  let copied = 0;
  const output: Output = {
    async file(suffix = '') {
      const pieces: Uint8Array[] = [];
      files.set(suffix, pieces);
      const sink: FileSink = {
        write: async (bytes) => void pieces.push(bytes.slice()),
        async append(stored, start = 0, end = stored.size) {
          copied += end - start;
          pieces.push(await context.get(stored, start, end));
        },
      };
      return sink;
    },
  };
  const parts: VcfLines[] = [];
  const edges = [0, ...cuts, all.length];
  for (let i = 1; i < edges.length; i++) {
    const lines = collectLines();
    for (const [contig, from, text, to = from + 1] of all.slice(edges[i - 1], edges[i]))
      lines.add(contig, from, to, i % 2 ? text : Buffer.from(text));
    parts.push(await lines.store(context));
  }
  await writeLines(joinLines(parts), output, '', '#header\n', contigs, context, arrangement);
  const file = Buffer.concat(files.get('')!);
  const index = files.get('.tbi') ?? files.get('.csi')!;
  return { file, suffixes: [...files.keys()], index: Buffer.concat(index), copied: copied / file.length };
}

const cutsOf = (count: number, step: number): number[] =>
  Array.from({ length: Math.floor((count - 1) / step) }, (_, i) => (i + 1) * step);
const textOf = (all: readonly Row[]): string => `#header\n${all.map(([, , text]) => text).join('')}`;

describe('lines of VCF become the same file', () => {
  test('however they are cut, and most blocks are those of the parts', async () => {
    const whole = await write(rows, []);
    expect(gunzipSync(whole.file).toString('latin1') === textOf(rows)).toBe(true);
    expect(whole.copied).toBeGreaterThan(0.8);
    for (const step of [7, 100, 1013, 3000]) {
      const { file, index, copied } = await write(rows, cutsOf(rows.length, step));
      expect([step, file.equals(whole.file), index.equals(whole.index)]).toEqual([step, true, true]);
      if (step > 1000) expect(copied).toBeGreaterThan(0.5);
    }
  });

  test('when neighbours changed their places', async () => {
    const ordered = await write(rows, []);
    // Rows near some edges come late, and every third row of a stretch in a part of its own.
    const late = (row: Row, i: number): boolean =>
      (i % 1000 > 985 && rows[i + 1]?.[1] !== row[1] && rows[i - 1]?.[1] !== row[1]) ||
      (i > 2000 && i < 2400 && i % 3 === 0 && rows[i + 1]?.[1] !== row[1] && rows[i - 1]?.[1] !== row[1]);
    const moved = [...rows.filter((row, i) => !late(row, i)), ...rows.filter(late)];
    expect(rows.filter(late).length).toBeGreaterThan(50);
    for (const step of [600, 2500]) {
      const { file, index, copied } = await write(moved, cutsOf(moved.length, step), { isMoved: true });
      expect([step, file.equals(ordered.file), index.equals(ordered.index)]).toEqual([step, true, true]);
      expect(copied).toBeGreaterThan(0.2);
    }
  });

  test('when those of a place are joined', async () => {
    const join = (lines: readonly string[]): readonly string[] => [
      lines.map((line) => line.slice(0, 40)).join('+'),
    ];
    const whole = await write(rows, [], { isMoved: true, join });
    const places = new Set(rows.map(([contig, from]) => `${contig}:${from}`));
    expect(gunzipSync(whole.file).toString('latin1').split('\n')).toHaveLength(places.size + 2);
    for (const step of [90, 1300]) {
      const { file, index } = await write(rows, cutsOf(rows.length, step), { isMoved: true, join });
      expect([step, file.equals(whole.file), index.equals(whole.index)]).toEqual([step, true, true]);
    }
  });
});

test('records behind the end of their contig are in the index, those behind 32 bits are none', async () => {
  for (const [from, to] of [
    [2 ** 29, 2 ** 29 + 5],
    [2 ** 31 - 2, 2 ** 31 - 1],
    [5, 99_999_999_999],
  ] as const) {
    const { suffixes, index } = await write([[0, from, 'x\n', to]], []);
    expect(suffixes).toEqual(['', '.csi']);
    // Levels that reach so far.
    expect(gunzipSync(index).readInt32LE(8)).toBe(6);
  }
  await expect(write([[0, 2 ** 31 - 1, 'x\n']], [])).rejects.toThrow(
    /^VCF: a record has POS 2147483648, expected 2147483647 at most, /,
  );
});
