/** The calculations under genomics/variants, against what they are defined as. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { annotationsOf, fisher, oddsRatio, rankSum } from '../genomics/calling/annotations.ts';
import { gapsOf } from '../genomics/calling/gaps.ts';
import {
  callSamples,
  genotypesOf,
  gqOf,
  likelihoodsOf,
  type Observation,
  plOf,
  prior,
  sumOf,
} from '../genomics/calling/genotypes.ts';
import { createGraph, detoursOf } from '../genomics/calling/debruijn.ts';
import { differencesOf } from '../genomics/calling/differences.ts';
import { createAligner, errorOf } from '../genomics/calling/likelihoods.ts';
import { referenceCodes, shown } from '../genomics/calling/pool.ts';
import { marksOf } from '../genomics/calling/marks.ts';
import { spelled } from '../genomics/calling/mixed.ts';
import { shiftLeft } from '../genomics/calling/signals.ts';
import { borderOf, cellSize, findWindows, slack } from '../genomics/calling/windows.ts';
import { pairhmmUrl } from '../genomics/kernels/modules.ts';

const seen = (allele: number, more: Partial<Observation> = {}): Observation => ({
  read: 0,
  sample: 0,
  allele,
  isReverse: false,
  mapq: 60,
  quality: 30,
  distance: 20,
  ...more,
});

describe('the pair-HMM kernel', () => {
  const aligner = createAligner(new WebAssembly.Module(readFileSync(pairhmmUrl())));

  /** The forward algorithm in its textbook form, in doubles, without a band. */
  function slowly(bases: Uint8Array, quals: Uint8Array, haplotype: Uint8Array): number {
    const open = gapsOf(haplotype).open;
    const width = haplotype.length;
    const row = (fill = 0): number[] => Array.from({ length: width + 1 }, () => fill);
    let [match, insert, gap] = [row(), row(), row(1 / width)];
    for (let i = 0; i < bases.length; i++) {
      const [m, n, d] = [row(), row(), row()];
      const error = errorOf[quals[i]!]!;
      for (let j = 1; j <= width; j++) {
        const cost = open[j - 1]!;
        const emitted = bases[i] === haplotype[j - 1] ? 1 - error : error / 3;
        const close = i === 0 ? 1 : 0.9;
        m[j] = emitted * (match[j - 1]! * (1 - 2 * cost) + (insert[j - 1]! + gap[j - 1]!) * close);
        n[j] = match[j]! * cost + insert[j]! * 0.1;
        d[j] = m[j - 1]! * cost + d[j - 1]! * 0.1;
      }
      [match, insert, gap] = [m, n, d];
    }
    return Math.log([...match, ...insert].reduce((sum, one) => sum + one, 0));
  }

  const codes = (length: { minLength: number; maxLength: number }) =>
    fc.array(fc.integer({ min: 0, max: 3 }), length).map((list) => Uint8Array.from(list));

  test('gives what the algorithm does, for reads of any length side by side', () => {
    fc.assert(
      fc.property(
        fc.array(codes({ minLength: 30, maxLength: 60 }), { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(codes({ minLength: 5, maxLength: 30 }), fc.integer({ min: 2, max: 40 })), {
          minLength: 1,
          maxLength: 9,
        }),
        (haplotypes, reads) => {
          const fragments = reads.map(([bases, quality]) => ({
            bases,
            quals: new Uint8Array(bases.length).fill(quality),
            column: 0,
          }));
          const found = aligner.likelihoods(fragments, haplotypes, 200);
          fragments.forEach(({ bases, quals }, f) =>
            haplotypes.forEach((haplotype, h) => {
              const expected = slowly(bases, quals, haplotype);
              expect(found[f * haplotypes.length + h]).toBeCloseTo(Math.max(-200, expected), 3);
            }),
          );
        },
      ),
      { numRuns: 60, seed: 3 },
    );
  });

  test('a band around the place of the read loses next to nothing', () => {
    const haplotype = Uint8Array.from({ length: 120 }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) >>> 13) & 3);
    const bases = haplotype.slice(30, 90);
    const fragment = { bases, quals: new Uint8Array(60).fill(30), column: 30 };
    const [narrow] = aligner.likelihoods([fragment], [haplotype], 8);
    const [wide] = aligner.likelihoods([fragment], [haplotype], 200);
    expect(narrow).toBeCloseTo(wide!, 2);
  });
});

