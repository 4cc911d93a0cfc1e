/** lidar/spread: points to the subtrees of an octree. The second stage of lidar/index. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import type { Points } from '../kernels/codec.ts';
import { lazUrl } from '../kernels/modules.ts';
import { countCell, placesOf, subtreeByCell } from '../kernels/octree.ts';
import { openFull } from '../lidar/clouds.ts';
import { octreeParams, type Octree } from '../lidar/octree.ts';
import type { Shape } from '../lidar/shape.ts';
import { shapeOf } from '../lidar/shape.ts';
import type { Assignment, Group, Spilled, SpillPart } from '../lidar/spill.ts';
import { mergeSpilled, spillMemory, spillParts, spillRun } from '../lidar/spill.ts';
import { nodes } from './nodes.ts';

type Inputs = { points: readonly Dataset[] };

export const spread = define<Inputs, typeof octreeParams, SpillPart, Spilled>({
  name: 'lidar/spread',
  version: 2,
  doc: 'Points to subtrees; the second stage of lidar/index',
  inputs: { points: { doc: 'point clouds', formats: ['laz', 'las'], many: true } },
  params: octreeParams,
  split: 1_000_000,
  unit: 'points',
  counts: 'points',
  output: 'file',
  result: columns<Spilled>(),
  modules: { laz: lazUrl },

  async partition({ points }, _given, split, planning) {
    const clouds = await openFull(points, planning);
    const files = clouds.map(({ las }) => las);
    return {
      parts: await spillParts(clouds, shapeOf(files), split, planning),
      records: files.reduce((sum, { count }) => sum + count, 0),
    };
  },
  weight: ({ run }) => run.points,
  pace: 2e6,
  memory: (part) => spillMemory(part, 2),

  kernel: (part, { points }, { octree }, context) =>
    spillRun(part, points, 1, (found, shape) => assignSubtrees(found, shape, octree), context),

  merge: mergeSpilled,
  records: ({ points }) => points,

  next: (result, _value, { points }, params) => ({
    job: nodes,
    inputs: { spilled: [result], points },
    params: { ...params },
  }),
});

function assignSubtrees(points: Points, shape: Shape, { cube, roots }: Octree): Assignment {
  const { places } = placesOf(points, shape, cube);
  const byCell = subtreeByCell(roots);
  const known = new Int32Array(roots.length).fill(-1);
  const groups: Group[] = [];
  const group = new Uint32Array(points.count);
  const numbers = new Uint32Array(points.count);
  for (let i = 0; i < points.count; i++) {
    const root = byCell[countCell(places.x[i]!, places.y[i]!, places.z[i]!)]!;
    if (root < 0) throw new Error(`point ${i} of a part is in no subtree, though it was counted`);
    if (known[root]! < 0) known[root] = groups.push({ a: root, b: 0, isCopy: false }) - 1;
    group[i] = known[root]!;
    numbers[i] = i;
  }
  return { numbers, group, groups };
}
