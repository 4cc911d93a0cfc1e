/** lidar/earth: the ground below lowest heights, as two planes of a raster, in one task. The second third of lidar/ground. */
import { json } from '../../core/codec.ts';
import type { Dataset, Stored } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { findCloth, findGround, findLimits, groundMemory, laddersOf, radiusOf } from '../kernels/ground.ts';
import { tileSide } from '../kernels/grid.ts';
import type { Grid } from '../kernels/grid.ts';
import { groundUrl } from '../kernels/modules.ts';
import { combinePiece, emptyPlanes } from '../kernels/piece.ts';
import { noGrid, plain } from '../rasters/cell.ts';
import { type Earth, groundParams } from '../lidar/ground.ts';
import { readPieces, surfaceOf, windowBytes } from '../lidar/surface.ts';
import { classify } from './classify.ts';
import { sorted } from './sorted.ts';

type Inputs = { surface: readonly [Dataset]; points: readonly Dataset[]; noise?: readonly Dataset[] };
const params = { ...groundParams, grid: plain<Grid>(noGrid, 'grid of the raster') };

export const earth = define<Inputs, typeof params, { readonly all: true }, Earth>({
  name: 'lidar/earth',
  version: 1,
  doc: 'The ground below lowest heights; the second third of lidar/ground',
  inputs: {
    surface: { doc: 'result of lidar/ground', formats: ['lidar/ground'] },
    points: { doc: 'its point clouds', formats: ['laz', 'las'], many: true },
    noise: { doc: 'points that are noise', formats: ['lidar/outliers'], optional: true },
  },
  params,
  split: 1,
  unit: 'rasters',
  counts: 'cells',
  output: 'file',
  result: json<Earth>(),
  modules: { ground: groundUrl },

  partition: async () => ({ parts: [{ all: true }] }),
  memory: (_part, given) => {
    const { grid, method, cell } = given;
    const radius = { smrf: radiusOf(given, cell), pmf: laddersOf(given, cell).at(-1)!.radius, csf: 1 }[
      method
    ];
    return groundMemory(grid.width, grid.height, radius) + 2 * windowBytes + 4 * 2 ** 20;
  },

  async kernel(_part, { surface: [dataset] }, given, context) {
    const { grid } = given;
    const { blobs, pieces } = await surfaceOf(dataset, context);
    // The pieces of a tile together, the tiles row by row.
    const order = Array.from(pieces.row, (_, i) => i).sort(
      (a, b) => pieces.row[a]! - pieces.row[b]! || pieces.column[a]! - pieces.column[b]!,
    );
    const places = order.map((i) => ({
      blob: pieces.blob[i]!,
      start: pieces.start[i]!,
      end: pieces.end[i]!,
    }));
    const bytes: Uint8Array[] = [];
    for await (const piece of readPieces(places, blobs, context)) bytes.push(piece);
    const fill = (heights: Float32Array): void => {
      for (const [k, i] of order.entries())
        lower(heights, grid, pieces.column[i]!, pieces.row[i]!, bytes[k]!);
    };
    const find = { smrf: findGround, pmf: findLimits, csf: findCloth }[given.method];
    const found = find(await context.module('ground'), grid, fill, given);
    const blobOf = (plane: Float32Array): Promise<Stored> =>
      context.put(new Uint8Array(plane.buffer, plane.byteOffset, plane.byteLength).slice());
    return {
      cells: grid.width * grid.height,
      heights: await blobOf(found.heights),
      slopes: await blobOf(found.slopes),
    };
  },

  merge: ([only]) => only!,
  records: ({ cells }) => cells,

  next: (_result, value, { points, noise }, given) => ({
    job: given.order === 'own' ? sorted : classify,
    inputs: { points, ...(noise ? { noise } : {}) },
    params: { ...given, earth: value },
  }),
});

/** Lowers the cells of a tile to a piece. */
function lower(heights: Float32Array, grid: Grid, column: number, row: number, piece: Uint8Array): void {
  const planes = emptyPlanes('min');
  combinePiece('min', planes, piece);
  const tile = planes[0] as Float32Array;
  const [left, top] = [column * tileSide, row * tileSide];
  const columns = Math.min(tileSide, grid.width - left);
  for (let r = 0; r < Math.min(tileSide, grid.height - top); r++)
    for (let c = 0; c < columns; c++) {
      const [value, at] = [tile[r * tileSide + c]!, (top + r) * grid.width + left + c];
      if (value === value && !(heights[at]! <= value)) heights[at] = value;
    }
}