describe('assembly', () => {
  const bases = (length: { minLength: number; maxLength: number }, most = 3) =>
    fc.array(fc.integer({ min: 0, max: most }), length).map((list) => Uint8Array.from(list));
  const some = { minLength: 0, maxLength: 24 };

  test('differences spell what they are of, and one change is one', () => {
    fc.assert(
      fc.property(
        bases(some, 1),
        bases(some),
        bases(some, 1),
        bases(some, 1),
        (before, gone, put, behind) => {
          const reference = Uint8Array.of(...before, ...gone, ...behind);
          const wanted = Uint8Array.of(...before, ...put, ...behind);
          const edits = differencesOf(reference, wanted, 100)!;
          const out: number[] = [];
          let at = 0;
          for (const { pos, size, bases: text } of edits) {
            expect(pos - 100).toBeGreaterThanOrEqual(at);
            out.push(...reference.subarray(at, pos - 100), ...Array.from(text, Number));
            at = pos - 100 + size;
          }
          expect([...out, ...reference.subarray(at)]).toEqual([...wanted]);
          if (gone.length === 0 || put.length === 0) expect(edits.length).toBeLessThan(2);
        },
      ),
      { numRuns: 300, seed: 6 },
    );
  });

  const mixed = (length: number, seed: number): Uint8Array => {
    let state = seed;
    return Uint8Array.from({ length }, () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 30);
  };
  const readsOf = (haplotype: Uint8Array): { bases: Uint8Array; quals: Uint8Array }[] =>
    Array.from({ length: haplotype.length - 60 }, (_, i) => ({
      bases: haplotype.subarray(i, i + 60),
      quals: new Uint8Array(60).fill(30),
    }));

  test('detours are what is put in, left out, or there twice', () => {
    const graph = createGraph();
    const reference = mixed(300, 1);
    const [before, behind] = [reference.subarray(0, 150), reference.subarray(150)];
    const found = (haplotype: Uint8Array): string[] =>
      detoursOf(graph, reference, readsOf(haplotype), 21, 2)!.map(({ from, to, bases: put }) =>
        [...reference.subarray(0, from), ...put, ...reference.subarray(to)].join(''),
      );
    for (const haplotype of [
      Uint8Array.of(...before, ...mixed(80, 7000), ...behind),
      Uint8Array.of(...before, ...reference.subarray(110)),
      Uint8Array.of(...before, ...reference.subarray(190)),
      Uint8Array.of(...before, ...mixed(30, 9000), ...reference.subarray(170)),
    ])
      expect(found(haplotype)).toEqual([haplotype.join('')]);
    expect(found(reference)).toEqual([]);
  });

  test('words that are too short to tell, or seen too seldom, give none', () => {
    const graph = createGraph();
    const reference = mixed(300, 1);
    const twice = Uint8Array.of(...reference, ...reference.subarray(0, 40));
    expect(detoursOf(graph, twice, [], 21, 2)).toBeUndefined();
    // A motif that goes round.
    const put = Uint8Array.from({ length: 50 }, (_, i) => i % 3);
    const round = Uint8Array.of(...reference.subarray(0, 150), ...put, ...reference.subarray(150));
    expect(detoursOf(graph, reference, readsOf(round), 21, 2)).toBeUndefined();
    const once = readsOf(Uint8Array.of(...reference.subarray(0, 150), 0, 0, ...reference.subarray(150)));
    expect(detoursOf(graph, reference, once.slice(100, 101), 21, 2)).toEqual([]);
  });
});

