/**
 * The Delaunay triangulation of points in a plane, and heights on it. Where four or more points lie on a circle, diagonals meet in the first of them: the triangulation is that of the set
 * alone, and the part of it around a place is the same whatever lies far off.
 */
import Delaunator from 'delaunator';
import { incircle, orient2d } from 'robust-predicates';

/** x, y and height of points, in the order of their cells, row by row. */
export type Spots = { readonly xy: Float64Array; readonly z: Float64Array };
/** Three numbers of points a triangle, clockwise as Delaunator has them; and for each side the one on the other triangle, -1 for none. */
export type Tin = { readonly triangles: Uint32Array; readonly halfedges: Int32Array };

/** A window of cells of a grid, from column `left` and row `top` on; (west, north) is the outer corner of the grid, so that a cell is the same in every window. */
export type Window = {
  readonly west: number;
  readonly north: number;
  readonly cell: number;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
};

/** Keeps one point of every cell of a window, the one nearest to the middle: a net through all points of a dense cloud costs much and shows nothing more in the cells' middles. */
export type Thinning = {
  /** Points outside of the window are passed over. The order of points does not show. */
  add(x: number, y: number, z: number): void;
  spots(): Spots;
};

export function startThinning({ west, north, cell, left, top, width, height }: Window): Thinning {
  const far = new Float64Array(width * height).fill(Infinity);
  const [xs, ys, zs] = [0, 1, 2].map(() => new Float64Array(width * height)) as [
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  return {
    add(x, y, z) {
      const [column, row] = [Math.floor((x - west) / cell) - left, Math.floor((north - y) / cell) - top];
      if (!(column >= 0 && column < width && row >= 0 && row < height)) return;
      const i = row * width + column;
      const dx = x - (west + (left + column + 0.5) * cell);
      const dy = y - (north - (top + row + 0.5) * cell);
      const square = dx * dx + dy * dy;
      if (square > far[i]!) return;
      const isNew =
        square < far[i]! || x < xs[i]! || (x === xs[i]! && (y < ys[i]! || (y === ys[i]! && z < zs[i]!)));
      if (!isNew) return;
      far[i] = square;
      xs[i] = x;
      ys[i] = y;
      zs[i] = z;
    },
    spots: () => listed(xs, ys, zs, (i) => far[i]! < Infinity),
  };
}

/** Keeps the highest point of every cell of a window; `spots(from)` gives those at `from` or higher. */
export function startHighest(window: Window): {
  add(x: number, y: number, z: number): void;
  spots(from: number): Spots;
} {
  const { west, north, cell, left, top, width, height } = window;
  const [xs, ys] = [new Float64Array(width * height), new Float64Array(width * height)];
  const zs = new Float64Array(width * height).fill(-Infinity);
  return {
    add(x, y, z) {
      const [column, row] = [Math.floor((x - west) / cell) - left, Math.floor((north - y) / cell) - top];
      if (!(column >= 0 && column < width && row >= 0 && row < height)) return;
      const i = row * width + column;
      const isNew = z > zs[i]! || (z === zs[i] && (x < xs[i]! || (x === xs[i] && y < ys[i]!)));
      if (!isNew) return;
      xs[i] = x;
      ys[i] = y;
      zs[i] = z;
    },
    spots: (from) => listed(xs, ys, zs, (i) => zs[i]! >= from && zs[i]! > -Infinity),
  };
}

/** The points for which `has` holds, in the order of their cells. */
function listed(xs: Float64Array, ys: Float64Array, zs: Float64Array, has: (cell: number) => boolean): Spots {
  let count = 0;
  for (let i = 0; i < zs.length; i++) if (has(i)) count++;
  const out = { xy: new Float64Array(2 * count), z: new Float64Array(count) };
  let k = 0;
  for (let i = 0; i < zs.length; i++) {
    if (!has(i)) continue;
    out.xy[2 * k] = xs[i]!;
    out.xy[2 * k + 1] = ys[i]!;
    out.z[k++] = zs[i]!;
  }
  return out;
}

/** No triangles for points that lie on a line. */
export function triangulate({ xy }: Spots): Tin {
  if (xy.length < 6) return { triangles: new Uint32Array(), halfedges: new Int32Array() };
  const { triangles, halfedges } = new Delaunator(xy);
  settle(xy, triangles, halfedges);
  return { triangles, halfedges };
}

const next = (edge: number): number => (edge % 3 === 2 ? edge - 2 : edge + 1);
const previous = (edge: number): number => (edge % 3 === 0 ? edge + 2 : edge - 1);

/** Flips every side that exact arithmetic finds wrong, or not the one of several that is to be. */
function settle(xy: Float64Array, triangles: Uint32Array, halfedges: Int32Array): void {
  const stack: number[] = [];
  const look = (edge: number): void => {
    const other = halfedges[edge]!;
    if (other < 0 || !isWrong(xy, triangles, edge, other)) return;
    flip(triangles, halfedges, edge, other);
    // The four sides around may be wrong now.
    stack.push(edge, next(edge), previous(edge), other, next(other), previous(other));
  };
  for (let edge = 0; edge < triangles.length; edge++) {
    if (edge < halfedges[edge]!) look(edge);
    while (stack.length > 0) look(stack.pop()!);
  }
}

// Bound of the rounding error of a determinant of 4 x 4: Shewchuk 1997, "Adaptive precision", iccerrboundA.
const epsilon = 2 ** -53;
const inCircleBound = (10 + 96 * epsilon) * epsilon;

/** Whether the side a, from p to q, is to give way to that from r to s, the third points of its triangles. */
function isWrong(xy: Float64Array, triangles: Uint32Array, a: number, b: number): boolean {
  const [p, q, r, s] = [triangles[a]!, triangles[next(a)]!, triangles[previous(a)]!, triangles[previous(b)]!];
  const [sx, sy] = [xy[2 * s]!, xy[2 * s + 1]!];
  const [px, py] = [xy[2 * p]! - sx, xy[2 * p + 1]! - sy];
  const [qx, qy] = [xy[2 * q]! - sx, xy[2 * q + 1]! - sy];
  const [rx, ry] = [xy[2 * r]! - sx, xy[2 * r + 1]! - sy];
  const [ps, qs, rs] = [px * px + py * py, qx * qx + qy * qy, rx * rx + ry * ry];
  // Delaunator's triangles turn the other way than this determinant wants them.
  const det = ps * (rx * qy - qx * ry) + rs * (qx * py - px * qy) + qs * (px * ry - rx * py);
  const size =
    ps * (Math.abs(rx * qy) + Math.abs(qx * ry)) +
    rs * (Math.abs(qx * py) + Math.abs(px * qy)) +
    qs * (Math.abs(px * ry) + Math.abs(rx * py));
  const bound = inCircleBound * size;
  if (det < -bound) return false;
  const inside =
    det > bound
      ? det
      : -incircle(xy[2 * p]!, xy[2 * p + 1]!, xy[2 * q]!, xy[2 * q + 1]!, xy[2 * r]!, xy[2 * r + 1]!, sx, sy);
  if (inside < 0 || (inside === 0 && Math.min(r, s) > Math.min(p, q))) return false;
  return isConvex(xy, p, q, r, s);
}

/** Whether p and q lie on different sides of the line from r to s. */
function isConvex(xy: Float64Array, p: number, q: number, r: number, s: number): boolean {
  const side = (i: number): number =>
    orient2d(xy[2 * r]!, xy[2 * r + 1]!, xy[2 * s]!, xy[2 * s + 1]!, xy[2 * i]!, xy[2 * i + 1]!);
  const [a, b] = [side(p), side(q)];
  return (a < 0 && b > 0) || (a > 0 && b < 0);
}

/** As Delaunator flips: the side shared by the triangles of a and b becomes the other diagonal. */
function flip(triangles: Uint32Array, halfedges: Int32Array, a: number, b: number): void {
  const [ar, bl] = [previous(a), previous(b)];
  triangles[a] = triangles[bl]!;
  triangles[b] = triangles[ar]!;
  link(halfedges, a, halfedges[bl]!);
  link(halfedges, b, halfedges[ar]!);
  link(halfedges, ar, bl);
}

function link(halfedges: Int32Array, a: number, b: number): void {
  halfedges[a] = b;
  if (b >= 0) halfedges[b] = a;
}

/** Centre and squared radius of the circle through three points. */
function circleOf(
  xy: Float64Array,
  a: number,
  b: number,
  c: number,
): { x: number; y: number; square: number } {
  const [ax, ay] = [xy[2 * a]!, xy[2 * a + 1]!];
  const [dx, dy] = [xy[2 * b]! - ax, xy[2 * b + 1]! - ay];
  const [ex, ey] = [xy[2 * c]! - ax, xy[2 * c + 1]! - ay];
  const [bl, cl] = [dx * dx + dy * dy, ex * ex + ey * ey];
  const d = 0.5 / (dx * ey - dy * ex);
  const [x, y] = [(ey * bl - dy * cl) * d, (dx * cl - ex * bl) * d];
  return { x: ax + x, y: ay + y, square: x * x + y * y };
}

/**
 * Heights at the middles of a window's cells, NaN where no triangle lies whose circle has a radius of `gap` at most. `reach` is how far beyond the window the points go:
 * `isSure` is false where more of them could change a height.
 */
export function heightsOn(
  { xy, z }: Spots,
  { triangles }: Tin,
  window: Window,
  gap: number,
  reach: number,
): { heights: Float32Array; isSure: boolean } {
  const { west, north, cell, left, top, width, height } = window;
  const heights = new Float32Array(width * height).fill(NaN);
  const [lowX, highX] = [west + left * cell - reach, west + (left + width) * cell + reach];
  const [lowY, highY] = [north - (top + height) * cell - reach, north - top * cell + reach];
  let isSure = true;
  for (let t = 0; t < triangles.length; t += 3) {
    // In the order of the points, so that a triangle gives the same heights however it is turned.
    const [i, j, k] = [triangles[t]!, triangles[t + 1]!, triangles[t + 2]!];
    const [a, c] = [Math.min(i, j, k), Math.max(i, j, k)];
    const b = i + j + k - a - c;
    const [ax, ay] = [xy[2 * a]!, xy[2 * a + 1]!];
    const [bx, by] = [xy[2 * b]!, xy[2 * b + 1]!];
    const [cx, cy] = [xy[2 * c]!, xy[2 * c + 1]!];
    // Middles of cells within the triangle's box.
    const firstColumn = Math.max(0, Math.ceil((Math.min(ax, bx, cx) - west) / cell - 0.5) - left);
    const lastColumn = Math.min(width - 1, Math.floor((Math.max(ax, bx, cx) - west) / cell - 0.5) - left);
    const firstRow = Math.max(0, Math.ceil((north - Math.max(ay, by, cy)) / cell - 0.5) - top);
    const lastRow = Math.min(height - 1, Math.floor((north - Math.min(ay, by, cy)) / cell - 0.5) - top);
    if (firstColumn > lastColumn || firstRow > lastRow) continue;
    const circle = circleOf(xy, a, b, c);
    if (!(circle.square <= gap * gap)) continue;
    const radius = Math.sqrt(circle.square);
    if (
      circle.x - radius < lowX ||
      circle.x + radius > highX ||
      circle.y - radius < lowY ||
      circle.y + radius > highY
    )
      isSure = false;
    const turn = orient2d(ax, ay, bx, by, cx, cy) > 0 ? 1 : -1;
    const d = (bx - ax) * (cy - ay) - (cx - ax) * (by - ay);
    const [bz, cz] = [z[b]! - z[a]!, z[c]! - z[a]!];
    const slopeX = (bz * (cy - ay) - cz * (by - ay)) / d;
    const slopeY = (cz * (bx - ax) - bz * (cx - ax)) / d;
    for (let row = firstRow; row <= lastRow; row++) {
      const y = north - (top + row + 0.5) * cell;
      for (let column = firstColumn; column <= lastColumn; column++) {
        const x = west + (left + column + 0.5) * cell;
        if (turn * orient2d(ax, ay, bx, by, x, y) < 0) continue;
        if (turn * orient2d(bx, by, cx, cy, x, y) < 0) continue;
        if (turn * orient2d(cx, cy, ax, ay, x, y) < 0) continue;
        const height = z[a]! + slopeX * (x - ax) + slopeY * (y - ay);
        // On a side two triangles may differ by the last bit: their order must not show.
        if (!(heights[row * width + column]! <= height)) heights[row * width + column] = height;
      }
    }
  }
  // A gap may be one of the points that were not looked at.
  if (reach < 2 * gap)
    for (let i = 0; i < heights.length && isSure; i++) if (heights[i] !== heights[i]) isSure = false;
  return { heights, isSure };
}
