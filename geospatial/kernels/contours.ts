/**
 * Contour lines by marching squares over the middles of cells, and how lines of neighbours become one. Source: GDAL's marching_squares, whose rules for level ground and edges these are: a height that is a
 * level is above it; saddles are cut in one way; where a corner has no height (beyond the raster, too) the square is quartered, and its quarters around heights are used.
 */
import type { Heights } from './relief.ts';

/**
 * Lines, higher ground on their left: level, key of the place where each starts and of that where it ends (-1 for a ring), vertices; x and y in cells from the raster's north-western
 * corner, line by line. A ring's last vertex is its first.
 */
export type Lines = {
  readonly level: Float64Array<ArrayBuffer>;
  readonly start: Float64Array<ArrayBuffer>;
  readonly end: Float64Array<ArrayBuffer>;
  readonly vertices: Uint32Array<ArrayBuffer>;
  readonly x: Float64Array<ArrayBuffer>;
  readonly y: Float64Array<ArrayBuffer>;
};

/** Levels `base + k * interval`. */
export type Ladder = { readonly base: number; readonly interval: number };

/** A line on its way: two numbers a vertex. */
type Line = {
  readonly level: number;
  readonly start: number;
  readonly end: number;
  readonly xy: readonly number[];
};
/** The key of what has no ends. */
const ring = -1;

/** Corners of a square or of a quarter, north-west first and clockwise; sides by key, north first and clockwise. */
type Square = {
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  readonly corners: readonly [number, number, number, number];
  readonly sides: readonly [number, number, number, number];
};

/** By which corners are above (1, 2, 4, 8 from the north-west, clockwise): sides from which and to which lines run. */
const cases: readonly (readonly (readonly [number, number])[])[] = [
  [],
  [[3, 0]],
  [[0, 1]],
  [[3, 1]],
  [[1, 2]],
  // Saddles are cut from the west to the south and from the east to the north.
  [
    [3, 2],
    [1, 0],
  ],
  [[0, 2]],
  [[3, 2]],
  [[2, 3]],
  [[2, 0]],
  [
    [0, 1],
    [2, 3],
  ],
  [[2, 1]],
  [[1, 3]],
  [[1, 0]],
  [[0, 3]],
  [],
];

const opposite = (k: number): readonly [number, number] => [k, (k + 1) % 4];

/** Lines of the squares of rows `[from, to)`: the square of row r has the middles of rows r - 1 and r of the raster as corners, row 0 and the last one those beyond it, too. */
export function contourRows(
  { values, top, width: columns }: Heights,
  size: { readonly width: number; readonly height: number },
  from: number,
  to: number,
  ladder: Ladder,
): Lines {
  const at = (column: number, row: number): number =>
    column < 0 || row < 0 || column >= size.width || row >= size.height
      ? NaN
      : values[(row - top) * columns + column]!;
  const found: Line[] = [];
  const key = (column: number, row: number, kind: number): number =>
    (row * (size.width + 2) + column) * 8 + kind;
  const add = (square: Square): void => addSquare(square, ladder, found);
  for (let r = from; r < to; r++)
    for (let c = 0; c <= size.width; c++) {
      const corners = [at(c - 1, r - 1), at(c, r - 1), at(c, r), at(c - 1, r)] as const;
      const has = corners.map((height) => height === height);
      const count = Number(has[0]) + Number(has[1]) + Number(has[2]) + Number(has[3]);
      if (count === 0) continue;
      // A side between two middles: along the north of the square, or along its west.
      const sides = [key(c, r, 0), key(c + 1, r, 1), key(c, r + 1, 0), key(c, r, 1)] as const;
      const [x, y] = [[c - 0.5, c + 0.5] as const, [r - 0.5, r + 0.5] as const];
      if (count === 4) add({ x, y, corners, sides });
      else
        quarter(
          { x, y, corners, sides },
          has,
          count,
          [2, 3, 4, 5].map((kind) => key(c, r, kind)),
          add,
        );
    }
  return pack(join(found));
}

/** Hands over the quarters around corners that have a height. */
function quarter(
  { x, y, corners, sides }: Square,
  has: readonly boolean[],
  count: number,
  inner: readonly number[],
  add: (square: Square) => void,
): void {
  const middle = corners.reduce((sum: number, height, k) => (has[k] ? sum + height : sum), 0) / count;
  const half = (k: number): number => {
    const [a, b] = opposite(k);
    return has[a] && has[b] ? 0.5 * (corners[a]! + corners[b]!) : has[a] ? corners[a]! : corners[b]!;
  };
  const [midX, midY] = [(x[0] + x[1]) / 2, (y[0] + y[1]) / 2];
  const [north, east, south, west] = [half(0), half(1), half(2), half(3)];
  const [n, e, s, w] = inner as [number, number, number, number];
  if (has[0])
    add({
      x: [x[0], midX],
      y: [y[0], midY],
      corners: [corners[0], north, middle, west],
      sides: [sides[0], n, w, sides[3]],
    });
  if (has[1])
    add({
      x: [midX, x[1]],
      y: [y[0], midY],
      corners: [north, corners[1], east, middle],
      sides: [sides[0], sides[1], e, n],
    });
  if (has[2])
    add({
      x: [midX, x[1]],
      y: [midY, y[1]],
      corners: [middle, east, corners[2], south],
      sides: [e, sides[1], sides[2], s],
    });
  if (has[3])
    add({
      x: [x[0], midX],
      y: [midY, y[1]],
      corners: [west, middle, south, corners[3]],
      sides: [w, s, sides[2], sides[3]],
    });
}

