/** The octree that the stages of lidar/index build: its cube, and the subtrees that are built apart. */
import type { Cube, NodeKey } from '../kernels/octree.ts';
import { plain } from '../rasters/cell.ts';

export type Octree = { readonly cube: Cube; readonly roots: readonly NodeKey[] };

/** What one stage tells the next. */
export const octreeParams = {
  octree: plain<Octree>({ cube: { min: [0, 0, 0], side: 1 }, roots: [] }, 'cube and subtrees'),
};
