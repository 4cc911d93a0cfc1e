/** Pairs that overlap are counted once, whatever shape they have; against depths worked out base by base. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { begin, createSweep, finish } from '../genomics/kernels/depth.ts';
import { createReads, turn, walk } from '../genomics/kernels/reads.ts';
import { depthOf, type Read, recordsOf, type Rules, sorted } from './oracle.ts';

const length = 3000;

/** Depth of `[from, to)` from the kernels. */
function measure(reads: readonly Read[], rules: Rules = {}, from = 0, to = length): number[] {
  const { mapq = 0, exclude = 1796, include = 0, fast = false } = rules;
  const out: number[] = [];
  const sweep = createSweep(({ at, depth, count, end }) => {
    for (let i = 0; i < count; i++) {
      expect(at[i]).toBe(from + out.length);
      for (let pos = at[i]!; pos < (i + 1 < count ? at[i + 1]! : end); pos++) out.push(depth[i]!);
    }
  });
  const state = createReads(sweep, { mapq, exclude, include, fast });
  begin(sweep, from, to);
  turn(state, 0, 'chr1', length, from, to);
  const bytes = recordsOf(reads);
  walk(state, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, 'reads.bam');
  finish(sweep);
  return out;
}

const proper = 0x1 | 0x2;
const pair = (first: readonly [number, string], second: readonly [number, string], bits = proper): Read[] => [
  {
    name: 'p',
    flag: bits,
    contig: 0,
    pos: first[0],
    mapq: 60,
    cigar: first[1],
    mateContig: 0,
    matePos: second[0],
  },
  {
    name: 'p',
    flag: bits,
    contig: 0,
    pos: second[0],
    mapq: 60,
    cigar: second[1],
    mateContig: 0,
    matePos: first[0],
  },
];
const runs = (depth: readonly number[]): string =>
  depth
    .map((value, pos) => (value === depth[pos - 1] ? '' : `${pos}=${value}`))
    .filter(Boolean)
    .join(' ');

test.each([
  ['overlap', pair([100, '50M'], [130, '50M']), '0=0 100=1 180=0'],
  ['no overlap', pair([100, '50M'], [150, '50M']), '0=0 100=1 200=0'],
  ['same start', pair([100, '50M'], [100, '30M']), '0=0 100=1 130=0'],
  // What mosdepth does: it takes back up to the end of the first read, even where only that one lies.
  ['second within first', pair([100, '50M'], [110, '20M']), '0=0 100=1 130=0'],
  ['second within first, clipped', pair([100, '50M'], [110, '20M5S']), '0=0 100=1 150=0'],
  ['deletions', pair([100, '20M10D20M'], [110, '30M10D5M']), '0=0 100=1 155=0'],
  ['skip', pair([100, '10M500N10M'], [105, '5M500N20M']), '0=0 100=1 110=0 610=1 630=0'],
  ['not proper', pair([100, '50M'], [130, '50M'], 1), '0=0 100=1 130=2 150=1 180=0'],
  ['supplementary', pair([100, '50M'], [130, '50M'], proper | 0x800), '0=0 100=1 130=2 150=1 180=0'],
  ['operations that cover nothing', pair([100, '50S'], [100, '50M']), '0=0 100=1 150=0'],
  ['many operations', pair([100, '5=1X5=1I5='], [108, '3X2I10M']), '0=0 100=1 121=0'],
])('a pair: %s', (_name, reads, expected) => {
  expect(runs(measure(reads))).toBe(expected);
  expect(runs(depthOf(reads, 0, length))).toBe(expected);
});

test('an entry whose read ended before does not count', () => {
  const reads = pair([100, '50M'], [130, '50M']);
  // The mate is not where the first read says.
  const strayed = [reads[0]!, { ...reads[1]!, pos: 400 }];
  expect(runs(measure(strayed))).toBe('0=0 100=1 150=0 400=1 450=0');
});

test('a CIGAR in the tag CG', () => {
  const [read] = pair([100, '10M5D10M3I10M'], [900, '10M']);
  expect(runs(measure([{ ...read!, long: true }]))).toBe('0=0 100=1 110=0 115=1 135=0');
  expect(runs(measure([{ ...read!, long: true }], { fast: true }))).toBe('0=0 100=1 135=0');
});

test('reads out of order are refused', () => {
  const [first, second] = pair([100, '50M'], [130, '50M']);
  expect(() => measure([second!, first!])).toThrow(/base 101 after one at base 131 of chr1, .*samtools sort/);
});

const cigar = fc
  .array(
    fc.tuple(
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom('M', 'M', 'M', 'I', 'D', 'N', 'S', '=', 'X', 'H', 'P'),
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((ops) => ops.map(([n, code]) => `${n}${code}`).join(''));
/** Pairs, some with third reads of the same name, all within a few hundred bases. */
const reads = fc
  .array(
    fc.record({
      name: fc.integer({ min: 0, max: 12 }).map((n) => `name-of-a-read-${'x'.repeat(n % 5)}${n}`),
      flag: fc.constantFrom(1, 3, 3, 3, 3, 7, 0x803, 0x103, 0x403),
      contig: fc.constant(0),
      pos: fc.integer({ min: 0, max: 300 }).map((pos) => 1000 + pos),
      mapq: fc.integer({ min: 0, max: 60 }),
      cigar,
      mateContig: fc.constantFrom(0, 0, 0, 1),
      matePos: fc.integer({ min: 0, max: 300 }).map((pos) => 1000 + pos),
      long: fc.boolean(),
    }),
    { maxLength: 40 },
  )
  .map(sorted);
const rules = fc.constantFrom<Rules>(
  {},
  { mapq: 30 },
  { exclude: 0 },
  { include: 2 },
  { fast: true },
  { fast: true, exclude: 0 },
);

test('random reads give the depths that are worked out base by base', () => {
  fc.assert(
    fc.property(reads, rules, (some, how) => {
      expect(measure(some, how)).toEqual(depthOf(some, 0, length, how));
    }),
    { numRuns: 400 },
  );
});

test('an interval has the depths that the whole has there', () => {
  fc.assert(
    fc.property(
      reads,
      rules,
      fc.integer({ min: 1, max: 1400 }),
      fc.integer({ min: 1, max: 600 }),
      (some, how, from, size) => {
        const to = Math.min(from + size, length);
        expect(measure(some, how, from, to)).toEqual(depthOf(some, 0, length, how).slice(from, to));
      },
    ),
    { numRuns: 400 },
  );
});

test('changes far beyond the piece at hand', () => {
  const far = 5_000_000;
  const sweep = createSweep(({ at, depth, count }) => {
    for (let i = 0; i < count; i++) if (depth[i] !== found.at(-1)?.[1]) found.push([at[i]!, depth[i]!]);
  });
  const found: [number, number][] = [];
  const state = createReads(sweep, { mapq: 0, exclude: 0, include: 0, fast: false });
  begin(sweep, 0, far);
  turn(state, 0, 'chr1', far, 0, far);
  const [read] = pair([10, '10M2000000N10M1500000N10M'], [20, '5M']);
  const bytes = recordsOf([read!, { ...read!, pos: 4_999_000, cigar: '2000M', name: 'q' }]);
  walk(state, new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, 'reads.bam');
  finish(sweep);
  expect(found).toEqual([
    [0, 0],
    [10, 1],
    [20, 0],
    [2_000_020, 1],
    [2_000_030, 0],
    [3_500_030, 1],
    [3_500_040, 0],
    [4_999_000, 1],
  ]);
});