describe('genotypes', () => {
  test('come in the order of VCF', () => {
    expect(genotypesOf(3, 2)).toEqual([
      [0, 0],
      [0, 1],
      [1, 1],
      [0, 2],
      [1, 2],
      [2, 2],
    ]);
    for (const [a, b] of genotypesOf(6, 2))
      expect(genotypesOf(6, 2).findIndex(([x, y]) => x === a && y === b)).toBe((b! * (b! + 1)) / 2 + a!);
    expect(genotypesOf(2, 3)).toEqual([
      [0, 0, 0],
      [0, 0, 1],
      [0, 1, 1],
      [1, 1, 1],
    ]);
    expect(genotypesOf(2, 1)).toEqual([[0], [1]]);
  });

  test('of bases: balanced ones are of two alleles, however many', () => {
    const genotypes = genotypesOf(2, 2);
    for (const count of [4, 30, 900, 9000]) {
      const bases = Array.from({ length: count }, (_, i) => seen(i % 2, { isReverse: i % 4 > 1 }));
      expect(callSamples([likelihoodsOf(bases, genotypes)], genotypes, prior.base).best).toEqual([1]);
    }
    const few = Array.from({ length: 300 }, (_, i) => seen(i % 20 === 0 ? 1 : 0));
    expect(callSamples([likelihoodsOf(few, genotypes)], genotypes, prior.base).best).toEqual([0]);
  });

  test('errors that come together count less than those that do not', () => {
    const genotypes = genotypesOf(2, 2);
    const costOf = (together: boolean): number => {
      const bases = Array.from({ length: 20 }, (_, i) =>
        seen(i < 6 ? 1 : 0, { isReverse: !together && i % 2 === 1 }),
      );
      return likelihoodsOf(bases, genotypes)[0]!;
    };
    expect(costOf(true)).toBeGreaterThan(costOf(false));
  });

  test('what a deletion leaves of a place is no variant', () => {
    const genotypes = genotypesOf(3, 2);
    const gone = Array.from({ length: 20 }, (_, i) => seen(i % 2 === 0 ? 0 : 2));
    const { best, none } = callSamples([likelihoodsOf(gone, genotypes)], genotypes, prior.base, 2);
    expect(genotypes[best[0]!]).toEqual([0, 2]);
    expect(none).toBeGreaterThan(Math.log(0.9));
    const beside = Array.from({ length: 20 }, (_, i) => seen(1 + (i % 2)));
    const other = callSamples([likelihoodsOf(beside, genotypes)], genotypes, prior.base, 2);
    expect(genotypes[other.best[0]!]).toEqual([1, 2]);
    expect(other.none).toBeLessThan(Math.log(1e-6));
  });

  test('several samples learn from each other', () => {
    const genotypes = genotypesOf(2, 2);
    const weak = likelihoodsOf([seen(1), seen(0), seen(0)], genotypes);
    const strong = likelihoodsOf(
      Array.from({ length: 20 }, () => seen(1)),
      genotypes,
    );
    expect(callSamples([weak], genotypes, prior.base).best).toEqual([0]);
    expect(callSamples([weak, strong, strong], genotypes, prior.base).best).toEqual([1, 2, 2]);
  });

  test('PL, GQ, and sums of logarithms', () => {
    expect(plOf([-1, -1 - Math.LN10, -1 - 3 * Math.LN10])).toEqual([0, 10, 30]);
    expect(gqOf([40, 0, 17])).toBe(17);
    expect(gqOf([400, 0, 500])).toBe(99);
    expect(sumOf([Math.log(2), Math.log(3), -Infinity])).toBeCloseTo(Math.log(5), 12);
    expect(sumOf([])).toBe(-Infinity);
  });
});

