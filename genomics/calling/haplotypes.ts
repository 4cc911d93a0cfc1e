/** The haplotypes of a window: sets of edits that fit together, those that reads show first, and the reads that tell them apart. */
import { flag } from '../formats/record.ts';
import { isReference, stepsRead } from '../kernels/cigar.ts';
import { repeatsOf } from './gaps.ts';
import type { Fragment } from './likelihoods.ts';
import { overlapping, type Pool } from './pool.ts';
import { type Edit, keyOf, shiftLeft, type Slice, spell } from './signals.ts';
import type { Window } from './windows.ts';

/** Bases of reads beside a window, and beside a repeat that touches it; bases of haplotypes beside those of reads. */
const [windowPad, repeatPad, hapPad] = [20, 10, 16];
/** Reads seldom span longer repeats. */
const spanned = 40;
/** Haplotypes of a window at most, and edits of which all subsets are tried. */
const most = { haplotypes: 24, subsets: 4 };

export type Haplotype = { readonly edits: readonly number[]; readonly codes: Uint8Array };
export type Haplotypes = {
  readonly edits: readonly Edit[];
  /** The first one is the reference. */
  readonly all: readonly Haplotype[];
  /** How many columns reads may lie beside where they would on the reference. */
  readonly shift: number;
};

/** What a read shows of a window. `read`: its place in the pool. */
export type Witness = Fragment & { readonly read: number };

/** `[low, high)`: what of the reads is looked at. */
export type Reach = { readonly low: number; readonly high: number };

/**
 * A window with some bases on either side. Where it touches a repeat that reads span, that and some bases behind it: within a repeat a read does not tell how long it is.
 */
export function reachOf({ from, to }: Window, { codes, from: first, to: last }: Slice): Reach {
  let [low, high] = [from - windowPad, to + windowPad];
  const [begin, end] = [Math.max(first, from - 2 * spanned), Math.min(last, to + 2 * spanned)];
  for (const repeat of repeatsOf(codes.subarray(begin - first, end - first))) {
    const [start, stop] = [begin + repeat.from, begin + repeat.to];
    if (start > to || stop < from || stop - start > spanned) continue;
    low = Math.min(low, start - repeatPad);
    high = Math.max(high, stop + repeatPad);
  }
  return { low: Math.max(first, low), high: Math.min(last, high) };
}

/** The part of each read that lies in a window or near it. */
export function witnessesOf(
  pool: Pool,
  { from, to }: Pick<Window, 'from' | 'to'>,
  reach: Reach,
  slice: Slice,
  isEvidence: (i: number) => boolean,
): Witness[] {
  const out: Witness[] = [];
  const origin = originOf(reach, slice);
  const { low, high } = reach;
  overlapping(pool, from, to, (i) => {
    if (!isEvidence(i) || pool.opCount[i] === 0) return;
    const [first, count] = [pool.op[i]!, pool.opCount[i]!];
    let [ref, query] = [pool.pos[i]!, 0];
    let [begin, end, place] = [-1, -1, 0];
    for (let k = 0; k < count; k++) {
      const op = pool.ops[first + k]!;
      const [kind, size] = [op & 15, op >>> 4];
      const [isRef, isQuery] = [isReference(op), stepsRead(op)];
      if (kind === 4) {
        // Clipped bases count where the clip is in the window: they may be what an insertion holds.
        const isNear = ref > from - 12 && ref < to + 12;
        if (isNear && query === 0) {
          begin = Math.max(0, size - (high - low));
          place = ref - (size - begin);
          end = size;
        } else if (isNear) end = query + Math.min(size, high - low);
      } else if (isRef && isQuery) {
        const [a, b] = [Math.max(ref, low), Math.min(ref + size, high)];
        if (a < b) {
          if (begin < 0) [begin, place] = [query + a - ref, a];
          end = query + b - ref;
        }
      } else if (isQuery && begin >= 0 && ref < high) end = query + size;
      if (isRef) ref += size;
      if (isQuery) query += size;
    }
    if (begin < 0 || end - begin < 5) return;
    const base = pool.base[i]!;
    out.push({
      read: i,
      bases: pool.bases.subarray(base + begin, base + end),
      quals: pool.quals.subarray(base + begin, base + end),
      column: Math.max(0, place - origin),
    });
  });
  return out;
}

const originOf = ({ low }: Reach, slice: Slice): number => Math.max(slice.from, low - hapPad);

/** Two edits that touch the same bases, or put something into the same place. */
function clash(a: Edit, b: Edit): boolean {
  if (a.size === 0 && b.size === 0) return a.pos === b.pos;
  if (a.size === 0) return a.pos > b.pos && a.pos < b.pos + b.size;
  if (b.size === 0) return b.pos > a.pos && b.pos < a.pos + a.size;
  return a.pos < b.pos + b.size && b.pos < a.pos + a.size;
}

