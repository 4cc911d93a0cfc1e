/** Where cells of a target grid lie in a source, by straight lines along rows: gdalwarp's approximation. Source: GDAL 3.6, approximate transformer. */
import type { Places, Rectangle, ToSource } from './lattice.ts';

/** Points of a row that are too few to halve. */
const few = 5;

/**
 * Places of the middles of a rectangle's cells, or with `shift` 0 of their upper left corners. A row of the whole grid, `gridWidth` cells, has its ends and its middle exact; where the middle
 * lies more than `tolerance` cells of the source off the line between the ends, each half is looked at in turn, else all between lie on that line. What lies
 * beside the rectangle plays no part but as ends of lines, so that any rectangles give the same places.
 */
export function placesByRows(
  toSource: ToSource,
  { left, top, width, height }: Rectangle,
  tolerance: number,
  gridWidth: number,
  shift = 0.5,
): Places {
  const u = new Float64Array(width * height);
  const v = new Float64Array(width * height);
  const right = left + width;
  const place = new Float64Array(2);
  let y = 0;
  let line = 0;
  const exact = (column: number): readonly [number, number] => {
    place[0] = column + shift;
    place[1] = y + shift;
    toSource(place);
    return [place[0], place[1]];
  };
  const all = (from: number, count: number): void => {
    for (let x = Math.max(left, from); x < Math.min(right, from + count); x++)
      [u[line + x - left], v[line + x - left]] = exact(x);
  };
  type Place = readonly [number, number];
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
    for (let x = Math.max(left, from); x < Math.min(right, from + count); x++) {
      u[line + x - left] = first[0] + across * (x - from);
      v[line + x - left] = first[1] + down * (x - from);
    }
  };
  for (let row = 0; row < height; row++) {
    [y, line] = [top + row, row * width];
    const ends = [exact(0), exact((gridWidth - 1) >> 1), exact(gridWidth - 1)] as const;
    const areKnown = ends.every(([a, b]) => a === a && b === b);
    if (gridWidth <= few || !areKnown) all(0, gridWidth);
    else divide(0, gridWidth, ...ends);
  }
  return { u, v };
}
