/** Tiles of Web Mercator (EPSG:3857) and where they lie. Sources: OGC Two Dimensional Tile Matrix Set 2.0 (17-083r4), WebMercatorQuad; EPSG guidance note 7-2, method 1024. */
import { deepestZoom, type TileAddress } from './hilbert.ts';

/** A rectangle, in metres of EPSG:3857. */
export type MercatorBox = {
  readonly west: number;
  readonly south: number;
  readonly east: number;
  readonly north: number;
};

/** Tiles of one zoom: columns `[left, right)` from the west, rows `[top, bottom)` from the north. */
export type TileRange = {
  readonly z: number;
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
};

/** Pixels along the side of a tile. */
export const tilePixels = 256;

const radius = 6_378_137;
/** Half the equator: the square of all tiles goes from minus this to this, both ways; 20037508.342789244 m. */
export const halfEquator = Math.PI * radius;

/** Metres along the side of a pixel of a zoom, at the equator. */
export const resolutionOf = (z: number): number => (2 * halfEquator) / (tilePixels * 2 ** z);

/**
 * The least zoom whose pixels are no larger than `resolution` metres, but for a millionth, at most 26.
 * @throws RangeError for a resolution that is not positive
 */
export function zoomOf(resolution: number): number {
  if (!(resolution > 0)) throw new RangeError(`resolution ${resolution}, expected more than 0`);
  // What was made for a zoom has been rounded.
  const enough = resolution * (1 + 1e-6);
  let z = 0;
  while (z < deepestZoom && resolutionOf(z) > enough) z++;
  return z;
}

/** The western border of column `x` of zoom `z`, or minus the northern border of row `x`: the same number wherever two tiles of any zooms meet. */
const borderOf = (x: number, z: number): number => ((2 * x) / 2 ** z - 1) * halfEquator;

/** Where a tile lies. Neighbours share their borders to the bit. */
export function boxOf({ z, x, y }: TileAddress): MercatorBox {
  return {
    west: borderOf(x, z),
    south: 0 - borderOf(y + 1, z),
    east: borderOf(x + 1, z),
    north: 0 - borderOf(y, z),
  };
}

/**
 * The tiles of a zoom that a rectangle meets, none where it lies off the square of tiles. A tile that it only touches is not met: a rectangle that is a tile's meets this one alone.
 * @throws RangeError for a rectangle without an area
 */
export function tilesOf({ west, south, east, north }: MercatorBox, z: number): TileRange {
  if (!(west < east && south < north))
    throw new RangeError(`box ${west},${south},${east},${north}, expected west < east and south < north`);
  return {
    z,
    left: floorOf(west, z),
    top: floorOf(-north, z),
    right: ceilingOf(east, z),
    bottom: ceilingOf(-south, z),
  };
}

/** The last border of a zoom, from 0 to 2^z, that is at `x` or before; 0 where there is none. */
function floorOf(x: number, z: number): number {
  const side = 2 ** z;
  let border = Math.floor(Math.min(1, Math.max(0, x / halfEquator / 2 + 0.5)) * side);
  // The division may have gone to the next border, or not quite reached the one that `x` is.
  if (border > 0 && borderOf(border, z) > x) border--;
  else if (border < side && borderOf(border + 1, z) <= x) border++;
  return border;
}

/** The first border of a zoom that is at `x` or behind; 2^z where there is none. */
function ceilingOf(x: number, z: number): number {
  const floor = floorOf(x, z);
  return floor < 2 ** z && borderOf(floor, z) < x ? floor + 1 : floor;
}

/** Longitude and latitude of a place, in degrees of WGS 84. */
export function lonLatOf(x: number, y: number): [lon: number, lat: number] {
  const degrees = 180 / Math.PI;
  return [(x / halfEquator) * 180, Math.atan(Math.sinh(y / radius)) * degrees];
}
