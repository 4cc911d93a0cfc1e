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

/** Least and greatest places of rings; infinite for none. */
export type Bounds = {
  readonly minX: number;
  readonly minY: number;
  readonly maxX: number;
  readonly maxY: number;
};

export function boundsOf(rings: Rings): Bounds {
  let [minX, minY, maxX, maxY] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const ring of rings)
    for (let i = 0; i < ring.length; i += 2) {
      const [x, y] = [ring[i]!, ring[i + 1]!];
      if (x < minX) minX = x;
      if (x > maxX) maxX = x;
      if (y < minY) minY = y;
      if (y > maxY) maxY = y;
    }
  return { minX, minY, maxX, maxY };
}

/** The cells that the bounds of rings meet, within a grid of `width` by `height`; of no cells where they lie beside it. */
export function frameOf(rings: Rings, width: number, height: number): Frame {
  const { minX, minY, maxX, maxY } = boundsOf(rings);
  const clamp = (value: number, most: number): number => Math.max(0, Math.min(most, value));
  return {
    left: clamp(Math.floor(minX), width),
    top: clamp(Math.floor(minY), height),
    right: clamp(Math.floor(maxX) + 1, width),
    bottom: clamp(Math.floor(maxY) + 1, height),
  };
}

/** Weights of the cells of a frame, row by row: 0 or 1, or a share. */
export type Weights = Uint8Array | Float32Array;

/** Weighs the cells of frames, one after the other, for one polygon. */
export function weigher(rings: Rings, rule: Rule): (frame: Frame) => Weights {
  if (rule === 'fraction') {
    const signs = signsOf(rings);
    return (frame) => sharesOf(rings, signs, frame);
  }
  return (frame) => {
    const out = middlesOf(rings, frame);
    if (rule === 'touched') for (const ring of rings) touchAlong(ring, frame, out);
    return out;
  };
}

/** As `weigher`, of one frame. */
export const weightsOf = (rings: Rings, frame: Frame, rule: Rule): Weights => weigher(rings, rule)(frame);

/** Where the place after that at `i` begins: the last one is followed by the first. */
const following = (ring: Float64Array, i: number): number => (i + 2 < ring.length ? i + 2 : 0);

/** Cells whose middle lies behind an odd number of crossings of the line through the middles of their row. */
function middlesOf(rings: Rings, { left, top, right, bottom }: Frame): Uint8Array {
  const width = right - left;
  const out = new Uint8Array(width * (bottom - top));
  for (const ring of rings)
    for (let i = 0; i < ring.length; i += 2) {
      const k = following(ring, i);
      const [ax, ay, bx, by] = [ring[i]!, ring[i + 1]!, ring[k]!, ring[k + 1]!];
      const [low, high] = ay < by ? [ay, by] : [by, ay];
      // The upper end of a side belongs to it, the lower one does not.
      for (let row = Math.max(top, Math.ceil(low - 0.5)); row < bottom && row + 0.5 < high; row++) {
        const x = ax + ((row + 0.5 - ay) / (by - ay)) * (bx - ax);
        const column = Math.max(left, Math.ceil(x - 0.5));
        if (column < right) out[(row - top) * width + column - left]! ^= 1;
      }
    }
  for (let start = 0; start < out.length; start += width)
    for (let i = start + 1; i < start + width; i++) out[i]! ^= out[i - 1]!;
  return out;
}

// As GDAL has it: a side that spans less than this of columns or rows is taken for a straight one through its end.
const straight = 0.01;
// As of GDAL 3.6.3: what lies this near to a border between cells lies on it.
const border = 1e-4;
const isOnBorder = (a: number, b: number): boolean =>
  Math.abs(a - Math.round(a)) < border && Math.abs(b - Math.round(b)) < border;

/** Every cell that a side of a ring passes through, by the rules of GDAL's ALL_TOUCHED: none by a side along a border between cells, nor by an end on one. */
function touchAlong(ring: Float64Array, { left, top, right, bottom }: Frame, out: Uint8Array): void {
  const width = right - left;
  for (let i = 0; i < ring.length; i += 2) {
    const k = following(ring, i);
    const isEastward = ring[i]! <= ring[k]!;
    const [from, to] = isEastward ? [i, k] : [k, i];
    const [x0, y0, x1, y1] = [ring[from]!, ring[from + 1]!, ring[to]!, ring[to + 1]!];
    const [high, low] = y0 < y1 ? [y0, y1] : [y1, y0];
    if (low < top || high >= bottom || x1 < left || x0 >= right) continue;
    const first = Math.max(top, Math.floor(high));
    const last = Math.min(bottom - 1, Math.floor(low));
    if (Math.floor(x0) === Math.floor(x1) || x1 - x0 < straight) {
      const column = Math.floor(x1);
      if (column < left || column >= right || isOnBorder(x0, x1)) continue;
      const end = Math.min(last, Math.floor(low - border));
      for (let row = Math.max(top, Math.floor(high + border)); row <= end; row++)
        out[(row - top) * width + column - left] = 1;
      continue;
    }
    if (Math.floor(y0) === Math.floor(y1) || low - high < straight) {
      const row = Math.floor(isEastward ? y1 : y0);
      if (row < top || row >= bottom || isOnBorder(y0, y1)) continue;
      const end = Math.min(right - 1, Math.floor(x1 - border));
      for (let column = Math.max(left, Math.floor(x0 + border)); column <= end; column++)
        out[(row - top) * width + column - left] = 1;
      continue;
    }
    const slope = (x1 - x0) / (y1 - y0);
    for (let row = first; row <= last; row++) {
      // The stretch of the side within the row.
      const p = x0 + (Math.max(high, row) - y0) * slope;
      const q = x0 + (Math.min(low, row + 1) - y0) * slope;
      const end = Math.min(right - 1, Math.floor(Math.max(p, q)));
      for (let column = Math.max(left, Math.floor(Math.min(p, q))); column <= end; column++)
        out[(row - top) * width + column - left] = 1;
    }
  }
}

