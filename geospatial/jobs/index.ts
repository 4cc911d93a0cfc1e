/** lidar/index: point clouds to one Cloud-Optimized Point Cloud. Points are counted in a coarse grid first; lidar/spread puts them into subtrees of about equal size, lidar/nodes builds these, lidar/crown joins the nodes above. */
import { columns } from '../../core/codec.ts';
import { BadInput } from '../../core/errors.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { readRun } from '../formats/points.ts';
import { fields, returnCodec, takeCodec } from '../kernels/codec.ts';
import { lazUrl } from '../kernels/modules.ts';
import { countCell, countCells, type Cube, cubeOf, placesOf, subtreesOf } from '../kernels/octree.ts';
import { commonBounds, openFull } from '../lidar/clouds.ts';
import { shapeOf } from '../lidar/shape.ts';
import { spillMemory, type SpillPart, spillParts } from '../lidar/spill.ts';
import { spread } from './spread.ts';

type Inputs = { points: readonly Dataset[] };
type Part = SpillPart & { readonly cube: Cube };
/** Cells of the grid that have points, ascending, and how many; and the cube that it divides. */
type Counts = {
  readonly points: number;
  readonly cube: Cube;
  readonly cells: Uint32Array<ArrayBuffer>;
  readonly counts: Float64Array<ArrayBuffer>;
};

/** Points of a subtree that is built at once. */
const subtreePoints = 500_000;

export const index = define<Inputs, Record<never, never>, Part, Counts>({
  name: 'lidar/index',
  version: 1,
  doc: 'point clouds to one Cloud-Optimized Point Cloud (COPC 1.0): an octree, the same bytes for any order of points, files and parts',
  examples: ['--points a.laz --out a.copc.laz', "--points 'tiles/*.laz' --out area.copc.laz"],
  inputs: {
    points: { doc: 'point clouds of one CRS: LAS, LAZ, COPC', formats: ['laz', 'las'], many: true },
  },
  params: {},
  split: 1_000_000,
  unit: 'points',
  counts: 'points',
  output: 'file',
  result: columns<Counts>(),
  modules: { laz: lazUrl },

  async partition({ points }, _given, split, planning) {
    const clouds = await openFull(points, planning);
    const files = clouds.map(({ las }) => las);
    const shape = shapeOf(files);
    const { min, max } = commonBounds(files);
    const cube = cubeOf(min, max, shape);
    const parts = await spillParts(clouds, shape, split, planning);
    return {
      parts: parts.map((part) => ({ ...part, cube })),
      records: files.reduce((sum, { count }) => sum + count, 0),
    };
  },
  weight: ({ run }) => run.points,
  pace: 3e6,
  memory: (part) => spillMemory(part, 0),

  async kernel({ file, run, cube }, { points }, _given, context) {
    const { uri } = points[file]!;
    const counts = new Float64Array(countCells);
    const codec = takeCodec(await context.module('laz'));
    const reading = readRun(await context.open(points[file]!), run, uri, codec, fields.z, (found, first) => {
      const { places, outside } = placesOf(found, run, cube);
      if (outside >= 0)
        throw new BadInput(
          `LAS: point ${first + outside} of ${uri} lies outside of the bounds that the headers say; get the file again, or have its bounds computed anew`,
        );
      for (let i = 0; i < found.count; i++) counts[countCell(places.x[i]!, places.y[i]!, places.z[i]!)]!++;
    });
    for await (const _ of reading) context.signal.throwIfAborted();
    returnCodec(codec);
    return { points: run.points, cube, ...filled(counts) };
  },

  merge: (results) => ({
    points: results.reduce((sum, { points }) => sum + points, 0),
    cube: results[0]!.cube,
    ...filled(summed(results)),
  }),
  records: ({ points }) => points,

  next: (_result, value, { points }) => ({
    job: spread,
    inputs: { points },
    params: { octree: { cube: value.cube, roots: subtreesOf(summed([value]), subtreePoints) } },
  }),
});

/** The cells that have points. */
function filled(counts: Float64Array): Pick<Counts, 'cells' | 'counts'> {
  const cells = new Uint32Array(counts.length);
  let found = 0;
  for (let i = 0; i < counts.length; i++) if (counts[i]! > 0) cells[found++] = i;
  return {
    cells: cells.slice(0, found),
    counts: Float64Array.from(cells.subarray(0, found), (i) => counts[i]!),
  };
}

/** Points of every cell. */
function summed(results: readonly Counts[]): Float64Array {
  const out = new Float64Array(countCells);
  for (const { cells, counts } of results)
    for (let i = 0; i < cells.length; i++) out[cells[i]!]! += counts[i]!;
  return out;
}
