/** What is asked of an index: where to read, and how many records there are. */
import type { Index } from './bai.ts';
import type { Virtual } from './bgzf.ts';

/** Where the first record lies that overlaps the window of a position, or one before it; undefined without records. */
export function startOf({ contigs, window }: Index, id: number, pos: number): Virtual | undefined {
  const { start, block, within } = contigs[id]!;
  if (!start || pos <= 0 || block.length === 0) return start;
  const i = Math.min(Math.floor(pos / window), block.length - 1);
  return [block[i]!, within[i]!];
}

/** The block with the first record known to start at a position or behind it; undefined without one. */
export const nextOf = ({ contigs, window }: Index, id: number, pos: number): number | undefined =>
  contigs[id]!.next[Math.ceil(pos / window)];

/** Placed records of the contigs, if the index tells all. */
export function placedOf(contigs: readonly { readonly id: number }[], index: Index): number | undefined {
  let total = 0;
  for (const { id } of contigs) {
    const { mapped, unmapped } = index.contigs[id]!;
    if (mapped === undefined || unmapped === undefined) return undefined;
    total += mapped + unmapped;
  }
  return total;
}

/** All records of the file, if the index tells. */
export function recordsOf(index: Index): number | undefined {
  const placed = placedOf(
    index.contigs.map((_, id) => ({ id })),
    index,
  );
  return placed === undefined || index.unplaced === undefined ? undefined : placed + index.unplaced;
}
