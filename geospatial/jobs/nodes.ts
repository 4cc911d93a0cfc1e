/** lidar/nodes: the nodes of subtrees, encoded, and what subtrees give to the nodes above them. The third stage of lidar/index. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { splitWeighted } from '../../core/partition.ts';
import {
  encode,
  encodeBound,
  gather,
  orderOf,
  outputOf,
  type Points,
  returnCodec,
  sort,
  takeCodec,
} from '../kernels/codec.ts';
import { lazUrl } from '../kernels/modules.ts';
import { buildSubtree, hashesOf, type NodeKey, placesOf } from '../kernels/octree.ts';
import { startTally, tallyPoints } from '../kernels/tally.ts';
import { openFull } from '../lidar/clouds.ts';
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
  version: 1,
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
      sort(codec, 0, most);
      const points = pointsAt(codec, 0, most);
      tallyPoints(tally, points);
      const order = orderOf(codec);
      const byRank = order.slice(0, most);
      const ranked = pickPlaces(points, byRank);
      buildSubtree(root, placesOf(ranked, shape, cube).places, hashesOf(ranked), (key, ranks) => {
        context.signal.throwIfAborted();
        for (let i = 0; i < ranks.length; i++) order[i] = byRank[ranks[i]!]!;
        gather(codec, 0, ranks.length);
        const chunk = outputOf(codec, 0, encode(codec, shape.pdrf, ranks.length, 0)).slice();
        (key[0] < root[0] ? pieces : whole).push({ key, chunk, points: ranks.length });
      });
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

/** Raw coordinates by rank. */
function pickPlaces(points: Points, byRank: Uint32Array): Points {
  const pick = (column: Int32Array): Int32Array => {
    const out = new Int32Array(byRank.length);
    for (let i = 0; i < out.length; i++) out[i] = column[byRank[i]!]!;
    return out;
  };
  return { ...points, x: pick(points.x), y: pick(points.y), z: pick(points.z) };
}
