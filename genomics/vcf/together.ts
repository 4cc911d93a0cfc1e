/** Several VCFs of the same samples as one: the header that all of their records need. */
import { BadInput } from '../../core/errors.ts';
import type { Context, Dataset } from '../../core/job.ts';
import { vcfHeadingOf } from '../formats/remembered.ts';
import { parseVcfHeader, structured, type VcfHeader } from '../formats/vcfheader.ts';

/**
 * The header of one file, or of several: all lines of the first one, then those of others that define what is not defined yet.
 * @throws BadInput for files of other samples
 */
export async function headerOfAll(
  files: readonly Dataset[],
  host: Pick<Context, 'open'>,
): Promise<VcfHeader> {
  const headers: VcfHeader[] = [];
  for (const file of files) headers.push((await vcfHeadingOf(file, host)).header);
  const [first] = headers;
  if (headers.length === 1) return first!;
  for (const [i, header] of headers.entries())
    if (header.samples.join('\t') !== first!.samples.join('\t'))
      throw new BadInput(
        `VCF: ${files[i]!.uri} has samples ${header.samples.slice(0, 5).join(', ') || 'none'}, expected those of ${files[0]!.uri}: ${first!.samples.slice(0, 5).join(', ') || 'none'}; put samples side by side with genomics/vcf-merge, or choose them with --samples in a run for each file`,
      );
  const text = `${[...definitionsOf(headers), first!.lines.at(-1)!.replace(/\r$/, '')].join('\n')}\n`;
  return parseVcfHeader(text, files[0]!.uri);
}

/** The lines before that of the columns: all of the first header, then those of others that define what is not defined yet. */
export function definitionsOf(headers: readonly VcfHeader[]): readonly string[] {
  const known = new Set<string>();
  const lines: string[] = [];
  for (const header of headers)
    for (const line of header.lines.slice(0, -1)) {
      const key = keyOf(line);
      if (known.has(key)) continue;
      known.add(key);
      lines.push(line.replace(/\r$/, ''));
    }
  return lines;
}

/** What a line defines: a key by its ID, else the line itself. */
function keyOf(line: string): string {
  const match = /^##([A-Za-z]+)=(<.*)$/.exec(line.trim());
  const id = match ? structured(match[2]!)?.get('ID') : undefined;
  if (id !== undefined) return `${match![1]} ${id}`;
  return line.startsWith('##fileformat=') ? 'fileformat' : line;
}
