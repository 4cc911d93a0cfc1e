/** lidar/nodes: the nodes of subtrees, encoded, and what subtrees give to the nodes above them. The third stage of lidar/index. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { splitWeighted } from '../../core/partition.ts';
import { encodeBound, returnCodec, takeCodec } from '../kernels/codec.ts';
import { lazUrl } from '../kernels/modules.ts';
import type { NodeKey } from '../kernels/octree.ts';
import { startTally, tallyPoints } from '../kernels/tally.ts';
import { openFull } from '../lidar/clouds.ts';
import { encodeSubtree } from '../lidar/copcwrite.ts';
import { type Made, mergeNodes, type Nodes, storeNodes } from '../lidar/nodes.ts';
import { octreeParams } from '../lidar/octree.ts';
import { type Shape, shapeOf } from '../lidar/shape.ts';
import { pointsAt } from '../lidar/slices.ts';
import {
  gatheringMemory,
  gatheringOf,
  type Gathering,
  pointsIn,
  readGathering,
  type Spilled,
} from '../lidar/spill.ts';
import { crown } from './crown.ts';

type Inputs = { spilled: readonly [Dataset]; points: readonly Dataset[] };
type Subtree = { readonly root: NodeKey; readonly from: Gathering };
type Part = { readonly shape: Shape; readonly subtrees: readonly Subtree[] };

export const nodes = define<Inputs, typeof octreeParams, Part, Nodes>({
  name: 'lidar/nodes',
  version: 2,
  doc: 'Nodes of subtrees; the third stage of lidar/index',
  inputs: {
    spilled: { doc: 'result of lidar/spread', formats: ['lidar/spread'] },
    points: { doc: 'its point clouds', formats: ['laz', 'las'], many: true },
  },
  params: octreeParams,
  split: 300_000,
  unit: 'points',
  counts: 'points',
  output: 'file',
  result: columns<Nodes>(),
  modules: { laz: lazUrl },

  async partition({ spilled: [dataset], points }, { octree: { roots } }, split, planning) {
    const source = await planning.open(dataset);
    const spilled = columns<Spilled>().decode(await source.read(0, source.size));
    const clouds = await openFull(points, planning);
    const shape = shapeOf(clouds.map(({ las }) => las));
    const byRoot = roots.map((): number[] => []);
    for (const [i, root] of spilled.pieces.a.entries()) byRoot[root]!.push(i);
    const subtrees = roots.map((root, i): Subtree => ({ root, from: gatheringOf(spilled, byRoot[i]!) }));
    const parts = splitWeighted(
      subtrees.map(({ from }) => pointsIn(from)),
      split,
    ).map(({ start, end }) => ({ shape, subtrees: subtrees.slice(start, end) }));
    return { parts, records: spilled.points };
  },
  weight: ({ subtrees }) => subtrees.reduce((sum, { from }) => sum + pointsIn(from), 0),
  pace: 2e6,
  memory: ({ shape, subtrees }) =>
    subtrees.reduce(
      (most, { from }) => Math.max(most, gatheringMemory(from, shape) + 60 * pointsIn(from)),
      0,
    ),

  async kernel({ shape, subtrees }, _inputs, { octree: { cube } }, context) {
    const codec = takeCodec(await context.module('laz'));
    const tally = startTally();
    const [whole, pieces]: [Made[], Made[]] = [[], []];
    for (const { root, from } of subtrees) {
      const most = pointsIn(from);
      await readGathering(from, shape, codec, encodeBound(most, shape.extra), context);
      tallyPoints(tally, pointsAt(codec, 0, most));
      encodeSubtree(codec, { root, cube, shape, count: most }, context, (made, isAbove) =>
        (isAbove ? pieces : whole).push(made),
      );
    }
    returnCodec(codec);
    return storeNodes(whole, pieces, tally, context);
  },

  merge: mergeNodes,
  records: ({ tally }) => tally.points,

  next: (result, _value, { points }, params) => ({
    job: crown,
    inputs: { nodes: [result], points },
    params: { ...params },
  }),
});
