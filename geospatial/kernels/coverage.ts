/**
 * Which cells of a grid a polygon has, and how much of each. Cells are counted from the grid's north-western corner; places are in cells, y downwards.
 * `centre`: cells whose middle lies inside; `touched`: these, and all that a side passes through; `fraction`: the share of each cell that lies inside.
 */
export type Rule = 'centre' | 'touched' | 'fraction';

/** Rings of polygons as x, y, x, y, ...; holes are rings within others, whichever way they turn. */
export type Rings = readonly Float64Array[];

/** Rows `[top, bottom)` and columns `[left, right)` of a grid. */
export type Frame = {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
};

/** The cells that the bounds of rings meet, within a grid of `width` by `height`; of no cells where they lie beside it. */
export function frameOf(rings: Rings, width: number, height: number): Frame {
  let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const ring of rings)
    for (let i = 0; i < ring.length; i += 2) {
      [minX, maxX] = [Math.min(minX, ring[i]!), Math.max(maxX, ring[i]!)];
      [minY, maxY] = [Math.min(minY, ring[i + 1]!), Math.max(maxY, ring[i + 1]!)];
    }
  const clamp = (value: number, most: number): number => Math.max(0, Math.min(most, value));
  return {
    left: clamp(Math.floor(minX), width),
    top: clamp(Math.floor(minY), height),
    right: clamp(Math.floor(maxX) + 1, width),
    bottom: clamp(Math.floor(maxY) + 1, height),
  };
}

/** Weights of the cells of a frame, row by row: 0 or 1, or a share. */
export function weightsOf(rings: Rings, frame: Frame, rule: Rule): Float32Array {
  const out = new Float32Array((frame.right - frame.left) * (frame.bottom - frame.top));
  if (rule === 'fraction') fillShares(rings, frame, out);
  else {
    fillMiddles(rings, frame, out);
    if (rule === 'touched') for (const ring of rings) eachSide(ring, (...side) => touch(side, frame, out));
  }
  return out;
}

function eachSide(ring: Float64Array, take: (ax: number, ay: number, bx: number, by: number) => void): void {
  for (let i = 0; i < ring.length; i += 2) {
    const k = i + 2 < ring.length ? i + 2 : 0;
    take(ring[i]!, ring[i + 1]!, ring[k]!, ring[k + 1]!);
  }
}

/** Cells whose middle lies between the first and the second, the third and the fourth, ... crossing of the line through the middles of their row. */
function fillMiddles(rings: Rings, { left, top, right, bottom }: Frame, out: Float32Array): void {
  const crossings = Array.from({ length: bottom - top }, (): number[] => []);
  for (const ring of rings)
    eachSide(ring, (ax, ay, bx, by) => {
      const [low, high] = [Math.min(ay, by), Math.max(ay, by)];
      // The upper end of a side belongs to it, the lower one does not.
      const first = Math.max(top, Math.ceil(low - 0.5));
      for (let row = first; row < bottom && row + 0.5 < high; row++)
        crossings[row - top]!.push(ax + ((row + 0.5 - ay) / (by - ay)) * (bx - ax));
    });
  for (const [r, found] of crossings.entries()) {
    found.sort((a, b) => a - b);
    for (let k = 0; k + 1 < found.length; k += 2) {
      const from = Math.max(left, Math.ceil(found[k]! - 0.5));
      const to = Math.min(right, Math.ceil(found[k + 1]! - 0.5));
      for (let column = from; column < to; column++) out[r * (right - left) + column - left] = 1;
    }
  }
}

// As GDAL has it: a side that spans less than this of columns or rows is taken for a straight one through its end.
const straight = 0.01;

/** Every cell that a side passes through, by the rules of GDAL's ALL_TOUCHED. */
function touch(
  [ax, ay, bx, by]: readonly [number, number, number, number],
  { left, top, right, bottom }: Frame,
  out: Float32Array,
): void {
  const [x0, y0, x1, y1] = ax <= bx ? [ax, ay, bx, by] : [bx, by, ax, ay];
  const mark = (column: number, row: number): void => {
    if (column >= left && column < right && row >= top && row < bottom)
      out[(row - top) * (right - left) + column - left] = 1;
  };
  if (Math.floor(x0) === Math.floor(x1) || x1 - x0 < straight) {
    const last = Math.min(bottom - 1, Math.floor(Math.max(y0, y1)));
    for (let row = Math.max(top, Math.floor(Math.min(y0, y1))); row <= last; row++) mark(Math.floor(x1), row);
    return;
  }
  if (Math.floor(y0) === Math.floor(y1) || Math.abs(y1 - y0) < straight) {
    const last = Math.min(right - 1, Math.floor(x1));
    for (let column = Math.max(left, Math.floor(x0)); column <= last; column++) mark(column, Math.floor(by));
    return;
  }
  const slope = (x1 - x0) / (y1 - y0);
  const [high, low] = y0 < y1 ? [y0, y1] : [y1, y0];
  const xAt = (y: number): number => x0 + (y - y0) * slope;
  const last = Math.min(bottom - 1, Math.floor(low));
  for (let row = Math.max(top, Math.floor(high)); row <= last; row++) {
    // The stretch of the side within the row.
    const [p, q] = [xAt(Math.max(high, row)), xAt(Math.min(low, row + 1))];
    const to = Math.min(right - 1, Math.floor(Math.max(p, q)));
    for (let column = Math.max(left, Math.floor(Math.min(p, q))); column <= to; column++) mark(column, row);
  }
}

