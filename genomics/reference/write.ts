/** Writes the reports of genomics/reference, each into a file of its own. */
import type { Context, Dataset, Output } from '../../core/job.ts';
import { toGzi } from '../formats/gzi.ts';
import { lettersOf } from '../kernels/kmers.ts';
import { windowsHeader } from './composition.ts';
import { firstOf, toFai } from './outline.ts';
import { type Params, settingsOf } from './settings.ts';
import { readOutline, type Survey } from './survey.ts';

/** `.fai` and, of a bgzipped file, `.gzi`; `.windows.tsv`; `.kmers.tsv` and `.spectrum.tsv`; `.motifs.bed`. */
export async function writeSurvey(
  { windows, words, motifs }: Survey,
  outlined: Dataset,
  fasta: string,
  given: Params,
  output: Output,
  context: Pick<Context, 'open'>,
): Promise<void> {
  const { reports } = settingsOf(given);
  const write = async (suffix: string, text: string): Promise<void> =>
    (await output.file(suffix)).write(Buffer.from(text, 'latin1'));
  if (reports.has('index')) {
    const { outline, sequences } = await readOutline(outlined, fasta, context);
    await write('.fai', toFai(firstOf(sequences)));
    if (outline.blocks) await (await output.file('.gzi')).write(toGzi(outline.blocks));
  }
  if (reports.has('windows')) {
    const sink = await output.file('.windows.tsv');
    await sink.write(Buffer.from(windowsHeader));
    for (const piece of windows) await sink.append(piece);
  }
  if (words) {
    const rows: string[] = ['#kmer\tcount\n'];
    const spectrum = new Map<number, number>();
    words.forEach((count, word) => {
      if (count === 0) return;
      rows.push(`${lettersOf(word, given.k)}\t${count}\n`);
      spectrum.set(count, (spectrum.get(count) ?? 0) + 1);
    });
    await write('.kmers.tsv', rows.join(''));
    const sorted = [...spectrum].sort(([a], [b]) => a - b);
    await write(
      '.spectrum.tsv',
      `#count\tkmers\n${sorted.map(([count, kmers]) => `${count}\t${kmers}\n`).join('')}`,
    );
  }
  if (reports.has('motifs')) {
    const sink = await output.file('.motifs.bed');
    for (const piece of motifs) await sink.append(piece);
  }
}
