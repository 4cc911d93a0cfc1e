/** The units of a genome in which its text is compressed: fixed by the header alone, so that any split of the work gives the same bytes. */

/** Bases of a unit of a long contig; starts of units are multiples of it. */
export const unitSize = 16384;
/** Short contigs, of a unit's length at most, share a unit while their lengths and this cost of each do not exceed the limit. */
const [groupLimit, contigCost] = [4 * unitSize, 64];

/**
 * Contigs in order form groups: a long contig is one by itself and is cut into units; neighbouring short contigs share one,
 * and it is a unit. Gives the end of the group that starts at contig `start` of the list.
 */
export function groupEnd(contigs: readonly { readonly length: number }[], start: number): number {
  let end = start;
  let size = 0;
  while (end < contigs.length) {
    const { length } = contigs[end]!;
    size += length + contigCost;
    if (length > unitSize || size > groupLimit) break;
    end++;
  }
  return Math.max(end, start + 1);
}
