/** How large the bins of an index are, and how many levels there are: of alignments, and of text. */
import { BadInput } from '../../core/errors.ts';
import type { Source } from '../../core/job.ts';
import type { Contig } from '../formats/bam.ts';
import { inflate } from '../formats/bgzf.ts';
import type { Shape } from '../formats/binning.ts';
import type { Columns } from '../kernels/intervals.ts';

/** The longest contig whose positions BAI reaches. */
const reach = 2 ** 29;

/**
 * The bins of a BAM's index: those of BAI, or of a CSI that reaches to the end of the longest contig, as samtools sizes it.
 * @throws BadInput for contigs that BAI does not reach
 */
export function shapeOfReads(
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

/** The bins: those of TBI, or of a CSI that reaches as far as the header says a contig does, and 2^31 at least, as tabix has it. */
export async function shapeOfLines(
  source: Source,
  name: string,
  isCsi: boolean,
  minShift: number,
  { comment, preset }: Columns,
): Promise<Shape> {
  if (!isCsi) return { minShift: 14, depth: 5 };
  let depth = Math.floor((31 - minShift + 2) / 3);
  let longest = 0;
  const pattern = preset === 'vcf' ? /^##contig.*?length[ =]*(\d+)/ : /^@SQ.*?\tLN:(\d+)/;
  let rest = '';
  read: for await (const bytes of inflate(source, name, [0, 0], undefined, { chunk: 1 << 16, hint: 0 })) {
    const lines = (rest + Buffer.from(bytes).toString('latin1')).split('\n');
    rest = lines.pop()!;
    for (const line of lines) {
      if (line.charCodeAt(0) !== comment) break read;
      if (preset !== 'generic') longest = Math.max(longest, Number(pattern.exec(line)?.[1] ?? 0));
    }
  }
  while (longest + 256 > 2 ** (minShift + 3 * depth)) depth++;
  return { minShift, depth };
}
