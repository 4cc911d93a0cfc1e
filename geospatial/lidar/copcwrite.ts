/** A Cloud-Optimized Point Cloud: subtrees encoded node by node, and the file that nodes become. */
import type { Context, FileSink } from '../../core/job.ts';
import { compareKeys, type Entry, hierarchyVlr, infoVlr } from '../formats/copc.ts';
import type { Head } from '../formats/laswrite.ts';
import { headLength } from '../formats/laswrite.ts';
import {
  type Codec,
  encode,
  gather,
  orderOf,
  outputOf,
  packParcel,
  type Points,
  sort,
} from '../kernels/codec.ts';
import { buildSubtree, type Cube, hashesOf, type NodeKey, placesOf } from '../kernels/octree.ts';
import type { Tally } from '../kernels/tally.ts';
import { keyAt, type Made, type Nodes } from './nodes.ts';
import type { Shape } from './shape.ts';
import { pointsAt } from './slices.ts';
import { writeLaz } from './written.ts';

/** Encodes the nodes of a subtree, and packs what it gives to those above, over the first `count` points of the kernel's set 1; `take` gets those of its root's level and below, and those above it. */
export function encodeSubtree(
  codec: Codec,
  { root, cube, shape, count }: { root: NodeKey; cube: Cube; shape: Shape; count: number },
  { signal }: Pick<Context, 'signal'>,
  take: (made: Made, isAbove: boolean) => void,
): void {
  sort(codec, 0, count);
  const points = pointsAt(codec, 0, count);
  const order = orderOf(codec);
  const byRank = order.slice(0, count);
  const ranked = pickPlaces(points, byRank);
  buildSubtree(root, placesOf(ranked, shape, cube).places, hashesOf(ranked), (key, ranks) => {
    signal.throwIfAborted();
    for (let i = 0; i < ranks.length; i++) order[i] = byRank[ranks[i]!]!;
    gather(codec, 0, ranks.length);
    // What others have pieces of, too, goes to a later stage.
    const isAbove = key[0] < root[0];
    const bytes = (isAbove ? packParcel : encode)(codec, shape.pdrf, ranks.length, 0);
    take({ key, chunk: outputOf(codec, 0, bytes).slice(), points: ranks.length }, isAbove);
  });
}

/** Raw coordinates by rank. */
function pickPlaces(points: Points, byRank: Uint32Array): Points {
  const pick = (column: Int32Array): Int32Array => {
    const out = new Int32Array(byRank.length);
    for (let i = 0; i < out.length; i++) out[i] = column[byRank[i]!]!;
    return out;
  };
  return { ...points, x: pick(points.x), y: pick(points.y), z: pick(points.z) };
}

/** Writes nodes in the order of their keys, the hierarchy behind them. `plain` is the head but for what COPC adds. */
export async function writeCopc(
  file: FileSink,
  plain: Omit<Head, 'chunk'>,
  cube: Cube,
  { blobs, nodes: table }: Pick<Nodes, 'blobs' | 'nodes'>,
  tally: Tally,
  context: Context,
): Promise<void> {
  const order = Array.from(table.level, (_, i) => i).sort((a, b) =>
    compareKeys(keyAt(table, a), keyAt(table, b)),
  );
  const places = order.map((i) => ({
    stored: blobs[table.blob[i]!]!,
    start: table.start[i]!,
    end: table.end[i]!,
  }));
  const headAt = (start: number): Head => {
    const info = infoVlr(cube, { start, entries: order.length }, tally.times);
    return { ...plain, vlrs: [info, ...plain.vlrs], chunk: 0xffffffff };
  };
  let offset = headLength(headAt(0)) + 8;
  const entries = order.map((i): Entry => {
    const bytes = table.end[i]! - table.start[i]!;
    offset += bytes;
    return { key: keyAt(table, i), offset: offset - bytes, bytes, points: table.points[i]! };
  });
  const chunks = {
    places,
    points: Uint32Array.from(order, (i) => table.points[i]!),
    bytes: Uint32Array.from(entries, ({ bytes }) => bytes),
    tally,
  };
  await writeLaz(file, headAt, chunks, context, [hierarchyVlr(entries)]);
}