/** Rings within an odd number of others are holes: 1 for a ring whose sides count as they go, -1 for one that is turned the other way. */
function signsOf(rings: Rings): Int8Array {
  const bounds = rings.map((ring) => boundsOf([ring]));
  return Int8Array.from(rings, (ring, i) => {
    const own = bounds[i]!;
    let around = 0;
    for (const [k, other] of rings.entries()) {
      const box = bounds[k]!;
      const isNear =
        box.minX <= own.maxX && box.maxX >= own.minX && box.minY <= own.maxY && box.maxY >= own.minY;
      if (k !== i && isNear && holds(other, ring)) around++;
    }
    return signedArea(ring) > 0 === (around % 2 === 1) ? 1 : -1;
  });
}

/**
 * Shares by the areas to the left of every side: a side adds to each cell that it passes what lies between it and the cell's right edge, and to all cells on its right the whole
 * height that it passes.
 */
function sharesOf(rings: Rings, signs: Int8Array, frame: Frame): Float32Array {
  const { left, top, right, bottom } = frame;
  const width = right - left;
  const out = new Float32Array(width * (bottom - top));
  // Two more columns, for what lies on the right of everything.
  const area = new Float64Array((width + 2) * (bottom - top));
  for (const [i, ring] of rings.entries())
    for (let a = 0; a < ring.length; a += 2) {
      const b = following(ring, a);
      addSide(ring[a]!, ring[a + 1]!, ring[b]!, ring[b + 1]!, signs[i]!, frame, area);
    }
  for (let r = 0; r < bottom - top; r++) {
    let sum = 0;
    for (let c = 0; c < width; c++) {
      sum += area[r * (width + 2) + c]!;
      // Rounding leaves less than nothing, or more than all.
      out[r * width + c] = sum < 1e-9 ? 0 : sum > 1 ? 1 : sum;
    }
  }
  return out;
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
  const isDown = by > ay;
  const way = isDown ? sign : -sign;
  const [x0, y0, x1, y1] = isDown ? [ax, ay, bx, by] : [bx, by, ax, ay];
  const slope = (x1 - x0) / (y1 - y0);
  for (let row = Math.max(top, Math.floor(y0)); row < bottom && row < y1; row++) {
    const from = y0 > row ? y0 : row;
    const to = y1 < row + 1 ? y1 : row + 1;
    const whole = to - from;
    if (whole <= 0) continue;
    const base = (row - top) * (width + 2);
    // The stretch within the row, from west to east.
    const p = x0 + (from - y0) * slope;
    const q = x0 + (to - y0) * slope;
    const [west, east] = p < q ? [p, q] : [q, p];
    if (west >= right) continue;
    if (east < left) {
      // All of its height counts from the first cell on.
      area[base]! += way * whole;
      continue;
    }
    const perColumn = east > west ? whole / (east - west) : 0;
    if (west < left) area[base]! += way * (left - west) * perColumn;
    const first = Math.max(0, west - left);
    const last = Math.min(width, east - left);
    const start = Math.floor(first);
    const end = Math.min(width, Math.max(Math.ceil(last), start + 1));
    for (let c = start; c < end; c++) {
      const near = first > c ? first : c;
      const far = last < c + 1 ? last : c + 1;
      const height = perColumn > 0 ? (far - near) * perColumn : whole;
      // On the right of the side in this cell, and in all cells behind.
      const share = height * (c + 1 - (near + far) / 2);
      area[base + c]! += way * share;
      area[base + c + 1]! += way * (height - share);
    }
  }
}

function signedArea(ring: Float64Array): number {
  let sum = 0;
  for (let a = 0; a < ring.length; a += 2) {
    const b = following(ring, a);
    sum += ring[a]! * ring[b + 1]! - ring[b]! * ring[a + 1]!;
  }
  return sum / 2;
}

/** Whether a ring lies within another one, by most of its places: some may lie on the other's sides. */
function holds(other: Float64Array, ring: Float64Array): boolean {
  let places = 0;
  for (let i = 0; i < ring.length; i += 2) {
    const [x, y] = [ring[i]!, ring[i + 1]!];
    let inside = false;
    for (let a = 0; a < other.length; a += 2) {
      const b = following(other, a);
      const [ay, by] = [other[a + 1]!, other[b + 1]!];
      if (ay <= y !== by <= y && x < other[a]! + ((y - ay) / (by - ay)) * (other[b]! - other[a]!))
        inside = !inside;
    }
    places += inside ? 1 : -1;
  }
  return places > 0;
}
