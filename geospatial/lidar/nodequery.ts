/** Which chunks of a cloud can hold wanted points: those of the nodes of an octree that meet a box and are coarse enough, or all. */
import { BadInput } from '../../core/errors.ts';
import { type CopcInfo, type Entry, infoOf, readHierarchy } from '../formats/copc.ts';
import { pointFormatOf } from '../formats/laz.ts';
import { cutRuns, recordsAtOnce, type Run } from '../formats/points.ts';
import type { NodeKey } from '../kernels/octree.ts';
import type { Cloud } from './clouds.ts';
import type { Box } from './select.ts';

/** A part of the plane, both ends inside, and a distance between points below which none are needed; undefined for all. */
export type Query = { readonly box?: Box | undefined; readonly resolution?: number | undefined };

// Chunks that are not wanted are read over, not asked around, where they are no longer.
const gapBytes = 256 * 1024;

/**
 * Runs of about `split` points that hold all points that a query may want; none where the cloud's bounds do not meet it. Of an octree (COPC) only nodes that can have any.
 * @throws BadInput as readChunks and readHierarchy, and for a resolution where there is no octree
 */
export async function queryRuns(
  { source, las }: Cloud,
  { box, resolution }: Query,
  split: number,
): Promise<Run[]> {
  if (box && !meets(box, { minX: las.min[0], minY: las.min[1], maxX: las.max[0], maxY: las.max[1] }))
    return [];
  const info = infoOf(las);
  if (resolution !== undefined && !info)
    throw new BadInput(
      `COPC: ${las.name} has no octree, which a resolution needs; make one with lidar/index`,
    );
  if (info && (box || resolution !== undefined)) {
    const isWanted = (key: NodeKey): boolean => isNear(key, info, { box, resolution });
    const entries = await readHierarchy(source, las.name, info, isWanted);
    return joinNodes(
      entries.filter(({ key, points }) => points > 0 && isWanted(key)),
      { format: pointFormatOf(las), scale: las.scale, offset: las.offset },
      split,
    );
  }
  // Whole pieces of LAS, as the kernel takes them, whatever the split.
  const size = Math.max(1, Math.round(split / recordsAtOnce)) * recordsAtOnce;
  return cutRuns(source, las, las.laszip ? split : size);
}

const meets = (a: Box, b: Box): boolean =>
  a.minX <= b.maxX && a.maxX >= b.minX && a.minY <= b.maxY && a.maxY >= b.minY;

function isNear(
  [level, x, y]: NodeKey,
  { center, halfsize, spacing }: CopcInfo,
  { box, resolution }: Query,
): boolean {
  // The points of a level are spacing / 2^level apart: finer ones are not needed once they are closer than asked for.
  if (resolution !== undefined && level > 0 && spacing / 2 ** (level - 1) <= resolution) return false;
  if (!box) return true;
  const side = (2 * halfsize) / 2 ** level;
  const [minX, minY] = [center[0] - halfsize + x * side, center[1] - halfsize + y * side];
  return meets(box, { minX, minY, maxX: minX + side, maxY: minY + side });
}

/** Nodes as runs, in the order of the file; neighbours within a gap share one. */
function joinNodes(
  entries: readonly Entry[],
  how: Pick<Run, 'format' | 'scale' | 'offset'>,
  split: number,
): Run[] {
  const order = entries.toSorted((a, b) => a.offset - b.offset);
  const runs: Run[] = [];
  let some: Entry[] = [];
  const flush = (): void => {
    if (some.length === 0) return;
    const [sizes, points, passed]: [number[], number[], number[]] = [[], [], []];
    let at = some[0]!.offset;
    for (const { offset, bytes, points: count } of some) {
      if (offset > at) {
        passed.push(sizes.length);
        sizes.push(offset - at);
        points.push(0);
      }
      sizes.push(bytes);
      points.push(count);
      at = offset + bytes;
    }
    const total = points.reduce((sum, n) => sum + n, 0);
    runs.push({
      ...how,
      first: 0,
      points: total,
      start: some[0]!.offset,
      end: at,
      chunks: { first: 0, sizes, points, passed },
    });
    some = [];
  };
  let total = 0;
  for (const entry of order) {
    const last = some.at(-1);
    if (last && (entry.offset - last.offset - last.bytes > gapBytes || total + entry.points > split)) {
      flush();
      total = 0;
    }
    some.push(entry);
    total += entry.points;
  }
  flush();
  return runs;
}
