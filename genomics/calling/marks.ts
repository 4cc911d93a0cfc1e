/** What of the signals is a candidate, and where reads are clipped: marks, which windows are made of. */
import { other } from './pool.ts';
import { type Edit, keyOf, type Seen, type Signals, type Slice } from './signals.ts';

/** Of reads over a position, this part must show a candidate, and no fewer than two of them. */
const least = { bases: 0.12, edits: 0.1, clips: 0.15, count: 2, clipCount: 3 };
/** Clips so near each other say the same. */
const clipReach = 10;

/** A candidate, and the stretch over which it could be written as well. */
export type Mark = { readonly from: number; readonly to: number; readonly edit: Edit | undefined };

/** The marks of a slice, in order. */
export function marksOf({ from, to, bases, depth, clips, edits }: Signals, slice: Slice): Mark[] {
  const marks: Mark[] = [];
  const { codes } = slice;
  const offset = from - slice.from;
  for (const [sample, counts] of bases.entries()) {
    const deep = depth[sample]!;
    // Most positions have none: four counts are looked at as two.
    const pairs = new Uint32Array(counts.buffer);
    for (let i = 0; i < to - from; i++) {
      if (pairs[2 * i] === 0 && pairs[2 * i + 1] === 0) continue;
      if (codes[i + offset] === other) continue;
      for (let base = 0; base < 4; base++) {
        const count = counts[4 * i + base]!;
        if (count < least.count || count < least.bases * deep[i]!) continue;
        const pos = from + i;
        marks.push(markOf({ pos, size: 1, bases: `${base}` }, slice));
      }
    }
  }
  for (const edit of edits.values()) {
    const at = Math.min(Math.max(edit.pos - 1, from), to - 1) - from;
    if (isSeen(edit, depth, at)) marks.push(markOf(edit, slice));
  }
  let near = 0;
  for (let i = 0; i < to - from; i++) {
    near += clips[i]!;
    if (i >= clipReach) near -= clips[i - clipReach]!;
    if (clips[i]! === 0 || near < least.clipCount) continue;
    const deep = depth.reduce((sum, one) => sum + Math.max(one[i]!, one[Math.max(0, i - clipReach)]!), 0);
    if (near >= least.clips * deep)
      marks.push({ from: Math.max(0, from + i - clipReach), to: from + i + clipReach, edit: undefined });
  }
  return ordered(marks);
}

/** Marks by their places, each edit once. */
export function ordered(marks: readonly Mark[]): Mark[] {
  const keyed = marks.map((mark) => ({ mark, key: mark.edit ? keyOf(mark.edit) : '' }));
  keyed.sort(
    ({ mark: a, key: x }, { mark: b, key: y }) =>
      a.from - b.from || a.to - b.to || (x < y ? -1 : x > y ? 1 : 0),
  );
  const known = new Set<string>();
  return keyed.filter(({ key }) => key === '' || (!known.has(key) && known.add(key))).map(({ mark }) => mark);
}

const isSeen = (edit: Seen, depth: Signals['depth'], at: number): boolean =>
  edit.reads.some((count, sample) => count >= least.count && count >= least.edits * depth[sample]![at]!);

/** An insertion or a deletion as far right as it can go tells how far it reaches. */
export function markOf(edit: Edit, { codes, from, to }: Slice): Mark {
  const { pos, size, bases } = edit;
  if (size === bases.length) return { from: pos, to: pos + size, edit };
  let shift = 0;
  if (bases === '')
    while (pos + size + shift < to && codes[pos + shift - from] === codes[pos + size + shift - from]) shift++;
  else
    while (pos + shift < to && codes[pos + shift - from] === bases.charCodeAt(shift % bases.length) - 48)
      shift++;
  return { from: Math.max(0, pos - 1), to: pos + size + shift + 1, edit };
}
