/** How many alleles agree, by kind, with and without their number of copies, and by quality. */
import type { Contig } from '../formats/bam.ts';
import { joinLines, type VcfLines } from '../formats/vcfwriter.ts';

export const kinds = ['SNP', 'INDEL'] as const;
export type Kind = (typeof kinds)[number];

/** `truth`, `calls`: alleles of each; `Agree`: those with the same copies, or haplotypes; `Known`: those that the other side has at all, too. */
export const countNames = ['truth', 'calls', 'truthAgree', 'callsAgree', 'truthKnown', 'callsKnown'] as const;
export type Counts = { readonly [name in (typeof countNames)[number]]: number };

/** By whole quality, -1 for none, ascending: calls that agree, calls that do not, alleles of the truth that they find. */
export type Curve = {
  readonly quality: Float64Array<ArrayBuffer>;
  readonly right: Float64Array<ArrayBuffer>;
  readonly wrong: Float64Array<ArrayBuffer>;
  readonly found: Float64Array<ArrayBuffer>;
};

export type Numbers = {
  readonly counts: { readonly [kind in Kind]: Counts };
  readonly curves: { readonly [kind in Kind]: Curve };
};
/** Lines are of alleles on `contigs`: right calls, wrong ones, and what of the truth was not found. */
export type Compared = Numbers & {
  readonly contigs: readonly Contig[];
  readonly tp: VcfLines;
  readonly fp: VcfLines;
  readonly fn: VcfLines;
};

type Points = Map<number, { right: number; wrong: number; found: number }>;

export function createCompared() {
  const each = <T>(make: () => T): { [kind in Kind]: T } => ({ SNP: make(), INDEL: make() });
  const counts = each(
    () =>
      Object.fromEntries(countNames.map((name) => [name, 0])) as { -readonly [name in keyof Counts]: number },
  );
  const points = each((): Points => new Map());
  return {
    counts,
    points,
    result: (): Numbers => ({
      counts,
      curves: { SNP: curveOf(points.SNP), INDEL: curveOf(points.INDEL) },
    }),
  };
}

/** Counts an allele; `quality` of the call that found it. */
export function addTo(
  { counts, points }: ReturnType<typeof createCompared>,
  isSnp: boolean,
  side: 'truth' | 'calls',
  agrees: boolean,
  isKnown: boolean,
  quality: number | undefined,
): void {
  const kind = isSnp ? 'SNP' : 'INDEL';
  const of = counts[kind];
  of[side]++;
  if (agrees) of[`${side}Agree`]++;
  if (isKnown) of[`${side}Known`]++;
  if (side === 'truth' && !agrees) return;
  const key = quality === undefined || Number.isNaN(quality) ? -1 : Math.floor(quality);
  const point = points[kind].get(key) ?? { right: 0, wrong: 0, found: 0 };
  point[side === 'truth' ? 'found' : agrees ? 'right' : 'wrong']++;
  points[kind].set(key, point);
}

function curveOf(points: Points): Curve {
  const rows = [...points].toSorted(([a], [b]) => a - b);
  const column = (name: 'right' | 'wrong' | 'found'): Float64Array<ArrayBuffer> =>
    Float64Array.from(rows, ([, point]) => point[name]);
  return {
    quality: Float64Array.from(rows, ([quality]) => quality),
    right: column('right'),
    wrong: column('wrong'),
    found: column('found'),
  };
}

const addCounts = (all: readonly Counts[]): Counts =>
  Object.fromEntries(
    countNames.map((name) => [name, all.reduce((sum, one) => sum + one[name], 0)]),
  ) as Counts;

function addCurves(all: readonly Curve[]): Curve {
  const sum: Points = new Map();
  for (const { quality, right, wrong, found } of all)
    quality.forEach((key, i) => {
      const point = sum.get(key) ?? { right: 0, wrong: 0, found: 0 };
      point.right += right[i]!;
      point.wrong += wrong[i]!;
      point.found += found[i]!;
      sum.set(key, point);
    });
  return curveOf(sum);
}

const noLines = joinLines([]);
/** Where there is nothing to compare. */
export const nothing: Compared = {
  ...createCompared().result(),
  contigs: [],
  tp: noLines,
  fp: noLines,
  fn: noLines,
};

/** Contigs that follow each other. */
export function addCompared(all: readonly Compared[]): Compared {
  let before = 0;
  const moved = all.map((one): Compared => {
    const offset = before;
    before += one.contigs.length;
    const move = (lines: VcfLines): VcfLines => ({ ...lines, contig: lines.contig.map((id) => id + offset) });
    return { ...one, tp: move(one.tp), fp: move(one.fp), fn: move(one.fn) };
  });
  return { contigs: all.flatMap(({ contigs }) => contigs), ...sumOf(moved) };
}

const sumOf = (all: readonly Compared[]): Omit<Compared, 'contigs'> => ({
  counts: {
    SNP: addCounts(all.map(({ counts }) => counts.SNP)),
    INDEL: addCounts(all.map(({ counts }) => counts.INDEL)),
  },
  curves: {
    SNP: addCurves(all.map(({ curves }) => curves.SNP)),
    INDEL: addCurves(all.map(({ curves }) => curves.INDEL)),
  },
  tp: joinLines(all.map(({ tp }) => tp)),
  fp: joinLines(all.map(({ fp }) => fp)),
  fn: joinLines(all.map(({ fn }) => fn)),
});

export type Score = {
  readonly truth: number;
  readonly calls: number;
  /** Alleles of the truth that were found, and of calls. */
  readonly tp: number;
  readonly tpCalls: number;
  readonly fp: number;
  readonly fn: number;
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
};

/** With copies (`gt`), or alleles alone. */
export function scoreOf(counts: Counts, how: 'gt' | 'allele'): Score {
  const { truth, calls } = counts;
  const [tp, tpCalls] =
    how === 'gt' ? [counts.truthAgree, counts.callsAgree] : [counts.truthKnown, counts.callsKnown];
  const [precision, recall] = [calls > 0 ? tpCalls / calls : 0, truth > 0 ? tp / truth : 0];
  const f1 = precision + recall > 0 ? (2 * precision * recall) / (precision + recall) : 0;
  return { truth, calls, tp, tpCalls, fp: calls - tpCalls, fn: truth - tp, precision, recall, f1 };
}
