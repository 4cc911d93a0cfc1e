/** Numbers of tiles along Hilbert curves, one curve a zoom. Source: PMTiles 3, 4.1; Hilbert 1891. */
import { boundsOf } from './coverage.ts';

/** A tile of the Web Mercator pyramid: `x` counts from the west, `y` from the north, both from 0 to 2^z - 1. */
export type TileAddress = { readonly z: number; readonly x: number; readonly y: number };

/** The deepest zoom whose numbers are exact in a double: they end before 2^53. */
export const deepestZoom = 26;

/** Tiles of all zooms above `z`: the number of its first tile. */
const tilesAbove = (z: number): number => (4 ** z - 1) / 3;

/**
 * The tile's number: 0 for zoom 0, then the four of zoom 1, and so on; those of one zoom along a Hilbert curve from its north-west to its north-east corner.
 * A tile's descendants of one zoom follow one another.
 * @throws RangeError for a tile that there is not, or one deeper than zoom 26
 */
export function tileId({ z, x, y }: TileAddress): number {
  checkZoom(z);
  const side = 2 ** z;
  for (const place of [x, y])
    if (!Number.isInteger(place) || place < 0 || place >= side)
      throw new RangeError(`tile ${z}/${x}/${y}, expected x and y from 0 to ${side - 1}`);
  let along = 0;
  for (let half = side / 2, column = x, row = y; half >= 1; half /= 2) {
    const east = column >= half;
    const south = row >= half;
    along += half * half * (east ? (south ? 2 : 3) : south ? 1 : 0);
    column -= east ? half : 0;
    row -= south ? half : 0;
    if (!south) [column, row] = turned(column, row, half, east);
  }
  return tilesAbove(z) + along;
}

/**
 * The tile of a number.
 * @throws RangeError for no whole number from 0 to that of the last tile of zoom 26
 */
export function tileOf(id: number): TileAddress {
  const end = tilesAbove(deepestZoom + 1);
  if (!Number.isInteger(id) || id < 0 || id >= end)
    throw new RangeError(`tile number ${id}, expected 0 to ${end - 1}`);
  const z = zoomOfId(id);
  let rest = id - tilesAbove(z);
  let [x, y] = [0, 0];
  for (let half = 1; half < 2 ** z; half *= 2) {
    const quarter = rest % 4;
    rest = (rest - quarter) / 4;
    const east = quarter >= 2;
    const south = quarter === 1 || quarter === 2;
    if (!south) [x, y] = turned(x, y, half, east);
    x += east ? half : 0;
    y += south ? half : 0;
  }
  return { z, x, y };
}

/** The numbers of a tile's descendants of zoom `z`, no less than its own: `[first, first + count)`. */
export function descendantsOf(
  tile: TileAddress,
  z: number,
): { readonly first: number; readonly count: number } {
  const along = tileId(tile) - tilesAbove(tile.z);
  const count = 4 ** (z - tile.z);
  return { first: tilesAbove(z) + along * count, count };
}

/** The zoom of a tile's number, from 0 to 26. */
export function zoomOfId(id: number): number {
  let z = 0;
  while (id >= tilesAbove(z + 1)) z++;
  return z;
}

/** The northern quarters' curves are mirrored at a diagonal: the western one's at the main one, the eastern one's at the other. */
const turned = (x: number, y: number, side: number, east: boolean): [number, number] =>
  east ? [side - 1 - y, side - 1 - x] : [y, x];

function checkZoom(z: number): void {
  if (!Number.isInteger(z) || z < 0 || z > deepestZoom)
    throw new RangeError(`zoom ${z}, expected 0 to ${deepestZoom}`);
}

const finestZoom = 16;

/** The numbers of places x, y, x, y, ... along a Hilbert curve through their bounds, from west to east; those that are no numbers, or too far apart for any, come last, equal ones as they stand. */
export function hilbertOrder(places: Float64Array): Uint32Array<ArrayBuffer> {
  const { minX, minY, maxX, maxY } = boundsOf([places]);
  const step = (value: number, low: number, high: number): number =>
    high > low ? Math.floor(((2 ** finestZoom - 1) * (value - low)) / (high - low)) : 0;
  const along = Float64Array.from({ length: places.length / 2 }, (_, i) => {
    const [x, y] = [step(places[2 * i]!, minX, maxX), step(places[2 * i + 1]!, minY, maxY)];
    return Number.isFinite(x + y) ? tileId({ z: finestZoom, x, y }) : Infinity;
  });
  return Uint32Array.from(along.keys()).sort((a, b) =>
    along[a] === along[b] ? a - b : along[a]! - along[b]!,
  );
}
