/** Writes records that were kept or changed, under the header of the file they came from and the command that did it. */
import type { Context, Output } from '../../core/job.ts';
import type { VcfHeader } from '../formats/vcfheader.ts';
import { writeLines } from '../formats/vcfwriter.ts';
import type { Kept } from './filter.ts';

export async function writeKept(
  kept: Kept,
  output: Output,
  { contigs: known }: VcfHeader,
  text: string,
  job: string,
  given: { readonly [name: string]: string | boolean },
  context: Pick<Context, 'get'>,
  isMoved = false,
): Promise<void> {
  const options = Object.entries(given).flatMap(([name, value]) =>
    value === '' || value === false ? [] : value === true ? [`--${name}`] : [`--${name} '${value}'`],
  );
  const at = text.lastIndexOf('\n#CHROM') + 1;
  const command = `##servermixCommand=${[job, ...options].join(' ')}\n`;
  const contigs = kept.contigs.map((name) => ({ name, length: known.get(name) ?? 0 }));
  await writeLines(kept, output, '', text.slice(0, at) + command + text.slice(at), contigs, context, isMoved);
}
