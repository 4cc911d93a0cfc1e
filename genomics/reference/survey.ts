/** Looks at the bases of sequences part by part: windows, words and motifs belong to the part in which they begin. */
import { columns } from '../../core/codec.ts';
import type { Context, Dataset, Partition, Planning, Stored } from '../../core/job.ts';
import { type Bases, openBases, type Stretch, stretchAt } from '../formats/fasta.ts';
import { classOf } from '../kernels/classes.ts';
import { countWords } from '../kernels/kmers.ts';
import { createWindows } from './composition.ts';
import { createSites } from './sites.ts';
import { createSpill } from './spill.ts';
import { firstOf, type Named, type Outline, sequencesOf, startsOf } from './outline.ts';
import { type Params, type Settings, settingsOf } from './settings.ts';

/** Bases `[from, to)` of a sequence, and where they lie in the file. */
export type Piece = {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  readonly stretch: Stretch;
};
export type Part = readonly Piece[];

export type Survey = {
  readonly bases: number;
  /** By word; null where they are not asked for. */
  readonly words: Float64Array<ArrayBuffer> | null;
  /** Rows of text, in order. */
  readonly windows: readonly Stored[];
  readonly motifs: readonly Stored[];
};

/** Bases that are looked at in one go. */
const blockSize = 1 << 20;

export const outlineCodec = columns<Outline>();

/** The sequences that genomics/reference found. */
export async function readOutline(
  outlined: Dataset,
  fasta: string,
  host: Pick<Planning, 'open'>,
): Promise<{ outline: Outline; sequences: Named[] }> {
  const source = await host.open(outlined);
  const outline = outlineCodec.decode(await source.read(0, source.size));
  return { outline, sequences: sequencesOf(outline, fasta) };
}

/** Cuts sequences into parts of about `split` bases; short ones share a part. */
export async function planSurvey(
  outlined: Dataset,
  fasta: Dataset,
  { reports }: Settings,
  split: number,
  planning: Planning,
): Promise<Partition<Part>> {
  const { outline, sequences } = await readOutline(outlined, fasta.uri, planning);
  if (reports.size === 1 && reports.has('index')) return { parts: [[]], records: 0 };
  const blocks = outline.blocks && startsOf(outline.blocks);
  const parts: Piece[][] = [];
  let room = 0;
  for (const sequence of sequences)
    for (let from = 0; from < sequence.length;) {
      if (room < 1) {
        parts.push([]);
        room = split;
      }
      const to = Math.min(sequence.length, from + Math.ceil(room));
      const stretch = stretchAt(sequence, blocks, from);
      parts.at(-1)!.push({ name: sequence.name, from, to, stretch });
      room -= to - from;
      from = to;
    }
  const twice = sequences.length - firstOf(sequences).length;
  return {
    parts: parts.length > 0 ? parts : [[]],
    ...(twice === 0
      ? {}
      : {
          notes: [
            `FASTA: ${fasta.uri} has ${twice} sequences under names that it had before; .fai has the first ones only, as samtools faidx does`,
          ],
        }),
    records: sequences.reduce((sum, { length }) => sum + length, 0),
  };
}

/** Looks at the pieces of a part. */
export async function surveyPart(
  part: Part,
  { reference: [fasta] }: { readonly reference: readonly [Dataset] },
  given: Params,
  context: Context,
): Promise<Survey> {
  const { reports, motifs } = settingsOf(given);
  const source = await context.open(fasta);
  const words = reports.has('kmers') ? new Uint32Array(4 ** given.k) : undefined;
  const [windowRows, motifRows] = [createSpill(context), createSpill(context)];
  const sites = reports.has('motifs') ? createSites(motifs, motifRows.text) : undefined;
  const longest = Math.max(1, given.k, ...motifs.map(({ sets }) => sets.length));
  let bases = 0;

  for (const { name, from, to, stretch } of part) {
    const { length } = stretch.sequence;
    const hasWindows = reports.has('windows');
    const windows = createWindows(name, length, given.window, (row) => windowRows.add(row));
    // Windows that begin before the part are not its own; its last one ends behind it.
    const grid = (pos: number): number => Math.min(length, Math.ceil(pos / given.window) * given.window);
    const [first, last] = hasWindows ? [grid(from), grid(to)] : [to, to];
    const held: Bases = openBases(source, fasta.uri, stretch, context.signal, classOf);
    try {
      for (let start = from; start < Math.max(to, last); start += blockSize) {
        context.signal.throwIfAborted();
        const stop = Math.min(start + blockSize, Math.max(to, last));
        await held.hold(start, Math.min(length, stop + longest - 1));
        const { codes, origin } = held;
        const seen = Math.max(start, first);
        if (seen < Math.min(stop, last)) windows.add(codes, seen - origin, seen, Math.min(stop, last) - seen);
        const own = Math.min(stop, to);
        if (start < own) {
          const [low, high, end] = [start - origin, own - origin, held.end - origin];
          if (words) countWords(words, given.k, given.canonical, codes, low, high, end);
          if (sites) sites(name, codes, origin, low, high, end);
        }
        await windowRows.flush();
        await motifRows.flush();
      }
    } finally {
      await held.close();
    }
    bases += to - from;
  }
  return {
    bases,
    words: words ? Float64Array.from(words) : null,
    windows: await windowRows.build(),
    motifs: await motifRows.build(),
  };
}

export function joinSurveys(all: readonly Survey[]): Survey {
  const counted = all.flatMap(({ words }) => words ?? []);
  const words = counted.length > 0 ? new Float64Array(counted[0]!.length) : null;
  for (const some of counted) for (let i = 0; i < some.length; i++) words![i]! += some[i]!;
  return {
    bases: all.reduce((sum, { bases }) => sum + bases, 0),
    words,
    windows: all.flatMap(({ windows }) => windows),
    motifs: all.flatMap(({ motifs }) => motifs),
  };
}
