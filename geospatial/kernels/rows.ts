/** Where cells of a target grid lie in a source, by straight lines along rows: gdalwarp's approximation. Source: GDAL 3.6, approximate transformer. */
import type { Edges, Places, ToSource } from './lattice.ts';
import type { Window } from './window.ts';

/** Points of a row that are too few to halve. */
const few = 5;
// A line: its first column and the one behind its last, the place in the source at the first, and the steps from column to column.
const numbersOfLine = 6;
// Where a row needs more lines, near poles and edges of projections, those of whole blocks are too many.
const mostLines = 64;
// Lines of the rows of a block that are kept, 8 MiB of them.
const mostKept = 2 ** 20;

/**
 * Gives places of the middles of cells, or with `shift` 0 of their upper left corners, in windows of `block`, and in `out` where that is large enough. A row of the whole grid, `gridWidth`
 * cells, has its ends and its middle exact; where the middle lies more than `tolerance` cells of the source off the line between the ends, each half is looked at in turn, else all between
 * lie on that line. What lies beside the block plays no part but as ends of lines, so that any blocks give the same places.
 */
export function placesByRows(
  toSource: ToSource,
  block: Window,
  tolerance: number,
  gridWidth: number,
  shift = 0.5,
): (window: Window, out?: Places) => Places {
  const kept = new Map<number, Float64Array>();
  let size = 0;
  let areEasy = true;
  const linesAt = (row: number, { left, width }: Window): Float64Array => {
    const known = kept.get(row);
    if (known) return known;
    if (!areEasy) return linesOf(toSource, row, left, left + width, tolerance, gridWidth, shift);
    const end = block.left + block.width;
    const found = linesOf(toSource, row, block.left, end, tolerance, gridWidth, shift);
    areEasy = found.length <= mostLines * numbersOfLine;
    if (!areEasy) return found;
    if (size + found.length > mostKept) {
      kept.clear();
      size = 0;
    }
    kept.set(row, found);
    size += found.length;
    return found;
  };
  return (window, out) => {
    const { left, top, width, height } = window;
    const cells = width * height;
    const isRoomy = out !== undefined && out.u.length >= cells;
    const u = isRoomy ? out.u.subarray(0, cells) : new Float64Array(cells);
    const v = isRoomy ? out.v.subarray(0, cells) : new Float64Array(cells);
    const edges = { minX: Infinity, minY: Infinity, maxX: -Infinity, maxY: -Infinity, isWhole: true };
    for (let row = 0; row < height; row++)
      draw(linesAt(top + row, window), left, left + width, u, v, row * width, edges);
    return { u, v, edges };
  };
}

/** Places of columns `[left, right)` by the lines of their row, from `at` on; `edges` grow by them. */
function draw(
  lines: Float64Array,
  left: number,
  right: number,
  u: Float64Array,
  v: Float64Array,
  at: number,
  edges: Edges,
): void {
  for (let k = 0; k < lines.length; k += numbersOfLine) {
    const first = lines[k]!;
    const from = Math.max(left, first);
    const end = Math.min(right, lines[k + 1]!);
    const [x, y, across, down] = [lines[k + 2]!, lines[k + 3]!, lines[k + 4]!, lines[k + 5]!];
    for (let column = from, i = at + from - left; column < end; column++, i++) {
      u[i] = x + across * (column - first);
      v[i] = y + down * (column - first);
    }
    // Rounded or not, a line's places lie between those of its ends; all of them lie nowhere, or none.
    if (end > from) {
      widen(edges, u[at + from - left]!, v[at + from - left]!);
      widen(edges, u[at + end - 1 - left]!, v[at + end - 1 - left]!);
    }
  }
}

function widen(edges: Edges, x: number, y: number): void {
  if (x !== x || y !== y) {
    edges.isWhole = false;
    return;
  }
  if (x < edges.minX) edges.minX = x;
  if (x > edges.maxX) edges.maxX = x;
  if (y < edges.minY) edges.minY = y;
  if (y > edges.maxY) edges.maxY = y;
}

type Place = readonly [number, number];

/** The lines of a row that columns `[left, right)` lie on. */
function linesOf(
  toSource: ToSource,
  row: number,
  left: number,
  right: number,
  tolerance: number,
  gridWidth: number,
  shift: number,
): Float64Array {
  const lines: number[] = [];
  const place = new Float64Array(2);
  const exact = (column: number): Place => {
    place[0] = column + shift;
    place[1] = row + shift;
    toSource(place);
    return [place[0], place[1]];
  };
  const all = (from: number, count: number): void => {
    for (let x = Math.max(left, from); x < Math.min(right, from + count); x++)
      lines.push(x, x + 1, ...exact(x), 0, 0);
  };
  const divide = (from: number, count: number, first: Place, middle: Place, last: Place): void => {
    if (from >= right || from + count <= left) return;
    const half = (count - 1) >> 1;
    const [across, down] = [(last[0] - first[0]) / (count - 1), (last[1] - first[1]) / (count - 1)];
    const off = Math.abs(first[0] + across * half - middle[0]) + Math.abs(first[1] + down * half - middle[1]);
    if (off > tolerance) {
      if (half <= few) all(from, half);
      else divide(from, half, first, exact(from + ((half - 1) >> 1)), exact(from + half - 1));
      const rest = count - half;
      if (rest <= few) all(from + half, rest);
      else divide(from + half, rest, middle, exact(from + half + ((rest - 1) >> 1)), last);
      return;
    }
    lines.push(from, from + count, first[0], first[1], across, down);
  };
  const ends = [exact(0), exact((gridWidth - 1) >> 1), exact(gridWidth - 1)] as const;
  const areKnown = ends.every(([a, b]) => a === a && b === b);
  if (gridWidth <= few || !areKnown) all(0, gridWidth);
  else divide(0, gridWidth, ...ends);
  return Float64Array.from(lines);
}
