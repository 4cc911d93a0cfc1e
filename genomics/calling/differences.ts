/** The edits that make one short sequence of another: their alignment with affine gaps (Gotoh 1982), both ends fixed. */
import { type Edit, spell } from './signals.ts';

/** What a base that fits is worth, and what others cost, as BWA-MEM has them. */
const [match, mismatch, open, extend] = [1, -4, -6, -1];
/** Cells of an alignment at most. */
const mostCells = 1 << 16;
const never = -1e9;

/** Edits with no more bases between them that fit, of which one is no substitution, are one: what fits there does so by chance. */
const chance = 4;

/**
 * The edits that put `bases` for the codes `reference`, which begin at `from`, in order. Undefined where both are too long to compare.
 */
export function differencesOf(reference: Uint8Array, bases: Uint8Array, from: number): Edit[] | undefined {
  const { start, end, stop } = trimmed(reference, bases);
  const [gone, put, pos] = [reference.subarray(start, end), bases.subarray(start, stop), from + start];
  if (gone.length === 0 && put.length === 0) return [];
  if (gone.length === 0 || put.length === 0)
    return [{ pos, size: gone.length, bases: spell(put, 0, put.length) }];
  if (gone.length * put.length > mostCells) return undefined;
  return joined(aligned(gone, put, pos), gone, pos);
}

/** `[start, end)` of the one and `[start, stop)` of the other are left without what both begin or end with, the latter first. */
function trimmed(
  one: ArrayLike<number>,
  two: ArrayLike<number>,
): { readonly start: number; readonly end: number; readonly stop: number } {
  let [start, end, stop] = [0, one.length, two.length];
  while (end > 0 && stop > 0 && one[end - 1] === two[stop - 1]) [end, stop] = [end - 1, stop - 1];
  while (start < end && start < stop && one[start] === two[start]) start++;
  return { start, end, stop };
}

/** `reference` begins at `from`. */
function joined(edits: readonly Edit[], reference: Uint8Array, from: number): Edit[] {
  const out: Edit[] = [];
  const isChange = ({ size, bases }: Edit): boolean => size !== 1 || bases.length !== 1;
  for (const edit of edits) {
    const last = out.at(-1);
    const end = last ? last.pos + last.size : -Infinity;
    if (!last || edit.pos - end > chance || !(isChange(edit) || isChange(last))) {
      out.push(edit);
      continue;
    }
    const size = edit.pos + edit.size - last.pos;
    const bases = last.bases + spell(reference, end - from, edit.pos - from) + edit.bases;
    const [gone, put] = [
      reference.subarray(last.pos - from, last.pos - from + size),
      Array.from(bases, Number),
    ];
    const { start, end: goneEnd, stop } = trimmed(gone, put);
    out[out.length - 1] = { pos: last.pos + start, size: goneEnd - start, bases: bases.slice(start, stop) };
  }
  return out;
}

/** States of a cell: bases side by side, one of the reference left out, one put in. */
const [side, gap, added] = [0, 1, 2];
/** What it costs to come into a state from each of the three. */
const toSide = [0, 0, 0] as const;
const toGap = [open + extend, extend, open + extend] as const;
const toAdded = [open + extend, open + extend, extend] as const;

function aligned(gone: Uint8Array, put: Uint8Array, pos: number): Edit[] {
  const width = put.length + 1;
  const size = (gone.length + 1) * width;
  const [sides, gaps, adds] = [new Int32Array(size), new Int32Array(size), new Int32Array(size)];
  const best = (at: number, [a, b, c]: readonly [number, number, number]): number =>
    Math.max(sides[at]! + a, gaps[at]! + b, adds[at]! + c);
  for (let i = 0, at = 0; i <= gone.length; i++)
    for (let j = 0; j < width; j++, at++) {
      const worth = gone[i - 1] === put[j - 1] ? match : mismatch;
      sides[at] = at === 0 ? 0 : i > 0 && j > 0 ? best(at - width - 1, toSide) + worth : never;
      gaps[at] = i > 0 ? best(at - width, toGap) : never;
      adds[at] = j > 0 ? best(at - 1, toAdded) : never;
    }
  const stateBefore = (at: number, [a, b]: readonly [number, number, number], top: number): number =>
    sides[at]! + a === top ? side : gaps[at]! + b === top ? gap : added;
  // From the end back: each edit comes before those that are there.
  const edits: Edit[] = [];
  let [i, j] = [gone.length, put.length];
  let state = stateBefore(size - 1, toSide, best(size - 1, toSide));
  while (i > 0 || j > 0) {
    const at = i * width + j;
    const last = edits.at(-1);
    if (state === side) {
      [i, j] = [i - 1, j - 1];
      if (gone[i] !== put[j]) edits.push({ pos: pos + i, size: 1, bases: `${put[j]}` });
      state = stateBefore(at - width - 1, toSide, best(at - width - 1, toSide));
    } else if (state === gap) {
      i--;
      const more = last?.bases === '' && last.pos === pos + i + 1 ? edits.pop()!.size : 0;
      edits.push({ pos: pos + i, size: 1 + more, bases: '' });
      state = stateBefore(at - width, toGap, best(at - width, toGap));
    } else {
      j--;
      const more = last?.size === 0 && last.pos === pos + i ? edits.pop()!.bases : '';
      edits.push({ pos: pos + i, size: 0, bases: `${put[j]}${more}` });
      state = stateBefore(at - 1, toAdded, best(at - 1, toAdded));
    }
  }
  return edits.reverse();
}
