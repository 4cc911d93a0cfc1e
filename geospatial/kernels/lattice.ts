/** Where cells of a target grid lie in a source: exact at the nodes of a lattice as fine as need be, by straight lines between them (gdalwarp's approximation, in two dimensions). */
import type { Window } from './window.ts';

/** Takes places x, y, x, y, ... in cells of the target to cells of the source, in place; NaN for what lies nowhere. */
export type ToSource = (places: Float64Array) => void;

/** Places in cells of the source, a pair a place of the target, row by row; and their bounds where whoever made them knows. */
export type Places = { readonly u: Float64Array; readonly v: Float64Array; readonly edges?: Edges };

/** The bounds of places; `isWhole` where none of them lies nowhere. */
export type Edges = { minX: number; minY: number; maxX: number; maxY: number; isWhole: boolean };

// What lies nowhere at the corners and middles of so small a square lies nowhere in all of it.
const smallest = 16;

/**
 * Places of the middles of a rectangle's cells, or with `shift` 0 of their upper left corners. Between nodes they are off by `tolerance` cells of the source at most, as
 * found at the middles of sides and squares, which are divided where it is more; 0 has every place exact.
 */
export function placesOf(
  toSource: ToSource,
  { left, top, width, height }: Window,
  tolerance: number,
  shift = 0.5,
): Places {
  const u = new Float64Array(width * height);
  const v = new Float64Array(width * height);
  const isKnown = new Uint8Array(width * height);
  const place = new Float64Array(2);
  const find = (x: number, y: number): number => {
    const i = y * width + x;
    if (isKnown[i] === 1) return i;
    place[0] = left + x + shift;
    place[1] = top + y + shift;
    toSource(place);
    u[i] = place[0];
    v[i] = place[1];
    isKnown[i] = 1;
    return i;
  };
  const divide = (x0: number, y0: number, x1: number, y1: number): void => {
    const [a, b, c, d] = [find(x0, y0), find(x1, y0), find(x0, y1), find(x1, y1)];
    if (x1 - x0 <= 1 && y1 - y0 <= 1) return;
    const [x, y] = [(x0 + x1) >> 1, (y0 + y1) >> 1];
    const [p, q] = [x1 > x0 ? (x - x0) / (x1 - x0) : 0, y1 > y0 ? (y - y0) / (y1 - y0) : 0];
    const isOff = (at: number, s: number, t: number): boolean => {
      const across = (f: Float64Array): number =>
        (1 - t) * ((1 - s) * f[a]! + s * f[b]!) + t * ((1 - s) * f[c]! + s * f[d]!);
      return !(Math.abs(across(u) - u[at]!) + Math.abs(across(v) - v[at]!) <= tolerance);
    };
    const middles = [find(x, y0), find(x, y1), find(x0, y), find(x1, y), find(x, y)];
    const isFar =
      isOff(middles[0]!, p, 0) ||
      isOff(middles[1]!, p, 1) ||
      isOff(middles[2]!, 0, q) ||
      isOff(middles[3]!, 1, q) ||
      isOff(middles[4]!, p, q);
    const isNowhere =
      x1 - x0 <= smallest && y1 - y0 <= smallest && [a, b, c, d, ...middles].every((i) => u[i] !== u[i]);
    if (!isNowhere && (isFar || tolerance === 0)) {
      for (const [north, south] of halves(y0, y, y1))
        for (const [west, east] of halves(x0, x, x1)) divide(west, north, east, south);
      return;
    }
    for (const field of [u, v]) fill(field, isKnown, width, x0, y0, x1, y1);
  };
  divide(0, 0, width - 1, height - 1);
  return { u, v };
}

const halves = (from: number, middle: number, to: number): [number, number][] =>
  to - from <= 1
    ? [[from, to]]
    : [
        [from, middle],
        [middle, to],
      ];

/** Straight lines between the corners of a square; nodes keep what they have. */
function fill(
  field: Float64Array,
  isKnown: Uint8Array,
  width: number,
  x0: number,
  y0: number,
  x1: number,
  y1: number,
): void {
  const [a, b] = [field[y0 * width + x0]!, field[y0 * width + x1]!];
  const [c, d] = [field[y1 * width + x0]!, field[y1 * width + x1]!];
  const [wide, high] = [Math.max(1, x1 - x0), Math.max(1, y1 - y0)];
  for (let y = y0; y <= y1; y++) {
    const t = (y - y0) / high;
    const [first, last] = [a + (c - a) * t, b + (d - b) * t];
    const step = (last - first) / wide;
    for (let x = x0, i = y * width + x0; x <= x1; x++, i++)
      if (isKnown[i] === 0) field[i] = first + (x - x0) * step;
  }
}