function addSquare({ x, y, corners, sides }: Square, { base, interval }: Ladder, found: Line[]): void {
  const [a, b, c, d] = corners;
  const last = Math.floor((Math.max(a, b, c, d) - base) / interval);
  for (let k = Math.ceil((Math.min(a, b, c, d) - base) / interval); k <= last; k++) {
    const level = base + k * interval;
    const above =
      Number(a >= level) | (Number(b >= level) << 1) | (Number(c >= level) << 2) | (Number(d >= level) << 3);
    for (const [from, to] of cases[above]!) {
      const [fromX, fromY] = crossing(x, y, corners, from, level);
      const [toX, toY] = crossing(x, y, corners, to, level);
      found.push({ level, start: sides[from]!, end: sides[to]!, xy: [fromX, fromY, toX, toY] });
    }
  }
}

/** Where a level crosses a side. */
function crossing(
  x: readonly [number, number],
  y: readonly [number, number],
  corners: readonly number[],
  side: number,
  level: number,
): [number, number] {
  // Each side is looked at from the west or the north, so that both of its squares find the same place.
  const [first, second] = side === 0 ? [0, 1] : side === 1 ? [1, 2] : side === 2 ? [3, 2] : [0, 3];
  const [low, high] = [corners[first]!, corners[second]!];
  const ratio = (level - low) / (high - low);
  if (side === 0 || side === 2) return [x[0] + ratio * (x[1] - x[0]), side === 0 ? y[0] : y[1]];
  return [side === 3 ? x[0] : x[1], y[0] + ratio * (y[1] - y[0])];
}

/** Joins lines that end where others of their level start; rings begin in their first vertex from the north, then the west. */
function join(lines: readonly Line[]): Line[] {
  const byLevel = new Map<number, Line[]>();
  for (const line of lines) {
    const some = byLevel.get(line.level);
    if (some) some.push(line);
    else byLevel.set(line.level, [line]);
  }
  const out: Line[] = [];
  for (const some of byLevel.values()) {
    const byStart = new Map<number, Line>();
    const ends = new Set<number>();
    for (const line of some) {
      if (line.start === ring) out.push(line);
      else {
        byStart.set(line.start, line);
        ends.add(line.end);
      }
    }
    const follow = (first: Line): void => {
      byStart.delete(first.start);
      const xy = [...first.xy];
      let { end } = first;
      for (let next = byStart.get(end); next; next = byStart.get(end)) {
        byStart.delete(next.start);
        for (let i = 2; i < next.xy.length; i++) xy.push(next.xy[i]!);
        ({ end } = next);
      }
      const isRing = end === first.start;
      out.push(isRing ? closed(first.level, xy) : { level: first.level, start: first.start, end, xy });
    };
    // Those that nothing comes before; what is left are rings.
    for (const line of some) if (line.start !== ring && !ends.has(line.start)) follow(line);
    for (const line of some) if (byStart.get(line.start) === line) follow(line);
  }
  return out;
}

function closed(level: number, xy: readonly number[]): Line {
  let first = 0;
  for (let i = 2; i < xy.length - 2; i += 2)
    if (xy[i + 1]! < xy[first + 1]! || (xy[i + 1] === xy[first + 1] && xy[i]! < xy[first]!)) first = i;
  const turned = [...xy.slice(first, -2), ...xy.slice(0, first)];
  turned.push(turned[0]!, turned[1]!);
  return { level, start: ring, end: ring, xy: turned };
}

/** In an order that depends on the lines alone: by level, then first vertex from the north and the west, then the second one. */
function compare(a: Line, b: Line): number {
  if (a.level !== b.level) return a.level - b.level;
  for (const i of [1, 0, 3, 2]) if (a.xy[i] !== b.xy[i]) return a.xy[i]! - b.xy[i]!;
  return a.xy.length - b.xy.length;
}

function pack(lines: readonly Line[]): Lines {
  const sorted = lines.toSorted(compare);
  const total = sorted.reduce((sum, { xy }) => sum + xy.length / 2, 0);
  const [x, y] = [new Float64Array(total), new Float64Array(total)];
  let at = 0;
  for (const { xy } of sorted)
    for (let i = 0; i < xy.length; i += 2) {
      x[at] = xy[i]!;
      y[at++] = xy[i + 1]!;
    }
  return {
    level: Float64Array.from(sorted, ({ level }) => level),
    start: Float64Array.from(sorted, ({ start }) => start),
    end: Float64Array.from(sorted, ({ end }) => end),
    vertices: Uint32Array.from(sorted, ({ xy }) => xy.length / 2),
    x,
    y,
  };
}

/** The lines of neighbours as one, joined where they meet. */
export function mergeLines(parts: readonly Lines[]): Lines {
  const lines: Line[] = [];
  for (const { level, start, end, vertices, x, y } of parts) {
    let at = 0;
    for (let i = 0; i < level.length; i++) {
      const xy: number[] = [];
      for (const last = at + vertices[i]!; at < last; at++) xy.push(x[at]!, y[at]!);
      lines.push({ level: level[i]!, start: start[i]!, end: end[i]!, xy });
    }
  }
  return pack(join(lines));
}
