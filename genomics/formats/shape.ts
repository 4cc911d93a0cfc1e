/** How large the bins of an index are, and how many levels there are. */
import { BadInput } from '../../core/errors.ts';
import type { Contig } from './bam.ts';
import type { Shape } from './binning.ts';

/** The longest contig whose positions BAI reaches. */
const reach = 2 ** 29;

/**
 * The bins of a BAM's index: those of BAI, or of a CSI that reaches to the end of the longest contig, as samtools sizes it.
 * @throws BadInput for contigs that BAI does not reach
 */
export function shapeOf(
  kind: 'bai' | 'csi',
  contigs: readonly Contig[],
  minShift: number,
  name: string,
): Shape {
  const longest = contigs.reduce((most, { length }) => Math.max(most, length), 0);
  if (kind === 'bai') {
    if (longest > reach)
      throw new BadInput(
        `BAI: found a contig of ${longest} bases in ${name}, expected at most ${reach}; add --format csi`,
      );
    return { minShift: 14, depth: 5 };
  }
  let depth = 0;
  // Reads may reach a little behind the end of their contig.
  while (2 ** (minShift + 3 * depth) < longest + 256) depth++;
  return { minShift, depth };
}
