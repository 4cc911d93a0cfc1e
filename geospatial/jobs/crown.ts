/** lidar/crown: the nodes above all subtrees, and the file. The last stage of lidar/index. */
import { columns } from '../../core/codec.ts';
import type { Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { splitInterval } from '../../core/partition.ts';
import { compareKeys } from '../formats/copc.ts';
import { headOf } from '../formats/laswrite.ts';
import { encode, encodeBound, gather, outputOf, returnCodec, sort, takeCodec } from '../kernels/codec.ts';
import { lazUrl } from '../kernels/modules.ts';
import type { NodeKey } from '../kernels/octree.ts';
import { startTally } from '../kernels/tally.ts';
import { headersOf, openFull } from '../lidar/clouds.ts';
import { writeCopc } from '../lidar/copcwrite.ts';
import { keyAt, type Made, mergeNodes, type Nodes, storeNodes } from '../lidar/nodes.ts';
import { octreeParams } from '../lidar/octree.ts';
import { type Shape, shapeOf } from '../lidar/shape.ts';
import { gatheringMemory, gatheringOf, type Gathering, pointsIn, readGathering } from '../lidar/spill.ts';

type Inputs = { nodes: readonly [Dataset]; points: readonly Dataset[] };
type Top = { readonly key: NodeKey; readonly from: Gathering };
type Part = { readonly shape: Shape; readonly tops: readonly Top[] };

export const crown = define<Inputs, typeof octreeParams, Part, Nodes>({
  name: 'lidar/crown',
  version: 1,
  doc: 'Nodes above subtrees; the last stage of lidar/index',
  inputs: {
    nodes: { doc: 'result of lidar/nodes', formats: ['lidar/nodes'] },
    points: { doc: 'its point clouds', formats: ['laz', 'las'], many: true },
  },
  params: octreeParams,
  split: 4,
  unit: 'nodes',
  counts: 'points',
  output: 'file',
  result: columns<Nodes>(),
  modules: { laz: lazUrl },

  async partition({ nodes: [dataset], points }, _given, split, planning) {
    const source = await planning.open(dataset);
    const { blobs, pieces } = columns<Nodes>().decode(await source.read(0, source.size));
    const clouds = await openFull(points, planning);
    const shape = shapeOf(clouds.map(({ las }) => las));
    const byKey = new Map<string, number[]>();
    for (let i = 0; i < pieces.level.length; i++) {
      const name = keyAt(pieces, i).join('-');
      const found = byKey.get(name);
      if (found) found.push(i);
      else byKey.set(name, [i]);
    }
    const tops = [...byKey.values()].map((numbers): Top => ({
      key: keyAt(pieces, numbers[0]!),
      from: gatheringOf({ blobs, pieces }, numbers),
    }));
    tops.sort((a, b) => compareKeys(a.key, b.key));
    const parts = splitInterval(tops.length, Math.max(1, Math.floor(split))).map(({ start, end }) => ({
      shape,
      tops: tops.slice(start, end),
    }));
    const records = pieces.points.reduce((sum, n) => sum + n, 0);
    return { parts: parts.length > 0 ? parts : [{ shape, tops: [] }], records };
  },
  weight: ({ tops }) => tops.reduce((sum, { from }) => sum + pointsIn(from), 1),
  memory: ({ shape, tops }) =>
    tops.reduce((most, { from }) => Math.max(most, gatheringMemory(from, shape)), 2 ** 20),

  async kernel({ shape, tops }, _inputs, _given, context) {
    const codec = takeCodec(await context.module('laz'));
    const made: Made[] = [];
    for (const { key, from } of tops) {
      const points = pointsIn(from);
      await readGathering(from, shape, codec, encodeBound(points, shape.extra), context);
      sort(codec, 0, points);
      gather(codec, 0, points);
      made.push({ key, chunk: outputOf(codec, 0, encode(codec, shape.pdrf, points, 0)).slice(), points });
    }
    returnCodec(codec);
    const tally = startTally();
    tally.points = made.reduce((sum, { points }) => sum + points, 0);
    return storeNodes(made, [], tally, context);
  },

  merge: mergeNodes,
  records: ({ tally }) => tally.points,

  async write(result, output, { inputs, params: { octree } }, context) {
    const full = await headersOf(inputs.points, context);
    const plain = headOf(full[0]!, shapeOf(full));
    const source = await context.open(inputs.nodes[0]);
    const below = columns<Nodes>().decode(await source.read(0, source.size));
    await writeCopc(
      await output.file(),
      plain,
      octree.cube,
      mergeNodes([result, below]),
      below.tally,
      context,
    );
  },
});
