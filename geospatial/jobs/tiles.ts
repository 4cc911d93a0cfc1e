/** lidar/tiles: the points of a tile, sorted and encoded. The second half of lidar/tile. */
import { columns } from '../../core/codec.ts';
import type { Context, Dataset } from '../../core/job.ts';
import { define } from '../../core/job.ts';
import { flag } from '../../core/params.ts';
import { splitWeighted } from '../../core/partition.ts';
import type { Triple } from '../formats/las.ts';
import { headOf } from '../formats/laswrite.ts';
import {
  type Codec,
  encode,
  encodeBound,
  gather,
  outputOf,
  pointsOf,
  returnCodec,
  sort,
  takeCodec,
} from '../kernels/codec.ts';
import { lazUrl } from '../kernels/modules.ts';
import { type Cube, cubeOf } from '../kernels/octree.ts';
import { startTally, tallyPoints } from '../kernels/tally.ts';
import { headersOf, openFull } from '../lidar/clouds.ts';
import { type Shape, shapeOf } from '../lidar/shape.ts';
import { encodeSubtree, writeCopc } from '../lidar/copcwrite.ts';
import { type Made, type Nodes, storeNodes } from '../lidar/nodes.ts';
import { chunkPoints, pointsAt } from '../lidar/slices.ts';
import type { Gathering, Spilled } from '../lidar/spill.ts';
import { gatheringMemory, gatheringOf, pointsIn, readGathering } from '../lidar/spill.ts';
import { nameOfTile, tilingParams } from '../lidar/tiling.ts';
import type { Written } from '../lidar/written.ts';
import { chunksOf, keepChunk, mergeWritten, startWaiting, storeChunks, writeLaz } from '../lidar/written.ts';

type Inputs = { spilled: readonly [Dataset]; points: readonly Dataset[] };
/** Tiles of a row and column, `owned` of whose points are no copies. Plain JSON. */
type Tile = { readonly a: number; readonly b: number; readonly owned: number; readonly from: Gathering };
type Part = { readonly shape: Shape; readonly tiles: readonly Tile[] };
/** Nodes of a tile. */
type Octree = { readonly cube: Cube; readonly nodes: Nodes };
type Result = {
  readonly owned: number;
  readonly tiles: readonly { readonly a: number; readonly b: number; readonly made: Written | Octree }[];
};

const params = { ...tilingParams, whole: flag('all tiles in one file') };

export const tiles = define<Inputs, typeof params, Part, Result>({
  name: 'lidar/tiles',
  version: 2,
  doc: 'Tiles of points; the second half of lidar/tile',
  inputs: {
    spilled: { doc: 'result of lidar/tile', formats: ['lidar/tile'] },
    points: { doc: 'its point clouds', formats: ['laz', 'las'], many: true },
  },
  params,
  split: 300_000,
  unit: 'points',
  counts: 'points',
  output: 'prefix',
  result: columns<Result>(),
  modules: { laz: lazUrl },

  async partition({ spilled: [dataset], points }, _given, split, planning) {
    const source = await planning.open(dataset);
    const spilled = columns<Spilled>().decode(await source.read(0, source.size));
    const clouds = await openFull(points, planning);
    const shape = shapeOf(clouds.map(({ las }) => las));
    const { a, b, isCopy, points: counts } = spilled.pieces;
    const order = Array.from(a, (_, i) => i).sort((i, k) => b[i]! - b[k]! || a[i]! - a[k]! || i - k);
    const all: Tile[] = [];
    for (let from = 0, to = 0; from < order.length; from = to) {
      const [column, row] = [a[order[from]!]!, b[order[from]!]!];
      while (to < order.length && a[order[to]!] === column && b[order[to]!] === row) to++;
      const numbers = order.slice(from, to);
      const owned = numbers.reduce((sum, i) => sum + (isCopy[i] === 1 ? 0 : counts[i]!), 0);
      all.push({ a: column, b: row, owned, from: gatheringOf(spilled, numbers) });
    }
    const parts = splitWeighted(
      all.map(({ from }) => pointsIn(from)),
      split,
    ).map(({ start, end }) => ({ shape, tiles: all.slice(start, end) }));
    return { parts, records: spilled.points };
  },
  weight: (part) => part.tiles.reduce((sum, { from }) => sum + pointsIn(from), 0),
  pace: 2e6,
  memory: (part) =>
    part.tiles.reduce(
      (most, { from }) => Math.max(most, gatheringMemory(from, part.shape) + 60 * pointsIn(from)),
      0,
    ),

  async kernel(part, _inputs, { format }, context) {
    const { shape } = part;
    const codec = takeCodec(await context.module('laz'));
    const out: Result['tiles'][number][] = [];
    for (const { a, b, from } of part.tiles) {
      const room = format === 'copc' ? pointsIn(from) : chunkPoints;
      const total = await readGathering(from, shape, codec, encodeBound(room, shape.extra), context);
      const make = format === 'copc' ? makeOctree : makeChunks;
      out.push({ a, b, made: await make(codec, shape, total, context) });
    }
    returnCodec(codec);
    return { owned: part.tiles.reduce((sum, { owned }) => sum + owned, 0), tiles: out };
  },

  merge: (results) => ({
    owned: results.reduce((sum, { owned }) => sum + owned, 0),
    tiles: results.flatMap((result) => result.tiles),
  }),
  records: ({ owned }) => owned,

  async write(result, output, { inputs: { points }, params: { length, format, whole } }, context) {
    const full = await headersOf(points, context);
    const head = headOf(full[0]!, shapeOf(full));
    if (whole) {
      const all = mergeWritten(result.tiles.map(({ made }) => made as Written));
      return writeLaz(await output.file(), () => ({ ...head, chunk: 0xffffffff }), chunksOf(all), context);
    }
    for (const { a, b, made } of result.tiles) {
      const file = await output.file(nameOfTile(a, b, length, format));
      if ('cube' in made) await writeCopc(file, head, made.cube, made.nodes, made.nodes.tally, context);
      else await writeLaz(file, () => ({ ...head, chunk: chunkPoints }), chunksOf(made), context);
    }
    return undefined;
  },
});

/** The points that were read as chunks in their own order. */
async function makeChunks(codec: Codec, shape: Shape, total: number, context: Context): Promise<Written> {
  sort(codec, 0, total);
  const tally = startTally();
  const waiting = startWaiting();
  for (let at = 0; at < total; at += chunkPoints) {
    context.signal.throwIfAborted();
    const count = Math.min(chunkPoints, total - at);
    gather(codec, at, count);
    tallyPoints(tally, pointsOf(codec, count));
    keepChunk(waiting, outputOf(codec, 0, encode(codec, shape.pdrf, count, 0)).slice(), count);
  }
  return storeChunks(waiting, tally, context);
}

/** The points that were read as an octree of their own. */
async function makeOctree(codec: Codec, shape: Shape, count: number, context: Context): Promise<Octree> {
  const tally = startTally();
  tallyPoints(tally, pointsAt(codec, 0, count));
  const corner = (raw: ArrayLike<number>): Triple =>
    [0, 1, 2].map((i) => raw[i]! * shape.scale[i]! + shape.offset[i]!) as unknown as Triple;
  const cube = cubeOf(corner(tally.min), corner(tally.max), shape);
  const made: Made[] = [];
  encodeSubtree(codec, { root: [0, 0, 0, 0], cube, shape, count }, context, (node) => made.push(node));
  return { cube, nodes: await storeNodes(made, [], tally, context) };
}
