/**
 * Where something may vary, in windows. They hang on what lies within a few hundred bases and on absolute positions alone: however the genome is cut, they are the same.
 */
import { other } from './pool.ts';
import { type Edit, keyOf, type Seen, type Signals, type Slice } from './signals.ts';

/** Cells of a contig, of about so many bases: they begin in the widest gap between signals near a multiple of it. */
export const cellSize = 1024;
/** How far from the multiple that gap is looked for. */
export const slack = 128;
/** No candidate within so many bases: a window ends. */
const quiet = 20;
/** Windows longer than this are cut at their widest gap. */
const longest = 240;
/** Cells begin no farther than this from the multiple of their size. */
export const sway = Math.max(slack, longest);
/** Of reads over a position, this part must show a candidate, and no fewer than two of them. */
const least = { bases: 0.12, edits: 0.1, clips: 0.15, count: 2, clipCount: 3 };
/** Clips so near each other say the same. */
const clipReach = 10;

/** `[from, to)` with its candidates. Without `isMixed` all are single bases, to be looked at on their own. */
export type Window = {
  readonly from: number;
  readonly to: number;
  readonly isMixed: boolean;
  readonly candidates: readonly Edit[];
};

/** A candidate, and the stretch over which it could be written as well. */
type Mark = { readonly from: number; readonly to: number; readonly edit: Edit | undefined };

/**
 * The windows of the cells that belong to `[from, to)`, multiples of the cell size, and where these cells start and end; `length`: of the contig.
 */
export function findWindows(
  signals: Signals,
  slice: Slice,
  from: number,
  to: number,
  length: number,
): { readonly windows: readonly Window[]; readonly start: number; readonly end: number } {
  const marks = marksOf(signals, slice);
  const windows: Window[] = [];
  let next = 0;
  const first = borderOf(marks, from, length);
  let start = first;
  for (let cell = from; cell < to && cell < length; cell += cellSize) {
    const end = borderOf(marks, cell + cellSize, length);
    while (next < marks.length && marks[next]!.from < start) next++;
    const own: Mark[] = [];
    for (; next < marks.length && marks[next]!.from < end; next++) own.push(marks[next]!);
    windows.push(...windowsOf(own));
    start = end;
  }
  return { windows, start: first, end: start };
}

/** Where the cell begins that belongs to a multiple of the cell size. `marks` are sorted. */
export function borderOf(
  marks: readonly { readonly from: number; readonly to: number }[],
  at: number,
  length: number,
): number {
  if (at <= 0) return 0;
  if (at >= length) return length;
  let [edge, best, border] = [at - slack, 0, at];
  for (const mark of marks) {
    if (mark.to <= at - slack) continue;
    if (mark.from >= at + slack) break;
    if (mark.from - edge > best) [best, border] = [mark.from - edge, (mark.from + edge) >> 1];
    edge = Math.max(edge, mark.to);
  }
  if (at + slack - edge > best) return (at + slack + edge) >> 1;
  if (best > 0) return border;
  // No gap at all: behind what covers the place, unless that goes on and on.
  let end = at;
  for (const mark of marks) if (mark.from <= end && mark.to > end) end = mark.to;
  return Math.min(end, at + longest, length);
}

function marksOf({ from, to, bases, depth, clips, edits }: Signals, slice: Slice): Mark[] {
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
        marks.push({ from: pos, to: pos + 1, edit: { pos, size: 1, bases: `${base}` } });
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
  const byPlace = (a: Mark, b: Mark): number =>
    a.from - b.from ||
    a.to - b.to ||
    ((a.edit ? keyOf(a.edit) : '') < (b.edit ? keyOf(b.edit) : '') ? -1 : 1);
  const known = new Set<string>();
  return marks.sort(byPlace).filter(({ edit }) => {
    if (!edit) return true;
    const key = keyOf(edit);
    return !known.has(key) && known.add(key);
  });
}

const isSeen = (edit: Seen, depth: Signals['depth'], at: number): boolean =>
  edit.reads.some((count, sample) => count >= least.count && count >= least.edits * depth[sample]![at]!);

/** An insertion or a deletion as far right as it can go tells how far it reaches. */
function markOf(edit: Edit, { codes, from, to }: Slice): Mark {
  const { pos, size, bases } = edit;
  let shift = 0;
  if (bases === '')
    while (pos + size + shift < to && codes[pos + shift - from] === codes[pos + size + shift - from]) shift++;
  else
    while (pos + shift < to && codes[pos + shift - from] === bases.charCodeAt(shift % bases.length) - 48)
      shift++;
  return { from: Math.max(0, pos - 1), to: pos + size + shift + 1, edit };
}

function windowsOf(marks: readonly Mark[]): Window[] {
  const groups: Mark[][] = [];
  let end = -Infinity;
  for (const mark of marks) {
    if (mark.from - end < quiet) groups.at(-1)!.push(mark);
    else groups.push([mark]);
    end = Math.max(end, mark.to);
  }
  return groups.flatMap(cut).map((group) => ({
    from: group[0]!.from,
    to: endOf(group),
    isMixed: group.some(({ from, to }) => to - from > 1),
    candidates: group.flatMap(({ edit }) => edit ?? []),
  }));
}

const endOf = (group: readonly Mark[]): number => group.reduce((end, { to }) => Math.max(end, to), 0);

/** Cuts what is too long at the widest gap, as long as there is one. */
function cut(group: Mark[]): Mark[][] {
  if (endOf(group) - group[0]!.from <= longest) return [group];
  let [end, best, at] = [group[0]!.to, 0, 0];
  for (let i = 1; i < group.length; i++) {
    if (group[i]!.from - end > best) [best, at] = [group[i]!.from - end, i];
    end = Math.max(end, group[i]!.to);
  }
  return at === 0 ? [group] : [...cut(group.slice(0, at)), ...cut(group.slice(at))];
}