describe('annotations', () => {
  test("Fisher's test, known values", () => {
    // Of 8 cups 4, three of them right (p 0.486), all of them right (0.0286).
    expect(10 ** (-fisher([3, 1, 1, 3]) / 10)).toBeCloseTo(0.4857, 4);
    expect(10 ** (-fisher([4, 0, 0, 4]) / 10)).toBeCloseTo(0.02857, 5);
    expect(fisher([0, 0, 5, 5])).toBeCloseTo(0, 6);
    expect(Number.isFinite(fisher([5000, 0, 0, 5000]))).toBe(true);
  });

  test('the odds ratio is symmetric in strands and least where they are balanced', () => {
    expect(oddsRatio([20, 3, 4, 9])).toBeCloseTo(oddsRatio([3, 20, 9, 4]), 12);
    expect(oddsRatio([10, 10, 10, 10])).toBeCloseTo(Math.log(2), 12);
    expect(oddsRatio([10, 10, 20, 0])).toBeGreaterThan(oddsRatio([10, 10, 12, 8]));
  });

  test('rank sums, against the sum over all pairs', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 9 })), { maxLength: 40 }),
        (list) => {
          const all = list.map(([allele, quality]) => seen(allele, { quality }));
          const [alts, refs] = [1, 0].map((a) => all.filter(({ allele }) => allele === a));
          const z = rankSum(all, ({ quality }) => quality);
          if (alts!.length === 0 || refs!.length === 0) {
            expect(z).toBeUndefined();
            return;
          }
          let u = 0;
          for (const a of alts!)
            for (const b of refs!) u += a.quality > b.quality ? 1 : a.quality < b.quality ? 0 : 0.5;
          const excess = u - (alts!.length * refs!.length) / 2;
          expect(Math.sign(z!)).toBe(Math.sign(excess));
        },
      ),
      { numRuns: 200, seed: 4 },
    );
    const apart = Array.from({ length: 20 }, (_, i) => seen(i < 10 ? 0 : 1, { quality: i }));
    // 100 pairs, all won: (100 - 50) / sqrt(10 * 10 * 21 / 12).
    expect(rankSum(apart, ({ quality }) => quality)).toBeCloseTo(50 / Math.sqrt(175), 9);
  });

  test('depth and mapping quality', () => {
    const notes = annotationsOf([seen(0, { mapq: 60 }), seen(1, { mapq: 0 }), seen(-1, { mapq: 60 })], 7);
    expect([notes.dp, notes.mq0]).toEqual([3, 7]);
    expect(notes.mq).toBeCloseTo(Math.sqrt(2400), 9);
  });
});

