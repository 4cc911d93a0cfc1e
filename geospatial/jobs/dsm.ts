/** geospatial/dsm: the highest (lowest, mean, number of) return of every cell, from point clouds to a Cloud-Optimized GeoTIFF. */
import { BadInput } from '../../core/errors.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import type { Param } from '../../core/params.ts';
import { choice, number } from '../../core/params.ts';
import type { GeoKeys } from '../formats/crs.ts';
import type { Run } from '../formats/points.ts';
import { cutRuns, memoryOf, readRun } from '../formats/points.ts';
import { addPoints, startBins, takePieces } from '../kernels/bins.ts';
import type { Points } from '../kernels/codec.ts';
import { fields, returnCodec, takeCodec } from '../kernels/codec.ts';
import type { Grid } from '../kernels/grid.ts';
import { lazUrl } from '../kernels/modules.ts';
import { commonCrs, commonGrid, openClouds } from './clouds.ts';
import { mosaic } from './mosaic.ts';
import type { Shards, Surface } from './surface.ts';
import { keepPieces, mergeSurfaces, storePieces, surfaceCodec } from './surface.ts';

type Inputs = { points: readonly Dataset[] };

/** A run of points of one file. Plain JSON. */
type Part = {
  readonly file: number;
  readonly run: Run;
  readonly grid: Grid;
  readonly crs: GeoKeys | null;
  readonly note: string;
};

const params = {
  cell: {
    ...number(1, 'side of a cell', { unit: 'CRS units' }),
    expected: 'a number > 0',
    check: (v): v is number => typeof v === 'number' && Number.isFinite(v) && v > 0,
  } satisfies Param<number>,
  stat: choice(
    ['max', 'min', 'mean', 'count'],
    'what a cell holds: of the heights of its points, or their number',
  ),
};

// 5 MiB while they are sorted: they stay in the cache.
const pointsAtOnce = 2 ** 18;
const blobBytes = 16 * 1024 * 1024;

export const dsm = define<Inputs, typeof params, Part, Surface>({
  name: 'geospatial/dsm',
  version: 2,
  doc: 'surface model of point clouds (highest return per cell, or another statistic) as a Cloud-Optimized GeoTIFF',
  examples: [
    '--points a.laz b.laz --cell 1 --out dsm.tif',
    '--points a.las --cell 5 --stat mean --out mean.tif',
  ],
  inputs: {
    points: { doc: 'point clouds of one CRS; all returns and classes', formats: ['laz', 'las'], many: true },
  },
  params,
  split: 1_000_000,
  unit: 'points',
  counts: 'points',
  output: 'file',
  result: surfaceCodec,
  modules: { laz: lazUrl },

  async partition({ points }, { cell }, split, planning) {
    const files = await openClouds(points, planning);
    const full = files.filter(({ las }) => las.count > 0);
    if (full.length === 0)
      throw new BadInput(
        `DSM: no points in ${points.map(({ uri }) => uri).join(', ')}, expected at least one; give a file that has points`,
      );
    const system = commonCrs(full.map(({ las }) => las));
    const grid = commonGrid(
      full.map(({ las }) => las),
      cell,
    );
    const parts: Part[] = [];
    let records = 0;
    for (const { file, source, las } of full) {
      planning.signal.throwIfAborted();
      records += las.count;
      for (const run of await cutRuns(source, las, split))
        // The first part says it for all.
        parts.push({ file, run, grid, ...(parts.length === 0 ? system : { crs: null, note: '' }) });
    }
    return {
      parts,
      records,
      ...(system.note ? { notes: [`DSM: the output has no CRS: ${system.note}`] } : {}),
    };
  },

  // A compressed point takes some three times as long as a plain one.
  weight: ({ run }) => run.points * (run.chunks ? 3 : 1),
  pace: 12e6,

  // What is read, columns, one tile's planes, and pieces that wait to be stored.
  memory: ({ run, grid }) => memoryOf(run) + 72 * 1024 * 1024 + (4 * grid.width * grid.height) / 2 ** 18,

  async kernel({ file, run, grid, crs, note }, { points }, { stat }, context) {
    const { uri } = points[file]!;
    const bins = startBins(grid, stat, Math.min(run.points, pointsAtOnce));
    const shards: Shards = { pieces: [], bytes: 0 };
    const surfaces: Surface[] = [];
    let done = 0;
    const codec = takeCodec(await context.module('laz'));
    const take = (found: Points, first: number): void => {
      for (let from = 0; from < found.count;) {
        const some = Math.min(found.count - from, bins.tile.length - bins.length);
        const off = addPoints(bins, found, from, some, run);
        if (off >= 0) throw offGrid(uri, first + off, found.x[off]!, found.y[off]!, run, grid);
        from += some;
        if (bins.length === bins.tile.length) keepPieces(shards, takePieces(bins, run));
      }
      done += found.count;
    };
    const put = async (): Promise<void> => {
      surfaces.push({ grid, crs, note, points: 0, ...(await storePieces(shards, run, context)) });
    };
    const source = await context.open(points[file]!);
    for await (const _ of readRun(source, run, uri, codec, fields.z, take)) {
      context.signal.throwIfAborted();
      if (shards.bytes > blobBytes) await put();
    }
    returnCodec(codec);
    if (bins.length > 0) keepPieces(shards, takePieces(bins, run));
    if (shards.bytes > 0) await put();
    return { ...mergeSurfaces(surfaces), points: done };
  },

  merge: mergeSurfaces,
  records: ({ points }) => points,

  next: (result, { grid, crs, note }, _inputs, { stat }) => ({
    job: mosaic,
    inputs: { surface: [result] },
    params: { grid, crs, note, stat },
  }),
});

function offGrid(
  uri: string,
  index: number,
  rawX: number,
  rawY: number,
  { scale, offset }: Run,
  grid: Grid,
): BadInput {
  const [x, y] = [rawX * scale[0] + offset[0], rawY * scale[1] + offset[1]];
  const { west, north, cell, width, height } = grid;
  const expected = `${west} to ${west + width * cell}, ${north - height * cell} to ${north}`;
  return new BadInput(
    `LAS: point ${index} of ${uri} lies at ${x}, ${y}, expected ${expected} as the headers say; get the file again, or have its bounds computed anew`,
  );
}
