/** Tiles of rasters that need points themselves: percentiles, spread, nearness, heights above the ground, canopies. */
import type { Context } from '../../core/job.ts';
import { tileCells, tileSide } from '../kernels/grid.ts';
import { emptyTile, reachOf, startSamples, statistics } from '../kernels/samples.ts';
import { eachSpot, spotsIn } from '../kernels/spots.ts';
import { heightsOn, startHighest, triangulate, type Window } from '../kernels/tin.ts';
import type { Made } from './products.ts';
import { aboveGround, groundOf, meets, piecesOf, placesOf, type Relief } from './relief.ts';
import type { Place } from './surface.ts';

/** How statistics are taken: of points within `radius` of the middles of cells, 0 for those in them; of heights above the ground with `above`. */
export type Sampling = Relief & {
  readonly radius: number;
  readonly power: number;
  readonly above: boolean;
  /** Of nets over a height: the largest radius of a triangle's circle, in units of the CRS. */
  readonly span: number;
};

/** Cells around a tile from which points are taken at first. */
const firstReach = 48;
// 60 bytes each.
const pointsAtOnce = 2 ** 20;

/** A statistic in a tile's cells, NaN (of counts 0) where there is no point. */
export async function sampledTile(
  how: Sampling,
  { statistic, layer, value }: Made,
  column: number,
  row: number,
  context: Pick<Context, 'get' | 'signal'>,
): Promise<Float32Array> {
  const { surface, grid, radius, power } = how;
  const reach = radius > 0 ? reachOf(radius, grid.cell) : 0;
  const out = statistic === 'count' ? new Float32Array(tileCells) : emptyTile();
  const windowOf = (from: number, to: number): Window => ({
    west: grid.west,
    north: grid.north,
    cell: grid.cell,
    left: column * tileSide - reach,
    top: row * tileSide + from - reach,
    width: tileSide + 2 * reach,
    height: to - from + 2 * reach,
  });
  const whole = placesOf(surface, layer, meets(windowOf(0, tileSide)));
  if (whole.length === 0) return out;
  const isAbove = how.above && value === 'z';
  const height = isAbove ? await heightsAround(how, column, row, reach + 1, context) : undefined;
  // So many rows at a time that their points have room, if they are spread evenly.
  const bands = Math.min(tileSide, Math.ceil(pointsOf(whole) / pointsAtOnce));
  const rows = Math.ceil(tileSide / bands);
  for (let from = 0; from < tileSide; from += rows) {
    context.signal.throwIfAborted();
    const to = Math.min(tileSide, from + rows);
    const window = windowOf(from, to);
    const collecting = startSamples(window, grid);
    for await (const piece of piecesOf(surface, layer, meets(window), context))
      eachSpot(piece, (x, y, z) => {
        const found = height ? height(x, y, z) : z;
        if (found === found) collecting.add(x, y, found);
      });
    statistics(collecting.samples(), out, [column, row], [from, to], statistic, radius, power);
  }
  return out;
}

const pointsOf = (places: readonly Place[]): number =>
  places.reduce((sum, { start, end }) => sum + spotsIn(end - start), 0);

/** Heights above the ground of a tile and `margin` cells around it. */
async function heightsAround(
  how: Relief,
  column: number,
  row: number,
  margin: number,
  context: Pick<Context, 'get'>,
): Promise<(x: number, y: number, z: number) => number> {
  const { window, heights } = await groundOf(how, column, row, margin, context);
  return aboveGround(window, heights);
}

/** How high the highest point of each cell stands above the ground, at least 0. */
export async function canopyTile(
  how: Relief,
  { layer }: Made,
  column: number,
  row: number,
  context: Pick<Context, 'get'>,
): Promise<Float32Array> {
  const { surface, grid } = how;
  const height = await heightsAround(how, column, row, 1, context);
  const out = emptyTile();
  const isHere = (c: number, r: number): boolean => c === column && r === row;
  // Points on the raster's edge count in its last cell.
  const inTile = (at: number, first: number): number =>
    Math.max(0, Math.min(tileSide - 1, Math.floor(at) - first));
  for await (const piece of piecesOf(surface, layer, isHere, context))
    eachSpot(piece, (x, y, z) => {
      const above = Math.max(0, height(x, y, z));
      const c = inTile((x - grid.west) / grid.cell, column * tileSide);
      const r = inTile((grid.north - y) / grid.cell, row * tileSide);
      if (above === above && !(above <= out[r * tileSide + c]!)) out[r * tileSide + c] = above;
    });
  return out;
}

/** Heights from which on points make nets of their own, as Khosravipour 2014 has them, and on. */
const storeys = [2, 5, 10, 15, 20, 25, 30, 35, 40];

/**
 * The canopy without pits: the highest of several nets over it. The first is that of all cells' highest points, each other one that of those above a height, with small
 * triangles only: pulses that fell through a crown pull the first one down, and not the others (Khosravipour et al. 2014, "Generating pit-free canopy height models").
 */
export async function pitfreeTile(
  how: Sampling,
  { layer }: Made,
  column: number,
  row: number,
  context: Pick<Context, 'get' | 'signal'>,
): Promise<Float32Array> {
  const { surface, grid, gap, span } = how;
  const tile: Window = {
    west: grid.west,
    north: grid.north,
    cell: grid.cell,
    left: column * tileSide,
    top: row * tileSide,
    width: tileSide,
    height: tileSide,
  };
  const most = Math.ceil((2 * Math.max(gap, span)) / grid.cell) + 1;
  const first = Math.min(most, Math.max(firstReach, Math.ceil((2 * span) / grid.cell) + 1));
  for (let cells = first; ; cells = most) {
    context.signal.throwIfAborted();
    const height = await heightsAround(how, column, row, cells + 1, context);
    const side = tileSide + 2 * cells;
    const around = { ...tile, left: tile.left - cells, top: tile.top - cells, width: side, height: side };
    const highest = startHighest(around);
    for await (const piece of piecesOf(surface, layer, meets(around), context))
      eachSpot(piece, (x, y, z) => {
        const above = Math.max(0, height(x, y, z));
        if (above === above) highest.add(x, y, above);
      });
    const all = highest.spots(0);
    const reach = cells * grid.cell;
    const { heights, isSure } = heightsOn(all, triangulate(all), tile, gap, reach);
    if (!isSure && cells < most) continue;
    for (const from of storeys) {
      const some = highest.spots(from);
      if (some.z.length === 0) break;
      const upper = heightsOn(some, triangulate(some), tile, span, reach).heights;
      for (let i = 0; i < heights.length; i++) if (upper[i]! > heights[i]!) heights[i] = upper[i]!;
    }
    // Between points at 0 rounding gives less.
    for (let i = 0; i < heights.length; i++) if (heights[i]! < 0) heights[i] = 0;
    return heights;
  }
}