describe('places', () => {
  test('insertions and deletions go as far left as they can', () => {
    // CAAATTTG
    const slice = { codes: Uint8Array.of(1, 0, 0, 0, 3, 3, 3, 2), from: 100, to: 108 };
    expect(shiftLeft({ pos: 103, size: 1, bases: '' }, slice)).toEqual({ pos: 101, size: 1, bases: '' });
    expect(shiftLeft({ pos: 104, size: 0, bases: '0' }, slice)).toEqual({ pos: 101, size: 0, bases: '0' });
    expect(shiftLeft({ pos: 105, size: 2, bases: '' }, slice)).toEqual({ pos: 104, size: 2, bases: '' });
    expect(shiftLeft({ pos: 107, size: 0, bases: '33' }, slice)).toEqual({ pos: 104, size: 0, bases: '33' });
  });

  test('alleles have the base before them, at the start of a contig the one behind', () => {
    // AAAC
    const slice = { codes: Uint8Array.of(0, 0, 0, 1), from: 0, to: 4 };
    expect(spelled([[{ pos: 1, size: 1, bases: '' }]], slice)).toEqual({ pos: 0, alleles: ['00', '0'] });
    expect(spelled([[{ pos: 0, size: 1, bases: '' }]], slice)).toEqual({ pos: 0, alleles: ['00', '0'] });
    expect(spelled([[{ pos: 0, size: 0, bases: '3' }]], slice)).toEqual({ pos: 0, alleles: ['0', '30'] });
    const gone = { pos: 2, size: 2, bases: '' };
    const put = { pos: 2, size: 0, bases: '33' };
    expect(spelled([[gone], [put]], slice)).toEqual({ pos: 1, alleles: ['001', '0', '03301'] });
    // Both on one haplotype; and other bases in the place of some need none before them.
    expect(spelled([[put, gone]], slice)).toEqual({ pos: 2, alleles: ['01', '33'] });
    expect(spelled([[{ pos: 2, size: 2, bases: '333' }]], slice)).toEqual({ pos: 2, alleles: ['01', '333'] });
  });

  test('letters of a reference: what is ambiguous is shown as N, and is no base to call', () => {
    const codes = Array.from('ACGTacgtNnRYSWKMBDHVr*', (letter) => referenceCodes[letter.charCodeAt(0)]!);
    expect(codes.map((code) => shown[code]).join('')).toBe('ACGTACGTNNNNNNNNNNNNNN');
    expect(codes.filter((code) => code < 4)).toHaveLength(8);
  });

  test('a moved insertion spells the same sequence', () => {
    const text = fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 6, maxLength: 20 });
    fc.assert(
      fc.property(
        text,
        fc.nat(5),
        fc.array(fc.integer({ min: 0, max: 1 }), { minLength: 1, maxLength: 4 }),
        (list, back, added) => {
          const slice = { codes: Uint8Array.from(list), from: 0, to: list.length };
          const put = (pos: number, bases: string): string =>
            list.slice(0, pos).join('') + bases + list.slice(pos).join('');
          const edit = { pos: list.length - back, size: 0, bases: added.join('') };
          const moved = shiftLeft(edit, slice);
          expect(put(moved.pos, moved.bases)).toBe(put(edit.pos, edit.bases));
          expect(moved.pos).toBeLessThanOrEqual(edit.pos);
        },
      ),
      { numRuns: 300, seed: 5 },
    );
  });

  test('borders of cells lie in the widest gap, and hang on nothing farther away', () => {
    const mark = (from: number, to = from + 1) => ({ from, to });
    const at = 4 * cellSize;
    expect(borderOf([], at, 1e6)).toBe(at);
    expect(borderOf([mark(at - 20, at + 20)], at, 1e6)).not.toBe(at);
    const near = [mark(at - 100), mark(at - 90, at + 10), mark(at + 60)];
    const border = borderOf(near, at, 1e6);
    expect(border).toBeGreaterThan(at + 60);
    expect(borderOf([mark(5), mark(at - slack - 2), ...near, mark(at + slack + 1)], at, 1e6)).toBe(border);
    expect([borderOf([], 0, 1e6), borderOf([], at, at - 5)]).toEqual([0, at - 5]);
  });

  test('a base lost at the very start of a contig is in a window, and so are those of its repeat', () => {
    // AAAC...
    const slice = {
      codes: Uint8Array.from({ length: 60 }, (_, i) => (i < 3 ? 0 : 1 + (i % 3))),
      from: 0,
      to: 60,
    };
    const lost = { pos: 0, size: 1, bases: '', reads: Int32Array.of(6) };
    const signals = {
      from: 0,
      to: 60,
      bases: [new Uint16Array(240)],
      depth: [new Int32Array(61).fill(10)],
      clips: new Uint16Array(60),
      edits: new Map([['0:1:', lost]]),
    };
    const { windows } = findWindows(marksOf(signals, slice), 0, cellSize, 60);
    expect(windows).toMatchObject([{ from: 0, isMixed: true, candidates: [{ pos: 0, size: 1 }] }]);
    expect(windows[0]!.to).toBeGreaterThanOrEqual(4);
  });

  test('slips are likelier in longer runs, and spread over them', () => {
    const run = (length: number): Uint8Array =>
      Uint8Array.from({ length: length + 8 }, (_, i) => (i < 4 || i >= length + 4 ? (i * 3 + 1) % 4 : 0));
    const slipOf = (length: number): number => gapsOf(run(length)).slip[8]!;
    expect(slipOf(12)).toBeGreaterThan(slipOf(8));
    const { open, slip } = gapsOf(run(12));
    expect(open[8]! * 12).toBeCloseTo(slip[8]!, 6);
  });
});
