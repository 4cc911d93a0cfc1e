/** An octree over points: the cube, where points lie in it, and which node each point belongs to. Source: COPC 1.0 and Entwine's layout; sampling by voxels of our own. */
import type { Points } from './codec.ts';

/** The cube that holds all points; a node of level l has a side of side / 2^l. Units of the CRS. */
export type Cube = { readonly min: readonly [number, number, number]; readonly side: number };
/** A node: level, and its place along each axis at that level. */
export type NodeKey = readonly [level: number, x: number, y: number, z: number];

/** Levels of places: cells of the finest one are side / 2^20. */
const placeBits = 20;
const placeCells = 2 ** placeBits;
/** Of a node that has children at most one point in each of so many voxels a side is its own. */
const voxelBits = 7;
export const voxels = 2 ** voxelBits;
/** The deepest level that can be told apart. */
export const deepest = placeBits - voxelBits;
/** A node with no more points has no children. */
export const leafPoints = 50_000;

type Placement = {
  readonly scale: readonly [number, number, number];
  readonly offset: readonly [number, number, number];
};

/**
 * A cube around bounds (both ends inside), from half a step of the finest scale before them, and a multiple of 4096 steps long: borders of nodes of the first twelve levels
 * then lie between points, never on one.
 */
export function cubeOf(
  min: readonly [number, number, number],
  max: readonly [number, number, number],
  { scale }: Placement,
): Cube {
  const step = Math.min(...scale);
  // Headers round, and some keep bounds as f32.
  const slack = ([0, 1, 2] as const).map((i) =>
    Math.max(scale[i], Math.max(Math.abs(min[i]), Math.abs(max[i])) * 2 ** -23),
  );
  const low = ([0, 1, 2] as const).map((i) => min[i] - Math.ceil(slack[i]! / step) * step - step / 2);
  const extent = Math.max(...([0, 1, 2] as const).map((i) => max[i] + slack[i]! - low[i]!));
  const steps = Math.ceil((extent / step + 1) / 4096) * 4096;
  return { min: [low[0]!, low[1]!, low[2]!], side: steps * step };
}

/** Places of points along each axis, in cells of the finest level. */
export type Places = { readonly x: Uint32Array; readonly y: Uint32Array; readonly z: Uint32Array };

/** Places of points; the number of the first one outside of the cube, or -1. */
export function placesOf(
  points: Points,
  { scale, offset }: Placement,
  { min, side }: Cube,
): { places: Places; outside: number } {
  const { count } = points;
  const axes = [points.x, points.y, points.z];
  let outside = -1;
  const [x, y, z] = ([0, 1, 2] as const).map((i) => {
    const out = new Uint32Array(count);
    const [by, add, raw] = [scale[i], offset[i] - min[i], axes[i]!];
    for (let k = 0; k < count; k++) {
      const place = Math.floor(((raw[k]! * by + add) / side) * placeCells);
      if (!(place >= 0 && place < placeCells) && (outside < 0 || k < outside)) outside = k;
      out[k] = place;
    }
    return out;
  }) as [Uint32Array, Uint32Array, Uint32Array];
  return { places: { x, y, z }, outside };
}

/** Levels of the grid in which points are counted. */
export const countLevel = 6;
const countSide = 2 ** countLevel;
/** Number of the cell of level `countLevel` that a place lies in. */
export const countCell = (x: number, y: number, z: number): number => {
  const shift = placeBits - countLevel;
  return ((z >> shift) * countSide + (y >> shift)) * countSide + (x >> shift);
};
export const countCells = countSide ** 3;

/** The highest nodes that have no more than `most` points, or lie at the level of the count; only those with points, in a fixed order. */
export function subtreesOf(counts: ArrayLike<number>, most: number): NodeKey[] {
  // Sums of every level, from the finest up.
  const levels: Float64Array[] = [];
  levels[countLevel] = Float64Array.from({ length: countCells }, (_, i) => counts[i]!);
  for (let level = countLevel - 1; level >= 0; level--) {
    const side = 2 ** level;
    const finer = levels[level + 1]!;
    const out = new Float64Array(side ** 3);
    for (let i = 0; i < finer.length; i++) {
      const [x, y, z] = [
        i % (2 * side),
        Math.floor(i / (2 * side)) % (2 * side),
        Math.floor(i / (4 * side * side)),
      ];
      out[((z >> 1) * side + (y >> 1)) * side + (x >> 1)]! += finer[i]!;
    }
    levels[level] = out;
  }
  const out: NodeKey[] = [];
  const visit = (level: number, x: number, y: number, z: number): void => {
    const side = 2 ** level;
    const count = levels[level]![(z * side + y) * side + x]!;
    if (count === 0) return;
    if (count <= most || level === countLevel) {
      out.push([level, x, y, z]);
      return;
    }
    for (let child = 0; child < 8; child++)
      visit(level + 1, 2 * x + (child & 1), 2 * y + ((child >> 1) & 1), 2 * z + (child >> 2));
  };
  visit(0, 0, 0, 0);
  return out;
}