/**
 * Shares by the areas to the left of every side: a side adds to each cell that it passes what lies between it and the cell's right edge, and to all cells on its right the whole
 * height that it passes.
 */
function fillShares(rings: Rings, frame: Frame, out: Float32Array): void {
  const { left, top, right, bottom } = frame;
  const width = right - left;
  // Two more columns, for what lies on the right of everything.
  const area = new Float64Array((width + 2) * (bottom - top));
  for (const [i, ring] of rings.entries()) {
    // Rings within an odd number of others are holes.
    const inside = rings.filter((other, k) => k !== i && holds(other, ring)).length % 2 === 1;
    const sign = signedArea(ring) > 0 === inside ? 1 : -1;
    eachSide(ring, (ax, ay, bx, by) => addSide(ax, ay, bx, by, sign, frame, area));
  }
  for (let r = 0; r < bottom - top; r++) {
    let sum = 0;
    for (let c = 0; c < width; c++) {
      sum += area[r * (width + 2) + c]!;
      // Rounding leaves less than nothing, or more than all.
      out[r * width + c] = Math.max(0, Math.min(1, Math.abs(sum) < 1e-9 ? 0 : sum));
    }
  }
}

function addSide(
  ax: number,
  ay: number,
  bx: number,
  by: number,
  sign: number,
  { left, top, right, bottom }: Frame,
  area: Float64Array,
): void {
  if (ay === by) return;
  const width = right - left;
  const way = by > ay ? sign : -sign;
  const [x0, y0, x1, y1] = by > ay ? [ax, ay, bx, by] : [bx, by, ax, ay];
  const slope = (x1 - x0) / (y1 - y0);
  for (let row = Math.max(top, Math.floor(y0)); row < bottom && row < y1; row++) {
    const [from, to] = [Math.max(y0, row), Math.min(y1, row + 1)];
    if (to <= from) continue;
    const base = (row - top) * (width + 2);
    // The stretch within the row, from west to east; beside the frame it counts at its edge.
    const clamp = (x: number): number => Math.max(left, Math.min(right, x)) - left;
    const ends = [x0 + (from - y0) * slope, x0 + (to - y0) * slope];
    const [west, east] = [Math.min(...ends), Math.max(...ends)];
    const whole = to - from;
    const perColumn = east > west ? whole / (east - west) : 0;
    // What lies west of the frame, all of its height counts from the first cell on.
    const before =
      east > west ? Math.max(0, Math.min(east, left) - west) * perColumn : west < left ? whole : 0;
    area[base]! += way * before;
    const [first, last] = [clamp(west), clamp(east)];
    if (east < left || west >= right) continue;
    for (
      let c = Math.floor(first);
      c < Math.min(width, Math.max(Math.ceil(last), Math.floor(first) + 1));
      c++
    ) {
      const [p, q] = [Math.max(first, c), Math.min(last, c + 1)];
      const height = east > west ? (q - p) * perColumn : whole;
      // On the right of the side in this cell, and in all cells behind.
      const share = height * (c + 1 - (p + q) / 2);
      area[base + c]! += way * share;
      area[base + c + 1]! += way * (height - share);
    }
  }
}

function signedArea(ring: Float64Array): number {
  let sum = 0;
  eachSide(ring, (ax, ay, bx, by) => {
    sum += ax * by - bx * ay;
  });
  return sum / 2;
}

/** Whether a ring lies within another one, by most of its places: some may lie on the other's sides. */
function holds(other: Float64Array, ring: Float64Array): boolean {
  let places = 0;
  for (let i = 0; i < ring.length; i += 2) {
    const [x, y] = [ring[i]!, ring[i + 1]!];
    let inside = false;
    eachSide(other, (ax, ay, bx, by) => {
      if (ay <= y !== by <= y && x < ax + ((y - ay) / (by - ay)) * (bx - ax)) inside = !inside;
    });
    places += inside ? 1 : -1;
  }
  return places > 0;
}
