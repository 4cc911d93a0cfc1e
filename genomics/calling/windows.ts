/**
 * Where something may vary, in windows. They hang on what lies within a few hundred bases and on absolute positions alone: however the genome is cut, they are the same.
 */
import type { Mark } from './marks.ts';
import type { Edit } from './signals.ts';

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
/** `[from, to)` with its candidates. Without `isMixed` all are single bases, to be looked at on their own. */
export type Window = {
  readonly from: number;
  readonly to: number;
  readonly isMixed: boolean;
  readonly candidates: readonly Edit[];
};

/**
 * The windows of the cells that belong to `[from, to)`, multiples of the cell size, and where these cells start and end; `marks` are in order, `length` is that of the contig.
 */
export function findWindows(
  marks: readonly Mark[],
  from: number,
  to: number,
  length: number,
): { readonly windows: readonly Window[]; readonly start: number; readonly end: number } {
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