/** The haplotypes that the candidates of a window make, those that reads show first, then those that were `assembled`. */
export function haplotypesOf(
  pool: Pool,
  window: Window,
  reach: Reach,
  slice: Slice,
  witnesses: readonly Witness[],
  assembled: readonly (readonly Edit[])[],
): Haplotypes {
  const edits = [...window.candidates].sort((a, b) => a.pos - b.pos || a.size - b.size);
  const number = new Map(edits.map((edit, i) => [keyOf(edit), i]));
  const sets = new Map<string, { edits: number[]; reads: number }>();
  const add = (list: readonly number[], reads: number): void => {
    if (list.some((a, i) => list.some((b, j) => i < j && clash(edits[a]!, edits[b]!)))) return;
    const key = list.join();
    const known = sets.get(key);
    if (known) known.reads += reads;
    else sets.set(key, { edits: [...list], reads });
  };
  for (const { read } of witnesses)
    if (pool.pos[read]! <= window.from && pool.end[read]! >= window.to)
      add(shownBy(pool, read, window, slice, number), 1);
  for (const together of assembled)
    add(
      together.flatMap((edit) => number.get(keyOf(edit)) ?? []).sort((a, b) => a - b),
      1,
    );
  // In every combination, as long as these are few.
  if (edits.length <= most.subsets)
    for (let bits = 0; bits < 2 ** edits.length; bits++)
      add(
        edits.map((_, i) => i).filter((i) => (bits >> i) & 1),
        0,
      );
  else edits.forEach((_, i) => add([i], 0));
  const ranked = [...sets.values()]
    .filter(({ edits: own }) => own.length > 0)
    .sort(
      (a, b) =>
        b.reads - a.reads || a.edits.length - b.edits.length || (a.edits.join() < b.edits.join() ? -1 : 1),
    );
  const all: Haplotype[] = [];
  const known = new Set<string>();
  for (const { edits: own } of [{ edits: [] }, ...ranked]) {
    if (all.length === most.haplotypes) break;
    const codes = apply(
      own.map((i) => edits[i]!),
      reach,
      slice,
    );
    const text = spell(codes, 0, codes.length);
    if (known.has(text)) continue;
    known.add(text);
    all.push({ edits: own, codes });
  }
  const longer = edits.reduce((sum, { size, bases }) => sum + Math.abs(size - bases.length), 0);
  return { edits, all, shift: 8 + Math.min(longer, 400) };
}

/** The candidates that a read shows. */
function shownBy(
  pool: Pool,
  read: number,
  { from, to }: Window,
  slice: Slice,
  number: ReadonlyMap<string, number>,
): number[] {
  const out: number[] = [];
  const [first, count, base] = [pool.op[read]!, pool.opCount[read]!, pool.base[read]!];
  let [ref, query] = [pool.pos[read]!, 0];
  const note = (edit: Edit): void => {
    const i = number.get(keyOf(edit));
    if (i !== undefined) out.push(i);
  };
  for (let k = 0; k < count; k++) {
    const op = pool.ops[first + k]!;
    const [isRef, isQuery, size] = [isReference(op), stepsRead(op), op >>> 4];
    if (isRef && isQuery)
      for (let pos = Math.max(ref, from); pos < Math.min(ref + size, to); pos++) {
        const code = pool.bases[base + query + pos - ref]!;
        if (code !== slice.codes[pos - slice.from]) note({ pos, size: 1, bases: `${code}` });
      }
    else if ((op & 15) === 2 && ref >= from && ref < to)
      note(shiftLeft({ pos: ref, size, bases: '' }, slice));
    else if ((op & 15) === 1 && ref >= from && ref <= to)
      note(
        shiftLeft({ pos: ref, size: 0, bases: spell(pool.bases, base + query, base + query + size) }, slice),
      );
    if (isRef) ref += size;
    if (isQuery) query += size;
  }
  return [...new Set(out)].sort((a, b) => a - b);
}

/** The reference around a window with edits, which are in order. */
function apply(edits: readonly Edit[], reach: Reach, slice: Slice): Uint8Array {
  const [low, high] = [originOf(reach, slice), Math.min(slice.to, reach.high + hapPad)];
  const out: number[] = [];
  let at = low;
  for (const { pos, size, bases } of edits) {
    for (; at < pos; at++) out.push(slice.codes[at - slice.from]!);
    for (const digit of bases) out.push(Number(digit));
    at = Math.max(at, pos + size);
  }
  for (; at < high; at++) out.push(slice.codes[at - slice.from]!);
  return Uint8Array.from(out);
}

/** Bases of a read that are clipped, but there. */
export function clipsOf(pool: Pool, read: number): { readonly before: number; readonly behind: number } {
  const [first, count] = [pool.op[read]!, pool.opCount[read]!];
  const kindOf = (k: number): number => pool.ops[first + k]! & 15;
  const softOf = (k: number): number => (kindOf(k) === 4 ? pool.ops[first + k]! >>> 4 : 0);
  if (count < 3) return { before: softOf(0), behind: count === 2 ? softOf(1) : 0 };
  // Soft clips may lie within hard ones.
  return {
    before: softOf(kindOf(0) === 5 ? 1 : 0),
    behind: softOf(kindOf(count - 1) === 5 ? count - 2 : count - 1),
  };
}

export const isReverse = (pool: Pool, read: number): boolean => (pool.flag[read]! & flag.reverse) !== 0;
