/** Writes records that were kept or changed, under the header of the file they came from and the command that did it. */
import type { Context, Output } from '../../core/job.ts';
import type { VcfHeader } from '../formats/vcfheader.ts';
import { type Arrangement, writeLines } from '../formats/vcfwriter.ts';
import type { Kept } from './filter.ts';

/** With `isMoved` contigs are put in the order of the header. */
export async function writeKept(
  kept: Kept,
  output: Output,
  { contigs: known }: VcfHeader,
  text: string,
  job: string,
  given: { readonly [name: string]: string | boolean },
  context: Pick<Context, 'get'>,
  arrangement: Arrangement = {},
): Promise<void> {
  const options = Object.entries(given).flatMap(([name, value]) =>
    value === '' || value === false ? [] : value === true ? [`--${name}`] : [`--${name} '${value}'`],
  );
  const at = text.lastIndexOf('\n#CHROM') + 1;
  const command = `##servermixCommand=${[job, ...options].join(' ')}\n`;
  const order = arrangement.isMoved ? inOrder(kept.contigs, known) : kept.contigs;
  const numbers = kept.contigs.map((name) => order.indexOf(name));
  const lines = { ...kept, contig: kept.contig.map((id) => numbers[id]!) };
  const contigs = order.map((name) => ({ name, length: known.get(name) ?? 0 }));
  await writeLines(
    lines,
    output,
    '',
    text.slice(0, at) + command + text.slice(at),
    contigs,
    context,
    arrangement,
  );
}

/** Contigs that the header defines, in its order, then the others. */
function inOrder(names: readonly string[], known: VcfHeader['contigs']): string[] {
  const wanted = new Set(names);
  return [
    ...[...known.keys()].filter((name) => wanted.has(name)),
    ...names.filter((name) => !known.has(name)),
  ];
}