/** For every cell of the count the number of the subtree that it lies in, -1 for none. */
export function subtreeByCell(roots: readonly NodeKey[]): Int32Array {
  const out = new Int32Array(countCells).fill(-1);
  for (const [number, [level, x, y, z]] of roots.entries()) {
    const side = 2 ** (countLevel - level);
    for (let c = z * side; c < (z + 1) * side; c++)
      for (let b = y * side; b < (y + 1) * side; b++)
        out.fill(
          number,
          (c * countSide + b) * countSide + x * side,
          (c * countSide + b) * countSide + (x + 1) * side,
        );
  }
  return out;
}

/** A number that looks random and depends on a point's raw place alone. */
function hashOf(x: number, y: number, z: number): number {
  let h = Math.imul(x, 0x9e3779b1) ^ Math.imul(y, 0x85ebca77) ^ Math.imul(z, 0xc2b2ae3d);
  h = Math.imul(h ^ (h >>> 16), 0x7feb352d);
  h = Math.imul(h ^ (h >>> 15), 0x846ca68b);
  return (h ^ (h >>> 16)) >>> 0;
}

export function hashesOf({ count, x, y, z }: Points): Uint32Array {
  const out = new Uint32Array(count);
  for (let i = 0; i < count; i++) out[i] = hashOf(x[i]!, y[i]!, z[i]!);
  return out;
}

/** Of every voxel the rank of its best point so far, and when that was written. One for all subtrees of a thread: 16 MiB that need no clearing. */
let kept: { readonly best: Uint32Array; readonly epochs: Uint32Array } | undefined;
let epoch = 0;
const scratch = () => (kept ??= { best: new Uint32Array(voxels ** 3), epochs: new Uint32Array(voxels ** 3) });
function nextEpoch(): number {
  if (++epoch < 2 ** 32) return epoch;
  kept?.epochs.fill(0);
  return (epoch = 1);
}

/**
 * Gives every point of the subtree below `root` to a node and hands the nodes to `emit`, ancestors of the root first (level 0 on), then depth first; each once, with the ranks of its
 * points in ascending order. `places` and `hashes` are by rank, and ranks are all points of the subtree. A node that has children keeps the point of the least hash of
 * each voxel (the first rank among equals): no voxel of an ancestor reaches out of the subtree, so that it can be sampled here.
 */
export function buildSubtree(
  root: NodeKey,
  { x, y, z }: Places,
  hashes: Uint32Array,
  emit: (key: NodeKey, ranks: Uint32Array) => void,
): void {
  const { best, epochs } = scratch();
  /** Splits ranks into those that a node of a level keeps and the rest; undefined where all lie in one voxel. */
  const sample = (
    level: number,
    ranks: Uint32Array,
  ): { kept: Uint32Array; rest: Uint32Array } | undefined => {
    const shift = placeBits - voxelBits - level;
    const mask = voxels - 1;
    const epoch = nextEpoch();
    const voxel = new Uint32Array(ranks.length);
    let found = 0;
    for (let i = 0; i < ranks.length; i++) {
      const r = ranks[i]!;
      const v =
        ((((z[r]! >> shift) & mask) << voxelBits) | ((y[r]! >> shift) & mask)) * voxels +
        ((x[r]! >> shift) & mask);
      voxel[i] = v;
      if (epochs[v] !== epoch) {
        epochs[v] = epoch;
        best[v] = r;
        found++;
      } else if (hashes[r]! < hashes[best[v]!]!) best[v] = r;
    }
    if (found === 1) return undefined;
    const kept = new Uint32Array(found);
    const rest = new Uint32Array(ranks.length - found);
    let [a, b] = [0, 0];
    for (let i = 0; i < ranks.length; i++) {
      const r = ranks[i]!;
      if (best[voxel[i]!] === r) kept[a++] = r;
      else rest[b++] = r;
    }
    return { kept, rest };
  };
  let left = Uint32Array.from({ length: x.length }, (_, i) => i);
  const [depth, ...at] = root;
  for (let level = 0; level < depth && left.length > 0; level++) {
    const [a, b, c] = at.map((place) => place >> (depth - level)) as [number, number, number];
    const split = sample(level, left);
    const { kept, rest } = split ?? { kept: left.slice(0, 1), rest: left.slice(1) };
    emit([level, a, b, c], kept);
    left = rest as typeof left;
  }
  const build = (key: NodeKey, ranks: Uint32Array): void => {
    if (ranks.length === 0) return;
    const [level, a, b, c] = key;
    const split = ranks.length <= leafPoints || level === deepest ? undefined : sample(level, ranks);
    if (!split) {
      emit(key, ranks);
      return;
    }
    emit(key, split.kept);
    const shift = placeBits - level - 1;
    const { rest } = split;
    const octants = new Uint8Array(rest.length);
    const counts = new Uint32Array(8);
    for (let i = 0; i < rest.length; i++) {
      const r = rest[i]!;
      octants[i] = ((x[r]! >> shift) & 1) | (((y[r]! >> shift) & 1) << 1) | (((z[r]! >> shift) & 1) << 2);
      counts[octants[i]!]!++;
    }
    const children = Array.from(counts, (n) => new Uint32Array(n));
    const next = new Uint32Array(8);
    for (let i = 0; i < rest.length; i++) children[octants[i]!]![next[octants[i]!]!++] = rest[i]!;
    for (const [child, some] of children.entries())
      build([level + 1, 2 * a + (child & 1), 2 * b + ((child >> 1) & 1), 2 * c + (child >> 2)], some);
  };
  build(root, left);
}
