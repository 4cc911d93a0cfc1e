/** lidar/outliers: points that are noise, by their cells (elm) or by how far their neighbours are (statistical), tile by tile. Part of lidar/ground --noise. */
import type { Dataset, Stage } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import type { Values } from '../../core/params.ts';
import { tileSide } from '../kernels/grid.ts';
import type { Grid } from '../kernels/grid.ts';
import { momentsOf } from '../kernels/moments.ts';
import { lowPoints, meanDistances } from '../kernels/outliers.ts';
import { eachSpot, spotsIn } from '../kernels/spots.ts';
import type { Window } from '../kernels/tin.ts';
import { openFull } from '../lidar/clouds.ts';
import { groundParams } from '../lidar/ground.ts';
import type { Found, Look, NoiseTable } from '../lidar/noise.ts';
import {
  foundCodec,
  joinFound,
  lookOf,
  noNoise,
  nothingFound,
  rawOf,
  tilesOf,
  unitOf,
} from '../lidar/noise.ts';
import { meets, piecesOf, placesOf } from '../lidar/relief.ts';
import { type Shape, shapeOf } from '../lidar/shape.ts';
import { surfaceOf, windowBytes } from '../lidar/surface.ts';
import { noGrid, plain } from '../rasters/cell.ts';
import { distant } from './distant.ts';
import { lowest } from './lowest.ts';

type Inputs = { surface: readonly [Dataset]; points: readonly Dataset[] };
/** A tile; `points` are those in it and in the tiles around, as far as these are read. */
type Part = {
  readonly column: number;
  readonly row: number;
  readonly points: number;
  readonly look: Look;
  readonly shape: Shape;
};
const params = { ...groundParams, grid: plain<Grid>(noGrid, 'grid of the tiles') };

export const outliers = define<Inputs, typeof params, Part, Found>({
  name: 'lidar/outliers',
  version: 1,
  doc: 'Points that are noise; part of lidar/ground',
  inputs: {
    surface: { doc: 'result of lidar/ground', formats: ['lidar/ground'] },
    points: { doc: 'its point clouds', formats: ['laz', 'las'], many: true },
  },
  params,
  split: 1,
  unit: 'points',
  counts: 'points',
  output: 'file',
  result: foundCodec,

  async partition({ surface: [dataset], points }, given, _split, planning) {
    const surface = await surfaceOf(dataset, planning);
    const clouds = await openFull(points, planning);
    const [look, shape] = [lookOf(clouds, given), shapeOf(clouds.map(({ las }) => las))];
    const { column, row } = surface.pieces;
    // A cell of elm belongs to the tile of its corner, which may have no points itself.
    const has = new Set<string>();
    for (const [i, c] of column.entries())
      for (const [left, up] of [
        [0, 0],
        [1, 0],
        [0, 1],
        [1, 1],
      ] as const)
        has.add(`${c - left},${row[i]! - up}`);
    const tiles = tilesOf(given.grid).filter((tile) => has.has(`${tile.column},${tile.row}`));
    // Where nothing is to be looked at, nothing is found in one part.
    const some = tiles.length > 0 ? tiles : [{ column: 0, row: 0 }];
    const pointsAround = (tile: Tile): number =>
      placesOf(surface, 0, meets(windowOf(tile, look, given))).reduce(
        (sum, { start, end }) => sum + spotsIn(end - start),
        0,
      );
    return { parts: some.map((tile) => ({ ...tile, points: pointsAround(tile), look, shape })) };
  },
  weight: ({ points }) => points,
  // Coordinates twice while they are gathered, and squares to search in.
  memory: ({ points }) => 2 * windowBytes + 120 * points + 64 * 2 ** 20,

  async kernel({ column, row, look, shape }, { surface: [dataset] }, given, context) {
    const surface = await surfaceOf(dataset, context);
    const { west, north, cell } = given.grid;
    const isLow = given.noise === 'elm';
    const isHere = (c: number, r: number): boolean => c === column && r === row;
    const window = windowOf({ column, row }, look, given);
    const isNear = meets(window);
    const [x, y, z]: [number[], number[], number[]] = [[], [], []];
    const keep = (px: number, py: number, pz: number): void => {
      x.push(px);
      y.push(py);
      z.push(pz);
    };
    for await (const piece of piecesOf(surface, 0, isHere, context)) eachSpot(piece, keep);
    const owned = x.length;
    const [left, right] = [west + window.left * cell, west + (window.left + window.width) * cell];
    const [bottom, top] = [north - (window.top + window.height) * cell, north - window.top * cell];
    const around = (c: number, r: number): boolean => isNear(c, r) && !isHere(c, r);
    for await (const piece of piecesOf(surface, 0, around, context))
      eachSpot(piece, (px, py, pz) => {
        if (px >= left && px <= right && py >= bottom && py <= top) keep(px, py, pz);
      });
    const all = { x: Float64Array.from(x), y: Float64Array.from(y), z: Float64Array.from(z) };
    if (isLow) {
      // A cell belongs to the tile that its corner in the north-west lies in.
      const side = given['elm-cell'];
      const isOwn = (c: number, r: number): boolean =>
        Math.max(0, Math.floor((c * side - west) / cell / tileSide)) === column &&
        Math.max(0, Math.floor((north - (r + 1) * side) / cell / tileSide)) === row;
      const found = lowPoints(all, side, given['elm-threshold'], isOwn);
      return { ...nothingFound, points: owned, noise: tableOf(all, found, shape) };
    }
    if (owned === 0) return nothingFound;
    const mean = meanDistances(all, owned, given['mean-k'], look.reach, 2 * look.spacing);
    const distances = Int32Array.from(mean, (d) => Math.round(d / unitOf(look)));
    const stored = await context.put(new Uint8Array(distances.slice().buffer));
    return {
      points: owned,
      noise: noNoise(),
      moments: momentsOf(distances),
      tiles: [{ column, row, distances: stored }],
    };
  },

  merge: joinFound,
  records: ({ points }) => points,

  next(result, _value, { surface, points }, given): Stage {
    const { grid: _, ...own } = given;
    if (given.noise === 'elm') return { job: lowest, inputs: { points, noise: [result] }, params: own };
    return { job: distant, inputs: { surface, points, found: [result] }, params: given };
  },
});

type Tile = Pick<Part, 'column' | 'row'>;

/** A tile and what of the points around it counts for its own. */
function windowOf(
  { column, row }: Tile,
  { reach }: Look,
  { grid: { west, north, cell }, noise, 'elm-cell': side }: Values<typeof params>,
): Window {
  const margin = Math.ceil((noise === 'elm' ? side : reach) / cell) + 1;
  const [left, top] = [column * tileSide - margin, row * tileSide - margin];
  const width = tileSide + 2 * margin;
  return { west, north, cell, left, top, width, height: width };
}

/** Raw coordinates of some points, in an order of their own. */
function tableOf(
  { x, y, z }: { x: Float64Array; y: Float64Array; z: Float64Array },
  found: readonly number[],
  shape: Shape,
): NoiseTable {
  const raw = (column: Float64Array, axis: 0 | 1 | 2): Int32Array<ArrayBuffer> =>
    Int32Array.from(found, (i) => rawOf(column[i]!, axis, shape));
  return { x: raw(x, 0), y: raw(y, 1), z: raw(z, 2) };
}
